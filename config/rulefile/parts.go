package rulefile

import (
	"slices"
	"strconv"
	"strings"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/events/spell"
	"github.com/touchfold/touchfold/state/rules"
)

// The bounds of lists.
const (
	maxNames   = 100
	maxValues  = 1000
	maxPayload = 50
)

// names are those of events: one or a list.
func names() kind[[]string] {
	one := schema{"type": "string", "minLength": 1, "maxLength": maxShort}
	return kind[[]string]{
		schema: schema{"anyOf": []any{one, schema{"type": "array", "items": one, "minItems": 1, "maxItems": maxNames}}},
		read:   (*reader).eventNames,
		write: func(names []string) *node {
			if len(names) == 1 {
				return written(names[0])
			}
			n := &node{form: list}
			for _, name := range names {
				n.items = append(n.items, written(name))
			}
			return n
		},
	}
}

func (r *reader) eventNames(n *node) (names []string, ok bool) {
	items := []*node{n}
	if n.form == list {
		items = n.items
	}
	if len(items) == 0 || len(items) > maxNames {
		r.fault(n.at, "has %d names; write 1 to %d", len(items), maxNames)
		return nil, false
	}
	for _, item := range items {
		switch {
		case !r.isText(item, "the name of an event, or a list of names", true), !r.short(item, maxShort), !r.eventName(item):
		case slices.Contains(names, item.text):
			r.fault(item.at, "%q stands twice", brief(item.text))
		case item.text == "*" && len(items) > 1:
			r.fault(item.at, `"*" is every event already; take the others out, or it`)
		default:
			names = append(names, item.text)
		}
	}
	return names, true
}

// eventName notes a name that is nearly one of the vocabulary, or comes by another one.
func (r *reader) eventName(n *node) bool {
	if n.text == "" {
		r.fault(n.at, `is empty; write the name of an event, or "*" for every one`)
		return false
	}
	if known := events.TypeOf(n.text); known != events.Unknown {
		if known.Name() == n.text {
			return true
		}
		r.fault(n.at, "%q comes as %q; write that", n.text, known.Name())
		return false
	}
	for _, known := range events.Types() {
		if near(n.text, known.Name()) {
			r.fault(n.at, "there is no event %q; did you mean %q?", brief(n.text), known.Name())
			return false
		}
	}
	return true
}

// near reports whether one name differs from the other by case, or by one letter or two where it is long enough.
func near(name, known string) bool {
	if strings.EqualFold(name, known) {
		return true
	}
	most := min(2, len(known)/4)
	return max(len(name)-len(known), len(known)-len(name)) <= most && spell.Distance(name, known) <= most
}

// payload is a mapping of names to paths.
func payload() kind[[]rules.Field] {
	name := word(carriedForm, "a name: a letter, then letters, digits and _, at most 64")
	taken := events.FamilyOf("trigger/any").Taken()
	free := schema{"allOf": []any{name.schema, schema{"not": schema{"enum": anySlice(taken)}}}}
	path := word(pathForm, "a path such as properties.cart_id or after.item.product_id")
	return kind[[]rules.Field]{
		schema: schema{
			"type": "object", "propertyNames": free, "additionalProperties": path.schema,
			"minProperties": 1, "maxProperties": maxPayload,
		},
		read: func(r *reader, n *node) (all []rules.Field, ok bool) {
			if n.form != keys || len(n.entries) == 0 || len(n.entries) > maxPayload {
				r.fault(n.at, "wants 1 to %d names with their paths, such as {cart: properties.cart_id}, not %s",
					maxPayload, n.describe())
				return nil, false
			}
			r.unique(n)
			for _, e := range n.entries {
				if slices.Contains(taken, e.key) {
					r.fault(e.at, "%q is said of every trigger already; carry it under another name, such as my_%s", e.key, e.key)
				}
				if _, ok := name.read(r, &node{form: text, at: e.at, text: e.key}); ok && n.get(e.key) == e.value {
					r.within(e.key, func() {
						if to, ok := path.read(r, e.value); ok {
							all = append(all, rules.Field{Name: e.key, Path: to, At: e.at})
						}
					})
				}
			}
			return all, true
		},
		write: func(all []rules.Field) *node {
			if len(all) == 0 {
				return nil
			}
			n := &node{form: keys}
			for _, f := range all {
				n.entries = append(n.entries, entry{key: f.Name, value: written(f.Path)})
			}
			return n
		},
	}
}

// values are what an operator compares with: one text or number, or a list of texts. true and false are their texts.
func values() kind[[]rules.Value] {
	one := schema{"type": []any{"string", "number", "boolean"}}
	return kind[[]rules.Value]{
		schema: schema{"anyOf": []any{one, schema{"type": "array", "items": one, "minItems": 1, "maxItems": maxValues}}},
		read: func(r *reader, n *node) (all []rules.Value, ok bool) {
			items := []*node{n}
			if n.form == list {
				items = n.items
			}
			if len(items) == 0 || len(items) > maxValues {
				r.fault(n.at, "has %d values; write 1 to %d", len(items), maxValues)
				return nil, false
			}
			for _, item := range items {
				v, ok := r.value(item)
				if !ok {
					return nil, false
				}
				all = append(all, v)
			}
			return all, true
		},
		write: func(all []rules.Value) *node {
			n := &node{form: list}
			for _, v := range all {
				item := &node{form: text, text: v.Text}
				if v.IsNumber {
					item = bare(decimalText(v.Number))
				}
				n.items = append(n.items, item)
			}
			if len(all) == 0 {
				return nil
			}
			return n
		},
	}
}

func (r *reader) value(n *node) (v rules.Value, ok bool) {
	switch {
	case n.form != text:
		r.fault(n.at, "wants a text or a number, not %s", n.describe())
	case n.isNumber():
		v.IsNumber = true
		v.Number, ok = r.number(n)
	case n.isBool():
		return rules.Value{Text: strings.ToLower(n.text)}, true
	case n.curly():
		return v, r.isText(n, "", false)
	case r.short(n, maxLong):
		return rules.Value{Text: n.text}, true
	}
	return v, ok
}

const operators = "== != < <= > >= in contains starts_with exists"

// comparing are the keys of a comparison; need: it cannot be left out.
func comparing[T any](need bool, of func(*T) *rules.Compare) []slot[T] {
	value := values()
	op := optional("op", oneOf("", strings.Fields(operators)...), func(t *T) *string { return &of(t).Op },
		"How it is compared: == != < <= > >= with a number; == != in contains starts_with with a text, in with a list; "+
			"exists without a value. False where there is nothing to compare.")
	op.required = need
	with := optional("value", value, func(t *T) *[]rules.Value { return &of(t).Values },
		"What it is compared with: a number or a text in quotes; a list of texts for in.")
	with.get = func(t *T) *node {
		n := value.write(of(t).Values)
		if n != nil && of(t).Op != "in" && len(n.items) == 1 {
			return n.items[0]
		}
		return n
	}
	return []slot[T]{op, with}
}

// fits notes where an operator and what it compares with do not go together; numeric: what is compared is a number.
func (r *reader) fits(n *node, c rules.Compare, numeric string) {
	op, value := n.get("op"), n.get("value")
	if op == nil || c.Op == "" {
		return
	}
	ordered := strings.HasPrefix(c.Op, "<") || strings.HasPrefix(c.Op, ">")
	textual := c.Op == "in" || c.Op == "contains" || c.Op == "starts_with"
	isList := value != nil && value.form == list
	asText := slices.IndexFunc(c.Values, func(v rules.Value) bool { return !v.IsNumber })
	asNumber := slices.IndexFunc(c.Values, func(v rules.Value) bool { return v.IsNumber })
	at := func(i int) rules.Place {
		if isList {
			return value.items[i].at
		}
		return value.at
	}
	switch {
	case c.Op == "exists" && value != nil:
		r.fault(value.at, "value: exists compares with nothing; take the value out")
	case c.Op == "exists":
	case textual && numeric != "":
		r.fault(op.at, "op: %s compares texts, but %s is a number; write one of == != < <= > >=", c.Op, numeric)
	case value == nil && slices.ContainsFunc(n.entries, func(e entry) bool { return spell.Distance(e.key, "value") <= 2 }):
		// it is misspelt
	case value == nil:
		r.fault(op.at, "value is missing: what does %s compare with?", c.Op)
	case len(c.Values) == 0: // it has its own fault
	case c.Op == "in" && !isList:
		r.fault(value.at, "value: in wants a list, such as [a, b]")
	case c.Op != "in" && isList:
		r.fault(value.at, "value: %s wants one value, not a list; in takes lists", c.Op)
	case textual && asNumber >= 0:
		r.fault(at(asNumber), "value: %s compares texts; put the number in quotes", c.Op)
	case (ordered || numeric != "") && asText >= 0:
		r.fault(at(asText),
			"value: %s compares numbers here, and %s is a text; write a number without quotes",
			c.Op, strconv.Quote(brief(c.Values[asText].Text)))
	}
}
