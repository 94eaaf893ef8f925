package state_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state"
)

// slowZones are those whose clocks do the oddest things.
var slowZones = state.NewZones()

// drawZone draws the business calendar's kind or a lazy one.
func drawZone(t *rapid.T) *state.Calendar {
	c, ok := slowZones.Calendar(rapid.SampledFrom(oddZones).Draw(t, "zone"))
	if !ok {
		t.Fatal("an odd zone is not embedded")
	}
	return c
}

// drawInstant draws an instant of 1950 to 2150, mostly within two days of a change of clocks.
func drawInstant(t *rapid.T, zone *time.Location) events.Instant {
	at := events.Instant(rapid.Int64Range(-631_152_000, 5_680_281_600).Draw(t, "second"))*second + events.Instant(rapid.Int64Range(0, 999).Draw(t, "ms"))
	if rapid.IntRange(0, 3).Draw(t, "anywhere") == 0 {
		return at
	}
	_, end := at.Time().In(zone).ZoneBounds()
	if end.IsZero() {
		return at
	}
	return events.At(end) + events.Instant(rapid.Int64Range(-2*48*60, 2*48*60).Draw(t, "half minutes from it"))*minute/2
}

// shown is what clocks and calendars show at t, as milliseconds since 1970 of a clock that is never changed.
func shown(t events.Instant, zone *time.Location) events.Instant {
	x := t.Time().In(zone)
	return events.At(time.Date(x.Year(), x.Month(), x.Day(), x.Hour(), x.Minute(), x.Second(), x.Nanosecond(), time.UTC))
}

// firstShown steps through time until clocks show so much or more.
func firstShown(want events.Instant, zone *time.Location) events.Instant {
	at := want - 30*hour
	for step := minute * 15; step > 0; step /= 15 { // 15 min, 1 min, 4 s, … 1 ms: no offset changes twice in 15 min
		for shown(at+step, zone) < want {
			at += step
		}
	}
	return at + 1
}

// Local is the first instant at which clocks show that much: found by stepping through local times.
func TestLocal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := drawZone(t)
		want := shown(drawInstant(t, c.Zone()), c.Zone()) + rapid.SampledFrom([]events.Instant{0, 0, -hour, hour, -1, 1, 30 * minute, day}).Draw(t, "beside")
		d := state.Day(want / day)
		if want%day < 0 {
			d--
		}
		got, slow := c.Local(d, want-events.Instant(d)*day), firstShown(want, c.Zone())
		if got != slow {
			t.Fatalf("%s: clocks first show %s at %s, found %s", c.Zone(), want, slow, got)
		}
	})
}
