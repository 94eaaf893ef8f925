package state_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/touchfold/touchfold/events"
)

var update = flag.Bool("update", false, "add new types of event to testdata/types.txt")

// A timeline entry holds its event's type as a number, so the numbers are binding: types.txt is only ever added to.
func TestTypeNumbers(t *testing.T) {
	const path = "testdata/types.txt"
	var now strings.Builder
	for _, ty := range events.Types() {
		fmt.Fprintf(&now, "%d %s\n", ty, ty.Name())
	}
	text, err := os.ReadFile(path)
	if err != nil && !*update {
		t.Fatal(err)
	}
	if !strings.HasPrefix(now.String(), string(text)) {
		t.Fatalf("types have other numbers than timelines hold; a new type stands at the end of its list in events/names.go:\n%s", now.String())
	}
	if now.Len() == len(text) {
		return
	}
	if !*update {
		t.Fatalf("new types of event; -update adds to %s:\n%s", path, now.String()[len(text):])
	}
	if err := os.WriteFile(path, []byte(now.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}
