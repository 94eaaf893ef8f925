package state_test

import (
	"fmt"
	"math/bits"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state"
)

// course is a long history in order, events up to gap apart: page views, and every tenth event an order.
func course(n int, seed uint64, gap events.Instant) []events.Event {
	random := rand.New(rand.NewPCG(seed, 1))
	list := make([]events.Event, n)
	at := events.Instant(1_300_000_000_000)
	for i := range list {
		at += events.Instant(random.Int64N(int64(gap)))
		e := events.Event{Customer: "c", Type: events.PageViewed, Channel: "web", ID: fmt.Sprintf("e%d", i), Time: at, Content: uint64(i)}
		if random.IntN(10) == 0 {
			e.Type = events.OrderCompleted
			e.Order = events.Order{ID: fmt.Sprintf("o%d", random.IntN(n)), Currency: hkd, Value: random.Int64N(50000), Stated: true}
			e.Items = []events.Item{{ProductID: fmt.Sprintf("p%d", random.IntN(50)), Quantity: 1000}}
		}
		e.Name = e.Type.Name()
		list[i] = e
	}
	return list
}

// Long histories with late events and copies at all distances come, from savepoints, to what folding from the first event
// comes to.
func TestSavepointsAgree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := rules{zone: "Asia/Hong_Kong", vipOver: 60000, atLeast: 12, potential: 20000, churnOver: 183}
		table := r.table(t)
		n := rapid.IntRange(200, 450).Draw(t, "events")
		list := course(n, rapid.Uint64().Draw(t, "seed"), 12*hour)
		arrival := delayed(t, list)
		c := table.New("c")
		for i := range arrival {
			c.Take(own(&arrival[i]))
			if i%3 != 0 {
				c.Refold()
			}
			if rapid.IntRange(0, 60).Draw(t, "copy") == 0 { // earlier than what it takes the place of
				e := own(&arrival[rapid.IntRange(0, i).Draw(t, "of")])
				e.Time -= events.Instant(rapid.Int64Range(1, int64(20*day)).Draw(t, "earlier"))
				c.Take(e)
			}
		}
		c.Refold()
		fresh := table.New("c")
		c.Timeline(func(e *events.Event) { fresh.Take(own(e)) })
		for _, at := range instants(list[n-1].Time)[:2] {
			if x, y := digest(t, fresh, at), digest(t, c, at); x != y {
				t.Fatalf("at %s\nfrom the first event:\n%s\nfrom savepoints:\n%s", at, x, y)
			}
		}
		checkSpacing(t, c)
	})
}

// delayed is a list of which some events are held back by any distance, near or far.
func delayed(t *rapid.T, list []events.Event) []events.Event {
	arrival, n := slices.Clone(list), len(list)
	for range rapid.IntRange(1, 12).Draw(t, "late ones") {
		from := rapid.IntRange(0, n-2).Draw(t, "which")
		to := min(n-1, from+1<<rapid.IntRange(0, 9).Draw(t, "by"))
		late := arrival[from]
		copy(arrival[from:to], arrival[from+1:to+1])
		arrival[to] = late
	}
	return arrival
}

// checkSpacing checks what savepoint.go promises: folding again from any late event costs at most twice the events after
// it and what lies between new savepoints, and there are about 2·log2(n/32).
func checkSpacing(tb rapid.TB, c *state.Customer) {
	tb.Helper()
	saves, n := c.Savepoints(), c.Events()
	if most := 2*bits.Len(uint(n/state.SaveEvery)) + 2; len(saves) > most {
		tb.Fatalf("%d savepoints of %d events, at most %d: %v", len(saves), n, most, saves)
	}
	if !slices.IsSorted(saves) {
		tb.Fatalf("savepoints %v", saves)
	}
	for i := range saves {
		after := n // events from here on are folded again if the late one stands just before the next savepoint
		if i+1 < len(saves) {
			after = n - saves[i+1]
		} else {
			after = 0
		}
		if cost := n - saves[i]; cost > 2*after+3*state.SaveEvery {
			tb.Fatalf("%d events: after savepoint %d of %v, %d are folded again for %d", n, saves[i], saves, cost, after)
		}
	}
}

// In order the savepoints stay few and geometric at every length.
func TestSavepointsAreGeometric(t *testing.T) {
	c := rules{zone: "UTC", atLeast: 12}.table(t).New("c")
	for i, e := range course(20_000, 1, hour) {
		e.Type = events.PageViewed // states stay small, so that only the number of events spaces savepoints
		e.Order, e.Items = events.Order{}, nil
		c.Take(&e)
		if i%97 == 0 {
			checkSpacing(t, c)
		}
	}
	t.Logf("20,000 events: savepoints after %v", c.Savepoints())
}
