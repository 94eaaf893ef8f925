package rules_test

import (
	"bytes"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state"
	"github.com/touchfold/touchfold/state/rules/ruletest"
)

// TestWorld: it is enough that an event of the world comes to those who had shown an interest that it may meet, and to
// whoever turns out to have had: whatever the order of arrival, what is known ends as if it had come to everybody, and as
// if it all had come in order.
func TestWorld(t *testing.T) {
	met := 0
	rapid.Check(t, func(t *rapid.T) {
		w := drawWith(t, ruletest.Options{Leaves: []string{"catalogue", "catalogue", "event", "segment"}})
		if !w.table.Worldly() {
			return
		}
		s := &shardOfOne{table: w.table, c: w.table.New(ruletest.Customer), world: w.table.NewHappenings(),
			index: map[state.Interest]events.Instant{}}
		w.past = append(w.past, copies(t, w.past)...)
		for _, e := range rapid.Permutation(w.past).Draw(t, "arrival") {
			s.take(t, e)
			if rapid.IntRange(0, 9).Draw(t, "restart") == 0 {
				s.c, s.world = w.restart(t, s.c), s.restart(t, w.past)
			}
		}
		met += s.met
		all := w.fold(w.past)
		if !bytes.Equal(s.c.AppendState(nil), all.AppendState(nil)) {
			t.Fatalf("the states differ\n%s", w.describe())
		}
		if n := len(w.past); n > 0 {
			if at := w.past[n-1].Time + 400*day; told(s.c, at) != told(all, at) {
				t.Fatalf("at %s\n%s\nbut\n%s", at, told(s.c, at), told(all, at))
			}
		}
	})
	if t.Logf("%d came", met); met == 0 {
		t.Error("nothing ever came to anybody")
	}
}

// copies draws copies of events that differ: in their time, and in what they are about.
func copies(t *rapid.T, past []events.Event) (all []events.Event) {
	for i := range past {
		if rapid.IntRange(0, 4).Draw(t, "copy") > 0 {
			continue
		}
		e := past[rapid.IntRange(0, len(past)-1).Draw(t, "of")]
		if other := past[i]; other.Type == e.Type {
			e.Items, e.Rest, e.Traits = other.Items, other.Rest, other.Traits
		}
		e.Time += rapid.SampledFrom([]events.Instant{0, 1, -1, hour, -hour, -day}).Draw(t, "moved")
		e.Content = uint64(1000 + i)
		all = append(all, e)
	}
	return all
}

// shardOfOne is what a shard does with events of the world, for one customer.
type shardOfOne struct {
	table *state.Table
	c     *state.Customer
	world *state.Happenings
	index map[state.Interest]events.Instant
	met   int
}

func (s *shardOfOne) take(t *rapid.T, e events.Event) {
	if !e.Type.OfWorld() {
		s.table.Interests(&e, func(i state.Interest, until events.Instant) { s.index[i] = max(s.index[i], until) })
		s.world.Meets(&e, 0, func(h *state.Happened) { s.deliver(t, h) })
		s.c.Take(&e)
		s.c.Refold()
		return
	}
	h, _ := s.world.Put(&e, 0)
	if h == nil {
		return
	}
	for _, i := range slices.Concat(h.Of, h.Gone) {
		if h.Time < s.index[i] {
			s.deliver(t, h)
			return
		}
	}
}

func (s *shardOfOne) deliver(t *rapid.T, h *state.Happened) {
	var e events.Event
	if err := state.Unpack(h.Packed, &e); err != nil {
		t.Fatal(err)
	}
	s.met++
	s.c.Take(&e)
	s.c.Refold()
}

// restart writes the world and reads it again.
func (s *shardOfOne) restart(t *rapid.T, past []events.Event) *state.Happenings {
	w := s.table.NewHappenings()
	for i := range past {
		id := state.MarkOf(&past[i]).ID
		if h := s.world.Find(id); h != nil && w.Find(id) == nil {
			if err := w.Load(h.AppendRow(nil)); err != nil {
				t.Fatal(err)
			}
		}
	}
	return w
}
