package state_test

import (
	"fmt"
	"slices"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state"
	"github.com/touchfold/touchfold/state/wire"
)

// The occurrences of these tests, of a shop where an order is an Order Completed:
//
//	trigger/left/<cart>    2 h after a Cart Viewed without an order, if there was an even number of orders until then
//	trigger/third/<order>  the third order
const (
	cartFor  = 2 * hour
	lateness = 5 * hour
)

// orders counts orders, for the feature below to need.
func orders() *state.Spec[uint64] {
	return &state.Spec[uint64]{Name: "orders", Version: 1, Doc: "how many orders there were", Folds: []events.Type{events.OrderCompleted},
		Fold:   func(n *uint64, _ *events.Event) { *n++ },
		Append: func(b []byte, n *uint64) []byte { return wire.AppendUint(b, 1, *n) },
		Parse: func(b []byte, n *uint64) error {
			r := wire.NewReader(b)
			for _, ok := r.Next(); ok; _, ok = r.Next() {
				*n = r.Uint()
			}
			return r.Err()
		}}
}

// happening is an occurrence as the state keeps it.
type happening struct {
	kind string
	at   events.Instant
	mark state.Mark
}

func (h *happening) key() string { return fmt.Sprintf("trigger/%s/%016x", h.kind, h.mark.ID) }

// visits are the carts that may still be left, and what happened.
type visits struct{ open, done []happening }

// left calls f with the open carts that are left for good before an instant.
func (v *visits) left(orders uint64, to events.Instant, f func(h happening)) {
	for _, h := range v.open {
		if h.at < to && orders%2 == 0 {
			f(h)
		}
	}
}

func shop() *state.Table {
	counted := orders()
	table, err := state.NewTable(counted, &state.Spec[visits]{
		Name: "visits", Version: 1, Doc: "carts that were left", Folds: []events.Type{events.CartViewed, events.OrderCompleted},
		Needs: []state.Feature{counted},
		Before: func(v *visits, k state.Known, to events.Instant) {
			v.left(*counted.Of(k), to, func(h happening) { v.done = append(v.done, h) })
			v.open = slices.DeleteFunc(v.open, func(h happening) bool { return h.at < to })
		},
		Fold: func(v *visits, e *events.Event) {
			if e.Type == events.CartViewed {
				v.open = append(v.open, happening{"left", e.Time + cartFor, state.MarkOf(e)})
				return
			}
			v.open = nil
			v.done = append(v.done, happening{"order", e.Time, state.MarkOf(e)})
			if v.orders() == 3 {
				v.done = append(v.done, happening{"third", e.Time, state.MarkOf(e)})
			}
		},
		Occurrences: func(v *visits, k state.Known, at events.Instant, say func(o *state.Occurrence)) {
			var o state.Occurrence
			tell := func(h happening) {
				if h.kind != "order" {
					o = state.Occurrence{Key: h.key(), At: h.at, Old: h.at+lateness < at, Because: []state.Mark{h.mark}, Rule: h.kind}
					say(&o)
				}
			}
			for _, h := range v.done {
				tell(h)
			}
			v.left(*counted.Of(k), at+1, tell)
		},
		Settled: func(_ string, effective, at events.Instant) bool { return effective+lateness < at },
		Horizon: func(v *visits, _ state.Known, at events.Instant) events.Instant {
			next := events.Never
			for _, h := range v.open {
				if h.at > at {
					next = min(next, h.at)
				}
			}
			return next
		},
		Append: appendVisits, Parse: parseVisits})
	if err != nil {
		panic(err)
	}
	return table
}

func (v *visits) orders() (n int) {
	for _, h := range v.done {
		if h.kind == "order" {
			n++
		}
	}
	return n
}

func appendVisits(b []byte, v *visits) []byte {
	for i, list := range [...][]happening{v.open, v.done} {
		for _, h := range list {
			var m wire.Mark
			b, m = wire.Begin(b, wire.Field(1+i))
			b = wire.AppendBytes(b, 1, h.kind)
			b = wire.AppendInt(b, 2, int64(h.at))
			b = wire.AppendInt(b, 3, int64(h.mark.Time))
			b = wire.AppendFixed(b, 4, h.mark.ID)
			b = wire.End(b, m)
		}
	}
	return b
}

func parseVisits(b []byte, v *visits) error {
	r := wire.NewReader(b)
	for f, ok := r.Next(); ok; f, ok = r.Next() {
		var h happening
		x := wire.NewReader(r.Bytes())
		for f, ok := x.Next(); ok; f, ok = x.Next() {
			switch f {
			case 1:
				h.kind = x.String()
			case 2:
				h.at = events.Instant(x.Int())
			case 3:
				h.mark.Time = events.Instant(x.Int())
			case 4:
				h.mark.ID = x.Uint()
			}
		}
		if x.Err() != nil {
			return x.Err()
		}
		if f == 1 {
			v.open = append(v.open, h)
		} else {
			v.done = append(v.done, h)
		}
	}
	return r.Err()
}
