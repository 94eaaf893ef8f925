package purchases

import (
	"cmp"
	"slices"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state"
)

type folder struct{ calendar *state.Calendar }

func (f folder) fold(s *State, e *events.Event) {
	switch e.Type {
	case events.OrderCompleted:
		if i, ok := s.known(e); ok {
			s.change(i, e)
		} else {
			s.complete(e, f.calendar.Of(e.Time))
		}
	case events.OrderUpdated: // of an order that is not completed there is nothing to replace
		if i, ok := s.known(e); ok {
			s.change(i, e)
		}
	case events.OrderRefunded:
		s.refund(e, f.calendar.Of(e.Time), !e.Order.Stated && len(e.Items) == 0)
	case events.OrderCancelled:
		s.refund(e, f.calendar.Of(e.Time), true)
	}
}

// orderKey tells orders apart; 0 for an event without an order id.
func orderKey(e *events.Event) uint64 {
	if e.Order.ID == "" {
		return 0
	}
	return state.Fingerprint("order", e.Order.ID)
}

func (s *State) known(e *events.Event) (int32, bool) {
	if e.Order.ID == "" {
		return 0, false
	}
	return s.ordered(orderKey(e))
}

// ordered is the index of the order of that key.
func (s *State) ordered(key uint64) (int32, bool) {
	return s.byKey.Find(key, len(s.orders), func(i int) uint64 { return s.orders[i].key })
}

func (s *State) complete(e *events.Event, day state.Day) {
	o := order{key: cmp.Or(orderKey(e), state.Fingerprint(e.Source, e.ID)), event: state.MarkOf(e), day: day}
	s.read(&o, e)
	s.orders = append(s.orders, o)
	s.count(len(s.orders) - 1)
	s.cap(o.key)
}

// change replaces the order's total, its lines, or both: what the event does not say stays. It keeps its day.
func (s *State) change(i int32, e *events.Event) {
	o := &s.orders[i]
	s.book(o.currency, o.day, -1, -o.total, 0)
	s.units -= o.units
	for _, p := range o.products {
		s.products[p].orders--
	}
	s.read(o, e)
	s.enter(o)
	s.cap(o.key)
}

// read takes an order's total and lines from an event.
func (s *State) read(o *order, e *events.Event) {
	switch {
	case o.currency == events.Currency{}:
		o.currency, o.total = e.Order.Currency, e.Order.Value
	case !e.Order.Stated:
	case e.Order.Defaulted: // it named no currency, so it means that which the order has
		o.total = rescale(e.Order.Value, e.Order.Currency, o.currency)
	default:
		o.currency, o.total = e.Order.Currency, e.Order.Value
	}
	if len(e.Items) > 0 || e.Order.Units != 0 {
		s.readLines(o, e)
	}
}

func (s *State) readLines(o *order, e *events.Event) {
	o.units, o.products = 0, s.room(len(e.Items))
	if len(e.Items) == 0 {
		o.units = e.Order.Units
	}
	for i := range e.Items {
		it := &e.Items[i]
		o.units += it.Quantity
		if it.ProductID != "" {
			o.products = append(o.products, s.number(state.Fingerprint("product", it.ProductID)))
		}
	}
	slices.Sort(o.products)
	o.products = slices.Compact(o.products)
}

// room is for up to n products of an order.
func (s *State) room(n int) []int32 {
	if cap(s.lines)-len(s.lines) < n {
		s.lines = make([]int32, 0, max(n, 2*cap(s.orders)))
	}
	at := len(s.lines)
	s.lines = s.lines[:at+n]
	return s.lines[at : at : at+n]
}

// number is a product's index.
func (s *State) number(fingerprint uint64) int32 {
	n, ok := s.numbers.Find(fingerprint, len(s.products), func(i int) uint64 { return s.products[i].print })
	if !ok {
		n = int32(len(s.products))
		s.products = append(s.products, product{print: fingerprint})
	}
	return n
}

// count adds the i-th order, the last so far, to what follows from orders.
func (s *State) count(i int) {
	o := &s.orders[i]
	if n := len(s.days); n > 0 && s.days[n-1].day == o.day {
		s.days[n-1].orders++
	} else {
		s.days = append(s.days, dayCount{o.day, 1})
	}
	s.enter(o)
}

// enter adds an order's money, units and products.
func (s *State) enter(o *order) {
	s.book(o.currency, o.day, 1, o.total, 0)
	s.units += o.units
	for _, p := range o.products {
		s.products[p].orders++
	}
}

func (s *State) refund(e *events.Event, day state.Day, whole bool) {
	s.refunds = append(s.refunds, refund{order: orderKey(e), event: state.MarkOf(e), day: day, currency: e.Order.Currency,
		defaulted: e.Order.Defaulted, amount: e.Order.Value, whole: whole})
	s.index(len(s.refunds) - 1)
}

// index adds the i-th refund, the last so far, to what follows from refunds.
func (s *State) index(i int) {
	r := &s.refunds[i]
	if r.order == 0 {
		s.bookRefund(r, r.currency, r.amount)
		return
	}
	if s.refundsOf == nil {
		s.refundsOf = map[uint64][]int32{}
	}
	s.refundsOf[r.order] = append(s.refundsOf[r.order], int32(i))
	s.cap(r.order)
}

// rescale reads an amount that was taken in minor units of one currency in those of another.
func rescale(amount int64, from, to events.Currency) int64 {
	d := to.Digits() - from.Digits()
	for ; d > 0; d-- {
		amount *= 10
	}
	for ; d < 0; d++ {
		amount = (amount + 5) / 10
	}
	return amount
}

// cap books the refunds of one order anew: together, in their order, they are worth no more than it. Of an order that
// is not known they count as stated, and one of all that is left counts nothing.
func (s *State) cap(key uint64) {
	numbers := s.refundsOf[key]
	if len(numbers) == 0 {
		return
	}
	i, known := s.ordered(key)
	if !known {
		for _, j := range numbers {
			r := &s.refunds[j]
			if r.whole {
				s.bookRefund(r, r.currency, 0)
			} else {
				s.bookRefund(r, r.currency, r.amount)
			}
		}
		return
	}
	o := &s.orders[i]
	left := o.total
	for _, j := range numbers {
		r := &s.refunds[j]
		amount := r.amount
		switch {
		case r.whole:
			amount = left
		case r.defaulted: // it named no currency, so it means its order's
			amount = min(left, rescale(amount, r.currency, o.currency))
		case r.currency == o.currency:
			amount = min(left, amount)
		default: // another money than the order's cannot be held against it
			s.bookRefund(r, r.currency, amount)
			continue
		}
		left -= amount
		s.bookRefund(r, o.currency, amount)
	}
}

// bookRefund makes amount, in a currency, what counts of r.
func (s *State) bookRefund(r *refund, c events.Currency, amount int64) {
	if r.booked != 0 && r.bookedIn != c {
		s.book(r.bookedIn, r.day, 0, 0, -r.booked)
		r.booked = 0
	}
	if d := amount - r.booked; d != 0 {
		s.book(c, r.day, 0, 0, d)
	}
	r.booked, r.bookedIn = amount, c
}

// book adds to one day of one currency.
func (s *State) book(c events.Currency, day state.Day, orders int32, gross, refunded int64) {
	l := s.In(c)
	if l == nil {
		s.ledgers = append(s.ledgers, Ledger{Currency: c})
		l = &s.ledgers[len(s.ledgers)-1]
		if len(s.ledgers) == 1 { // most have no other
			l.days = make([]bucket, 0, cap(s.orders))
		}
	}
	l.Orders, l.Gross, l.Refunded = l.Orders+int(orders), l.Gross+gross, l.Refunded+refunded
	i := len(l.days)
	if i == 0 || l.days[i-1].day < day {
		l.days = append(l.days, bucket{day: day})
	} else if i--; l.days[i].day != day {
		var found bool
		i, found = slices.BinarySearchFunc(l.days, day, func(b bucket, d state.Day) int { return cmp.Compare(b.day, d) })
		if !found {
			l.days = slices.Insert(l.days, i, bucket{day: day})
		}
	}
	b := &l.days[i]
	b.orders, b.gross, b.refunded = b.orders+orders, b.gross+gross, b.refunded+refunded
}
