package store

import (
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	appconfig "github.com/touchfold/touchfold/config"
	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state"
	"github.com/touchfold/touchfold/state/features"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func featureTable(t testing.TB) *state.Table {
	t.Helper()
	table, err := features.Table(features.Propose(appconfig.Default()))
	must(t, err)
	return table
}

const (
	fullID      events.CustomerID = "full"
	firstOfFull events.Instant    = 1_700_000_000_000
)

// fullCustomer makes a customer of whom every field of every row is used, by events like those of a shop.
func fullCustomer(t testing.TB, s *Store) *state.Customer {
	t.Helper()
	c, err := s.Customer(fullID)
	must(t, err)
	now := firstOfFull
	take := func(e events.Event) {
		now += 86_400_000
		e.Customer, e.Time, e.Content = fullID, now, uint64(now)*0x9E3779B97F4A7C15
		if e.Source == "" {
			e.Source = "shop"
		}
		if e.ID == "" {
			e.ID = fmt.Sprint("event-", now)
		}
		c.Pass(now, speaker)
		if c.Take(&e) != state.Folded {
			t.Fatalf("event %s was not folded", e.ID)
		}
		c.Step(&e, now, speaker)
	}
	hkd, usd := events.Currency{'H', 'K', 'D'}, events.Currency{'U', 'S', 'D'}
	items := []events.Item{
		{ProductID: "p1", Category: "books", Quantity: 1000, Price: 1250, Serial: "sn-1", Warranty: 24},
		{ProductID: "p2", Category: "food", Quantity: 650, Price: 999},
	}
	take(events.Event{Type: events.ProductViewed, Channel: "web", Items: items[:1], Sequence: "0001"})
	take(events.Event{Type: events.Identify, Channel: "web", Links: events.Links{Anonymous: "cookie", Previous: "old", Group: "home"},
		Traits: []events.Trait{{Name: "email", Value: []byte(`"a@example.com"`)}, {Name: "vip", Value: []byte("true")}}})
	for _, typ := range []events.Type{events.EmailSent, events.EmailOpened, events.EmailLinkClicked} {
		take(events.Event{Type: typ, Channel: "email", Rest: []byte(`{"campaign":"spring"}`)})
	}
	take(events.Event{Type: events.OrderCompleted, Channel: "pos", Source: "pos", Items: items,
		Order: events.Order{ID: "o1", Currency: hkd, Value: 25_000_000, Stated: true}})
	take(events.Event{Type: events.OrderCompleted, Channel: "web", Order: events.Order{ID: "o2", Currency: usd, Value: 4300, Stated: true,
		Defaulted: true, Units: 2500}, Rest: []byte(`{"note":"` + strings.Repeat("again and ", 40) + `"}`)})
	take(events.Event{Type: events.OrderRefunded, Channel: "web", Items: items[1:], Order: events.Order{ID: "o1", Currency: hkd, Value: 649, Stated: true}})
	take(events.Event{Type: events.OrderRefunded, Channel: "web", Order: events.Order{ID: "o2", Currency: usd, Defaulted: true}})
	take(events.Event{Type: events.Unknown, Name: "Garden Visited", Rest: incompressible(4 << 10)})
	for range 20 {
		take(events.Event{Type: events.ProductAdded, Channel: "app", Items: items})
	}
	c.Absorb(&events.Statement{Fact: "trigger/cart/1", Value: state.Yes, N: 1, Effective: now})
	c.Applied = 12345
	s.Changed(c)
	return c
}

// incompressible is a JSON object that stays too long for a timeline.
func incompressible(n int) []byte {
	b, x := []byte(`{"x":"`), uint32(1)
	for len(b) < n {
		x = x*1664525 + 1013904223
		b = append(b, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_"[x>>26])
	}
	return append(b, `"}`...)
}

// The bytes on disk. From v1.0 on these files are binding: what they hold must be readable for ever, so a field may be
// added but neither moved nor given another meaning. Until then -update rewrites them.
func TestGolden(t *testing.T) {
	c := Config{Dir: t.TempDir(), Shard: 3, Table: featureTable(t), CacheBytes: 1 << 20}
	s := mustOpen(t, c)
	fullCustomer(t, s)
	p := at(77)
	p.Output, p.Clock, p.Log, p.SaidPosition, p.SaidClock, p.MuteUntil, p.Speaking = 2, 3, 4, 5, 6, 7, true
	p.ProducerIDs = []int64{0, 1 << 40}
	p.InputCRC, p.InputBatch, p.OutputCRC, p.OutputBatch = 8, 9, 10, 11
	p.Producer, p.Epoch, p.Walk, p.PastsSeen = 12, 13, Walk{true, "last", events.ByRules}, []events.ShardID{0, 14}
	p.Rulebook, p.RulebookSerial, p.RulebookHistory = []byte("rules"), 15, []uint64{16, 0x0123456789abcdef}
	p.Floor = 17
	interest := state.Interest{Asks: 18, Value: 19}
	p.Offers = []Offer{{Mark: state.Mark{Time: 20, ID: 21}, Of: []state.Interest{interest, {Asks: 22, Value: 23}}, After: "last"}}
	s.Note(interest, fullID, 24)
	s.Happen(&state.Happened{Mark: state.Mark{Time: 20, ID: 21}, Packed: []byte("packed"), Gone: []state.Interest{interest}})
	s.pending = 12
	must(t, s.Checkpoint(p))
	must(t, s.Wait())
	golden(t, "rows.golden", dump(t, s))
	same := func() {
		t.Helper()
		e, err := s.read(fullID) // from its row, not the cache
		must(t, err)
		if again := e.customer.AppendRow(nil); string(again) != string(s.customers[fullID].customer.AppendRow(nil)) {
			t.Error("a row that was read is written differently")
		}
	}
	same()

	late(t, s)
	must(t, s.Checkpoint(at(78)))
	must(t, s.Wait())
	golden(t, "whole.golden", dump(t, s))
	same()
}

// late has the full customer's states be other than what his blocks say, so that his next row has all of them.
func late(t testing.TB, s *Store) {
	t.Helper()
	c, err := s.Customer(fullID)
	must(t, err)
	if c.Take(&events.Event{Customer: fullID, Source: "shop", ID: "late", Type: events.ProductViewed, Time: firstOfFull}) != state.Late {
		t.Fatal("the event was not late")
	}
	c.Mend(c.Due()-1, speaker)
	s.Changed(c)
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	name = filepath.Join("testdata", name)
	if *update {
		must(t, os.WriteFile(name, []byte(got), 0o644))
	}
	want, err := os.ReadFile(name)
	must(t, err)
	if got != string(want) {
		t.Errorf("it is not what stands in %s:\n%s", name, got)
	}
}

// dump is every row of a store, key and value in hex, in order of the keys.
func dump(t testing.TB, s *Store) string {
	var b strings.Builder
	must(t, s.disk.view().ascend(nil, nil, func(key, value []byte) (bool, error) {
		fmt.Fprintf(&b, "key\n%svalue\n%s\n", hex.Dump(key), hex.Dump(value))
		return true, nil
	}))
	return b.String()
}
