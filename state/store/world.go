package store

import (
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state"
)

// interests is who showed an interest in what, up to before an instant, and which events of the world are remembered; here
// is what is not on disk yet. Rows that are ahead of the positions do no harm: who is listed for nothing is looked at for
// nothing, and an event that comes again is known.
type interests struct {
	noted, flown map[state.Interest]map[events.CustomerID]events.Instant // 0: the row is to be deleted; flown: in flight
	happened     map[string][]byte                                       // by key; nil: to be deleted
	swept        []byte                                                  // where Sweep goes on
}

// noteBytes is about what a note takes beside its customer's id.
const noteBytes = 64

// interestKey needs no mark before id: what stands there has one length.
func interestKey(b []byte, i state.Interest, id events.CustomerID) []byte {
	return append(state.AppendInterests(append(b, kindInterest), []state.Interest{i}), id...)
}

const interestPrefix = 1 + 16

// parseInterestKey is false for a key that this package did not write.
func parseInterestKey(key []byte) (i state.Interest, id events.CustomerID, ok bool) {
	if len(key) <= interestPrefix || key[0] != kindInterest {
		return i, "", false
	}
	all, err := state.ParseInterests(key[1:interestPrefix])
	return all[0], events.CustomerID(key[interestPrefix:]), err == nil
}

func happenedKey(b []byte, m state.Mark) []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(append(b, kindHappened), uint64(m.Time)), m.ID)
}

// Note notes an interest of a customer, up to before an instant, which is not before one that was noted earlier.
func (s *Store) Note(i state.Interest, id events.CustomerID, until events.Instant) {
	if s.noted == nil {
		s.noted = map[state.Interest]map[events.CustomerID]events.Instant{}
	}
	of := s.noted[i]
	if of == nil {
		of = map[events.CustomerID]events.Instant{}
		s.noted[i] = of
	}
	if _, known := of[id]; !known {
		s.dirtyBytes += noteBytes + len(id)
	}
	of[events.CustomerID(strings.Clone(string(id)))] = until // of a known one too: a map keeps the key that was assigned last
}

// Interested is who has an interest at an instant, some after a customer's id in order; next is where to go on, "" at the
// end.
func (s *Store) Interested(i state.Interest, at events.Instant, after events.CustomerID, most int) (ids []events.CustomerID,
	next events.CustomerID, err error) {
	until, n := map[events.CustomerID]events.Instant{}, 0
	v := s.disk.view()
	defer v.discard()
	prefix := interestKey(nil, i, "")
	err = v.ascend(prefix, append(interestKey(nil, i, after), 0), func(key, value []byte) (bool, error) {
		_, id, ok := parseInterestKey(key)
		if !ok || len(value) != 8 {
			return false, s.errDamagedInterests()
		}
		id = events.CustomerID(strings.Clone(string(id)))
		until[id] = events.Instant(binary.BigEndian.Uint64(value))
		if n++; n == most {
			next = id
		}
		return n < most, nil
	})
	for _, list := range [...]map[events.CustomerID]events.Instant{s.flown[i], s.noted[i]} {
		for id, end := range list {
			if id > after && (next == "" || id <= next) {
				until[id] = end
			}
		}
	}
	maps.DeleteFunc(until, func(_ events.CustomerID, end events.Instant) bool { return end <= at })
	return slices.Sorted(maps.Keys(until)), next, err
}

func (s *Store) errDamagedInterests() error {
	return damaged(fmt.Errorf("read the index of interests of shard %d in %s: a row makes no sense", s.config.Shard, s.config.Dir))
}

// Happen has an event of the world be remembered; Forget does away with one.
func (s *Store) Happen(h *state.Happened) { s.happen(h, h.AppendRow(nil)) }

// Forget has an event of the world not be remembered any more.
func (s *Store) Forget(h *state.Happened) { s.happen(h, nil) }

func (s *Store) happen(h *state.Happened, row []byte) {
	if s.happened == nil {
		s.happened = map[string][]byte{}
	}
	s.happened[string(happenedKey(nil, h.Mark))] = row
	s.dirtyBytes += noteBytes + len(row)
}

// Happenings reads the events of the world that are on disk. Call it before any happens.
func (s *Store) Happenings() (*state.Happenings, error) {
	w := s.config.Table.NewHappenings()
	v := s.disk.view()
	defer v.discard()
	err := v.ascend([]byte{kindHappened}, nil, func(_, value []byte) (bool, error) {
		return true, w.Load(slices.Clone(value))
	})
	if err != nil {
		return nil, fmt.Errorf("read the store of shard %d in %s: %w", s.config.Shard, s.config.Dir, damaged(err))
	}
	return w, nil
}

// Sweep looks at some more rows of the index of interests, round and round, and has those deleted by the next checkpoint
// that are not to be kept.
func (s *Store) Sweep(most int, keep func(i state.Interest, until events.Instant) bool) error {
	v := s.disk.view()
	defer v.discard()
	n := 0
	from := s.swept
	s.swept = nil
	return v.ascend([]byte{kindInterest}, from, func(key, value []byte) (bool, error) {
		if n++; n > most {
			s.swept = slices.Clone(key)
			return false, nil
		}
		i, id, ok := parseInterestKey(key)
		if !ok || len(value) != 8 {
			return false, s.errDamagedInterests()
		}
		_, noted := s.noted[i][id]
		_, flies := s.flown[i][id]
		if !noted && !flies && !keep(i, events.Instant(binary.BigEndian.Uint64(value))) {
			s.Note(i, id, 0)
		}
		return true, nil
	})
}

// takeWorld is what the next checkpoint writes of all this, in order.
func (s *Store) takeWorld() (all []write) {
	for i, of := range s.noted {
		for id, until := range of {
			w := write{key: interestKey(nil, i, id), delete: until == 0}
			if !w.delete {
				w.value = binary.BigEndian.AppendUint64(nil, uint64(until))
			}
			all = append(all, w)
		}
	}
	for key, row := range s.happened {
		all = append(all, write{key: []byte(key), value: row, delete: row == nil})
	}
	s.flown, s.noted, s.happened = s.noted, nil, nil
	slices.SortFunc(all, func(a, b write) int { return strings.Compare(string(a.key), string(b.key)) })
	return all
}
