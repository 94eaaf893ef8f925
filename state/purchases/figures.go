package purchases

import (
	"slices"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state"
)

// Figures are what rules may ask of purchases. Amounts are in major units of one currency, and of money in that currency
// only; what is counted is counted whatever it was paid in.
func Figures(p *state.Spec[State], calendar *state.Calendar, currency events.Currency) []state.Figure {
	f := asked{p, calendar, currency}
	return []state.Figure{
		f.nth(f.count("orders", "orders completed, in any currency", (*State).ordersSince), (*State).nthOrder),
		f.nth(f.count("order_days", "calendar days with an order", (*State).OrderDaysSince), (*State).nthDay),
		f.count("products", "different products in orders", (*State).productsSince),
		f.pieces("units", "pieces ordered, or kilograms and the like"),
		f.money("gross", "totals of orders", false, true, func(_ int, gross, _ int64) (int64, bool) { return gross, true }),
		f.money("refunded", "refunds and cancellations", true, false,
			func(_ int, _, refunded int64) (int64, bool) { return refunded, true }),
		f.money("net", "totals of orders less refunds and cancellations", true, true,
			func(_ int, gross, refunded int64) (int64, bool) { return gross - refunded, true }),
		f.money("average_order_value", "totals of orders by their number, rounded down to the currency's smallest unit", false,
			true, func(orders int, gross, _ int64) (int64, bool) { return gross / int64(max(orders, 1)), orders > 0 }),
		f.age("last_order_days_ago", "calendar days since the last order's day",
			func(s *State) *order { return &s.orders[len(s.orders)-1] }),
		f.age("first_order_days_ago", "calendar days since the first order's day",
			func(s *State) *order { return &s.orders[0] }),
		f.blocks30(),
	}
}

type asked struct {
	purchases *state.Spec[State]
	calendar  *state.Calendar
	currency  events.Currency
}

// ever is a first day before every other.
const ever state.Day = -1 << 31

// first is the first of so many days up to the instant's; ever of none.
func (f asked) first(days int, at events.Instant) state.Day {
	if days == 0 {
		return ever
	}
	return f.calendar.Of(at) - state.Day(days) + 1
}

// leaves is the instant at which day d is out of the window that began at first.
func (f asked) leaves(d, first state.Day, at events.Instant) events.Instant {
	if first == ever {
		return events.Never
	}
	return f.calendar.Start(f.calendar.Of(at) + d - first + 1)
}

// count is a figure that changes when the oldest order day leaves the window.
func (f asked) count(name, doc string, of func(s *State, first state.Day) int) state.Figure {
	return f.ordered(name, doc, func(s *State, first state.Day) state.Quantity {
		return state.Millionths(int64(of(s, first)), 1)
	})
}

func (f asked) nth(x state.Figure, of func(s *State, n int64) (state.Day, bool)) state.Figure {
	x.Nth = func(k state.Known, n int64) (state.Day, bool) { return of(f.purchases.Of(k), n) }
	return x
}

// nthOrder is the day of the n-th latest order.
func (s *State) nthOrder(n int64) (state.Day, bool) {
	for i := len(s.days) - 1; i >= 0; i-- {
		if n -= int64(s.days[i].orders); n <= 0 {
			return s.days[i].day, true
		}
	}
	return 0, false
}

// nthDay is the n-th latest day with an order.
func (s *State) nthDay(n int64) (state.Day, bool) {
	if n > int64(len(s.days)) {
		return 0, false
	}
	return s.days[len(s.days)-int(n)].day, true
}

func (f asked) pieces(name, doc string) state.Figure {
	return f.ordered(name, doc, func(s *State, first state.Day) state.Quantity {
		return state.Millionths(int64(s.unitsSince(first)), 1000)
	})
}

func (f asked) ordered(name, doc string, of func(s *State, first state.Day) state.Quantity) state.Figure {
	return state.Figure{Name: "purchases." + name, Doc: doc, Windows: true, Owner: f.purchases,
		At: func(k state.Known, days int, at events.Instant) (state.Quantity, events.Instant) {
			s, first := f.purchases.Of(k), f.first(days, at)
			until := events.Never
			if n := len(s.days) - s.OrderDaysSince(first); n < len(s.days) {
				until = f.leaves(s.days[n].day, first, at)
			}
			return of(s, first), until
		},
		Because: func(k state.Known, days int, at events.Instant) []state.Mark {
			return f.purchases.Of(k).Ordered(f.first(days, at), f.calendar.Of(at))
		}}
}

// money is a figure that changes when a day with orders, or with refunds, leaves the window.
func (f asked) money(name, doc string, refunds, orders bool,
	of func(orders int, gross, refunded int64) (minor int64, known bool)) state.Figure {
	return state.Figure{Name: "purchases." + name, Doc: doc, Windows: true, Owner: f.purchases,
		At: func(k state.Known, days int, at events.Instant) (state.Quantity, events.Instant) {
			l, first := f.purchases.Of(k).In(f.currency), f.first(days, at)
			if l == nil {
				l = new(Ledger)
			}
			n, gross, refunded := l.Window(first)
			until := events.Never
			i, _ := slices.BinarySearchFunc(l.days, first, func(b bucket, d state.Day) int { return int(int64(b.day) - int64(d)) })
			for ; i < len(l.days) && until == events.Never; i++ {
				if b := &l.days[i]; orders && (b.orders != 0 || b.gross != 0) || refunds && b.refunded != 0 {
					until = f.leaves(b.day, first, at)
				}
			}
			minor, known := of(n, gross, refunded)
			if !known {
				return state.Quantity{}, until
			}
			return state.Millionths(minor, units(f.currency)), until
		},
		Because: func(k state.Known, days int, at events.Instant) []state.Mark {
			return f.purchases.Of(k).moved(f.currency, f.first(days, at), refunds, orders)
		}}
}

// units is how many minor units a major one has.
func units(c events.Currency) int64 {
	n := int64(1)
	for range c.Digits() {
		n *= 10
	}
	return n
}

// age is the days since one of the orders' day.
func (f asked) age(name, doc string, which func(s *State) *order) state.Figure {
	x := state.DaysSince(f.calendar, func(k state.Known) (state.Day, bool) {
		s := f.purchases.Of(k)
		if len(s.orders) == 0 {
			return 0, false
		}
		return which(s).day, true
	})
	x.Name, x.Doc, x.Owner = "purchases."+name, doc, f.purchases
	x.Because = func(k state.Known, _ int, _ events.Instant) []state.Mark {
		if s := f.purchases.Of(k); len(s.orders) > 0 {
			return []state.Mark{which(s).event}
		}
		return nil
	}
	return x
}

const blockLen = 30

// blocks30 counts back from today: block j, from 0 on, is the order days of which floor((today - day)/30) = j.
func (f asked) blocks30() state.Figure {
	return state.Figure{Name: "purchases.blocks30", Owner: f.purchases,
		Doc: "how many of the blocks of 30 calendar days back from today have an order, up to the first without one",
		At: func(k state.Known, _ int, at events.Instant) (state.Quantity, events.Instant) {
			s, today := f.purchases.Of(k), f.calendar.Of(at)
			n, until := s.blocks(today), events.Never
			for d := today + 1; n > 0 && until == events.Never; d++ { // 30 days on the latest block is empty
				if s.blocks(d) != n {
					until = f.calendar.Start(d)
				}
			}
			return state.Millionths(int64(n), 1), until
		},
		Because: func(k state.Known, _ int, at events.Instant) []state.Mark {
			s, today := f.purchases.Of(k), f.calendar.Of(at)
			return s.Ordered(today-state.Day(blockLen*s.blocks(today))+1, today)
		}}
}

func (s *State) blocks(today state.Day) (n int) {
	for i := len(s.days) - 1; i >= 0; i-- {
		block := int(today-s.days[i].day) / blockLen
		if block > n {
			break
		}
		if block == n {
			n++
		}
	}
	return n
}

func (s *State) ordersSince(first state.Day) (n int) {
	for i := len(s.days) - 1; i >= 0 && s.days[i].day >= first; i-- {
		n += int(s.days[i].orders)
	}
	return n
}

func (s *State) unitsSince(first state.Day) events.Milli {
	if first == ever {
		return s.units
	}
	var n events.Milli
	for i := len(s.orders) - 1; i >= 0 && s.orders[i].day >= first; i-- {
		n += s.orders[i].units
	}
	return n
}

func (s *State) productsSince(first state.Day) (n int) {
	if first == ever {
		return s.Products()
	}
	seen := make([]bool, len(s.products))
	for i := len(s.orders) - 1; i >= 0 && s.orders[i].day >= first; i-- {
		for _, p := range s.orders[i].products {
			if !seen[p] {
				seen[p] = true
				n++
			}
		}
	}
	return n
}

// moved is the events from a day on that moved money in a currency, the first ten in order of time.
func (s *State) moved(c events.Currency, first state.Day, refunds, orders bool) (marks []state.Mark) {
	for i := range s.orders {
		if o := &s.orders[i]; orders && o.currency == c && o.day >= first && len(marks) < 10 {
			marks = append(marks, o.event)
		}
	}
	n := len(marks)
	for i := range s.refunds {
		if r := &s.refunds[i]; refunds && r.booked != 0 && r.bookedIn == c && r.day >= first && len(marks) < n+10 {
			marks = append(marks, r.event)
		}
	}
	slices.SortStableFunc(marks, func(a, b state.Mark) int { return int(a.Time - b.Time) })
	return marks[:min(10, len(marks))]
}
