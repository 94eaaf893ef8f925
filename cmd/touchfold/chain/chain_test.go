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

// reader reads touchpoints as the program does and counts what it meets.
type reader struct {
	decoder     *events.Decoder
	event       events.Event
	last, stamp events.Instant // the last arrival, the latest time
	seen        map[string]bool

	all, late, copies int
	types             map[events.Type]int
	refused           map[events.Reason]int
}

// read fails unless what was damaged is refused and nothing else, instants do not go back, and nothing is later than two
// days or without an id, a time or a currency.
func (r *reader) read(t *testing.T, x entry) {
	t.Helper()
	e := &r.event
	if x.at < r.last {
		t.Fatalf("%s after %s", x.at, r.last)
	}
	r.all, r.last = r.all+1, x.at
	why := r.decoder.Decode(&events.Record{Append: x.at, Value: x.touchpoint}, e)
	switch {
	case x.broken && why == nil:
		t.Fatalf("damaged, and read: %s", x.touchpoint)
	case x.broken:
		r.refused[why.Reason]++
		return
	case why != nil || !json.Valid(x.touchpoint):
		t.Fatalf("%v: %s", why, x.touchpoint)
	}
	if note := r.decoder.Notes() &^ events.UnknownName &^ events.Corrected; note != 0 {
		t.Fatalf("%s: %s", note, x.touchpoint)
	}
	if r.stamp > e.Time+2*day {
		t.Fatalf("later than two days: %s at %s", x.touchpoint, x.at)
	}
	if r.stamp > e.Time+hour {
		r.late++
	}
	r.stamp = max(r.stamp, e.Time)
	id := string(e.Customer) + " " + e.Source + " " + e.ID
	if r.seen[id] {
		r.copies++
	}
	r.seen[id] = true
	r.types[e.Type]++
}

func TestWhatTheDecoderSays(t *testing.T) {
	c := New(eighteenMonths(1, 200))
	r := &reader{decoder: events.NewDecoder(events.DecoderConfig{Currency: events.Currency{'H', 'K', 'D'}}),
		seen: map[string]bool{}, types: map[events.Type]int{}, refused: map[events.Reason]int{}}
	for {
		x, ok := c.next()
		if !ok {
			break
		}
		r.read(t, x)
	}
	history := r.all
	c.Rush(5)
	for r.last < end+20*second {
		x, _ := c.next()
		r.read(t, x)
	}
	damaged := 0
	for _, n := range r.refused {
		damaged += n
	}
	t.Logf("%d touchpoints, %d in 20 s of the rush; late %d, copies %d, damaged %d %v; %d types", history, r.all-history, r.late,
		r.copies, damaged, r.refused, len(r.types))
	if r.late < history/200 || r.copies < history/400 || damaged < history/3000 || len(r.refused) < 5 || len(r.types) < 40 ||
		r.all-history < 100 {
		t.Error("too little of something")
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
