package rules_test

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state"
	"github.com/touchfold/touchfold/state/rules"
	"github.com/touchfold/touchfold/state/rules/ruletest"
)

// TestChanges: what is said is the same where the feature says what it says otherwise, and where all of it is asked at
// every event.
func TestChanges(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := &world{zone: ruletest.Zone(t)}
		w.book = ruletest.Book(t, ruletest.Options{})
		w.past = ruletest.Timeline(t, w.zone)
		var said [2][]string
		for i := range said {
			f, _, faults := rules.New(rules.Config{Book: w.book, Calendar: calendarOf(w.zone), Zones: zones, Currency: ruletest.HKD})
			if len(faults) > 0 {
				t.Fatalf("%v", faults)
			}
			if i == 1 {
				f.Changes, f.Compared = nil, nil
			}
			table, err := state.NewTable(f)
			if err != nil {
				t.Fatal(err)
			}
			said[i] = tell(table, w.past)
		}
		if !slices.Equal(said[0], said[1]) {
			t.Fatalf("%q\nbut asked at every event\n%q\n%s", said[0], said[1], w.describe())
		}
	})
}

// tell is what is said of a customer whose events come in order, each a minute after it happened.
func tell(table *state.Table, past []events.Event) (said []string) {
	c := table.New(ruletest.Customer)
	sp := state.NewSpeaker(func(s *events.Statement) {
		said = append(said, fmt.Sprint(s.AsOf, s.Fact, s.Value, s.N, s.Effective, s.Because, s.Cause, s.Payload))
	})
	clock := events.Instant(0)
	for i := range past {
		e := past[i]
		clock = max(clock, e.Time+minute)
		c.Pass(clock, sp)
		if c.Take(&e) == state.Folded {
			c.Step(&e, clock, sp)
			continue
		}
		c.Refold()
		c.Settle(clock, events.ByCorrection, sp)
	}
	c.Pass(clock+40*day, sp)
	return said
}
