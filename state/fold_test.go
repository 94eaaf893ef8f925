package state_test

import (
	"bytes"
	"cmp"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state"
)

// Order: whatever order events come in, the same is known.
func TestOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := drawRules(t)
		table := r.table(t)
		list := drawEvents(t, calendar(t, r.zone).Zone(), 40)
		a := folded(table, list)
		b := folded(table, rapid.Permutation(list).Draw(t, "arrival"))
		for _, at := range instants(lastOf(list)) {
			if x, y := digest(t, a, at), digest(t, b, at); x != y {
				t.Fatalf("at %s\nas drawn:\n%s\npermuted:\n%s", at, x, y)
			}
		}
	})
}

// Duplicates: of copies the smallest (time, content) counts, as if no other had come; an identical one changes nothing.
func TestDuplicates(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := drawRules(t)
		table := r.table(t)
		list := drawEvents(t, calendar(t, r.zone).Zone(), 40)
		want := folded(table, smallest(list))
		c := table.New("c")
		for i := range list {
			before := c.AppendRow(nil)
			did := c.Take(own(&list[i]))
			switch {
			case did == state.Duplicate && !bytes.Equal(before, c.AppendRow(nil)):
				t.Fatalf("a duplicate (event %d) changed the row", i)
			case slices.ContainsFunc(list[:i], func(e events.Event) bool { return same(&e, &list[i]) }) && did != state.Duplicate:
				t.Fatalf("an identical copy (event %d) came as %d", i, did)
			}
			if rapid.IntRange(0, 5).Draw(t, "fold now") == 0 {
				c.Refold()
			}
			if rapid.IntRange(0, 5).Draw(t, "write and read") == 0 {
				c = reloaded(t, table, c)
			}
		}
		c.Refold()
		for _, at := range instants(lastOf(list)) {
			if x, y := digest(t, want, at), digest(t, c, at); x != y {
				t.Fatalf("at %s\nthe smallest alone:\n%s\nwith copies:\n%s", at, x, y)
			}
		}
		if n := len(smallest(list)); c.Events() != n {
			t.Fatalf("%d events on the timeline, want %d", c.Events(), n)
		}
	})
}

func same(a, b *events.Event) bool {
	return a.Source == b.Source && a.ID == b.ID && a.Time == b.Time && a.Content == b.Content
}

// smallest is the list with of every id the smallest copy only.
func smallest(list []events.Event) (kept []events.Event) {
	for i := range list {
		e := &list[i]
		j := slices.IndexFunc(kept, func(k events.Event) bool { return k.Source == e.Source && k.ID == e.ID })
		if j < 0 {
			kept = append(kept, *e)
		} else if cmp.Or(cmp.Compare(e.Time, kept[j].Time), cmp.Compare(e.Content, kept[j].Content)) < 0 {
			kept[j] = *e
		}
	}
	return kept
}

// Replay: folding after each event, once at the end, or from rows written and read in between, comes to the same.
func TestReplay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := drawRules(t)
		table := r.table(t)
		list := drawEvents(t, calendar(t, r.zone).Zone(), 40)
		once, each, rows := folded(table, list), table.New("c"), table.New("c")
		for i := range list {
			each.Take(own(&list[i]))
			each.Refold()
			rows.Take(own(&list[i]))
			rows = reloaded(t, table, rows)
		}
		rows.Refold()
		fresh := table.New("c")
		once.Timeline(func(e *events.Event) {
			if did := fresh.Take(own(e)); did != state.Folded {
				t.Fatalf("event %s of a timeline, taken in order, came as %d", e.ID, did)
			}
		})
		for _, at := range instants(lastOf(list)) {
			want := digest(t, fresh, at)
			for name, c := range map[string]*state.Customer{"once": once, "each": each, "rows": rows} {
				if got := digest(t, c, at); got != want {
					t.Fatalf("at %s\nin order:\n%s\n%s:\n%s", at, want, name, got)
				}
			}
		}
	})
}

// A timeline gives back what it was given, but for a Rest that is too long.
func TestTimelineKeepsEvents(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		table := rules{zone: "UTC", atLeast: 12}.table(t)
		list := smallest(drawEvents(t, calendar(t, "UTC").Zone(), 12))
		c := reloaded(t, table, folded(table, list))
		n := 0
		c.Timeline(func(e *events.Event) {
			n++
			i := slices.IndexFunc(list, func(x events.Event) bool { return same(&x, e) })
			if i < 0 {
				t.Fatalf("event %s is not one that came", e.ID)
			}
			want := list[i]
			if len(want.Rest) > 8000 {
				want.Rest, want.Cut = nil, true
			}
			if a, b := text(&want), text(e); a != b {
				t.Fatalf("kept\n%s\nof\n%s", b, a)
			}
		})
		if n != len(list) {
			t.Fatalf("%d events, want %d", n, len(list))
		}
	})
}
