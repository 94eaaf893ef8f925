package state

import (
	"slices"
	"strings"

	"github.com/touchfold/touchfold/events"
)

// A Speaker is told what is to be said of customers. It serves one customer at a time.
type Speaker struct {
	// Floor is the instant up to which occurrences are past, and not said: that of the first start, if it was mute.
	Floor events.Instant
	// Said is the instant as of which the last word stands that was said before this speaker. What was said is not compared
	// with what was true before that: it would be taken back and said again.
	Said events.Instant
	// Wall is the wall clock, by which occurrences expire; nil: they do by the instant of the step, where no time but the
	// events' own is to count.
	Wall func() events.Instant

	say      func(s *events.Statement)
	add      func(key string, v Value) // appends to now what is true
	change   func(key string, v Value) // appends to now what is otherwise
	happen   func(o *Occurrence)       // appends to now
	now      []fact                    // what is true at the step, or otherwise
	happened []Occurrence              // those of now
	owner    int8                      // the feature that is being asked
	over     bool                      // some of the customer's said are
	s        events.Statement
	ids      []string // of s
}

// NewSpeaker calls say with each statement, which is valid during the call; Customer, Fact, Value, Previous, N,
// Effective, AsOf, Because, Cause, Rule, Priority and Payload are set. A nil say is mute: facts are then not even computed.
func NewSpeaker(say func(s *events.Statement)) *Speaker {
	sp := &Speaker{say: say}
	sp.add = func(key string, v Value) {
		if v != "" {
			sp.now = append(sp.now, fact{key, v, sp.owner, -1})
		}
	}
	sp.change = func(key string, v Value) { sp.now = append(sp.now, fact{key, v, sp.owner, -1}) }
	sp.happen = func(o *Occurrence) {
		sp.now = append(sp.now, fact{o.Key, Yes, sp.owner, len(sp.happened)})
		sp.happened = append(sp.happened, *o)
	}
	return sp
}

type fact struct {
	key   string
	value Value
	owner int8
	once  int // its place in happened; -1 of a standing fact
}

// Pass lets the customer's due horizons up to an instant pass, one after the other, each a step of its own. It returns
// how many passed. The customer must not be stale.
func (c *Customer) Pass(to events.Instant, sp *Speaker) (passed int) {
	if c.Outdated() { // what it says now is compared as of now
		c.Settle(c.came(to, sp), "", sp)
		passed++
	}
	for c.due <= to {
		at := c.due
		due := c.ready(at)
		c.compare(at, due, false, origin{time: at, cause: events.ByTime}, sp)
		c.setDue(at, due)
		c.passed = at
		passed++
	}
	return passed
}

// ready is the features whose horizon is not after an instant.
func (c *Customer) ready(at events.Instant) (due Set) {
	if c.asked == nil {
		return c.table.timed
	}
	for i := range c.asked {
		if c.table.timed.has(i) && c.asked[i].due <= at {
			due |= 1 << i
		}
	}
	return due
}

// Step compares what e, just folded, made true with what was said. at is the shard's clock, not before e.
func (c *Customer) Step(e *events.Event, at events.Instant, sp *Speaker) {
	moved := c.table.moved[e.Type]
	c.setDue(e.Time, moved)
	if c.due <= at { // horizons since e, which nobody stopped at
		c.passed = at
		due := c.ready(at)
		c.setDue(at, due)
		moved |= due
	}
	o := origin{time: e.Time, cause: events.ByEvent, mark: MarkOf(e)}
	if e.Time <= c.passed { // time had its part since e, too: history tells
		o = origin{}
	}
	c.compare(at, moved, false, o, sp)
}

// Settle compares all that is true at an instant with what was said, whatever happened before; after Refold, and on a
// walk. cause is the reason; "": what made each fact true, by its history.
func (c *Customer) Settle(at events.Instant, cause events.Cause, sp *Speaker) {
	c.compare(at, c.table.timed, true, origin{cause: cause}, sp)
	c.passed, c.Waits = at, 0
	c.setDue(at, c.table.timed)
}

// setDue computes the horizons of the features in moved, as of an instant.
func (c *Customer) setDue(at events.Instant, moved Set) {
	if c.asked == nil {
		c.asked, moved = make([]asked, len(c.table.features)), c.table.timed
	}
	c.due = events.Never
	for i, f := range c.table.features {
		if !c.table.timed.has(i) {
			continue
		}
		if moved.has(i) {
			c.asked[i].due = f.horizon(c.states[i], Known{c.states}, at)
		}
		c.due = min(c.due, c.asked[i].due)
	}
}

// origin is when a fact's present value began, and by what. A zero time: history must tell.
type origin struct {
	time  events.Instant
	cause events.Cause
	mark  Mark // of the event, if it was one
}

// compare says every difference between what the features of only hold true at an instant and what was said, in order of
// key. Unless all is set, of features that can tell what is otherwise no more is looked at.
func (c *Customer) compare(at events.Instant, only Set, all bool, o origin, sp *Speaker) {
	if sp.say == nil {
		return
	}
	if c.orphans { // perhaps another feature says now what none does
		only, all, c.orphans = c.table.timed, true, false
	}
	sp.now, sp.happened = sp.now[:0], sp.happened[:0]
	if !all && !(only.has(c.table.happens) && len(c.said) > c.crowd) {
		only = c.changes(at, only, sp)
	}
	only = c.ask(at, only, all, sp)
	slices.SortFunc(sp.now, func(a, b fact) int { return strings.Compare(a.key, b.key) })
	i := 0
	for n := range sp.now {
		i = c.match(&sp.now[n], i, only, at, o, sp)
	}
	if only == 0 {
		return
	}
	for ; i < len(c.said); i++ {
		c.drop(&c.said[i], only, at, o, sp)
	}
	if sp.over {
		sp.over = false
		c.bury()
	}
	if only.has(c.table.happens) {
		c.crowd = 2*len(c.said) + 16
	}
}

// match compares one fact with what was said of it, which stands from the i-th on, and drops what stands before it. It is the
// place behind it.
func (c *Customer) match(f *fact, i int, only Set, at events.Instant, o origin, sp *Speaker) int {
	if only == 0 {
		n, _ := find(c.said[i:], f.key)
		i += n
	}
	for ; i < len(c.said) && c.said[i].key < f.key; i++ {
		c.drop(&c.said[i], only, at, o, sp)
	}
	var once *Occurrence
	if f.once >= 0 {
		once = &sp.happened[f.once]
	}
	if i == len(c.said) || c.said[i].key != f.key {
		if once != nil && !sp.says(once, at) || f.value == "" {
			return i
		}
		c.register(f.key, i)
	}
	s := &c.said[i]
	s.owner = f.owner
	switch {
	case once != nil:
		c.happened(s, once, at, o, sp)
	case s.value != f.value:
		c.speak(s, f.value, at, o, sp)
	}
	return i + 1
}

// changes lists what the features of only say otherwise than when they were asked last, and returns those that cannot tell.
func (c *Customer) changes(at events.Instant, only Set, sp *Speaker) Set {
	for i, f := range c.table.features {
		if !(only & c.table.changing).has(i) {
			continue
		}
		sp.owner = int8(i)
		n, m := len(sp.now), len(sp.happened)
		if f.changes(c.states[i], Known{c.states}, at, sp.change, sp.happen) {
			only &^= 1 << i
			continue
		}
		sp.now, sp.happened = sp.now[:n], sp.happened[:m]
	}
	return only
}

// ask lists what the features of only hold true at an instant, and returns those of which that may be otherwise than when
// they were asked last, or all of them.
func (c *Customer) ask(at events.Instant, only Set, all bool, sp *Speaker) Set {
	if c.asked == nil { // and so will be the horizons of all
		c.asked = make([]asked, len(c.table.features))
	}
	for i, f := range c.table.features {
		if !only.has(i) {
			continue
		}
		sp.owner = int8(i)
		n := len(sp.now)
		f.facts(c.states[i], Known{c.states}, at, sp.add)
		if i == c.table.happens {
			f.occurrences(c.states[i], Known{c.states}, at, sp.happen)
		}
		if c.table.changing.has(i) {
			f.compared(c.states[i], Known{c.states}, at)
		}
		if i == c.table.happens || c.table.changing.has(i) {
			continue
		}
		if h := fingerprint(sp.now[n:]); all || h != c.asked[i].heard {
			c.asked[i].heard = h
		} else {
			sp.now, only = sp.now[:n], only&^(1<<i)
		}
	}
	return only
}

// fingerprint is of facts in this order, and never 0.
func fingerprint(facts []fact) uint64 {
	h := uint64(len(facts) + 1)
	for i := range facts {
		h = h*1099511628211 ^ Fingerprint(facts[i].key, facts[i].value)
	}
	return max(h, 1)
}

// drop says that a fact is no longer true, if it is one of the features of only, or of none any more.
func (c *Customer) drop(s *said, only Set, at events.Instant, o origin, sp *Speaker) {
	if s.at != 0 {
		if only.has(int(s.owner)) {
			c.withdraw(s, at, o, sp)
		}
		return
	}
	if s.value != "" && (int(s.owner) == len(c.table.features) || only.has(int(s.owner))) {
		c.speak(s, "", at, o, sp)
	}
}

func (c *Customer) speak(s *said, v Value, at events.Instant, o origin, sp *Speaker) {
	if o.time == 0 {
		h := c.since(s, at)
		if o.cause != "" {
			h.cause = o.cause
		}
		o = h
	}
	c.tell(s, &events.Statement{Value: v, Effective: o.time, AsOf: at, Because: c.because(s, v, at, o, sp), Cause: o.cause,
		Rule: ruleOf(s.key)}, sp)
}

// ruleOf is the rule whose standing fact a key is: segments are the rulebook's.
func ruleOf(key string) string {
	if id, is := strings.CutPrefix(key, "segment/"); is {
		return id
	}
	return ""
}

// tell says the next statement on a fact, of which that fact, its former value and its ordinal are not set.
func (c *Customer) tell(s *said, st *events.Statement, sp *Speaker) {
	s.n++
	st.Customer, st.Fact, st.Previous, st.N = c.id, s.key, s.value, s.n
	sp.s = *st
	s.value = strings.Clone(st.Value)
	sp.say(&sp.s)
}

// because is the ids of the events that decide a fact, the first ten in order.
func (c *Customer) because(s *said, v Value, at events.Instant, o origin, sp *Speaker) []string {
	var marks []Mark
	switch {
	case v == "" && o.mark.ID != 0: // what ended it
		marks = []Mark{o.mark}
	case int(s.owner) < len(c.table.features):
		marks = c.table.features[s.owner].because(c.states[s.owner], Known{c.states}, s.key, at)
	}
	if len(marks) == 0 && o.mark.ID != 0 {
		marks = []Mark{o.mark}
	}
	return c.ids(marks, sp)
}

// ids is the ids of the events that marks, in order of time, point to: the first ten in the timeline's order.
func (c *Customer) ids(marks []Mark, sp *Speaker) []string {
	if len(marks) == 0 {
		return nil
	}
	var memory [2 * events.MaxBecause]int
	places := memory[:0]
	for i, m := range marks {
		if len(places) >= events.MaxBecause && m.Time > marks[i-1].Time {
			break
		}
		place, ok := c.line.marked(m)
		switch {
		case ok:
			places = append(places, place)
		case c.line.away > 0 && m.Time <= c.line.upTo: // it may not be in memory, and with it all have other places
			c.back()
			return c.ids(marks, sp)
		}
	}
	slices.Sort(places)
	places = places[:min(len(places), events.MaxBecause)]
	sp.ids = sp.ids[:0]
	for _, i := range places {
		sp.ids = append(sp.ids, c.line.idOf(&c.line.index[i]))
	}
	return sp.ids
}
