package soak

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"time"
)

// touch is a record that the feed wants written.
type touch struct {
	sequence int
	customer string // whose partition it belongs to; "" of poison, which belongs nowhere
	astray   bool   // to be written to another partition than the customer's
	draw     int    // of which other partition
	headers  [][2]string
	value    []byte
	poison   string // the reason for which it must be parked
	at       time.Time
	fixedID  bool // the id does not follow from the position: it may be sent again
}

// feed draws touchpoints. Its sequence follows from the seed, the day it begins, and how often it is asked.
type feed struct {
	rng       *rand.Rand
	zipf      *rand.Zipf
	begin     time.Time     // the first event's time
	step      time.Duration // between two events
	edges     []int         // days back from today from which a fact changes about today
	people    map[string]*person
	customers int
	poison    []poison
	recent    []touch // what may be sent again
	sequence  int
}

// person is what the feed remembers of a customer.
type person struct {
	last   time.Time
	orders []order // the latest few
}

type order struct {
	id, currency string
	total        int
}

// newFeed begins at an instant, after which it draws so many touchpoints a second of that clock.
func newFeed(seed uint64, begin time.Time, rate, customers int, poison []poison) *feed {
	rng := rand.New(rand.NewPCG(seed, 1))
	return &feed{rng: rng, zipf: rand.NewZipf(rng, 1.15, 8, uint64(customers-1)), begin: begin, step: time.Second / time.Duration(rate),
		edges: []int{churnDays, churnDays + 1, churnDays + 2, churnDays + 3, 364, 365, 366}, people: map[string]*person{}, customers: customers, poison: poison}
}

func (f *feed) chance(p float64) bool { return f.rng.Float64() < p }

// next is the next record.
func (f *feed) next() touch {
	f.sequence++
	now := f.begin.Add(time.Duration(f.sequence) * f.step)
	var t touch
	switch x := f.rng.Float64(); {
	case x < 0.01:
		t = f.poisoned()
	case x < 0.03 && len(f.recent) > 0:
		t = f.again()
	default:
		t = f.fresh(now)
	}
	t.sequence = f.sequence
	if t.fixedID {
		if len(f.recent) < 4000 {
			f.recent = append(f.recent, t)
		} else {
			f.recent[f.rng.IntN(len(f.recent))] = t
		}
	}
	return t
}

// fresh is a new event of some customer: one of the past as long as the customer is in the past, late, or of now.
func (f *feed) fresh(now time.Time) touch {
	name := fmt.Sprintf("c%05d", f.zipf.Uint64())
	if f.chance(0.05) {
		name = "hot"
	}
	if f.chance(0.03) {
		name = "anon:" + name
	}
	p := f.people[name]
	if p == nil {
		p = &person{last: now.AddDate(0, 0, -f.rng.IntN(1000)-3)}
		if f.chance(0.3) {
			p.last = now.Add(-time.Minute)
		}
		f.people[name] = p
	}
	at := f.when(p, now)
	if at.After(p.last) {
		p.last = at
	}
	e := f.event(p)
	e.at, e.customer = at, name
	return f.shape(e)
}

// when draws an event's time.
func (f *feed) when(p *person, now time.Time) time.Time {
	switch {
	case f.chance(0.10): // late, rather by little than by much
		return p.last.Add(-time.Duration(math.Exp(f.rng.Float64()*math.Log(float64(72*time.Hour)/1e6)) * 1e6))
	case f.chance(0.01): // from a clock that is fast
		return now.Add(time.Duration(f.rng.IntN(200)) * time.Second)
	case now.Sub(p.last) < 36*time.Hour:
		return now
	case f.chance(0.4): // to a day from which facts change about today
		if t := now.AddDate(0, 0, -f.edges[f.rng.IntN(len(f.edges))]).Add(-time.Duration(f.rng.IntN(3600)) * time.Second); t.After(p.last) {
			return t
		}
		return now
	}
	t := p.last.Add(time.Duration(f.rng.ExpFloat64() * float64(40*24*time.Hour)))
	if t.After(now) {
		return now
	}
	return t
}

// event is what happened, before it has a shape.
type event struct {
	name, customer string
	at             time.Time
	properties     map[string]any
	traits         bool
}

func (f *feed) event(p *person) event {
	old := func() *order {
		if len(p.orders) == 0 {
			return nil
		}
		return &p.orders[f.rng.IntN(len(p.orders))]
	}
	x, o := f.rng.Float64(), old()
	switch {
	case x < 0.45 || x < 0.65 && o == nil:
		return f.order(p)
	case x < 0.58: // some of the money back
		return event{name: "Order Refunded", properties: f.money(o.id, f.rng.IntN(o.total+20_00), o.currency)}
	case x < 0.61:
		return event{name: "Order Refunded", properties: map[string]any{"order_id": o.id}}
	case x < 0.63:
		return event{name: "Order Cancelled", properties: map[string]any{"order_id": o.id}}
	case x < 0.65:
		return event{name: "Order Updated", properties: f.money(o.id, f.rng.IntN(900_00), o.currency)}
	case x < 0.67: // of an order that nobody knows, or not yet
		return event{name: "Order Refunded", properties: f.money("", f.rng.IntN(100_00), "HKD")}
	case x < 0.72:
		return event{name: "Email Sent", properties: map[string]any{"campaign_id": "x"}}
	case x < 0.76:
		return event{traits: true}
	}
	return event{name: "Product Viewed", properties: map[string]any{"product_id": fmt.Sprint("p", f.rng.IntN(50))}}
}

// order is a purchase: with a total, with the sum of its lines, or in another money.
func (f *feed) order(p *person) event {
	o := order{id: fmt.Sprintf("o%d", f.sequence), total: 5_00 + f.rng.IntN(700_00), currency: "HKD"}
	if f.chance(0.05) {
		o.currency = "USD"
	}
	if f.chance(0.2) && len(p.orders) > 0 { // the same order, completed again
		o.id, o.currency = p.orders[len(p.orders)-1].id, p.orders[len(p.orders)-1].currency
	}
	properties := f.money(o.id, o.total, o.currency)
	if f.chance(0.2) {
		delete(properties, "total")
		properties["products"] = []map[string]any{
			{"product_id": "p1", "price": json.Number(strconv.Itoa(o.total / 200)), "quantity": 2},
			{"product_id": "p2", "price": "12.40", "quantity": 0.65}}
	}
	if f.chance(0.02) { // without an id nothing can be said about it later
		delete(properties, "order_id")
		return event{name: "Order Completed", properties: properties}
	}
	if p.orders = append(p.orders, o); len(p.orders) > 6 {
		p.orders = p.orders[1:]
	}
	return event{name: "Order Completed", properties: properties}
}

func (f *feed) money(id string, cents int, currency string) map[string]any {
	m := map[string]any{"total": json.Number(fmt.Sprintf("%d.%02d", cents/100, cents%100)), "currency": currency}
	if id != "" {
		m["order_id"] = id
	}
	if currency == "HKD" && f.chance(0.1) {
		delete(m, "currency")
	}
	return m
}
