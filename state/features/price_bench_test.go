package features_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state"
)

// BenchmarkTouchpoint is what a touchpoint costs its customer in order, without rules and with some: of a shop's usual mix
// (of ten, seven views, two additions to a cart, one order) and of customers of whom few come often, as Zipf has it. Bytes
// are those of the states at the median of the customers.
func BenchmarkTouchpoint(b *testing.B) {
	for _, name := range []string{"", "retail", "fifty"} {
		b.Run(fmt.Sprintf("rules=%s", name), func(b *testing.B) {
			settings := map[string]string{}
			if name != "" {
				text, err := os.ReadFile("testdata/" + name + ".yaml")
				if err != nil {
					b.Skip(err)
				}
				settings["rules"] = string(text)
			}
			benchmarkTouchpoint(b, settings["rules"])
		})
	}
}

func benchmarkTouchpoint(b *testing.B, text string) {
	book := propose(b)
	if text != "" {
		book.Settings["rules"] = text
		book.Features["rules"] = 1
	}
	table := table(b, book)
	const people = 2000
	customers := make([]*state.Customer, people)
	for i := range customers {
		customers[i] = table.New(events.CustomerID(fmt.Sprintf("c%d", i)))
	}
	rng := rand.New(rand.NewPCG(1, 2))
	zipf := rand.NewZipf(rng, 1.2, 8, people-1)
	sp := state.NewSpeaker(func(*events.Statement) {})
	names := []events.Type{events.ProductViewed, events.ProductAdded, events.OrderCompleted}
	clock := events.Instant(1_700_000_000_000)
	var e events.Event
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		n++
		if n%400_000 == 0 { // histories must not grow for ever
			b.StopTimer()
			for i := range customers {
				customers[i] = table.New(customers[i].ID())
			}
			b.StartTimer()
		}
		clock += 60_000
		c := customers[zipf.Uint64()]
		k := rng.IntN(10)
		e = events.Event{Customer: c.ID(), Type: names[max(0, k-7)&3%3], Time: clock, ID: fmt.Sprint("m", n), Channel: "web",
			Items: []events.Item{{ProductID: fmt.Sprint("p", rng.IntN(5000)), Category: fmt.Sprint("Shoes/", rng.IntN(40)), Quantity: 1000, Price: 4990}}}
		e.Name = e.Type.Name()
		e.Order.Currency = events.Currency{'H', 'K', 'D'}
		if e.Type == events.OrderCompleted {
			e.Order.ID, e.Order.Value, e.Order.Stated = fmt.Sprint("o", n), 19990, true
		}
		c.Pass(clock, sp)
		c.Take(&e)
		c.Step(&e, clock, sp)
	}
}
