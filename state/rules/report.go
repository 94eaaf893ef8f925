package rules

import (
	"encoding/json"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state"
)

// Report is what Customer.Report shows of the rules: his segments, and until when. It is his until his next event.
type Report struct {
	program *program
	state   *State
	known   state.Known
	at      events.Instant
	past    *past // of Explain
}

func (p *program) report(s *State, k state.Known, at events.Instant) any {
	return &Report{program: p, state: s, known: k, at: at}
}

// MarshalJSON writes each segment with what it is.
func (r *Report) MarshalJSON() ([]byte, error) {
	type in struct {
		Is    bool   `json:"in"`
		Until string `json:"until"`
	}
	all := map[string]in{}
	if r.state.now.ID != 0 {
		v := r.program.view(r.state, r.known, r.at)
		for _, g := range r.program.segments {
			is, until := v.segment(g)
			all[g.id] = in{is, until.String()}
		}
		r.program.free(v)
	}
	return json.Marshal(map[string]any{"segments": all})
}

// ask is what a condition is at an instant.
func (r *Report) ask(c condition, at events.Instant) (bool, events.Instant) {
	v := r.program.view(r.state, r.known, at)
	defer r.program.free(v)
	return c.eval(v)
}

// lasts is when a condition is no longer what it is if no event comes; sure is false if it may be later.
func (r *Report) lasts(c condition, at events.Instant) (until events.Instant, sure bool) {
	is, until := r.ask(c, at)
	for range mostAhead {
		if until == events.Never {
			return until, true
		}
		now, end := r.ask(c, until)
		if now != is {
			return until, true
		}
		until = end
	}
	return until, false
}

// follow follows time from the last event on, in registers of its own, and shows each instant at which something may have
// changed, of one trigger unless it is negative, until f is false.
func (r *Report) follow(to events.Instant, trigger int, f func(v *view) bool) {
	p, s := r.program, r.state
	if !p.follows() {
		return
	}
	s.prepare(p)
	past := s.reg.settled()
	own := course{registers: past.clone(), next: s.now.Time, every: true, dues: make([]events.Instant, p.followed())}
	if trigger >= 0 {
		p.only(&own, trigger)
	}
	v := p.views.Get().(*view)
	defer p.free(v)
	v.state, v.known, v.reg, v.past = s, r.known, &own, r.past
	for own.next <= to && own.next != events.Never {
		v.at = own.next
		p.step(v)
		if !f(v) {
			return
		}
	}
}
