package bench

import (
	"reflect"
	"testing"

	"github.com/touchfold/touchfold/events"
)

// TestPauses: their median and the longest are of all shards and rounds.
func TestPauses(t *testing.T) {
	var p Pauses
	for _, ms := range []events.Instant{300, 100, 1200} {
		p.add(ms)
	}
	if got, want := p.String(), "0.30 s (1.20)"; got != want || p.Count != 3 {
		t.Errorf("%d pauses, %s; want %s", p.Count, got, want)
	}
	if got := (Pauses{}).String(); got != "-" {
		t.Errorf("none: %s", got)
	}
}

// TestWatched: a shard moved if it has a mark in the span, and what is said is as late as its touchpoint is old. What lies
// between spans, what time made true and what was appended before the round count for nothing.
func TestWatched(t *testing.T) {
	w := watched{first: 50, appended: []events.Instant{1000, 2000, 3000}, spans: []span{{1000, 2000}, {2500, 4000}},
		longest: make([]events.Instant, 2), moved: make([]bool, 2)}
	encoder := events.NewEncoder("crm", make([]byte, 32))
	hear := func(d *events.Derived, at events.Instant) {
		t.Helper()
		rec := events.Record{Key: d.Key, Value: d.Value, Headers: d.Headers, Append: at}
		if err := w.hear(&rec); err != nil {
			t.Fatal(err)
		}
	}
	said := func(position events.Offset, cause events.Cause, at events.Instant) {
		t.Helper()
		var d events.Derived
		if err := encoder.Statement(&events.Statement{Customer: "ann", Fact: "segment/vip", Value: events.True, N: 1, Position: position, Cause: cause, AsOf: 500, Clock: at}, &d); err != nil {
			t.Fatal(err)
		}
		hear(&d, at)
	}
	mark := func(kind events.MarkKind, at events.Instant) {
		t.Helper()
		var d events.Derived
		if err := encoder.Mark(&events.Mark{Kind: kind, At: at}, &d); err != nil {
			t.Fatal(err)
		}
		hear(&d, at)
	}
	said(50, events.ByEvent, 1999)
	said(51, events.ByEvent, 1040)
	said(51, events.ByEvent, 1030)
	said(51, events.ByTime, 1900)
	mark(events.ShardAlive, 1500)
	said(52, events.ByEvent, 2400)
	mark(events.ShardOpened, 2600)
	said(53, events.ByEvent, 3700)
	if want := []events.Instant{40, 700}; !reflect.DeepEqual(w.longest, want) || !reflect.DeepEqual(w.moved, []bool{false, true}) {
		t.Errorf("longest %v, moved %v", w.longest, w.moved)
	}
}
