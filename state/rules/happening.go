package rules

import (
	"math"
	"slices"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state"
	"github.com/touchfold/touchfold/state/rules/field"
	"github.com/touchfold/touchfold/state/wire"
)

// A happening is what may make a trigger's occurrence.
type happening interface {
	// next is the first instant after one at which it happens if no event comes, or earlier.
	next(v *view, after events.Instant) events.Instant
	// each adds what happens at v.at to v's candidates.
	each(v *view)
	canonical() string
}

// candidate is something that happened; whether it stands is the trigger's to say.
type candidate struct {
	mark    state.Mark   // the event that decided it
	key     string       // "": that of the mark
	repeats bool         // the same event may decide another, which has a key of its own, and none goes back to an earlier one
	recurs  bool         // the same key may come again at another instant, and does not count then
	order   int          // of the event in its instant, if it happens by one
	because []state.Mark // nil: mark alone
	payload []string
}

// name gives it its key.
func (c *candidate) name() {
	if c.key == "" {
		c.key = keyOf(c.mark)
	}
}

func (v *view) happens(c candidate) { v.candidates = append(v.candidates, c) }

// edge happens when a tracked condition becomes true, or is no longer.
type edge struct {
	tracked int
	of      condition
	rise    bool
}

func (h *edge) next(*view, events.Instant) events.Instant { return events.Never } // the condition is tracked

func (h *edge) each(v *view) {
	t := v.reg.tracked[h.tracked]
	if t.since != v.at || t.is != h.rise {
		return
	}
	var all []state.Mark
	v.decides(h.of, func(m state.Mark) { all = append(all, m) })
	all = inTime(all)
	n := len(all)
	c := candidate{repeats: true, mark: v.state.own, because: slices.Clone(all[max(0, n-events.MaxBecause):])}
	if n > 0 {
		c.mark = all[n-1]
	}
	v.happens(c)
}

func (h *edge) canonical() string { return canonical("edge", h.rise, h.of.canonical()) }

// hit is a match of a trigger's event, at the instant of the last event.
type hit struct {
	piece   int32
	mark    state.Mark
	because []state.Mark // nil: mark alone
	payload []string
	key     string // of an event of the world
}

// matches happens with each match of a piece that notes hits.
type matches struct {
	piece int32
	text  string // its meaning
}

func (h *matches) canonical() string { return canonical("matches", h.text) }

func (h *matches) next(*view, events.Instant) events.Instant { return events.Never }

func (h *matches) each(v *view) {
	for i := range v.state.hits {
		if x := &v.state.hits[i]; x.piece == h.piece && x.mark.Time == v.at {
			v.happens(candidate{mark: x.mark, order: i, because: x.because, payload: x.payload})
		}
	}
}

// each is the piece of a trigger on each match: it keeps nothing but the hits.
type each struct {
	index   int32
	match   matcher
	payload []field.Path
}

func (p *each) key() string                                { return canonical("each", p.match.canonical, paths(p.payload)) }
func (p *each) names() []string                            { return p.match.events }
func (p *each) zero() any                                  { return nil }
func (p *each) append(b []byte, _ any) []byte              { return b }
func (p *each) parse([]byte, *state.Calendar) (any, error) { return nil, nil }

func (p *each) fold(v *view, _ any, e *events.Event) change {
	n := len(v.state.hits)
	for i := range p.match.count(e) {
		if p.match.holds(v, e, i) {
			v.state.hits = append(v.state.hits, hit{piece: p.index, mark: v.state.now, payload: capture(v, e, p.payload)})
		}
	}
	return toldIf(len(v.state.hits) > n)
}

const (
	hitPiece   wire.Field = 1
	hitMark    wire.Field = 2
	hitPayload wire.Field = 3
	hitBecause wire.Field = 4
	hitKey     wire.Field = 5
)

func (h *hit) append(b []byte) []byte {
	b, m := wire.Begin(b, stateHit)
	b = wire.AppendUint(b, hitPiece, uint64(h.piece))
	b = appendMark(b, hitMark, h.mark)
	b = appendTexts(b, hitPayload, h.payload)
	for _, m := range h.because {
		b = appendMark(b, hitBecause, m)
	}
	b = wire.AppendBytes(b, hitKey, h.key)
	return wire.End(b, m)
}

func (s *State) parseHit(b []byte) error {
	var h hit
	in := wire.NewReader(b)
	for f, ok := in.Next(); ok; f, ok = in.Next() {
		switch f {
		case hitPiece:
			h.piece = int32(min(in.Uint(), math.MaxInt32))
		case hitMark:
			h.mark = parseMark(&in)
		case hitPayload:
			h.payload = append(h.payload, in.String())
		case hitKey:
			h.key = in.String()
		case hitBecause:
			h.because = append(h.because, parseMark(&in))
		}
	}
	s.hits = append(s.hits, h)
	return in.Err()
}
