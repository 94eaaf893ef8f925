package rulefile

import (
	"slices"
	"strings"

	"github.com/touchfold/touchfold/state/rules"
)

// A leaf is one form of a condition or a happening: the key that begins it and what may stand there.
type leaf struct {
	key, doc string
	use      use
	flat     bool     // its keys stand beside the one that begins it
	keys     []string // those that stand within it
	schema   schema
	content  schema                                   // of its mapping; nil: it has none, or is flat
	read     func(r *reader, n *node) rules.Condition // n: the braces around it; nil if its form is wrong
	write    func(rules.Condition) *node              // nil: it is another leaf
}

// use says where a leaf may stand.
type use int

const (
	holds      use = 1 << iota // in a condition
	happens                    // as what makes a trigger happen
	bundles                    // holds and has conditions within it: it counts as no leaf
	everywhere = holds | happens
)

// condition is C, one of package rules.
type condition[C any] interface {
	*C
	rules.Condition
}

// nested is a leaf whose content stands at its key.
func nested[C any, P condition[C]](key string, u use, k kind[C], at func(*C) *rules.Place, doc string) leaf {
	return leaf{
		key: key, doc: doc, use: u,
		schema: schema{
			"type": "object", "description": doc, "properties": schema{key: k.schema.with(doc)},
			"required": []any{key}, "additionalProperties": false,
		},
		read: func(r *reader, n *node) rules.Condition {
			var c C
			ok := false
			r.within(key, func() { c, ok = k.read(r, n.get(key)) })
			if at != nil {
				*at(&c) = n.at
			}
			if !ok {
				return nil
			}
			return P(&c)
		},
		write: func(c rules.Condition) *node {
			if p, ok := c.(P); ok {
				return &node{form: keys, entries: []entry{{key: key, value: k.write(*p)}}}
			}
			return nil
		},
	}
}

// table is a leaf with keys of its own.
func table[C any, P condition[C]](key string, u use, m mapping[C]) leaf {
	m.name = key
	l := nested[C, P](key, u, m.kind(), nil, m.doc)
	l.keys, l.content = m.keys(), m.object()
	return l
}

// oneLeaf reads a condition or a happening.
func (r *reader) oneLeaf(n *node, u use) (rules.Condition, bool) {
	if n.form != keys {
		example := map[use]string{holds: "segment: {id: big_spender}", happens: "event: Order Completed"}[u]
		r.fault(n.at, "wants %s in braces, such as {%s}, not %s", u, example, n.describe())
		return nil, false
	}
	l := r.only(n, u)
	if l == nil {
		return nil, false
	}
	if r.nested++; r.nested > maxNested {
		if r.nested == maxNested+1 {
			r.fault(n.at, "conditions lie more than %d deep within each other; make segments of parts of it", maxNested)
		}
		r.nested--
		return nil, false
	}
	defer func() { r.nested-- }()
	if l.use&bundles == 0 {
		if r.leaf++; r.leaf == maxLeaves+1 {
			r.within("", func() { r.fault(n.at, "the rulebook has more than %d leaves; take rules out of it", maxLeaves) })
		}
	}
	told := len(r.faults) + r.more
	if !l.flat {
		r.alone(l, n)
	}
	c := l.read(r, n)
	if c == nil || l.use&bundles == 0 && told < len(r.faults)+r.more {
		c = &rules.Broken{Of: c, At: n.at}
	}
	return c, true
}

// only is the one leaf that n is, or nil.
func (r *reader) only(n *node, u use) *leaf {
	var found []*leaf
	for i := range r.leaves {
		if n.get(r.leaves[i].key) != nil {
			found = append(found, &r.leaves[i])
		}
	}
	switch {
	case len(found) == 0 && len(n.entries) == 0:
		r.fault(n.at, "is empty; write one of %s", strings.Join(r.uses(u), ", "))
		return nil
	case len(found) == 0:
		r.none(n, u)
		return nil
	case len(found) > 1:
		var names []string
		for _, l := range found {
			names = append(names, l.key)
		}
		hint := "write each in braces of its own, in a list below all or any"
		if u == happens {
			hint = "a trigger has one happening; write a second trigger, or put the other into when"
		}
		r.fault(n.at, "has %s in one pair of braces; %s", strings.Join(names, " and "), hint)
		return nil
	case found[0].use&u == 0 && u == happens:
		r.fault(n.at,
			"%s is a condition, not a happening; write becomes: {%s: …}, or put it into when", found[0].key, found[0].key)
		return nil
	case found[0].use&u == 0:
		hint := "it stands only in a trigger's on"
		if found[0].key != "becomes" {
			hint = "to ask whether the customer is in it write segment: {id: …}"
		}
		r.fault(n.at, "%s is a happening, not a condition; %s", found[0].key, hint)
		return nil
	}
	return found[0]
}

func (u use) String() string {
	if u == happens {
		return "a happening"
	}
	return "a condition"
}

// uses are the keys that begin what may stand there.
func (r *reader) uses(u use) (keys []string) {
	for _, l := range r.leaves {
		if l.use&u != 0 {
			keys = append(keys, l.key)
		}
	}
	return keys
}

// none notes the keys of n, none of which begins a leaf.
func (r *reader) none(n *node, u use) {
	r.unique(n)
	for _, e := range n.entries {
		hint := r.meant(e.key, r.uses(u))
		for _, l := range r.leaves {
			if l.flat && slices.Contains(l.keys, e.key) {
				hint = " without " + l.key
			}
		}
		if hint == "" {
			hint = "; write one of " + strings.Join(r.uses(u), ", ")
		}
		r.unknown(e, nil, "there is no such key here"+hint)
	}
}

// alone wants nothing beside the key of a leaf.
func (r *reader) alone(l *leaf, n *node) {
	r.unique(n)
	for _, e := range n.entries {
		if e.key != l.key {
			r.unknown(e, nil, r.beside(l, e.key))
		}
	}
}

// beside is a hint at a key that stands outside the braces of its leaf.
func (r *reader) beside(l *leaf, key string) string {
	if slices.Contains(l.keys, key) {
		return "stands beside " + l.key + "; write it within its braces: " + l.key + ": {" + key + ": …}"
	}
	return "does not belong beside " + l.key + "; take it out" + r.meant(key, l.keys)
}

// tree is any of the leaves that has a use.
func (l *language) tree(u use, name string) kind[rules.Condition] {
	return kind[rules.Condition]{
		schema: reference(name),
		read:   func(r *reader, n *node) (rules.Condition, bool) { return r.oneLeaf(n, u) },
		write: func(c rules.Condition) *node {
			for _, leaf := range l.leaves {
				if n := leaf.write(c); n != nil {
					return n
				}
			}
			return nil
		},
	}
}

func (l *language) condition() kind[rules.Condition] { return l.tree(holds, "condition") }
func (l *language) happening() kind[rules.Condition] { return l.tree(happens, "happening") }
