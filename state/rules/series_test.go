package rules

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state"
	"github.com/touchfold/touchfold/state/rules/field"
)

// TestSeries: what a series knows without going through its matches, when those in no window are gone, is what all of them
// give.
func TestSeries(t *testing.T) {
	calendar := state.NewCalendar(time.UTC)
	rapid.Check(t, func(t *rapid.T) {
		p := &series{of: true, needs: needs{rolling: 3_600_000, all: true, texts: true, sums: true, lifetime: true, tally: true}}
		l := &eventLeaf{series: p, aggregate: Sum, window: span{rolling: p.needs.rolling}}
		s := p.zero().(*seriesState)
		var times []events.Instant
		var values []field.Value
		for now := events.Instant(0); len(times) < 60; {
			now += events.Instant(rapid.IntRange(0, 1_200_000).Draw(t, "later"))
			x := field.ValueOf(rapid.SampledFrom([]string{"d", "c", "b", "a", "1", "-2", "3.5"}).Draw(t, "value"))
			times, values = append(times, now), append(values, x)
			s.take(p, state.Mark{Time: now, ID: uint64(len(times))}, x)
			s.prune(p, calendar, now)
			var of sum
			stand, all := 0, map[string]int{}
			for i, x := range values {
				all[x.String()]++
				if times[i] <= now-p.needs.rolling {
					continue
				}
				if stand++; x.IsNumber {
					of = sum{of.of.add(x.Number), of.n + 1}
				}
			}
			from, _ := l.in(s, calendar, now)
			before, end := s.sumTo(from), s.sumTo(len(s.entries))
			if got := (sum{end.of.less(before.of), end.n - before.n}); got != of || len(s.entries)-from != stand {
				t.Fatalf("%v of %d, want %v of %d", got, len(s.entries)-from, of, stand)
			}
			top, _ := s.ever.frequent()
			for text, n := range all {
				if m := all[top.String()]; n > m || n == m && text < top.String() {
					t.Fatalf("%q stands most often, not %q: %v", text, top.String(), all)
				}
			}
		}
	})
}
