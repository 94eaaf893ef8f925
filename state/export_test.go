package state

// Savepoints is after how many events there is one.
func (c *Customer) Savepoints() (at []int) {
	for _, s := range c.saves {
		at = append(at, s.n)
	}
	return at
}

// SaveEvery is the least distance of new savepoints.
const SaveEvery = saveEvery
