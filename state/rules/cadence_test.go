package rules

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/touchfold/touchfold/state"
)

// TestRhythm: of many values the days of each are found again, also after they were written and read, and those of which an
// interval is of use are known.
func TestRhythm(t *testing.T) {
	calendar := state.NewCalendar(time.UTC)
	rapid.Check(t, func(t *rapid.T) {
		p := &rhythm{by: true, least: rapid.IntRange(1, 3).Draw(t, "least")}
		s := p.zero().(*rhythmState)
		want := map[string][]state.Day{}
		day, values := state.Day(20_000), rapid.IntRange(1, 60).Draw(t, "values")
		for range 150 {
			day += state.Day(rapid.IntRange(0, 2).Draw(t, "later"))
			value := fmt.Sprint("p", rapid.IntRange(1, values).Draw(t, "value"))
			if days := want[value]; len(days) == 0 || days[len(days)-1] != day {
				want[value] = append(days, day)
			}
			if ripe := p.ripe(s.on(p, value, day)); ripe != (len(want[value]) > p.least) {
				t.Fatalf("%s is ripe: %t, of %v", value, ripe, want[value])
			}
			if rapid.IntRange(0, 20).Draw(t, "read again") == 0 {
				again, err := p.parse(p.append(nil, s), calendar)
				if err != nil {
					t.Fatal(err)
				}
				s = again.(*rhythmState)
			}
		}
		for i := range s.beats {
			b := &s.beats[i]
			if !slices.Equal(b.days, want[b.value]) || slices.Contains(s.ripe, int32(i)) != (len(b.days) > p.least) {
				t.Fatalf("%s: %v, want %v; ripe are %v", b.value, b.days, want[b.value], s.ripe)
			}
		}
		if len(s.beats) != len(want) || !slices.IsSorted(s.ripe) {
			t.Fatalf("%d values, want %d; ripe are %v", len(s.beats), len(want), s.ripe)
		}
	})
}
