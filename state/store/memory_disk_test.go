package store

import (
	"errors"
	"fmt"
	"testing"

	"github.com/touchfold/touchfold/events"
)

func mustOpenOn(t testing.TB, m *Memory, cacheBytes int64) *Store {
	t.Helper()
	s, err := OpenOn(m, config(t, "", cacheBytes))
	must(t, err)
	return s
}

// A Memory is what it was after each checkpoint, as often as one likes, whatever came later.
func TestMemoryVersions(t *testing.T) {
	m := NewMemory()
	var want []map[events.CustomerID]string
	s := mustOpenOn(t, m, 1)
	s.partSize = 300
	for v := range 20 {
		want = append(want, rows(t, s))
		for n := range 5 {
			touch(t, s, events.CustomerID(fmt.Sprint("customer ", (v*3+n)%11)), v*5+n, events.Instant(1000+v*5+n), events.Instant(5000+n))
		}
		must(t, s.Checkpoint(at(events.Offset(v+1))))
		if m.Versions() != v+1 || m.Positions(v+1).Input != events.Offset(v+1) {
			t.Fatalf("%d versions after %d checkpoints", m.Versions(), v+1)
		}
	}
	for _, v := range []int{19, 12, 12, 3, 0} {
		m.RollBack(v)
		touch(t, s, "x", 0, 1000, 0)
		if must(t, s.Checkpoint(at(99))); s.Wait() == nil {
			t.Error("a store went on over a disk that was rolled back")
		}
		s = mustOpenOn(t, m, 1)
		if p, exists := s.Positions(); p.Input != events.Offset(v) || exists != (v > 0) || m.Versions() != v {
			t.Errorf("rolled back to %d it is at %d, with %d versions", v, p.Input, m.Versions())
		}
		if got := rows(t, s); fmt.Sprint(got) != fmt.Sprint(want[v]) {
			t.Errorf("rolled back to %d it holds %v; want %v", v, got, want[v])
		}
	}
}

// A commit that breaks off leaves what a disk may: nothing of it, the rows, or all.
func TestMemoryHook(t *testing.T) {
	died := errors.New("died")
	for stage, want := range map[CommitStage]struct{ events, input int }{BeforeCommit: {1, 1}, DuringCommit: {2, 1}, AfterCommit: {2, 2}} {
		m := NewMemory()
		s := mustOpenOn(t, m, 1)
		touch(t, s, "a", 0, 1000, 0)
		must(t, s.Checkpoint(at(1)))
		must(t, s.Wait())
		m.Hook = func(at CommitStage) error {
			if at == stage {
				return died
			}
			return nil
		}
		touch(t, s, "a", 1, 1001, 0)
		must(t, s.Checkpoint(at(2)))
		if err := s.Wait(); !errors.Is(err, died) {
			t.Errorf("stage %d: %v", stage, err)
		}
		m.Hook = nil
		s = mustOpenOn(t, m, 1)
		c, err := s.Customer("a")
		must(t, err)
		if p, _ := s.Positions(); c.Events() != want.events || p.Input != events.Offset(want.input) {
			t.Errorf("stage %d: %d events, at %d; want %+v", stage, c.Events(), p.Input, want)
		}
	}
}

func BenchmarkOpenOn(b *testing.B) {
	m := NewMemory()
	s := mustOpenOn(b, m, 1<<20)
	for i, id := range ids(100) {
		touch(b, s, id, i, 1000, 5000)
	}
	must(b, s.Checkpoint(at(1)))
	c := config(b, "", 1<<20)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := OpenOn(m, c); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkMemoryCheckpoint commits 10 of 100 customers.
func BenchmarkMemoryCheckpoint(b *testing.B) {
	m := NewMemory()
	s := mustOpenOn(b, m, 1<<20)
	all, n := ids(100), 0
	b.ReportAllocs()
	for b.Loop() {
		for range 10 {
			n++
			c, _ := s.Customer(all[n*7919%len(all)])
			s.Changed(c)
		}
		must(b, s.Checkpoint(at(1)))
		m.RollBack(0)
		m.owner--
	}
}
