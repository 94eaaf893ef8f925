package rulebook_test

import (
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	. "github.com/touchfold/touchfold/state/rulebook"
)

// TestOrder: any order and number of copies of the rulebooks in a partition ends with the same in force and the same
// history: the greatest, found by a search that knows nothing of successions.
func TestOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var log []*Rulebook
		for range rapid.IntRange(1, 8).Draw(t, "rulebooks") {
			log = append(log, book(rapid.Uint64Range(1, 3).Draw(t, "serial"), rapid.SampledFrom([]string{"1", "2", "3"}).Draw(t, "churn")))
		}
		first := book(0, "1")
		greatest := log[0]
		seen := map[uint64]bool{uint64(first.Digest()): true}
		for _, b := range log {
			seen[uint64(b.Digest())] = true
			if b.Serial > greatest.Serial || b.Serial == greatest.Serial && b.Digest() > greatest.Digest() {
				greatest = b
			}
		}
		copies := rapid.SliceOfN(rapid.SampledFrom(log), 0, 8).Draw(t, "copies")
		s := Begin(first)
		for _, b := range rapid.Permutation(append(copies, log...)).Draw(t, "order") {
			was := s
			if came := s.Take(b); came != (s.Now != was.Now) {
				t.Fatal("Take says otherwise")
			}
			if s.Now.Serial < was.Now.Serial {
				t.Fatal("a smaller one came in force")
			}
		}
		if !reflect.DeepEqual(s.Now, greatest) || len(s.Seen) != len(seen) || !slices.IsSorted(s.Seen) {
			t.Fatalf("in force is %s of %d seen, want %s of %d", s.Now.Name(), len(s.Seen), greatest.Name(), len(seen))
		}
		again, err := Resume(s.Now.Text(), s.Seen)
		if err != nil || !reflect.DeepEqual(again, s) {
			t.Fatalf("written down and resumed: %+v %v, want %+v", again, err, s)
		}
	})
}

// TestTakeKeepsHistory: a checkpoint holds the history while the shard folds on.
func TestTakeKeepsHistory(t *testing.T) {
	s := Begin(book(0, "5"))
	for i := range 20 {
		was, before := s.Seen, slices.Clone(s.Seen)
		s.Take(book(uint64(i+1), string(rune('a'+i))))
		if !slices.Equal(was, before) {
			t.Fatal("the slice handed out before was changed")
		}
	}
}

// TestStandings: history decides what is newer.
func TestStandings(t *testing.T) {
	v1, v2, v3 := book(0, "1"), book(0, "2"), book(0, "3")
	s := Begin(v1)
	want := func(own *Rulebook, standing Standing, next string) {
		t.Helper()
		got, b := s.Of(own)
		name := ""
		if b != nil {
			name = b.Name()
		}
		if got != standing || name != next {
			t.Errorf("%d %s, want %d %s", got, name, standing, next)
		}
	}
	want(v1, New, v1.Numbered(1).Name()) // also the first has to stand in the log
	want(v2, New, v2.Numbered(1).Name())
	s.Take(v1.Numbered(1))
	want(v1, InForce, "")
	want(v2, New, v2.Numbered(2).Name())
	s.Take(v2.Numbered(2))
	want(v2, InForce, "")
	want(v1, Superseded, "") // the older process does not turn back
	s.Take(v1.Numbered(3))   // but a person may
	want(v1, InForce, "")
	want(v2, Superseded, "")
	want(v3, New, v3.Numbered(4).Name())

	// Two that began at once with other settings: the greater digest wins, and the other process does not fight.
	s = Begin(v1)
	s.Take(v1.Numbered(1))
	s.Take(v2.Numbered(1))
	winner, loser := v1, v2
	if v2.Digest() > v1.Digest() {
		winner, loser = v2, v1
	}
	want(winner, InForce, "")
	want(loser, Superseded, "")
}

// TestTurns: processes of any settings start in turns, each proposes what it may; whoever starts, none that was there
// before comes back by itself, and so all settings come in force at most once.
func TestTurns(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := Begin(book(0, "1"))
		came := map[Digest]int{}
		for range rapid.IntRange(1, 20).Draw(t, "starts") {
			own := book(0, rapid.SampledFrom([]string{"1", "2", "3", "4"}).Draw(t, "settings"))
			if standing, next := s.Of(own); standing == New {
				if !s.Take(next) {
					t.Fatal("what is new did not come in force")
				}
				came[own.Digest()]++
			}
		}
		for d, n := range came {
			if n > 1 {
				t.Fatalf("%s came in force %d times", d, n)
			}
		}
	})
}
