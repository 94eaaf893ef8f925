package rules_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state"
	"github.com/touchfold/touchfold/state/rules"
	"github.com/touchfold/touchfold/state/rules/oracle"
	"github.com/touchfold/touchfold/state/rules/ruletest"
	"github.com/touchfold/touchfold/state/wire"
)

// shop is what a feature of the tests' own keeps: the days of orders.
type shop struct{ days []state.Day }

// orders is that feature, and its figure: how many orders there were in the last days. It may be quick, as figures may.
func orders(c *state.Calendar, quick bool) (*state.Spec[shop], state.Figure) {
	f := &state.Spec[shop]{Name: "shop", Version: 1, Doc: "counts orders", Folds: []events.Type{events.OrderCompleted},
		Fold: func(s *shop, e *events.Event) { s.days = append(s.days, c.Of(e.Time)) },
		Append: func(b []byte, s *shop) []byte {
			for _, d := range s.days {
				b = wire.AppendInt(b, 1, int64(d))
			}
			return b
		},
		Parse: func(b []byte, s *shop) error {
			r := wire.NewReader(b)
			for _, ok := r.Next(); ok; _, ok = r.Next() {
				s.days = append(s.days, state.Day(r.Int()))
			}
			return r.Err()
		},
	}
	figure := state.Figure{Name: "purchases.orders", Windows: true, Owner: f,
		At: func(k state.Known, days int, at events.Instant) (state.Quantity, events.Instant) {
			n, until := 0, events.Never
			for _, d := range f.Of(k).days {
				if days == 0 || d > c.Of(at)-state.Day(days) {
					n++
				}
				if days > 0 && d > c.Of(at)-state.Day(days) {
					until = min(until, c.Start(d+state.Day(days)))
				}
			}
			return state.Millionths(int64(n), 1), until
		}}
	if quick {
		figure.Stamp = func(k state.Known) uint64 { return uint64(len(f.Of(k).days)) + 1 }
		figure.Turns = func(k state.Known, days int, at events.Instant, turn func(state.Quantity, events.Instant) bool) {
			all := f.Of(k).days
			for i, d := range all {
				left := state.Millionths(int64(len(all)-1-i), 1)
				if days > 0 && d > c.Of(at)-state.Day(days) && !turn(left, c.Start(d+state.Day(days))) {
					return
				}
			}
		}
		figure.Nth = func(k state.Known, n int64) (state.Day, bool) {
			days := f.Of(k).days
			if n > int64(len(days)) {
				return 0, false
			}
			return days[int64(len(days))-n], true
		}
	}
	return f, figure
}

// ordersAgain is that figure for the oracle.
func ordersAgain(zone *time.Location) func(string, rules.Window, []events.Event, events.Instant) (rules.Value, bool) {
	day := func(at events.Instant) int64 {
		y, m, d := at.Time().In(zone).Date()
		return time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix() / (24 * 60 * 60)
	}
	return func(_ string, w rules.Window, list []events.Event, at events.Instant) (rules.Value, bool) {
		var n rules.Number
		for i := range list {
			if list[i].Type == events.OrderCompleted && (w.Kind == "" || day(list[i].Time) > day(at)-int64(w.N)) {
				n++
			}
		}
		return rules.Value{Number: n * 1e6, IsNumber: true}, true
	}
}

// TestFigures is TestOracle for what rules say of other features' figures. The oracle looks at each day: there
// may not be many.
func TestFigures(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWith(t, ruletest.Options{Leaves: []string{"feature", "if", "event", "trait", "segment"},
			Numbers: []string{"purchases.orders"}})
		if n := len(w.past); n > 0 && w.past[n-1].Time < w.past[0].Time+60*day {
			agrees(t, w)
		}
	})
}

func (w *world) oracle() *oracle.World {
	return &oracle.World{Zone: w.zone, Currency: ruletest.HKD, Book: w.book, Figures: ordersAgain(w.zone)}
}
