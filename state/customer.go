// Package state is what is known of one customer: a timeline of events, the features' states folded from it, the facts
// that follow, what of them was said, and the instant at which time alone can change one. It is pure: no clock, no I/O,
// no error that depends on them. Its one rule is the first law of the design: belief is a fold, a function of the set of
// a customer's events and of the instant asked, and of nothing else.
package state

import "github.com/touchfold/touchfold/events"

// A Customer is one customer as far as events were taken. It belongs to one goroutine.
type Customer struct {
	id     events.CustomerID
	table  *Table
	source Blocks
	states []any
	line   timeline
	said   []said // in order of key
	past   []said // of occurrences that are history, in order of key: none of them is in said

	due     events.Instant // the least horizon as of the last step
	asked   []asked        // by feature, as of then; nil after Parse
	passed  events.Instant // up to here horizons have passed, seen or not
	orphans bool           // some of said may be no feature's
	crowd   int            // where said is longer, all of it is looked at lest occurrences that are history stay in the way
	stale   int            // events from this index on are not folded yet; line.count() if all are
	saves   []savepoint
	saveGap int

	written     int // bytes of the states when they were last written or read
	statesBytes int // about what they took in memory then
	statesAt    int // how many events there were then

	// Applied is the offset after the last record taken; its meaning is the owner's.
	Applied events.Offset
	// Waits is the owner's clock when the customer became stale, 0 if he is not; until Settle.
	Waits events.Instant
}

// asked is what a feature said when it was asked last.
type asked struct {
	due   events.Instant // its horizon
	heard uint64         // the fingerprint of its facts when they were compared; 0: not known
}

// New is a customer of whom nothing is known.
func (t *Table) New(id events.CustomerID) *Customer {
	return &Customer{id: id, table: t, states: t.zero(), due: events.Never}
}

// ID names the customer.
func (c *Customer) ID() events.CustomerID { return c.id }

// Events is how many events the timeline holds.
func (c *Customer) Events() int { return c.line.count() }

// Approximate reports whether some of what was sent was too long to be kept, so that rules that read it may be wrong.
func (c *Customer) Approximate() bool { return c.line.cut }

// Due is the next instant at which time alone can change a fact, events.Never if none; 0, at once, of a customer who is
// stale or outdated.
func (c *Customer) Due() events.Instant {
	if c.Stale() {
		return 0
	}
	return c.due
}

// Outdated reports whether the customer was read from a row that another table wrote, or that was written stale: his
// states are right, but nothing was compared with them. Settle is due before anything else; Pass does it too. Until then
// also the row of him that this table writes says so.
func (c *Customer) Outdated() bool { return c.due <= 0 && !c.Stale() }

// Stale reports whether events were put in before others and wait for Refold. Facts must not be asked until then.
func (c *Customer) Stale() bool { return c.stale < c.line.count() }

// Outcome says what became of an event.
type Outcome int

const (
	// Folded: it was the last one and is folded.
	Folded Outcome = iota
	// Late: it happened before others; Refold folds it.
	Late
	// Queued: it is the last one, but waits behind one that is late; Refold folds it.
	Queued
	// Corrected: it took the place of a larger copy of itself; Refold folds it.
	Corrected
	// Duplicate: it was there; nothing changed.
	Duplicate
)

// Take puts e into the timeline and folds it if it is the last one. It may shorten e.Rest and e.Traits. The customer's due horizons
// must have passed (Pass) unless it is stale.
func (c *Customer) Take(e *events.Event) Outcome { return c.take(e, nil) }

func (c *Customer) take(e *events.Event, packed []byte) Outcome {
	id := identity(e)
	for c.line.needs(e, id) && c.back() {
	}
	if len(c.line.tail()) >= maxBlock {
		c.close()
	}
	stale := c.Stale()
	did, changed := c.line.put(e, id, packed)
	n := c.line.count()
	switch {
	case did == duplicate:
		return Duplicate
	case did == appended && !stale:
		if packed != nil { // of the copy that is kept
			c.line.event(n-1, e)
		}
		c.table.fold(c.states, c.line.before(n-1), e)
		c.stale = n
		c.save(n)
		return Folded
	}
	c.stale = min(c.stale, changed)
	switch did {
	case appended:
		return Queued
	case replaced:
		return Corrected
	}
	return Late
}

// Refold folds again what late events changed and returns how many events that were.
func (c *Customer) Refold() int {
	if !c.Stale() {
		return 0
	}
	states, from := c.restore(c.stale, true)
	c.states = states
	n := c.line.count()
	var e events.Event
	e.Customer = c.id
	for i := from; i < n; i++ {
		c.line.event(i, &e)
		c.table.fold(c.states, c.line.before(i), &e)
		c.save(i + 1)
	}
	c.stale = n
	return n - from
}

// Facts says every standing fact at an instant that is not before the last event.
func (c *Customer) Facts(at events.Instant, say func(key string, v Value)) {
	c.table.facts(c.states, c.table.timed, at, say)
}

// Report is what each feature shows a person, by its name; features without anything to show are left out.
func (c *Customer) Report(at events.Instant) map[string]any {
	all := map[string]any{}
	for i, f := range c.table.features {
		if r := f.report(c.states[i], Known{c.states}, at); r != nil {
			all[c.table.abouts[i].name] = r
		}
	}
	return all
}

// Timeline calls f with the customer's events in order. The event is valid during the call.
func (c *Customer) Timeline(f func(e *events.Event)) {
	c.whole()
	var e events.Event
	e.Customer = c.id
	for i := range c.line.count() {
		c.line.event(i, &e)
		f(&e)
	}
}

// Bytes is about how much memory the customer takes.
func (c *Customer) Bytes() int {
	n := 900 + len(c.id) + c.line.bytes() + 64*(len(c.said)+len(c.past))
	for _, s := range c.saves {
		n += 32 + cap(s.states)
	}
	each := 220 // of states that were never weighed
	if c.statesAt > 0 {
		each = min(each, c.statesBytes/c.statesAt)
	}
	return n + c.statesBytes + each*(c.line.count()-c.statesAt)
}

// weigh estimates what states of so many bytes take in memory: measured of customers with 3 to 300 orders.
func (c *Customer) weigh(written int) {
	c.written, c.statesBytes, c.statesAt = written, 3*written, c.line.count()
}

// Seal closes what of the timeline is long enough to be written down apart from the row. place is where that and what was closed
// since the last Seal are put, for Blocks; it costs least if it only grows, by little.
func (c *Customer) Seal(place uint64) {
	t := &c.line
	if len(t.tail()) >= sealAt {
		c.close()
	}
	for t.places.n < t.closed {
		t.places.add(place)
	}
}

// close closes the tail. The states stand behind a block once the blocks since the last that has them are as long as they are:
// then who is read is folded from there on, and his row need not have them (see AppendRow).
func (c *Customer) close() {
	t := &c.line
	if c.Stale() || t.revised || (t.closed+1-t.base)*len(t.tail()) < c.written+4*t.ids.len() {
		t.close(nil)
		return
	}
	t.close(c.AppendState(nil))
}

// Sealed is how many blocks of the timeline are closed: they never change again.
func (c *Customer) Sealed() int { return c.line.closed }

// Block is the n-th block of the timeline, to be read only; nil of one that is not in memory.
func (c *Customer) Block(n int) []byte {
	if n < c.line.away {
		return nil
	}
	return c.line.blocks[n-c.line.away]
}

// Blocks gives use the n-th closed block of a customer's timeline, counted from 0, for good; place is what Seal was told. If that
// or use goes wrong it says false. Its owner must then let nothing be believed of the customer, whose timeline is as if it were
// empty.
type Blocks func(id events.CustomerID, n int, place uint64, use func(block []byte) error) bool

// Slim forgets of the timeline what source has, until it is needed, and reports whether that is anything.
func (c *Customer) Slim(source Blocks) bool {
	if c.Stale() || c.line.away == c.line.closed {
		return false
	}
	c.line.forget(c.line.closed)
	c.source = source
	return true
}

const (
	// soon is how late an event may be, in ms, for what it changes to be kept at hand.
	soon = 10_000
	// trimAt is how many bytes it must be worth to forget a part of what is in memory.
	trimAt = 8 << 10
)

// Trim forgets of the timeline what source has and even an event that is a little late does not need.
func (c *Customer) Trim(source Blocks) {
	t := &c.line
	to := min(t.places.n, t.closed)
	if c.Stale() || to <= t.away {
		return
	}
	n := t.gone + t.from(t.last()-soon)
	for i := len(c.saves) - 1; i >= 0; i-- { // folding again begins there
		if c.saves[i].n <= n {
			n = max(t.gone, c.saves[i].n)
			break
		}
	}
	to = min(to, t.first(n))
	bytes := 0
	for i := t.away; i < to; i++ {
		bytes += len(t.blocks[i-t.away])
	}
	if bytes >= trimAt {
		t.forget(to)
		c.source = source
	}
}

// whole has all of the timeline in memory.
func (c *Customer) whole() { c.read(c.line.away) }

// back has more of the timeline in memory: as many closed blocks again. It reports whether that is possible.
func (c *Customer) back() bool {
	t := &c.line
	if t.away == 0 {
		return false
	}
	if t.revised {
		c.whole()
	} else {
		c.read(min(t.away, max(1, t.closed-t.away)))
	}
	return true
}

// read has n more of the closed blocks in memory.
func (c *Customer) read(n int) {
	if n == 0 {
		return
	}
	was := c.line.count()
	if !c.line.back(n, func(n int, place uint64) bool { return c.source(c.id, n, place, c.line.load) }) {
		c.line = timeline{}
	}
	if n := c.line.count(); n != was { // what cannot be, unless something is damaged
		c.saves, c.stale = nil, min(c.stale, n)
	}
}
