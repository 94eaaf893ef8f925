package rulefile

import "github.com/touchfold/touchfold/state/rules"

// A language is all that a rulebook may say: what is read and written, and what the schema tells. docs/rulebook.md
// says what it means. Who adds a leaf adds its table and a line here.
type language struct {
	book    mapping[file]
	segment mapping[rules.Segment]
	trigger mapping[rules.Trigger]
	match   mapping[rules.Match]
	leaves  []leaf
}

func newLanguage() *language {
	l := &language{match: matchTable()}
	l.segment, l.trigger = segmentTable(l), triggerTable(l)
	l.book = fileTable(l)
	l.leaves = []leaf{
		eventLeaf(),
		table("absence", everywhere, absenceTable()),
		table("sequence", everywhere, sequenceTable()),
		table("trait", holds, traitTable()),
		table("feature", holds, featureTable()),
		nested("if", holds, as(cel(), func(p predicate) rules.If { return rules.If{Text: p.text, At: p.at, TextAt: p.from} },
			func(c rules.If) predicate { return predicate{text: c.Text} }), nil,
			"A predicate in CEL on figures and traits: purchases.orders > 3 && traits.city == \"Hong Kong\"."),
		table("segment", holds, inSegmentTable()),
		table("date", everywhere, dateTable()),
		table("item", everywhere, itemTable()),
		table("cadence", everywhere, cadenceTable()),
		table("catalogue", everywhere, catalogueTable()),
		table("bucket", holds, bucketTable()),
		nested("all", holds|bundles, as(conditions(l), func(of []rules.Condition) rules.All { return rules.All{Of: of} },
			func(c rules.All) []rules.Condition { return c.Of }), func(c *rules.All) *rules.Place { return &c.At },
			"True if all of these are."),
		nested("any", holds|bundles, as(conditions(l), func(of []rules.Condition) rules.Any { return rules.Any{Of: of} },
			func(c rules.Any) []rules.Condition { return c.Of }), func(c *rules.Any) *rules.Place { return &c.At },
			"True if at least one of these is."),
		nested("not", holds|bundles, as(l.condition(), func(of rules.Condition) rules.Not { return rules.Not{Of: of} },
			func(c rules.Not) rules.Condition { return c.Of }), func(c *rules.Not) *rules.Place { return &c.At },
			"True if this is not."),
		nested("entered", happens, as(segmentName(false),
			func(id string) rules.Entered { return rules.Entered{Segment: id} },
			func(c rules.Entered) string { return c.Segment }), func(c *rules.Entered) *rules.Place { return &c.At },
			"Happens when the customer enters this segment."),
		nested("left", happens, as(segmentName(false), func(id string) rules.Left { return rules.Left{Segment: id} },
			func(c rules.Left) string { return c.Segment }), func(c *rules.Left) *rules.Place { return &c.At },
			"Happens when the customer leaves this segment."),
		nested("becomes", happens|bundles, as(l.condition(),
			func(of rules.Condition) rules.Becomes { return rules.Becomes{Of: of} },
			func(c rules.Becomes) rules.Condition { return c.Of }), func(c *rules.Becomes) *rules.Place { return &c.At },
			"Happens each time this condition becomes true."),
	}
	return l
}

// A file is a book and what else stands in its text.
type file struct {
	rules.Book
	version int
}

func fileTable(l *language) mapping[file] {
	return mapping[file]{
		name: "rulebook", doc: "Segments of customers, and triggers: what happens to a customer and is told once.",
		fields: []slot[file]{
			required("version", whole(1, 1, 0), func(f *file) *int { return &f.version }, "The version of the language: 1."),
			optional("segments", ruleList(l.segment, "segments", func(s *rules.Segment) *rules.About { return &s.About }),
				func(f *file) *[]rules.Segment { return &f.Segments }, "Groups of customers."),
			optional("triggers", ruleList(l.trigger, "triggers", func(t *rules.Trigger) *rules.About { return &t.About }),
				func(f *file) *[]rules.Trigger { return &f.Triggers }, "What happens to a customer and is told once."),
		},
	}
}

// ruleList is a list of rules, no two of which have one id.
func ruleList[T any](m mapping[T], what string, of func(*T) *rules.About) kind[[]T] {
	rule, first := m.kind(), map[string]int{}
	rule.read = func(r *reader, n *node) (t T, ok bool) {
		id := n.get("id")
		if id == nil || id.form != text {
			id = &node{at: n.at}
		}
		r.rule = brief(id.text)
		r.within("", func() { t, ok = m.read(r, n) })
		if line, twice := first[id.text]; twice && of(&t).ID != "" {
			r.fault(id.at, "id: %s stands twice, first in line %d; give this one another", id.text, line)
		} else {
			first[id.text] = id.at.Line
		}
		r.rule = ""
		return t, ok
	}
	return listOf(rule, 0, maxRules, what)
}

func conditions(l *language) kind[[]rules.Condition] {
	return listOf(l.condition(), 1, maxLeaves, "conditions")
}

// aboutKeys are what every rule says of itself.
func aboutKeys[T any](of func(*T) *rules.About) []slot[T] {
	return []slot[T]{
		required("id", id(), func(t *T) *string { return &of(t).ID },
			"By what the rule is known: a small letter, then small letters, digits and _, at most 64. Never changed."),
		optional("name", about(), func(t *T) *string { return &of(t).Name }, "What people call it. Without meaning."),
		optional("owner", about(), func(t *T) *string { return &of(t).Owner }, "Who answers for it. Without meaning."),
		optional("description", about(), func(t *T) *string { return &of(t).Description },
			"What it is for. Without meaning."),
	}
}

func segmentTable(l *language) mapping[rules.Segment] {
	return mapping[rules.Segment]{
		name: "segmentRule", doc: "A group of customers: those of whom the condition is true.",
		at: func(s *rules.Segment) *rules.Place { return &s.At },
		fields: append(aboutKeys(func(s *rules.Segment) *rules.About { return &s.About }),
			required("when", l.condition(), func(s *rules.Segment) *rules.Condition { return &s.When }, "Who is in it.")),
	}
}

func triggerTable(l *language) mapping[rules.Trigger] {
	type T = rules.Trigger
	return mapping[T]{
		name: "triggerRule", doc: "Something that happens to a customer at an instant, and is told once.",
		at: func(t *T) *rules.Place { return &t.At },
		fields: append(aboutKeys(func(t *T) *rules.About { return &t.About }),
			required("on", l.happening(), func(t *T) *rules.Condition { return &t.On },
				"What makes it happen: one happening."),
			optional("when", l.condition(), func(t *T) *rules.Condition { return &t.When },
				"What must hold at that instant."),
			optional("payload", payload(), func(t *T) *[]rules.Field { return &t.Payload },
				"What it carries: names, each with a path into the event that made it happen: the match, the last step, the one "+
					"of after, of the item or of the catalogue."),
			optional("priority", whole(-1_000_000, 1_000_000, 0), func(t *T) *int { return &t.Priority },
				"A whole number for whoever sends it: it goes along as data.crm.priority. Changing it walks nobody."),
			optional("max_lateness", duration(false), func(t *T) *rules.Duration { return &t.MaxLateness },
				"How long after its instant and settle a late event can still change it. 24h if left out."),
			optional("expires", duration(false), func(t *T) *rules.Duration { return &t.Expires },
				"How long after its instant a saying is still of use. For ever if left out."),
			optional("settle", duration(true), func(t *T) *rules.Duration { return &t.Settle },
				"How long after its instant it is said: the delay of the slowest channel. 0s if left out."),
			optional("cooldown", duration(true), func(t *T) *rules.Duration { return &t.Cooldown },
				"How long after one occurrence no other stands. 0s if left out.")),
	}
}

// segmentName is a segment of this book; circular: a circle of them is possible.
func segmentName(circular bool) kind[string] {
	k := id()
	read := k.read
	k.read = func(r *reader, n *node) (string, bool) {
		id, ok := read(r, n)
		if ok {
			r.named = append(r.named, mention{r.rule, id, r.key, n.at, circular})
		}
		return id, ok
	}
	return k
}
