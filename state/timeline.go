package state

import (
	"cmp"
	"encoding/binary"
	"slices"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state/wire"
)

// A timeline is one customer's events in order, each id once. Its bytes are blocks of entries in the order in which they
// came, which are only ever appended to; the index over them is in the order of the events. The first of the closed blocks
// need not be in memory: then index is the events of the others. For an event that does not come after all of theirs, more
// of them are read, from the end on, until it does.
type timeline struct {
	index   []entry        // of what is in memory
	blocks  [][]byte       // those from away on; the last one, if it is not closed, is the tail
	closed  int            // the first so many blocks never change again
	away    int            // the first so many blocks are not in memory
	gone    int            // how many events these hold, but for those of which the others have a smaller copy
	upTo    events.Instant // the time of the last of them
	mixed   bool           // not every event of the tail came last
	revised bool           // a closed block has a copy that a smaller one replaced: what blocks say of those before them is not to be used
	cut     bool           // some entry lost properties for their length
	feet    []foot         // of closed blocks in memory
	base    int            // the last block with a foot, counted from 1; 0: there is none
	baseTo  events.Instant // the time of the last event then; events.Never once one came that is not later, or took a copy's place

	places    places   // of closed blocks; one that was closed since Seal has none yet
	ids       idFilter // of all entries
	closedIDs int      // of those in closed blocks, the first so many
}

// entry says where an event's record lies. Equal times are told apart by what the record holds.
type entry struct {
	time       events.Instant
	id         uint64 // what stands for the event, as in a Mark
	content    uint64
	block      uint32
	start, end uint32
}

// foot is what was known when a block was closed: after all events of this block and of those before it.
type foot struct {
	block  int
	states []byte // part of the block
	ids    []byte // of all entries, part of the block
}

const (
	sealAt   = 1 << 10  // bytes from which on a tail is closed when it is written down
	maxBlock = 64 << 10 // and at once
)

// placed says what putting an event into a timeline did.
type placed int

const (
	appended  placed = iota // it is the last one
	inserted                // it stands before others
	replaced                // it took the place of a copy that was larger
	duplicate               // a copy that is not larger is there
)

// count is how many events there are.
func (t *timeline) count() int { return t.gone + len(t.index) }

// at is the i-th event's entry, if from(i) is in memory.
func (t *timeline) at(i int) *entry { return &t.index[i-t.gone] }

// has: the events from the i-th on are in memory, and index has them in that order.
func (t *timeline) has(i int) bool {
	return t.away == 0 || i >= t.gone && (i == t.count() || t.at(i).time > t.upTo)
}

// event reads the i-th event into e.
func (t *timeline) event(i int, e *events.Event) { t.parse(t.at(i), e) }

// last is the time of the last event; 0 if there is none.
func (t *timeline) last() events.Instant {
	if n := len(t.index); n > 0 {
		return max(t.upTo, t.index[n-1].time)
	}
	return t.upTo
}

// before is the time of the event before the i-th, if t has that; events.Never if there is none.
func (t *timeline) before(i int) events.Instant {
	switch i {
	case 0:
		return events.Never
	case t.gone:
		return t.upTo
	}
	return max(t.upTo, t.at(i-1).time)
}

func (t *timeline) parse(x *entry, e *events.Event) {
	if err := parseEntry(t.blocks[int(x.block)-t.away][x.start:x.end], e); err != nil {
		panic("state: an entry that was checked when it was read cannot be parsed") // a bug of ours
	}
}

// idOf is the id of an entry's event.
func (t *timeline) idOf(x *entry) string { return idOf(t.blocks[int(x.block)-t.away][x.start:x.end]) }

// needs: to put an event of that id and time more of t must be in memory.
func (t *timeline) needs(e *events.Event, id uint64) bool {
	return t.away > 0 && (e.Time <= t.upTo || t.ids.has(id) && t.find(id, e) < 0)
}

// put places e, whose fingerprint is id, and of which packed is what appendEntry wrote if that was done before. changed is
// the first index from which on the events are others than before.
func (t *timeline) put(e *events.Event, id uint64, packed []byte) (did placed, changed int) {
	did, changed = appended, t.count()
	if old := t.find(id, e); old >= 0 {
		x := &t.index[old]
		if c := cmp.Or(cmp.Compare(e.Time, x.time), cmp.Compare(e.Content, x.content)); c >= 0 {
			return duplicate, changed
		}
		t.revised = t.revised || int(x.block) < t.closed
		t.index = slices.Delete(t.index, old, old+1)
		did, changed = replaced, t.gone+old
	}
	x := t.write(e, id, packed)
	at := t.place(e, x.time)
	if at < len(t.index) && did == appended {
		did = inserted
	}
	t.mixed = t.mixed || did != appended
	if did == replaced || did == inserted && x.time <= t.baseTo {
		t.baseTo = events.Never
	}
	t.index = slices.Insert(t.index, at, x)
	return did, min(t.gone+at, changed)
}

// find is the place in index of the copy of an event, or -1.
func (t *timeline) find(fingerprint uint64, of *events.Event) int {
	if !t.ids.has(fingerprint) {
		return -1
	}
	var e events.Event
	for i := range t.index {
		if t.index[i].id != fingerprint {
			continue
		}
		if t.parse(&t.index[i], &e); e.Source == of.Source && e.ID == of.ID && e.Type.OfWorld() == of.Type.OfWorld() {
			return i
		}
	}
	return -1
}

// write appends the record of e to the tail.
func (t *timeline) write(e *events.Event, id uint64, packed []byte) entry {
	if t.away+len(t.blocks) == t.closed {
		t.blocks = append(t.blocks, nil)
	}
	n := len(t.blocks) - 1
	b := t.room(t.blocks[n])
	if len(b) == 0 && t.closed > 0 {
		b = wire.AppendUint(b, blockAfter, uint64(t.last())+1)
	}
	b, m := wire.Begin(b, blockEntry)
	if packed != nil {
		b = append(b, packed...)
	} else {
		b = appendEntry(b, e)
	}
	size := len(b) - int(m)
	b = wire.End(b, m)
	t.cut = t.cut || e.Cut
	t.blocks[n] = b
	t.ids.add(id)
	return entry{time: e.Time, id: id, content: e.Content, block: uint32(t.away + n), start: uint32(len(b) - size), end: uint32(len(b))}
}

// usualEntry is more bytes than most entries have.
const usualEntry = 192

// room is a tail with room for an entry. Whose timeline has a closed block will fill another.
func (t *timeline) room(tail []byte) []byte {
	switch {
	case cap(tail)-len(tail) >= usualEntry:
		return tail
	case len(tail) == 0 && t.closed > 0:
		return make([]byte, 0, sealAt+usualEntry)
	}
	return slices.Grow(tail, max(2*usualEntry, len(tail)))
}

// close closes the tail, with states as what they are after all events; nil: without.
func (t *timeline) close(states []byte) {
	if n := len(t.blocks) - 1; states != nil {
		ids := t.ids.appendTo(nil, t.ids.len())
		b := slices.Grow(t.blocks[n], len(states)+len(ids)+2*binary.MaxVarintLen64)
		b = wire.AppendBytes(b, blockStates, states)
		f := foot{block: t.away + n, states: b[len(b)-len(states):]}
		b = wire.AppendBytes(b, blockIDs, ids)
		f.ids = b[len(b)-len(ids):]
		t.blocks[n] = b
		t.feet = append(t.feet, f)
		t.base, t.baseTo = f.block+1, t.last()
	}
	t.closed, t.closedIDs, t.mixed = t.away+len(t.blocks), t.ids.len(), false
}

// based: what a foot does not say follows from what came behind it.
func (t *timeline) based() bool { return t.base > 0 && t.baseTo != events.Never && !t.revised }

// sinceBase is all ids from those of a foot on, in the order in which they came, of a timeline with all of these blocks in memory.
func (t *timeline) sinceBase(f *foot) (ids idFilter, ok bool) {
	since := make([]entry, 0, len(t.index))
	for _, x := range t.index {
		if int(x.block) > f.block {
			since = append(since, x)
		}
	}
	slices.SortFunc(since, func(a, b entry) int { return cmp.Or(cmp.Compare(a.block, b.block), cmp.Compare(a.start, b.start)) })
	if ok = ids.load(f.ids); !ok {
		return ids, false
	}
	for i := range since {
		ids.add(since[i].id)
	}
	return ids, true
}

// stand is the newest of the states that blocks in memory have which is of the first i events or fewer, and of how many: no event
// of a later block came in between. 0: there is none.
func (t *timeline) stand(i int) (n int, states []byte) {
	if t.revised {
		return 0, nil
	}
	for _, f := range t.feet {
		k := 0
		for k < len(t.index) && int(t.index[k].block) <= f.block {
			k++
		}
		at := t.gone + k
		later := !slices.ContainsFunc(t.index[k:], func(x entry) bool { return int(x.block) <= f.block })
		if later && at > n && at <= i {
			n, states = at, f.states
		}
	}
	return n, states
}

// tail is the bytes of the block that is not closed.
func (t *timeline) tail() []byte {
	if t.closed == t.away+len(t.blocks) {
		return nil
	}
	return t.blocks[len(t.blocks)-1]
}

// rest is what index is without the first so many blocks, how many events these hold, and the time of the last of them.
func (t *timeline) rest(from int) (index []entry, gone int, upTo events.Instant) {
	k := 0 // so many of these blocks' entries stand before all others
	for k < len(t.index) && int(t.index[k].block) < from {
		k++
	}
	upTo = t.upTo
	if k > 0 {
		upTo = max(upTo, t.index[k-1].time)
	}
	index = t.index[k:]
	if t.mixed || from < t.closed {
		index = nil
		for _, x := range t.index[k:] {
			if int(x.block) < from {
				upTo = max(upTo, x.time)
			} else {
				index = append(index, x)
			}
		}
	}
	return index, t.count() - len(index), upTo
}

// forget leaves the first so many blocks, closed ones, to be read when they are needed.
func (t *timeline) forget(from int) {
	index, gone, upTo := t.rest(from)
	t.index, t.gone, t.upTo = slices.Clone(index), gone, upTo
	t.blocks = slices.Clone(t.blocks[from-t.away:])
	t.feet = slices.DeleteFunc(t.feet, func(f foot) bool { return f.block < from })
	t.away = from
}

// first is the first block with one of the events from the i-th on.
func (t *timeline) first(i int) int {
	from := t.closed
	for _, x := range t.index[i-t.gone:] {
		from = min(from, int(x.block))
	}
	return from
}

// back has read give the last n of the blocks that are not in memory to load, in order. false: read did.
func (t *timeline) back(n int, read func(n int, place uint64) bool) bool {
	count, away, index, blocks := t.count(), t.away, t.index, t.blocks
	t.away -= n
	t.index, t.blocks = make([]entry, 0, len(index)+min(t.gone, 16*n, 1<<20)), make([][]byte, 0, len(blocks)+min(n, 1<<16))
	t.gone, t.upTo = 0, 0
	place := t.places.next()
	for range min(t.away, t.places.n) {
		place()
	}
	for n := t.away; n < away; n++ {
		if !read(n, place()) {
			return false
		}
	}
	t.index, t.blocks = append(t.index, index...), append(t.blocks, blocks...)
	t.settle()
	if t.away > 0 {
		t.gone = max(0, count-len(t.index))
	}
	return true
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
		if t.parse(&t.index[i], &other); o.compare(orderOf(&other)) < 0 {
			break
		}
	}
	return i
}

// from is the place in index of the first event at or after an instant.
func (t *timeline) from(at events.Instant) int {
	i, _ := slices.BinarySearchFunc(t.index, at, func(x entry, at events.Instant) int { return cmp.Compare(x.time, at) })
	return i
}

// marked is the place in index of the event that m points to, if that is in memory.
func (t *timeline) marked(m Mark) (int, bool) {
	for i := t.from(m.Time); i < len(t.index) && t.index[i].time == m.Time; i++ {
		if t.index[i].id == m.ID {
			return i, true
		}
	}
	return 0, false
}

// The fields of a block.
const (
	blockEntry  wire.Field = iota + 1 // repeated
	blockAfter                        // the time of the last event of all blocks before it, and 1
	blockStates                       // the states after all events of this block and of those before it; some have none
	blockIDs                          // where there are states: of all these events, as in a row
)

// load takes the next block as it was stored. The order of blocks is that in which they were written.
func (t *timeline) load(block []byte) error {
	n := uint32(len(t.blocks) + t.away)
	t.blocks = append(t.blocks, block)
	r := wire.NewReader(block)
	var e events.Event
	for f, ok := r.Next(); ok; f, ok = r.Next() {
		switch f {
		case blockEntry:
		case blockAfter:
			if after := events.Instant(r.Uint()) - 1; len(t.blocks) == 1 && t.away > 0 {
				t.upTo = after
			}
			continue
		case blockStates:
			t.feet = append(t.feet, foot{block: int(n), states: r.Bytes()})
			continue
		case blockIDs:
			if k := len(t.feet); k > 0 && t.feet[k-1].block == int(n) {
				t.feet[k-1].ids = r.Bytes()
			}
			continue
		default:
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

// loadTail takes what stands behind the closed blocks, of which none was loaded and the ids are known.
func (t *timeline) loadTail(tail []byte) error {
	t.closed, t.closedIDs = t.away, t.ids.len()
	if len(tail) == 0 {
		return nil
	}
	own := append(make([]byte, 0, len(tail)+2*usualEntry), tail...) // lest all of a row is kept for it
	t.index = make([]entry, 0, len(tail)/usualEntry+2)
	upTo := t.upTo
	if err := t.load(own); err != nil {
		return err
	}
	t.upTo = upTo // the row knows it better, should the timeline be revised
	for i := range t.index {
		t.ids.add(t.index[i].id)
	}
	t.settle()
	return nil
}

// settle sorts what was loaded. Of copies the last one written counts, for only a smaller one is ever written.
func (t *timeline) settle() {
	kept := t.index[:0]
	find := finder(len(t.index))
	for _, x := range t.index {
		if i, ok := find(kept, x.id); ok {
			kept[i] = x
			continue
		}
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
}

// finder finds ids among entries to which those that it did not find are appended one by one, n in all at most.
func finder(n int) func(among []entry, id uint64) (int, bool) {
	if n <= 64 {
		return func(among []entry, id uint64) (int, bool) {
			i := slices.IndexFunc(among, func(x entry) bool { return x.id == id })
			return i, i >= 0
		}
	}
	at := make(map[uint64]int, n)
	return func(among []entry, id uint64) (int, bool) {
		i, ok := at[id]
		if !ok {
			at[id] = len(among)
		}
		return i, ok
	}
}

// bytes is about how much memory t takes.
func (t *timeline) bytes() int {
	n := 40*cap(t.index) + 24*cap(t.blocks) + 56*cap(t.feet) + t.ids.bytes() + cap(t.places.steps)
	for _, b := range t.blocks {
		n += cap(b)
	}
	return n
}
