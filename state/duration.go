package state

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/touchfold/touchfold/events"
)

// Unit is what a Duration is counted in.
type Unit uint8

// Seconds, minutes and hours are exact; the others go by a calendar.
const (
	Seconds Unit = iota + 1
	Minutes
	Hours
	Days
	Weeks
	Months
	Years
)

var units = [...]struct {
	sign  string
	exact events.Instant // milliseconds
	most  int            // in 100 years
}{
	Seconds: {"s", 1000, 36525 * 86400},
	Minutes: {"m", 60_000, 36525 * 1440},
	Hours:   {"h", 3_600_000, 36525 * 24},
	Days:    {"d", 0, 36525},
	Weeks:   {"w", 0, 5217},
	Months:  {"mo", 0, 1200},
	Years:   {"y", 0, 100},
}

// A Duration is a number and a unit, at most 100 years. Zero is none.
type Duration struct {
	N    int
	Unit Unit
}

// ParseDuration reads a whole number and one of s m h d w mo y, such as 36h or 18mo.
func ParseDuration(text string) (Duration, error) {
	digits := strings.TrimRight(text, "abcdefghijklmnopqrstuvwxyz")
	n, err := strconv.ParseUint(digits, 10, 32)
	for u := Seconds; u <= Years; u++ {
		if err != nil || text[len(digits):] != units[u].sign {
			continue
		}
		if int(n) > units[u].most {
			return Duration{}, fmt.Errorf("%s is more than 100 years; write at most %d%s", text, units[u].most, units[u].sign)
		}
		return Duration{int(n), u}, nil
	}
	return Duration{}, fmt.Errorf("%q is no duration; write a whole number and s, m, h, d, w, mo or y, such as 36h or 18mo", text)
}

// String is d as ParseDuration reads it; "" for none.
func (d Duration) String() string {
	if d.Unit == 0 {
		return ""
	}
	return strconv.Itoa(d.N) + units[d.Unit].sign
}

// Exact is how many milliseconds d always has, if it does not go by the calendar.
func (d Duration) Exact() (ms events.Instant, ok bool) {
	if d.N == 0 {
		return 0, true
	}
	return events.Instant(d.N) * units[d.Unit].exact, units[d.Unit].exact > 0
}

// Add is t and d later: exactly, or the same local time on the day that Day.Add says, as Local has it.
//
// It is not monotone in t: of two instants that lie in an hour which clocks show twice, or in the last days of a month
// before a shorter one, the later may lead to the earlier. Nor does Back undo it.
func (c *Calendar) Add(t events.Instant, d Duration) events.Instant { return c.move(t, d, 1) }

// Back is t and d earlier, in the same way.
func (c *Calendar) Back(t events.Instant, d Duration) events.Instant { return c.move(t, d, -1) }

func (c *Calendar) move(t events.Instant, d Duration, sign int) events.Instant {
	if t == events.Never {
		return t
	}
	if ms, ok := d.Exact(); ok {
		return t + events.Instant(sign)*ms
	}
	day, clock := c.clock(t)
	return c.Local(day.move(d, sign), clock)
}

// clock is what calendars and clocks show at t. As against Of it goes back when the clocks do.
func (c *Calendar) clock(t events.Instant) (Day, events.Instant) {
	if n := t / dayLen; n >= 1 && int64(n)+2 < int64(len(c.starts)) {
		if d := c.Of(t); c.plain(d) {
			return d, t - c.starts[d]
		}
	}
	_, offset := t.Time().In(c.zone).Zone()
	shown := t + events.Instant(offset)*1000
	day := floorDiv(shown, dayLen)
	return Day(day), shown - day*dayLen
}

// plain: the table has d, and no clock is changed on it. There is no day of 24 hours in any zone since 1970 on which two
// changes make up for each other.
func (c *Calendar) plain(d Day) bool {
	return d >= 0 && int(d)+1 < len(c.starts) && c.starts[d+1]-c.starts[d] == dayLen
}

const dayLen events.Instant = 24 * 60 * 60 * 1000

func floorDiv[N int | events.Instant](a, b N) N {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// Local is the first instant at which clocks show so many milliseconds after midnight, or more, on day d or later: where
// they skip that time, the first after the gap; where they show it twice, the first.
func (c *Calendar) Local(d Day, clock events.Instant) events.Instant {
	if clock >= 0 && clock < dayLen && c.plain(d) {
		return c.starts[d] + clock
	}
	shown := events.Instant(d)*dayLen + clock
	for from := shown - 26*dayLen/24; ; { // no zone was ever a day ahead, so it is not yet shown then
		t := from.Time().In(c.zone)
		_, offset := t.Zone()
		at := shown - events.Instant(offset)*1000
		if at < from {
			return from // clocks were put forward beyond it
		}
		end := until(t)
		if at < end {
			return at
		}
		from = end
	}
}

// until is when the clocks of t's zone are changed next, or an instant before that but after t.
func until(t time.Time) events.Instant {
	_, end := t.ZoneBounds()
	switch {
	case end.IsZero():
		return events.Never
	case !end.After(t): // so Go 1.26 has it on the last day of leap years after 2037, on which no clocks are changed
		return events.At(t) + dayLen/24
	}
	return events.At(end)
}

// Add is the day so much later; a day that the month lacks is its last, so 31 January and 1mo is 28 or 29 February. Seconds,
// minutes and hours move no day.
func (d Day) Add(by Duration) Day { return d.move(by, 1) }

// Back is the day so much earlier, in the same way.
func (d Day) Back(by Duration) Day { return d.move(by, -1) }

func (d Day) move(by Duration, sign int) Day {
	n := sign * by.N
	switch by.Unit {
	case Days:
		return d + Day(n)
	case Weeks:
		return d + Day(7*n)
	case Months:
		return d.months(n)
	case Years:
		return d.months(12 * n)
	}
	return d
}

func (d Day) months(n int) Day {
	y, m, day := d.Date()
	return DayOf(y, m+n, day)
}

// Date is d's year, month from 1 to 12, and day of the month.
func (d Day) Date() (year, month, day int) {
	y, m, dd := time.Unix(int64(d)*86400, 0).UTC().Date()
	return y, int(m), dd
}

// DayOf is a day of a month, at most its last. Months go on into other years: 13 is January of the next.
func DayOf(year, month, day int) Day {
	n := 12*year + month - 1
	first := monthStart(n)
	return first + min(Day(day), monthStart(n+1)-first) - 1
}

// monthStart is the first day of a month, counted from January of the year 0. Package time would take ten times as long.
func monthStart(n int) Day {
	year := floorDiv(n-2, 12) // from March on, so that it ends with the day that is there in leap years only
	month := n - 2 - 12*year
	return Day(365*year + floorDiv(year, 4) - floorDiv(year, 100) + floorDiv(year, 400) + (153*month+2)/5 - 719_468)
}
