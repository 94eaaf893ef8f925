package rules

import (
	"encoding/binary"
	"slices"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state"
	"github.com/touchfold/touchfold/state/wire"
)

// wants is the last matches of values, as many of each as are needed, in order of what stands for a value. There is not a
// pointer in them for the collector to follow: whoever looks at many products has hundreds.
type wants struct {
	keys  []uint64
	marks []state.Mark // as many for each key as are needed, in order; the first ones are zero as long as there are fewer
}

// keyOfValue stands for a value.
func keyOfValue(value string) uint64 { return state.Fingerprint("value", value) }

func (w *wants) find(key uint64) (int, bool) { return slices.BinarySearch(w.keys, key) }

// of is the matches of a value, of which need are needed.
func (w *wants) of(i, need int) []state.Mark { return w.marks[i*need : (i+1)*need] }

// last is when the last match of a value was.
func (w *wants) last(i, need int) state.Mark { return w.marks[(i+1)*need-1] }

// add notes a match that is not before any other. Those go whose last is before since, now and then, and the oldest where
// there are too many.
func (w *wants) add(key uint64, m state.Mark, need int, since events.Instant) {
	i, found := w.find(key)
	if !found {
		if len(w.keys)%16 == 0 {
			w.drop(need, func(j int) bool { return w.last(j, need).Time < since })
			i, _ = w.find(key)
		}
		w.keys = slices.Insert(w.keys, i, key)
		w.marks = append(w.marks, make([]state.Mark, need)...)
		copy(w.marks[(i+1)*need:], w.marks[i*need:])
		clear(w.of(i, need))
	}
	marks := w.of(i, need)
	copy(marks, marks[1:])
	marks[need-1] = m
	if len(w.keys) <= mostValues {
		return
	}
	oldest := 0
	for j := range w.keys {
		if precedes(w.last(j, need), w.last(oldest, need)) {
			oldest = j
		}
	}
	w.delete(oldest, need)
}

func (w *wants) delete(i, need int) {
	w.keys = slices.Delete(w.keys, i, i+1)
	w.marks = slices.Delete(w.marks, i*need, (i+1)*need)
}

// drop deletes those that are over.
func (w *wants) drop(need int, over func(i int) bool) {
	kept := 0
	for i := range w.keys {
		if over(i) {
			continue
		}
		if kept < i {
			w.keys[kept] = w.keys[i]
			copy(w.of(kept, need), w.of(i, need))
		}
		kept++
	}
	w.keys, w.marks = w.keys[:kept], w.marks[:kept*need]
}

// keep deletes all but one.
func (w *wants) keep(key uint64, need int) {
	w.drop(need, func(i int) bool { return w.keys[i] != key })
}

// append writes each as its key, how many matches it has, and these.
func (w *wants) append(b []byte, need int) []byte {
	for i, key := range w.keys {
		marks := w.of(i, need)
		for marks[0].ID == 0 {
			marks = marks[1:]
		}
		b = binary.BigEndian.AppendUint64(b, key)
		b = binary.AppendUvarint(b, uint64(len(marks)))
		for _, m := range marks {
			b = binary.BigEndian.AppendUint64(b, m.ID)
			b = binary.AppendUvarint(b, uint64(m.Time))
		}
	}
	return b
}

func (w *wants) parse(b []byte, need int) error {
	for len(b) > 0 {
		key, rest, ok := cutFixed(b)
		count, n := binary.Uvarint(rest)
		if !ok || n <= 0 || count == 0 || count > uint64(need) || len(w.keys) > 0 && w.keys[len(w.keys)-1] >= key {
			return wire.ErrCorrupt
		}
		b = rest[n:]
		w.keys = append(w.keys, key)
		w.marks = append(w.marks, make([]state.Mark, need-int(count))...)
		for range count {
			id, rest, ok := cutFixed(b)
			at, n := binary.Uvarint(rest)
			if !ok || id == 0 || n <= 0 {
				return wire.ErrCorrupt
			}
			w.marks = append(w.marks, state.Mark{Time: events.Instant(at), ID: id})
			b = rest[n:]
		}
	}
	return nil
}

func cutFixed(b []byte) (v uint64, rest []byte, ok bool) {
	if len(b) < 8 {
		return 0, nil, false
	}
	return binary.BigEndian.Uint64(b), b[8:], true
}
