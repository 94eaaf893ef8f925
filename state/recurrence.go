package state

import "github.com/touchfold/touchfold/events"

// A Recurrence is a date that comes again: every year on the month and day of Of, or every month on its day, each time with
// an offset and a time of day. 29 February comes on 28 February in other years, the 31st on the last day of shorter months.
type Recurrence struct {
	Of      Day
	Monthly bool // else yearly
	Before  bool // the offset goes back
	Offset  Duration
	Clock   events.Instant // milliseconds after midnight
}

// InYear is the month and day of d in another year; 29 February is 28 February where there is none.
func (d Day) InYear(year int) Day {
	_, m, day := d.Date()
	return DayOf(year, m, day)
}

// Dated is the instant of a date: the offset is added to the day, by the calendar, and then the time of day; an exact
// offset, such as 2h, is added to the instant.
func (c *Calendar) Dated(d Day, offset Duration, before bool, clock events.Instant) events.Instant {
	sign := 1
	if before {
		sign = -1
	}
	if ms, ok := offset.Exact(); ok {
		return c.Local(d, clock) + events.Instant(sign)*ms
	}
	return c.Local(d.move(offset, sign), clock)
}

// Next is the first time after an instant at which r comes, and which date that was before the offset.
func (c *Calendar) Next(r Recurrence, after events.Instant) (date Day, at events.Instant) {
	n := c.near(r, after) - 2
	for {
		if date, at = c.turn(r, n); at > after {
			return date, at
		}
		n++
	}
}

// Latest is the last time up to an instant at which r came, and which date that was before the offset.
func (c *Calendar) Latest(r Recurrence, upTo events.Instant) (date Day, at events.Instant) {
	n := c.near(r, upTo) + 2
	for {
		if date, at = c.turn(r, n); at <= upTo {
			return date, at
		}
		n--
	}
}

// near is the number of a turn that is at most two away from those beside t.
func (c *Calendar) near(r Recurrence, t events.Instant) int {
	_, clock := c.clock(t)
	day, _ := c.clock(c.Dated(c.Of(t), r.Offset, !r.Before, clock))
	y, m, _ := day.Date()
	if r.Monthly {
		return 12*y + m - 1
	}
	return y
}

// turn is r in the n-th year, or month, from the year 0 on.
func (c *Calendar) turn(r Recurrence, n int) (date Day, at events.Instant) {
	if r.Monthly {
		_, _, day := r.Of.Date()
		date = DayOf(n/12, n%12+1, day)
	} else {
		date = r.Of.InYear(n)
	}
	return date, c.Dated(date, r.Offset, r.Before, r.Clock)
}
