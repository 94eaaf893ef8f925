package store

import (
	"bytes"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/touchfold/touchfold/events"
)

// chain is a store of n customers, each with ten events of a year: visits, looks at products, carts and orders.
func chain(b *testing.B, n int) *Store {
	b.Helper()
	c := config(b, b.TempDir(), 64<<20)
	c.Table = featureTable(b)
	s := mustOpen(b, c)
	const day = 86_400_000
	kinds := []events.Type{events.ProductViewed, events.ProductViewed, events.ProductAdded, events.OrderCompleted, events.EmailOpened,
		events.ProductViewed, events.ProductAdded, events.OrderCompleted, events.EmailOpened, events.ProductViewed}
	for i, id := range ids(n) {
		c, err := s.Customer(id)
		must(b, err)
		for k, kind := range kinds {
			x := uint64(i*len(kinds)+k) * 0x9e3779b97f4a7c15 // digits that do not compress
			e := events.Event{Customer: id, Type: kind, Source: "web", ID: fmt.Sprintf("%016x-%08x", x, x>>7), Content: x, Channel: "web",
				Time: events.Instant(1_700_000_000_000 + int64(k)*30*day + int64(x%day)), Links: events.Links{Anonymous: fmt.Sprintf("%016x", x*3)}}
			e.Rest = fmt.Appendf(nil, `{"url":"https://shop.example/p/%d","device":"mobile","session":"%016x"}`, x%50_000, x*5)
			if kind != events.EmailOpened {
				e.Items = []events.Item{{ProductID: fmt.Sprintf("sku-%05d", x%50_000), Category: "shoes", Quantity: 1000, Price: int64(x % 100_000)}}
			}
			if kind == events.OrderCompleted {
				e.Order = events.Order{ID: fmt.Sprintf("order-%d", x%1e9), Currency: events.Currency{'H', 'K', 'D'}, Value: int64(x % 100_000), Stated: true}
			}
			c.Pass(e.Time, speaker)
			c.Take(&e)
			c.Step(&e, e.Time, speaker)
		}
		s.Changed(c)
		if i%5000 == 4999 {
			must(b, s.Checkpoint(at(events.Offset(i*len(kinds)))))
		}
	}
	must(b, s.Checkpoint(at(events.Offset(n*len(kinds)))))
	must(b, s.Wait())
	return s
}

const shopSize = 100_000

func BenchmarkExport(b *testing.B) {
	s := chain(b, shopSize)
	var made *Snapshot
	b.ReportAllocs()
	for b.Loop() {
		_, made = exported(b, s)
	}
	b.ReportMetric(float64(made.Bytes)/1e6, "MB")
	b.ReportMetric(float64(made.RowBytes)/1e6, "MB-of-rows")
}

// BenchmarkRestore restores and opens.
func BenchmarkRestore(b *testing.B) {
	s := chain(b, shopSize)
	c := s.config
	c.Restored = true
	packed, _ := exported(b, s)
	must(b, s.Close())
	n := 0
	b.ReportAllocs()
	for b.Loop() {
		n++
		c.Dir = filepath.Join(b.TempDir(), fmt.Sprint(n))
		if _, err := Restore(b.Context(), restoreConfig(c.Dir), bytes.NewReader(packed)); err != nil {
			b.Fatal(err)
		}
		again, err := Open(c)
		must(b, err)
		b.StopTimer()
		must(b, again.Close())
		b.StartTimer()
	}
}
