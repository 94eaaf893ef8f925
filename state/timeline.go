package state

import (
	"cmp"
	"slices"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state/wire"
)

// A timeline is one customer's events in order, each id once. Its bytes are blocks of entries in the order in which they
// came, which are only ever appended to; the index over them is in the order of the events.
type timeline struct {
	index  []entry
	blocks [][]byte            // the last one is the tail, the others are sealed and never change
	ids    map[uint64]struct{} // fingerprints of index, once it is long; nil before
	cut    bool                // some entry lost properties for their length
}

// entry says where an event's record lies. Equal times are told apart by what the record holds.
type entry struct {
	time       events.Instant
	id         uint64 // what stands for the event, as in a Mark
	content    uint64
	block      uint32
	start, end uint32
}

const (
	sealAt   = 2 << 10 // bytes from which on a tail is sealed
	idsAbove = 48      // entries above which ids is kept, instead of looking at each
)

// placed says what putting an event into a timeline did.
type placed int

const (
	appended  placed = iota // it is the last one
	inserted                // it stands before others
	replaced                // it took the place of a copy that was larger
	duplicate               // a copy that is not larger is there
)

// event reads the i-th event into e.
func (t *timeline) event(i int, e *events.Event) { t.parse(&t.index[i], e) }

// before is the time of the event before the i-th; events.Never if there is none.
func (t *timeline) before(i int) events.Instant {
	if i == 0 {
		return events.Never
	}
	return t.index[i-1].time
}

func (t *timeline) parse(x *entry, e *events.Event) {
	if err := parseEntry(t.blocks[x.block][x.start:x.end], e); err != nil {
		panic("state: an entry that was checked when it was read cannot be parsed") // a bug of ours
	}
}

// put places e, of which packed is what appendEntry wrote if that was done before. changed is the first index from which on the events are others than before.
func (t *timeline) put(e *events.Event, packed []byte) (did placed, changed int) {
	id := identity(e)
	did, changed = appended, len(t.index)
	if old := t.find(id, e); old >= 0 {
		x := &t.index[old]
		if c := cmp.Or(cmp.Compare(e.Time, x.time), cmp.Compare(e.Content, x.content)); c >= 0 {
			return duplicate, len(t.index)
		}
		t.index = slices.Delete(t.index, old, old+1)
		did, changed = replaced, old
	} else if t.ids != nil {
		t.ids[id] = struct{}{}
	}
	x := t.write(e, id, packed)
	at := t.place(e, x.time)
	if at < len(t.index) && did == appended {
		did = inserted
	}
	t.index = slices.Insert(t.index, at, x)
	t.remember()
	return did, min(at, changed)
}

// find is the index of the copy of an event, or -1.
func (t *timeline) find(fingerprint uint64, of *events.Event) int {
	if t.ids != nil {
		if _, ok := t.ids[fingerprint]; !ok {
			return -1
		}
	}
	var e events.Event
	for i := range t.index {
		if t.index[i].id != fingerprint {
			continue
		}
		if t.event(i, &e); e.Source == of.Source && e.ID == of.ID && e.Type.OfWorld() == of.Type.OfWorld() {
			return i
		}
	}
	return -1
}

// write appends the record of e to the tail.
func (t *timeline) write(e *events.Event, id uint64, packed []byte) entry {
	if n := len(t.blocks); n == 0 || len(t.blocks[n-1]) >= sealAt {
		t.blocks = append(t.blocks, nil)
	}
	n := len(t.blocks) - 1
	b, m := wire.Begin(t.blocks[n], blockEntry)
	if packed != nil {
		b = append(b, packed...)
	} else {
		b = appendEntry(b, e)
	}
	size := len(b) - int(m)
	b = wire.End(b, m)
	t.cut = t.cut || e.Cut
	t.blocks[n] = b
	return entry{time: e.Time, id: id, content: e.Content, block: uint32(n), start: uint32(len(b) - size), end: uint32(len(b))}
}

// place is the index at which e belongs.
func (t *timeline) place(e *events.Event, at events.Instant) int {
	n := len(t.index)
	if n == 0 || t.index[n-1].time < at {
		return n
	}
	var other events.Event
	o := orderOf(e)
	i, _ := slices.BinarySearchFunc(t.index, at, func(x entry, at events.Instant) int { return cmp.Compare(x.time, at) })
	for ; i < n && t.index[i].time == at; i++ {
		if t.event(i, &other); o.compare(orderOf(&other)) < 0 {
			break
		}
	}
	return i
}

// at is the index of the first event at or after an instant.
func (t *timeline) at(at events.Instant) int {
	i, _ := slices.BinarySearchFunc(t.index, at, func(x entry, at events.Instant) int { return cmp.Compare(x.time, at) })
	return i
}

// sealed is how many blocks will never change again.
func (t *timeline) sealed() int {
	if n := len(t.blocks); n > 0 && len(t.blocks[n-1]) < sealAt {
		return n - 1
	}
	return len(t.blocks)
}

// blockEntry is the one field of a block, repeated.
const blockEntry wire.Field = 1

// load takes the next block as it was stored. The order of blocks is that in which they were written.
func (t *timeline) load(block []byte) error {
	n := uint32(len(t.blocks))
	t.blocks = append(t.blocks, block)
	r := wire.NewReader(block)
	var e events.Event
	for f, ok := r.Next(); ok; f, ok = r.Next() {
		if f != blockEntry {
			return wire.ErrCorrupt
		}
		record := r.Bytes()
		if err := parseEntry(record, &e); err != nil {
			return err
		}
		end := len(block) - r.Left()
		t.index = append(t.index, entry{time: e.Time, id: identity(&e), content: e.Content,
			block: n, start: uint32(end - len(record)), end: uint32(end)})
	}
	return r.Err()
}

// settle sorts what was loaded. Of copies the last one written counts, for only a smaller one is ever written.
func (t *timeline) settle() {
	at := make(map[uint64]int, len(t.index))
	kept := t.index[:0]
	for _, x := range t.index {
		if i, ok := at[x.id]; ok {
			kept[i] = x
			continue
		}
		at[x.id] = len(kept)
		kept = append(kept, x)
	}
	t.index = kept
	var a, b events.Event
	slices.SortFunc(t.index, func(x, y entry) int {
		if c := cmp.Compare(x.time, y.time); c != 0 {
			return c
		}
		t.parse(&x, &a)
		t.parse(&y, &b)
		return orderOf(&a).compare(orderOf(&b))
	})
	t.remember()
}

// remember builds ids once the index is long.
func (t *timeline) remember() {
	if t.ids != nil || len(t.index) <= idsAbove {
		return
	}
	t.ids = make(map[uint64]struct{}, len(t.index))
	for i := range t.index {
		t.ids[t.index[i].id] = struct{}{}
	}
}

// bytes is about how much memory t takes.
func (t *timeline) bytes() int {
	n := 40*cap(t.index) + 24*cap(t.blocks) + 28*len(t.ids)
	for _, b := range t.blocks {
		n += cap(b)
	}
	return n
}
