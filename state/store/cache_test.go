package store

import (
	"fmt"
	"testing"

	"github.com/touchfold/touchfold/events"
)

// A customer whose row is on its way to disk must not be read from there.
func TestInFlightIsNotEvicted(t *testing.T) {
	s := mustOpen(t, config(t, t.TempDir(), 1)) // room for nobody
	write, gate := s.commit, make(chan struct{})
	s.commit = func(changes []change, positions []byte) error {
		<-gate
		return write(changes, positions)
	}
	touch(t, s, "a", 0, 1000, 0)
	must(t, s.Checkpoint(at(1)))
	look := func(id events.CustomerID, want int) {
		t.Helper()
		c, err := s.Customer(id)
		must(t, err)
		if c.Events() != want {
			t.Errorf("%s has %d events; want %d", id, c.Events(), want)
		}
	}
	look("b", 0) // each makes room for itself
	look("c", 0)
	look("a", 1)
	touch(t, s, "a", 1, 1001, 0) // dirty again, and in flight as it was
	look("b", 0)
	look("c", 0)
	look("a", 2)
	close(gate)
	must(t, s.Wait())
	look("b", 0)
	look("c", 0)
	look("a", 2)
	if s.DirtyBytes() == 0 {
		t.Error("what changed in flight is not dirty")
	}
	must(t, s.Checkpoint(at(2)))
	must(t, s.Wait())
	look("b", 0)
	look("c", 0)
	if s.customers["a"] != nil {
		t.Error("a customer who is on disk stays beyond the bound")
	}
	look("a", 2)
}

// The cache keeps to its bound, and whom it is asked for again and again.
func TestCacheBound(t *testing.T) {
	const n = 1000
	s := mustOpen(t, config(t, t.TempDir(), 50<<10))
	for i := range n {
		touch(t, s, events.CustomerID(fmt.Sprint("customer ", i)), i, 1000, 0)
	}
	if len(s.customers) != n {
		t.Fatalf("%d customers in memory; all %d are dirty", len(s.customers), n)
	}
	must(t, s.Checkpoint(at(n)))
	must(t, s.Wait())
	for i := range n {
		if s.bytes > 52<<10 || len(s.customers) < 20 {
			t.Fatalf("%d bytes, %d customers", s.bytes, len(s.customers))
		}
		hot, err := s.Customer("customer 7")
		must(t, err)
		_, err = s.Customer(events.CustomerID(fmt.Sprint("customer ", i)))
		must(t, err)
		if e := s.customers["customer 7"]; e == nil || e.customer != hot {
			t.Fatalf("evicted though just asked for, at %d", i)
		}
	}
}

// A cache of another size keeps to that at once, and has what it has room for.
func TestResize(t *testing.T) {
	const n = 1000
	s := mustOpen(t, config(t, t.TempDir(), 1))
	for _, room := range []int64{50 << 10, 20 << 10, 100 << 10, 1, 30 << 10} {
		s.Resize(room)
		if s.bytes > room {
			t.Errorf("%d bytes in room for %d", s.bytes, room)
		}
		for i := range n {
			_, err := s.Customer(events.CustomerID(fmt.Sprint("customer ", i)))
			must(t, err)
		}
		if s.bytes > room+2<<10 || s.bytes < room-2<<10 {
			t.Errorf("%d bytes in room for %d after as many customers as there are", s.bytes, room)
		}
	}
}
