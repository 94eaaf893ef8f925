package rules

import (
	"fmt"
	"slices"
	"strings"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state"
	"github.com/touchfold/touchfold/state/rules/field"
)

// past is what explanations remember of a customer's events and the state does not: every match, and how far each run came.
type past struct {
	series map[int32]*matched // by piece
	runs   map[int32]tries
}

// matched is the matches of a series, in order, and their values if it is of values.
type matched struct {
	marks  []state.Mark
	values []field.Value
}

// tries are by the value of the correlate field and the number of steps less one the last events that came so far, one a
// step, however long they took and whatever came between.
type tries map[string][][]state.Mark

// take remembers an event that the state has folded.
func (x *past) take(p *program, v *view, e *events.Event) {
	if e.Type.OfWorld() {
		return
	}
	for i := range p.pieces {
		switch p := p.pieces[i].(type) {
		case *series:
			x.match(int32(i), p, v, e)
		case *runs:
			x.step(int32(i), p, v, e)
		}
	}
}

func (x *past) match(i int32, p *series, v *view, e *events.Event) {
	if !p.match.takes(e) {
		return
	}
	m := x.series[i]
	if m == nil {
		m = new(matched)
		x.series[i] = m
	}
	for i := range p.match.count(e) {
		if !p.match.holds(v, e, i) {
			continue
		}
		if p.of {
			value, ok := p.path.Read(&v.subject)
			if !ok {
				continue
			}
			value.Text = strings.Clone(value.Text)
			m.values = append(m.values, value)
		}
		m.marks = append(m.marks, state.MarkOf(e))
	}
}

// step has e go on with the tries that it can, the last step first: it is not after itself.
func (x *past) step(i int32, p *runs, v *view, e *events.Event) {
	all := x.runs[i]
	if all == nil {
		all = tries{}
		x.runs[i] = all
	}
	for n := len(p.steps) - 1; n >= 0; n-- {
		for _, value := range p.values(v, e, n) {
			t := all[value]
			if t == nil {
				t = make([][]state.Mark, len(p.steps))
				all[strings.Clone(value)] = t
			}
			switch {
			case n == 0:
				t[0] = []state.Mark{state.MarkOf(e)}
			case t[n-1] != nil && (p.strict || t[n] == nil || t[n][0] != t[n-1][0]): // else it only came later
				t[n] = append(slices.Clone(t[n-1]), state.MarkOf(e))
			}
		}
	}
	for _, h := range v.state.hits {
		if h.piece == i && h.mark == state.MarkOf(e) {
			all.use(h.because)
		}
	}
}

// values are those with which e is a step.
func (p *runs) values(v *view, e *events.Event, n int) (all []string) {
	m := &p.steps[n]
	if !m.takes(e) {
		return nil
	}
	for i := range m.count(e) {
		if m.holds(v, e, i) {
			if value, ok := p.value(v); ok {
				all = append(all, value)
			}
		}
	}
	return all
}

// use forgets the tries that events were part of: they were a run.
func (all tries) use(marks []state.Mark) {
	for _, t := range all {
		for n := range t {
			if slices.ContainsFunc(t[n], func(m state.Mark) bool { return slices.Contains(marks, m) }) {
				t[n] = nil
			}
		}
	}
}

// best is the try that tells most at v.at: one that can still be a run before others, then the one of most steps, then the
// last.
func (all tries) best(v *view, p *runs) (value string, best []state.Mark) {
	alive := func(t []state.Mark) bool {
		return len(t) > 0 && len(t) < len(p.steps) && v.program.Calendar.Add(t[0].Time, p.within) >= v.at
	}
	better := func(a, b []state.Mark) bool {
		switch {
		case alive(a) != alive(b):
			return alive(a)
		case len(a) != len(b):
			return len(a) > len(b)
		}
		return len(a) > 0 && precedes(b[len(b)-1], a[len(a)-1])
	}
	for of, t := range all {
		for _, t := range t {
			if better(t, best) || slices.Equal(t, best) && of < value {
				value, best = of, t
			}
		}
	}
	return value, best
}

// recall is the matches in a leaf's window at v.at, as they are remembered, and their totals.
func (l *eventLeaf) recall(v *view) (marks []state.Mark, t totals) {
	m := v.past.series[l.piece]
	if m == nil {
		return nil, t
	}
	first, last := events.Instant(0), v.at
	if l.window != (span{}) {
		first, last = l.window.first(v.program.Calendar, v.at), l.window.last(v.program.Calendar, v.at)
	}
	for i, mark := range m.marks {
		if mark.Time < first || mark.Time > last {
			continue
		}
		marks = append(marks, mark)
		if l.series.of {
			t.take(m.values[i], l.aggregate == Distinct || l.aggregate == MostFrequent)
		}
	}
	return marks, t
}

// tell shows of a sequence that was not completed, or as a happening of the next one, how far it came: a part a step.
func (x *past) tell(v *view, n *Node, of *Sequence, piece int32) {
	p := v.program.pieces[piece].(*runs)
	value, try := x.runs[piece].best(v, p)
	n.Value = fmt.Sprintf("%d of %d steps", len(try), len(p.steps))
	if p.by && len(try) > 0 {
		n.Value += " of " + value
	}
	for i := range of.Steps {
		step := &Node{Of: &Event{Match: of.Steps[i]}, Until: events.Never}
		if i < len(try) {
			step.Is, step.From, step.Because, step.Events = true, try[i].Time, try[i:i+1], 1
		}
		n.Parts = append(n.Parts, step)
	}
	if len(try) == 0 {
		return
	}
	n.From, n.To = try[0].Time, v.program.Calendar.Add(try[0].Time, p.within)
	switch last := try[len(try)-1]; {
	case last.Time > n.To:
		n.Note = "too late: it had to be done within the time from the first step on"
	case len(try) == len(p.steps):
		n.Note = "not a run: another event came between"
	case n.To < v.at:
		n.Note = "its time is over"
	}
}

// only leaves aside what a trigger does not depend on: of that no time will come.
func (p *program) only(c *course, trigger int) {
	asked := map[*segment]bool{}
	for i := range c.dues {
		c.dues[i] = events.Never
	}
	c.dues[len(p.tracked)+trigger] = 0
	var need func(x any)
	need = func(x any) {
		switch x := x.(type) {
		case allOf:
			for _, of := range x {
				need(of)
			}
		case anyOf:
			for _, of := range x {
				need(of)
			}
		case notOf:
			need(x.of)
		case *edge:
			c.dues[x.tracked] = 0
			need(x.of)
		case *segmentLeaf:
			if x.inFor.N > 0 {
				c.dues[x.segment.tracked] = 0
			}
			if !asked[x.segment] {
				asked[x.segment] = true
				need(x.segment.when)
			}
		}
	}
	need(p.triggers[trigger].on)
	need(p.triggers[trigger].when)
}
