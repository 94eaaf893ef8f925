package chain

import (
	"fmt"

	"github.com/touchfold/touchfold/events"
)

// shop is a department store with tills and a line to the head office that is sometimes down.
type shop struct {
	id, name string
	country  string
	tills    []till
	outages  []outage // in order, apart
}

// till counts its receipts of a day.
type till struct {
	day      string
	sequence int
}

// outage is a time without a line: what happened then arrives at its end.
type outage struct{ from, to events.Instant }

// openShops opens the shops and decides when their lines will be down: now and then, for up to two days, and once about
// the end of the history, so that the rush sees it mended.
func (c *Chain) openShops() {
	c.shops = []*shop{
		{id: "HK-TST", name: "Tsim Sha Tsui", country: "HK", tills: make([]till, 6)},
		{id: "HK-CWB", name: "Causeway Bay", country: "HK", tills: make([]till, 8)},
		{id: "HK-MKK", name: "Mong Kok", country: "HK", tills: make([]till, 4)},
		{id: "HK-STN", name: "Sha Tin", country: "HK", tills: make([]till, 4)},
		{id: "TW-XYI", name: "Xinyi", country: "TW", tills: make([]till, 5)},
		{id: "TW-TCG", name: "Taichung", country: "TW", tills: make([]till, 3)},
	}
	for _, s := range c.shops {
		for t := c.config.Start; ; {
			t += events.Instant(c.between(8, 45) * float64(day))
			o := outage{t, t + events.Instant(c.between(1, 47.5)*float64(hour))}
			if o.to > c.config.End-3*day {
				break
			}
			s.outages = append(s.outages, o)
			t = o.to
		}
	}
	s := c.shops[1]
	s.outages = append(s.outages, outage{c.config.End - 40*hour, c.config.End + 3*second})
}

// lineUp is when the line is up for what happened at t.
func (s *shop) lineUp(t events.Instant) events.Instant {
	for _, o := range s.outages {
		if o.from <= t && t < o.to {
			return o.to
		}
	}
	return t
}

// shopOf is a shop in the person's country.
func (c *Chain) shopOf(p *person) *shop {
	for {
		if s := pick(c, c.shops); s.country == p.market.country {
			return s
		}
	}
}

// receipt is the next number of a till: with shop, till and business date it names the receipt, and no message id is
// sent besides.
func (c *Chain) receipt(s *shop, t events.Instant) props {
	n := c.rng.IntN(len(s.tills))
	till := &s.tills[n]
	date := t.Time().In(local).Format("2006-01-02")
	if date != till.day {
		till.day, till.sequence = date, 0
	}
	till.sequence++
	return props{"store_id": s.id, "workstation_id": fmt.Sprintf("%02d", n+1), "business_date": date,
		"sequence_number": till.sequence, "operator_id": fmt.Sprintf("op-%d%02d", n+1, t.Time().In(local).Day()%7+1)}
}
