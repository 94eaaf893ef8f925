package oracle

import (
	"time"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state/rules"
)

// civil is a date of no zone.
type civil struct{ year, month, day int }

func civilOf(t time.Time) civil { return civil{t.Year(), int(t.Month()), t.Day()} }

// number is the days since 1970-01-01.
func (c civil) number() int {
	return int(time.Date(c.year, time.Month(c.month), c.day, 0, 0, 0, 0, time.UTC).Unix() / (24 * 60 * 60))
}

func (c civil) addDays(n int) civil {
	return civilOf(time.Date(c.year, time.Month(c.month), c.day+n, 0, 0, 0, 0, time.UTC))
}

// addMonths goes to the month's last day where it lacks the day.
func (c civil) addMonths(n int) civil {
	first := time.Date(c.year, time.Month(c.month+n), 1, 0, 0, 0, 0, time.UTC)
	last := first.AddDate(0, 1, -1).Day()
	return civil{first.Year(), int(first.Month()), min(c.day, last)}
}

// add is for the units d w mo y.
func (c civil) add(n int, unit string) civil {
	switch unit {
	case "", "d":
		return c.addDays(n)
	case "w":
		return c.addDays(7 * n)
	case "mo":
		return c.addMonths(n)
	case "y":
		return c.addMonths(12 * n)
	}
	panic("oracle: a date cannot be moved by the unit " + unit)
}

func (c civil) offset(o rules.Offset) civil {
	if o.Before {
		return c.add(-o.N, o.Unit)
	}
	return c.add(o.N, o.Unit)
}

// local is the first instant at which clocks of the zone show that time of that day or a later one.
func local(c civil, clock events.Instant, zone *time.Location) events.Instant {
	want := time.Date(c.year, time.Month(c.month), c.day, 0, 0, 0, 0, time.UTC).UnixMilli() + int64(clock)
	for t := time.UnixMilli(want).Add(-36 * time.Hour); ; {
		_, offset := t.In(zone).Zone()
		start, end := t.In(zone).ZoneBounds()
		if !end.IsZero() && !end.After(t) {
			end = t.Add(time.Hour) // so Go 1.26 has it on the last day of leap years, on which no clocks are changed
		}
		at := want - int64(offset)*1000
		if !start.IsZero() {
			at = max(at, start.UnixMilli())
		}
		if end.IsZero() || at < end.UnixMilli() {
			return events.Instant(at)
		}
		t = end
	}
}

// dateOf is the day of the zone in which an instant lies; a day begins when it is shown for the first time.
func dateOf(at events.Instant, zone *time.Location) civil {
	c := civilOf(at.Time().In(zone))
	for local(c.addDays(1), 0, zone) <= at {
		c = c.addDays(1)
	}
	return c
}

func (r *run) day(at events.Instant) int { return dateOf(at, r.w.Zone).number() }

// startOf is the first instant of a day of the business zone.
func (r *run) startOf(day int) events.Instant {
	return local(civil{1970, 1, 1}.addDays(day), 0, r.w.Zone)
}

// add is so much later, by the calendar of the business zone where the unit goes by it.
func (r *run) add(at events.Instant, d rules.Duration) events.Instant {
	if n, ok := exact(d); ok {
		return at + n
	}
	t := at.Time().In(r.w.Zone)
	clock := events.Instant(((t.Hour()*60+t.Minute())*60+t.Second())*1000 + t.Nanosecond()/1e6)
	return local(civilOf(t).add(d.N, d.Unit), clock, r.w.Zone)
}

// exact is a duration of the units s m h.
func exact(d rules.Duration) (events.Instant, bool) {
	switch d.Unit {
	case "":
		return 0, true
	case "s":
		return events.Instant(d.N) * 1000, true
	case "m":
		return events.Instant(d.N) * 60 * 1000, true
	case "h":
		return events.Instant(d.N) * 60 * 60 * 1000, true
	}
	return 0, false
}

// or is a duration, or another one if it is none.
func or(d, otherwise rules.Duration) rules.Duration {
	if d.N == 0 {
		return otherwise
	}
	return d
}
