package rules

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/touchfold/touchfold/state"
)

// TestRhythm: of many values the days of each are found again, also after they were written and read, and a value has a beat
// as soon as an interval of it is of use, or it has more days than a seed may.
func TestRhythm(t *testing.T) {
	calendar := state.NewCalendar(time.UTC)
	rapid.Check(t, func(t *rapid.T) {
		p := &rhythm{by: true, least: rapid.IntRange(1, 2*mostSeedDays).Draw(t, "least")}
		s := p.zero().(*rhythmState)
		want := map[string][]state.Day{}
		day, values := state.Day(rapid.SampledFrom([]int{-3, 20_000}).Draw(t, "from")), rapid.IntRange(1, 60).Draw(t, "values")
		for range 150 {
			day += state.Day(rapid.IntRange(0, 2).Draw(t, "later"))
			value := fmt.Sprint("p", rapid.IntRange(1, values).Draw(t, "value"))
			if days := want[value]; len(days) == 0 || days[len(days)-1] != day {
				want[value] = append(days, day)
			}
			switch b := s.on(p, value, day); {
			case (b != nil) != (len(want[value]) > min(p.least, mostSeedDays)):
				t.Fatalf("%s has a beat: %t, of %v", value, b != nil, want[value])
			case b != nil && (b.value != value || !slices.Equal(b.days, want[value])):
				t.Fatalf("the beat of %s is %+v; want %v", value, b, want[value])
			}
			if rapid.IntRange(0, 20).Draw(t, "read again") == 0 {
				b := p.append(nil, s)
				again, err := p.parse(b, calendar)
				if err != nil {
					t.Fatal(err)
				}
				if s = again.(*rhythmState); !bytes.Equal(p.append(nil, s), b) {
					t.Fatalf("%x is read as %x", b, p.append(nil, s))
				}
			}
		}
		if len(s.beats)+len(s.seeds.keys) != len(want) {
			t.Fatalf("%d and %d values, want %d", len(s.beats), len(s.seeds.keys), len(want))
		}
	})
}
