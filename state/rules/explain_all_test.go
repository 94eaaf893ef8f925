package rules_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state"
	"github.com/touchfold/touchfold/state/rules"
)

// TestExplainAll: all matches count and are named, also those that are not kept.
func TestExplainAll(t *testing.T) {
	var lines []string
	for i := range 12 {
		lines = append(lines, fmt.Sprintf(`10:%02d e%d Page = {"score":%d}`, i, i+1, 1745012345678901248+i%4))
	}
	day := rules.Window{Kind: "rolling", Duration: rules.Duration{N: 6, Unit: "h"}}
	leaf := func(aggregate, field string, n int64, w rules.Window) *rules.Event {
		return &rules.Event{Match: match("Page"), Aggregate: aggregate, Field: field, Compare: number(n), Window: w}
	}
	for _, c := range []struct {
		leaf         *rules.Event
		value        string
		from, events int
	}{
		{leaf(rules.Count, "", 5, rules.Window{}), "12", 3, 12},
		{leaf(rules.Count, "", 2, day), "12", 3, 12},
		{leaf(rules.Distinct, "properties.score", 2, rules.Window{}), "4", 3, 12},
		{leaf(rules.Last, "properties.score", 2, day), "1745012345678901251", 3, 12},
		{leaf(rules.First, "properties.score", 2, rules.Window{}), "1745012345678901248", 1, 1},
	} {
		book := segmentOf(c.leaf)
		book.Triggers = []rules.Trigger{{About: rules.About{ID: "t"}, On: &rules.Becomes{Of: c.leaf}}}
		all := explanations(t, book, "12:00", lines...)
		n := all["s"].When
		var want []state.Mark
		for i := c.from; i < c.from+min(c.events, 10); i++ {
			e := events.Event{ID: fmt.Sprint("e", i), Time: at(t, "2024-01-01 10:00:00") + events.Instant(i-1)*minute}
			want = append(want, state.MarkOf(&e))
		}
		if n.Value != c.value || n.Events != c.events || fmt.Sprint(n.Because) != fmt.Sprint(want) {
			t.Errorf("%s %s: %s by %d, %v, want %s by %d, %v", c.leaf.Aggregate, c.leaf.Field, n.Value, n.Events, n.Because,
				c.value, c.events, want)
		}
		if past := all["t"].Past; c.leaf.Aggregate == rules.Count && len(past[0].Because) != int(c.leaf.Values[0].Number/1e6) {
			t.Errorf("it became so by %+v", past)
		}
	}
}

// TestBecauseKept is docs/rulebook.md on what is named of an event leaf.
func TestBecauseKept(t *testing.T) {
	hours := rules.Window{Kind: "rolling", Duration: rules.Duration{N: 6, Unit: "h"}}
	days := rules.Window{Kind: "calendar", Duration: rules.Duration{N: 2, Unit: "d"}}
	leaf := func(aggregate string, n int64, w rules.Window) *rules.Event {
		x := &rules.Event{Match: match("Page"), Aggregate: aggregate, Compare: number(n), Window: w}
		if aggregate != rules.Count {
			x.Field = "properties.score"
		}
		return x
	}
	ago := leaf(rules.Count, 0, days)
	ago.Ago = rules.Duration{N: 1, Unit: "y"}
	for _, c := range []struct {
		leaf, also *rules.Event
		want       string
	}{
		{leaf(rules.Count, 5, rules.Window{}), nil, "1 12"},
		{leaf(rules.First, 1, rules.Window{}), nil, "1"},
		{leaf(rules.Sum, 5, rules.Window{}), nil, "1 12"},
		{leaf(rules.Count, 2, hours), nil, "10 11 12"},
		{leaf(rules.Count, 2, hours), leaf(rules.Count, 4, days), "8 9 10 11 12"},
		{leaf(rules.Count, 2, hours), leaf(rules.Sum, 4, days), "10 11 12"},
		{leaf(rules.Count, 2, hours), ago, "3 4 5 6 7 8 9 10 11 12"},
		{leaf(rules.Sum, 4, hours), nil, "3 4 5 6 7 8 9 10 11 12"},
	} {
		silent := &rules.Absence{Of: match("Order Completed"), For: rules.Duration{N: 12, Unit: "m"}}
		all := &rules.All{Of: []rules.Condition{c.leaf, &rules.Not{Of: &rules.Not{Of: silent}}}}
		book := &rules.Book{Triggers: []rules.Trigger{{About: rules.About{ID: "t"}, On: &rules.Becomes{Of: all}}}}
		if c.also != nil {
			book.Segments = []rules.Segment{{About: rules.About{ID: "also"}, When: c.also}}
		}
		w := &world{zone: time.UTC, book: book}
		w.table = tableOf(t, w)
		ids := map[state.Mark]string{}
		for i := range 12 {
			e := events.Event{Customer: "c", ID: fmt.Sprint("e", i+1), Name: "Page", Rest: []byte(`{"score":1}`)}
			e.Time = at(t, "2024-01-01 10:01:00") + events.Instant(i)*minute
			ids[state.MarkOf(&e)] = fmt.Sprint(i + 1)
			w.past = append(w.past, e)
		}
		began := events.Event{Customer: "c", ID: "e0", Name: "Wheel Spun", Time: at(t, "2024-01-01 10:00:00")}
		ids[state.MarkOf(&began)] = ""
		w.past = append([]events.Event{began}, w.past...)
		var got []string
		end := at(t, "2024-01-01 10:12:00")
		w.upTo(end).Occurrences(end, func(o *state.Occurrence) {
			for _, m := range o.Because {
				got = append(got, ids[m])
			}
		})
		if text := strings.TrimSpace(strings.Join(got, " ")); text != c.want {
			t.Errorf("%s >= %d: %s, want %s", c.leaf.Aggregate, c.leaf.Values[0].Number/1e6, text, c.want)
		}
	}
}
