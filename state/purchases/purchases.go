// Package purchases is the feature that knows what a customer bought: orders, order days, units, money in and back, and
// windows of calendar days over them. Its one rule: an order counts on the day it was completed, a refund on the day it
// was refunded, and money is exact, in minor units of one currency at a time.
package purchases

import (
	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state"
	"github.com/touchfold/touchfold/state/lookup"
)

// State is a customer's orders and refunds in order of event, and what follows from them.
type State struct {
	orders   []order
	refunds  []refund
	products []product // all that were ever ordered, in order of first appearance

	// What follows from the above; not stored.
	byKey     lookup.Index       // of orders
	refundsOf map[uint64][]int32 // indices in refunds by the order's key
	numbers   lookup.Index       // of products, by fingerprint
	days      []dayCount         // days with an order, in order
	ledgers   []Ledger           // one a currency, in order of first use
	units     events.Milli
	lines     []int32 // what the products of orders are cut from
}

type product struct {
	print  uint64 // fingerprint of its id
	orders int32  // how many have it; not stored
}

type order struct {
	key      uint64 // fingerprint of the order id; without one, of the event
	event    state.Mark
	day      state.Day
	currency events.Currency
	total    int64
	units    events.Milli
	products []int32 // indices in State.products, each once, ascending
}

type refund struct {
	order     uint64 // key of the order; 0 without one
	event     state.Mark
	day       state.Day
	currency  events.Currency
	defaulted bool // the currency was not named
	amount    int64
	whole     bool // all that is left of the order

	// What counts of it: no more than what is left of a known order. Not stored.
	booked   int64
	bookedIn events.Currency
}

type dayCount struct {
	day    state.Day
	orders int32
}

// Ledger is a customer's money in one currency.
type Ledger struct {
	Currency events.Currency
	Orders   int   // in this currency
	Gross    int64 // totals of orders, minor units
	Refunded int64 // minor units
	days     []bucket
}

// bucket is one calendar day's money.
type bucket struct {
	day             state.Day
	orders          int32
	gross, refunded int64
}

// Feature is purchases with days of a calendar, and figures without a currency's name in one currency.
func Feature(calendar *state.Calendar, currency events.Currency) *state.Spec[State] {
	f := folder{calendar}
	return &state.Spec[State]{
		Name:    "purchases",
		Version: 1,
		Doc:     "orders, order days, units, money in and back, products; lifetime and over the last 365 calendar days",
		Basis:   "zone " + calendar.Zone().String(),
		Folds:   []events.Type{events.OrderCompleted, events.OrderUpdated, events.OrderRefunded, events.OrderCancelled},
		Fold:    f.fold,
		Append:  appendState,
		Parse:   parse,
		Report: func(s *State, _ state.Known, at events.Instant) any {
			return s.report(calendar.Of(at), currency)
		},
	}
}

// Orders is how many orders were completed, in any currency.
func (s *State) Orders() int { return len(s.orders) }

// OrderDays is how many calendar days had an order.
func (s *State) OrderDays() int { return len(s.days) }

// OrderDaysSince is how many calendar days from first on had an order.
func (s *State) OrderDaysSince(first state.Day) int {
	n := 0
	for i := len(s.days) - 1; i >= 0 && s.days[i].day >= first; i-- {
		n++
	}
	return n
}

// OrderDay is the i-th day with an order, counted from 0 for the first.
func (s *State) OrderDay(i int) state.Day { return s.days[i].day }

// Last is the event of the last order; zero without one.
func (s *State) Last() state.Mark {
	if len(s.orders) == 0 {
		return state.Mark{}
	}
	return s.orders[len(s.orders)-1].event
}

// Ordered is the events of the orders completed from one day to another, both included, the first ten in order.
func (s *State) Ordered(from, to state.Day) (marks []state.Mark) {
	for i := range s.orders {
		if d := s.orders[i].day; d >= from && d <= to && len(marks) < 10 {
			marks = append(marks, s.orders[i].event)
		}
	}
	return marks
}

// In is the customer's money in one currency; nil if there was none.
func (s *State) In(c events.Currency) *Ledger {
	for i := range s.ledgers {
		if s.ledgers[i].Currency == c {
			return &s.ledgers[i]
		}
	}
	return nil
}

// empty: nothing counts in this currency any more, as where an update changed its only order's; after reading the state
// again the ledger is not there at all.
func (l *Ledger) empty() bool { return l.Orders == 0 && l.Refunded == 0 }

// Net is gross less refunds, minor units.
func (l *Ledger) Net() int64 { return l.Gross - l.Refunded }

// AverageOrderValue is gross ÷ orders rounded down, minor units; 0 without an order.
func (l *Ledger) AverageOrderValue() int64 {
	if l.Orders == 0 {
		return 0
	}
	return l.Gross / int64(l.Orders)
}

// Window is the money from a day on.
func (l *Ledger) Window(first state.Day) (orders int, gross, refunded int64) {
	for i := len(l.days) - 1; i >= 0 && l.days[i].day >= first; i-- {
		b := &l.days[i]
		orders, gross, refunded = orders+int(b.orders), gross+b.gross, refunded+b.refunded
	}
	return orders, gross, refunded
}

// EachDay calls f with the net of every day from first on that had money move, in order, until f is false.
func (l *Ledger) EachDay(first state.Day, f func(d state.Day, net int64) bool) {
	i := len(l.days)
	for i > 0 && l.days[i-1].day >= first {
		i--
	}
	for ; i < len(l.days); i++ {
		if !f(l.days[i].day, l.days[i].gross-l.days[i].refunded) {
			return
		}
	}
}

// Products is how many different products stand in orders.
func (s *State) Products() int {
	n := 0
	for i := range s.products {
		if s.products[i].orders > 0 {
			n++
		}
	}
	return n
}
