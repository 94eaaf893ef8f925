package state

import "github.com/touchfold/touchfold/events"

// Savepoints is after how many events there is one.
func (c *Customer) Savepoints() (at []int) {
	for _, s := range c.saves {
		at = append(at, s.n)
	}
	return at
}

// SaveEvery is the least distance of new savepoints.
const SaveEvery = saveEvery

// ReadPacked reads what AppendPacked packed.
func ReadPacked(b []byte, e *events.Event) error { return parseEntry(b, e) }
