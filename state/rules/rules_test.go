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

func at(t testing.TB, text string) events.Instant {
	t.Helper()
	x, err := time.Parse("2006-01-02 15:04:05", text)
	if err != nil {
		t.Fatal(err)
	}
	return events.At(x)
}

func number(n int64) rules.Compare {
	return rules.Compare{Op: ">=", Values: []rules.Value{{Number: rules.Number(n * 1_000_000), IsNumber: true}}}
}

// TestFirst tells a short story to a few rules.
func TestFirst(t *testing.T) {
	hours := func(n int) rules.Duration { return rules.Duration{N: n, Unit: "h"} }
	viewed := rules.Match{Names: []string{"Product Viewed"}}
	ordered := rules.Match{Names: []string{"Order Completed"}}
	added := rules.Match{Names: []string{"Product Added"}}
	book := &rules.Book{
		Segments: []rules.Segment{
			{About: rules.About{ID: "looks"}, When: &rules.Event{Match: viewed, Aggregate: rules.Count, Compare: number(2),
				Window: rules.Window{Kind: "rolling", Duration: hours(2)}}},
			{About: rules.About{ID: "long"}, When: &rules.InSegment{ID: "looks", InFor: rules.Duration{N: 30, Unit: "m"}}},
			{About: rules.About{ID: "gone"}, When: &rules.Absence{Of: ordered, For: rules.Duration{N: 3, Unit: "d"}}},
		},
		Triggers: []rules.Trigger{
			{About: rules.About{ID: "cart"}, On: &rules.Absence{Of: ordered, After: &added, For: hours(4)},
				Payload: []rules.Field{{Name: "product", Path: "item.product_id"}}},
			{About: rules.About{ID: "in"}, On: &rules.Entered{Segment: "looks"}},
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
	var said []string
	sp := state.NewSpeaker(func(s *events.Statement) {
		said = append(said, fmt.Sprintf("%s %s %q (%d) since %s %v", s.AsOf, s.Fact, s.Value, s.N, s.Effective, s.Payload))
	})
	n := 0
	take := func(when, name string) {
		n++
		e := &events.Event{Customer: "c", Name: name, Type: events.TypeOf(name), Time: at(t, when), ID: fmt.Sprint("e", n)}
		if name == "Product Added" {
			e.Items = []events.Item{{ProductID: "p1"}}
		}
		c.Pass(e.Time, sp)
		if c.Take(e) == state.Folded {
			c.Step(e, e.Time, sp)
			return
		}
		c.Refold()
		c.Settle(at(t, when), events.ByCorrection, sp)
	}
	take("2024-01-01 10:00:00", "Product Viewed")
	take("2024-01-01 10:10:00", "Product Viewed")
	take("2024-01-01 10:20:00", "Product Added")
	c.Pass(at(t, "2024-01-01 16:00:00"), sp)
	take("2024-01-01 18:00:00", "Order Completed")
	c.Pass(at(t, "2024-01-10 00:00:00"), sp)
	const want = `2024-01-01T10:10:00Z segment/looks "true" (1) since 2024-01-01T10:10:00Z []
2024-01-01T10:10:00Z trigger/in/f7d0691b15287e82 "true" (1) since 2024-01-01T10:10:00Z []
2024-01-01T10:40:00Z segment/long "true" (1) since 2024-01-01T10:40:00Z []
2024-01-01T12:00:00Z segment/long "" (2) since 2024-01-01T12:00:00Z []
2024-01-01T12:00:00Z segment/looks "" (2) since 2024-01-01T12:00:00Z []
2024-01-01T14:20:00Z trigger/cart/f7d0681b15287dfd "true" (1) since 2024-01-01T14:20:00Z [{product "p1"}]
2024-01-04T18:00:00Z segment/gone "true" (1) since 2024-01-04T18:00:00Z []`
	if got := strings.Join(said, "\n"); got != want {
		t.Errorf("got\n%s", got)
	}
}
