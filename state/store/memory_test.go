package store

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/touchfold/touchfold/events"
)

// shop takes a customer's orders of one to three products each, some on the same day, and e-mails between them.
func shop(t testing.TB, s *Store, id events.CustomerID, orders, mails int) {
	t.Helper()
	c, err := s.Customer(id)
	must(t, err)
	random := rand.New(rand.NewPCG(uint64(len(id)), uint64(orders)))
	now := events.Instant(1_600_000_000_000)
	take := func(e events.Event) {
		now += events.Instant(1 + random.IntN(2*86_400_000))
		e.Customer, e.Source, e.Time, e.Content = id, "shop", now, random.Uint64()
		e.ID = fmt.Sprintf("%s-%d", id, now)
		c.Pass(now, speaker)
		c.Take(&e)
		c.Step(&e, now, speaker)
		s.Changed(c)
	}
	if mails > 0 {
		take(events.Event{Type: events.Identify, Channel: "web",
			Traits: []events.Trait{{Name: "email", Value: fmt.Appendf(nil, "%q", id+"@example.com")}, {Name: "city", Value: []byte(`"Taipei"`)}}})
	}
	for n := range orders {
		var items []events.Item
		for range 1 + random.IntN(3) {
			items = append(items, events.Item{ProductID: fmt.Sprint("product-", random.IntN(500)), Quantity: 1000, Price: 1999})
		}
		take(events.Event{Type: events.OrderCompleted, Channel: "web", Items: items,
			Order: events.Order{ID: fmt.Sprintf("order-%s-%d", id, n), Currency: events.Currency{'H', 'K', 'D'}, Value: 12_345, Stated: true}})
		for range mails {
			take(events.Event{Type: events.EmailOpened, Channel: "email", Rest: []byte(`{"campaign":"spring"}`)})
		}
	}
}

func heapBytes() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC() // what finalizers of the first let go
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// The memory that the cache believes to take is about what it does take: changed, written and read customers alike.
func TestCacheAccount(t *testing.T) {
	for _, x := range []struct{ customers, orders, mails int }{{3000, 3, 0}, {600, 30, 0}, {80, 300, 0}, {2000, 3, 2}, {300, 30, 2}, {40, 300, 2}} {
		t.Run(fmt.Sprintf("%d orders, %d mails", x.orders, x.mails), func(t *testing.T) {
			c := config(t, t.TempDir(), 1<<30)
			c.Table = featureTable(t)
			s := mustOpen(t, c)
			all := ids(x.customers)
			check := func(what string) {
				t.Helper()
				taken := heapBytes()
				believed, n := s.bytes, len(s.customers)
				s.near, s.last = nil, nil
				s.cache = cache{}
				s.cache.init(1 << 30)
				clear(s.dirty)
				s.dirty = nil
				taken -= heapBytes()
				ratio := float64(taken) / float64(believed)
				t.Logf("%s: %d customers, %d bytes each, %.2f of what is believed", what, n, taken/int64(n), ratio)
				if ratio < 0.7 || ratio > 1.3 || n != x.customers {
					t.Error("which is not about 1")
				}
			}
			fill := func() {
				for _, id := range all {
					shop(t, s, id, x.orders, x.mails)
				}
			}
			fill()
			check("changed")
			fill()
			must(t, s.Checkpoint(at(1)))
			must(t, s.Wait())
			check("written")
			for _, id := range all {
				_, err := s.Customer(id)
				must(t, err)
			}
			check("read")
		})
	}
}

// Badger takes about the memory that it may, when it has much to write.
func TestDiskBytes(t *testing.T) {
	const limit = 112 << 20
	c := config(t, t.TempDir(), 1)
	c.Table, c.DiskBytes = featureTable(t), limit
	before := heapBytes()
	s := mustOpen(t, c)
	rest, most := heapBytes()-before, int64(0)
	for n := range 12_000 {
		shop(t, s, events.CustomerID(fmt.Sprint("customer-", n*7919%9_000)), 3, 2)
		if s.DirtyBytes() > 2<<20 {
			must(t, s.Checkpoint(at(events.Offset(n))))
			most = max(most, heapBytes()-before)
		}
	}
	t.Logf("of %d MiB it takes %d at rest and %d at most", limit>>20, rest>>20, most>>20)
	if most > limit*5/4 || rest > limit/8 {
		t.Error("which is more")
	}
}
