package chain

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"github.com/touchfold/touchfold/events"
)

var end = events.At(time.Date(2026, 3, 2, 9, 30, 0, 0, time.UTC))

func eighteenMonths(seed uint64, customers int) Config {
	return Config{Seed: seed, Start: events.At(end.Time().AddDate(0, -18, 0)), End: end, Customers: customers}
}

func TestSameSeedSameBytes(t *testing.T) {
	a, b, other := New(eighteenMonths(7, 60)), New(eighteenMonths(7, 60)), New(eighteenMonths(8, 60))
	differs := false
	for n := 0; ; n++ {
		textA, atA, okA := a.Next()
		textB, atB, okB := b.Next()
		textC, _, _ := other.Next()
		if !bytes.Equal(textA, textB) || atA != atB || okA != okB {
			t.Fatalf("touchpoint %d: %s at %s (%v), and %s at %s (%v)", n, textA, atA, okA, textB, atB, okB)
		}
		differs = differs || !bytes.Equal(textA, textC)
		if okA {
			continue
		}
		if n < 5000 || !differs {
			t.Fatalf("%d touchpoints; another seed gives others: %v", n, differs)
		}
		return
	}
}

// TestWhatTheDecoderSays reads all as the program does: refused is what was damaged and nothing else, instants do not go
// back, nothing arrives before it happened, and of what is rare something is there.
func TestWhatTheDecoderSays(t *testing.T) {
	c := New(eighteenMonths(1, 200))
	d := events.NewDecoder(events.DecoderConfig{Currency: events.Currency{'H', 'K', 'D'}})
	var e events.Event
	var stamp, last events.Instant
	types, refused, seen := map[events.Type]int{}, map[events.Reason]int{}, map[string]int{}
	all, late, copies, unread := 0, 0, 0, 0
	check := func(x entry) {
		all++
		if x.at < last {
			t.Fatalf("%s after %s", x.at, last)
		}
		last = x.at
		why := d.Decode(&events.Record{Append: x.at, Value: x.touchpoint}, &e)
		if x.broken {
			unread++
			if why == nil {
				t.Errorf("damaged and read: %s", x.touchpoint)
				return
			}
			refused[why.Reason]++
			return
		}
		if why != nil || !json.Valid(x.touchpoint) {
			t.Fatalf("%v: %s", why, x.touchpoint)
		}
		if note := d.Notes() &^ events.UnknownName &^ events.Corrected; note != 0 {
			t.Fatalf("%s: %s", note, x.touchpoint)
		}
		types[e.Type]++
		if stamp > e.Time+events.Instant(time.Hour.Milliseconds()) {
			late++
		}
		if stamp > e.Time+2*day {
			t.Fatalf("later than two days: %s at %s", x.touchpoint, x.at)
		}
		stamp = max(stamp, e.Time)
		if id := string(e.Customer) + e.Source + "/" + e.ID; seen[id] > 0 {
			copies++
		} else {
			seen[id]++
		}
	}
	for {
		x, ok := c.next()
		if !ok {
			break
		}
		check(x)
	}
	history := all
	c.Rush(5)
	for last < end+20*second {
		x, _ := c.next()
		check(x)
	}
	t.Logf("%d touchpoints, %d in 20 s of the rush; %d late, %d copies, damaged %v; %d types", history, all-history, late, copies, refused, len(types))
	if late < history/500 || copies < history/400 || unread < history/3000 || len(refused) < 5 {
		t.Errorf("%d late, %d copies, damaged %v: too few of %d", late, copies, refused, history)
	}
	if len(types) < 35 || all-history < 100 {
		t.Errorf("%d types, %d in the rush: too few", len(types), all-history)
	}
}

func BenchmarkNext(b *testing.B) {
	b.ReportAllocs()
	var c *Chain
	for b.Loop() {
		if c == nil {
			c = New(eighteenMonths(1, 400))
		}
		if _, _, ok := c.Next(); !ok {
			c = nil
		}
	}
}
