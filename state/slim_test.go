package state_test

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state"
)

// shelf is what is written of a customer's timeline, as a store has it.
type shelf struct {
	tb     rapid.TB
	blocks [][]byte
	places []uint64
	place  uint64
}

func (s *shelf) write(c *state.Customer) {
	s.place += uint64(rapid.SampledFrom([]int{1, 1, 3, 1 << 40, -7}).Draw(s.tb.(*rapid.T), "step"))
	c.Seal(s.place)
	for n := len(s.blocks); n < c.Sealed(); n++ {
		s.blocks, s.places = append(s.blocks, slices.Clone(c.Block(n))), append(s.places, s.place)
	}
}

func (s *shelf) read(_ events.CustomerID, n int, place uint64, use func([]byte) error) bool {
	if place != s.places[n] {
		s.tb.Fatalf("block %d is looked for at %d; want %d", n, place, s.places[n])
	}
	if err := use(s.blocks[n]); err != nil {
		s.tb.Fatal(err)
	}
	return true
}

// Whenever closed blocks are forgotten, or the customer is read again from his row, he says and is the same.
func TestSlim(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := rules{zone: "Asia/Hong_Kong", vipOver: 60000, atLeast: 3, potential: 20000, churnOver: 60}
		table := r.table(t)
		arrival := drawEvents(t, calendar(t, r.zone).Zone(), 60)
		if rapid.Bool().Draw(t, "in order") {
			slices.SortStableFunc(arrival, func(a, b events.Event) int { return int(a.Time - b.Time) })
		}
		var told [2][]string
		var speakers [2]*state.Speaker
		for i := range speakers {
			speakers[i] = state.NewSpeaker(func(s *events.Statement) { told[i] = append(told[i], fmt.Sprintf("%+v", *s)) })
		}
		whole, slim := table.New("c"), table.New("c")
		s := &shelf{tb: t}
		now, settles := events.Instant(0), rapid.IntRange(1, 4).Draw(t, "settles")
		for i := range arrival {
			now = max(now, arrival[i].Time)
			for j, c := range []*state.Customer{whole, slim} {
				e := own(&arrival[i])
				e.Rest = rest(100+i%3*200, uint64(i))
				if !c.Stale() {
					c.Pass(now, speakers[j])
				}
				if c.Take(e) == state.Folded {
					c.Step(e, now, speakers[j])
				}
				if i%settles == 0 && c.Stale() {
					c.Mend(now, speakers[j])
				}
			}
			switch rapid.IntRange(0, 6).Draw(t, "then") {
			case 4:
				s.write(slim)
				slim.Trim(s.read)
			case 0, 1:
				s.write(slim)
				slim.Slim(s.read)
			case 2:
				s.write(slim)
			case 3:
				if s.write(slim); slim.Stale() {
					break // read again he is due at once
				}
				row := slim.AppendRow(nil)
				if rapid.Bool().Draw(t, "short") {
					row = slim.AppendShort(nil)
				}
				again, err := table.Parse("c", row, s.read)
				if err != nil {
					t.Fatal(err)
				}
				if x, y := slim.AppendRow(nil), again.AppendRow(nil); !slices.Equal(x, y) {
					t.Fatalf("read and written again the row is %x; was %x", y, x)
				}
				slim = again
			}
			if whole.Events() != slim.Events() || whole.Stale() != slim.Stale() { // one may be due early, for nothing
				t.Fatalf("%d events; want %d", slim.Events(), whole.Events())
			}
		}
		for j, c := range []*state.Customer{whole, slim} {
			c.Mend(now, speakers[j])
		}
		if !slices.Equal(told[0], told[1]) {
			t.Fatalf("said:\n%q\nwant:\n%q", told[1], told[0])
		}
		slim.Slim(s.read)
		known := func(c *state.Customer) string { return fmt.Sprintf("%x %s", c.AppendState(nil), factsOf(c, now)) }
		if x, y := known(whole), known(slim); x != y {
			t.Fatalf("%s\nwant %s", y, x)
		}
		var lines [2][]string
		for j, c := range []*state.Customer{whole, slim} {
			c.Timeline(func(e *events.Event) { lines[j] = append(lines[j], text(e)) })
		}
		if !slices.Equal(lines[0], lines[1]) {
			t.Fatalf("timeline %q; want %q", lines[1], lines[0])
		}
	})
}

// Since when a fact has its value is the same whether what came before is in memory or not: also where the last event before
// stands in a closed block, and a late one before it in the tail.
func TestSinceAcrossBlocks(t *testing.T) {
	const dusk = 90_000
	table, err := state.NewTable(&state.Spec[int]{Name: "many", Version: 1, Doc: "counts, and knows the hour",
		Fold: func(n *int, _ *events.Event) { *n++ },
		Facts: func(n *int, _ state.Known, at events.Instant, say func(string, state.Value)) {
			switch {
			case *n < state.SaveEvery:
			case at < dusk:
				say("hour", "day")
			default:
				say("hour", "evening")
			}
		},
		Horizon: func(_ *int, _ state.Known, at events.Instant) events.Instant {
			if at < dusk {
				return dusk
			}
			return events.Never
		},
		Append: func(b []byte, n *int) []byte { return append(b, byte(*n)) },
		Parse: func(b []byte, n *int) error {
			*n = int(b[0])
			return nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, slim := range []bool{false, true} {
		c := table.New("c")
		take := func(i int, at events.Instant) {
			c.Take(&events.Event{Source: "s", ID: fmt.Sprint(i), Type: events.ProductViewed, Time: at, Customer: "c", Rest: rest(100, uint64(i))})
		}
		for i := range state.SaveEvery - 2 {
			take(i, events.Instant(i+1)*1000)
		}
		take(100, 100_000)
		c.Seal(0)
		if c.Sealed() != 1 {
			t.Fatalf("%d blocks are closed; want 1", c.Sealed())
		}
		block := slices.Clone(c.Block(0))
		take(101, 50_000)
		c.Refold()
		if slim && !c.Slim(func(_ events.CustomerID, _ int, _ uint64, use func([]byte) error) bool { return use(block) == nil }) {
			t.Fatal("nothing is forgotten")
		}
		var told []string
		c.Settle(100_000, "", state.NewSpeaker(func(s *events.Statement) {
			told = append(told, fmt.Sprintf("%s since %d by %s", s.Value, s.Effective, s.Cause))
		}))
		if want := []string{"evening since 100000 by event"}; !slices.Equal(told, want) {
			t.Errorf("slim %v: told %q; want %q", slim, told, want)
		}
	}
}
