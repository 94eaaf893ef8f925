package ruletest

import (
	"pgregory.net/rapid"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state/rules"
)

// wheres are predicates on one event; none half of the time.
var wheres = []string{"", "", "", "", "", `event.value > 100.0`, `event.channel == "web"`, `properties.color == "red"`,
	`item.category == "shoes"`, `item.quantity > 1.0`, `item.brand == "acme"`}

func match(t *rapid.T) rules.Match {
	m := rules.Match{Where: pick(t, "where", wheres...)}
	if chance(t, 8, "every event") {
		m.Names = []string{"*"}
		return m
	}
	m.Names = rapid.SliceOfNDistinct(rapid.SampledFrom(names[:12]), 1, 2, rapid.ID[string]).Draw(t, "names")
	return m
}

// Texts and numbers of fields that events have, some of them only now and then.
var (
	numberFields = []string{"value", "properties.score", "item.price", "item.quantity", "units", "item.warranty_months"}
	textFields   = []string{"properties.color", "item.category", "item.product_id", "channel", "properties.where.shop",
		"item.brand",
		"order_id", "traits.city", "name", "source"}
)

// event draws a comparison of an aggregate.
func event(t *rapid.T) *rules.Event {
	e := &rules.Event{Match: match(t), Window: window(t)}
	if e.Window.Kind == "calendar" && rapid.Bool().Draw(t, "before") {
		e.Ago = pick(t, "ago", dur(1, "y"), dur(1, "mo"), dur(1, "d"), dur(1, "w"), dur(2, "mo"), dur(11, "mo"))
	}
	e.Aggregate = pick(t, "aggregate", "", rules.Count, rules.Count, rules.Sum, rules.Avg, rules.Min, rules.Max, rules.Distinct,
		rules.First, rules.Last, rules.MostFrequent)
	switch e.Aggregate {
	case "":
	case rules.Count:
		e.Compare = numbers(t, 1, 2, 3, 0)
	case rules.Distinct:
		e.Field, e.Compare = pick(t, "field", append(textFields, numberFields...)...), numbers(t, 1, 2, 3, 0)
	case rules.First, rules.Last, rules.MostFrequent:
		if rapid.Bool().Draw(t, "text") {
			e.Field, e.Compare = pick(t, "field", textFields...), texts(t, "red", "shoes", "p1", "web", "acme", "London")
		} else {
			e.Field, e.Compare = pick(t, "field", numberFields...), numbers(t, 2, 1, 100, 200)
		}
	default:
		e.Field, e.Compare = pick(t, "field", numberFields...), numbers(t, 100, 2, 200, 300, 0, 1)
	}
	return e
}

// numbers draws a comparison with one of the numbers, which are whole.
func numbers(t *rapid.T, of ...int) rules.Compare {
	c := rules.Compare{Op: pick(t, "op", ">=", "<", ">", "<=", "==", "!=")}
	c.Values = []rules.Value{{IsNumber: true, Number: rules.Number(pick(t, "number", of...)) * 1e6}}
	return c
}

func texts(t *rapid.T, of ...string) rules.Compare {
	c := rules.Compare{Op: pick(t, "op", "==", "!=", "in", "contains", "starts_with", "exists")}
	text := func() rules.Value {
		s := pick(t, "text", of...)
		if c.Op == "contains" || c.Op == "starts_with" {
			s = s[:len(s)/2+len(s)%2]
		}
		return rules.Value{Text: s}
	}
	switch c.Op {
	case "exists":
	case "in":
		c.Values = []rules.Value{text(), text()}
	default:
		c.Values = []rules.Value{text()}
	}
	return c
}

func drawTrait(t *rapid.T) rules.Condition {
	if rapid.Bool().Draw(t, "text") {
		return &rules.Trait{Name: pick(t, "trait", "city", "timezone", "nickname"),
			Compare: texts(t, "London", "Hong Kong", "Asia/Hong_Kong")}
	}
	return &rules.Trait{Name: "age", Compare: numbers(t, 41, 30, 35)}
}

func absence(t *rapid.T) rules.Condition {
	a := &rules.Absence{Of: match(t), For: duration(t)}
	if rapid.Bool().Draw(t, "after") {
		after := match(t)
		a.After = &after
		a.Correlate = pick(t, "correlate", "", correlates[0], correlates[1])
		return a
	}
	a.Buyers = rapid.Bool().Draw(t, "buyers")
	return a
}

var correlates = []string{"properties.cart_id", "item.product_id"}

func sequence(t *rapid.T) rules.Condition {
	s := &rules.Sequence{Within: duration(t), Strict: chance(t, 3, "strict"),
		Correlate: pick(t, "correlate", "", correlates[0], correlates[1])}
	s.Steps = rapid.SliceOfN(rapid.Custom(match), 2, 4).Draw(t, "steps")
	return s
}

func date(t *rapid.T) rules.Condition {
	d := &rules.Date{
		Field:  "traits.birthday",
		Offset: drawOffset(t),
		Recur:  pick(t, "recur", "", "yearly", "monthly"),
		Clock:  pick[events.Instant](t, "at", 0, 9*hour, 90*minute, 2*hour+30*minute, day-1),
		Zone:   pick(t, "zone", "business", "customer", "UTC"),
	}
	if chance(t, 3, "of an event") {
		m := match(t)
		d.Field, d.Of = "properties.due", &m
	}
	if rapid.Bool().Draw(t, "for") {
		d.For = duration(t)
	}
	return d
}

func item(t *rapid.T) rules.Condition {
	i := &rules.Item{
		Of:     rules.Match{Names: []string{"Order Completed"}, Where: pick(t, "where", "", `item.category == "shoes"`)},
		Field:  pick(t, "field", "item.warranty_months", "properties.due", ""),
		Offset: drawOffset(t),
		Clock:  pick[events.Instant](t, "at", 0, 9*hour, 2*hour+30*minute),
	}
	if rapid.Bool().Draw(t, "for") {
		i.For = duration(t)
	}
	return i
}

// Durations are those that are drawn: minutes to months.
var Durations = []rules.Duration{dur(1, "h"), dur(30, "m"), dur(4, "h"), dur(1, "d"), dur(24, "h"), dur(2, "d"), dur(1, "w"),
	dur(168, "h"), dur(1, "mo"), dur(90, "s"), dur(10, "d"), dur(1, "y")}

func duration(t *rapid.T) rules.Duration { return pick(t, "duration", Durations...) }

func drawOffset(t *rapid.T) rules.Offset {
	return rules.Offset{Before: rapid.Bool().Draw(t, "before"),
		Duration: pick(t, "offset", rules.Duration{}, dur(1, "d"), dur(1, "w"), dur(30, "d"), dur(1, "mo"), dur(1, "y"))}
}

func window(t *rapid.T) rules.Window {
	return pick(t, "window", rules.Window{}, rolling(1, "h"), rolling(168, "h"), rolling(90, "m"), rolling(24*60*60, "s"),
		calendar(1, "d"), calendar(7, "d"), calendar(4, "w"))
}

// figureWindow draws a window that a figure may be asked of.
func figureWindow(t *rapid.T) rules.Window {
	return pick(t, "window", rules.Window{}, calendar(7, "d"))
}
