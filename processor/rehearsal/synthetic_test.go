package rehearsal_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"
)

// touchpoint is a message and when it happened.
type touchpoint struct {
	at   time.Time
	id   string
	text string
}

// synthesize makes two years, from 2024-01-01 on, of customers with habits, in order of time: some order daily, some
// weekly, monthly or once; they have orders updated, refunded in part or whole, with the order's id or without, before
// the order too, and cancelled; they look at products, get e-mails, tell their traits, and a few pay in another money.
func synthesize(seed uint64, customers int) []touchpoint {
	rng := rand.New(rand.NewPCG(seed, 7))
	var all []touchpoint
	for i := range customers {
		s := &shopper{rng: rng, id: fmt.Sprintf("c%04d", i*7919%10007)}
		s.live()
		all = append(all, s.did...)
	}
	slices.SortFunc(all, func(a, b touchpoint) int { return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.id, b.id)) })
	return all
}

type shopper struct {
	rng *rand.Rand
	id  string
	did []touchpoint
}

type properties map[string]any

func (s *shopper) says(at time.Time, kind, event string, more properties) {
	id := fmt.Sprintf("%s-%03d", s.id, len(s.did))
	m := properties{"type": kind, "messageId": id, "userId": s.id, "timestamp": at.Format("2006-01-02T15:04:05.000Z07:00")}
	if kind == "identify" {
		m["traits"] = more
	} else {
		m["event"], m["properties"] = event, more
	}
	text, err := json.Marshal(m)
	if err != nil {
		panic(err)
	}
	s.did = append(s.did, touchpoint{at, id, string(text)})
}

const span = 730 * 24 * time.Hour

// after is some time up to d after at, to the millisecond, and now and then exactly at a midnight in Taipei.
func (s *shopper) after(at time.Time, d time.Duration) time.Time {
	at = at.Add(time.Duration(s.rng.Int64N(int64(d/time.Millisecond))) * time.Millisecond)
	if s.rng.IntN(10) == 0 {
		at = at.Truncate(24 * time.Hour).Add(16 * time.Hour)
	}
	return at
}

func (s *shopper) live() {
	began := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	end := began.Add(span)
	gaps := []time.Duration{4, 9, 25, 40, 130, 800}
	gap := gaps[s.rng.IntN(len(gaps))] * 24 * time.Hour
	at := s.after(began, 300*24*time.Hour)
	if s.rng.IntN(3) == 0 {
		s.says(at, "identify", "", properties{"city": "Taipei"})
	}
	if s.rng.IntN(8) == 0 {
		s.says(at, "track", "Email Sent", properties{"campaign_id": "spring"})
	}
	if s.rng.IntN(12) == 0 {
		return // never buys
	}
	for n := 0; at.Before(end) && n < 90; n++ {
		if s.rng.IntN(4) == 0 {
			s.says(at, "track", "Product Viewed", properties{"product_id": s.product()})
		}
		s.order(at, fmt.Sprintf("%s/%d", s.id, n))
		at = s.after(at, 2*gap)
		if s.rng.IntN(15) == 0 {
			at = at.Add(200 * 24 * time.Hour) // lapses
		}
	}
}

func (s *shopper) product() string { return fmt.Sprintf("p%02d", s.rng.IntN(40)) }

// order is one order and what becomes of it.
func (s *shopper) order(at time.Time, id string) {
	p := s.content()
	p["order_id"] = id
	if s.rng.IntN(40) == 0 {
		s.says(at.Add(-time.Hour), "track", "Order Refunded", properties{"order_id": id, "total": 100, "currency": p["currency"]})
	}
	s.says(at, "track", "Order Completed", p)
	later := s.after(at, 60*24*time.Hour)
	back := properties{"order_id": id}
	switch s.rng.IntN(20) {
	case 0:
		back["total"], back["currency"] = s.amount(200), "TWD"
		s.says(later, "track", "Order Refunded", back)
		s.says(s.after(later, time.Hour), "track", "Order Refunded", back) // together perhaps more than the order
	case 1:
		s.says(later, "track", "Order Refunded", back) // all of it
	case 2:
		s.says(later, "track", "Order Cancelled", back)
	case 3:
		s.says(later, "track", "Order Refunded", properties{"total": s.amount(300), "currency": "TWD"}) // of no known order
	case 4, 5:
		again := s.content()
		again["order_id"], again["currency"] = id, p["currency"]
		s.says(later, "track", "Order Updated", again)
	}
}

func (s *shopper) amount(most int) float64 { return float64(1+s.rng.IntN(most*100)) / 100 }

// content is an order's amount or lines.
func (s *shopper) content() properties {
	p := properties{"currency": "TWD"}
	if s.rng.IntN(25) == 0 {
		p["currency"] = "USD"
	}
	switch s.rng.IntN(4) {
	case 0:
		p["total"], p["units"] = s.amount(1500), 1+s.rng.IntN(5)
	case 1:
		p["revenue"] = s.amount(1500)
	default:
		var lines []properties
		for range 1 + s.rng.IntN(4) {
			lines = append(lines, properties{"product_id": s.product(), "quantity": 1 + s.rng.IntN(3), "price": s.amount(400)})
		}
		p["products"] = lines
	}
	return p
}

// arrivals are the messages in order of arrival: of a thousand so many come twice, up to a day later, and so many up to
// two days late.
func arrivals(all []touchpoint, twice, late int) []string {
	rng := rand.New(rand.NewPCG(3, 11))
	come := make([]touchpoint, 0, len(all))
	for _, t := range all {
		if rng.IntN(1000) < late {
			t.at = t.at.Add(time.Duration(rng.Int64N(int64(48 * time.Hour))))
		}
		come = append(come, t)
		if rng.IntN(1000) < twice {
			t.at = t.at.Add(time.Duration(rng.Int64N(int64(24 * time.Hour))))
			come = append(come, t)
		}
	}
	slices.SortStableFunc(come, func(a, b touchpoint) int { return a.at.Compare(b.at) })
	lines := make([]string, len(come))
	for i, t := range come {
		lines[i] = t.text
	}
	return lines
}
