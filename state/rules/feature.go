package rules

import (
	"strings"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state"
)

// Name and Version are those of the feature.
const (
	Name    = "rules"
	Version = 1
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
		Changed:     p.changed,
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
		spec.Needs = append(spec.Needs, f.Owner)
	}
	return spec, p.Since, nil
}

func (p *program) facts(s *State, k state.Known, at events.Instant, say func(key string, v state.Value)) {
	if s.now.ID == 0 {
		return
	}
	v := p.view(s, k, at)
	for _, g := range p.segments {
		if is, _ := v.segment(g); is {
			say(g.key, state.Yes)
		}
	}
	p.free(v)
}

// compared notes what is said at an instant.
func (p *program) compared(s *State, k state.Known, at events.Instant) {
	if s.now.ID == 0 {
		return
	}
	v := p.view(s, k, at)
	for i, g := range p.segments {
		s.told[i], _ = v.segment(g)
	}
	s.toldAt, s.toldOnce, s.ahead.stepped = at, len(v.reg.fired), false
	p.free(v)
}

// changed reports whether facts or occurrences are others than they were when they were compared last.
func (p *program) changed(s *State, k state.Known, at events.Instant) bool {
	if s.toldAt == 0 || s.toldAt > at {
		return true
	}
	v := p.view(s, k, at)
	defer p.free(v)
	if s.ahead.stepped && (s.toldOnce > 0 || len(v.reg.fired) > 0) {
		return true
	}
	for i := range v.reg.fired {
		f := &v.reg.fired[i]
		if due := p.triggers[f.trigger].sayAt(p, f.at); due > s.toldAt && due <= at {
			return true
		}
	}
	for i, g := range p.segments {
		if is, _ := v.segment(g); is != s.told[i] {
			return true
		}
	}
	return false
}

func (p *program) horizon(s *State, k state.Known, at events.Instant) events.Instant {
	if s.now.ID == 0 {
		return events.Never
	}
	v := p.view(s, k, at)
	least := events.Never
	for _, g := range p.segments {
		_, until := v.segment(g)
		least = min(least, until)
	}
	for i := range v.reg.fired {
		f := &v.reg.fired[i]
		if say := p.triggers[f.trigger].sayAt(p, f.at); say > at {
			least = min(least, say)
		}
	}
	if p.follows() {
		least = min(least, s.ahead.next)
	}
	p.free(v)
	return least
}

func (p *program) because(s *State, k state.Known, key string, at events.Instant) (marks []state.Mark) {
	v := p.view(s, k, at)
	for _, g := range p.segments {
		if g.key == key {
			g.when.because(v, func(m state.Mark) { marks = append(marks, m) })
		}
	}
	p.free(v)
	return inTime(marks)
}

const triggerPrefix = "trigger/"

func (p *program) occurrences(s *State, k state.Known, at events.Instant, say func(o *state.Occurrence)) {
	if s.now.ID == 0 || len(p.triggers) == 0 {
		return
	}
	v := p.view(s, k, at)
	for i := range v.reg.fired {
		f := &v.reg.fired[i]
		t := p.triggers[f.trigger]
		due := t.sayAt(p, f.at)
		if due > at || f.at < t.since {
			continue
		}
		f.once.Old = at >= p.Calendar.Add(due, t.maxLateness)
		say(&f.once)
	}
	p.free(v)
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
