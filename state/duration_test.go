package state_test

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state"
)

// named are the zones that a customer may name.
var named = state.NewZones()

// drawCalendar draws one with a table of days, or one without.
func drawCalendar(t *rapid.T) *state.Calendar {
	zone := rapid.SampledFrom(oddZones).Draw(t, "zone")
	if rapid.Bool().Draw(t, "table") {
		return calendar(t, zone)
	}
	c, ok := named.Calendar(zone)
	if !ok {
		t.Fatalf("%s is not embedded", zone)
	}
	return c
}

// drawInstant draws an instant of 1950 to 2150, mostly within two days of a change of clocks.
func drawInstant(t *rapid.T, zone *time.Location) events.Instant {
	at := events.Instant(rapid.Int64Range(-631_152_000_000, 5_680_281_600_000).Draw(t, "at"))
	if rapid.IntRange(0, 3).Draw(t, "anywhere") == 0 {
		return at
	}
	_, end := at.Time().In(zone).ZoneBounds()
	if end.IsZero() {
		return at
	}
	return events.At(end) + events.Instant(rapid.Int64Range(-2*48, 2*48).Draw(t, "half hours from it"))*hour/2 -
		events.Instant(rapid.Int64Range(0, 1).Draw(t, "ms"))
}

// shown is what clocks and calendars show at t, as milliseconds since 1970 of a clock that is never changed.
func shown(t events.Instant, zone *time.Location) events.Instant {
	x := t.Time().In(zone)
	return events.At(time.Date(x.Year(), x.Month(), x.Day(), x.Hour(), x.Minute(), x.Second(), x.Nanosecond(), time.UTC))
}

// firstShown steps through time until clocks show so much or more. Since 1950 none of these zones' clocks were changed
// within half a minute.
func firstShown(want events.Instant, zone *time.Location) events.Instant {
	const step = minute / 2
	for at := (want - 30*hour) / step * step; ; at += step {
		if s := shown(at, zone); s+step > want {
			return at + max(0, want-s)
		}
	}
}

// split cuts a shown time into its day and the time of day.
func split(shown events.Instant) (state.Day, events.Instant) {
	clock := (shown%day + day) % day
	return state.Day((shown - clock) / day), clock
}

// civil is a date by the calendar's rules alone.
type civil struct{ y, m, d int }

func (c civil) length() int {
	if c.m == 2 && (c.y%4 == 0 && c.y%100 != 0 || c.y%400 == 0) {
		return 29
	}
	return [...]int{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}[c.m-1]
}

// step is the date one day on or back.
func (c civil) step(sign int) civil {
	c.d += sign
	if c.d > c.length() {
		c = civil{c.y, c.m + 1, 1}
	}
	if c.d == 0 {
		if c = (civil{c.y, c.m - 1, 1}); c.m == 0 {
			c.y, c.m = c.y-1, 12
		}
		c.d = c.length()
	}
	if c.m == 13 {
		c.y, c.m = c.y+1, 1
	}
	return c
}

// months is so many months on or back, one at a time, and at the end the day or the last of the month.
func (c civil) months(n, sign int) civil {
	for range n {
		if c.m += sign; c.m == 13 {
			c.y, c.m = c.y+1, 1
		} else if c.m == 0 {
			c.y, c.m = c.y-1, 12
		}
	}
	c.d = min(c.d, c.length())
	return c
}

func (c civil) moved(d state.Duration, sign int) civil {
	switch d.Unit {
	case state.Days, state.Weeks:
		n := d.N
		if d.Unit == state.Weeks {
			n *= 7
		}
		for range n {
			c = c.step(sign)
		}
		return c
	case state.Months:
		return c.months(d.N, sign)
	}
	return c.months(12*d.N, sign)
}

// Local is the first instant at which clocks show that much: found by stepping through the times shown.
func TestLocal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := drawCalendar(t)
		beside := rapid.SampledFrom([]events.Instant{0, 0, -hour, hour, -1, 1, hour / 2, day}).Draw(t, "beside")
		want := shown(drawInstant(t, c.Zone()), c.Zone()) + beside
		d, clock := split(want)
		if got, slow := c.Local(d, clock), firstShown(want, c.Zone()); got != slow {
			t.Fatalf("%s: clocks first show %s at %s, found %s", c.Zone(), want, slow, got)
		}
	})
}

// Add and Back are the calendar's steps, one by one, and then the same time of day as Local has it.
func TestAdd(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := drawCalendar(t)
		at := drawInstant(t, c.Zone())
		d := state.Duration{N: rapid.IntRange(0, 40).Draw(t, "n"),
			Unit: rapid.SampledFrom([]state.Unit{state.Days, state.Weeks, state.Months, state.Years}).Draw(t, "unit")}
		x := at.Time().In(c.Zone())
		_, clock := split(shown(at, c.Zone()))
		for _, way := range []struct {
			name string
			sign int
			of   func(events.Instant, state.Duration) events.Instant
		}{{"Add", 1, c.Add}, {"Back", -1, c.Back}} {
			to := civil{x.Year(), int(x.Month()), x.Day()}.moved(d, way.sign)
			want := firstShown(events.At(time.Date(to.y, time.Month(to.m), to.d, 0, 0, 0, 0, time.UTC))+clock, c.Zone())
			if d.N == 0 {
				want = at
			}
			if got := way.of(at, d); got != want {
				t.Fatalf("%s: %s %s %s is %s, found %s", c.Zone(), at, way.name, d, want, got)
			}
		}
	})
}

// What docs/rulebook.md says of durations, and what it follows to.
func TestAddTable(t *testing.T) {
	for _, c := range []struct{ zone, from, plus, want string }{
		{"UTC", "2026-01-31T10:00:00Z", "1mo", "2026-02-28T10:00:00Z"},
		{"UTC", "2028-01-31T10:00:00Z", "1mo", "2028-02-29T10:00:00Z"},
		{"UTC", "2028-02-29T10:00:00Z", "1y", "2029-02-28T10:00:00Z"},
		{"UTC", "2028-02-29T10:00:00Z", "4y", "2032-02-29T10:00:00Z"},
		{"UTC", "2028-02-29T10:00:00Z", "-2y", "2026-02-28T10:00:00Z"},
		{"UTC", "2026-12-31T10:00:00Z", "14mo", "2028-02-29T10:00:00Z"},
		{"UTC", "2026-03-31T10:00:00Z", "-1mo", "2026-02-28T10:00:00Z"},
		{"Europe/Berlin", "2026-03-28T12:00:00Z", "1d", "2026-03-29T11:00:00Z"},     // 13:00, 23 h later
		{"Europe/Berlin", "2026-03-28T12:00:00Z", "24h", "2026-03-29T12:00:00Z"},    // an hour is an hour
		{"Europe/Berlin", "2026-03-28T01:30:00Z", "1d", "2026-03-29T01:00:00Z"},     // 02:30 is skipped: 03:00
		{"Europe/Berlin", "2026-10-24T00:30:00Z", "1d", "2026-10-25T00:30:00Z"},     // 02:30 comes twice: the first
		{"Europe/Berlin", "2026-10-26T01:30:00Z", "-1d", "2026-10-25T00:30:00Z"},    // also backwards
		{"Europe/Berlin", "2026-10-25T01:30:00Z", "0d", "2026-10-25T01:30:00Z"},     // nothing is nothing
		{"America/Sao_Paulo", "2018-11-03T03:00:00Z", "1d", "2018-11-04T03:00:00Z"}, // midnight is skipped: 01:00
		{"Pacific/Apia", "2011-12-29T20:00:00Z", "1d", "2011-12-30T10:00:00Z"},      // the 30th is skipped: 31st, 00:00
		{"Pacific/Apia", "2011-12-29T20:00:00Z", "2d", "2011-12-30T20:00:00Z"},
		{"Australia/Lord_Howe", "2026-10-02T15:45:00Z", "1d", "2026-10-03T15:30:00Z"}, // 02:15, half an hour is skipped
	} {
		zone, ok := named.Calendar(c.zone)
		from, err := time.Parse(time.RFC3339, c.from)
		d, err2 := state.ParseDuration(strings.TrimPrefix(c.plus, "-"))
		if !ok || err != nil || err2 != nil {
			t.Fatal(c, ok, err, err2)
		}
		move := zone.Add
		if c.plus[0] == '-' {
			move = zone.Back
		}
		if got := move(events.At(from), d).String(); got != c.want {
			t.Errorf("%s: %s and %s is %s, want %s", c.zone, c.from, c.plus, got, c.want)
		}
	}
}

func TestParseDuration(t *testing.T) {
	for _, good := range []string{"0s", "1s", "90m", "36h", "7d", "2w", "18mo", "100y", "1200mo", "3155760000s"} {
		if d, err := state.ParseDuration(good); err != nil || d.String() != good {
			t.Errorf("%s is read as %s, %v", good, d, err)
		}
	}
	const none = "is no duration"
	for bad, want := range map[string]string{"": none, "7": none, "d": none, "-7d": none, "+7d": none, "1.5h": none, "1h30m": none,
		"7 d": none, "7D": none, "7ms": none, "٣d": none, "99999999999999999999d": none, "101y": "at most 100y",
		"1201mo": "at most 1200mo", "4294967295s": "at most 3155760000s"} {
		if d, err := state.ParseDuration(bad); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is read as %v, %v; want %q", bad, d, err, want)
		}
	}
}
