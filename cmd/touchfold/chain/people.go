package chain

import (
	"fmt"

	"github.com/touchfold/touchfold/events"
)

// person is a customer, known or not yet.
type person struct {
	id        string // the customer number, on the card and in the web shop
	device    string // anonymousId of the browser
	given     string
	family    string
	city      string
	language  string
	birthday  string
	market    market
	taste     taste
	life      []spell
	onWeb     float64 // share of visits that are to the web shop or the app; the others are to a shop
	app       bool    // of those, to the app
	skew      events.Instant
	named     bool // has signed in on the web
	member    bool // has a card
	reads     float64
	mailed    bool // takes e-mail
	ordered   int
	lastOrder events.Instant
	complains float64
}

// email is an address that cannot exist.
func (p *person) email() string { return p.given + "." + p.family + "." + p.id[2:] + "@example.com" }

// market is a country with its currency. factor is what an amount in HKD is multiplied with.
type market struct {
	country, currency string
	factor            int64
}

var (
	hongKong = market{"HK", "HKD", 1}
	taiwan   = market{"TW", "TWD", 4}
)

// spell is a time of a person's life with one habit.
type spell struct {
	from, to events.Instant
	every    float64 // mean days from visit to visit
	buys     float64 // of a visit
}

// habit is a way to live. life is its spells in days since the start of the history, whose length is the other argument.
type habit struct {
	name  string
	parts int // of the sum over the table
	taste taste
	life  func(c *Chain, days float64) []span
}

// span is a spell in days since the start.
type span struct{ from, to, every, buys float64 }

// habits is who the customers are. Those that fade or come back begin in the first weeks, for what they leave is looked
// back on for a year.
var habits = []habit{
	{"weekly", 2, everyday, func(c *Chain, days float64) []span {
		return []span{{c.between(0, days/3), days, 4, 0.55}}
	}},
	{"monthly", 4, mixed, func(c *Chain, days float64) []span {
		return []span{{c.between(0, days*0.8), days, 15, 0.5}}
	}},
	{"once", 3, mixed, func(c *Chain, days float64) []span {
		from := c.between(0, days*0.98)
		return []span{{from, from + 2, 5, 1}, {from + 20, days, 60, 0}}
	}},
	{"once, dear", 1, dear, func(c *Chain, days float64) []span {
		from := c.between(0, days*0.98)
		return []span{{from, from + 2, 5, 1}, {from + 30, days, 45, 0.04}}
	}},
	{"seasonal", 2, mixed, func(c *Chain, days float64) []span {
		var life []span
		for year := c.config.Start.Time().Year(); year <= c.config.End.Time().Year(); year++ {
			for _, f := range feasts(year) {
				on := float64(f.day-c.config.Start) / float64(day)
				life = append(life, span{on - 14, on + 1, 5, 0.7})
			}
		}
		return life
	}},
	{"spends much", 2, dear, func(c *Chain, days float64) []span {
		return []span{{c.between(0, days/2), days, 10, 0.5}}
	}},
	{"spent much", 1, dear, func(c *Chain, _ float64) []span {
		return []span{{c.between(0, 20), c.between(130, 150), 6, 0.8}, {260, 340, 20, 0.1}}
	}},
	{"came weekly", 1, everyday, func(c *Chain, _ float64) []span {
		return []span{{c.between(0, 20), c.between(120, 150), 4, 0.75}, {c.between(170, 360), 380, 30, 0.1}}
	}},
	{"lapses", 1, mixed, func(c *Chain, days float64) []span {
		from := c.between(0, days/3)
		return []span{{from, from + 110, 12, 0.6}, {from + 140, from + 180, 20, 0}}
	}},
	{"comes back", 1, mixed, func(c *Chain, days float64) []span {
		back := c.between(340, days-30)
		return []span{{c.between(0, 60), c.between(80, 120), 10, 0.7}, {back, back + 9, 3, 0.9}, {back + 20, days, 15, 0.5}}
	}},
	{"looks only", 2, everyday, func(c *Chain, days float64) []span {
		return []span{{c.between(0, days*0.95), days, 50, 0}}
	}},
}

// habitOf deals the habits out, so that each has its share whatever the seed.
func habitOf(i int) *habit {
	sum := 0
	for h := range habits {
		sum += habits[h].parts
	}
	i = i * 7 % sum // 7 and the sum, 20, share no factor
	for h := range habits {
		if i -= habits[h].parts; i < 0 {
			return &habits[h]
		}
	}
	return nil
}

// join makes the i-th customer and plans the first visit.
func (c *Chain) join(i int) *person {
	h := habitOf(i)
	p := c.person(i, h.taste)
	for _, s := range h.life(c, float64(c.config.End-c.config.Start)/float64(day)) {
		p.life = append(p.life, spell{c.config.Start + events.Instant(s.from*float64(day)),
			c.config.Start + events.Instant(s.to*float64(day)), s.every, s.buys})
	}
	c.people = append(c.people, p)
	c.planVisit(p, c.config.Start)
	return p
}

// person invents somebody. One in four lives in Taiwan; those who spend much and are looked at live in Hong Kong, whose
// currency the segments reckon in.
func (c *Chain) person(i int, t taste) *person {
	p := &person{id: fmt.Sprintf("c-%04d", i+1), device: fmt.Sprintf("%016x", c.rng.Uint64()), given: pick(c, givenNames),
		family: pick(c, familyNames), market: hongKong, city: pick(c, districts), language: "zh-HK", taste: t,
		onWeb: c.between(0.2, 0.9), app: c.chance(0.4), reads: c.between(0.02, 0.6),
		birthday:  fmt.Sprintf("%d-%02d-%02d", 1950+c.rng.IntN(55), 1+c.rng.IntN(12), 1+c.rng.IntN(28)),
		skew:      events.Instant(c.between(-90, 90)) * second,
		complains: 0.03}
	if i%4 == 3 {
		p.market, p.city, p.language = taiwan, pick(c, cities), "zh-TW"
	}
	if c.chance(0.2) {
		p.language = "en"
	}
	if c.chance(0.1) {
		p.complains = 0.25
	}
	return p
}

// planVisit queues the next visit after t, if there is one.
func (c *Chain) planVisit(p *person, t events.Instant) {
	for i := range p.life {
		s := &p.life[i]
		every := s.every
		if _, busy := season(t); busy {
			every *= 0.7
		}
		next := max(t, s.from) + events.Instant(every*c.between(0.5, 1.5)*float64(day))
		if t < s.from {
			next = s.from + events.Instant(c.between(0, 2)*float64(day))
		}
		if next < c.config.Start || next >= s.to {
			continue
		}
		c.wake(at(next, c.between(10, 21.5)), func(now events.Instant) {
			c.visit(p, now, s.buys, 1)
			c.planVisit(p, max(now, next))
		})
		return
	}
}

// visit is one to the web shop, the app, a shop, or by phone. hurry divides the pauses.
func (c *Chain) visit(p *person, t events.Instant, buys, hurry float64) {
	s := &session{c: c, p: p, t: t, hurry: hurry}
	willBuy := c.chance(buys)
	switch {
	case c.chance(p.onWeb):
		s.browse(willBuy)
	case willBuy && c.chance(0.06):
		s.orderByPhone()
	case willBuy:
		s.shop = c.shopOf(p)
		s.buyInShop()
	default:
		s.drop()
	}
}

// hurry lets one visit happen in the rush, of somebody new or of one who was drawn there from afar: of three people the
// one who has not ordered for longest.
func (c *Chain) hurry(t events.Instant) {
	const faster, buys = 40, 0.45
	if c.chance(0.04) {
		p := c.person(len(c.people), mixed)
		c.people = append(c.people, p)
		c.visit(p, t, buys, faster)
		return
	}
	p := pick(c, c.people)
	for range 2 {
		if q := pick(c, c.people); q.lastOrder < p.lastOrder {
			p = q
		}
	}
	c.visit(p, t, buys, faster)
}
