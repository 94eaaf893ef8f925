package processor

import "sync/atomic"

// How a process divides its memory. The cache of decoded customers has an eighth of it, unless it was told otherwise; a fifth
// is left to what the system keeps of its files (cmd). What is not given away is the collector's: with 8 shards in 1 GiB and
// a cache of a quarter it took 44 % of the time that a lag cost, with an eighth 23 %, and everything was faster. Badger takes
// what it needs at least: more of it, for fewer shards, would cost the collector more than it saves.

// fetchMemory is for touchpoints that were read ahead.
func (c *Config) fetchMemory() int { return int(c.Memory / 16) }

// shares counts the shards that this process has or is about to have, which part the memory for shards evenly. Each follows a
// change by itself, between two of its batches: what comes takes its part at once, before the others have given theirs.
type shares struct{ shards atomic.Int64 }

func (p *shares) join()      { p.shards.Add(1) }
func (p *shares) leave()     { p.shards.Add(-1) }
func (p *shares) count() int { return int(max(1, p.shards.Load())) }

// share takes this shard's part of the memory, if it is another than before.
func (s *shard) share() {
	n := s.among()
	if n == s.parts {
		return
	}
	s.parts = n
	s.limits.dirty, s.limits.gather = s.config.checkpointBytes(n), s.gatherBytes()
	if s.store != nil {
		s.store.Resize(s.cacheBytes())
	}
}

// cacheBytes is this shard's part of the cache.
func (s *shard) cacheBytes() int64 { return s.config.CacheBytes / int64(s.parts) }

// checkpointBytes is how much may change in one of so many shards before a checkpoint that is not due by time. What changed
// stays in memory beyond the cache until it is written, while as much may change again.
func (c *Config) checkpointBytes(shards int) int {
	return int(min(64<<20, max(4<<20, c.Memory/4/int64(shards))))
}

// gatherBytes is how much this shard gathers while it is mute, when it needs no cache (see gather): its part of a quarter if it
// is its turn (see turns), else of a sixteenth.
func (s *shard) gatherBytes() int {
	if s.turn.has {
		return int(s.config.Memory/4) / min(cap(s.turn.turns), s.parts)
	}
	return int(s.config.Memory/16) / s.parts
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
}

func (c *Config) usualLimits(shards int) limits {
	return limits{dirty: c.checkpointBytes(shards), pending: 8 << 20, due: 1000, walk: 500, touched: 20_000, refold: 200_000,
		gather: int(c.Memory/16) / shards, offer: 500}
}
