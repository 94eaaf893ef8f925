package rulefile

import (
	"slices"
	"strings"

	"github.com/touchfold/touchfold/state/rules"
)

// matchKeys are what selects events; key is that of the names.
func matchKeys[T any](of func(*T) *rules.Match) []slot[T] {
	where := cel()
	return []slot[T]{
		required("event", names(), func(t *T) *[]string { return &of(t).Names },
			"The name of an event, or a list of names; \"*\" is every event."),
		{
			key: "where", schema: where.schema,
			doc: "A predicate in CEL that the event must fulfil, such as event.value > 100.0.",
			put: func(r *reader, n *node, t *T) {
				if p, ok := where.read(r, n); ok {
					of(t).Where, of(t).WhereAt = p.text, p.from
				}
			},
			get: func(t *T) *node { return written(of(t).Where) },
		},
	}
}

func matchTable() mapping[rules.Match] {
	return mapping[rules.Match]{
		name: "match", doc: "Selects events: by name, and by a predicate on each.",
		at:     func(m *rules.Match) *rules.Place { return &m.At },
		fields: matchKeys(func(m *rules.Match) *rules.Match { return m }),
	}
}

func match() kind[rules.Match] {
	m := matchTable()
	return m.kind()
}

// aggregates are what events are compared by; the last three may be texts.
var aggregates = []string{rules.Count, rules.Sum, rules.Avg, rules.Min, rules.Max, rules.Distinct,
	rules.First, rules.Last, rules.MostFrequent}

// eventLeaf compares an aggregate over events; its keys stand beside `event`.
func eventLeaf() leaf {
	type T = rules.Event
	m := mapping[T]{
		name: "event",
		doc: "Compares an aggregate over the matching events of a window with a value; the event alone: there is one. " +
			"As a happening without op: each match.",
		fields: matchKeys(func(e *T) *rules.Match { return &e.Match }),
		at:     func(e *T) *rules.Place { return &e.Match.At },
	}
	for _, name := range aggregates {
		m.fields = append(m.fields, aggregate(name))
	}
	m.fields = append(m.fields, comparing(false, func(e *T) *rules.Compare { return &e.Compare })...)
	m.fields = append(m.fields, optional("window", window(), func(e *T) *rules.Window { return &e.Window },
		"Which events count: rolling 168h, calendar 7d (today and the 6 days before) or lifetime, which it is if left out."),
		optional("ago", past(), func(e *T) *rules.Duration { return &e.Ago },
			"How long before today a calendar window ends, such as 1y: the same date a year ago. Now, if left out."))
	known := m.keys()
	m.check = func(r *reader, n *node, e *T) {
		checkEvent(r, n, e, known)
		checkAgo(r, n, e)
	}
	object := m.object()
	needs := schema{"ago": schema{
		"properties": schema{"window": schema{"pattern": "^calendar "}}, "required": []any{"window"},
	}, "value": schema{"required": []any{"op"}}}
	for i, name := range aggregates {
		needs[name] = schema{"required": []any{"op"}}
		if i < 6 { // a number
			needs[name] = schema{"required": []any{"op"}, "properties": schema{"value": schema{"type": "number"}}}
		}
	}
	object["dependentSchemas"] = needs
	return leaf{
		key: "event", doc: m.doc, use: everywhere, flat: true, keys: known, schema: object,
		read: func(r *reader, n *node) rules.Condition {
			e, _ := m.read(r, n)
			return &e
		},
		write: func(c rules.Condition) *node {
			if e, ok := c.(*T); ok {
				return m.write(*e)
			}
			return nil
		},
	}
}

// aggregate is the key of one aggregate: count: true, or another with its field.
func aggregate(name string) slot[rules.Event] {
	doc := map[string]string{
		rules.Count:        "true: how many matches there are.",
		rules.Sum:          "The sum of this field.",
		rules.Avg:          "The average of this field.",
		rules.Min:          "The least of this field.",
		rules.Max:          "The greatest of this field.",
		rules.Distinct:     "How many different values this field has.",
		rules.First:        "This field of the first match.",
		rules.Last:         "This field of the last match.",
		rules.MostFrequent: "The text that this field has most often.",
	}[name]
	path := fieldOf()
	f := slot[rules.Event]{
		key: name, doc: doc, schema: path.schema,
		put: func(r *reader, n *node, e *rules.Event) {
			if to, ok := path.read(r, n); ok {
				e.Aggregate, e.Field = name, to
			}
		},
		get: func(e *rules.Event) *node {
			if e.Aggregate != name {
				return nil
			}
			return written(e.Field)
		},
	}
	if name != rules.Count {
		return f
	}
	f.schema = schema{"const": true}
	f.put = func(r *reader, n *node, e *rules.Event) {
		if !n.isBool() || n.text[0]|0x20 != 't' {
			r.fault(n.at, "wants true, not %s; to count the values of a field write distinct: FIELD", n.describe())
			return
		}
		e.Aggregate = name
	}
	f.get = func(e *rules.Event) *node {
		if e.Aggregate != name {
			return nil
		}
		return bare("true")
	}
	return f
}

func checkEvent(r *reader, n *node, e *rules.Event, known []string) {
	e.Compare.At = n.at
	var used []entry
	for _, other := range n.entries {
		if slices.Contains(aggregates, other.key) && n.get(other.key) == other.value {
			used = append(used, other)
		}
	}
	op, value := n.get("op"), n.get("value")
	misspelt := slices.ContainsFunc(n.entries, func(e entry) bool { return !slices.Contains(known, e.key) })
	switch {
	case len(used) > 1:
		r.fault(used[1].at, "%s stands beside %s; an event is compared by one of them", used[1].key, used[0].key)
	case len(used) == 1 && op == nil:
		r.fault(used[0].at, "%s: op is missing: how is it compared?", used[0].key)
	case misspelt: // perhaps just that is what is missing
	case len(used) == 0 && (op != nil || value != nil):
		others := strings.Join(aggregates[1:], ", ")
		r.fault(n.at, "what is compared is missing; write count: true, or one of %s with its field", others)
	case op == nil && value != nil:
		r.fault(value.at, "value: op is missing: how is it compared?")
	}
	numeric := e.Aggregate
	if slices.Contains(aggregates[6:], numeric) { // first, last and most_frequent may be a text
		numeric = ""
	}
	r.fits(n, e.Compare, numeric)
}

// checkAgo notes an ago without a window of days.
func checkAgo(r *reader, n *node, e *rules.Event) {
	window, ago := n.get("window"), n.get("ago")
	switch {
	case ago == nil || e.Window.Kind == "calendar":
	case window == nil:
		r.fault(ago.at, "ago: says how long before today a window ends, and there is none; add for example window: calendar 30d")
	case e.Window.Kind == "rolling" || window.text == "lifetime":
		r.fault(window.at, "window: with ago it is one of whole days; write for example calendar 30d, or take ago out")
	}
}

func absenceTable() mapping[rules.Absence] {
	type T = rules.Absence
	correlate := correlated(func(a *T) *string { return &a.Correlate })
	m := mapping[T]{
		doc: "Something did not happen for so long: since the last time, or after something else.",
		at:  func(a *T) *rules.Place { return &a.At },
		fields: []slot[T]{
			required("of", match(), func(a *T) *rules.Match { return &a.Of }, "What did not happen."),
			required("for", duration(false), func(a *T) *rules.Duration { return &a.For }, "For how long."),
			optional("after", maybe(match()), func(a *T) **rules.Match { return &a.After },
				"After what; if left out, after the last one."),
			correlate,
			among(),
		},
	}
	m.check = func(r *reader, n *node, a *T) {
		if n.get("after") != nil && n.get("among") != nil {
			r.fault(n.place("among"), "among: has no meaning beside after, which says from when on; take one of them out")
		}
		if n.get("after") == nil && n.get("correlate") != nil {
			r.fault(n.place("correlate"), "correlate: wants after beside it: it is the field that both have in common")
		}
	}
	return m
}

// among is of whom an absence is.
func among() slot[rules.Absence] {
	const buyers, everyone = "buyers", "everyone seen"
	words := oneOf("", everyone, buyers)
	return slot[rules.Absence]{
		key: "among", schema: words.schema,
		doc: "Of whom, without after: buyers (who have an order) or everyone seen (who has an event; if left out).",
		put: func(r *reader, n *node, a *rules.Absence) {
			if word, ok := words.read(r, n); ok {
				a.Buyers, a.Everyone = word == buyers, word == everyone
			}
		},
		get: func(a *rules.Absence) *node {
			switch {
			case a.Buyers:
				return words.write(buyers)
			case a.Everyone:
				return words.write(everyone)
			}
			return nil
		},
	}
}

func correlated[T any](of func(*T) *string) slot[T] {
	return optional("correlate", fieldOf(), of,
		"A field that must have the same value in all of these events, such as properties.cart_id.")
}

func sequenceTable() mapping[rules.Sequence] {
	type T = rules.Sequence
	return mapping[T]{
		doc: "Steps one after the other, all of them within some time.",
		at:  func(s *T) *rules.Place { return &s.At },
		fields: []slot[T]{
			required("steps", listOf(match(), 2, 8, "steps"), func(s *T) *[]rules.Match { return &s.Steps },
				"The steps in order, 2 to 8."),
			required("within", duration(false), func(s *T) *rules.Duration { return &s.Within },
				"From the first step to the last at most this long."),
			optional("strict", truth(), func(s *T) *bool { return &s.Strict },
				"No other event named in any step lies between."),
			correlated(func(s *T) *string { return &s.Correlate }),
		},
	}
}

func traitTable() mapping[rules.Trait] {
	type T = rules.Trait
	return mapping[T]{
		doc: "Compares what was last said of the customer.",
		at:  func(t *T) *rules.Place { return &t.At },
		fields: append([]slot[T]{
			required("name", word(lineForm, "the name of a trait, such as city"), func(t *T) *string { return &t.Name },
				"The trait's name."),
		}, comparing(true, func(t *T) *rules.Compare { return &t.Compare })...),
		check: func(r *reader, n *node, t *T) { r.fits(n, t.Compare, "") },
	}
}

func featureTable() mapping[rules.Feature] {
	type T = rules.Feature
	return mapping[T]{
		doc: "Compares a figure of another feature; `touchfold rules features` lists them.",
		at:  func(f *T) *rules.Place { return &f.At },
		fields: append([]slot[T]{
			required("name", word(figureForm, "the name of a figure, such as purchases.net"),
				func(f *T) *string { return &f.Name }, "The figure's name, such as purchases.net."),
			optional("window", window(), func(f *T) *rules.Window { return &f.Window },
				"Over which time: rolling 168h, calendar 7d or lifetime."),
		}, comparing(true, func(f *T) *rules.Compare { return &f.Compare })...),
		check: func(r *reader, n *node, f *T) { r.fits(n, f.Compare, "") },
	}
}

func inSegmentTable() mapping[rules.InSegment] {
	type T = rules.InSegment
	return mapping[T]{
		doc: "The customer is in another segment of this book.",
		at:  func(s *T) *rules.Place { return &s.At },
		fields: []slot[T]{
			required("id", segmentName(true), func(s *T) *string { return &s.ID }, "Which segment."),
			optional("in_for", duration(false), func(s *T) *rules.Duration { return &s.InFor },
				"Without a break since at least so long."),
		},
	}
}

func bucketTable() mapping[rules.Bucket] {
	type T = rules.Bucket
	return mapping[T]{
		doc: "A stable random part of the customers.",
		at:  func(b *T) *rules.Place { return &b.At },
		fields: []slot[T]{
			required("salt", word(lineForm, "a text that tells this part from others, such as spring_2027"),
				func(b *T) *string { return &b.Salt }, "A text of your own: another salt is another part."),
			required("percent", decimal(0, 100, false), func(b *T) *rules.Number { return &b.Percent },
				"How many of a hundred."),
		},
	}
}
