// Package load makes up touchpoints of a shop, as many as are asked for and the same for the same seed, to measure with.
// Its one rule: a touchpoint depends on the seed and on how many came before it, never on a clock that it was not given.
//
// The shape is that of a web shop that sends Segment messages of some 630 bytes: few customers come often and most rarely
// (Zipf), half of it is pages, a tenth is orders of three products. The text is synthetic and compresses better than real.
package load

import (
	"fmt"
	"math/rand/v2"

	"github.com/touchfold/touchfold/events"
)

// Config says what is made up.
type Config struct {
	Touchpoints int // over which Next spreads the 45 days; more may be asked for
	Customers   int
	Late        int  // of each hundred touchpoints, so many happened up to three days before they are sent
	Uniform     bool // each customer comes as often as any other
	Seed        uint64
	Start       events.Instant // when the first one is sent; default 2026-01-01
	// Shard and Shards, if Shards is not 0, leave customers of other shards out: as many are then of that one.
	Shard  events.ShardID
	Shards int
}

const (
	day = 86_400_000
	// Days is over how many touchpoints are spread.
	Days = 45

	usualStart events.Instant = 1_767_225_600_000

	behind    = 5_000   // ms between what happens and its sending, at most; a customer's are always as many, so that his come in order
	latest    = 3 * day // of one that is late
	zipfPower = 1.05
	zipfShift = 30
)

// Touchpoint is one made-up touchpoint.
type Touchpoint struct {
	Customer events.CustomerID
	Sent     events.Instant // not before it happened
	Value    []byte         // a Segment message
}

// Generator makes touchpoints up, one after the other. It belongs to one goroutine.
type Generator struct {
	config    Config
	rng       *rand.Rand
	zipf      *rand.Zipf
	customers []int32 // by how often they come
	made      int
}

// New prepares a generator.
func New(c Config) (*Generator, error) {
	switch {
	case c.Touchpoints < 1:
		return nil, fmt.Errorf("%d touchpoints cannot be made up; ask for one or more", c.Touchpoints)
	case c.Customers < 1 || c.Customers > maxCustomers:
		return nil, fmt.Errorf("%d customers cannot be made up; ask for 1 to %d", c.Customers, maxCustomers)
	case c.Late < 0 || c.Late > 100:
		return nil, fmt.Errorf("%d percent of the touchpoints cannot be late; ask for 0 to 100", c.Late)
	}
	if c.Start == 0 {
		c.Start = usualStart
	}
	rng := rand.New(rand.NewPCG(c.Seed, 0x746f756368666f6c))
	g := &Generator{config: c, rng: rng, zipf: rand.NewZipf(rng, zipfPower, zipfShift, uint64(c.Customers-1)),
		customers: make([]int32, 0, c.Customers)}
	for i := int32(0); len(g.customers) < c.Customers; i++ {
		if c.Shards == 0 || events.ShardOf(nameOf(i), c.Shards) == c.Shard {
			g.customers = append(g.customers, i)
		}
	}
	rng.Shuffle(len(g.customers), func(i, j int) { g.customers[i], g.customers[j] = g.customers[j], g.customers[i] })
	return g, nil
}

// maxCustomers is bounded by the digits of their names, of which a shard may have one in many.
const maxCustomers = 20_000_000

func nameOf(customer int32) events.CustomerID {
	return events.CustomerID(fmt.Sprintf("c-%08d", customer))
}

// Made is how many touchpoints were made up so far.
func (g *Generator) Made() int { return g.made }

// Next is the next touchpoint of the 45 days, with its value appended to dst.
func (g *Generator) Next(dst []byte) Touchpoint {
	return g.At(g.config.Start+events.Instant(int64(g.made)*Days*day/int64(g.config.Touchpoints)), dst)
}

// At is the next touchpoint, sent at an instant, with its value appended to dst.
func (g *Generator) At(sent events.Instant, dst []byte) Touchpoint {
	rank := 0
	if g.config.Uniform {
		rank = g.rng.IntN(len(g.customers))
	} else {
		rank = int(g.zipf.Uint64())
	}
	customer := g.customers[rank]
	at := sent - events.Instant(customer%behind)
	if g.rng.IntN(100) < g.config.Late {
		at -= events.Instant(g.rng.IntN(latest))
	}
	t := Touchpoint{Customer: nameOf(customer), Sent: sent}
	m := message{b: dst, rng: g.rng, customer: int(customer), number: g.made}
	m.write(t.Customer, at)
	g.made++
	t.Value = m.b
	return t
}
