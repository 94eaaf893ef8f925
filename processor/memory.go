package processor

// How a process divides its memory. The cache of decoded customers has an eighth of it, unless it was told otherwise; a fifth
// is left to what the system keeps of its files (cmd). What is not given away is the collector's: with 8 shards in 1 GiB and
// a cache of a quarter it took 44 % of the time that a lag cost, with an eighth 23 %, and everything was faster.

// fetchMemory is for touchpoints that were read ahead.
func (c *Config) fetchMemory() int { return int(c.Memory / 16) }

// checkpointBytes is how much may change in one of so many shards before a checkpoint that is not due by time. What changed
// stays in memory beyond the cache until it is written, while as much may change again.
func (c *Config) checkpointBytes(shards int) int {
	return int(min(64<<20, max(4<<20, c.Memory/8/int64(shards))))
}

// diskMemory is for what Badger writes of one of so many shards; it has a minimum of its own, and at rest takes an eighth.
func (c *Config) diskMemory(shards int) int64 { return c.Memory / 4 / int64(shards) }
