package rulefile

import (
	"strings"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state/rules"
)

func dateTable() mapping[rules.Date] {
	type T = rules.Date
	return mapping[T]{
		doc: "A date has come, and lies not longer back than for.",
		at:  func(d *T) *rules.Place { return &d.At },
		fields: []slot[T]{
			required("field", fieldOf(), func(d *T) *string { return &d.Field },
				"Where the date stands: traits.NAME, or with of a field of the last such event."),
			optional("of", maybe(match()), func(d *T) **rules.Match { return &d.Of },
				"Of which event the field is; if left out it is a trait."),
			offsetField(func(d *T) *rules.Offset { return &d.Offset }),
			optional("recur", oneOf("", "yearly", "monthly"), func(d *T) *string { return &d.Recur },
				"Every year or every month; once if left out."),
			clockField(func(d *T) *events.Instant { return &d.Clock }),
			optional("zone", oneOf("business", "business", "customer", "UTC"), func(d *T) *string { return &d.Zone },
				"Whose days and hours: business, which it is if left out, customer (by the trait timezone) or UTC."),
			forField(func(d *T) *rules.Duration { return &d.For }),
		},
		check: func(r *reader, n *node, d *T) {
			if d.Zone == "" {
				d.Zone = "business"
			}
			if d.Of == nil && n.get("of") == nil && d.Field != "" && !strings.HasPrefix(d.Field, "traits.") {
				r.fault(n.place("field"),
					"field: %s is of an event; name the event in of, or write traits.NAME", brief(d.Field))
			}
		},
	}
}

func offsetField[T any](of func(*T) *rules.Offset) slot[T] {
	return optional("offset", offset(), of, "So long before (-30d) or after (+2y) the date.")
}

func clockField[T any](of func(*T) *events.Instant) slot[T] {
	return optional("at", clock(), of, "The time of day, such as \"09:00\"; midnight if left out.")
}

func forField[T any](of func(*T) *rules.Duration) slot[T] {
	return optional("for", duration(false), of, "How long it stays true. 1d if left out.")
}

func itemTable() mapping[rules.Item] {
	type T = rules.Item
	return mapping[T]{
		doc: "A date of something owned has come: for each product line that was bought and not taken back.",
		at:  func(i *T) *rules.Place { return &i.At },
		fields: []slot[T]{
			required("of", match(), func(i *T) *rules.Match { return &i.Of }, "What was bought."),
			optional("field", fieldOf(), func(i *T) *string { return &i.Field },
				"item.warranty_months: so long after the purchase; or a date; if left out the day of purchase."),
			offsetField(func(i *T) *rules.Offset { return &i.Offset }),
			clockField(func(i *T) *events.Instant { return &i.Clock }),
			forField(func(i *T) *rules.Duration { return &i.For }),
		},
	}
}

func cadenceTable() mapping[rules.Cadence] {
	type T = rules.Cadence
	usual := rules.Number(1_500_000)
	return mapping[T]{
		doc: "The customer's own usual interval is exceeded.",
		at:  func(c *T) *rules.Place { return &c.At },
		fields: []slot[T]{
			required("by", oneOf("", "customer", "category", "product"), func(c *T) *string { return &c.By },
				"Over all, or of each category or product by itself."),
			required("of", match(), func(c *T) *rules.Match { return &c.Of }, "Between which events."),
			optional("tolerance", decimal(0, 1000, true), func(c *T) *rules.Number { return &c.Tolerance },
				"How many times the median interval has passed. 1.5 if left out."),
			optional("least", whole(1, 1000, 0), func(c *T) *int { return &c.Least },
				"Of at least so many intervals. 3 if left out."),
		},
		check: func(r *reader, n *node, c *T) {
			if n.get("tolerance") == nil {
				c.Tolerance = usual
			}
			if n.get("least") == nil {
				c.Least = 3
			}
		},
	}
}

func catalogueTable() mapping[rules.Catalogue] {
	type T = rules.Catalogue
	m := mapping[T]{
		doc: "An event of the catalogue or of the world meets an interest of this customer.",
		at:  func(c *T) *rules.Place { return &c.At },
		fields: append(matchKeys(func(c *T) *rules.Match { return &c.Event }),
			required("match", fieldOf(), func(c *T) *string { return &c.Field },
				"The field of that event whose value the interest must have."),
			required("interest", match(), func(c *T) *rules.Match { return &c.Interest }, "What shows an interest."),
			optional("same", fieldOf(), func(c *T) *string { return &c.Same },
				"The field of the interest's event that must have that value; if left out, the one of match. Of traits.NAME what "+
					"was last said counts."),
			required("within", duration(false), func(c *T) *rules.Duration { return &c.Within },
				"How long before the interest may have been shown."),
			optional("least", whole(1, 100, 1), func(c *T) *int { return &c.Least },
				"How often the interest must have been shown within that time. Once if left out."),
			optional("until", maybe(match()), func(c *T) **rules.Match { return &c.Until },
				"What ends the interest in that value, such as that it was bought."),
			forField(func(c *T) *rules.Duration { return &c.For }),
		),
		check: func(r *reader, n *node, c *T) {
			c.Event.At = n.at
			if n.get("least") == nil {
				c.Least = 1
			}
			for _, name := range c.Event.Names {
				if !events.TypeOf(name).OfWorld() {
					r.fault(n.place("event"), "event: %q is of a customer; of the catalogue or of the world are %s", brief(name),
						strings.Join(rules.Worldly(), ", "))
				}
			}
			if n.get("same") == nil {
				c.Same = c.Field
			}
		},
	}
	one := schema{"enum": anySlice(rules.Worldly())}
	m.fields[0].schema = schema{"anyOf": []any{one, schema{"type": "array", "items": one, "minItems": 1, "maxItems": maxNames}}}
	return m
}
