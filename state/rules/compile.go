package rules

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state"
	"github.com/touchfold/touchfold/state/rules/expr"
	"github.com/touchfold/touchfold/state/rules/field"
)

// segment is a Segment compiled.
type segment struct {
	id      string
	key     string // of its fact
	index   int
	when    condition
	tracked int // index in program.tracked, -1: not tracked
}

// trigger is a Trigger compiled.
type trigger struct {
	id          string
	on          happening
	when        condition
	payload     []Field
	priority    int
	maxLateness state.Duration
	expires     state.Duration
	settle      state.Duration
	cooldown    state.Duration
	since       events.Instant
	meaning     string
}

// sayAt is when an occurrence of an instant may be said.
func (t *trigger) sayAt(p *program, at events.Instant) events.Instant {
	if t.settle.N == 0 {
		return at
	}
	return p.Calendar.Add(at, t.settle)
}

// compile makes a program of a book, or says all that is wrong with it.
func compile(config Config) (*program, []Fault) { return compilerOf(config).compile() }

// Check says what is wrong with what was read of a book of which something could not be. That there are segments which name
// none, or each other in a circle, is left to who read it.
func Check(config Config) []Fault {
	c := compilerOf(config)
	c.partly = true
	_, faults := c.compile()
	return faults
}

func compilerOf(config Config) *compiler {
	return &compiler{program: &program{Config: config, byName: map[string][]int32{}, index: map[string]*segment{}},
		places: map[string]int32{},
		figure: map[string]*state.Figure{}, known: map[string]*segment{}}
}

func (c *compiler) compile() (*program, []Fault) {
	p, config := c.program, c.program.Config
	p.byType = make([][]int32, len(events.Types())+1)
	for i := range config.Figures {
		c.figure[config.Figures[i].Name] = &config.Figures[i]
	}
	c.said = &traits{}
	p.traits = c.piece(c.said)
	ordered, faults := inOrder(config.Book.Segments)
	if !c.partly {
		c.faults = faults
	}
	for _, s := range ordered {
		c.segment(s)
	}
	for i := range config.Book.Triggers {
		c.trigger(&config.Book.Triggers[i])
	}
	if len(c.faults) > 0 || c.partly {
		return nil, c.faults
	}
	c.finish()
	return p, nil
}

func (c *compiler) segment(s *Segment) {
	c.rule, c.uses = s.ID, uses{}
	g := &segment{id: s.ID, key: "segment/" + s.ID, index: len(c.program.segments), tracked: -1}
	g.when = c.condition(s.When)
	c.program.segments = append(c.program.segments, g)
	c.program.index[g.key] = g
	c.known[s.ID] = g
	c.users = append(c.users, c.uses)
}

func (c *compiler) trigger(t *Trigger) {
	c.rule, c.uses = t.ID, uses{}
	x := &trigger{id: t.ID, payload: t.Payload, priority: t.Priority, maxLateness: duration(t.MaxLateness),
		expires: duration(t.Expires), settle: duration(t.Settle), cooldown: duration(t.Cooldown)}
	if t.MaxLateness.N == 0 {
		x.maxLateness = state.Duration{N: 24, Unit: state.Hours}
	}
	x.on = c.happening(t.On, t.Payload)
	on := c.uses
	if len(t.Payload) > 0 && !carries(t.On) {
		c.fault(t.Payload[0].At, "what happens here has no event to read %s of; payload goes with event (each match), "+
			"absence … after, sequence, item, cadence and catalogue", t.Payload[0].Path)
	}
	when := ""
	if t.When != nil {
		x.when = c.condition(t.When)
		when = x.when.canonical()
	}
	if x.on == nil {
		return
	}
	x.meaning = canonical(t.ID, x.on.canonical(), when, x.maxLateness, x.expires, x.settle, x.cooldown, payloadText(t.Payload))
	c.program.triggers, c.on = append(c.program.triggers, x), append(c.on, on)
}

// carries says whether what happens has an event that a payload can be read of.
func carries(on Condition) bool {
	switch x := on.(type) {
	case *Event:
		return x.Op == "" && x.Aggregate == ""
	case *Absence:
		return x.After != nil
	case *Item, *Catalogue, *Sequence, *Cadence, *Broken:
		return true
	}
	return false
}

func payloadText(fields []Field) string {
	words := make([]any, 0, 2*len(fields))
	for _, f := range fields {
		words = append(words, f.Name, f.Path)
	}
	return canonical(words...)
}

// track has a condition followed through time, each once.
func (c *compiler) track(of condition) int {
	text := of.canonical()
	for i, t := range c.tracked {
		if t.canonical() == text {
			return i
		}
	}
	c.tracked, c.follow = append(c.tracked, of), append(c.follow, c.uses)
	return len(c.tracked) - 1
}

// condition compiles one; of a faulty one it is one that is never true.
func (c *compiler) condition(of Condition) condition {
	switch x := of.(type) {
	case *All:
		return allOf(c.conditions(x.Of))
	case *Any:
		return anyOf(c.conditions(x.Of))
	case *Not:
		return notOf{c.condition(x.Of)}
	case *Event:
		return c.event(x)
	case *Trait:
		c.trait(x.Name)
		return &traitLeaf{x.Name, c.comparison(&x.Compare)}
	case *Feature:
		return c.feature(x)
	case *If:
		return c.predicate(x)
	case *InSegment:
		return c.inSegment(x)
	case *Bucket:
		p := &bucket{x.Salt}
		return &bucketLeaf{c.piece(p), p, uint64(x.Percent)} // a hundredth of a hundred million is a million
	case *Absence:
		return c.absence(x, nil, true).(condition)
	case *Sequence:
		l := c.sequence(x, nil)
		return &sequenceLeaf{l.index, l}
	case *Date:
		return c.date(x)
	case *Item:
		return c.item(x, nil)
	case *Cadence:
		return c.cadence(x, nil)
	case *Catalogue:
		return c.catalogue(x, nil)
	case *Broken:
		if x.Of != nil {
			c.lacking(func() { c.condition(x.Of) })
		}
		return anyOf(nil)
	}
	c.fault(of.Where(), "this condition is not one that can be asked of a customer")
	return anyOf(nil)
}

func (c *compiler) conditions(all []Condition) (list []condition) {
	for _, x := range all {
		list = append(list, c.condition(x))
	}
	return list
}

func (c *compiler) path(text string, at Place) field.Path {
	p, err := field.Parse(text)
	if err != nil && !(text == "" && c.lacks) {
		c.fault(at, "%v", err)
	}
	return p
}

// expression notes the faults of a CEL text.
func (c *compiler) expression(of Origin, err error) {
	var faults expr.Faults
	if !errors.As(err, &faults) {
		c.fault(of.Of(Place{1, 1}), "%v", err)
		return
	}
	for _, f := range faults {
		c.fault(of.Of(Place{f.Line, f.Column}), "%s", f.Text)
	}
}

func (c *compiler) happening(of Condition, payload []Field) happening {
	rises := func(x condition, rise bool) happening { return &edge{c.track(x), x, rise} }
	switch x := of.(type) {
	case *Entered:
		return rises(c.inSegment(&InSegment{ID: x.Segment, At: x.At}), true)
	case *Left:
		return rises(c.inSegment(&InSegment{ID: x.Segment, At: x.At}), false)
	case *Becomes:
		return rises(c.condition(x.Of), true)
	case *Event:
		if x.Op == "" && x.Aggregate == "" {
			return c.matches(&x.Match, payload)
		}
		return rises(c.condition(x), true)
	case *Absence:
		return c.absence(x, payload, false)
	case *Sequence:
		l := c.sequence(x, payload)
		return &matches{l.index, l.key()}
	case *Date:
		return c.date(x)
	case *Item:
		return c.item(x, payload)
	case *Cadence:
		return c.cadence(x, payload)
	case *Catalogue:
		return c.catalogue(x, payload)
	case *Broken:
		if x.Of != nil {
			c.lacking(func() { c.happening(x.Of, payload) })
		}
		return nil
	}
	c.fault(of.Where(), "this is nothing that happens")
	return nil
}

// duration is d, which was checked when it was read.
func duration(d Duration) state.Duration {
	if d.N == 0 {
		return state.Duration{}
	}
	x, err := state.ParseDuration(strconv.Itoa(d.N) + d.Unit)
	if err != nil {
		panic("rules: " + err.Error()) // a bug of ours
	}
	return x
}

// finish makes the tables by which events find what they touch.
func (c *compiler) finish() {
	p := c.program
	meanings := make([]uint64, len(p.triggers))
	for i, t := range p.triggers {
		meanings[i] = state.Fingerprint("trigger", t.meaning)
	}
	p.Since = p.Since.Next(meanings, p.Now)
	for i, t := range p.triggers {
		t.since, _ = p.Since.Of(meanings[i])
	}
	p.keys, p.ordered = make([]uint64, len(p.pieces)), make([]int32, len(p.pieces))
	for i, x := range p.pieces {
		p.keys[i], p.ordered[i] = pieceKey(x.key()), int32(i)
		names := x.names()
		if slices.Contains(names, "*") {
			names = []string{"*"}
		}
		for _, name := range names {
			if t := events.TypeOf(name); t != events.Unknown {
				p.byType[t] = append(p.byType[t], int32(i))
			} else if name == "*" {
				p.all = append(p.all, int32(i))
			} else {
				p.byName[name] = append(p.byName[name], int32(i))
			}
		}
	}
	c.listWanted()
	slices.SortFunc(p.ordered, func(a, b int32) int { return cmp.Compare(p.keys[a], p.keys[b]) })
	c.route()
	var basis strings.Builder
	fmt.Fprintln(&basis, canonical(p.Calendar.Zone(), p.Currency, c.said.key()))
	for _, g := range p.segments {
		fmt.Fprintln(&basis, canonical("segment", g.id, g.when.canonical()))
	}
	for _, t := range p.triggers {
		fmt.Fprintln(&basis, t.meaning, t.since)
	}
	p.basis = basis.String()
	p.views = &sync.Pool{New: func() any {
		v := &view{program: p, subject: field.Subject{Currency: p.Currency}, zeros: make([]any, len(p.pieces)),
			asked: make(set, words(len(p.segments)))}
		v.mark = func(m state.Mark) { v.marks = append(v.marks, m) }
		v.turning.turn = v.turning.take
		return v
	}}
}

// Each calls f with a condition and with all that it is made of.
func Each(c Condition, f func(Condition)) {
	if c == nil {
		return
	}
	f(c)
	switch x := c.(type) {
	case *All:
		for _, y := range x.Of {
			Each(y, f)
		}
	case *Any:
		for _, y := range x.Of {
			Each(y, f)
		}
	case *Not:
		Each(x.Of, f)
	case *Becomes:
		Each(x.Of, f)
	}
}
