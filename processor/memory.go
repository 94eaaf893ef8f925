package processor

import (
	"context"
	"math"
	"runtime/debug"
	gometrics "runtime/metrics"
	"sync/atomic"
	"time"
)

// How a process divides its memory. The cache of customers has a quarter of it, unless it was told otherwise, half of that for
// decoded ones, which cost the collector most: with 8 shards in 1 GiB and a quarter for them it took 44 % of the time that a
// lag cost, with an eighth 23 %, and everything was faster. A fifth is left to what the system keeps of its files (cmd). What is
// not given away is the collector's. Badger takes what it needs at least: more of it, for fewer shards, would cost the
// collector more than it saves. Where what it needs while there is much to write leaves the collector no room at all, customers
// give way, of which it takes more time than they save (see tighter). Sooner they should not: read and frozen again and again
// they cost more than the collector.

// fetchMemory is for touchpoints that were read ahead.
func (c *Config) fetchMemory() int { return int(c.Memory / 16) }

// shares counts the shards that this process has or is about to have, which part the memory for shards evenly, and those of
// them that wait for their turn, which lend theirs. Each follows a change by itself, between two of its batches: what comes
// takes its part at once, before the others have given theirs.
//
// tight is how many sixteenths of its part each does without.
type shares struct{ shards, waiting, tight atomic.Int64 }

func (p *shares) join()  { p.shards.Add(1) }
func (p *shares) leave() { p.shards.Add(-1) }

func (p *shares) wait(does bool) {
	if does {
		p.waiting.Add(1)
	} else {
		p.waiting.Add(-1)
	}
}

func (p *shares) get() (shards, waiting int) {
	return int(max(1, p.shards.Load())), int(p.waiting.Load())
}

// watch follows, until ctx ends, how much the collector leaves. Without a limit there is nothing to keep within.
func (p *shares) watch(ctx context.Context) {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	read := []gometrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/gc/cycles/total:gc-cycles"}}
	for cycles := uint64(0); ; {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		gometrics.Read(read)
		limit := debug.SetMemoryLimit(-1)
		if n := read[1].Value.Uint64(); n != cycles && limit != math.MaxInt64 {
			cycles = n
			p.tight.Store(tighter(p.tight.Load(), int64(read[0].Value.Uint64()), limit))
		}
	}
}

// watchEvery is shorter than a checkpoint takes to come, before which what changed cannot go.
const watchEvery = 500 * time.Millisecond

// mostTight leaves half.
const mostTight, allTight = 8, 16

// tighter is how tight it is to be after a collection that left so much live, with a limit.
func tighter(tight, live, limit int64) int64 {
	switch {
	case live > limit/16*15:
		return min(mostTight, tight+2)
	case live < limit/16*13:
		return max(0, tight-1)
	}
	return tight
}

// lent is the part of its memory that a shard lends while it waits.
const lentOf, lent = 8, 7

// share takes this shard's part of the memory, if it is another than before.
func (s *shard) share() {
	n, waiting := s.shares.get()
	part := portion{shards: n, parts: lentOf, room: allTight - s.shares.tight.Load(), gathers: s.turn.held != nil && !s.speaking}
	switch {
	case s.turn.waits:
		part.parts = lentOf - lent
	case s.turn.held != nil:
		part.parts += lent * waiting / max(1, len(s.turn.held))
	}
	if part == s.part {
		return
	}
	s.part = part
	s.limits.dirty, s.limits.gather = s.checkpointBytes(), s.gatherBytes()
	if s.store != nil {
		s.store.Resize(s.cacheBytes())
	}
}

// portion is so many lentOf-ths of one of so many equal shares, and of these as much as there is room for.
type portion struct {
	shards, parts int
	room          int64 // sixteenths
	gathers       bool  // mute, in its turn
}

func (p portion) of(bytes int64) int64 {
	return bytes / int64(p.shards) * int64(p.parts) / lentOf * p.room / allTight
}

// cacheBytes is this shard's part of the cache.
func (s *shard) cacheBytes() int64 { return s.part.of(s.config.CacheBytes) }

// checkpointBytes is how much may change in this shard before a checkpoint that is not due by time. What changed
// stays in memory beyond the cache until it is written, while as much may change again.
func (s *shard) checkpointBytes() int {
	return int(min(64<<20, max(4<<20, s.part.of(s.config.Memory/4))))
}

// gatherBytes is how much this shard gathers while it is mute, when it needs no cache (see gather): its part of a quarter if it
// is its turn (see turns), else of a sixteenth.
func (s *shard) gatherBytes() int {
	if s.part.gathers {
		return int(s.config.Memory/4) / min(cap(s.turn.turns.mute), s.part.shards)
	}
	return int(s.config.Memory/16) / s.part.shards
}

// limits are how much a shard does at a time.
type limits struct {
	dirty   int // bytes changed before a checkpoint that is not due by time
	pending int // bytes of statements that may wait for the broker before folding waits too
	due     int // silent customers whose horizons pass between two batches
	walk    int // customers a walk looks at between two batches
	touched int // customers remembered to be looked at when muteness ends; with more, all are
	refold  int // events folded again between two batches; the customers left wait
	gather  int // bytes of touchpoints that are folded together while the shard is mute
	offer   int // customers whom an event of the world comes to between two looks at what waits
	ahead   int // records of a batch from which on it is decoded ahead
}

func usualLimits() limits {
	return limits{pending: 8 << 20, due: 1000, walk: 500, touched: 20_000, refold: 200_000,
		offer: 500, ahead: usualAhead()}
}
