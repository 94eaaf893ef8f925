package state

import (
	"slices"
	"strings"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state/wire"
)

// said is the last statement on a fact: what was said, and the how-manieth statement it was. Of a yes/no fact an odd n
// says yes.
type said struct {
	key   string
	value Value
	n     uint32
	owner int8 // the feature whose fact it is; len(features) if it is none of this table's
	// at is when an occurrence was effective, as it was said or has moved since; 0 of a standing fact.
	at   events.Instant
	over bool // it is history, and stands in past or is about to
}

const (
	saidKey     wire.Field = 1
	saidValue   wire.Field = 2
	saidN       wire.Field = 3
	saidFeature wire.Field = 4
	saidAt      wire.Field = 5
	saidOver    wire.Field = 6
)

func (t *Table) appendSaid(b []byte, s *said) []byte {
	b, m := wire.Begin(b, rowSaid)
	b = wire.AppendBytes(b, saidKey, s.key)
	b = wire.AppendBytes(b, saidValue, s.value)
	b = wire.AppendUint(b, saidN, uint64(s.n))
	if s.at == 0 && int(s.owner) < len(t.abouts) {
		b = wire.AppendBytes(b, saidFeature, t.abouts[s.owner].name)
	}
	b = wire.AppendUint(b, saidAt, uint64(s.at))
	b = wire.AppendBool(b, saidOver, s.over)
	return wire.End(b, m)
}

func (t *Table) parseSaid(b []byte) (said, error) {
	s := said{owner: int8(len(t.abouts))}
	r := wire.NewReader(b)
	for f, ok := r.Next(); ok; f, ok = r.Next() {
		switch f {
		case saidKey:
			s.key = r.String()
		case saidValue:
			s.value = r.String()
		case saidN:
			s.n = uint32(r.Uint())
		case saidFeature:
			name := string(r.Bytes())
			if i := slices.IndexFunc(t.abouts, func(a about) bool { return a.name == name }); i >= 0 {
				s.owner = int8(i)
			}
		case saidAt:
			s.at, s.owner = events.Instant(r.Uint()), int8(t.happens)
		case saidOver:
			s.over = r.Bool()
		}
	}
	return s, r.Err()
}

// Said calls f with the last statement on every fact ever spoken of, in order of key.
func (c *Customer) Said(f func(key string, v Value, n uint32)) {
	i, j := 0, 0
	for i < len(c.said) || j < len(c.past) {
		if j == len(c.past) || i < len(c.said) && c.said[i].key < c.past[j].key {
			f(c.said[i].key, c.said[i].value, c.said[i].n)
			i++
			continue
		}
		f(c.past[j].key, c.past[j].value, c.past[j].n)
		j++
	}
}

// find is the place of a key in a list in order of key.
func find(list []said, key string) (int, bool) {
	return slices.BinarySearchFunc(list, key, func(s said, key string) int { return strings.Compare(s.key, key) })
}

// register is the place in said of a key that may be in past, or in neither.
func (c *Customer) register(key string, at int) {
	if j, found := find(c.past, key); found {
		s := c.past[j]
		s.over = false
		c.past = slices.Delete(c.past, j, j+1)
		c.said = slices.Insert(c.said, at, s)
		return
	}
	c.said = slices.Insert(c.said, at, said{key: strings.Clone(key), owner: int8(len(c.table.features))})
}

// bury moves what is history out of the way of every comparison.
func (c *Customer) bury() {
	kept := c.said[:0]
	for _, s := range c.said {
		if !s.over {
			kept = append(kept, s)
			continue
		}
		j, _ := find(c.past, s.key)
		c.past = slices.Insert(c.past, j, s)
	}
	clear(c.said[len(kept):])
	c.said = kept
}

// Absorb notes a statement that stands in the output though this customer does not know of it. The last one on its fact
// counts. What is to be said then is the difference; Settle says it.
func (c *Customer) Absorb(st *events.Statement) {
	i, found := find(c.said, st.Fact)
	if !found {
		c.register(st.Fact, i)
	}
	s := &c.said[i]
	if st.N < s.n {
		return
	}
	s.value, s.n = strings.Clone(st.Value), st.N
	if f := events.FamilyOf(st.Fact); f != nil && f.Once {
		s.at, s.owner = st.Effective, int8(c.table.happens)
	}
}

// A Speaker is told what is to be said of customers. It serves one customer at a time.
type Speaker struct {
	// Floor is the instant up to which occurrences are past, and not said: that of the first start, if it was mute.
	Floor events.Instant
	// Wall is the wall clock, by which occurrences expire; nil: none does.
	Wall func() events.Instant

	say      func(s *events.Statement)
	add      func(key string, v Value) // appends to now
	happen   func(o *Occurrence)       // "
	now      []fact                    // what is true at the step
	happened []Occurrence              // those of now
	owner    int8                      // the feature that is being asked
	over     bool                      // some of the customer's said are
	s        events.Statement
}

// NewSpeaker calls say with each statement, which is valid during the call; Customer, Fact, Value, Previous, N,
// Effective, AsOf, Because, Cause, Rule and Payload are set. A nil say is mute: facts are then not even computed.
func NewSpeaker(say func(s *events.Statement)) *Speaker {
	sp := &Speaker{say: say}
	sp.add = func(key string, v Value) {
		if v != "" {
			sp.now = append(sp.now, fact{key, v, sp.owner, -1})
		}
	}
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
		c.Settle(c.came(to), "", sp)
		passed++
	}
	for c.due <= to {
		at := c.due
		c.compare(at, c.table.timed, origin{time: at, cause: events.ByTime}, sp)
		c.setDue(at, c.table.timed)
		c.passed = at
		passed++
	}
	return passed
}

// Step compares what e, just folded, made true with what was said. at is the shard's clock, not before e.
func (c *Customer) Step(e *events.Event, at events.Instant, sp *Speaker) {
	moved := c.table.moved[e.Type]
	c.setDue(e.Time, moved)
	if c.due <= at { // horizons since e, which nobody stopped at
		c.passed = at
		c.setDue(at, c.table.timed)
	}
	o := origin{time: e.Time, cause: events.ByEvent, mark: MarkOf(e)}
	if e.Time <= c.passed { // time had its part since e, too: history tells
		o = origin{}
	}
	c.compare(at, c.stirred(moved, at, sp), o, sp)
}

// stirred is those of some features of which something else may be said than when they were asked last.
func (c *Customer) stirred(moved Set, at events.Instant, sp *Speaker) Set {
	if sp.say == nil {
		return moved
	}
	for i, f := range c.table.features {
		if (moved & c.table.changing).has(i) && !f.changed(c.states[i], Known{c.states}, at) {
			moved &^= 1 << i
		}
	}
	return moved
}

// Settle compares all that is true at an instant with what was said, whatever happened before; after Refold, and on a
// walk. cause is the reason; "": what made each fact true, by its history.
func (c *Customer) Settle(at events.Instant, cause events.Cause, sp *Speaker) {
	c.compare(at, c.table.timed, origin{cause: cause}, sp)
	c.dues, c.passed, c.Waits = nil, at, 0
	c.setDue(at, c.table.timed)
}

// setDue computes the horizons of the features in moved, as of an instant.
func (c *Customer) setDue(at events.Instant, moved Set) {
	if c.dues == nil {
		c.dues = make([]events.Instant, len(c.table.features))
		moved = c.table.timed
	}
	c.due = events.Never
	for i, f := range c.table.features {
		if !c.table.timed.has(i) {
			continue
		}
		if moved.has(i) {
			c.dues[i] = f.horizon(c.states[i], Known{c.states}, at)
		}
		c.due = min(c.due, c.dues[i])
	}
}

// origin is when a fact's present value began, and by what. A zero time: history must tell.
type origin struct {
	time  events.Instant
	cause events.Cause
	mark  Mark // of the event, if it was one
}

// compare says every difference between what the features of only hold true at an instant and what was said, in order of
// key.
func (c *Customer) compare(at events.Instant, only Set, o origin, sp *Speaker) {
	if sp.say == nil {
		return
	}
	none := int8(len(c.table.features))
	for i := range c.said {
		if s := &c.said[i]; s.owner == none && s.value != "" && s.at == 0 { // perhaps another feature says it now
			only = c.table.timed
		}
	}
	c.ask(at, only, sp)
	slices.SortFunc(sp.now, func(a, b fact) int { return strings.Compare(a.key, b.key) })
	i := 0
	for _, f := range sp.now {
		var once *Occurrence
		if f.once >= 0 {
			once = &sp.happened[f.once]
		}
		for ; i < len(c.said) && c.said[i].key < f.key; i++ {
			c.drop(&c.said[i], only, at, o, sp)
		}
		if i == len(c.said) || c.said[i].key != f.key {
			if once != nil && !sp.says(once) {
				continue
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
		i++
	}
	for ; i < len(c.said); i++ {
		c.drop(&c.said[i], only, at, o, sp)
	}
	if sp.over {
		sp.over = false
		c.bury()
	}
}

// ask lists what the features of only hold true at an instant.
func (c *Customer) ask(at events.Instant, only Set, sp *Speaker) {
	sp.now, sp.happened = sp.now[:0], sp.happened[:0]
	for i, f := range c.table.features {
		if !only.has(i) {
			continue
		}
		sp.owner = int8(i)
		f.facts(c.states[i], Known{c.states}, at, sp.add)
		if i == c.table.happens {
			f.occurrences(c.states[i], Known{c.states}, at, sp.happen)
		}
		if c.table.changing.has(i) {
			f.compared(c.states[i], Known{c.states}, at)
		}
	}
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
	c.tell(s, &events.Statement{Value: v, Effective: o.time, AsOf: at, Because: c.because(s, v, at, o), Cause: o.cause}, sp)
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
func (c *Customer) because(s *said, v Value, at events.Instant, o origin) (ids []string) {
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
	return c.ids(marks)
}

// ids is the ids of the events that marks point to, ten at most.
func (c *Customer) ids(marks []Mark) (ids []string) {
	for _, m := range marks {
		id, ok := c.line.name(m)
		if !ok && m.Time <= c.line.upTo {
			c.whole()
			id, ok = c.line.name(m)
		}
		if ok && len(ids) < 10 {
			ids = append(ids, id)
		}
	}
	return ids
}

// name is the id of the event that m points to, if that is in memory.
func (t *timeline) name(m Mark) (string, bool) {
	var e events.Event
	for i := t.from(m.Time); i < len(t.index) && t.index[i].time == m.Time; i++ {
		if t.index[i].id == m.ID {
			t.parse(&t.index[i], &e)
			return e.ID, true
		}
	}
	return "", false
}
