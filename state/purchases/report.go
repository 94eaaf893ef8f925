package purchases

import (
	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state"
)

// Report is what a person is shown. Money is decimal text in major units of business.currency, or of the currency that
// an entry of OtherCurrencies is named by.
type Report struct {
	Orders            int              `json:"orders"`     // completed, in any currency
	OrderDays         int              `json:"order_days"` // calendar days with an order
	Units             string           `json:"units"`      // pieces, or kilograms and the like
	DistinctProducts  int              `json:"distinct_products"`
	FirstOrderAt      string           `json:"first_order_at,omitempty"`
	LastOrderAt       string           `json:"last_order_at,omitempty"`
	Refunds           int              `json:"refunds"` // refunds and cancellations
	Gross             string           `json:"gross"`
	Refunded          string           `json:"refunded"`
	Net               string           `json:"net"`
	AverageOrderValue string           `json:"average_order_value,omitempty"`
	Last365Days       Window           `json:"last_365d"`
	OtherCurrencies   map[string]Money `json:"other_currencies,omitempty"`
}

// Window is the same over the last 365 calendar days, the day of the report among them.
type Window struct {
	Orders    int    `json:"orders"`
	OrderDays int    `json:"order_days"`
	Gross     string `json:"gross"`
	Refunded  string `json:"refunded"`
	Net       string `json:"net"`
}

// Money is what was paid in another currency.
type Money struct {
	Orders            int    `json:"orders"`
	Gross             string `json:"gross"`
	Refunded          string `json:"refunded"`
	Net               string `json:"net"`
	AverageOrderValue string `json:"average_order_value,omitempty"`
	Last365Days       Window `json:"last_365d"`
}

func (s *State) report(today state.Day, main events.Currency) any {
	if len(s.orders) == 0 && len(s.refunds) == 0 {
		return nil
	}
	own := s.In(main)
	if own == nil {
		own = &Ledger{Currency: main}
	}
	m := s.money(own, today)
	r := Report{Orders: s.Orders(), OrderDays: s.OrderDays(), Units: s.units.String(), DistinctProducts: s.Products(),
		Refunds: len(s.refunds), Gross: m.Gross, Refunded: m.Refunded, Net: m.Net, AverageOrderValue: m.AverageOrderValue,
		Last365Days: m.Last365Days}
	r.Last365Days.Orders, r.Last365Days.OrderDays = 0, s.OrderDaysSince(today-364)
	for i := len(s.days) - 1; i >= 0 && s.days[i].day > today-365; i-- {
		r.Last365Days.Orders += int(s.days[i].orders)
	}
	if len(s.orders) > 0 {
		r.FirstOrderAt, r.LastOrderAt = s.orders[0].event.Time.String(), s.Last().Time.String()
	}
	for i := range s.ledgers {
		if l := &s.ledgers[i]; l.Currency != main && !l.empty() {
			if r.OtherCurrencies == nil {
				r.OtherCurrencies = map[string]Money{}
			}
			r.OtherCurrencies[l.Currency.String()] = s.money(l, today)
		}
	}
	return r
}

func (s *State) money(l *Ledger, today state.Day) Money {
	text := func(minor int64) string { return events.FormatMinor(minor, l.Currency) }
	orders, gross, refunded := l.Window(today - 364)
	m := Money{Orders: l.Orders, Gross: text(l.Gross), Refunded: text(l.Refunded), Net: text(l.Net()),
		Last365Days: Window{orders, l.orderDaysSince(today - 364), text(gross), text(refunded), text(gross - refunded)}}
	if l.Orders > 0 {
		m.AverageOrderValue = text(l.AverageOrderValue())
	}
	return m
}

// orderDaysSince is how many days from first on had an order in this currency.
func (l *Ledger) orderDaysSince(first state.Day) (n int) {
	for i := len(l.days) - 1; i >= 0 && l.days[i].day >= first; i-- {
		if l.days[i].orders > 0 {
			n++
		}
	}
	return n
}
