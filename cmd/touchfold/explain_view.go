package main

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode"

	"github.com/touchfold/touchfold/config/rulefile"
	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state"
	"github.com/touchfold/touchfold/state/rules"
)

// explanationView is what is shown of a customer's rules. Times are local to Zone; "never" is one that does not come.
type explanationView struct {
	Customer events.CustomerID `json:"customer_id"`
	At       string            `json:"at"`
	Zone     string            `json:"zone"`
	Rulebook string            `json:"rulebook"`
	Events   int               `json:"events"` // up to At
	First    string            `json:"first_event"`
	Last     string            `json:"last_event"`
	Rules    []ruleView        `json:"rules"`
}

type ruleView struct {
	ID       string        `json:"id"`
	Name     string        `json:"name,omitempty"`
	Kind     string        `json:"kind"`            // segment or trigger
	Is       *bool         `json:"in,omitempty"`    // of a segment
	Since    string        `json:"since,omitempty"` // of a segment, if he ever entered it
	Until    string        `json:"until,omitempty"` // of a segment
	InForce  string        `json:"in_force_since,omitempty"`
	Happened int           `json:"happened,omitempty"`
	Stood    int           `json:"stood,omitempty"`
	Past     []attemptView `json:"past,omitempty"`
	Cooldown string        `json:"cooldown_until,omitempty"`
	Next     string        `json:"next,omitempty"` // of a trigger, if no event comes
	On       *nodeView     `json:"on,omitempty"`
	When     *nodeView     `json:"when,omitempty"`
}

type attemptView struct {
	At      string        `json:"at"`
	Fact    string        `json:"fact"`
	Stands  bool          `json:"stands"`
	Verdict rules.Verdict `json:"verdict"`
	Why     string        `json:"why"`
	Events  []string      `json:"events,omitempty"`
	When    *nodeView     `json:"when,omitempty"` // what held it back, as of then
}

type nodeView struct {
	Text    string      `json:"condition"`
	Is      *bool       `json:"is,omitempty"`
	Value   string      `json:"value,omitempty"`
	Note    string      `json:"note,omitempty"` // why there is no value, or why it does not do
	From    string      `json:"from,omitempty"`
	To      string      `json:"to,omitempty"`
	Until   string      `json:"until,omitempty"`
	Decided int         `json:"deciding_events,omitempty"` // how many; Events names the latest ten
	Events  []string    `json:"events,omitempty"`
	Parts   []*nodeView `json:"parts,omitempty"`
}

// wording turns explanations into words.
type wording struct {
	show func(events.Instant) string
	ids  map[state.Mark]string
}

func (w *wording) rule(e *rules.Explanation, at events.Instant) ruleView {
	v := ruleView{ID: e.Rule.ID, Name: e.Rule.Name, Kind: "segment"}
	orLater := ""
	if e.EndsUnknown {
		orLater = " or later"
	}
	v.When = w.node(e.When, true)
	if !e.Trigger {
		v.Is, v.Until = &e.Is, w.show(e.Until)+orLater
		if e.Since > 0 {
			v.Since = w.show(e.Since)
		}
		return v
	}
	v.Kind, v.On, v.Happened, v.Stood = "trigger", w.node(e.On, true), e.Happened, e.Stood
	v.Next = w.show(e.Next) + orLater
	if e.InForce > 0 {
		v.InForce = w.show(e.InForce)
	}
	if e.Free > at {
		v.Cooldown = w.show(e.Free)
	}
	for _, a := range e.Past {
		x := attemptView{At: w.show(a.At), Fact: a.Key, Stands: a.Verdict.Stands(), Verdict: a.Verdict, Why: w.why(&a, e),
			Events: w.names(a.Because)}
		if a.When != nil {
			x.When = w.node(a.When, false)
		}
		v.Past = append(v.Past, x)
	}
	return v
}

// why is what became of something that happened, in words.
func (w *wording) why(a *rules.Attempt, e *rules.Explanation) string {
	switch a.Verdict {
	case rules.Told:
		return "said"
	case rules.Withdrawn:
		return "said, and withdrawn later"
	case rules.Waiting:
		return "waits to be said at " + w.show(a.Due)
	case rules.Early:
		return "not said: the rule has been in force since " + w.show(e.InForce) + " only"
	case rules.Mute:
		return "not said: it lies before the first start, which was mute"
	case rules.Unmet:
		return "did not happen: when did not hold"
	case rules.Cooling:
		return "did not happen: the cooldown lasted until " + w.show(a.Free)
	case rules.Again:
		return "did not happen: the same one had happened before"
	}
	text := "not said: when it came to be known it was history, as of " + w.show(a.Old)
	if a.Expires > 0 {
		text += ", or had expired, at " + w.show(a.Expires)
	}
	return text
}

// node is a condition and its parts; now: its end is of interest.
func (w *wording) node(n *rules.Node, now bool) *nodeView {
	if n == nil {
		return nil
	}
	v := &nodeView{Text: w.text(n.Of), Value: n.Value, Note: n.Note, Decided: n.Events, Events: w.names(n.Because)}
	if !n.Happens {
		v.Is = &n.Is
	}
	if n.From > 0 {
		v.From = w.show(n.From)
	}
	if n.To > 0 {
		v.To = w.show(n.To)
	}
	if now && !n.Happens {
		v.Until = w.show(n.Until)
	}
	for _, p := range n.Parts {
		v.Parts = append(v.Parts, w.node(p, now))
	}
	return v
}

// text is a condition without its parts.
func (w *wording) text(c rules.Condition) string {
	switch c.(type) {
	case *rules.All:
		return "all"
	case *rules.Any:
		return "any"
	case *rules.Not:
		return "not"
	case *rules.Becomes:
		return "becomes"
	}
	return rulefile.Words(c)
}

func (w *wording) names(marks []state.Mark) (ids []string) {
	for _, m := range marks {
		if id, known := w.ids[m]; known {
			ids = append(ids, id)
		}
	}
	return ids
}

// write writes it for a person, a line a condition.
func (v *explanationView) write(to io.Writer) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "customer %s at %s (%s), by rulebook %s\n", v.Customer, v.At, v.Zone, v.Rulebook)
	fmt.Fprintf(&b, "%d events up to then, from %s to %s\n", v.Events, v.First, v.Last)
	for i := range v.Rules {
		v.Rules[i].write(&b)
	}
	_, err := to.Write(b.Bytes())
	return err
}

func (r *ruleView) write(b *bytes.Buffer) {
	title := r.ID
	if r.Name != "" {
		title += ", " + r.Name
	}
	if r.Kind == "segment" {
		is := map[bool]string{true: "in it", false: "not in it"}[*r.Is]
		fmt.Fprintf(b, "\n%s segment %s: %s%s; %s\n", tick(r.Is), title, is, after(" since ", r.Since), changes(r.Until))
		r.When.write(b, "  ")
		return
	}
	since := after("; in force since ", r.InForce)
	fmt.Fprintf(b, "\n  trigger %s: happened %s, and %d stood%s\n", title, times(r.Happened), r.Stood, since)
	r.On.write(b, "  on ")
	if r.When != nil {
		r.When.write(b, "  when ")
	}
	for _, a := range r.Past {
		fmt.Fprintf(b, "  %s %s  %s%s  %s\n", tick(&a.Stands), a.At, a.Why, by(a.Events, len(a.Events)), a.Fact)
		if a.When != nil {
			a.When.write(b, "      ")
		}
	}
	if r.Cooldown != "" {
		fmt.Fprintf(b, "  the cooldown lasts until %s\n", r.Cooldown)
	}
	if r.Next == "never" {
		fmt.Fprint(b, "  next: only an event can bring it\n")
	} else {
		fmt.Fprintf(b, "  next: at %s if no event comes\n", r.Next)
	}
}

func (n *nodeView) write(b *bytes.Buffer, margin string) {
	fmt.Fprintf(b, "%s%s %s", margin, tick(n.Is), n.Text)
	switch {
	case n.Value != "":
		fmt.Fprintf(b, "  now %s", onOneLine(n.Value))
	case n.Note != "":
		b.WriteString("  now nothing")
	}
	if n.Note != "" {
		fmt.Fprintf(b, " (%s)", n.Note)
	}
	if n.From != "" {
		fmt.Fprintf(b, "  from %s%s", n.From, after(" to ", n.To))
	}
	b.WriteString(by(n.Events, n.Decided))
	if n.Until != "" && n.Until != "never" {
		fmt.Fprintf(b, "  until %s", n.Until)
	}
	b.WriteByte('\n')
	for _, p := range n.Parts {
		p.write(b, strings.Repeat(" ", len(margin)+2))
	}
}

// onOneLine is a text that a customer sent, as a terminal may have it.
func onOneLine(text string) string {
	if strings.ContainsFunc(text, unicode.IsControl) {
		return strconv.Quote(text)
	}
	return text
}

func tick(is *bool) string {
	switch {
	case is == nil:
		return "•"
	case *is:
		return "✓"
	}
	return "✗"
}

// by names events, the latest of so many.
func by(ids []string, all int) string {
	switch {
	case len(ids) == 0:
		return ""
	case len(ids) < all:
		return fmt.Sprintf("  by %d events, at last %s", all, strings.Join(ids, " "))
	}
	return "  by " + strings.Join(ids, " ")
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}

func changes(until string) string {
	if until == "never" {
		return "only an event can change that"
	}
	return "changes at " + until + " if no event comes"
}

// after is a text behind others, nothing if it is empty.
func after(words, text string) string {
	if text == "" {
		return ""
	}
	return words + text
}
