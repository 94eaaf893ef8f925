package rules

import (
	"fmt"
	"testing"
	"time"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state"
)

// TestBombs: books whose parts name each other, or lie in each other, again and again are compiled, looked at and asked in no
// time; written out they would have 2¹⁰⁰ leaves and more.
func TestBombs(t *testing.T) {
	ordered := &Event{Match: Match{Names: []string{"Order Completed"}}}
	id := func(i int) string { return fmt.Sprintf("s%d", i) }
	doubled := func(inFor int) *Book {
		b := &Book{}
		for i := range 200 {
			if i > 197 {
				b.Segments = append(b.Segments, Segment{About{ID: id(i)}, ordered})
				continue
			}
			part := func(j int) Condition { return &InSegment{ID: id(j), InFor: Duration{N: inFor, Unit: "s"}} }
			b.Segments = append(b.Segments, Segment{About{ID: id(i)}, &All{Of: []Condition{part(i + 1), part(i + 2)}}})
		}
		b.Triggers = []Trigger{{About: About{ID: "t"}, On: &Entered{Segment: "s0"}, When: &InSegment{ID: "s1"}}}
		return b
	}
	nested := Condition(ordered)
	for i := range 31 {
		if nested = (&Not{Of: nested}); i%2 == 0 {
			nested = &All{Of: []Condition{nested}}
		}
	}
	for name, b := range map[string]*Book{
		"named twice each":    doubled(0),
		"named twice, in_for": doubled(1),
		"nested":              {Segments: []Segment{{About{ID: "s0"}, nested}}},
	} {
		t.Run(name, func(t *testing.T) {
			soon := time.AfterFunc(20*time.Second, func() { panic(name + ": takes for ever") }) // a second at most, in truth
			defer soon.Stop()
			c := Config{Book: b, Calendar: state.NewCalendar(time.UTC), Zones: state.NewZones()}
			Lint(c)
			f, _, faults := New(c)
			if len(faults) > 0 {
				t.Fatal(faults)
			}
			table, err := state.NewTable(f)
			if err != nil {
				t.Fatal(err)
			}
			x := table.New("c")
			said, decided := 0, 0
			speaker := state.NewSpeaker(func(s *events.Statement) { said, decided = said+1, decided+len(s.Because) })
			e := &events.Event{Customer: "c", Name: "Order Completed", Type: events.OrderCompleted, Time: 1_700_000_000_000, ID: "e"}
			x.Pass(e.Time, speaker)
			x.Take(e)
			x.Step(e, e.Time, speaker)
			x.Pass(e.Time+events.Instant(time.Hour.Milliseconds()), speaker)
			if want := len(b.Segments) + len(b.Triggers); name != "nested" && (said != want || decided != want) {
				t.Errorf("said %d, by %d events; want %d", said, decided, want)
			}
			if all := Explain(Question{Table: table, Customer: x, At: e.Time, Rules: []string{"s0", "t"}}); len(all) > 2 {
				t.Errorf("explains %d of two", len(all))
			}
		})
	}
}
