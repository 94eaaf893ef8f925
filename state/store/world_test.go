package store

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state"
)

// worldlyTable is the alarm, and a feature that remembers each event of the world for 100 ms.
func worldlyTable(t testing.TB) *state.Table {
	t.Helper()
	w := state.Worldly{
		Asks:      []uint64{1, 2},
		Interests: func(*events.Event, func(state.Interest, events.Instant)) {},
		Offers:    func(_ *events.Event, say func(state.Interest)) { say(state.Interest{Asks: 1, Value: 2}) },
		Remembers: func(at events.Instant) events.Instant { return at + 100 },
	}
	table, err := state.NewTable(&state.Spec[state.Mark]{Name: "worldly", Version: 1, Doc: "asks for events of the world",
		World:  &state.World[state.Mark]{Worldly: w, Meets: func(*state.Mark, *events.Event) bool { return false }},
		Fold:   func(*state.Mark, *events.Event) {},
		Append: func(b []byte, _ *state.Mark) []byte { return b },
		Parse:  func([]byte, *state.Mark) error { return nil }})
	must(t, err)
	return table
}

// TestInterests: who has an interest is found whether that is on disk, in flight or only noted, in slices of any size; and
// sweeping drops what is not to be kept and nothing else.
func TestInterests(t *testing.T) {
	outer := t
	rapid.Check(t, func(t *rapid.T) {
		m := NewMemory()
		s, err := OpenOn(m, config(outer, "", 1<<20))
		must(t, err)
		is, saved := map[state.Interest]map[events.CustomerID]events.Instant{}, map[state.Interest]map[events.CustomerID]events.Instant{}
		copyOf := func(of map[state.Interest]map[events.CustomerID]events.Instant) map[state.Interest]map[events.CustomerID]events.Instant {
			to := map[state.Interest]map[events.CustomerID]events.Instant{}
			for i, list := range of {
				to[i] = maps.Clone(list)
			}
			return to
		}
		interest := rapid.Custom(func(t *rapid.T) state.Interest {
			return state.Interest{Asks: rapid.Uint64Range(0, 2).Draw(t, "asks"), Value: rapid.SampledFrom([]uint64{0, 1, 1 << 63}).Draw(t, "value")}
		})
		clock := events.Instant(0)
		t.Repeat(map[string]func(*rapid.T){
			"note": func(t *rapid.T) {
				i := interest.Draw(t, "interest")
				id := events.CustomerID(rapid.SampledFrom([]string{"a", "a\x00", "b", "é", "aa"}).Draw(t, "id"))
				clock++
				if is[i] == nil {
					is[i] = map[events.CustomerID]events.Instant{}
				}
				is[i][id] = clock + 10
				s.Note(i, id, clock+10)
			},
			"checkpoint": func(t *rapid.T) {
				must(t, s.Checkpoint(at(1)))
				saved = copyOf(is)
			},
			"restart": func(t *rapid.T) {
				s, err = OpenOn(m, config(outer, "", 1<<20))
				must(t, err)
				is = copyOf(saved)
			},
			"sweep": func(t *rapid.T) {
				asks := rapid.Uint64Range(0, 2).Draw(t, "asks")
				keep := func(i state.Interest, until events.Instant) bool { return i.Asks != asks && until > clock }
				for range 20 { // round and round
					must(t, s.Sweep(rapid.IntRange(1, 40).Draw(t, "most"), keep))
				}
				must(t, s.Checkpoint(at(1)))
				for i, list := range is { // what was not on disk stays until the next time
					for id, until := range list {
						if saved[i][id] == until && !keep(i, until) {
							delete(list, id)
						}
					}
				}
				saved = copyOf(is)
			},
			"": func(t *rapid.T) {
				i, most := interest.Draw(t, "interest"), rapid.IntRange(1, 4).Draw(t, "slice")
				var got, want []events.CustomerID
				for after := events.CustomerID(""); ; {
					ids, next, err := s.Interested(i, clock, after, most)
					must(t, err)
					if got = append(got, ids...); next == "" {
						break
					}
					after = next
				}
				for id, until := range is[i] {
					if until > clock {
						want = append(want, id)
					}
				}
				slices.Sort(want)
				if !slices.Equal(got, want) {
					t.Fatalf("interested in %v are %q, want %q", i, got, want)
				}
			},
		})
	})
}

// TestHappenings: what happened in the world is there again after a checkpoint, but for what was forgotten.
func TestHappenings(t *testing.T) {
	m := NewMemory()
	c := config(t, "", 1<<20)
	c.Table = worldlyTable(t)
	s, err := OpenOn(m, c)
	must(t, err)
	world, err := s.Happenings()
	must(t, err)
	for i := range 5 {
		h, was := world.Put(&events.Event{Type: events.ProductRestocked, ID: fmt.Sprint(i), Time: events.Instant(100 + i)}, 0)
		if h == nil || was != nil {
			t.Fatalf("%d: %v %v", i, h, was)
		}
		s.Happen(h)
	}
	for _, h := range world.Forget(202) {
		s.Forget(h)
	}
	must(t, s.Checkpoint(at(1)))
	s, err = OpenOn(m, c)
	must(t, err)
	world, err = s.Happenings()
	must(t, err)
	var ids []string
	for i := range 5 {
		e := events.Event{Type: events.ProductRestocked, ID: fmt.Sprint(i)}
		if world.Find(state.MarkOf(&e).ID) != nil {
			ids = append(ids, e.ID)
		}
	}
	if !slices.Equal(ids, []string{"3", "4"}) {
		t.Errorf("%q are remembered, want 3 and 4", ids)
	}
}

// TestInterestInFlight: who was noted is found while that is on its way to the disk, and after it.
func TestInterestInFlight(t *testing.T) {
	s := mustOpen(t, config(t, t.TempDir(), 1<<20))
	commit, gate := s.commit, make(chan struct{})
	s.commit = func(changes []change, positions []byte) error {
		<-gate
		return commit(changes, positions)
	}
	find := func(when string) {
		t.Helper()
		ids, _, err := s.Interested(state.Interest{Asks: 1}, 5, "", 10)
		must(t, err)
		if !slices.Equal(ids, []events.CustomerID{"a"}) {
			t.Errorf("%s %q are found", when, ids)
		}
	}
	s.Note(state.Interest{Asks: 1}, "a", 10)
	s.Note(state.Interest{Asks: 1}, "over", 5)
	find("noted")
	must(t, s.Checkpoint(at(1)))
	find("in flight")
	must(t, s.Sweep(10, func(state.Interest, events.Instant) bool { return false }))
	close(gate)
	must(t, s.Wait())
	find("on disk")
}
