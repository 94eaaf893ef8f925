package ruletest

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/touchfold/touchfold/events"
)

// TestTimelines holds timelines to what is promised of them: in order, each id once, and often around a change of clocks.
func TestTimelines(t *testing.T) {
	drawn, crossing := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		zone := Zone(t)
		list := Timeline(t, zone)
		sorted := slices.Clone(list)
		Sort(sorted)
		ids := map[string]bool{}
		key := func(e *events.Event) string { return fmt.Sprint(e.Type.OfWorld(), e.Source, " ", e.ID) }
		for i := range list {
			if key(&list[i]) != key(&sorted[i]) || list[i].Time < 0 || ids[key(&list[i])] {
				t.Fatalf("event %d is out of order, before 1970 or twice", i)
			}
			ids[key(&list[i])] = true
		}
		if len(list) < 2 {
			return
		}
		drawn++
		first, last := list[0].Time, list[len(list)-1].Time
		if slices.ContainsFunc(changes(zone), func(at events.Instant) bool { return first < at && at <= last }) {
			crossing++
		}
	})
	if drawn > 50 && crossing*3 < drawn {
		t.Errorf("%d of %d timelines cross a change of clocks, want about half", crossing, drawn)
	}
	t.Logf("%d of %d timelines cross a change of clocks", crossing, drawn)
}

// TestBooks holds books to naming only segments that stand before.
func TestBooks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := Book(t, Options{Numbers: []string{"purchases.orders"}})
		if len(b.Segments) == 0 {
			t.Fatal("a book without a segment")
		}
	})
}
