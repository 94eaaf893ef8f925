package chain

import (
	"fmt"
	"maps"

	"github.com/touchfold/touchfold/events"
)

// order is what is bought, amounts in minor units of the market's currency.
type order struct {
	id       string
	channel  string
	currency string
	lines    []line
	shipping int64
	discount int64
	receipt  props // of a till
}

type line struct {
	product
	quantity int
	price    int64
	serial   string
}

func (o *order) sum() (sum int64) {
	for _, l := range o.lines {
		sum += l.price * int64(l.quantity)
	}
	return sum
}

// total is what is paid.
func (o *order) total() int64 { return o.sum() - o.discount + o.shipping }

// basket is what the person would like, by taste.
func (s *session) basket(channel string) *order {
	c, m := s.c, s.p.market
	c.orders++
	o := &order{id: fmt.Sprintf("W-%06d", c.orders), channel: channel, currency: m.currency}
	if channel == "web" {
		o.shipping = 30_00 * m.factor
	}
	n := 1 + c.rng.IntN(3)
	for range n {
		l := line{product: c.wants(s.p.taste), quantity: 1}
		l.price = l.hkd * m.factor
		if l.hkd < 200_00 {
			l.quantity += c.rng.IntN(3)
		}
		if l.warranty > 0 {
			l.serial = fmt.Sprintf("SN%010d", c.rng.Uint64N(1e10))
		}
		o.lines = append(o.lines, l)
	}
	return o
}

// wants is a product of a department that the taste has.
func (c *Chain) wants(t taste) product {
	if t != dear && t != everyday {
		return pick(c, c.catalog)
	}
	for {
		if p := pick(c, c.catalog); t == dear && p.hkd >= 3500_00 || t == everyday && p.hkd < 600_00 {
			return p
		}
	}
}

// seen is a line before anybody thought of a quantity.
func (l *line) seen(o *order) props {
	return props{"product_id": l.id, "sku": l.id + "-1", "name": l.name, "category": l.category, "brand": l.brand,
		"price": decimal(l.price, o.currency), "currency": o.currency}
}

// properties are those of a line of an order or a cart.
func (l *line) properties(o *order) props {
	p := l.seen(o)
	p["quantity"] = l.quantity
	if o.channel == "pos" {
		delete(p, "currency")
		p["department"], p["unit_cost"] = l.category, decimal(l.price*6/10, o.currency)
		if l.serial != "" {
			p["serial_number"], p["warranty_months"] = l.serial, l.warranty
		}
	}
	return p
}

// properties are those of the order.
func (o *order) properties(s *session) props {
	products := make([]props, len(o.lines))
	for i := range o.lines {
		products[i] = o.lines[i].properties(o)
	}
	p := props{"order_id": o.id, "total": decimal(o.total(), o.currency), "currency": o.currency, "products": products}
	if o.channel != "pos" {
		p["revenue"] = decimal(o.sum()-o.discount, o.currency)
		p["shipping"] = decimal(o.shipping, o.currency)
	}
	if o.discount > 0 {
		p["discount"] = decimal(o.discount, o.currency)
	}
	if s.campaign != "" {
		p["affiliation"] = "newsletter"
	}
	return p
}

// afterOrder is what an order brings: points, a survey, and sometimes trouble.
func (s *session) afterOrder(o *order) {
	c, p := s.c, s.p
	p.ordered++
	p.lastOrder = s.t
	if !p.member && c.chance(0.6) {
		p.member, p.mailed = true, true
		s.record(s.t+minute, "", "Loyalty Enrolled", props{"program": "Red Packet Club"})
	}
	if p.member {
		points := o.total() / 100 / p.market.factor / 10
		s.record(s.t+2*minute, "", "Points Earned", props{"points": points, "order_id": o.id})
		if c.chance(0.05) {
			s.record(s.t+3*minute, "", "Points Redeemed", props{"points": 100 + c.rng.IntN(400)})
		}
	}
	if c.chance(0.07) {
		s.record(s.t+c.days(1, 4), "", "Survey Completed",
			props{"survey_id": "after-order", "kind": "nps", "score": 3 + c.rng.IntN(8), "order_id": o.id})
	}
	if c.chance(0.04) {
		l := &o.lines[0]
		review := l.seen(o)
		review["rating"] = fmt.Sprint(2 + c.rng.IntN(4))
		s.record(s.t+c.days(3, 12), "web", "Product Reviewed", review)
	}
	switch x := c.rng.Float64(); {
	case x < 0.03 && o.channel == "web":
		s.update(o)
	case x < 0.05 && o.channel == "web":
		s.record(s.t+c.days(0.02, 0.4), "web", "Order Cancelled",
			props{"order_id": o.id, "total": decimal(o.total(), o.currency), "currency": o.currency})
	case x < 0.11:
		s.refund(o)
	}
	if c.chance(p.complains) {
		s.complain()
	}
}

// days is so many days, at any time of day.
func (c *Chain) days(lo, hi float64) events.Instant {
	return events.Instant(c.between(lo, hi) * float64(day))
}

// update changes the order within the hour: one more of the first product.
func (s *session) update(o *order) {
	o.lines[0].quantity++
	s.record(s.t+events.Instant(s.c.between(5, 55))*minute, o.channel, "Order Updated", o.properties(s))
}

// refund gives a part back, or everything: at a till for what was bought at one.
func (s *session) refund(o *order) {
	c := s.c
	properties := props{"order_id": o.id, "currency": o.currency}
	if l := &o.lines[0]; c.chance(0.6) && len(o.lines) > 1 {
		back := l.properties(o)
		back["quantity"] = 1
		properties["products"] = []props{back}
	}
	later := *s
	later.t += c.days(2, 20)
	if o.channel != "pos" {
		later.record(later.t, o.channel, "Order Refunded", properties)
		return
	}
	c.wake(later.t, func(t events.Instant) { // the till counts its receipts in the order of time
		later.t = t
		later.till("Order Refunded", maps.Clone(properties), c.receipt(s.shop, t))
	})
}

// complain is a call, a complaint and a case that is solved days later.
func (s *session) complain() {
	c := s.c
	later := *s
	later.t += c.days(1, 8)
	later.hurry = 1
	later.call("complaints", nil)
	id := fmt.Sprintf("case-%06x", c.rng.Uint32()>>8)
	later.record(later.t, "", "Complaint Received", props{"case_id": id, "category": pick(c, complaints)})
	later.pause(120)
	later.record(later.t, "", "Case Opened", props{"case_id": id, "category": "quality", "severity": 1 + c.rng.IntN(3)})
	if c.chance(0.2) {
		later.record(later.t+c.days(0.5, 2), "", "Case Escalated", props{"case_id": id, "severity": 3})
	}
	later.record(later.t+c.days(2, 6), "", "Case Resolved", props{"case_id": id, "category": "quality"})
}
