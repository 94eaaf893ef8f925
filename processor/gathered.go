package processor

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state"
	"github.com/touchfold/touchfold/state/store"
)

// While a shard is mute nobody hears in which order customers are folded, and what is known of one does not depend on it.
// So touchpoints are gathered, packed, and folded when there are many of them: customer by customer in the order of their
// rows, each of which is read and written once for all that came of him, instead of once a touchpoint.

// gathering is touchpoints that were taken and are not folded yet. They are packed in chunks without a pointer for the
// collector to follow, and those of a customer are linked in the order in which they came.
type gathering struct {
	from   store.Positions             // before the first of them
	clock  events.Instant              // as of the last of them
	of     map[events.CustomerID]int32 // of spans
	spans  []span
	all    []packed
	chunks [][]byte
	used   int // so many chunks
	bytes  int // of memory, about
}

// span is the first and the last touchpoint of a customer in gathering.all.
type span struct{ first, last int32 }

// packed is a touchpoint and where it lies.
type packed struct {
	offset     events.Offset
	chunk      int32
	start, end int32
	next       int32 // of the same customer, 0 at the last: the first of all is nobody's next
}

const (
	gatherChunk = 1 << 20
	// packedBytes and spanBytes are about what a touchpoint and a customer take beside what is packed.
	packedBytes = 32
	spanBytes   = 96
)

func (g *gathering) empty() bool { return len(g.all) == 0 }

func (g *gathering) clear() { *g = gathering{} }

// reuse forgets what was gathered, and keeps the memory for what will be.
func (g *gathering) reuse() {
	clear(g.of)
	*g = gathering{of: g.of, spans: g.spans[:0], all: g.all[:0], chunks: g.chunks}
}

func (g *gathering) add(e *events.Event, at events.Offset) {
	n := g.used - 1
	if n < 0 || len(g.chunks[n]) >= gatherChunk {
		if g.used, n = g.used+1, n+1; n == len(g.chunks) {
			g.chunks = append(g.chunks, make([]byte, 0, gatherChunk+gatherChunk/8))
		}
		g.chunks[n] = g.chunks[n][:0]
	}
	start := len(g.chunks[n])
	g.chunks[n] = state.AppendPacked(g.chunks[n], e)
	x := packed{offset: at, chunk: int32(n), start: int32(start), end: int32(len(g.chunks[n]))}
	g.bytes += int(x.end-x.start) + packedBytes
	i := int32(len(g.all))
	g.all = append(g.all, x)
	if n, known := g.of[e.Customer]; known {
		l := &g.spans[n]
		g.all[l.last].next, l.last = i, i
		return
	}
	if g.of == nil {
		g.of = map[events.CustomerID]int32{}
	}
	id := events.CustomerID(strings.Clone(string(e.Customer))) // and never put there again: a map would keep the new one, and all it is a part of
	g.of[id] = int32(len(g.spans))
	g.spans = append(g.spans, span{i, i})
	g.bytes += len(id) + spanBytes
}

// gathers: the record that is being taken is one that a take-over, or a first start, folds mute.
func (s *shard) gathers() bool { return !s.speaking && s.at.Input <= s.gatherUntil() }

// gatherUntil is the offset behind which what is read is heard.
func (s *shard) gatherUntil() events.Offset {
	if s.at.Speaking {
		return s.at.SaidPosition
	}
	return max(s.at.SaidPosition, s.at.MuteUntil)
}

// gather puts a touchpoint aside to be folded with others of its customer.
func (s *shard) gather(e *events.Event) {
	g := &s.gathered
	if g.empty() {
		g.from = s.at
		g.from.Input = s.at.Input - 1
	}
	g.clock = s.at.Clock
	g.add(e, s.at.Input-1)
}

// foldMany folds what was gathered once it is much.
func (s *shard) foldMany(ctx context.Context) error {
	if s.gathered.bytes < s.limits.gather {
		return nil
	}
	s.store.Resize(s.cacheBytes() / 8) // whoever was read is not met again before all others were; see speak
	return s.deliver(ctx)
}

// foldGathered folds what was gathered. What is saved on the way goes with the positions from before: whoever goes on from
// there finds in some rows what he is about to fold, and passes over it.
func (s *shard) foldGathered(ctx context.Context) error {
	g := &s.gathered
	if g.empty() {
		return nil
	}
	refolded := 0
	for _, id := range slices.Sorted(maps.Keys(g.of)) {
		n, err := s.foldAll(id, g.spans[g.of[id]].first)
		if err != nil {
			return err
		}
		if refolded += n; s.store.DirtyBytes() < s.limits.dirty {
			continue
		}
		if err := s.save(s.before()); err != nil {
			return err
		}
		if err := s.renew(ctx); err != nil {
			return err
		}
		if s.stopping() {
			return errStopped
		}
	}
	s.m.refolded.Add(float64(refolded))
	s.due = s.due || g.clock < s.at.Clock
	g.reuse()
	return nil
}

// foldAll folds a customer's gathered touchpoints, and returns how many of all that he has were folded again.
func (s *shard) foldAll(id events.CustomerID, first int32) (refolded int, err error) {
	c, err := s.store.Customer(id)
	if err != nil {
		return 0, err
	}
	for i := first; ; {
		x := &s.gathered.all[i]
		did, err := c.TakePacked(s.gathered.chunks[x.chunk][x.start:x.end], &s.event)
		if err != nil {
			return 0, err
		}
		if !s.event.Type.OfWorld() {
			s.m.count(s.event.Type, outcomeOf[did])
		}
		c.Applied = x.offset + 1
		if i = x.next; i == 0 {
			break
		}
	}
	n := c.Refold()
	c.Settle(s.gathered.clock, "", s.speaker) // what time makes since is still to come
	s.store.Changed(c)
	s.touch(c.ID())
	return n, nil
}

// before is the positions with which what is folded of the gathered may be saved while not all of it is.
func (s *shard) before() store.Positions {
	at := s.gathered.from
	at.Output, at.OutputBatch, at.OutputCRC = s.at.Output, s.at.OutputBatch, s.at.OutputCRC
	at.Producer, at.Epoch, at.ProducerIDs, at.Walk = s.at.Producer, s.at.Epoch, s.at.ProducerIDs, s.at.Walk
	return at
}

// ungather forgets what was gathered: it is to be read again.
func (s *shard) ungather() {
	if !s.gathered.empty() {
		s.at = s.before()
		s.gathered.clear()
	}
}
