package main

import (
	"bytes"
	"context"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// demoKinds is every kind of derived event built so far, as the demo words it.
func demoKinds() (kinds []string) {
	for _, fact := range demoSegments {
		name := strings.TrimPrefix(fact, "segment/")
		kinds = append(kinds, "entered segment "+name+" ", "left segment "+name+" ")
	}
	for _, stage := range demoStages {
		kinds = append(kinds, "→ "+stage+" ")
	}
	return kinds
}

func TestDemoShowsEveryKind(t *testing.T) {
	t.Parallel()
	var out, errs bytes.Buffer
	if code := execute(t.Context(), []string{"demo", "--duration", "4s", "--plain"}, output{&out, &errs}); code != 0 || errs.Len() > 0 {
		t.Fatalf("exit code %d: %s", code, errs.String())
	}
	text := out.String()
	events, story, told := strings.Cut(text, "\nThe story of ")
	for _, kind := range demoKinds() {
		if !strings.Contains(events, kind) {
			t.Errorf("no line says %q", kind)
		}
	}
	if n := len(demoKinds()); n != 4*2+6 {
		t.Errorf("%d kinds are looked for", n)
	}
	if !told || !strings.Contains(story, "▸ ") || !strings.Contains(story, "facts ") || !strings.Contains(story, "purchases ") {
		t.Errorf("the story is not whole: %s", story)
	}
	for i, r := range text {
		if r < ' ' && r != '\n' {
			t.Fatalf("a control character %q at %d", r, i)
		}
	}
	parked := regexp.MustCompile(`([\d,]+) touchpoints .* parked ([\d,]+)`).FindAllStringSubmatch(events, -1)
	if len(parked) == 0 {
		t.Fatal("no figures")
	}
	last := parked[len(parked)-1]
	if number(t, last[2]) == 0 || number(t, last[2]) > number(t, last[1])/200 { // one in a thousand is damaged
		t.Errorf("parked %s of %s", last[2], last[1])
	}
	for line := range strings.Lines(text) {
		if n := len([]rune(strings.TrimSuffix(line, "\n"))); n > screenWidth {
			t.Errorf("%d columns: %s", n, line)
		}
	}
	if t.Failed() {
		t.Log(text)
	}
}

// number reads what grouped wrote.
func TestWrapped(t *testing.T) {
	for list, want := range map[string][]string{
		"": {""}, "a 1, b 2": {"a 1, b 2"}, "aaaa 1, b 22, c": {"aaaa 1,", "b 22, c"}, "longer than a line, é": {"longer than a line,", "é"},
		"1234567, é": {"1234567, é"}, "12345678, é": {"12345678,", "é"},
	} {
		if got := wrapped(list, 10); !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", list, got, want)
		}
	}
}

func number(t *testing.T, text string) int {
	t.Helper()
	n, err := strconv.Atoi(strings.ReplaceAll(text, ",", ""))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestDemoInterrupted sends what Ctrl-C sends in the middle of the history, and once it is live; on a screen that moves.
func TestDemoInterrupted(t *testing.T) {
	t.Parallel()
	for _, at := range []string{"history ", "live: "} {
		t.Run(at, func(t *testing.T) {
			t.Parallel()
			ctx, interrupt := context.WithCancel(t.Context())
			defer interrupt()
			w := &until{text: at, then: interrupt}
			d := &demoCommand{Seed: 2, Duration: 4 * time.Second}
			show, err := d.start(ctx, output{w, w})
			if err != nil {
				t.Fatal(err)
			}
			defer show.rehearsal.Close()
			screen := newDemoScreen(show, w, true)
			screen.title()
			if err := show.run(ctx, screen); err != nil {
				t.Fatal(err)
			}
			if err := show.end(screen); err != nil {
				t.Fatal(err)
			}
			if err := show.tell(w); err != nil {
				t.Fatal(err)
			}
			text := w.String()
			if !strings.Contains(text, "The story of ") || strings.Count(text, "\x1b[?25l") != 1 || strings.Count(text, "\x1b[?25h") != 1 {
				t.Errorf("no story, or the cursor is not as it was: %q", text)
			}
		})
	}
}

// until is a writer that does something once a text was written.
type until struct {
	mu   sync.Mutex
	buf  bytes.Buffer
	text string
	then func()
}

func (u *until) Write(b []byte) (int, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if bytes.Contains(b, []byte(u.text)) {
		u.then()
	}
	return u.buf.Write(b)
}

func (u *until) String() string {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.buf.String()
}

func TestGrouped(t *testing.T) {
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 123456: "123,456", 1234567: "1,234,567"} {
		if got := grouped(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
}
