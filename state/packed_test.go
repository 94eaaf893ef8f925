package state_test

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state"
)

// An event that was packed is taken as the event itself is, to the last byte of the row, and nothing is kept of what it was
// packed into.
func TestPacked(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := drawRules(t)
		table := r.table(t)
		list := drawEvents(t, calendar(t, r.zone).Zone(), 40)
		whole, packed := table.New("c"), table.New("c")
		var b []byte
		var scratch events.Event
		for i := range list {
			want := whole.Take(own(&list[i]))
			b = state.AppendPacked(b[:0], own(&list[i]))
			got, err := packed.TakePacked(b, &scratch)
			if err != nil {
				t.Fatal(err)
			}
			if got != want || scratch.Type != list[i].Type {
				t.Fatalf("event %s of type %d came as %d and type %d, want %d", list[i].ID, list[i].Type, got, scratch.Type, want)
			}
			clear(b)
		}
		whole.Refold()
		packed.Refold()
		if a, b := whole.AppendRow(nil), packed.AppendRow(nil); !bytes.Equal(a, b) {
			t.Fatalf("the row is\n%x\nwant\n%x", b, a)
		}
	})
}
