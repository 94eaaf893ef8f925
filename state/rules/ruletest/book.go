package ruletest

import (
	"fmt"

	"pgregory.net/rapid"

	"github.com/touchfold/touchfold/state/rules"
)

// Options narrow what books are made of.
type Options struct {
	Leaves  []string // kinds of leaf, see Leaves; nil: all
	Numbers []string // figures that are numbers; none: no leaf of features
}

// Leaves are the kinds of leaf that books are made of.
var Leaves = []string{"event", "absence", "trait", "sequence", "date", "item", "cadence", "catalogue", "segment",
	"bucket", "feature", "if"}

// Book draws a rulebook of up to four segments, of which later ones may name earlier ones, and up to three triggers.
func Book(t *rapid.T, o Options) *rules.Book {
	if o.Leaves == nil {
		o.Leaves = Leaves
	}
	d := &drawer{options: o, book: &rules.Book{}}
	for i := range rapid.IntRange(1, 4).Draw(t, "segments") {
		s := rules.Segment{About: rules.About{ID: fmt.Sprintf("s%d", i)}, When: d.condition(t, 2)}
		d.book.Segments = append(d.book.Segments, s)
	}
	for i := range rapid.IntRange(0, 3).Draw(t, "triggers") {
		d.book.Triggers = append(d.book.Triggers, d.trigger(t, fmt.Sprintf("t%d", i)))
	}
	return d.book
}

type drawer struct {
	options Options
	book    *rules.Book // as far as it is drawn
}

func (d *drawer) trigger(t *rapid.T, id string) rules.Trigger {
	r := rules.Trigger{About: rules.About{ID: id}, On: d.happening(t)}
	if rapid.Bool().Draw(t, "when") {
		r.When = d.condition(t, 1)
	}
	if chance(t, 3, "cooldown") {
		r.Cooldown = duration(t)
	}
	if chance(t, 4, "settle") {
		r.Settle = duration(t)
	}
	return r
}

// happening draws what a trigger waits for.
func (d *drawer) happening(t *rapid.T) rules.Condition {
	kinds := []string{"becomes", "entered", "left"}
	for _, k := range d.options.Leaves {
		switch k {
		case "event", "absence", "sequence", "date", "item", "cadence", "catalogue":
			kinds = append(kinds, k)
		}
	}
	switch kind := pick(t, "on", kinds...); kind {
	case "becomes":
		return &rules.Becomes{Of: d.condition(t, 2)}
	case "entered":
		return &rules.Entered{Segment: pick(t, "segment", d.book.Segments...).ID}
	case "left":
		return &rules.Left{Segment: pick(t, "segment", d.book.Segments...).ID}
	case "event":
		if rapid.Bool().Draw(t, "each") {
			return &rules.Event{Match: match(t)}
		}
		return event(t)
	default:
		return d.leaf(t, kind)
	}
}

func (d *drawer) condition(t *rapid.T, depth int) rules.Condition {
	if depth > 0 {
		switch rapid.IntRange(0, 6).Draw(t, "shape") {
		case 4:
			return &rules.All{Of: d.conditions(t, depth-1)}
		case 5:
			return &rules.Any{Of: d.conditions(t, depth-1)}
		case 6:
			return &rules.Not{Of: d.condition(t, depth-1)}
		}
	}
	var kinds []string
	for _, k := range d.options.Leaves {
		switch {
		case k == "segment" && len(d.book.Segments) == 0:
		case (k == "feature" || k == "if") && len(d.options.Numbers) == 0:
		default:
			kinds = append(kinds, k)
		}
	}
	if len(kinds) == 0 {
		kinds = []string{"event"}
	}
	return d.leaf(t, pick(t, "leaf", kinds...))
}

func (d *drawer) conditions(t *rapid.T, depth int) []rules.Condition {
	one := rapid.Custom(func(t *rapid.T) rules.Condition { return d.condition(t, depth) })
	return rapid.SliceOfN(one, 1, 3).Draw(t, "of")
}

func (d *drawer) leaf(t *rapid.T, kind string) rules.Condition {
	switch kind {
	case "event":
		return event(t)
	case "absence":
		return absence(t)
	case "sequence":
		return sequence(t)
	case "trait":
		return drawTrait(t)
	case "date":
		return date(t)
	case "item":
		return item(t)
	case "cadence":
		return &rules.Cadence{By: pick(t, "by", "customer", "category", "product"), Of: match(t),
			Tolerance: pick[rules.Number](t, "tolerance", 1e6, 1.5e6, 2.25e6), Least: rapid.IntRange(1, 3).Draw(t, "least")}
	case "catalogue":
		return drawCatalogue(t)
	case "segment":
		s := &rules.InSegment{ID: pick(t, "segment", d.book.Segments...).ID}
		if rapid.Bool().Draw(t, "in for") {
			s.InFor = duration(t)
		}
		return s
	case "bucket":
		return &rules.Bucket{Salt: pick(t, "salt", "a", "b", "c"),
			Percent: pick[rules.Number](t, "percent", 50e6, 12.5e6, 0, 100e6)}
	case "feature":
		return &rules.Feature{Name: pick(t, "figure", d.options.Numbers...), Window: figureWindow(t),
			Compare: numbers(t, 0, 1, 2, 100, 30)}
	case "if":
		return &rules.If{Text: pick(t, "figure", d.options.Numbers...) +
			pick(t, "if", ` > 1.0`, ` <= 2.0 && traits.city == "London"`)}
	}
	panic("ruletest: there is no leaf " + kind)
}
