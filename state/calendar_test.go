package state_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state"
)

// Zones that skip a day (Apia, Kwajalein), whose midnight does not exist (São Paulo before 2019, Beirut, Cairo, Havana),
// comes twice, or whose clocks move by half an hour (Lord Howe) or at a minute past midnight (St. John's).
var oddZones = []string{"UTC", "Asia/Hong_Kong", "Europe/Berlin", "America/Sao_Paulo", "Pacific/Apia", "Pacific/Kwajalein",
	"Australia/Lord_Howe", "Asia/Beirut", "Africa/Cairo", "America/Havana", "Atlantic/Azores", "Asia/Kathmandu",
	"America/St_Johns", "Asia/Tehran", "Pacific/Kiritimati", "Africa/Monrovia"}

// dayOf is the day that package time gives an instant.
func dayOf(t events.Instant, zone *time.Location) state.Day {
	y, m, d := t.Time().In(zone).Date()
	return state.Day(time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix() / 86400)
}

// Days begin where package time says, over all years that touchpoints come from.
func TestCalendarDays(t *testing.T) {
	for _, name := range oddZones {
		c := calendar(t, name)
		skipped := 0
		for d := state.Day(1); d < 31000; d++ { // to 2054
			s := c.Start(d)
			if c.Start(d+1) < s {
				t.Fatalf("%s: %s begins after the next day", name, d)
			}
			if c.Start(d+1) == s {
				skipped++
				continue
			}
			if got := c.Of(s); got != d {
				t.Errorf("%s: the first instant of %s is of %s", name, d, got)
			}
			if got, want := c.Of(s-1), dayOf(s-1, c.Zone()); got != want || got >= d {
				t.Errorf("%s: the instant before %s (%s) is of %s, in package time of %s", name, d, s, got, want)
			}
			if got := dayOf(s, c.Zone()); got != d {
				t.Errorf("%s: package time says that the start of %s, %s, is of %s", name, d, s, got)
			}
			if c.End(d) != c.Start(d+1)-1 {
				t.Errorf("%s: %s does not end where the next day begins", name, d)
			}
		}
		want := map[string]int{"Pacific/Apia": 1, "Pacific/Kwajalein": 1, "Pacific/Kiritimati": 1}[name]
		if skipped != want {
			t.Errorf("%s: %d days are empty, want %d", name, skipped, want)
		}
	}
}

// Of is package time's date at any instant, inside the table and beyond it, and never goes back.
func TestCalendarOf(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.SampledFrom(oddZones).Draw(t, "zone")
		c := calendar(t, name)
		at := events.Instant(rapid.Int64Range(0, 9_000_000_000_000).Draw(t, "at")) // to 2255
		if rapid.Bool().Draw(t, "near a midnight") {
			at = max(0, c.Start(state.Day(rapid.IntRange(1, 90_000).Draw(t, "day")))+events.Instant(rapid.Int64Range(-7_200_000, 7_200_000).Draw(t, "off")))
		}
		d, want := c.Of(at), dayOf(at, c.Zone())
		if d != want && !backAcrossMidnight(at, c.Zone()) {
			t.Fatalf("%s is of %s, in package time of %s", at, d, want)
		}
		if d >= 0 && (at < c.Start(d) || at > c.End(d)) {
			t.Fatalf("%s is of %s, which is from %s to %s", at, d, c.Start(d), c.End(d))
		}
		if later := c.Of(at + 1); later < d {
			t.Fatalf("%s is of %s, a millisecond later of %s", at, d, later)
		}
	})
}

// backAcrossMidnight: clocks went back past a midnight within the last hours, so that package time gives yesterday's date
// again; a calendar's days do not come twice.
func backAcrossMidnight(at events.Instant, zone *time.Location) bool {
	for h := events.Instant(0); h <= 2*hour; h += minute / 2 {
		if at >= h && dayOf(at-h, zone) > dayOf(at, zone) {
			return true
		}
	}
	return false
}

func TestParseDay(t *testing.T) {
	d, err := state.ParseDay("2012-02-29")
	if err != nil || d.String() != "2012-02-29" {
		t.Errorf("2012-02-29 is read as %s, %v", d, err)
	}
	for _, bad := range []string{"", "2011-02-29", "2012-2-9", "29.2.2012"} {
		if _, err := state.ParseDay(bad); err == nil {
			t.Errorf("%q is read as a date", bad)
		}
	}
}
