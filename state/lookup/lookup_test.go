package lookup

import (
	"testing"

	"pgregory.net/rapid"
)

// TestIndex: a key is found where it stands last, as a look at each finds it, however the list grows between the questions.
func TestIndex(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		key := rapid.Uint64Range(0, 200)
		if rapid.Bool().Draw(t, "crowded") { // all in one slot
			key = rapid.Map(key, func(n uint64) uint64 { return n << 40 })
		}
		var x Index
		var list []uint64
		for range rapid.IntRange(0, 60).Draw(t, "questions") {
			list = append(list, rapid.SliceOfN(key, 0, 12).Draw(t, "added")...)
			asked := key.Draw(t, "key")
			want := len(list) - 1
			for want >= 0 && list[want] != asked {
				want--
			}
			got, found := x.Find(asked, len(list), func(i int) uint64 { return list[i] })
			if found != (want >= 0) || found && int(got) != want {
				t.Fatalf("%d is at %d, %t of %d; want %d", asked, got, found, len(list), want)
			}
		}
	})
}
