package state_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state"
)

// However long a customer's history, little is written of him for a few new events, and to read him little is folded. Under another
// table all is folded once, not each time that he is read.
func TestShortRow(t *testing.T) {
	folds := 0
	table := func(version int) *state.Table {
		table, err := state.NewTable(&state.Spec[int]{Name: "counter", Version: version, Doc: "counts, and takes room",
			Fold:   func(s *int, _ *events.Event) { *s++; folds++ },
			Append: func(b []byte, s *int) []byte { return append(b, rest(40**s, uint64(*s))...) },
			Parse: func(b []byte, s *int) error {
				*s = len(b) / 40
				return nil
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		return table
	}
	var blocks [][]byte
	source := func(_ events.CustomerID, n int, _ uint64, use func([]byte) error) bool { return use(blocks[n]) == nil }
	read := func(table *state.Table, row []byte) (c *state.Customer, folded int) {
		t.Helper()
		folds = 0
		c, err := table.Parse("c", row, source)
		if err != nil {
			t.Fatal(err)
		}
		return c, folds
	}
	const n, each, entry = 1000, 3, 150
	written, short, states := 0, 0, 0
	var row, whole []byte
	history := func(table *state.Table, c *state.Customer, from int) *state.Customer {
		for i := from; i < from+n; i++ {
			c.Take(&events.Event{Source: "s", ID: fmt.Sprint("e", i), Type: events.ProductViewed, Time: events.Instant(i+1) * 1000, Customer: "c",
				Rest: rest(100, uint64(i))})
			if i%each != 0 {
				continue
			}
			c.Seal(1)
			for k := len(blocks); k < c.Sealed(); k++ {
				blocks = append(blocks, slices.Clone(c.Block(k)))
				written += len(c.Block(k))
			}
			row = c.AppendShort(nil)
			written += len(row)
			if whole = c.AppendRow(nil); len(row) < len(whole)/2 {
				short++
			}
			states = 40*i + 4*i // and ids
			again, folded := read(table, row)
			if folded > states/entry+3*each+30 {
				t.Fatalf("%d of %d events are folded to read a row; states have %d bytes", folded, i, states)
			}
			if i%2 == 0 {
				c = again
			}
		}
		return c
	}
	first := table(1)
	history(first, first.New("c"), 0)
	if most := n / each * 9 / 10; short < most {
		t.Errorf("%d of %d rows are short; want %d", short, n/each, most)
	}
	if whole := n / each * states / 2; written > whole/4 {
		t.Errorf("%d bytes are written; whole rows alone would be %d", written, whole)
	}
	for version, row := range [][]byte{2: row, 3: whole} {
		if row == nil {
			continue
		}
		next, was := table(version), slices.Clone(blocks)
		c, folded := read(next, row)
		if folded != c.Events() {
			t.Errorf("under another table %d events are folded; want %d", folded, c.Events())
		}
		if c = history(next, c, n); c.Events() != 2*n {
			t.Errorf("%d events", c.Events())
		}
		blocks = was
	}
}

// Of an event that stands before the last one that the blocks knew of, be it at the same instant, all of the row is written; and of
// one that waits to be folded.
func TestNotShort(t *testing.T) {
	table, err := state.NewTable(&state.Spec[[]byte]{Name: "order", Version: 1, Doc: "the ids in order",
		Fold:   func(s *[]byte, e *events.Event) { *s = append(*s, e.ID...) },
		Append: func(b []byte, s *[]byte) []byte { return append(b, *s...) },
		Parse:  func(b []byte, s *[]byte) error { *s = slices.Clone(b); return nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	const at = 1000
	for name, more := range map[string][]events.Event{
		"later":               {{ID: "z", Time: at + 1}},
		"later, out of order": {{ID: "z", Time: at + 2}, {ID: "y", Time: at + 1}},
		"behind it":           {{ID: "z", Time: at}},
		"at the same instant": {{ID: "a", Time: at}},
		"before it":           {{ID: "z", Time: at - 1}},
		"a smaller copy":      {{ID: "m", Time: at, Content: 1}},
	} {
		c := table.New("c")
		take := func(e events.Event) {
			e.Source, e.Customer, e.Type = "s", "c", events.ProductViewed
			c.Take(&e)
		}
		take(events.Event{ID: "m", Time: at, Content: 2, Rest: rest(1500, 1)})
		c.Seal(1)
		block := slices.Clone(c.Block(0))
		for _, e := range more {
			take(e)
		}
		if c.Stale() && string(c.AppendShort(nil)) != string(c.AppendRow(nil)) {
			t.Errorf("%s: it waits, and the row is short", name)
		}
		c.Refold()
		again, err := table.Parse("c", c.AppendShort(nil), func(_ events.CustomerID, _ int, _ uint64, use func([]byte) error) bool { return use(block) == nil })
		if err != nil {
			t.Fatal(err)
		}
		if x, y := c.AppendRow(nil), again.AppendRow(nil); string(x) != string(y) {
			t.Errorf("%s: read again the row is\n%q; was\n%q", name, y, x)
		}
	}
}
