package store

import (
	"fmt"
	"testing"

	"github.com/touchfold/touchfold/events"
)

// A horizon that moves to a later instant is not written again until the old one comes up; then in portions.
func TestOutdatedHints(t *testing.T) {
	const n = maxOutdated + 200
	dir := t.TempDir()
	s := mustOpen(t, config(t, dir, 1<<20))
	for _, alarm := range []events.Instant{5000, 9000} {
		for i := range n {
			touch(t, s, events.CustomerID(fmt.Sprint("customer ", i)), i+int(alarm)*n, 1000+alarm/100, alarm)
		}
		must(t, s.Checkpoint(at(1)))
		must(t, s.Wait())
		hints, err := s.readHints(hint{due: -1})
		must(t, err)
		if len(hints) != n || hints[0].due != 5000 || hints[n-1].due != 5000 {
			t.Fatalf("after the alarm was set to %d there are %d hints from %d to %d", alarm, len(hints), hints[0].due, hints[n-1].due)
		}
	}
	if _, due, ok, err := s.NextDue(8000); !ok || due != 5000 || err != nil {
		t.Fatalf("NextDue says %d %v %v; want an outdated 5000", due, ok, err)
	}
	if _, _, ok, err := s.NextDue(8000); ok || err != nil {
		t.Fatal("more than one", err)
	}
	must(t, s.Checkpoint(at(2)))
	must(t, s.Close())
	s = mustOpen(t, config(t, dir, 1<<20))
	hints, err := s.readHints(hint{due: -1})
	must(t, err)
	if len(hints) != n || hints[0].due != 9000 {
		t.Fatalf("%d hints from %d on; want all at 9000", len(hints), hints[0].due)
	}
}

// The index moves on past a hint that is in flight, of a customer who by then is due later: the hint must not be lost,
// for no other is written.
func TestHintInFlight(t *testing.T) {
	s := mustOpen(t, config(t, t.TempDir(), 1<<20))
	s.slab = 2
	touch(t, s, "b", 0, 1000, 6000)
	touch(t, s, "c", 1, 1000, 7000)
	must(t, s.Checkpoint(at(2)))
	must(t, s.Wait())
	write, gate := s.commit, make(chan struct{})
	s.commit = func(changes []change, positions []byte) error {
		<-gate
		return write(changes, positions)
	}
	touch(t, s, "a", 2, 1000, 5000)
	must(t, s.Checkpoint(at(3)))
	touch(t, s, "a", 3, 1001, 9000)
	if _, _, ok, err := s.NextDue(2000); ok || err != nil || s.limit != (hint{7000, "c"}) {
		t.Fatalf("due %v, %v; the index is read up to %v", ok, err, s.limit)
	}
	close(gate)
	must(t, s.Checkpoint(at(4)))
	must(t, s.Wait())
	for _, want := range []hint{{6000, "b"}, {7000, "c"}, {9000, "a"}} {
		if id, due, ok, err := s.NextDue(9000); !ok || (hint{due, id}) != want {
			t.Fatalf("NextDue says %q %d %v %v; want %v", id, due, ok, err, want)
		}
	}
}
