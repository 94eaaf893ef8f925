package state_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/touchfold/touchfold/config"
	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state/features"
)

// TestTraitsAreBounded: who says 700 KB of himself again and again does not grow without bound, and what is passed over
// does not depend on order.
func TestTraitsAreBounded(t *testing.T) {
	table, err := features.Table(features.Propose(config.Default()))
	if err != nil {
		t.Fatal(err)
	}
	long := []byte(`"` + strings.Repeat("x", 700_000) + `"`)
	identify := func(i int) *events.Event {
		e := &events.Event{Customer: "c", Type: events.Identify, Name: "Identify", ID: fmt.Sprint(i), Time: events.Instant(1000 + i), Content: uint64(i)}
		e.Traits = []events.Trait{{Name: fmt.Sprintf("a%d", i), Value: []byte(`"short"`)}, {Name: fmt.Sprintf("b%d", i), Value: long}}
		return e
	}
	up, down := table.New("c"), table.New("c")
	for i := range 400 {
		up.Take(identify(i))
		down.Take(identify(399 - i))
	}
	down.Refold()
	if row := up.AppendRow(nil); len(row) > 32<<10 {
		t.Errorf("the row has %d bytes", len(row))
	}
	if n := up.Bytes(); n > 1<<20 {
		t.Errorf("the customer takes %d bytes", n)
	}
	if string(up.AppendState(nil)) != string(down.AppendState(nil)) {
		t.Error("the state depends on the order in which they came")
	}
}
