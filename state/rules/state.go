package rules

import (
	"slices"
	"strings"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state"
	"github.com/touchfold/touchfold/state/rules/field"
	"github.com/touchfold/touchfold/state/wire"
)

// State is what the rules keep of a customer: a piece for each thing that leaves match, and how far time was followed where
// that leaves a trace.
type State struct {
	pieces []any      // by the program's index; nil where nothing matched
	first  state.Mark // the first event
	bought state.Mark // the first order
	now    state.Mark // the last event folded
	own    state.Mark // the last one that is the customer's, not of the world
	hits   []hit      // what happened at last, for triggers
	reg    registers

	// Not written.
	segments []cached
	told     []bool         // what facts said of each segment
	toldAt   events.Instant // when; 0: never
	toldOnce int            // how many occurrences there were then
	ahead    course
}

// cached is what a segment was when it was asked last.
type cached struct {
	from, until events.Instant
	is          bool
}

func (s *State) prepare(p *program) {
	if s.segments == nil {
		s.segments, s.told = make([]cached, len(p.segments)), make([]bool, len(p.segments))
	}
	if s.pieces == nil {
		s.pieces = make([]any, len(p.pieces))
	}
	s.reg.prepare(p)
}

// fold takes an event.
func (p *program) fold(s *State, e *events.Event) {
	if e.Type.OfWorld() {
		p.foldWorld(s, e)
		return
	}
	s.prepare(p)
	v := p.views.Get().(*view)
	v.state = s
	if e.Time != s.now.Time {
		s.hits = s.hits[:0]
	}
	s.now = state.MarkOf(e)
	s.own = s.now
	read := s.ahead.next <= e.Time || s.ahead.last >= e.Time
	s.ahead.moved = s.ahead.moved || p.wakes[e.Type]
	if s.first.ID == 0 {
		s.first, read = s.now, true
		s.forget(p.starts)
	}
	if s.bought.ID == 0 && e.Type == events.OrderCompleted {
		s.bought, read = s.now, true
		s.forget(p.starts)
	}
	hits := len(s.hits)
	for _, i := range p.touched(e) {
		read = p.foldPiece(v, i, e) || read
	}
	for _, i := range p.all {
		read = p.foldPiece(v, i, e) || read
	}
	if read || len(s.hits) > hits {
		s.ahead.valid = false
	}
	s.forget(p.onType[e.Type])
	v.state = nil
	p.views.Put(v)
}

// foldPiece has a piece take an event, and reports whether it is another now.
func (p *program) foldPiece(v *view, i int32, e *events.Event) bool {
	s := v.state
	x := s.pieces[i]
	if x == nil {
		x = p.pieces[i].zero()
	}
	if !p.pieces[i].fold(v, x, e) {
		return false
	}
	s.pieces[i] = x
	s.forget(p.readers[i])
	return true
}

// touched is the pieces that may match e by its name.
func (p *program) touched(e *events.Event) []int32 {
	if e.Type != events.Unknown {
		return p.byType[e.Type]
	}
	return p.byName[e.Name]
}

func (s *State) forget(segments []int32) {
	for _, i := range segments {
		s.segments[i] = cached{}
	}
}

// segment is whether the customer is in a segment at v.at, and until when.
func (v *view) segment(g *segment) (bool, events.Instant) {
	c := &v.state.segments[g.index]
	if v.at < c.from || v.at >= c.until {
		is, until := g.when.eval(v)
		*c = cached{v.at, until, is}
	}
	return c.is, c.until
}

// traits is the piece of the traits that rules read, by the last word on each.
type traits struct{ all []string } // in order

type traitsState struct{ said []said }

type said struct {
	name  string
	value field.Value
	mark  state.Mark
}

func (p *traits) key() string     { return canonical("traits", texts(p.all)) }
func (p *traits) names() []string { return []string{events.Identify.Name()} }
func (p *traits) zero() any       { return new(traitsState) }

func (p *traits) fold(v *view, s any, e *events.Event) (matched bool) {
	st := s.(*traitsState)
	v.subject.Reset(e, -1)
	for i := range e.Traits {
		name := e.Traits[i].Name
		n, read := slices.BinarySearch(p.all, name)
		if !read || string(e.Traits[i].Value) == "null" {
			continue
		}
		value, ok := field.Trait(name).Read(&v.subject)
		value.Text = strings.Clone(value.Text)
		x := said{p.all[n], value, state.MarkOf(e)}
		j, found := st.find(name)
		switch {
		case ok && found:
			st.said[j] = x
		case ok:
			st.said = slices.Insert(st.said, j, x)
		case found: // it is no value now
			st.said = slices.Delete(st.said, j, j+1)
		}
		matched = true
	}
	return matched
}

func (s *traitsState) find(name string) (int, bool) {
	return slices.BinarySearchFunc(s.said, name, func(x said, name string) int { return strings.Compare(x.name, name) })
}

func (s *traitsState) value(name string) (x field.Value, m state.Mark, ok bool) {
	if s == nil {
		return x, m, false
	}
	i, ok := s.find(name)
	if !ok {
		return x, m, false
	}
	return s.said[i].value, s.said[i].mark, true
}

const (
	traitsSaid wire.Field = 1

	saidName  wire.Field = 1
	saidValue wire.Field = 2
	saidMark  wire.Field = 3
)

func (p *traits) append(b []byte, s any) []byte {
	var m wire.Mark
	for _, x := range s.(*traitsState).said {
		b, m = wire.Begin(b, traitsSaid)
		b = wire.AppendBytes(b, saidName, x.name)
		b = appendValue(b, saidValue, x.value)
		b = appendMark(b, saidMark, x.mark)
		b = wire.End(b, m)
	}
	return b
}

func (p *traits) parse(b []byte, _ *state.Calendar) (any, error) {
	s := new(traitsState)
	r := wire.NewReader(b)
	for f, ok := r.Next(); ok; f, ok = r.Next() {
		if f != traitsSaid {
			continue
		}
		var x said
		in := wire.NewReader(r.Bytes())
		for f, ok := in.Next(); ok; f, ok = in.Next() {
			switch f {
			case saidName:
				x.name = in.String()
			case saidValue:
				x.value = parseValue(&in)
			case saidMark:
				x.mark = parseMark(&in)
			}
		}
		if in.Err() != nil {
			return nil, in.Err()
		}
		s.said = append(s.said, x)
	}
	return s, r.Err()
}
