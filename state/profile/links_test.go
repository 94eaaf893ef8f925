package profile

import (
	"fmt"
	"maps"
	"testing"

	"pgregory.net/rapid"

	"github.com/touchfold/touchfold/events"
)

// TestLinks: of each name of a kind when it was linked first and last, as a map has it, also after it was written and read.
func TestLinks(t *testing.T) {
	type span struct{ first, last events.Instant }
	rapid.Check(t, func(t *rapid.T) {
		var l links
		want := map[string]span{}
		names := rapid.SampledFrom([]int{3, 20, 400}).Draw(t, "names")
		for i := range rapid.IntRange(0, 600).Draw(t, "events") {
			k := kind(rapid.IntRange(int(anonymous), int(group)).Draw(t, "kind"))
			name := fmt.Sprint(rapid.IntRange(0, names).Draw(t, "name"))
			at := events.Instant(i)
			l.note(k, name, at)
			key := kinds[k] + " " + name
			if s, known := want[key]; known {
				want[key] = span{s.first, at}
			} else if len(want) < maxNames {
				want[key] = span{at, at}
			}
			if rapid.IntRange(0, 99).Draw(t, "read again") == 0 {
				b := l.append(nil)
				l = links{}
				if err := l.parse(b); err != nil {
					t.Fatal(err)
				}
			}
		}
		got := map[string]span{}
		for i := range l.list {
			x := &l.list[i]
			got[kinds[x.kind]+" "+string(l.name(x))] = span{x.first, x.last}
		}
		if !maps.Equal(got, want) || len(l.list) != len(want) {
			t.Fatalf("got %v, want %v", got, want)
		}
	})
}
