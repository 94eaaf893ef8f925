package state_test

import (
	"fmt"
	"testing"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state"
)

// A customer with a long history of whom an event comes a little late is read and folded again only a little, whether he was in
// memory all the time or is read from his row.
func TestLittleLate(t *testing.T) {
	r := rules{zone: "UTC", vipOver: 60000, atLeast: 3, potential: 20000, churnOver: 60}
	table := r.table(t)
	var blocks [][]byte
	read := 0
	source := func(_ events.CustomerID, n int, _ uint64, use func([]byte) error) bool {
		read++
		return use(blocks[n]) == nil
	}
	const n, gap = 2000, 1000 // ms between events
	touch := func(c *state.Customer, i int, at events.Instant) {
		e := &events.Event{Source: "s", ID: fmt.Sprint("e", i), Type: events.ProductViewed, Time: at, Customer: "c", Rest: rest(100, uint64(i))}
		c.Take(e)
	}
	save := func(c *state.Customer) {
		c.Seal(1)
		for i := len(blocks); i < c.Sealed(); i++ {
			blocks = append(blocks, append([]byte(nil), c.Block(i)...))
		}
	}
	c := table.New("c")
	for i := range n {
		touch(c, i, events.Instant(i+1)*gap)
		if i%10 == 9 {
			save(c)
			c.Trim(source)
		}
	}
	if in := c.Bytes(); in > 100_000 {
		t.Errorf("%d bytes are kept in memory of %d events", in, n)
	}
	again, err := table.Parse("c", c.AppendRow(nil), source)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]*state.Customer{"in memory": c, "read": again} {
		read = 0
		touch(c, n, n*gap-5500)
		folded := c.Refold()
		if most := map[string]int{"in memory": 100, "read": 100}[name]; folded > most || read > 8 {
			t.Errorf("%s: an event that is late by 5 s has %d folded again and %d blocks read", name, folded, read)
		}
		if c.Events() != n+1 {
			t.Errorf("%s: %d events", name, c.Events())
		}
	}
	if x, y := c.AppendState(nil), again.AppendState(nil); string(x) != string(y) {
		t.Error("who was read again is another")
	}
}
