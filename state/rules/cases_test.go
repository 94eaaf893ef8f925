package rules_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state"
	"github.com/touchfold/touchfold/state/rules"
	"github.com/touchfold/touchfold/state/rules/ruletest"
)

// TestCases asks the evaluator what was worked out by hand.
func TestCases(t *testing.T) {
	for _, c := range ruletest.Cases() {
		t.Run(c.Name, func(t *testing.T) {
			for i := range c.Book.Triggers {
				c.Book.Triggers[i].MaxLateness = rules.Duration{N: 100, Unit: "y"}
			}
			w := &world{zone: c.Zone, book: c.Book, past: c.Events, since: c.Since}
			w.table = tableOf(t, w)
			for _, x := range c.Truths {
				if is := segments(w.upTo(x.At), x.At)["segment/"+ruletest.Segment]; is != x.Is {
					t.Errorf("at %v it is %v, want %v", x.At, is, x.Is)
				}
			}
			if len(c.Book.Triggers) == 0 {
				return
			}
			var want []string
			for _, o := range c.Occurrences {
				if o.Said <= c.Until {
					want = append(want, fmt.Sprint(o.Key, " ", o.T0))
				}
			}
			if got := happened(w.upTo(c.Until), ruletest.Trigger, c.Until); !slices.Equal(got, want) {
				t.Errorf("happened\n%v, want\n%v", got, want)
			}
		})
	}
}

// TestBecause: what becomes true names the last ten events that decide it, each once, in order.
func TestBecause(t *testing.T) {
	viewed := rules.Match{Names: []string{"Product Viewed"}}
	rolling := rules.Window{Kind: "rolling", Duration: rules.Duration{N: 1, Unit: "h"}}
	silent := &rules.Absence{Of: rules.Match{Names: []string{"Order Completed"}}, For: rules.Duration{N: 11, Unit: "m"}}
	many := &rules.Event{Match: viewed, Aggregate: rules.Count, Compare: number(12), Window: rolling}
	w := &world{zone: time.UTC, book: &rules.Book{Triggers: []rules.Trigger{
		{About: rules.About{ID: "t"}, On: &rules.Becomes{Of: &rules.All{Of: []rules.Condition{many, silent, many}}}}}}}
	var ids []string
	for i := range 12 {
		e := events.Event{Customer: "c", ID: fmt.Sprintf("e%02d", i), Name: "Product Viewed", Type: events.ProductViewed}
		e.Time = at(t, "2024-01-01 10:00:00") + events.Instant(i)*minute
		w.past = append(w.past, e)
		ids = append(ids, fmt.Sprint(state.MarkOf(&e)))
	}
	w.table = tableOf(t, w)
	var got []string
	end := w.past[11].Time
	w.upTo(end).Occurrences(end, func(o *state.Occurrence) {
		for _, m := range o.Because {
			got = append(got, fmt.Sprint(m))
		}
	})
	if !slices.Equal(got, ids[2:]) {
		t.Errorf("because\n%v, want\n%v", got, ids[2:])
	}
}

// upTo is the customer with his events up to an instant.
func (w *world) upTo(at events.Instant) *state.Customer { return w.fold(until(w.past, at)) }

func until(list []events.Event, at events.Instant) []events.Event {
	n := 0
	for n < len(list) && list[n].Time <= at {
		n++
	}
	return list[:n]
}

// segments is those that the customer is in.
func segments(c *state.Customer, at events.Instant) map[string]bool {
	is := map[string]bool{}
	c.Facts(at, func(key string, _ state.Value) { is[key] = true })
	return is
}

// happened is the occurrences of a trigger that are not history: their keys and instants.
func happened(c *state.Customer, id string, at events.Instant) (list []string) {
	c.Occurrences(at, func(o *state.Occurrence) {
		if key, ok := strings.CutPrefix(o.Key, "trigger/"+id+"/"); ok && !o.Old {
			list = append(list, fmt.Sprint(key, " ", o.At))
		}
	})
	return list
}
