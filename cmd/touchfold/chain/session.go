package chain

import (
	"fmt"

	"github.com/touchfold/touchfold/events"
)

// session is one visit of a person: what is said in it, moment after moment.
type session struct {
	c        *Chain
	p        *person
	t        events.Instant
	hurry    float64 // divides the pauses
	app      bool
	lineUp   events.Instant // the phone, in the app, sends no earlier
	shop     *shop          // where the visit is to a shop
	campaign string
}

// pause lets about so many seconds pass.
func (s *session) pause(seconds float64) {
	s.t += events.Instant(seconds * s.c.between(300, 1700) / s.hurry)
}

// say sends a message of the web or the app, with who it is as far as is known, and pauses.
func (s *session) say(m message) {
	p := s.p
	m.AnonymousID = p.device
	if p.named {
		m.UserID = p.id
	}
	m.Context = props{"channel": "web", "locale": p.language, "page": props{"url": "https://shop.example.com/"}}
	if s.app {
		m.OriginalTimestamp, m.skew = utc(s.t+p.skew), p.skew
		m.Context = props{"channel": "app", "locale": p.language, "device": props{"type": "ios"}}
	}
	if s.campaign != "" {
		m.Context["campaign"] = props{"name": s.campaign, "source": "newsletter", "medium": "email"}
	}
	s.c.send(s.t, &m, s.lineUp)
	s.pause(25)
}

func (s *session) track(event string, properties props) {
	s.say(message{Type: "track", Event: event, Properties: properties})
}

// record sends what a system behind the shop knows of the customer, at t.
func (s *session) record(t events.Instant, channel, event string, properties props) {
	m := message{Type: "track", Event: event, UserID: s.p.id, Properties: properties}
	if channel != "" {
		m.Context = props{"channel": channel}
	}
	s.c.send(t, &m, 0)
}

// browse is a visit to the web shop or the app.
func (s *session) browse(buys bool) {
	c := s.c
	s.app = s.p.app && s.p.named && c.chance(0.6)
	if s.app {
		if c.chance(0.1) { // the phone has no signal: it sends when it is at home, by WLAN
			s.lineUp = s.t + c.days(0.1, 1.9)
		}
		s.say(message{Type: "screen", Properties: props{"name": "Home"}})
	} else {
		s.say(message{Type: "page", Properties: props{"name": "Home", "path": "/"}})
	}
	if !s.p.named && s.p.ordered > 0 && c.chance(0.5) || c.chance(0.1) {
		s.signIn()
	}
	if c.chance(0.3) {
		s.track("Products Searched", props{"query": pick(c, queries)})
	}
	if c.chance(0.02) {
		s.track("Store Locator Used", props{"city": s.p.city}) // a name that no table has
	}
	o := s.basket("web")
	s.track("Product List Viewed", props{"category": o.lines[0].category, "list_id": slug(o.lines[0].category)})
	for _, l := range o.lines {
		s.track("Product Viewed", l.seen(o))
		if buys || c.chance(0.15) {
			s.track("Product Added", l.properties(o))
		} else if c.chance(0.08) {
			s.track("Product Added to Wishlist", l.seen(o))
		}
	}
	if buys {
		s.checkOut(o)
	} else if c.chance(0.1) {
		s.track("Cart Viewed", props{"cart_id": fmt.Sprintf("%08x", c.rng.Uint32())})
	}
}

// signIn tells who the visitor is. The first time the browser's earlier traces are linked.
func (s *session) signIn() {
	p := s.p
	if p.named {
		return
	}
	p.named, p.mailed = true, true
	s.say(message{Type: "identify", Traits: props{"name": p.given + " " + p.family, "email": p.email(), "city": p.city,
		"country": p.market.country, "language": p.language, "birthday": p.birthday}})
	if s.c.chance(0.5) {
		s.c.send(s.t, &message{Type: "alias", UserID: p.id, PreviousID: p.device}, 0)
	}
	s.record(s.t, "web", "Consent Granted", props{"purpose": "marketing", "channel": "email"})
}

// checkOut buys what is in the cart.
func (s *session) checkOut(o *order) {
	c := s.c
	s.signIn()
	s.track("Checkout Started", o.properties(s))
	if c.chance(0.1) {
		s.track("Coupon Applied", props{"order_id": o.id, "coupon_id": "WELCOME50"})
		o.discount = min(50_00*s.p.market.factor, o.sum()/10)
	}
	s.track("Payment Info Entered", props{"order_id": o.id, "payment_method": pick(c, payments)})
	s.track("Order Completed", o.properties(s))
	s.afterOrder(o)
}

// buyInShop is a sale at a till, with the customer's card shown.
func (s *session) buyInShop() {
	o := s.basket("pos")
	o.receipt = s.c.receipt(s.shop, s.t)
	o.id = fmt.Sprintf("%s-%s-%v-%v", s.shop.id, o.receipt["business_date"], o.receipt["workstation_id"],
		o.receipt["sequence_number"])
	s.till("Order Completed", o.properties(s), o.receipt)
	s.afterOrder(o)
}

// till sends a receipt.
func (s *session) till(event string, properties, receipt props) {
	for k, v := range receipt {
		properties[k] = v
	}
	s.c.send(s.t, &message{Type: "track", Event: event, UserID: s.p.id, Timestamp: shopTime(s.t),
		Context: props{"channel": "pos"}, Properties: properties, till: true}, s.shop.lineUp(s.t))
}

// orderByPhone is a call in which something is ordered.
func (s *session) orderByPhone() {
	s.call("sales", func() {
		o := s.basket("phone")
		s.record(s.t, "phone", "Order Completed", o.properties(s))
		s.afterOrder(o)
	})
}

// call is a call to the call centre.
func (s *session) call(queue string, what func()) {
	c, began := s.c, s.t
	id := fmt.Sprintf("call-%08x", c.rng.Uint32())
	s.record(s.t, "", "Call Started", props{"call_id": id, "direction": "inbound", "queue": queue})
	s.pause(120)
	if what == nil && c.chance(0.15) {
		s.record(s.t, "", "Call Abandoned", props{"call_id": id, "queue": queue, "duration_s": int((s.t - began) / second)})
		return
	}
	if what != nil {
		what()
		s.pause(60)
	}
	s.record(s.t, "", "Call Completed", props{"call_id": id, "direction": "inbound", "queue": queue,
		"agent_id": fmt.Sprintf("agent-%02d", 1+c.rng.IntN(12)), "duration_s": int((s.t - began) / second),
		"disposition": "resolved", "csat": 1 + c.rng.IntN(5)})
}

// drop is a visit to a shop without buying: nothing is seen of it but now and then a question or an event.
func (s *session) drop() {
	c := s.c
	switch {
	case s.p.ordered == 0: // nobody knows who that was
	case c.chance(0.1):
		s.record(s.t, "", "Event Attended", props{"event_id": pick(c, happenings)})
	case c.chance(0.1):
		s.record(s.t, "", "Live Chat Conversation Started", props{"topic": "opening hours"})
		s.pause(200)
		s.record(s.t, "", "Live Chat Conversation Ended", props{"topic": "opening hours"})
	case c.chance(0.1):
		s.record(s.t, "", pick(c, socials), props{"network": "instagram", "sentiment": c.rng.IntN(3) - 1})
	}
}
