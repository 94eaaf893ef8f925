package state

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state/wire"
)

// An event of the catalogue or of the world is of no customer. Whom it meets, him it becomes a part of: it stands on his
// timeline, behind the touchpoints of its instant, and is folded as these are, late or not. So what follows from it needs
// nothing but the timeline, and it is enough that each event comes to all whom it may meet: to those who had shown an
// interest, when it comes, and to whoever turns out to have had, when that touchpoint comes. See Happenings.

// An Interest is what customers may care for: what asks, and for which value, each as a fingerprint.
type Interest struct{ Asks, Value uint64 }

// Compare orders interests.
func (i Interest) Compare(o Interest) int {
	return cmp.Or(cmp.Compare(i.Asks, o.Asks), cmp.Compare(i.Value, o.Value))
}

// World is what a feature makes of events of the world. All of it is pure.
type World[S any] struct {
	Worldly
	// Meets tells whether e, one of the world, meets s, which holds all up to it. If so it is folded; of one that does not
	// nothing is seen.
	Meets func(s *S, e *events.Event) bool
}

// Worldly is what of it concerns no customer.
type Worldly struct {
	// Asks are the values that Interest.Asks has.
	Asks []uint64
	// Interests are what a customer's event shows to be of interest to him, each up to before an instant.
	Interests func(e *events.Event, say func(i Interest, until events.Instant))
	// Offers are the interests that an event of the world may meet.
	Offers func(e *events.Event, say func(i Interest))
	// Remembers is until when an event of the world of an instant can still change what is said; a later one not sooner.
	Remembers func(at events.Instant) events.Instant
}

// identity stands for an event on a timeline. Those of the world have ids of their own.
func identity(e *events.Event) uint64 {
	if e.Type.OfWorld() {
		return Fingerprint("world\xff"+e.Source, e.ID) // 0xff is in no source
	}
	return Fingerprint(e.Source, e.ID)
}

// Worldly reports whether the table reads events of the world at all.
func (t *Table) Worldly() bool { return len(t.worlds) > 0 }

// Interests says what a customer's event shows to be of interest to him, each up to before an instant.
func (t *Table) Interests(e *events.Event, say func(i Interest, until events.Instant)) {
	for _, f := range t.worlds {
		t.abouts[f].world.Interests(e, say)
	}
}

// Offers is the interests that an event of the world may meet, in order and each once.
func (t *Table) Offers(e *events.Event) (all []Interest) {
	for _, f := range t.worlds {
		t.abouts[f].world.Offers(e, func(i Interest) { all = append(all, i) })
	}
	slices.SortFunc(all, Interest.Compare)
	return slices.Compact(all)
}

// Remembers is until when an event of the world that happened at an instant is to be known; 0: never.
func (t *Table) Remembers(at events.Instant) (until events.Instant) {
	for _, f := range t.worlds {
		until = max(until, t.abouts[f].world.Remembers(at))
	}
	return until
}

// meets reports whether an event of the world meets a customer.
func (t *Table) meets(states []any, e *events.Event) bool {
	return slices.ContainsFunc(t.worlds, func(f int) bool { return t.features[f].meets(states[f], e) })
}

// Asks reports whether some feature asks so: see Interest.
func (t *Table) Asks(asks uint64) bool {
	return slices.ContainsFunc(t.worlds, func(f int) bool { return slices.Contains(t.abouts[f].world.Asks, asks) })
}

// Happenings are the events of the world that can still meet somebody of whom a touchpoint comes late. They belong to one
// goroutine.
type Happenings struct {
	table *Table
	byID  map[uint64]*Happened
	by    map[Interest][]*Happened // in order
}

// Happened is an event of the world. It is never modified.
type Happened struct {
	Mark
	Content uint64
	Packed  []byte     // as AppendPacked has it
	Of      []Interest // that it may meet, in order; none of one that no rule asks for, but of which a copy may be other
	Gone    []Interest // that a copy might have met whose place it took
}

// NewHappenings is none yet.
func (t *Table) NewHappenings() *Happenings {
	return &Happenings{table: t, byID: map[uint64]*Happened{}, by: map[Interest][]*Happened{}}
}

// Put takes an event of the world at an instant; of copies that differ the smallest counts. It returns the one that counts,
// nil if it came too late, and the one that counted before. e may be shortened, and is not kept.
func (w *Happenings) Put(e *events.Event, at events.Instant) (h, was *Happened) {
	if w.table.Remembers(e.Time) <= at {
		return nil, nil
	}
	h = &Happened{Mark: MarkOf(e), Content: e.Content, Packed: AppendPacked(nil, e)} // which may shorten it
	h.Of = w.table.Offers(e)
	old := w.byID[h.ID]
	if old != nil {
		if c := cmp.Or(cmp.Compare(h.Time, old.Time), cmp.Compare(h.Content, old.Content)); c >= 0 {
			return old, old
		}
		h.Gone = append(slices.Clone(old.Of), old.Gone...)
		w.remove(old)
	}
	w.add(h)
	return h, old
}

// The fields of a row of the world.
const (
	happenedPacked wire.Field = 1
	happenedGone   wire.Field = 2
)

// AppendRow writes h down.
func (h *Happened) AppendRow(b []byte) []byte {
	b = wire.AppendBytes(b, happenedPacked, h.Packed)
	return wire.AppendBytes(b, happenedGone, AppendInterests(nil, h.Gone))
}

// Load takes what AppendRow wrote, and keeps it.
func (w *Happenings) Load(row []byte) error {
	h := &Happened{}
	var err error
	r := wire.NewReader(row)
	for f, ok := r.Next(); ok && err == nil; f, ok = r.Next() {
		switch f {
		case happenedPacked:
			h.Packed = r.Bytes()
		case happenedGone:
			h.Gone, err = ParseInterests(r.Bytes())
		}
	}
	var e events.Event
	if err == nil {
		err = r.Err()
	}
	if err == nil {
		err = Unpack(h.Packed, &e)
	}
	if err != nil {
		return fmt.Errorf("read an event of the world: %w", err)
	}
	h.Mark, h.Content, h.Of = MarkOf(&e), e.Content, w.table.Offers(&e)
	w.add(h)
	return nil
}

// Under is the happenings where another table is in force.
func (w *Happenings) Under(t *Table) *Happenings {
	next := t.NewHappenings()
	for _, h := range w.byID {
		if err := next.Load(h.AppendRow(nil)); err != nil {
			panic("state: what was packed cannot be unpacked") // a bug of ours
		}
	}
	return next
}

// AppendInterests writes interests, 16 bytes each.
func AppendInterests(b []byte, all []Interest) []byte {
	for _, i := range all {
		b = binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(b, i.Asks), i.Value)
	}
	return b
}

// ParseInterests reads them.
func ParseInterests(b []byte) (all []Interest, err error) {
	if len(b)%16 != 0 {
		return nil, wire.ErrCorrupt
	}
	for ; len(b) > 0; b = b[16:] {
		all = append(all, Interest{binary.BigEndian.Uint64(b), binary.BigEndian.Uint64(b[8:])})
	}
	return all, nil
}

// Find is the event for which an id of a Mark stands; nil if it is not known.
func (w *Happenings) Find(id uint64) *Happened { return w.byID[id] }

// Meets calls f with each event that may meet an interest that a customer's event shows, in order, each once; as of an
// instant at which others are no longer remembered.
func (w *Happenings) Meets(e *events.Event, at events.Instant, f func(h *Happened)) {
	var found []*Happened
	w.table.Interests(e, func(i Interest, until events.Instant) {
		list := w.by[i]
		n, _ := slices.BinarySearchFunc(list, e.Time, func(h *Happened, t events.Instant) int { return cmp.Compare(h.Time, t) })
		for _, h := range list[n:] {
			if h.Time < until && w.table.Remembers(h.Time) > at && !slices.Contains(found, h) {
				found = append(found, h)
			}
		}
	})
	slices.SortFunc(found, (*Happened).compare)
	for _, h := range found {
		f(h)
	}
}

// Forget drops what is no longer remembered at an instant, and returns it in order.
func (w *Happenings) Forget(at events.Instant) (gone []*Happened) {
	for _, h := range w.byID {
		if w.table.Remembers(h.Time) <= at {
			w.remove(h)
			gone = append(gone, h)
		}
	}
	slices.SortFunc(gone, (*Happened).compare)
	return gone
}

func (w *Happenings) add(h *Happened) {
	w.byID[h.ID] = h
	for _, i := range h.Of {
		n, _ := slices.BinarySearchFunc(w.by[i], h, (*Happened).compare)
		w.by[i] = slices.Insert(w.by[i], n, h)
	}
}

func (w *Happenings) remove(h *Happened) {
	delete(w.byID, h.ID)
	for _, i := range h.Of {
		if list := slices.DeleteFunc(w.by[i], func(x *Happened) bool { return x == h }); len(list) > 0 {
			w.by[i] = list
		} else {
			delete(w.by, i)
		}
	}
}

func (h *Happened) compare(o *Happened) int {
	return cmp.Or(cmp.Compare(h.Time, o.Time), cmp.Compare(h.ID, o.ID))
}
