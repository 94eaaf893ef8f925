// Package chain simulates a small chain of department stores in Hong Kong and Taiwan and what its customers do: visits
// to the shops, the web shop and the app, orders, refunds, e-mail, calls, complaints, surveys. It makes touchpoints for
// the demo and for tests; all people and products are invented. Its one rule: the same Config gives the same bytes.
package chain

import (
	"container/heap"
	"math/rand/v2"
	"time"

	"github.com/touchfold/touchfold/events"
)

// MinCustomers is the least number of customers with which all habits of the table are there, in a proportion that shows
// every kind of derived event over 18 months.
const MinCustomers = 60

// Config says what is simulated.
type Config struct {
	Seed       uint64
	Start, End events.Instant // of the history; every kind of derived event needs 18 months
	Customers  int            // raised to MinCustomers; 400 make about 100,000 touchpoints in 18 months
}

// Chain is a chain of shops and its customers. It is not for concurrent use.
//
// It is a queue of what is to happen: a touchpoint that arrives, or a person who wakes and does something, which queues
// more. All chance comes from one generator, asked in the order of the queue.
type Chain struct {
	config  Config
	rng     *rand.Rand
	queue   queue
	now     events.Instant
	made    uint64 // entries ever queued
	rushing bool   // goes on after the end

	people  []*person
	shops   []*shop
	catalog []product
	orders  int
}

// New returns a chain at the beginning of its history.
func New(c Config) *Chain {
	c.Customers = max(c.Customers, MinCustomers)
	chain := &Chain{config: c, rng: rand.New(rand.NewPCG(c.Seed, 0x746f756368666f6c)), catalog: catalogue()}
	chain.openShops()
	for i := range c.Customers {
		chain.join(i)
	}
	chain.planMailings()
	return chain
}

// Next is the next touchpoint, a Segment message or, one in a thousand, something that is none, and when it arrives.
// Instants never go back. ok is false at the end of the history, and never once the chain is in the rush.
func (c *Chain) Next() (touchpoint []byte, at events.Instant, ok bool) {
	e, ok := c.next()
	return e.touchpoint, e.at, ok
}

func (c *Chain) next() (entry, bool) {
	for len(c.queue) > 0 && (c.rushing || c.queue[0].at < c.config.End) {
		e := heap.Pop(&c.queue).(entry)
		c.now = e.at
		if e.wake == nil {
			return e, true
		}
		e.wake(e.at)
	}
	return entry{}, false
}

// Rush continues the chain after the end of its history: a sale for which people come at any hour, so many visits a
// second, in a hurry. Some are new, and who was lost comes back.
func (c *Chain) Rush(visits float64) {
	c.rushing = true
	gap := 1000 / visits
	var next func(events.Instant)
	next = func(at events.Instant) {
		c.hurry(at)
		c.wake(at+events.Instant(gap*(0.5+c.rng.Float64())), next)
	}
	c.wake(c.config.End, next)
}

// wake queues something that will happen.
func (c *Chain) wake(at events.Instant, do func(events.Instant)) { c.push(entry{at: at, wake: do}) }

func (c *Chain) push(e entry) {
	e.at, e.n = max(e.at, c.now), c.made
	c.made++
	heap.Push(&c.queue, e)
}

// chance is true with probability p.
func (c *Chain) chance(p float64) bool { return c.rng.Float64() < p }

// between is a number from lo up to but not hi.
func (c *Chain) between(lo, hi float64) float64 { return lo + (hi-lo)*c.rng.Float64() }

// pick is one of the list.
func pick[T any](c *Chain, list []T) T { return list[c.rng.IntN(len(list))] }

// entry is what is to happen: a touchpoint arrives, or somebody wakes.
type entry struct {
	at         events.Instant
	n          uint64 // of equal instants the first queued
	wake       func(events.Instant)
	touchpoint []byte
	broken     bool // it cannot be read
}

// queue is a heap.
type queue []entry

func (q queue) Len() int { return len(q) }
func (q queue) Less(i, j int) bool {
	return q[i].at < q[j].at || q[i].at == q[j].at && q[i].n < q[j].n
}
func (q queue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *queue) Push(e any)   { *q = append(*q, e.(entry)) }
func (q *queue) Pop() any {
	last := len(*q) - 1
	e := (*q)[last]
	(*q)[last] = entry{}
	*q = (*q)[:last]
	return e
}

const (
	second = events.Instant(1000)
	minute = 60 * second
	hour   = 60 * minute
	day    = 24 * hour
)

// local is the time of day in all shops: neither Hong Kong nor Taiwan puts its clocks forward.
var local = time.FixedZone("+08:00", 8*60*60)

// at is hour o'clock, with a fraction, of t's day in the shops.
func at(t events.Instant, clock float64) events.Instant {
	y, m, d := t.Time().In(local).Date()
	return events.At(time.Date(y, m, d, 0, 0, 0, 0, local)) + events.Instant(clock*float64(hour))
}

// season says whether t is in the weeks before the Chinese New Year, in those of Double 11, or before Christmas.
func season(t events.Instant) (name string, ok bool) {
	for _, f := range feasts(t.Time().In(local).Year()) {
		if t >= f.day-16*day && t < f.day+day {
			return f.name, true
		}
	}
	return "", false
}

type feast struct {
	name string
	day  events.Instant
}

// newYears are the first days of the Chinese years that begin in 2023 and after.
var newYears = []string{"2023-01-22", "2024-02-10", "2025-01-29", "2026-02-17", "2027-02-06", "2028-01-26", "2029-02-13",
	"2030-02-03", "2031-01-23", "2032-02-11", "2033-01-31", "2034-02-19", "2035-02-08", "2036-01-28", "2037-02-15",
	"2038-02-04", "2039-01-24", "2040-02-12"}

// feasts are those of a year. Outside the table the Chinese New Year is taken to be on 5 February.
func feasts(year int) []feast {
	date := func(m time.Month, d int) events.Instant { return events.At(time.Date(year, m, d, 0, 0, 0, 0, local)) }
	newYear := date(time.February, 5)
	for _, d := range newYears {
		if t, _ := time.ParseInLocation(time.DateOnly, d, local); t.Year() == year {
			newYear = events.At(t)
		}
	}
	return []feast{{"Chinese New Year", newYear}, {"Double 11", date(time.November, 11)}, {"Christmas", date(time.December, 25)}}
}
