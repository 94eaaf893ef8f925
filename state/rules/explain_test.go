package rules_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state"
	"github.com/touchfold/touchfold/state/rules"
	"github.com/touchfold/touchfold/state/rules/ruletest"
)

// upto is the customer as he was known at an instant.
func (w *world) upto(at events.Instant) *state.Customer {
	c := w.table.New(ruletest.Customer)
	for i := range w.past {
		if e := w.past[i]; e.Time <= at {
			c.Take(&e)
		}
	}
	return c
}

// ownEvents is how many events are the customer's own.
func ownEvents(c *state.Customer) (n int) {
	c.Timeline(func(e *events.Event) {
		if !e.Type.OfWorld() {
			n++
		}
	})
	return n
}

func in(c *state.Customer, segment string, at events.Instant) (is bool) {
	c.Facts(at, func(key string, _ state.Value) { is = is || key == "segment/"+segment })
	return is
}

// occurred is the occurrences of a trigger, as far as they can be said or withdrawn at an instant.
func occurred(c *state.Customer, trigger string, at events.Instant, add map[string]events.Instant) {
	c.Occurrences(at, func(o *state.Occurrence) {
		if o.Rule == trigger {
			add[fmt.Sprint(o.Key, " ", o.At)] = o.At
		}
	})
}

// TestExplain: an explanation is what the facts are, ends when they change, and tells of every occurrence.
func TestExplain(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := draw(t)
		if len(w.past) == 0 {
			return
		}
		at := w.past[rapid.IntRange(0, len(w.past)-1).Draw(t, "event")].Time
		at += events.Instant(rapid.SampledFrom([]events.Instant{0, 1, hour, day, 40 * day}).Draw(t, "later"))
		c := w.fold(rapid.Permutation(w.past).Draw(t, "arrival"))
		past := w.upto(at)
		for _, x := range rules.Explain(rules.Question{Table: w.table, Customer: c, At: at}) {
			if own := ownEvents(past); x.EventsFolded != own {
				t.Fatalf("%d events, want %d", x.EventsFolded, own)
			}
			if x.Trigger {
				explained(t, w, past, &x, at)
				continue
			}
			if is := in(past, x.Rule.ID, at); is != x.Is || is != x.When.Is {
				t.Fatalf("%s is %t at %s, explained as %t and %t", x.Rule.ID, is, at, x.Is, x.When.Is)
			}
			if x.Until != events.Never && !x.EndsUnknown && in(w.upto(at), x.Rule.ID, x.Until-1) != x.Is {
				t.Fatalf("%s changes before %s", x.Rule.ID, x.Until)
			}
			if x.Until != events.Never && !x.EndsUnknown && in(w.upto(at), x.Rule.ID, x.Until) == x.Is {
				t.Fatalf("%s does not change at %s", x.Rule.ID, x.Until)
			}
			if x.Since > 0 && in(w.upto(x.Since), x.Rule.ID, x.Since) != x.Is {
				t.Fatalf("%s is not %t from %s on", x.Rule.ID, x.Is, x.Since)
			}
			if x.Since > x.FirstEvent && in(w.upto(x.Since-1), x.Rule.ID, x.Since-1) == x.Is {
				t.Fatalf("%s is %t before %s", x.Rule.ID, x.Is, x.Since)
			}
			consistent(t, x.When)
		}
	})
}

// explained checks what is told of a trigger.
func explained(t *rapid.T, w *world, past *state.Customer, x *rules.Explanation, at events.Instant) {
	all := map[string]events.Instant{}
	step := w.table.New(ruletest.Customer)
	sp := state.NewSpeaker(func(*events.Statement) {})
	pass := func(to events.Instant) {
		for step.Due() <= to {
			due := step.Due()
			step.Pass(due, sp)
			occurred(step, x.Rule.ID, due, all)
		}
		occurred(step, x.Rule.ID, to, all)
	}
	for i := range w.past {
		e := w.past[i]
		if e.Time > at {
			break
		}
		if i > 0 && w.past[i-1].Time < e.Time {
			pass(e.Time - 1)
		}
		step.Take(&e)
		step.Step(&e, e.Time, sp)
	}
	pass(at)
	waiting := 0
	for _, a := range x.Past {
		if a.Verdict == rules.Waiting {
			waiting++
		} else if _, is := all[fmt.Sprint(a.Key, " ", a.At)]; is != a.Verdict.Stands() {
			t.Fatalf("%s at %s is %s; there are %v", a.Key, a.At, a.Verdict, all)
		}
		if (a.Verdict == rules.Unmet) != (a.When != nil) || a.When != nil && a.When.Is {
			t.Fatalf("%s at %s was held back by %v", a.Key, a.At, a.When)
		}
		if a.Verdict == rules.Cooling && a.Free <= a.At {
			t.Fatalf("%s at %s was held back until %s", a.Key, a.At, a.Free)
		}
	}
	if x.Happened <= 10 && x.Stood != len(all)+waiting {
		t.Fatalf("%d stood and %d wait, want %v", x.Stood, waiting, all)
	}
	if x.Next == events.Never || x.EndsUnknown {
		return
	}
	again := func(at events.Instant) rules.Explanation {
		return rules.Explain(rules.Question{Table: w.table, Customer: past, Rules: []string{x.Rule.ID}, At: at})[0]
	}
	if now := again(x.Next); now.Stood <= x.Stood {
		t.Fatalf("at %s nothing happened: %d stood, now %d", x.Next, x.Stood, now.Stood)
	}
	if before := again(x.Next - 1); before.Stood != x.Stood {
		t.Fatalf("something happened before %s", x.Next)
	}
}

// consistent checks that the whole follows from the parts.
func consistent(t *rapid.T, n *rules.Node) {
	is, children := n.Is, 0
	for _, p := range n.Parts {
		consistent(t, p)
		if p.Is {
			children++
		}
	}
	switch n.Of.(type) {
	case *rules.All:
		is = children == len(n.Parts)
	case *rules.Any:
		is = children > 0
	case *rules.Not:
		is = children == 0
	}
	if is != n.Is {
		t.Fatalf("%T is %t, but %d of %d parts are", n.Of, n.Is, children, len(n.Parts))
	}
	if len(n.Because) > events.MaxBecause || len(n.Because) > n.Events {
		t.Fatalf("%d of %d events", len(n.Because), n.Events)
	}
}

// TestExplainValues: what leaves compare, the edges of their windows, and what held a trigger back.
func TestExplainValues(t *testing.T) {
	viewed, ordered := rules.Match{Names: []string{"Product Viewed"}}, rules.Match{Names: []string{"Order Completed"}}
	week := rules.Window{Kind: "calendar", Duration: rules.Duration{N: 7, Unit: "d"}}
	hours := rules.Window{Kind: "rolling", Duration: rules.Duration{N: 2, Unit: "h"}}
	gone := rules.Absence{Of: ordered, For: rules.Duration{N: 3, Unit: "d"}}
	book := &rules.Book{
		Segments: []rules.Segment{{About: rules.About{ID: "s"}, When: &rules.Any{Of: []rules.Condition{
			&rules.Event{Match: viewed, Aggregate: rules.Count, Compare: number(3), Window: week},
			&rules.Event{Match: viewed, Aggregate: rules.Avg, Field: "properties.score", Compare: number(7), Window: hours},
			&gone,
			&rules.Event{Match: viewed, Aggregate: rules.Count, Compare: number(2), Window: week, Ago: rules.Duration{N: 1, Unit: "mo"}},
		}}}},
		Triggers: []rules.Trigger{
			{About: rules.About{ID: "held"}, On: &rules.Event{Match: viewed}, When: &rules.Event{Match: ordered}},
			{About: rules.About{ID: "cool"}, On: &rules.Event{Match: viewed}, Cooldown: rules.Duration{N: 1, Unit: "d"}},
			{About: rules.About{ID: "gone"}, On: &gone},
		},
	}
	f, _, faults := rules.New(rules.Config{Book: book, Calendar: state.NewCalendar(time.UTC)})
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	table, err := state.NewTable(f)
	if err != nil {
		t.Fatal(err)
	}
	c := table.New("c")
	for i, when := range []string{"2024-01-01 10:00:00", "2024-01-01 10:10:00", "2024-01-01 12:05:00"} {
		c.Take(&events.Event{Customer: "c", Name: "Product Viewed", Type: events.ProductViewed, Time: at(t, when),
			ID: fmt.Sprint("e", i+1), Rest: fmt.Appendf(nil, `{"score":%d}`, 5+i)})
	}
	var b strings.Builder
	var tell func(n *rules.Node, margin string)
	tell = func(n *rules.Node, margin string) {
		fmt.Fprintf(&b, "%s%T %t until %s %q from %s to %s by %d\n", margin, n.Of, n.Is, n.Until, n.Value, n.From, n.To, n.Events)
		for _, p := range n.Parts {
			tell(p, margin+"  ")
		}
	}
	for _, x := range rules.Explain(rules.Question{Table: table, Customer: c, At: at(t, "2024-01-01 12:06:00")}) {
		fmt.Fprintf(&b, "%s %t since %s until %s, happened %d, stood %d, free %s, next %s\n", x.Rule.ID, x.Is, x.Since, x.Until,
			x.Happened, x.Stood, x.Free, x.Next)
		if x.When != nil {
			tell(x.When, "  ")
		}
		for _, a := range x.Past {
			fmt.Fprintf(&b, "  %s %s free %s\n", a.At, a.Verdict, a.Free)
		}
	}
	const want = `s true since 2024-01-01T12:05:00Z until never, happened 0, stood 0, free -, next -
  *rules.Any true until never "" from - to - by 0
    *rules.Event true until 2024-01-08T00:00:00Z "3" from 2023-12-26T00:00:00Z to 2024-01-01T12:06:00Z by 3
    *rules.Event false until 2024-01-01T12:10:00Z "6.5" from 2024-01-01T10:06:00.001Z to 2024-01-01T12:06:00Z by 2
    *rules.Absence false until 2024-01-04T10:00:00Z "" from 2024-01-01T10:00:00Z to 2024-01-04T10:00:00Z by 1
    *rules.Event false until 2024-02-01T00:00:00Z "0" from 2023-11-25T00:00:00Z to 2023-12-01T23:59:59.999Z by 0
held false since - until -, happened 3, stood 0, free -, next never
  *rules.Event false until never "0" from - to - by 0
  2024-01-01T10:00:00Z when free -
  2024-01-01T10:10:00Z when free -
  2024-01-01T12:05:00Z when free -
cool false since - until -, happened 3, stood 1, free 2024-01-02T10:00:00Z, next never
  2024-01-01T10:00:00Z missed free -
  2024-01-01T10:10:00Z cooldown free 2024-01-02T10:00:00Z
  2024-01-01T12:05:00Z cooldown free 2024-01-02T10:00:00Z
gone false since - until -, happened 0, stood 0, free -, next 2024-01-04T10:00:00Z
`
	if got := strings.ReplaceAll(b.String(), events.Instant(0).String(), "-"); got != want {
		t.Errorf("got\n%s", got)
	}
}
