package rules

import (
	"math/bits"
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
	pieces pieces     // those that something matched
	first  state.Mark // the first event
	bought state.Mark // the first order
	now    state.Mark // the last event folded
	own    state.Mark // the last one that is the customer's, not of the world
	hits   []hit      // what happened at last, for triggers
	reg    course

	members members
	ready   bool           // prepared
	stamps  []uint64       // of figures, as the program has them
	moved   bool           // an event came since
	toldAt  events.Instant // when what is said was compared; 0: never since he was read
}

// pieces is a customer's pieces of state, of which most customers have few.
type pieces struct {
	has set   // by the program's index
	all []any // in order of that
}

// at is a piece, nil if it is not there.
func (s *pieces) at(i int32) any {
	w, bit := i>>6, uint64(1)<<(i&63)
	if int(w) >= len(s.has) || s.has[w]&bit == 0 {
		return nil
	}
	return s.all[s.place(i)]
}

// place is where a piece is among those that are there, or belongs.
func (s *pieces) place(i int32) int {
	w := i >> 6
	n := bits.OnesCount64(s.has[w] & (1<<(i&63) - 1))
	for _, before := range s.has[:w] {
		n += bits.OnesCount64(before)
	}
	return n
}

// put adds a piece that is not there.
func (s *pieces) put(i int32, x any) {
	s.all = slices.Insert(s.all, s.place(i), x)
	s.has.put(int(i), true)
}

// prepare makes what an empty State has, in few pieces of memory.
func (s *State) prepare(p *program) {
	if s.ready {
		return
	}
	s.ready, s.moved = true, true
	n, segments := words(len(p.segments)), len(p.segments)
	m := make([]uint64, 3*n+words(len(p.pieces))+len(p.readers.stamped))
	cut := func(n int) (part []uint64) {
		part, m = m[:n:n], m[n:]
		return part
	}
	s.pieces.has = cut(words(len(p.pieces)))
	s.members.is, s.members.stale, s.members.told = cut(n), cut(n), cut(n)
	s.stamps = m
	instants := make([]events.Instant, segments+p.followed())
	s.members.untils, s.reg.dues = instants[:segments:segments], instants[segments:]
	s.members.stale.fill(segments)
	s.reg.tracked = make([]tracked, len(p.tracked))
}

// fold takes an event.
func (p *program) fold(s *State, e *events.Event) {
	if e.Type.OfWorld() {
		p.foldWorld(s, e)
		return
	}
	s.prepare(p)
	s.come(p, e)
	s.own, s.moved = s.now, len(p.readers.stamped) > 0
	s.forget(&p.readers.onType[e.Type])
	if s.first.ID == 0 {
		s.first = s.now
		s.forget(&p.readers.atStart)
	}
	if s.bought.ID == 0 && e.Type == events.OrderCompleted {
		s.bought = s.now
		s.forget(&p.readers.atStart)
	}
	touched := p.touched(e)
	if len(touched) == 0 && len(p.all) == 0 {
		return
	}
	v := p.views.Get().(*view)
	v.state = s
	for _, i := range touched {
		p.foldPiece(v, i, e)
	}
	for _, i := range p.all {
		p.foldPiece(v, i, e)
	}
	p.free(v)
}

// come goes to the instant of an event.
func (s *State) come(p *program, e *events.Event) {
	if e.Time != s.now.Time {
		s.hits = s.hits[:0]
	}
	if s.reg.here >= e.Time { // others of this instant were followed
		s.reg.rewind()
		s.members.stale.fill(len(p.segments))
	}
	s.now = state.MarkOf(e)
}

// foldPiece has a piece take an event.
func (p *program) foldPiece(v *view, i int32, e *events.Event) {
	s := v.state
	x := s.pieces.at(i)
	fresh := x == nil
	if fresh {
		if v.zeros[i] == nil {
			v.zeros[i] = p.pieces[i].zero()
		}
		x = v.zeros[i]
	}
	did := p.pieces[i].fold(v, x, e)
	if did == same {
		return
	}
	if fresh && x != nil {
		s.pieces.put(i, x)
		v.zeros[i] = nil
	}
	if did == told {
		s.forget(&p.readers.ofPiece[i])
	}
}

// restamp has what depends on figures that were changed since be asked again.
func (s *State) restamp(p *program, k state.Known) {
	s.moved = false
	for i := range p.readers.stamped {
		x := &p.readers.stamped[i]
		if stamp := x.figure.Stamp(k); stamp != s.stamps[i] {
			s.stamps[i] = stamp
			s.forget(&x.reader)
		}
	}
}

// forget has what depends on something that is another now be asked again.
func (s *State) forget(r *reader) {
	s.members.stale.add(r.segments)
	s.reg.touch(r.followed, s.now.Time)
}

// touched is the pieces that may match e by its name.
func (p *program) touched(e *events.Event) []int32 {
	if e.Type != events.Unknown {
		return p.byType[e.Type]
	}
	return p.byName[e.Name]
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

func (p *traits) fold(v *view, s any, e *events.Event) change {
	matched := false
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
		x := said{p.all[n], value, v.state.now}
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
	return toldIf(matched)
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
