// Package story tells what a customer does, line by line, and below each line what is said because of it, as a text that a
// person can read and a program can check. It knows no files. Its one rule: the lines beginning with ">" are written by the
// program and read by a person, whose review of their difference is the test.
//
// A story is read from top to bottom, which is the order of arrival; the clock stands at the latest time met. Times are
// those of the business zone.
//
//	# text                                   a comment, which begins by naming the rule
//	rulebook retail.yaml                     the file of rules, seen from the story
//	set business.zone=Europe/Berlin          a setting, before anything happens
//	only trigger/welcome segment/vip         from here on nothing but these facts is told, which there must be
//	customer jane                            from here on it is another customer, and another clock
//	2024-02-29 10:00 Order Completed order=A total=600.00
//	pass 2025-02-28 00:00                    time passes, up to and including that instant
//	facts                                    all that is true
//	show purchases                           what is shown of a feature
//	restart                                  the customer is written and read again
//
// After an event's name stand words=values: order, total, currency, units; items (p1*2@10.00,p2*0.65@3,p3), and behind it
// category, serial, warranty (months), each one value for all items or one for each (baby,toys); properties and traits
// (JSON); anonymous, previous, group, channel, source, sequence; and id, which is e1, e2 … by itself. A value with spaces
// is written as JSON ("Home & Garden"). An event earlier than what came before is late; one with the id of another is a
// copy of it. An event of the catalogue or of the world (Product Restocked) is of no customer: it comes to all of them.
//
// Below stands what is said: when, what, the how-manieth word on it, why, and what a trigger carries. Where the key of an
// occurrence stands for an event its id is shown.
//
//	> 2024-01-10 14:20:00 trigger abandoned_cart/e3 fired (1, by time: e3) {"product":"p1"}
package story

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/events/spell"
	"github.com/touchfold/touchfold/state"
)

// World is what a story happens in.
type World struct {
	Table    *state.Table
	Zone     *time.Location
	Currency events.Currency
	Facts    []string // the keys of all that can be said; of an occurrence trigger/ and the rule
}

// teller tells one story.
type teller struct {
	World
	c       *state.Customer
	speaker *state.Speaker
	clock   events.Instant
	n       int               // events of this customer so far
	happens bool              // there was an event
	ids     map[uint64]string // of events, by what stands for them in keys
	priced  bool              // the event that is read has a price
	only    []string          // facts, nil: all
	world   []*events.Event   // what came of the world, for whoever turns out to have had an interest before
	out     bytes.Buffer
}

// Tell is the story with what is said below each line. The world is made of the settings of its first lines. A story in which
// nothing happens is a fault, for it could not fail.
func Tell(text string, world func(settings []string) (World, error)) (string, error) {
	var settings []string
	t := &teller{ids: map[uint64]string{}}
	t.speaker = state.NewSpeaker(t.hear)
	for i, line := range strings.Split(strings.TrimRight(text, "\n"), "\n") {
		if strings.HasPrefix(line, ">") {
			continue
		}
		fmt.Fprintln(&t.out, line)
		word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		if word == "set" || word == "rulebook" {
			if t.c != nil {
				return "", fmt.Errorf("line %d: %s must stand before anything happens", i+1, word)
			}
			if rest = strings.TrimSpace(rest); word == "rulebook" {
				rest = "rulebook=" + rest
			}
			settings = append(settings, rest)
			continue
		}
		if word == "" || strings.HasPrefix(word, "#") {
			continue
		}
		if err := t.begin(settings, world); err != nil {
			return "", err
		}
		if err := t.do(word, rest, line); err != nil {
			return "", fmt.Errorf("line %d: %w", i+1, err)
		}
	}
	if err := t.begin(settings, world); err != nil {
		return "", err
	}
	if !t.happens {
		return "", errors.New("nothing happens in this story, so it shows nothing; write what the customer does, " +
			"such as 2024-02-29 10:00 Order Completed order=A total=9.99")
	}
	return t.out.String(), nil
}

// begin makes the world, once.
func (t *teller) begin(settings []string, world func(settings []string) (World, error)) (err error) {
	if t.c != nil {
		return nil
	}
	if t.World, err = world(settings); err == nil {
		t.c = t.Table.New("customer")
	}
	return err
}

func (t *teller) do(word, rest, line string) error {
	switch word {
	case "pass":
		at, _, err := t.instant(rest)
		if err == nil {
			t.advance(at)
		}
		return err
	case "customer":
		t.c, t.clock, t.n = t.Table.New(events.CustomerID(strings.TrimSpace(rest))), 0, 0
		return nil
	case "only":
		t.only = strings.Fields(rest)
		return t.known()
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
		t.happens = true
		t.take(e)
	}
	return err
}

// known refuses facts that nothing can say: a story of them would hold whatever happens.
func (t *teller) known() error {
	if len(t.only) == 0 {
		return errors.New("only names no fact; write one behind it, such as segment/vip, or leave the line out for all")
	}
	for _, o := range t.only {
		rule := o
		if trigger, is := strings.CutPrefix(o, "trigger/"); is {
			id, _, _ := strings.Cut(trigger, "/") // what follows is one occurrence
			rule = "trigger/" + id
		}
		if !slices.Contains(t.Facts, rule) {
			return fmt.Errorf("only: nothing says %q here%s", o, t.meant(rule))
		}
	}
	return nil
}

// meant is the fact that was probably meant, else how facts are written.
func (t *teller) meant(fact string) string {
	best, least := "", 3+len(fact)/6
	for _, f := range t.Facts {
		if d := spell.Distance(fact, f); d < least {
			best, least = f, d
		}
	}
	if best == "" {
		return "; write segment/ or trigger/ and the id of a rule of the rulebook, or lifecycle"
	}
	return "; did you mean " + best + "?"
}

func (t *teller) advance(to events.Instant) {
	t.clock = max(t.clock, to)
	t.c.Pass(t.clock, t.speaker)
}

func (t *teller) take(e *events.Event) {
	t.advance(e.Time)
	if t.fold(e) == state.Duplicate {
		t.say("duplicate")
	}
	if e.Type.OfWorld() {
		t.world = append(t.world, e)
		return
	}
	for _, w := range t.world {
		if w.Time >= e.Time {
			t.fold(w)
		}
	}
}

func (t *teller) fold(e *events.Event) state.Outcome {
	did := t.c.Take(e)
	switch did {
	case state.Folded:
		t.c.Step(e, t.clock, t.speaker)
	case state.Duplicate:
	default:
		t.c.Refold()
		t.c.Settle(t.clock, events.ByCorrection, t.speaker)
	}
	return did
}

func (t *teller) facts() {
	var lines []string
	t.c.Facts(t.clock, func(key string, v state.Value) {
		if v != "" && t.tells(key) {
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
	old := t.c
	old.Timeline(func(*events.Event) {}) // all of it is in memory then
	c, err := t.Table.Parse(old.ID(), old.AppendRow(nil), func(_ events.CustomerID, n int, _ uint64, use func([]byte) error) bool {
		return use(old.Block(n)) == nil
	})
	if err != nil {
		return err
	}
	t.c = c
	return nil
}

// tells reports whether a fact is one of those to be told: all, or those named, with their occurrences.
func (t *teller) tells(fact string) bool {
	return t.only == nil || slices.ContainsFunc(t.only, func(o string) bool { return fact == o || strings.HasPrefix(fact, o+"/") })
}

// hear writes a statement: what became true, the how-manieth word on it, since when, why, and what goes with it.
func (t *teller) hear(s *events.Statement) {
	if !t.tells(s.Fact) {
		return
	}
	text := s.Fact + " = " + s.Value
	switch trigger, ok := strings.CutPrefix(s.Fact, "trigger/"); {
	case ok && s.Value == state.Yes:
		text = "trigger " + t.named(trigger) + " fired"
	case ok:
		text = "trigger " + t.named(trigger) + " withdrawn"
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
	t.say("%s %s (%d%s, by %s%s)%s", t.when(s.AsOf), text, s.N, since, s.Cause, because, carried(s.Payload))
}

// eventDigits are what stands for an event in the key of an occurrence.
var eventDigits = regexp.MustCompile(`/[0-9a-f]{16}\b`)

// named is a key of an occurrence with the ids of the events that it stands for.
func (t *teller) named(key string) string {
	return eventDigits.ReplaceAllStringFunc(key, func(digits string) string {
		n, _ := strconv.ParseUint(digits[1:], 16, 64) // it is nothing else
		if id, ok := t.ids[n]; ok {
			return "/" + id
		}
		return digits
	})
}

// carried is a payload as JSON, in its order.
func carried(payload []events.Property) string {
	var parts []string
	for _, p := range payload {
		parts = append(parts, strconv.Quote(p.Name)+":"+p.Value)
	}
	if parts == nil {
		return ""
	}
	return " {" + strings.Join(parts, ",") + "}"
}

func (t *teller) say(format string, args ...any) {
	fmt.Fprintf(&t.out, "> "+format+"\n", args...)
}

func (t *teller) when(at events.Instant) string {
	return at.Time().In(t.Zone).Format("2006-01-02 15:04:05.999")
}
