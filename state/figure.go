package state

import (
	"math/bits"

	"github.com/touchfold/touchfold/events"
)

// A Figure is one number or text that a feature knows of a customer at an instant, for rules to compare.
type Figure struct {
	Name    string   // feature.figure, such as purchases.net
	Doc     string   // one line, shown by `touchfold rules features`
	Text    bool     // its values are texts, else numbers in millionths
	Texts   []string // all that it can be, of a text; nil: anything
	Windows bool     // it may be asked of the last so many calendar days, today among them
	Owner   Feature
	Folds   []events.Type // the events that may change it; nil: those that its owner folds

	// At is its value at an instant that is not before the last event folded, over days calendar days or, at 0, over all
	// time. Until is an instant after at before which time alone does not change the value; events.Never if it never will.
	At func(k Known, days int, at events.Instant) (q Quantity, until events.Instant)

	// Since is of a figure that is the calendar days since a day: that day, if the figure has a value. It lets who compares
	// the figure with a number wake at the day on which the outcome changes, and not on every day.
	Since func(k Known) (Day, bool)

	// Nth is of a figure that counts what was on days: the day of the n-th latest of it, n from 1. It is at least n over the
	// last so many days as long as that day is one of them.
	Nth func(k Known, n int64) (Day, bool)

	// Turns calls f with each value that the figure has over the last so many days after an instant if no event comes, and the
	// instant from which on, in order, until f is false. With it the horizon of a comparison is exact; nil: some changes are
	// looked through.
	Turns func(k Known, days int, at events.Instant, f func(q Quantity, from events.Instant) bool)

	// Stamp is another whenever an event has changed what At says. Nil: any event that it folds may have.
	Stamp func(k Known) uint64

	// Because names the first ten events that the value is made of, in order. Nil: nothing to name.
	Because func(k Known, days int, at events.Instant) []Mark
}

// Quantity is the value of a figure. The zero Quantity is that of a figure without a value, such as the average of no
// orders.
type Quantity struct {
	Number int64 // millionths
	Text   string
	Known  bool // there is a value
}

// DaysSince is a figure without a name: the calendar days since a day.
func DaysSince(c *Calendar, since func(k Known) (Day, bool)) Figure {
	return Figure{Since: since, At: func(k Known, _ int, at events.Instant) (Quantity, events.Instant) {
		d, ok := since(k)
		if !ok {
			return Quantity{}, events.Never
		}
		today := c.Of(at)
		return Millionths(int64(today-d), 1), c.Start(today + 1)
	}}
}

// Million is how many millionths one is.
const Million = 1_000_000

// MostMillionths is the bound of numbers, both ways: 9,000,000,000,000.
const MostMillionths = 9_000_000_000_000 * Million

// Millionths is n/per as a number that stays at the bound beyond it, rounded half to even. per is more than 0.
func Millionths(n, per int64) Quantity {
	return Quantity{Number: millionths(n, per), Known: true}
}

// TextOf is a text as a value; the empty text is none.
func TextOf(text string) Quantity { return Quantity{Text: text, Known: text != ""} }

// millionths is n*1,000,000/per, rounded half to even, within the bound.
func millionths(n, per int64) int64 {
	negative := n < 0
	high, low := bits.Mul64(magnitude(n), Million)
	if high >= uint64(per) { // the quotient has more than 64 bits
		return bounded(MostMillionths, negative)
	}
	q, rest := bits.Div64(high, low, uint64(per))
	if q >= MostMillionths {
		return bounded(MostMillionths, negative)
	}
	if twice := 2 * rest; twice > uint64(per) || twice == uint64(per) && q%2 == 1 {
		q++
	}
	return bounded(int64(q), negative)
}

func magnitude(n int64) uint64 {
	if n < 0 {
		return -uint64(n)
	}
	return uint64(n)
}

func bounded(q int64, negative bool) int64 {
	if negative {
		return -q
	}
	return q
}
