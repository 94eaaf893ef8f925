package state_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
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

// What is left of the properties is there again, whether it was compressed or not, or was cut, if 2 KiB do not hold it.
func TestPackedRest(t *testing.T) {
	table := benchRules.table(t)
	random := rand.New(rand.NewPCG(1, 1))
	for _, n := range []int{2, 255, 256, 257, 300, 1000, 2047, 2048, 2049, 2100, 2600, 3000, 30_000} {
		for kind, letters := range map[string]int{"alike": 2, "random": 90} {
			text := make([]byte, n-2)
			for i := range text {
				text[i] = byte('#' + random.IntN(letters))
			}
			if kind == "alike" {
				text = bytes.Repeat([]byte("shoes "), n)[:n-2]
			}
			rest := `"` + strings.ReplaceAll(string(text), `\`, "/") + `"`
			e := events.Event{Type: events.PageViewed, Name: "Page Viewed", ID: "e", Time: 1000, Rest: []byte(rest)}
			b := state.AppendPacked(nil, &e)
			c := table.New("c")
			if _, err := c.TakePacked(b, &events.Event{}); err != nil {
				t.Fatal(err)
			}
			cut := kind == "random" && n > 2048
			if short := len(b) < n*3/4; short != (cut || kind == "alike" && n > 256) {
				t.Errorf("%d bytes, %s: packed into %d", n, kind, len(b))
			}
			c.Timeline(func(got *events.Event) {
				if cut != got.Cut || cut != e.Cut || !cut && string(got.Rest) != rest || cut && len(got.Rest) > 0 {
					t.Errorf("%d bytes, %s: %d are there, cut %v, of what is folded at once %v", n, kind, len(got.Rest), got.Cut, e.Cut)
				}
			})
		}
	}
}

// BenchmarkPacked is packing a touchpoint, as it is decoded, and reading it again.
func BenchmarkPacked(b *testing.B) {
	var list []events.Event
	for i := range 64 {
		r := events.Record{Append: 2_000_000_000_000, Value: fmt.Appendf(nil, `{"type":"track","event":"Product Viewed","messageId":"m-%010d","userId":"c-%08d",`+
			`"anonymousId":"a-%08x","timestamp":"2026-05-28T20:26:40.%03dZ","context":{"campaign":{"source":"google","medium":"cpc"}},"properties":{"list":"catalog","currency":"EUR",`+
			`"url":"https://shop.example.com/p/%d","products":[{"product_id":"p-%d","name":"Noise-Cancel Buds","category":"electronics","price":%d.%02d,"quantity":1}]}}`,
			i, i*7919, i*104729, i, i*31, i*31, i+1, i)}
		var e events.Event
		if refusal := events.NewDecoder(events.DecoderConfig{Currency: events.Currency{'E', 'U', 'R'}}).Decode(&r, &e); refusal != nil {
			b.Fatal(refusal)
		}
		list = append(list, e)
	}
	b.Run("pack", func(b *testing.B) {
		b.ReportAllocs()
		var buf []byte
		for i := 0; b.Loop(); i++ {
			buf = state.AppendPacked(buf[:0], &list[i%len(list)])
		}
	})
	b.Run("read", func(b *testing.B) {
		b.ReportAllocs()
		packed := make([][]byte, len(list))
		for i := range list {
			packed[i] = state.AppendPacked(nil, &list[i])
		}
		var e events.Event
		for i := 0; b.Loop(); i++ {
			if err := state.ReadPacked(packed[i%len(list)], &e); err != nil {
				b.Fatal(err)
			}
		}
	})
}
