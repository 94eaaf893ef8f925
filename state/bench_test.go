package state_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state"
)

// BenchmarkTake is what one event costs its customer, at the end of a history of so many: Pass, Take, Step (or Refold and
// Settle, if it is late). Statements are listened to. Late ones come up to a day late.
func BenchmarkTake(b *testing.B) {
	for _, had := range []int{20, 1000, 100_000} {
		for _, late := range []int{0, 1, 20} {
			b.Run(fmt.Sprintf("had=%d/late=%d%%", had, late), func(b *testing.B) { benchmarkTake(b, had, late) })
		}
	}
}

func benchmarkTake(b *testing.B, had, late int) {
	table := benchRules.table(b)
	list := course(2*had, 1, hour) // measured while the history grows from had to twice that, then made anew
	random := rand.New(rand.NewPCG(2, 2))
	for i := had; i < len(list); i++ {
		if random.IntN(100) < late {
			list[i].Time -= events.Instant(random.Int64N(int64(day)))
		}
	}
	sp := state.NewSpeaker(func(*events.Statement) {})
	var c *state.Customer
	var clock events.Instant
	n := len(list)
	b.ReportAllocs()
	for b.Loop() {
		if n == len(list) {
			b.StopTimer()
			c, clock, n = table.New("c"), list[had-1].Time, had
			for i := range list[:had] {
				c.Take(&list[i])
			}
			c.Settle(clock, "", sp)
			b.StartTimer()
		}
		e := &list[n]
		clock = max(clock, e.Time+second)
		c.Pass(clock, sp)
		if c.Take(e) == state.Folded {
			c.Step(e, clock, sp)
		} else {
			c.Refold()
			c.Settle(clock, events.ByCorrection, sp)
		}
		n++
	}
}

var benchRules = rules{zone: "Asia/Hong_Kong", vipOver: 10_000_000, atLeast: 12, potential: 200_000, churnOver: 183}

// BenchmarkRow is writing a customer's row and reading it.
func BenchmarkRow(b *testing.B) {
	table := benchRules.table(b)
	for _, had := range []int{20, 1000} {
		c := folded(table, course(had, 1, hour))
		row := c.AppendRow(nil)
		b.Run(fmt.Sprintf("write/had=%d", had), func(b *testing.B) {
			b.ReportAllocs()
			var buf []byte
			for b.Loop() {
				buf = c.AppendRow(buf[:0])
			}
		})
		b.Run(fmt.Sprintf("read/had=%d", had), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := table.Parse("c", row, func(_ events.CustomerID, n int, _ uint64, use func([]byte) error) bool { return use(c.Block(n)) == nil }); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
