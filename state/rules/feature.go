package rules

import (
	"math/bits"
	"slices"
	"strings"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state"
)

// Name and Version are those of the feature.
const (
	Name    = "rules"
	Version = 2
)

// New is the feature of the rules of a book and from when on its triggers are in force, or all that is wrong with it.
func New(c Config) (*state.Spec[State], state.Since, []Fault) {
	p, faults := compile(c)
	if len(faults) > 0 {
		return nil, nil, faults
	}
	spec := &state.Spec[State]{
		Name:        Name,
		Version:     Version,
		Doc:         "the segments and triggers of the rulebook",
		Basis:       p.basis,
		Fold:        p.fold,
		Before:      p.before,
		Facts:       p.facts,
		Occurrences: p.occurrences,
		Changes:     p.changes,
		Compared:    p.compared,
		Settled:     p.settled,
		Horizon:     p.horizon,
		Because:     p.because,
		Report:      p.report,
		Append:      p.append,
		Parse:       p.parse,
	}
	if len(p.latest) > 0 {
		spec.World = &state.World[State]{Meets: p.meets, Worldly: state.Worldly{Asks: p.asks, Interests: p.interests,
			Offers: p.offers, Remembers: p.remembers}}
	}
	for _, f := range c.Figures {
		if !slices.Contains(spec.Needs, f.Owner) {
			spec.Needs = append(spec.Needs, f.Owner)
		}
	}
	return spec, p.Since, nil
}

func (p *program) facts(s *State, k state.Known, at events.Instant, say func(key string, v state.Value)) {
	if s.now.ID == 0 {
		return
	}
	p.bring(s, k, at)
	for i := s.members.is.next(0); i >= 0; i = s.members.is.next(i + 1) {
		say(p.segments[i].key, state.Yes)
	}
}

// bring follows time, and asks all segments, up to an instant.
func (p *program) bring(s *State, k state.Known, at events.Instant) {
	s.prepare(p)
	if s.moved {
		s.restamp(p, k)
	}
	if s.members.certain(at) && (!p.follows() || s.reg.here <= at && at < s.reg.next) {
		return
	}
	v := p.view(s, k, at)
	v.segments()
	p.free(v)
}

// compared notes what is said at an instant.
func (p *program) compared(s *State, k state.Known, at events.Instant) {
	if s.now.ID == 0 {
		return
	}
	p.bring(s, k, at)
	copy(s.members.told, s.members.is)
	for i := range s.reg.fired {
		s.reg.tell(&s.reg.fired[i], at)
	}
	s.toldAt, s.reg.unsure = at, false
}

// tell notes that an occurrence is compared, if it is due.
func (c *course) tell(f *fired, at events.Instant) bool {
	if f.told || f.due > at {
		return false
	}
	f.told = true
	c.fresh--
	return true
}

// changes says what facts and occurrences are others than they were when they were compared last.
func (p *program) changes(s *State, k state.Known, at events.Instant, say func(key string, v state.Value),
	once func(*state.Occurrence)) bool {
	if s.toldAt == 0 || s.toldAt > at {
		return false
	}
	p.bring(s, k, at)
	if s.reg.unsure {
		return false
	}
	m, c := &s.members, &s.reg
	for w := range m.is {
		for d := m.is[w] ^ m.told[w]; d != 0; d &= d - 1 {
			g := p.segments[64*w+bits.TrailingZeros64(d)]
			say(g.key, map[bool]state.Value{true: state.Yes}[m.is.has(g.index)])
		}
		m.told[w] = m.is[w]
	}
	for i := len(c.fired) - 1; i >= 0 && c.fresh > 0; i-- {
		if f := &c.fired[i]; c.tell(f, at) {
			o := p.occurrence(f, at)
			once(&o)
		}
	}
	s.toldAt = at
	return true
}

func (p *program) horizon(s *State, k state.Known, at events.Instant) events.Instant {
	if s.now.ID == 0 {
		return events.Never
	}
	p.bring(s, k, at)
	least := events.Never
	if len(p.segments) > 0 {
		least = s.members.due
	}
	if !p.follows() {
		return least
	}
	c := &s.reg
	if len(c.fired) > 0 && c.late > at {
		for i := range c.fired {
			if due := c.fired[i].due; due > at {
				least = min(least, due)
			}
		}
	}
	return min(least, c.next)
}

// because is what decides a segment; of one that time has just ended what decided it until then and no longer does.
func (p *program) because(s *State, k state.Known, key string, at events.Instant) (marks []state.Mark) {
	g := p.index[key]
	if g == nil {
		return nil
	}
	v := p.view(s, k, at)
	defer p.free(v)
	marks = g.decided(v)
	if is, _ := v.segment(g); is || s.now.Time >= at {
		return marks
	}
	v.at = at - 1
	if was, _ := g.when.eval(v); was {
		gone := slices.DeleteFunc(g.decided(v), func(m state.Mark) bool { return slices.Contains(marks, m) })
		if len(gone) > 0 {
			return gone
		}
	}
	return marks
}

// decided is the events that decide a segment at v.at, in order.
func (g *segment) decided(v *view) []state.Mark {
	v.marks = v.marks[:0]
	v.decides(g.when, v.mark)
	return slices.Clone(inTime(v.marks))
}

const triggerPrefix = "trigger/"

func (p *program) occurrences(s *State, k state.Known, at events.Instant, say func(o *state.Occurrence)) {
	if s.now.ID == 0 || len(p.triggers) == 0 {
		return
	}
	p.bring(s, k, at)
	for i := range s.reg.fired {
		if f := &s.reg.fired[i]; f.due <= at && f.at >= p.triggers[f.trigger].since {
			o := p.occurrence(f, at)
			say(&o)
		}
	}
}

// settled reports whether what was said of an occurrence is history.
func (p *program) settled(key string, effective, at events.Instant) bool {
	id, _, _ := strings.Cut(strings.TrimPrefix(key, triggerPrefix), "/")
	for _, t := range p.triggers {
		if t.id == id {
			return effective < t.since || at >= p.Calendar.Add(t.sayAt(p, effective), t.maxLateness)
		}
	}
	return true
}
