package rules_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/touchfold/touchfold/config/rulefile"
	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state"
	"github.com/touchfold/touchfold/state/rules"
	"github.com/touchfold/touchfold/state/rules/ruletest"
)

// TestPriority: it goes along with what is said, and another one is no other rule: nobody is walked, and no trigger is in
// force from a later instant on.
func TestPriority(t *testing.T) {
	var prints []uint64
	var since []string
	for _, priority := range []int{0, 5, -9} {
		book, err := rulefile.Parse("rules", fmt.Appendf(nil, "version: 1\ntriggers:\n  - {id: seen, on: {event: Product Viewed}, priority: %d}\n", priority))
		if err != nil {
			t.Fatal(err)
		}
		f, in, faults := rules.New(rules.Config{Book: book, Calendar: calendarOf(time.UTC), Zones: zones, Currency: ruletest.HKD, Now: 5})
		if len(faults) > 0 {
			t.Fatal(faults)
		}
		table, err := state.NewTable(f)
		if err != nil {
			t.Fatal(err)
		}
		prints, since = append(prints, table.Fingerprint()), append(since, fmt.Sprint(in))
		said := 0
		c := table.New(ruletest.Customer)
		e := events.Event{ID: "1", Type: events.ProductViewed, Time: 10}
		c.Take(&e)
		c.Step(&e, 10, state.NewSpeaker(func(s *events.Statement) {
			if said++; s.Priority != priority {
				t.Errorf("%s has priority %d, want %d", s.Fact, s.Priority, priority)
			}
		}))
		if said != 1 {
			t.Errorf("%d are said", said)
		}
	}
	for i := range prints {
		if prints[i] != prints[0] || since[i] != since[0] {
			t.Errorf("another priority is another rule: %d %s, and %d %s", prints[i], since[i], prints[0], since[0])
		}
	}
}
