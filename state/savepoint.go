package state

import "slices"

// A savepoint is what the states were after the first n events: where folding again may begin. Savepoints are kept in
// memory only; without them it begins where a block of the timeline has the states, or at the first event.
type savepoint struct {
	n      int
	states []byte
}

// saveEvery is how many events lie between new savepoints at least. States of more bytes are saved less often, so that
// saving costs an event at most about one byte in eight of what its fold already touches.
const saveEvery = 32

// save keeps a savepoint after n events if one is due. Their distances grow with age, so that there are about
// 2·log2(n/32) of them and folding again costs at most about twice the events that stand after the late one.
func (c *Customer) save(n int) {
	last := 0
	if k := len(c.saves); k > 0 {
		last = c.saves[k-1].n
	}
	if n-last < saveEvery || n-last < c.saveGap {
		return
	}
	size := 512
	if k := len(c.saves); k > 0 { // states grow no faster than the timeline
		size = len(c.saves[k-1].states) * n / last
	}
	b := c.AppendState(make([]byte, 0, size+64))
	c.saveGap = len(b) / 64
	c.saves = append(c.saves, savepoint{n, b})
	for i := len(c.saves) - 3; i > 0; i-- {
		// Of three neighbours the middle one goes if the outer ones are closer than half their age.
		if age := n - c.saves[i-1].n; c.saves[i+1].n-c.saves[i-1].n < age/2 {
			c.saves = slices.Delete(c.saves, i, i+1)
		}
	}
}

// restore is the states at the newest place at or before the n-th event where they are known, with the events from there on in
// memory: a savepoint, what a block of the timeline has, or the beginning. Savepoints after it are dropped if drop is set.
func (c *Customer) restore(n int, drop bool) (states []any, from int) {
	for {
		k := len(c.saves)
		for k > 0 && c.saves[k-1].n > n {
			k--
		}
		var saved savepoint
		if k > 0 {
			saved = c.saves[k-1]
		}
		at, written := c.line.stand(n)
		if at > saved.n {
			saved = savepoint{at, written}
		}
		if !c.line.has(saved.n) && c.back() { // where an event that is not in memory stands among later ones, stand cannot see it
			continue
		}
		if drop {
			c.saves = c.saves[:k]
		}
		if saved.n == 0 {
			return c.table.zero(), 0
		}
		states, whole, err := c.table.parseStates(saved.states)
		switch {
		case err == nil && whole:
			return states, saved.n
		case at < saved.n:
			panic("state: a savepoint cannot be parsed") // a bug of ours: a feature's Append and Parse disagree
		}
		c.line.feet = nil // of another table
	}
}
