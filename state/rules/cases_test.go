package rules_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

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
