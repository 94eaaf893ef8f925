package rules

import (
	"slices"
	"strings"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state"
	"github.com/touchfold/touchfold/state/rules/field"
	"github.com/touchfold/touchfold/state/wire"
)

// runs is the events that may still be steps of a run, in order. A run is completed by its last step; its events are then no
// steps of another run of that value.
type runs struct {
	index     int32 // among the pieces
	steps     []matcher
	within    state.Duration
	strict    bool
	correlate field.Path
	by        bool
	single    []step       // each without a value; never modified
	payload   []field.Path // of the event of the last step
}

type runsState struct {
	done state.Mark // the first completion
	seen []seen
}

// seen is an event and the steps that it may be, each with a value. Of a strict sequence also one that is none.
type seen struct {
	mark state.Mark
	as   []step // in order; what is there is not modified
}

type step struct {
	n     int
	value string
}

// mostSeen bounds how many events of a sequence that is not strict wait for a run; a further one takes the
// place of the oldest.
const mostSeen = 256

func (p *runs) key() string {
	words := []any{"runs", p.within, p.strict, p.correlate.String()}
	for i := range p.steps {
		words = append(words, p.steps[i].canonical)
	}
	if len(p.payload) > 0 {
		words = append(words, paths(p.payload))
	}
	return canonical(words...)
}

func (p *runs) names() (all []string) {
	for i := range p.steps {
		all = append(all, p.steps[i].events...)
	}
	return slices.Compact(slices.Sorted(slices.Values(all)))
}

func (p *runs) zero() any { return new(runsState) }

func (p *runs) fold(v *view, s any, e *events.Event) change {
	st := s.(*runsState)
	n, hits := len(st.seen), len(v.state.hits)
	if !p.strict {
		p.forget(v, st, e.Time)
	}
	x := seen{mark: v.state.now}
	for j := range p.steps {
		m := &p.steps[j]
		if !m.takes(e) {
			continue
		}
		for i := range m.count(e) {
			if m.holds(v, e, i) {
				p.add(v, &x, j)
			}
		}
	}
	if len(x.as) == 0 && !p.strict {
		if len(st.seen) < n {
			return kept
		}
		return same
	}
	st.seen = append(st.seen, x)
	whole := len(p.steps) - 1
	for _, as := range x.as { // which complete leaves as it is
		if as.n == whole {
			p.complete(v, st, as.value, e)
		}
	}
	if !p.strict {
		if len(v.state.hits) > hits {
			st.seen = slices.DeleteFunc(st.seen, func(x seen) bool { return len(x.as) == 0 }) // used up
		}
		whole = mostSeen
	}
	st.seen = slices.Delete(st.seen, 0, max(0, len(st.seen)-whole))
	if len(v.state.hits) > hits {
		return told
	}
	return kept
}

// add notes that x may be a step, with the value of v's subject.
func (p *runs) add(v *view, x *seen, j int) {
	value, ok := p.value(v)
	switch {
	case !ok || slices.Contains(x.as, step{j, value}):
	case x.as == nil && value == "":
		x.as = p.single[j : j+1 : j+1]
	default:
		x.as = append(x.as, step{j, strings.Clone(value)})
	}
}

// forget lets go of events that are too old for any run at an instant.
func (p *runs) forget(v *view, st *runsState, at events.Instant) {
	if within, exact := p.within.Exact(); exact && (len(st.seen) == 0 || st.seen[0].mark.Time >= at-within) {
		return
	}
	st.seen = slices.DeleteFunc(st.seen, func(x seen) bool { return v.program.Calendar.Add(x.mark.Time, p.within) < at })
}

// complete looks for a run of a value that e, the last event, completes: each of its steps the latest that it can be.
func (p *runs) complete(v *view, st *runsState, value string, e *events.Event) {
	at := make([]int, len(p.steps))
	i := len(st.seen) - 1
	for n := len(p.steps) - 1; n >= 0; n-- {
		for i >= 0 && !slices.Contains(st.seen[i].as, step{n, value}) {
			if p.strict {
				return
			}
			i--
		}
		if i < 0 {
			return
		}
		at[n] = i
		i--
	}
	now := st.seen[len(st.seen)-1].mark
	if v.program.Calendar.Add(st.seen[at[0]].mark.Time, p.within) < now.Time {
		return
	}
	h := hit{piece: p.index, mark: now, payload: p.carry(v, value, e)}
	for _, i := range at {
		x := &st.seen[i]
		h.because = append(h.because, x.mark)
		if len(x.as) == 1 {
			x.as = nil
		} else if x.as = slices.DeleteFunc(slices.Clone(x.as), func(s step) bool { return s.value == value }); len(x.as) == 0 {
			x.as = nil
		}
	}
	if st.done.ID == 0 {
		st.done = now
	}
	v.state.hits = append(v.state.hits, h)
}

// carry reads the payload of the first line of e that is the last step with a value.
func (p *runs) carry(v *view, value string, e *events.Event) []string {
	if len(p.payload) == 0 {
		return nil
	}
	m := &p.steps[len(p.steps)-1]
	for i := range m.count(e) {
		if !m.holds(v, e, i) {
			continue
		}
		if x, ok := p.value(v); ok && x == value {
			break
		}
	}
	return capture(v, e, p.payload)
}

func (p *runs) value(v *view) (string, bool) {
	if !p.by {
		return "", true
	}
	x, ok := p.correlate.Read(&v.subject)
	return x.String(), ok
}

// sequenceLeaf is that the steps came one after the other, ever.
type sequenceLeaf struct {
	piece int32
	of    *runs
}

func (l *sequenceLeaf) eval(v *view) (bool, events.Instant) {
	s, _ := v.state.pieces.at(l.piece).(*runsState)
	return s != nil && s.done.ID != 0, events.Never
}

func (l *sequenceLeaf) because(v *view, say func(state.Mark)) {
	if s, _ := v.state.pieces.at(l.piece).(*runsState); s != nil && s.done.ID != 0 {
		say(s.done)
	}
}

func (l *sequenceLeaf) canonical() string { return canonical("sequence", l.of.key()) }

const (
	runsDone wire.Field = 1
	runsSeen wire.Field = 2

	seenMark wire.Field = 1
	seenStep wire.Field = 2

	stepN     wire.Field = 1
	stepValue wire.Field = 2
)

func (p *runs) append(b []byte, s any) []byte {
	st := s.(*runsState)
	b = appendMark(b, runsDone, st.done)
	var m, inner wire.Mark
	for _, x := range st.seen {
		b, m = wire.Begin(b, runsSeen)
		b = appendMark(b, seenMark, x.mark)
		for _, as := range x.as {
			b, inner = wire.Begin(b, seenStep)
			b = wire.AppendUint(b, stepN, uint64(as.n))
			b = wire.AppendBytes(b, stepValue, as.value)
			b = wire.End(b, inner)
		}
		b = wire.End(b, m)
	}
	return b
}

func (p *runs) parse(b []byte, _ *state.Calendar) (any, error) {
	s := new(runsState)
	r := wire.NewReader(b)
	for f, ok := r.Next(); ok; f, ok = r.Next() {
		switch f {
		case runsDone:
			s.done = parseMark(&r)
		case runsSeen:
			x, err := parseSeen(r.Bytes())
			if err != nil {
				return nil, err
			}
			s.seen = append(s.seen, x)
		}
	}
	return s, r.Err()
}

func parseSeen(b []byte) (x seen, err error) {
	r := wire.NewReader(b)
	for f, ok := r.Next(); ok; f, ok = r.Next() {
		switch f {
		case seenMark:
			x.mark = parseMark(&r)
		case seenStep:
			var as step
			in := wire.NewReader(r.Bytes())
			for f, ok := in.Next(); ok; f, ok = in.Next() {
				switch f {
				case stepN:
					as.n = int(in.Uint())
				case stepValue:
					as.value = in.String()
				}
			}
			if in.Err() != nil {
				return x, in.Err()
			}
			x.as = append(x.as, as)
		}
	}
	return x, r.Err()
}
