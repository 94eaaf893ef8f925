package events

import (
	"fmt"
	"strings"
	"testing"
)

// TestNamesAreBounded: neither one text of many names nor many of few fill the memory, and what was forgotten is read.
func TestNamesAreBounded(t *testing.T) {
	s := scanner{met: newNameMemory()}
	read := func(text string) {
		t.Helper()
		s.end(s.value(s.start([]byte(text), 100)))
		if s.fault != 0 || int(s.met.count) > mostNames || len(s.met.index) > mostNames {
			t.Fatalf("fault %d at %d, %d names, %d of them found", s.fault, s.faultAt, s.met.count, len(s.met.index))
		}
	}
	many := func(from, n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, `"name %d":%d,`, from+i, i)
		}
		return "{" + b.String() + `"last":null}`
	}
	read(many(0, 5000))
	if s.met.count > firstName+1+mostOfOneText {
		t.Errorf("%d names of one text", s.met.count)
	}
	for i := range 3000 {
		read(many(3*i, 3))
	}
}

// TestExpectedNames: whatever stands where a name is expected, the walk goes as it does without a memory.
func TestExpectedNames(t *testing.T) {
	walk := func(s *scanner, text string) (names string) {
		i := s.start([]byte(text), 100)
		for i, more := s.enter(i); more; i, more = s.next(i) {
			names += fmt.Sprintf("%q %d %d %d, ", s.name(), s.part(), s.inContext(), s.field())
			i = s.value(i)
		}
		return fmt.Sprint(names, s.fault)
	}
	remembering := scanner{met: newNameMemory()}
	texts := []string{`{"type":1,"traits":{"price":1},"items":2}`, `{"type":1,"traits":{"sku":1},"items":2}`, `{"type" :1, "traits":{"price": 1},"items":2}`,
		`{"type":1,"traits"`, `{"type":1,"traits":`, `{"type":1,"trait":1}`, `{"type":1,"traits\"":1}`, `{"type":1,"tra\u0069ts":1}`, `{"type":1,"\u0069tems":1}`,
		`{"type":1 ,"traits":{},"items":[{"price":1},{"price":2}]}`, `{"type":1,,"traits":1}`, `{"type":1,}`, `{}`}
	for _, first := range texts {
		for _, second := range texts {
			walk(&remembering, first)
			if got, want := walk(&remembering, second), walk(&scanner{}, second); got != want {
				t.Fatalf("%s after %s is %s, want %s", second, first, got, want)
			}
		}
	}
}
