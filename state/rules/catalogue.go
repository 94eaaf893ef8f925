package rules

import (
	"cmp"
	"slices"
	"strings"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state"
	"github.com/touchfold/touchfold/state/rules/field"
	"github.com/touchfold/touchfold/state/wire"
)

// wanted is the values that a customer showed an interest in, and which event of the world met one at last.
type wanted struct {
	index    int32 // among the pieces
	event    matcher
	path     field.Path
	interest matcher
	same     field.Path
	over     matcher // ends an interest; without events nothing does
	within   state.Duration
	longest  events.Instant // than which within is not longer
	least    int
	payload  []field.Path
	asks     uint64 // stands for it in state.Interest
}

type wantedState struct {
	wants   wants
	met     state.Mark // the last event of the world that met one
	because []state.Mark
}

func (p *wanted) key() string {
	return canonical("wanted", p.event.canonical, p.path.String(), p.interest.canonical, p.same.String(), p.over.canonical,
		p.within, p.least, paths(p.payload))
}

func (p *wanted) names() []string {
	return slices.Compact(slices.Sorted(slices.Values(slices.Concat(p.interest.events, p.over.events))))
}

func (p *wanted) zero() any { return new(wantedState) }

func (p *wanted) fold(v *view, s any, e *events.Event) change {
	st := s.(*wantedState)
	if e.Type.OfWorld() {
		return p.meet(v, st, e)
	}
	did := same
	if len(p.over.events) > 0 && p.over.takes(e) {
		p.values(v, &p.over, p.same, e, func(value string) bool {
			if i, found := st.wants.find(keyOfValue(value)); found {
				st.wants.delete(i, p.least)
				did = kept // nobody asks for it now
			}
			return true
		})
	}
	if p.interest.takes(e) {
		p.values(v, &p.interest, p.same, e, func(value string) bool {
			key := keyOfValue(value)
			if p.same.Name() != "" { // what was said of a trait takes the place of what was said before
				st.wants.keep(key, p.least)
			}
			st.wants.add(key, v.state.now, p.least, e.Time-p.longest)
			did = kept
			return true
		})
	}
	return did
}

// values calls f with the value of a field of each match of e, until f is false.
func (p *wanted) values(v *view, m *matcher, path field.Path, e *events.Event, f func(value string) bool) {
	for i := range m.count(e) {
		if !m.holds(v, e, i) {
			continue
		}
		if x, ok := path.Text(&v.subject); ok && !f(x) {
			return
		}
	}
}

// metBy is the matches of the interest that an event of the world meets, whose line is v's subject then; nil if there is none.
func (p *wanted) metBy(v *view, s *wantedState, e *events.Event) (met []state.Mark) {
	p.values(v, &p.event, p.path, e, func(value string) bool {
		if i, found := s.wants.find(keyOfValue(value)); found {
			marks := s.wants.of(i, p.least)
			if marks[0].ID != 0 && v.program.Calendar.Add(marks[0].Time, p.within) > e.Time {
				met = marks
			}
		}
		return met == nil
	})
	return met
}

func (p *wanted) meet(v *view, s *wantedState, e *events.Event) change {
	marks := p.metBy(v, s, e)
	if marks == nil {
		return same
	}
	s.met = v.state.now
	s.because = inTime(append(slices.Clone(marks), s.met))
	v.state.hits = append(v.state.hits, hit{piece: p.index, mark: s.met, key: short(e.ID), because: s.because,
		payload: capture(v, e, p.payload)})
	return told
}

// catalogueLeaf is that an event of the world met an interest, for a while. It is a happening too.
type catalogueLeaf struct {
	piece  int32
	of     *wanted
	length state.Duration
}

func (l *catalogueLeaf) state(v *view) *wantedState {
	s, _ := v.state.pieces.at(l.piece).(*wantedState)
	return s
}

func (l *catalogueLeaf) eval(v *view) (bool, events.Instant) {
	if s := l.state(v); s != nil && s.met.ID != 0 {
		if end := v.program.Calendar.Add(s.met.Time, l.length); end > v.at {
			return true, end
		}
	}
	return false, events.Never
}

func (l *catalogueLeaf) because(v *view, say func(state.Mark)) {
	if is, _ := l.eval(v); is {
		for _, m := range l.state(v).because {
			say(m)
		}
	}
}

func (l *catalogueLeaf) canonical() string { return canonical("catalogue", l.of.key(), l.length) }

func (l *catalogueLeaf) next(*view, events.Instant) events.Instant { return events.Never }

func (l *catalogueLeaf) each(v *view) {
	for i := range v.state.hits {
		if x := &v.state.hits[i]; x.piece == l.piece && x.mark.Time == v.at {
			v.happens(candidate{mark: x.mark, key: x.key, recurs: true, because: x.because, payload: x.payload})
		}
	}
}

// catalogue compiles it, as a condition and as a happening.
func (c *compiler) catalogue(x *Catalogue, payload []Field) *catalogueLeaf {
	for _, name := range x.Event.Names {
		if !events.TypeOf(name).OfWorld() {
			c.missing(x.Event.At, "%s is no event of the catalogue or of the world; these are %s", name, strings.Join(Worldly(), ", "))
		}
	}
	p := &wanted{path: c.path(x.Field, x.At), same: c.path(cmp.Or(x.Same, x.Field), x.At), within: duration(x.Within),
		least: max(x.Least, 1), payload: c.carried(payload, "event.")}
	p.event, p.interest = c.match(&x.Event, p.path), c.matcher(&x.Interest, p.same)
	if x.Until != nil {
		p.over = c.matcher(x.Until, p.same)
	}
	p.longest = longest(p.within)
	l := &catalogueLeaf{length: duration(x.For)}
	if x.For.N == 0 {
		l.length = state.Duration{N: 1, Unit: state.Days}
	}
	l.piece = c.piece(p)
	l.of = c.pieces[l.piece].(*wanted)
	l.of.index, l.of.asks = l.piece, pieceKey(p.key())
	c.latest = append(c.latest, [2]state.Duration{l.length})
	return l
}

// longest is more than a duration takes by any calendar.
func longest(d state.Duration) events.Instant {
	if exact, ok := d.Exact(); ok {
		return exact
	}
	const day = 24 * 60 * 60 * 1000
	days := map[state.Unit]int{state.Days: 1, state.Weeks: 7, state.Months: 31, state.Years: 366}[d.Unit]
	return events.Instant(d.N*days+2) * day
}

// Worldly is the names of the events of the catalogue and of the world.
func Worldly() (names []string) {
	for _, t := range events.Types() {
		if t.OfWorld() {
			names = append(names, t.Name())
		}
	}
	return names
}

// listWanted makes the tables by which events of the world find whom they meet.
func (c *compiler) listWanted() {
	p := c.program
	p.wanted = make([][]int32, len(events.Types())+1)
	if len(p.latest) == 0 {
		return
	}
	for i, x := range p.pieces {
		if w, ok := x.(*wanted); ok {
			p.asks = append(p.asks, w.asks)
			for _, name := range w.event.events {
				p.wanted[events.TypeOf(name)] = append(p.wanted[events.TypeOf(name)], int32(i))
			}
		}
	}
	for _, t := range p.triggers {
		p.latest = append(p.latest, [2]state.Duration{t.settle, t.maxLateness})
	}
	slices.SortFunc(p.latest, func(a, b [2]state.Duration) int { return strings.Compare(canonical(a), canonical(b)) })
	p.latest = slices.Compact(p.latest)
}

// remembers is until when an event of the world of an instant may change what is said.
func (p *program) remembers(at events.Instant) (until events.Instant) {
	for _, x := range p.latest {
		end := at
		for _, d := range x {
			if d.N > 0 {
				end = p.Calendar.Add(end, d)
			}
		}
		until = max(until, end)
	}
	return until
}

// interests says what a customer's event shows an interest in, and until when.
func (p *program) interests(e *events.Event, say func(state.Interest, events.Instant)) {
	v := p.views.Get().(*view)
	defer p.views.Put(v)
	for _, list := range [...][]int32{p.touched(e), p.all} {
		for _, i := range list {
			if w, ok := p.pieces[i].(*wanted); ok && w.interest.takes(e) {
				w.values(v, &w.interest, w.same, e, func(value string) bool {
					say(w.interestIn(value), p.Calendar.Add(e.Time, w.within))
					return true
				})
			}
		}
	}
}

// offers says which interests an event of the world may meet.
func (p *program) offers(e *events.Event, say func(state.Interest)) {
	v := p.views.Get().(*view)
	defer p.views.Put(v)
	for _, i := range p.wanted[e.Type] {
		w := p.pieces[i].(*wanted)
		w.values(v, &w.event, w.path, e, func(value string) bool {
			say(w.interestIn(value))
			return true
		})
	}
}

func (p *wanted) interestIn(value string) state.Interest {
	return state.Interest{Asks: p.asks, Value: keyOfValue(value)}
}

// meets reports whether an event of the world meets an interest of the customer.
func (p *program) meets(s *State, e *events.Event) bool {
	if s.now.ID == 0 {
		return false
	}
	v := p.views.Get().(*view)
	defer p.views.Put(v)
	return slices.ContainsFunc(p.wanted[e.Type], func(i int32) bool {
		x, _ := s.pieces.at(i).(*wantedState)
		return x != nil && p.pieces[i].(*wanted).metBy(v, x, e) != nil
	})
}

// foldWorld takes an event of the world that meets the customer.
func (p *program) foldWorld(s *State, e *events.Event) {
	s.come(p, e)
	v := p.views.Get().(*view)
	v.state = s
	for _, i := range p.wanted[e.Type] {
		p.foldPiece(v, i, e)
	}
	p.free(v)
}

const (
	wantedWants   wire.Field = 1
	wantedMet     wire.Field = 2
	wantedBecause wire.Field = 3
)

func (p *wanted) append(b []byte, s any) []byte {
	st := s.(*wantedState)
	b, open := wire.Begin(b, wantedWants)
	b = wire.End(st.wants.append(b, p.least), open)
	b = appendMark(b, wantedMet, st.met)
	for _, m := range st.because {
		b = appendMark(b, wantedBecause, m)
	}
	return b
}

func (p *wanted) parse(b []byte, _ *state.Calendar) (any, error) {
	s := new(wantedState)
	r := wire.NewReader(b)
	for f, ok := r.Next(); ok; f, ok = r.Next() {
		switch f {
		case wantedWants:
			if err := s.wants.parse(r.Bytes(), p.least); err != nil {
				return nil, err
			}
		case wantedMet:
			s.met = parseMark(&r)
		case wantedBecause:
			s.because = append(s.because, parseMark(&r))
		}
	}
	return s, r.Err()
}
