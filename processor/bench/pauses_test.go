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
	if p.add(-1); p.String() != "0.30 s (1.20), 1 silent" {
		t.Errorf("with a silent shard: %s", p)
	}
	if got := (Pauses{}).String(); got != "-" {
		t.Errorf("none: %s", got)
	}
}

// TestWatched: a shard moved by the last change before its mark, and what is said counts for the change in whose time its
// touchpoint was appended, also when it comes long after that. What was appended between changes, what time made true and what
// was appended before the round count for nothing, and no statement is no pause of none.
func TestWatched(t *testing.T) {
	w := newWatched(50, []events.Instant{1000, 2200, 3000}, []span{{1000, 2000, 0}, {2500, 4000, 1}, {5000, 6000, 2}})
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
	said(52, events.ByEvent, 2600)
	mark(events.ShardOpened, 4100)
	said(53, events.ByEvent, 4200)
	if want := []events.Instant{40, 1200, -1}; !reflect.DeepEqual(w.longest, want) || !reflect.DeepEqual(w.moved, []bool{false, true, false}) {
		t.Errorf("longest %v, moved %v", w.longest, w.moved)
	}
}
