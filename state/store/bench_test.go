package store

import (
	"fmt"
	"testing"

	"github.com/touchfold/touchfold/events"
)

func ids(n int) []events.CustomerID {
	all := make([]events.CustomerID, n)
	for i := range all {
		all[i] = events.CustomerID(fmt.Sprintf("customer-%07d", i))
	}
	return all
}

// BenchmarkCustomerHit asks for customers who are in memory, in an order that no processor cache foresees.
func BenchmarkCustomerHit(b *testing.B) {
	for _, n := range []int{100, 50_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			s := mustOpen(b, config(b, b.TempDir(), 1<<30))
			all := ids(n)
			for i, id := range all {
				touch(b, s, id, i, 1000, 0)
			}
			i := 0
			b.ReportAllocs()
			for b.Loop() {
				if _, err := s.Customer(all[i%n]); err != nil {
					b.Fatal(err)
				}
				i += 7919
			}
		})
	}
}

// BenchmarkChanged is a hit and the note that it was changed.
func BenchmarkChanged(b *testing.B) {
	s := mustOpen(b, config(b, b.TempDir(), 1<<30))
	all := ids(10_000)
	for i, id := range all {
		touch(b, s, id, i, 1000, 5000)
	}
	i := 0
	b.ReportAllocs()
	for b.Loop() {
		c, _ := s.Customer(all[i%len(all)])
		s.Changed(c)
		i += 7919
	}
}

// BenchmarkCustomerMiss reads customers from tables.
func BenchmarkCustomerMiss(b *testing.B) {
	dir := b.TempDir()
	s := mustOpen(b, config(b, dir, 1<<30))
	all := ids(10_000)
	for i, id := range all {
		touch(b, s, id, i, 1000, 0)
	}
	must(b, s.Checkpoint(at(1)))
	must(b, s.Close())
	s = mustOpen(b, config(b, dir, 1))
	i := 0
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Customer(all[i%len(all)]); err != nil {
			b.Fatal(err)
		}
		i += 7919
	}
}

// BenchmarkCheckpoint commits 10,000 changed customers of the real features, each with a moved horizon now and then.
func BenchmarkCheckpoint(b *testing.B) {
	const n = 10_000
	c := config(b, b.TempDir(), 1<<30)
	c.Table = featureTable(b)
	s := mustOpen(b, c)
	all := ids(n)
	now := events.Instant(1_700_000_000_000)
	order := events.Order{Currency: events.Currency{'H', 'K', 'D'}, Value: 12_345, Stated: true}
	items := []events.Item{{ProductID: "p1", Quantity: 1000, Price: 12_345}}
	k := 0
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		for _, id := range all {
			k++
			now += 1000
			c, err := s.Customer(id)
			must(b, err)
			e := events.Event{Customer: id, Type: events.OrderCompleted, ID: fmt.Sprint(k), Time: now, Content: uint64(k), Channel: "web",
				Order: order, Items: items}
			c.Pass(now, speaker)
			c.Take(&e)
			c.Step(&e, now, speaker)
			s.Changed(c)
		}
		b.StartTimer()
		must(b, s.Checkpoint(at(events.Offset(k))))
		must(b, s.Wait())
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/n, "µs/customer")
}
