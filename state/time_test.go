package state_test

import (
	"bytes"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state"
)

// Time: letting time pass leaves the state's bytes, and facts change at horizons only: asking again and again, at every
// day's start and around it for more than two years, and hourly for some days, finds nothing that a horizon did not say.
func TestTime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := drawRules(t)
		cal := calendar(t, r.zone)
		list := drawHistory(t, cal.Zone())
		c := folded(r.table(t), list)
		bytesBefore := c.AppendState(nil)
		begin := lastOf(list)
		end := begin + 800*day
		asks := questions(t, cal, begin, end, list)

		c.Settle(begin, "", state.NewSpeaker(nil))
		facts := factsOf(c, begin)
		for _, at := range asks {
			for c.Due() <= at { // the owner's loop, one horizon at a time
				h := c.Due()
				if got := factsOf(c, h-1); got != facts && h > begin {
					t.Fatalf("1 ms before the horizon %s: %q, but the horizon before said %q", h, got, facts)
				}
				c.Pass(h, state.NewSpeaker(nil))
				if c.Due() <= h {
					t.Fatalf("at %s the next horizon is %s", h, c.Due())
				}
				facts = factsOf(c, h)
			}
			if got := factsOf(c, at); got != facts {
				t.Fatalf("at %s: %q, but horizons say %q; next is %s", at, got, facts, c.Due())
			}
		}
		if !bytes.Equal(bytesBefore, c.AppendState(nil)) {
			t.Fatal("time changed the state's bytes")
		}
	})
}

// questions are the instants at which to ask: each day's start, a millisecond before and a minute after it, the events' times
// of day, and all hours of a month.
func questions(t *rapid.T, cal *state.Calendar, begin, end events.Instant, list []events.Event) (asks []events.Instant) {
	for d := cal.Of(begin); cal.Start(d) <= end; d++ {
		s := cal.Start(d)
		asks = append(asks, s-1, s, s+minute)
	}
	for i := range list {
		for _, later := range []events.Instant{30, 183, 184, 364, 365, 366} {
			asks = append(asks, list[i].Time+later*day)
		}
	}
	month := begin + events.Instant(rapid.IntRange(0, 700).Draw(t, "month"))*day
	for h := month; h < month+30*day; h += hour {
		asks = append(asks, h)
	}
	slices.Sort(asks)
	asks = slices.DeleteFunc(slices.Compact(asks), func(at events.Instant) bool { return at <= begin || at > end })
	return append(asks, end)
}

// Due is never too late, whenever it was computed: looked for day after day it is what it was from the beginning on, or
// later, for rules look for their horizons only so far ahead. Where it is sooner, nothing changes by then.
func TestDueStandsStill(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := drawRules(t)
		list := drawHistory(t, calendar(t, r.zone).Zone())
		a, b := folded(r.table(t), list), folded(r.table(t), list)
		at, mute := lastOf(list), state.NewSpeaker(nil)
		a.Settle(at, "", mute)
		for range 60 {
			at += events.Instant(rapid.Int64Range(1, int64(20*day)).Draw(t, "later"))
			a.Pass(at, mute)
			b.Settle(at, "", mute)
			if x, y := factsOf(a, at), factsOf(b, at); x != y {
				t.Fatalf("at %s: %q by horizons, %q when settled", at, x, y)
			}
			if a.Due() <= b.Due() {
				continue
			}
			c := folded(r.table(t), list)
			c.Settle(at, "", mute)
			for due := c.Due(); due < a.Due(); due = c.Due() {
				if c.Pass(due, mute); factsOf(c, due) != factsOf(c, at) {
					t.Fatalf("at %s: due %s by horizons, and %s when settled, when it changes", at, a.Due(), due)
				}
			}
		}
	})
}
