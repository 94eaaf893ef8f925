package state_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state"
)

// worldly is a feature that knows when events of the world came, each for whoever ordered one of its order ids within 100 ms.
func worldly() *state.Spec[[]events.Instant] {
	one := func(text string) state.Interest { return state.Interest{Asks: 1, Value: state.Fingerprint("", text)} }
	return &state.Spec[[]events.Instant]{
		Name: "worldly", Version: 1, Doc: "asks for events of the world", Folds: []events.Type{events.ProductRestocked},
		Fold: func(s *[]events.Instant, e *events.Event) { *s = append(*s, e.Time) },
		World: &state.World[[]events.Instant]{
			Meets: func(s *[]events.Instant, e *events.Event) bool { return e.Order.ID != "nobody" },
			Worldly: state.Worldly{
				Asks: []uint64{1},
				Interests: func(e *events.Event, say func(state.Interest, events.Instant)) {
					if e.Order.ID != "" {
						say(one(e.Order.ID), e.Time+100)
					}
				},
				Offers: func(e *events.Event, say func(state.Interest)) {
					for _, id := range strings.Fields(e.Order.ID) {
						say(one(id))
					}
				},
				Remembers: func(at events.Instant) events.Instant { return at + 1000 },
			},
		},
		Append: func(b []byte, s *[]events.Instant) []byte { return append(b, fmt.Sprint(*s)...) },
		Parse:  func([]byte, *[]events.Instant) error { return nil },
	}
}

func restocked(id, of string, at events.Instant) *events.Event {
	return &events.Event{Type: events.ProductRestocked, ID: id, Order: events.Order{ID: of}, Time: at, Content: uint64(at)}
}

func ordered(id, of string, at events.Instant) *events.Event {
	return &events.Event{Type: events.OrderCompleted, Customer: "c", ID: id, Order: events.Order{ID: of}, Time: at}
}

// TestHappenings: what comes to whom, and until when.
func TestHappenings(t *testing.T) {
	table, err := state.NewTable(worldly())
	if err != nil {
		t.Fatal(err)
	}
	w := table.NewHappenings()
	put := func(e *events.Event, at events.Instant) string {
		h, was := w.Put(e, at)
		switch {
		case h == nil:
			return "too late"
		case was == nil:
			return fmt.Sprint("new, of ", len(h.Of))
		case was == h:
			return "known"
		}
		return fmt.Sprintf("instead, of %d and %d", len(h.Of), len(h.Gone))
	}
	meets := func(of string, time, at events.Instant) (ids string) {
		w.Meets(ordered("o", of, time), at, func(h *state.Happened) {
			var e events.Event
			if err := state.Unpack(h.Packed, &e); err != nil {
				t.Fatal(err)
			}
			ids += e.ID
		})
		return ids
	}
	for _, step := range []struct{ got, want string }{
		{put(restocked("a", "x y", 2000), 2500), "new, of 2"},
		{put(restocked("b", "x", 2050), 2500), "new, of 1"},
		{put(restocked("a", "x y", 2000), 2500), "known"},
		{put(restocked("a", "z", 2001), 2500), "known"},
		{put(restocked("c", "x", 1500), 2500), "too late"},
		{meets("x", 2000, 2500), "ab"}, {meets("x", 2001, 2500), "b"}, {meets("y", 1900, 2500), ""}, {meets("y", 1901, 2500), "a"},
		{meets("x", 2000, 2999), "ab"}, {meets("x", 2000, 3000), "b"}, // as of an instant at which a is forgotten
		{put(restocked("a", "z", 1999), 2500), "instead, of 1 and 2"},
		{meets("y", 1990, 2500), ""}, {meets("z", 1990, 2500), "a"},
		{put(restocked("d", "", 2000), 2500), "new, of 0"},
	} {
		if step.got != step.want {
			t.Errorf("%q, want %q", step.got, step.want)
		}
	}
	again := table.NewHappenings()
	if err := again.Load(w.Find(state.MarkOf(restocked("a", "", 0)).ID).AppendRow(nil)); err != nil {
		t.Fatal(err)
	}
	h := again.Find(state.MarkOf(restocked("a", "", 0)).ID)
	if h == nil || h.Time != 1999 || len(h.Of) != 1 || len(h.Gone) != 2 {
		t.Errorf("read again it is %+v", h)
	}
	if err := again.Load([]byte{1}); err == nil {
		t.Error("half a row is read")
	}
	var gone []events.Instant
	for _, h := range w.Forget(3000) {
		gone = append(gone, h.Time)
	}
	if !slices.Equal(gone, []events.Instant{1999, 2000}) {
		t.Errorf("forgotten is %v", gone)
	}
	w = w.Under(table)
	if got := meets("x", 2000, 2500) + meets("z", 1990, 2500); got != "b" {
		t.Errorf("%q is left, want b", got)
	}
}

// TestWorldOnTimeline: an event of the world that meets nobody leaves no trace in the state, one with the id of a
// touchpoint is not its copy, and touchpoints of its instant stand before it.
func TestWorldOnTimeline(t *testing.T) {
	table, err := state.NewTable(worldly())
	if err != nil {
		t.Fatal(err)
	}
	c := table.New("c")
	for _, x := range []struct {
		e    *events.Event
		want state.Outcome
	}{
		{restocked("same", "x", 2000), state.Folded}, {ordered("same", "x", 2000), state.Late},
		{restocked("none", "nobody", 2001), state.Queued}, {restocked("same", "x", 2000), state.Duplicate},
	} {
		if did := c.Take(x.e); did != x.want {
			t.Errorf("%s at %d: %d, want %d", x.e.ID, x.e.Time, did, x.want)
		}
	}
	c.Refold()
	var types []events.Type
	c.Timeline(func(e *events.Event) { types = append(types, e.Type) })
	if !slices.Equal(types, []events.Type{events.OrderCompleted, events.ProductRestocked, events.ProductRestocked}) {
		t.Errorf("the timeline is %v", types)
	}
	if s := string(c.AppendState(nil)); strings.Count(s, "1970-01-01T00:00:02Z") != 1 || strings.Contains(s, "02.001Z") {
		t.Errorf("the state is %q", s)
	}
}

// TestWorldWhole: a table refuses a feature of which half of the world is missing.
func TestWorldWhole(t *testing.T) {
	f := worldly()
	f.World.Offers = nil
	if _, err := state.NewTable(f); err == nil || !strings.Contains(err.Error(), "has a World that is not whole") {
		t.Error(err)
	}
}
