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

// TestPast: an event comes into a window of days that ended before, and leaves it, with the day that is found by looking at
// one after the other; and the window's edges are those between which it stands.
func TestPast(t *testing.T) {
	zones, days := state.NewZones(), []int{0, -1, 1, 15, 27, 28, 29, 30, 31, 365}
	rapid.Check(t, func(t *rapid.T) {
		c, _ := zones.Calendar(rapid.SampledFrom([]string{"UTC", "Pacific/Apia", "Asia/Beirut"}).Draw(t, "zone"))
		w := span{calendar: state.Day(rapid.IntRange(1, 40).Draw(t, "days"))}
		w.ago.N = rapid.IntRange(1, 30).Draw(t, "n")
		w.ago.Unit = rapid.SampledFrom([]state.Unit{state.Days, state.Weeks, state.Months, state.Years}).Draw(t, "unit")
		year, month := rapid.IntRange(1996, 2030).Draw(t, "year"), rapid.IntRange(1, 12).Draw(t, "month")
		at := c.Start(state.DayOf(year, month, 1)+state.Day(rapid.SampledFrom(days).Draw(t, "day"))) + 3_600_000
		d := c.Of(at)
		first := func(d state.Day) events.Instant {
			today := d
			for today.Back(w.ago) < d {
				today++
			}
			return c.Start(today)
		}
		if got, want := w.enters(c, at), first(d); got != want {
			t.Fatalf("what is of %s enters a window %s ago at %s, want %s", d, w.ago, got, want)
		}
		if got, want := w.leaves(c, at), first(d+w.calendar); got != want {
			t.Fatalf("what is of %s leaves a window of %d days %s ago at %s, want %s", d, w.calendar, w.ago, got, want)
		}
		for _, now := range []events.Instant{w.enters(c, at), w.leaves(c, at)} {
			for _, now := range []events.Instant{now - 1, now} {
				is := w.enters(c, at) <= now && now < w.leaves(c, at)
				if got := w.first(c, now) <= at && at <= w.last(c, now); got != is {
					t.Fatalf("what is of %s stands at %s between %s and %s: %t", d, now, w.first(c, now), w.last(c, now), got)
				}
			}
		}
	})
}
