package purchases

import (
	"encoding/binary"
	"slices"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state"
	"github.com/touchfold/touchfold/state/wire"
)

// The fields of the state, of an order and of a refund. Times and days are differences to the one before.
const (
	stateProducts wire.Field = 1
	stateOrder    wire.Field = 2
	stateRefund   wire.Field = 3

	orderKeyField wire.Field = 1
	orderTime     wire.Field = 2
	orderEvent    wire.Field = 3
	orderDay      wire.Field = 4
	orderCurrency wire.Field = 5
	orderTotal    wire.Field = 6
	orderUnits    wire.Field = 7
	orderProducts wire.Field = 8

	refundOrder     wire.Field = 1
	refundTime      wire.Field = 2
	refundEvent     wire.Field = 3
	refundDay       wire.Field = 4
	refundCurrency  wire.Field = 5
	refundAmount    wire.Field = 6
	refundWhole     wire.Field = 7
	refundDefaulted wire.Field = 8
)

func appendState(b []byte, s *State) []byte {
	if len(s.products) > 0 {
		var m wire.Mark
		b, m = wire.Begin(b, stateProducts)
		for _, p := range s.products {
			b = binary.BigEndian.AppendUint64(b, p.print)
		}
		b = wire.End(b, m)
	}
	var time events.Instant
	var day state.Day
	for i := range s.orders {
		b = appendOrder(b, &s.orders[i], time, day)
		time, day = s.orders[i].event.Time, s.orders[i].day
	}
	time, day = 0, 0
	for i := range s.refunds {
		b = appendRefund(b, &s.refunds[i], time, day)
		time, day = s.refunds[i].event.Time, s.refunds[i].day
	}
	return b
}

func appendOrder(b []byte, o *order, time events.Instant, day state.Day) []byte {
	b, m := wire.Begin(b, stateOrder)
	b = wire.AppendFixed(b, orderKeyField, o.key)
	b = wire.AppendInt(b, orderTime, int64(o.event.Time-time))
	b = wire.AppendFixed(b, orderEvent, o.event.ID)
	b = wire.AppendInt(b, orderDay, int64(o.day-day))
	b = wire.AppendBytes(b, orderCurrency, o.currency[:])
	b = wire.AppendInt(b, orderTotal, o.total)
	b = wire.AppendInt(b, orderUnits, int64(o.units))
	if len(o.products) > 0 {
		var inner wire.Mark
		b, inner = wire.Begin(b, orderProducts)
		last := int32(-1)
		for _, p := range o.products {
			b = binary.AppendUvarint(b, uint64(p-last))
			last = p
		}
		b = wire.End(b, inner)
	}
	return wire.End(b, m)
}

func appendRefund(b []byte, r *refund, time events.Instant, day state.Day) []byte {
	b, m := wire.Begin(b, stateRefund)
	b = wire.AppendFixed(b, refundOrder, r.order)
	b = wire.AppendInt(b, refundTime, int64(r.event.Time-time))
	b = wire.AppendFixed(b, refundEvent, r.event.ID)
	b = wire.AppendInt(b, refundDay, int64(r.day-day))
	b = wire.AppendBytes(b, refundCurrency, r.currency[:])
	b = wire.AppendInt(b, refundAmount, r.amount)
	b = wire.AppendBool(b, refundWhole, r.whole)
	b = wire.AppendBool(b, refundDefaulted, r.defaulted)
	return wire.End(b, m)
}

func parse(b []byte, s *State) error {
	var last state.Mark
	var day state.Day
	n := ordersIn(b)
	s.orders, s.days = slices.Grow(s.orders, n), slices.Grow(s.days, n)
	r := wire.NewReader(b)
	for f, ok := r.Next(); ok; f, ok = r.Next() {
		switch f {
		case stateProducts:
			p := r.Bytes()
			if len(p)%8 != 0 {
				r.Fail()
			}
			s.products = slices.Grow(s.products, len(p)/8)
			for ; len(p) >= 8; p = p[8:] {
				s.products = append(s.products, product{print: binary.BigEndian.Uint64(p)})
			}
		case stateOrder:
			o, err := s.parseOrder(r.Bytes(), last.Time, day)
			if err != nil {
				return err
			}
			last, day = o.event, o.day
			s.orders = append(s.orders, o)
			s.count(len(s.orders) - 1)
		case stateRefund:
			if len(s.refunds) == 0 {
				last, day = state.Mark{}, 0
			}
			x, err := parseRefund(r.Bytes(), last.Time, day)
			if err != nil {
				return err
			}
			last, day = x.event, x.day
			s.refunds = append(s.refunds, x)
			s.index(len(s.refunds) - 1)
		}
	}
	return r.Err()
}

// ordersIn is how many orders appendState wrote.
func ordersIn(b []byte) (n int) {
	r := wire.NewReader(b)
	for f, ok := r.Next(); ok; f, ok = r.Next() {
		if f == stateOrder {
			n++
		}
	}
	return n
}

func (s *State) parseOrder(b []byte, time events.Instant, day state.Day) (o order, err error) {
	r := wire.NewReader(b)
	o.event.Time, o.day = time, day
	for f, ok := r.Next(); ok; f, ok = r.Next() {
		switch f {
		case orderKeyField:
			o.key = r.Uint()
		case orderTime:
			o.event.Time += events.Instant(r.Int())
		case orderEvent:
			o.event.ID = r.Uint()
		case orderDay:
			o.day += state.Day(r.Int())
		case orderCurrency:
			copy(o.currency[:], r.Bytes())
		case orderTotal:
			o.total = r.Int()
		case orderUnits:
			o.units = events.Milli(r.Int())
		case orderProducts:
			if o.products, ok = s.parseProducts(r.Bytes()); !ok {
				r.Fail()
			}
		}
	}
	return o, r.Err()
}

func (s *State) parseProducts(b []byte) (products []int32, ok bool) {
	n, known, last := 0, len(s.products), int64(-1)
	for _, c := range b {
		n += int(c>>7 ^ 1) // the last byte of a number
	}
	products = s.room(n)
	for len(b) > 0 {
		d, n := binary.Uvarint(b)
		if n <= 0 || d == 0 || d > uint64(known) {
			return nil, false
		}
		if last += int64(d); last >= int64(known) {
			return nil, false
		}
		products = append(products, int32(last))
		b = b[n:]
	}
	return products, true
}

func parseRefund(b []byte, time events.Instant, day state.Day) (x refund, err error) {
	r := wire.NewReader(b)
	x.event.Time, x.day = time, day
	for f, ok := r.Next(); ok; f, ok = r.Next() {
		switch f {
		case refundOrder:
			x.order = r.Uint()
		case refundTime:
			x.event.Time += events.Instant(r.Int())
		case refundEvent:
			x.event.ID = r.Uint()
		case refundDay:
			x.day += state.Day(r.Int())
		case refundCurrency:
			copy(x.currency[:], r.Bytes())
		case refundAmount:
			x.amount = r.Int()
		case refundWhole:
			x.whole = r.Bool()
		case refundDefaulted:
			x.defaulted = r.Bool()
		}
	}
	return x, r.Err()
}
