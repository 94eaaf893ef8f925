// Package oracle is what docs/rulebook.md means, written as naively as can be and from that text alone: every answer is
// worked out from the whole timeline again. It is for tests, and shares no code with package rules but the types of a
// book. Its one rule: where it and the evaluator differ, one of them or the text is wrong.
package oracle

import (
	"fmt"
	"slices"
	"time"

	"cel.dev/cel-go/cel"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state/rules"
)

// World is what is asked about. It is not for concurrent use.
type World struct {
	Zone     *time.Location // of the business
	Currency events.Currency
	Book     *rules.Book
	// Figures is the figure of that name at an instant, of the events up to then; false if there is none.
	Figures func(name string, window rules.Window, list []events.Event, at events.Instant) (rules.Value, bool)
	// Since is from when on a trigger is in force, by its id; what it lacks is so for ever.
	Since map[string]events.Instant

	programs map[string]cel.Program
	zones    map[string]*time.Location
}

// Occurrence is one time that a trigger happened and stands.
type Occurrence struct {
	Key  string
	T0   events.Instant
	Said events.Instant
}

// Stay is a time in a segment: from From on, up to and without To, which is Never if it goes on.
type Stay struct{ From, To events.Instant }

// Truth is whether the customer of a timeline is in a segment at an instant. What came later than that does not count.
func Truth(w *World, list []events.Event, segment string, at events.Instant) bool {
	r := newRun(w, list, at)
	return r.inside(r.segment(segment), at)
}

// Stays are the times in a segment that began at or before an instant.
func Stays(w *World, list []events.Event, segment string, until events.Instant) []Stay {
	return newRun(w, list, until).stays(segment)
}

// Occurrences are those of a trigger with T0 at or before an instant, in their order; without those before Since.
func Occurrences(w *World, list []events.Event, trigger string, until events.Instant) (said []Occurrence) {
	i := slices.IndexFunc(w.Book.Triggers, func(t rules.Trigger) bool { return t.ID == trigger })
	if i < 0 {
		panic(fmt.Sprintf("oracle: there is no trigger %q", trigger))
	}
	for _, o := range newRun(w, list, until).standing(&w.Book.Triggers[i]) {
		if o.T0 >= w.Since[trigger] {
			said = append(said, o)
		}
	}
	return said
}

// Edges are the instants up to until at which anything that the book says of the customer could change, in order: more
// than those at which it does.
func Edges(w *World, list []events.Event, until events.Instant) []events.Instant {
	r := newRun(w, list, until)
	var all []rules.Condition
	for i := range w.Book.Segments {
		all = append(all, w.Book.Segments[i].When)
	}
	for i := range w.Book.Triggers {
		t := &w.Book.Triggers[i]
		all = append(all, t.On)
		if t.When != nil {
			all = append(all, t.When)
		}
	}
	return r.edges(all...)
}

// run is one question: events up to an instant, none after it.
type run struct {
	w         *World
	list      []events.Event // the customer's
	catalogue []events.Event // of the catalogue and of the world
	until     events.Instant

	// What follows from list alone, whatever the instant, is found once.
	found  map[wanted][]hit
	stayed map[string][]Stay
	first  map[*rules.Sequence]int
}

func newRun(w *World, list []events.Event, until events.Instant) *run {
	if w.programs == nil {
		w.programs, w.zones = map[string]cel.Program{}, map[string]*time.Location{}
	}
	r := &run{w: w, until: until, found: map[wanted][]hit{}, stayed: map[string][]Stay{}, first: map[*rules.Sequence]int{}}
	for _, e := range list {
		switch {
		case e.Time > until:
		case e.Type.OfWorld():
			r.catalogue = append(r.catalogue, e)
		default:
			r.list = append(r.list, e)
		}
	}
	return r
}

func (r *run) segment(id string) *rules.Segment {
	for i := range r.w.Book.Segments {
		if r.w.Book.Segments[i].ID == id {
			return &r.w.Book.Segments[i]
		}
	}
	panic(fmt.Sprintf("oracle: there is no segment %q", id))
}

// known says whether the customer had an event by then: nothing is so of one who had none.
func (r *run) known(at events.Instant) bool { return len(r.list) > 0 && r.list[0].Time <= at }

func (r *run) inside(s *rules.Segment, at events.Instant) bool {
	if !r.known(at) {
		return false
	}
	is, _ := r.holds(s.When, at)
	return is
}

// stays asks at every instant at which the segment could change.
func (r *run) stays(id string) []Stay {
	if s, ok := r.stayed[id]; ok {
		return s
	}
	s := r.segment(id)
	var list []Stay
	r.walk(r.edges(s.When), func(at events.Instant) string {
		is := r.inside(s, at)
		switch n := len(list); {
		case is && (n == 0 || list[n-1].To != events.Never):
			list = append(list, Stay{at, events.Never})
		case !is && n > 0 && list[n-1].To == events.Never:
			list[n-1].To = at
		}
		return fmt.Sprint(is)
	})
	r.stayed[id] = list
	return list
}

// walk asks at all edges, the millisecond before and the one after. That an answer changed between two instants that are
// not neighbours means that an edge is missing: a bug of the oracle.
func (r *run) walk(edges []events.Instant, ask func(at events.Instant) string) {
	var at []events.Instant
	for _, e := range edges {
		at = append(at, e-1, e, e+1)
	}
	slices.Sort(at)
	at = slices.Compact(at)
	last := ""
	for i, t := range at {
		if !r.known(t) || t > r.until {
			continue
		}
		answer := ask(t)
		if answer != last && i > 0 && at[i-1] != t-1 {
			panic(fmt.Sprintf("oracle: an answer changed between %v and %v, where no edge is", at[i-1], t))
		}
		last = answer
	}
}
