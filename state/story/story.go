// Package story tests rules of the business as golden text files: what a customer does, line by line, and below each line
// what is said because of it. It is for tests only. Its one rule: the lines beginning with ">" are written by the program
// (-update) and read by a person, whose review of their difference is the test.
//
// A story is read from top to bottom, which is the order of arrival; the clock stands at the latest time met. Times are
// those of the business zone.
//
//	# text                                   a comment, which begins by naming the rule
//	set segments.vip.net_last_365d_over=500  a setting, before anything happens
//	2024-02-29 10:00 Order Completed order=A total=600.00
//	pass 2025-02-28 00:00                    time passes, up to and including that instant
//	facts                                    all that is true
//	show purchases                           what is shown of a feature
//	restart                                  the customer is written and read again
//
// After an event's name stand words=values: order, total, currency, units, items (p1*2@10.00,p2*0.65@3), traits (JSON),
// anonymous, previous, group, channel, source, sequence, and id, which is e1, e2 … by itself. An event earlier than what
// came before is late; one with the id of another is a copy of it.
package story

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state"
)

var update = flag.Bool("update", false, "write what the stories' files should be")

// World is what a story happens in.
type World struct {
	Table    *state.Table
	Zone     *time.Location
	Currency events.Currency
}

// Run tells every story in files, a pattern, each in a world made from its settings (key=value).
func Run(t *testing.T, files string, world func(settings []string) (World, error)) {
	t.Helper()
	paths, err := filepath.Glob(files)
	if err != nil || len(paths) == 0 {
		t.Fatalf("no stories in %s: %v", files, err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			got, err := Tell(string(text), world)
			if err != nil {
				t.Fatalf("%s: %v", path, err)
			}
			if got == string(text) {
				return
			}
			if !*update {
				t.Fatalf("%s:\n%s", path, difference(string(text), got))
			}
			if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// difference shows the first line that differs.
func difference(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range g {
		if i >= len(w) || w[i] != g[i] {
			return fmt.Sprintf("line %d is\n%s\nbut should be\n%s\n(-update writes it)", i+1, strings.Join(w[min(i, len(w)):min(i+1, len(w))], ""), g[i])
		}
	}
	return fmt.Sprintf("%d lines too many (-update writes it)", len(w)-len(g))
}

// teller tells one story.
type teller struct {
	World
	c       *state.Customer
	speaker *state.Speaker
	clock   events.Instant
	n       int // events so far
	out     bytes.Buffer
}

// Tell is the story with what is said below each line.
func Tell(text string, world func(settings []string) (World, error)) (string, error) {
	var settings []string
	t := &teller{}
	t.speaker = state.NewSpeaker(t.hear)
	for i, line := range strings.Split(strings.TrimRight(text, "\n"), "\n") {
		if strings.HasPrefix(line, ">") {
			continue
		}
		fmt.Fprintln(&t.out, line)
		word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		if word == "set" {
			settings = append(settings, strings.TrimSpace(rest))
			continue
		}
		if word == "" || strings.HasPrefix(word, "#") {
			continue
		}
		if t.c == nil {
			w, err := world(settings)
			if err != nil {
				return "", err
			}
			t.World, t.c = w, w.Table.New("customer")
		}
		if err := t.do(word, rest, line); err != nil {
			return "", fmt.Errorf("line %d: %w", i+1, err)
		}
	}
	return t.out.String(), nil
}

func (t *teller) do(word, rest, line string) error {
	switch word {
	case "pass":
		at, _, err := t.instant(rest)
		if err == nil {
			t.advance(at)
		}
		return err
	case "facts":
		t.facts()
		return nil
	case "show":
		return t.show(strings.TrimSpace(rest))
	case "restart":
		return t.restart()
	}
	e, err := t.event(line)
	if err == nil {
		t.take(e)
	}
	return err
}

func (t *teller) advance(to events.Instant) {
	t.clock = max(t.clock, to)
	t.c.Pass(t.clock, t.speaker)
}

func (t *teller) take(e *events.Event) {
	t.advance(e.Time)
	switch t.c.Take(e) {
	case state.Folded:
		t.c.Step(e, t.clock, t.speaker)
	case state.Duplicate:
		t.say("duplicate")
	default:
		t.c.Refold()
		t.c.Settle(t.clock, events.ByCorrection, t.speaker)
	}
}

func (t *teller) facts() {
	var lines []string
	t.c.Facts(t.clock, func(key string, v state.Value) {
		if v != "" {
			lines = append(lines, key+" = "+v)
		}
	})
	sort.Strings(lines)
	for _, l := range lines {
		t.say("%s", l)
	}
	if len(lines) == 0 {
		t.say("nothing")
	}
}

func (t *teller) show(feature string) error {
	report, ok := t.c.Report(t.clock)[feature]
	if !ok {
		t.say("nothing")
		return nil
	}
	text, err := json.MarshalIndent(report, "", "  ")
	if err != nil {
		return err
	}
	for _, l := range strings.Split(string(text), "\n") {
		t.say("%s", l)
	}
	return nil
}

func (t *teller) restart() error {
	row := t.c.AppendRow(nil)
	c, err := t.Table.Parse(t.c.ID(), row, func(n int) ([]byte, error) { return t.c.Block(n), nil })
	if err != nil {
		return err
	}
	t.c = c
	return nil
}

// hear writes a statement: what became true, the how-manieth word on it, since when, and why.
func (t *teller) hear(s *events.Statement) {
	text := s.Fact + " = " + s.Value
	switch {
	case s.Value == state.Yes:
		text = s.Fact + " entered"
	case s.Value == "" && s.Previous == state.Yes:
		text = s.Fact + " left"
	case s.Value == "":
		text = s.Fact + " no more " + s.Previous
	}
	since := ""
	if s.Effective != s.AsOf {
		since = ", since " + t.when(s.Effective)
	}
	because := ""
	if len(s.Because) > 0 {
		because = ": " + strings.Join(s.Because, " ")
	}
	t.say("%s %s (%d%s, by %s%s)", t.when(s.AsOf), text, s.N, since, s.Cause, because)
}

func (t *teller) say(format string, args ...any) {
	fmt.Fprintf(&t.out, "> "+format+"\n", args...)
}

func (t *teller) when(at events.Instant) string {
	return at.Time().In(t.Zone).Format("2006-01-02 15:04:05.999")
}
