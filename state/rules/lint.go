package rules

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state"
	"github.com/touchfold/touchfold/state/rules/field"
)

// Lint says what of a book is allowed, but probably not meant, in the order of the text. The book must be without faults.
func Lint(c Config) []Fault {
	p, faults := compile(c)
	if len(faults) > 0 {
		return faults
	}
	l := &linter{program: p, meanings: map[string]string{}}
	for i := range c.Book.Segments {
		s := &c.Book.Segments[i]
		l.about(&s.About)
		when := p.segmentOf(s.ID).when
		l.condition(s.When, when)
		l.same("segment", s.ID, s.At, when.canonical())
	}
	for i := range c.Book.Triggers {
		l.trigger(&c.Book.Triggers[i], p.triggers[i])
	}
	slices.SortStableFunc(l.warnings, func(a, b Fault) int {
		return cmp.Or(cmp.Compare(a.At.Line, b.At.Line), cmp.Compare(a.At.Column, b.At.Column))
	})
	return l.warnings
}

type linter struct {
	program  *program
	rule     string
	warnings []Fault
	meanings map[string]string // of rules: the first that has each
}

func (l *linter) warn(at Place, format string, args ...any) {
	l.warnings = append(l.warnings, Fault{At: at, Rule: l.rule, Text: l.rule + ": " + fmt.Sprintf(format, args...)})
}

func (l *linter) about(a *About) {
	l.rule = a.ID
	switch {
	case a.Owner == "" && a.Description == "":
		l.warn(a.At, "has neither owner nor description: who answers for it, and what is it for?")
	case a.Owner == "":
		l.warn(a.At, "has no owner: who answers for it?")
	case a.Description == "":
		l.warn(a.At, "has no description: what is it for?")
	}
}

// same notes a rule that means what one before it means.
func (l *linter) same(kind, id string, at Place, meaning string) {
	key := canonical(kind, meaning)
	if first, twice := l.meanings[key]; twice {
		l.warn(at, "means the same as %s; take one of them out", first)
		return
	}
	l.meanings[key] = id
}

func (l *linter) trigger(t *Trigger, x *trigger) {
	l.about(&t.About)
	on := x.on.canonical()
	if e, ok := x.on.(*edge); ok {
		l.condition(t.On, e.of)
	} else {
		l.condition(t.On, x.on)
	}
	when := ""
	if t.When != nil {
		l.condition(t.When, x.when)
		when = x.when.canonical()
	}
	l.same("trigger", t.ID, t.At, canonical(on, when))
	if e, ok := t.On.(*Event); ok && e.Op == "" && e.Window.Kind != "" {
		l.warn(e.Match.At, "each match happens at its own time, whatever the window; "+
			"compare it, as in count: true, op: \">=\", value: 1")
	}
	if reminds(t.On) && x.expires.N == 0 {
		l.warn(t.At, "has no expires: it comes because time passed, and is said however late; add for example expires: 12h")
	}
	if longer(l.program.Calendar, x.settle, x.expires) && x.expires.N > 0 {
		l.warn(t.At, "settle is longer than expires: it has always expired before it may be said")
	}
}

// reminds tells of a happening that comes because time passed.
func reminds(on Condition) bool {
	switch x := on.(type) {
	case *Absence, *Date, *Item, *Cadence:
		return true
	case *Event:
		return x.Op != "" && x.Ago.N > 0
	}
	return false
}

// longer compares durations as of 1 January 2024.
func longer(c *state.Calendar, a, b state.Duration) bool {
	const from = events.Instant(1_704_067_200_000)
	length := func(d state.Duration) events.Instant {
		if d.N == 0 {
			return from
		}
		return c.Add(from, d)
	}
	return length(a) > length(b)
}

// condition looks at a condition, and at what it was compiled to.
func (l *linter) condition(of Condition, compiled any) {
	switch x := of.(type) {
	case *All:
		l.parts(x.Of, compiled.(allOf), true)
	case *Any:
		l.parts(x.Of, compiled.(anyOf), false)
	case *Not:
		l.condition(x.Of, compiled.(notOf).of)
	case *Becomes:
		l.condition(x.Of, compiled)
	case *Event:
		l.names(&x.Match)
		if is, always := x.constant(); always {
			l.warn(x.Match.At, "is always %t: %s cannot be otherwise", is, x.Aggregate)
		}
		if e, ok := compiled.(*eventLeaf); ok && e.window.misses() {
			l.warn(x.Match.At, "never counts what was on some days at the end of a month, for the date moves past them %s ago; "+
				"make the window longer", e.window.ago)
		}
		l.truth(&x.Compare, x.Match.At)
	case *Trait:
		l.truth(&x.Compare, x.At)
	case *Feature:
		l.known(x)
	case *Absence:
		l.absence(x)
	case *Sequence:
		for i := range x.Steps {
			l.names(&x.Steps[i])
		}
	case *Date:
		if x.Of != nil {
			l.names(x.Of)
		}
	case *Item:
		l.names(&x.Of)
	case *Cadence:
		l.names(&x.Of)
	case *Catalogue:
		l.names(&x.Interest)
		if x.Until != nil {
			l.names(x.Until)
		}
	case *Bucket:
		if x.Percent == 0 || x.Percent == 100*million {
			l.warn(x.At, "is always %t: of percent 0 nobody is, of 100 everybody", x.Percent != 0)
		}
	}
}

// misses reports whether there are days, of four years, that are in none of a window's places.
func (w span) misses() bool {
	const from, years = state.Day(20_000), 1461
	for d := from; w.ago.N > 0 && d < from+years; d++ {
		if (d+1).Back(w.ago)-d.Back(w.ago) > w.calendar {
			return true
		}
	}
	return false
}

// truth notes a text that other readers of YAML take for true or false.
func (l *linter) truth(k *Compare, at Place) {
	for _, v := range k.Values {
		switch strings.ToLower(v.Text) {
		case "yes", "on", "y":
			l.warn(at, "compares with the text %q; what was sent as true is the text true", v.Text)
		case "no", "off", "n":
			l.warn(at, "compares with the text %q; what was sent as false is the text false", v.Text)
		}
	}
}

// known notes a text that a figure never is.
func (l *linter) known(x *Feature) {
	i := slices.IndexFunc(l.program.Figures, func(f state.Figure) bool { return f.Name == x.Name })
	texts := l.program.Figures[i].Texts
	if texts == nil || x.Op != "==" && x.Op != "!=" && x.Op != "in" {
		return
	}
	for _, v := range x.Values {
		if !slices.Contains(texts, v.Text) {
			l.warn(x.At, "%s is never %q%s; it is one of %s", x.Name, v.Text, field.Meant(v.Text, texts), strings.Join(texts, ", "))
		}
	}
}

func (l *linter) absence(x *Absence) {
	l.names(&x.Of)
	if x.After != nil {
		l.names(x.After)
	} else if !x.Buyers && !x.Everyone {
		l.warn(x.At, "an absence that does not say of whom is of everyone seen; write among: buyers, or among: everyone seen")
	}
}

func (l *linter) names(m *Match) {
	for _, name := range m.Names {
		if name != "*" && events.TypeOf(name) == events.Unknown {
			l.warn(m.At, "%q is no event of the vocabulary: is it sent, and spelled so?", name)
		}
	}
}

// parts looks at what all or any combines: what stands twice, and what excludes each other.
func (l *linter) parts(of []Condition, compiled []condition, all bool) {
	word := map[bool]string{true: "all", false: "any"}[all]
	seen := map[string]bool{}
	for i, x := range of {
		l.condition(x, compiled[i])
		text := compiled[i].canonical()
		if seen[text] {
			l.warn(x.Where(), "stands twice below %s", word)
		}
		seen[text] = true
	}
	for i, x := range of {
		if not, ok := compiled[i].(notOf); ok && seen[not.of.canonical()] {
			l.warn(x.Where(), "is always %t: below %s also stands what it denies", !all, word)
		}
	}
	ranges := map[string]*left{}
	for _, x := range of {
		subject, k := compared(x)
		if !all || k == nil {
			continue
		}
		r := ranges[subject]
		if r == nil {
			r = &left{low: -1 << 63, high: 1<<63 - 1}
			ranges[subject] = r
		}
		if was := r.possible(); !r.narrow(k) && was {
			l.warn(x.Where(), "is always false below all: what stands before it compares the same, and excludes this")
		}
	}
}

// compared is what a leaf compares, apart from with what; nil if it does not.
func compared(c Condition) (subject string, k *Compare) {
	switch x := c.(type) {
	case *Event:
		if x.Op != "" {
			names := slices.Sorted(slices.Values(x.Names))
			return canonical("event", strings.Join(names, "\n"), x.Where, cmp.Or(x.Aggregate, Count), x.Field, x.Window.Kind,
				x.Window.N, x.Window.Unit, x.Ago.N, x.Ago.Unit), &x.Compare
		}
	case *Trait:
		return canonical("trait", x.Name), &x.Compare
	case *Feature:
		return canonical("feature", x.Name, x.Window.Kind, x.Window.N, x.Window.Unit), &x.Compare
	}
	return "", nil
}

// left is the numbers, and the one text, that comparisons leave over.
type left struct {
	low, high int64 // millionths, both possible
	text      *string
	none      bool
}

func (r *left) possible() bool { return !r.none && r.low <= r.high }

// narrow takes away what a comparison excludes, and reports whether anything is left.
func (r *left) narrow(k *Compare) bool {
	if len(k.Values) != 1 {
		return r.possible()
	}
	v := &k.Values[0]
	n := int64(v.Number)
	switch {
	case !v.IsNumber && k.Op == "==":
		r.none = r.none || r.text != nil && *r.text != v.Text
		r.text = &v.Text
	case !v.IsNumber:
	case k.Op == "==":
		r.low, r.high = max(r.low, n), min(r.high, n)
	case k.Op == ">=":
		r.low = max(r.low, n)
	case k.Op == ">":
		r.low = max(r.low, n+1)
	case k.Op == "<=":
		r.high = min(r.high, n)
	case k.Op == "<":
		r.high = min(r.high, n-1)
	}
	return r.possible()
}

// constant reports whether a comparison of a number of events, or of values, is so or not whatever that number is.
func (x *Event) constant() (is, always bool) {
	if x.Aggregate != Count && x.Aggregate != Distinct || len(x.Values) != 1 || !x.Values[0].IsNumber {
		return false, false
	}
	n := x.Values[0].Number
	whole := n >= 0 && n%million == 0
	switch x.Op {
	case "<":
		return false, n <= 0
	case "<=":
		return false, n < 0
	case ">":
		return true, n < 0
	case ">=":
		return true, n <= 0
	case "==":
		return false, !whole
	}
	return true, x.Op == "!=" && !whole
}
