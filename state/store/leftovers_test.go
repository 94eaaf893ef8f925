package store

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state"
	"github.com/touchfold/touchfold/state/wire"
)

// Cut anywhere and gone on, in whatever pieces, a store has every block that a row names and no other.
func TestLeftovers(t *testing.T) {
	t.Parallel()
	play := func(s *Store, from, to int) {
		for n := from; n < to; n++ {
			touch(t, s, events.CustomerID(fmt.Sprint("customer ", n%4)), n, events.Instant(1000+n), 0)
		}
		must(t, s.Checkpoint(at(events.Offset(to))))
	}
	s := mustOpenOn(t, NewMemory(), 1<<20)
	play(s, 0, 60)
	var cuts []*node
	s.disk = cutMemory{s.disk.(*memoryDisk), &cuts}
	play(s, 60, 200)
	want := rows(t, s)
	left := 0
	for i, cut := range cuts {
		m := NewMemory()
		m.now = cut
		s := mustOpenOn(t, m, 1<<20)
		left += len(s.left)
		for from, step := 60, 20+i%60; from < 200; from += step {
			play(s, from, min(from+step, 200))
		}
		if got := rows(t, s); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("cut before write %d and gone on it holds\n%v; want\n%v", i, got, want)
		}
		sealed := 0
		must(t, s.Customers("", func(c *state.Customer) (bool, error) { sealed += c.Sealed(); return true, nil }))
		if n := keys(t, s, kindBlock); n != sealed || n == 0 {
			t.Errorf("cut before write %d: %d blocks, of which rows name %d", i, n, sealed)
		}
	}
	if left == 0 {
		t.Errorf("none of %d cuts left a block", len(cuts))
	}
	t.Logf("%d blocks were left by %d cuts", left, len(cuts))
}

// A row that names a block of the cut checkpoint keeps it.
func TestNamesOfABlock(t *testing.T) {
	c := config(t, t.TempDir(), 1<<20)
	s := mustOpen(t, c)
	for n := range 40 {
		touch(t, s, "x", n, events.Instant(1000+n), 0)
	}
	must(t, s.Checkpoint(at(40)))
	must(t, s.Wait())
	put(t, s, write{key: blockKey(nil, "x", 0, 2), value: []byte{plainBlock}})
	put(t, s, write{key: blockKey(nil, "nobody", 0, 2), value: []byte{plainBlock}})
	s.number = 0
	found, err := s.leftovers() // as if no checkpoint were there
	must(t, err)
	var got []string
	for _, w := range found {
		got = append(got, fmt.Sprintf("%q", w.key))
	}
	want := []string{fmt.Sprintf("%q", blockKey(nil, "nobody", 0, 2)), fmt.Sprintf("%q", blockKey(nil, "x", 0, 2))}
	if slices.Sort(got); !slices.Equal(got, want) {
		t.Errorf("leftovers %v; want %v, and not the one that the row names", got, want)
	}
}

// A row that counts more places than blocks is damaged: the next block would be looked for where it is not.
func TestSurplusPlace(t *testing.T) {
	s := mustOpen(t, config(t, t.TempDir(), 1))
	row := wire.AppendBytes(wire.AppendUint(nil, 4, 1), 16, []byte{1, 1})
	put(t, s, write{key: customerKey(nil, "x"), value: appendRow(nil, events.Never, row, parts{})})
	if _, err := s.Customer("x"); !errors.Is(err, ErrDamaged) {
		t.Errorf("%v", err)
	}
}
