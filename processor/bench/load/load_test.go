package load

import (
	"bytes"
	"encoding/json"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/touchfold/touchfold/events"
)

type parsed struct {
	Event, UserID, MessageID string
	Timestamp                time.Time
	Properties               struct {
		Total    json.Number
		Products []struct {
			Price    json.Number
			Quantity int
		}
	}
}

func generator(t *testing.T, c Config) *Generator {
	t.Helper()
	g, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// TestShares: what is made up has the shares that Mix names, the size that is told, and decodes without a remark.
func TestShares(t *testing.T) {
	const n = 20_000
	g := generator(t, Config{Touchpoints: n, Customers: 1000, Late: 20, Seed: 7})
	decoder := events.NewDecoder(events.DecoderConfig{})
	count, late, size := map[string]int{}, 0, 0
	ids := map[string]bool{}
	for range n {
		x := g.Next(nil)
		var e events.Event
		if why := decoder.Decode(&events.Record{Append: x.Sent, Value: x.Value}, &e); why != nil {
			t.Fatalf("%v: %s", why, x.Value)
		}
		var p parsed
		if err := json.Unmarshal(x.Value, &p); err != nil {
			t.Fatal(err)
		}
		remarks := decoder.Notes()
		if p.Event == "Ticket Opened" { // a name that is not in our vocabulary, as every shop has some
			remarks &^= events.UnknownName
		}
		if remarks != 0 || e.Customer != x.Customer || e.Time > x.Sent || ids[p.MessageID] {
			t.Fatalf("notes %v, customer %s, at %s, sent %s: %s", remarks, e.Customer, e.Time, x.Sent, x.Value)
		}
		ids[p.MessageID] = true
		count[p.Event]++
		size += len(x.Value)
		if x.Sent-e.Time > behind {
			late++
		}
		if p.Event == "Order Completed" && len(p.Properties.Products) != 3 {
			t.Errorf("an order of %d products", len(p.Properties.Products))
		}
	}
	near := func(what string, got, want, within float64) {
		t.Helper()
		if math.Abs(got-want) > within {
			t.Errorf("%s: %.1f, want %.1f ± %.1f", what, got, want, within)
		}
	}
	for _, k := range Mix() {
		share := float64(k.PerMille)
		near(k.Event, 1000*float64(count[k.Event])/n, share, 4*math.Sqrt(share*(1000-share)/n))
	}
	near("late, of 100", 100*float64(late)/n, 20, 2)
	near("bytes of a touchpoint", float64(size)/n, 630, 30)
}

// TestCustomers: few customers come often, unless all are to come alike; all are of the shard that was asked for.
func TestCustomers(t *testing.T) {
	const n, customers = 50_000, 500
	for _, c := range []struct {
		uniform     bool
		least, most float64 // part of the touchpoints that the tenth of the customers makes who come most often
	}{{false, 0.3, 0.9}, {true, 0.10, 0.15}} {
		g := generator(t, Config{Touchpoints: n, Customers: customers, Uniform: c.uniform, Seed: 1, Shard: 3, Shards: 8})
		came := map[events.CustomerID]int{}
		for range n {
			x := g.Next(nil)
			came[x.Customer]++
			if events.ShardOf(x.Customer, 8) != 3 {
				t.Fatalf("%s is of shard %d", x.Customer, events.ShardOf(x.Customer, 8))
			}
		}
		var all []int
		for _, k := range came {
			all = append(all, k)
		}
		slices.Sort(all)
		often := 0
		for _, k := range all[max(0, len(all)-customers/10):] {
			often += k
		}
		if part := float64(often) / n; part < c.least || part > c.most || len(all) > customers {
			t.Errorf("uniform %v: a tenth of %d customers made %.2f of the touchpoints, want %.2f to %.2f", c.uniform, len(all), part, c.least, c.most)
		}
	}
}

// TestSeed: the same seed makes the same bytes, another one others; the last is sent 45 days after the first.
func TestSeed(t *testing.T) {
	all := func(seed uint64) (b []byte, last events.Instant) {
		g := generator(t, Config{Touchpoints: 100, Customers: 10, Seed: seed})
		for range 100 {
			x := g.Next(b)
			b, last = x.Value, x.Sent
		}
		return b, last
	}
	a, last := all(1)
	b, _ := all(1)
	c, _ := all(2)
	if !bytes.Equal(a, b) || bytes.Equal(a, c) {
		t.Error("the seed does not decide what is made up")
	}
	if days := (last - usualStart) / day; days != Days-1 {
		t.Errorf("the last is sent after %d days", days)
	}
}

// TestRefused: what cannot be made up is refused in a sentence.
func TestRefused(t *testing.T) {
	for _, c := range []Config{{Customers: 1}, {Touchpoints: 1}, {Touchpoints: 1, Customers: 1, Late: 101}} {
		if _, err := New(c); err == nil {
			t.Errorf("%+v was not refused", c)
		}
	}
}
