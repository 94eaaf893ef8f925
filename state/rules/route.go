package rules

import (
	"slices"
	"strings"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state"
)

// route notes who depends on what.
func (c *compiler) route() {
	p := c.program
	r := &p.readers
	r.ofPiece, r.onType = make([]reader, len(p.pieces)), make([]reader, len(events.Types())+1)
	for i := range c.users {
		c.reads(&c.users[i], func(r *reader) { r.segments = r.segments.with(len(p.segments), i) })
	}
	p.edges = make([][]int32, len(p.tracked))
	followed := slices.Concat(c.follow, c.on)
	for i := range followed {
		if i >= len(p.tracked) {
			if e, ok := p.triggers[i-len(p.tracked)].on.(*edge); ok { // it happens by what is tracked alone
				p.edges[e.tracked] = append(p.edges[e.tracked], int32(i))
				continue
			}
		}
		c.reads(&followed[i], func(r *reader) { r.followed = append(r.followed, int32(i)) })
	}
}

// reads calls add with all that u depends on, each once.
func (c *compiler) reads(u *uses, add func(r *reader)) {
	r := &c.program.readers
	for _, i := range slices.Compact(slices.Sorted(slices.Values(u.pieces))) {
		add(&r.ofPiece[i])
	}
	for t := range r.onType {
		if u.any || slices.Contains(u.types, events.Type(t)) {
			add(&r.onType[t])
		}
	}
	if u.everybody {
		add(&r.atStart)
	}
	for n, f := range u.stamped {
		if !slices.Contains(u.stamped[:n], f) {
			add(r.of(f))
		}
	}
}

// of is who depends on a figure.
func (r *readers) of(f *state.Figure) *reader {
	for i := range r.stamped {
		if r.stamped[i].figure == f {
			return &r.stamped[i].reader
		}
	}
	r.stamped = append(r.stamped, stamped{figure: f})
	return &r.stamped[len(r.stamped)-1].reader
}

// inOrder is the segments, each behind those that it asks for; the faults are circles.
func inOrder(all []Segment) (ordered []*Segment, faults []Fault) {
	const visiting, done = 1, 2
	seen := map[*Segment]int{}
	byID := map[string]*Segment{}
	for i := range all {
		byID[all[i].ID] = &all[i]
	}
	var path []string
	var visit func(s *Segment)
	visit = func(s *Segment) {
		switch seen[s] {
		case done:
			return
		case visiting:
			circle := append(slices.Clone(path[slices.Index(path, s.ID):]), s.ID)
			faults = append(faults, Fault{s.At, s.ID, "asks for itself: " + strings.Join(circle, " → ")})
			return
		}
		seen[s] = visiting
		path = append(path, s.ID)
		Each(s.When, func(c Condition) {
			if in, ok := c.(*InSegment); ok && byID[in.ID] != nil {
				visit(byID[in.ID])
			}
		})
		path = path[:len(path)-1]
		seen[s] = done
		ordered = append(ordered, s)
	}
	for i := range all {
		visit(&all[i])
	}
	return ordered, faults
}
