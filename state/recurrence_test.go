package state_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state"
)

// Next and Latest are the first and the last of all turns, each of them dated by itself.
func TestRecurrence(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := drawCalendar(t)
		after := drawInstant(t, c.Zone())
		r := state.Recurrence{
			Of:      state.Day(rapid.IntRange(-30_000, 30_000).Draw(t, "of")),
			Monthly: rapid.Bool().Draw(t, "monthly"),
			Before:  rapid.Bool().Draw(t, "before"),
			Clock:   events.Instant(rapid.IntRange(0, 95).Draw(t, "quarters")) * 15 * minute,
			Offset: state.Duration{N: rapid.IntRange(0, 100).Draw(t, "n"),
				Unit: state.Unit(rapid.IntRange(int(state.Seconds), int(state.Years)).Draw(t, "unit"))},
		}
		if rapid.Bool().Draw(t, "on a last day") {
			r.Of, _ = state.ParseDay(rapid.SampledFrom([]string{"2012-02-29", "2011-01-31", "1968-02-29", "2010-11-30"}).Draw(t, "which"))
		}
		if rapid.Bool().Draw(t, "as it comes") {
			_, after = c.Next(r, after)
		}
		_, m, d := r.Of.Date()
		y, _, _ := c.Of(after).Date()
		next, latest := events.Never, events.Instant(-1<<63)
		var nextDate, latestDate state.Day
		for x := (civil{y - 102, 1, 1}); x.y <= y+102; x = (civil{x.y, x.m, 1}).months(1, 1) {
			if !r.Monthly && x.m != m {
				continue
			}
			date := state.DayOf(x.y, x.m, min(d, x.length()))
			switch at := c.Dated(date, r.Offset, r.Before, r.Clock); {
			case at > after && at < next:
				next, nextDate = at, date
			case at <= after && at > latest:
				latest, latestDate = at, date
			}
		}
		if date, at := c.Next(r, after); at != next || date != nextDate {
			t.Fatalf("%s: %v comes after %s on %s (%s), want %s (%s)", c.Zone(), r, after, at, date, next, nextDate)
		}
		if date, at := c.Latest(r, after); at != latest || date != latestDate {
			t.Fatalf("%s: %v came up to %s on %s (%s), want %s (%s)", c.Zone(), r, after, at, date, latest, latestDate)
		}
	})
}

func TestRecurrenceTable(t *testing.T) {
	const nine = 9 * hour
	days30, hours2 := state.Duration{N: 30, Unit: state.Days}, state.Duration{N: 2, Unit: state.Hours}
	for _, c := range []struct {
		zone, of string
		r        state.Recurrence
		after    string
		want     string
	}{
		{"UTC", "1990-06-15", state.Recurrence{Clock: nine}, "2026-06-15", "2026-06-15T09:00:00Z"},
		{"Asia/Hong_Kong", "1990-06-15", state.Recurrence{Clock: nine}, "2026-06-15", "2026-06-15T01:00:00Z"},
		{"UTC", "1992-02-29", state.Recurrence{Clock: nine}, "2026-01-01", "2026-02-28T09:00:00Z"},
		{"UTC", "1992-02-29", state.Recurrence{Clock: nine}, "2028-01-01", "2028-02-29T09:00:00Z"},
		{"UTC", "1992-01-31", state.Recurrence{Monthly: true}, "2026-02-01", "2026-02-28T00:00:00Z"},
		{"UTC", "1992-01-31", state.Recurrence{Monthly: true}, "2026-03-01", "2026-03-31T00:00:00Z"},
		{"UTC", "1992-01-15", state.Recurrence{Before: true, Offset: days30}, "2026-01-01", "2026-12-16T00:00:00Z"},
		{"UTC", "1992-01-15", state.Recurrence{Before: true, Offset: hours2, Clock: nine}, "2026-01-01", "2026-01-15T07:00:00Z"},
		{"Europe/Berlin", "1990-03-29", state.Recurrence{Clock: 150 * minute}, "2026-01-01", "2026-03-29T01:00:00Z"},
	} {
		zone, _ := named.Calendar(c.zone)
		after, err := state.ParseDay(c.after)
		if c.r.Of, _ = state.ParseDay(c.of); err != nil || zone == nil {
			t.Fatal(c, err)
		}
		if _, at := zone.Next(c.r, zone.Start(after)); at.String() != c.want {
			t.Errorf("%s: %s comes after %s at %s, want %s", c.zone, c.of, c.after, at, c.want)
		}
	}
}
