// Package oracle computes from raw touchpoints, a second time and in the simplest way, what touchfold should know of
// each customer and have said of them. It shares no code with the program: nothing but the standard library is imported,
// every figure is computed from all of a customer's events again, and what changes by time is found by looking at every
// midnight. Its one rule: it is obvious rather than fast. It knows messages with orders, refunds, cancellations, updates,
// views, e-mails and identify: bare Segment messages in files, and whatever holds them in a topic (see Record); a zone
// must have its midnights.
package oracle

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"slices"
	"time"
)

// Rules are the thresholds. Money is in minor units of Currency, which has two digits.
type Rules struct {
	Zone        *time.Location
	Currency    string
	AsOf        time.Time // the last instant that counts
	VIPOver     int64
	EveryBlock  bool // the reading of high_frequency
	AtLeast     int
	AverageFrom int64
	DaysOver    int  // of churn_risk
	LapsedOver  int  // of the lifecycle
	InOrder     bool // the touchpoints came in order, so that what was said follows wholly
}

// event is a touchpoint as far as it matters.
type event struct {
	at                     time.Time
	id, customer, name     string
	order, currency        string
	total                  int64
	stated, lines          bool
	units                  *big.Rat
	products               []string
	begunByBrand, identify bool
}

type message struct {
	Type, MessageID, UserID, AnonymousID, Event      string
	Timestamp, OriginalTimestamp, SentAt, ReceivedAt string
	Traits                                           map[string]any
	Properties                                       properties
	subject                                          string
}

type properties struct {
	OrderID      string      `json:"order_id"`
	Store        string      `json:"store_id"`
	Workstation  string      `json:"workstation_id"`
	BusinessDate string      `json:"business_date"`
	Sequence     json.Number `json:"sequence_number"`
	Total        json.Number
	Revenue      json.Number
	Currency     string
	Units        json.Number
	Products     []struct {
		ProductID string `json:"product_id"`
		Quantity  json.Number
		Price     json.Number
	}
}

// Read reads touchpoints, one a line; lines that are no message are left out. Each customer's are in order, each once.
func Read(r io.Reader, rules Rules) (map[string][]event, error) {
	all := map[string][]event{}
	seen := map[[2]string]bool{}
	in := bufio.NewReader(r)
	for {
		line, err := in.ReadBytes('\n')
		var m message
		if len(line) > 0 && json.Unmarshal(line, &m) == nil && m.Type != "" && m.UserID != "" {
			e := m.event(rules)
			key := [2]string{m.UserID, m.MessageID}
			if !e.at.After(rules.AsOf) && !seen[key] {
				seen[key] = true
				all[e.customer] = append(all[e.customer], e)
			}
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
	}
	for _, events := range all {
		slices.SortFunc(events, func(a, b event) int { return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.id, b.id)) })
	}
	return all, nil
}

func (m *message) event(rules Rules) event {
	at, err := time.Parse(time.RFC3339, m.Timestamp)
	if err != nil {
		panic(fmt.Sprintf("oracle: message %s has no time that it understands", m.MessageID))
	}
	e := m.body(rules)
	e.at = at.Truncate(time.Millisecond)
	return e
}

// body is all but the time.
func (m *message) body(rules Rules) event {
	p := &m.Properties
	e := event{id: m.MessageID, customer: m.UserID, name: m.Event, order: p.OrderID,
		currency: cmp.Or(p.Currency, rules.Currency), units: new(big.Rat), lines: len(p.Products) > 0,
		begunByBrand: m.Event == "Email Sent", identify: m.Type == "identify" && len(m.Traits) > 0}
	sum := new(big.Rat)
	for _, line := range p.Products {
		q := rat(cmp.Or(line.Quantity, "1"))
		e.units.Add(e.units, q)
		sum.Add(sum, new(big.Rat).Mul(q, rat(cmp.Or(line.Price, "0"))))
		e.products = append(e.products, line.ProductID)
	}
	if len(p.Products) == 0 && p.Units != "" {
		e.units = rat(p.Units)
	}
	switch {
	case p.Total != "":
		e.total, e.stated = cents(rat(p.Total)), true
	case p.Revenue != "":
		e.total, e.stated = cents(rat(p.Revenue)), true
	case len(p.Products) > 0:
		e.total, e.stated = cents(sum), true
	}
	return e
}

func rat(n json.Number) *big.Rat {
	r, ok := new(big.Rat).SetString(string(n))
	if !ok {
		panic("oracle: not a number: " + string(n))
	}
	return r
}

// cents is an amount in hundredths, rounded half up.
func cents(r *big.Rat) int64 {
	h := new(big.Rat).Add(new(big.Rat).Mul(r, big.NewRat(100, 1)), big.NewRat(1, 2))
	return new(big.Int).Div(h.Num(), h.Denom()).Int64() // Div rounds down, the amounts are not negative
}

// entry is an order or a refund as it counts in the end.
type entry struct {
	order    string
	day      int // days since 1970 in the zone
	at       time.Time
	currency string
	total    int64
	units    *big.Rat
	products []string
	whole    bool
}

// book is what a customer's first events come to.
type book struct {
	orders, refunds []entry
	prospect        bool
}

// booked reads a customer's events from the first.
func booked(events []event, rules Rules) book {
	var b book
	byID := map[string]int{}
	for _, e := range events {
		if e.identify || e.name != "" && !e.begunByBrand {
			b.prospect = true
		}
		x := entry{order: e.order, day: rules.day(e.at), at: e.at, currency: e.currency, total: e.total, units: e.units, products: e.products}
		at, known := byID[e.order]
		switch e.name {
		case "Order Completed", "Order Updated":
			switch {
			case known && e.order != "":
				o := &b.orders[at]
				if e.stated {
					o.currency, o.total = x.currency, x.total
				}
				if e.lines || x.units.Sign() != 0 {
					o.units, o.products = x.units, x.products
				}
			case e.name == "Order Completed":
				byID[e.order] = len(b.orders)
				b.orders = append(b.orders, x)
			}
		case "Order Refunded", "Order Cancelled":
			x.whole = e.name == "Order Cancelled" || !e.stated && !e.lines
			b.refunds = append(b.refunds, x)
		}
	}
	// What was given back of a known order is no more than its total, in the order in which it was given back.
	left := map[string]int64{}
	for i := range b.refunds {
		r := &b.refunds[i]
		at, known := byID[r.order]
		if r.order == "" || !known {
			if r.whole {
				r.total = 0
			}
			continue
		}
		if _, begun := left[r.order]; !begun {
			left[r.order] = b.orders[at].total
		}
		if currency := b.orders[at].currency; r.whole {
			r.currency, r.total = currency, left[r.order]
		} else if r.currency != currency {
			continue // in another money it counts as stated
		}
		r.total = min(r.total, left[r.order])
		left[r.order] -= r.total
	}
	return b
}

func (rules Rules) day(t time.Time) int {
	y, m, d := t.In(rules.Zone).Date()
	return int(time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix() / 86400)
}

// days are the days with an order from first up to last, in order.
func (b *book) days(first, last int) []int {
	var days []int
	for _, o := range b.orders {
		if o.day >= first && o.day <= last && !slices.Contains(days, o.day) {
			days = append(days, o.day)
		}
	}
	slices.Sort(days)
	return days
}

// money adds up what was ordered and refunded from a day on, in a currency.
func (b *book) money(first int, currency string) (orders int, gross, refunded int64) {
	for _, o := range b.orders {
		if o.day >= first && o.currency == currency {
			orders, gross = orders+1, gross+o.total
		}
	}
	for _, r := range b.refunds {
		if r.day >= first && r.currency == currency {
			refunded += r.total
		}
	}
	return orders, gross, refunded
}

// facts are those that hold on a day after the events of b.
func (rules Rules) facts(b *book, today int) map[string]any {
	f := map[string]any{}
	all := b.days(0, today)
	n := len(all)
	if n == 0 {
		if b.prospect {
			f["lifecycle"] = "prospect"
		}
		return f
	}
	yes := func(key string, is bool) {
		if is {
			f[key] = true
		}
	}
	year := b.days(today-364, today)
	_, gross, refunded := b.money(today-364, rules.Currency)
	orders, ever, _ := b.money(0, rules.Currency)
	often := len(year) >= rules.AtLeast
	yes("segment/vip", gross-refunded > rules.VIPOver)
	yes("segment/high_frequency", often && !rules.EveryBlock || rules.EveryBlock && rules.everyBlock(all, today))
	yes("segment/potential", n == 1 || orders > 0 && ever/int64(orders) >= rules.AverageFrom && !often)
	yes("segment/churn_risk", today-all[n-1] > rules.DaysOver)
	switch {
	case today-all[n-1] > rules.LapsedOver:
		f["lifecycle"] = "lapsed"
	case len(year) >= 6:
		f["lifecycle"] = "loyal"
	case n == 1:
		f["lifecycle"] = "customer"
	case all[n-1]-all[n-2] > rules.LapsedOver:
		f["lifecycle"] = "won_back"
	default:
		f["lifecycle"] = "repeat"
	}
	return f
}

// everyBlock: each of the last AtLeast blocks of 30 days has an order.
func (rules Rules) everyBlock(days []int, today int) bool {
	blocks := map[int]bool{}
	for _, d := range days {
		blocks[(today-d)/30] = true
	}
	for j := range rules.AtLeast {
		if !blocks[j] {
			return false
		}
	}
	return true
}
