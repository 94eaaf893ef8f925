package state

import (
	"fmt"
	"sort"
	"time"

	"github.com/touchfold/touchfold/events"
)

// Day is a calendar day of the business zone: days since 1970-01-01 there.
type Day int32

// A Calendar cuts time into the calendar days of one zone. It is never modified and safe for use by many.
//
// It holds the first instant of every day from 1970 to 2200, because asking package time costs more than the rest of a
// fold; what lies outside is asked of package time.
type Calendar struct {
	zone   *time.Location
	starts []events.Instant
}

const calendarDays = 230*365 + 56 // 1970-01-01 .. 2199-12-31

// NewCalendar is the calendar of a zone.
func NewCalendar(zone *time.Location) *Calendar {
	c := &Calendar{zone: zone, starts: make([]events.Instant, calendarDays)}
	for d := range c.starts {
		c.starts[d] = c.start(Day(d))
	}
	return c
}

// LazyCalendar is the same calendar, but every question is asked of package time: it costs nothing to make, and a question
// some hundred nanoseconds.
func LazyCalendar(zone *time.Location) *Calendar { return &Calendar{zone: zone} }

// Zone is the zone whose days these are.
func (c *Calendar) Zone() *time.Location { return c.zone }

// start is the first instant of d: midnight, or where clocks skip midnight the end of the skip.
func (c *Calendar) start(d Day) events.Instant {
	noon := time.Date(1970, 1, 1+int(d), 12, 0, 0, 0, c.zone)
	y, m, day := noon.Date()
	t := time.Date(y, m, day, 0, 0, 0, 0, c.zone)
	if t.Day() == day && t.Add(-time.Millisecond).Day() != day {
		return events.At(t)
	}
	// Midnight does not exist there or exists twice: search the first instant whose date is d.
	lo := noon.Add(-26 * time.Hour)
	n := sort.Search(26*60*60, func(s int) bool {
		ty, tm, td := lo.Add(time.Duration(s) * time.Second).Date()
		return ty == y && tm == m && td == day
	})
	return events.At(lo.Add(time.Duration(n) * time.Second))
}

// Start is the first instant of d.
func (c *Calendar) Start(d Day) events.Instant {
	if d >= 0 && int(d) < len(c.starts) {
		return c.starts[d]
	}
	return c.start(d)
}

// End is the last instant of d.
func (c *Calendar) End(d Day) events.Instant { return c.Start(d+1) - 1 }

// Of is the day in which t lies.
func (c *Calendar) Of(t events.Instant) Day {
	n := int64(t / (24 * 60 * 60 * 1000))
	if n < 1 || n+2 >= int64(len(c.starts)) {
		d, _ := c.clock(t)
		for t >= c.Start(d+1) { // clocks were put back past a midnight: its day has begun
			d++
		}
		return d
	}
	d := Day(n)
	for t < c.starts[d] {
		d--
	}
	for t >= c.starts[d+1] {
		d++
	}
	return d
}

// ParseDay reads 2006-01-02.
func ParseDay(text string) (Day, error) {
	t, err := time.Parse(time.DateOnly, text)
	if err != nil {
		return 0, fmt.Errorf("%q is no date; write it as 2026-12-31", text)
	}
	return Day(t.Unix() / (24 * 60 * 60)), nil
}

// String is d as 2006-01-02.
func (d Day) String() string {
	return time.Unix(int64(d)*24*60*60, 0).UTC().Format(time.DateOnly)
}
