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
		Settled:     p.settled,
		Horizon:     p.horizon,
		Because:     p.because,
		Report:      p.report,
		Append:      p.append,
		Parse:       p.parse,
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
		o := state.Occurrence{Key: f.fact, At: f.at, Old: at >= p.Calendar.Add(due, t.maxLateness),
			Because: f.because, Rule: t.id}
		if t.expires.N > 0 {
			o.Expires = p.Calendar.Add(f.at, t.expires)
		}
		for i, value := range f.payload {
			if value != "" {
				o.Payload = append(o.Payload, events.Property{Name: t.payload[i].Name, Value: value})
			}
		}
		say(&o)
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
