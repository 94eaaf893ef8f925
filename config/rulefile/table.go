package rulefile

import (
	"slices"

	"github.com/touchfold/touchfold/state/rules"
)

// A kind is a sort of value: how it is read and written, and what an editor is told of it.
type kind[V any] struct {
	schema schema
	read   func(r *reader, n *node) (V, bool) // false: it has noted why not
	write  func(v V) *node                    // nil: what is left out means the same
}

// A slot is one key of a mapping whose content is a T.
type slot[T any] struct {
	key, doc string
	required bool
	schema   schema
	put      func(r *reader, n *node, to *T)
	get      func(from *T) *node
}

// A mapping is all that may stand between two braces. What is read, what is written and the schema come from it.
type mapping[T any] struct {
	name   string // in the schema
	doc    string
	fields []slot[T]
	at     func(*T) *rules.Place
	check  func(r *reader, n *node, t *T) // what concerns several keys; nil: nothing
}

func optional[T, V any](key string, k kind[V], to func(*T) *V, doc string) slot[T] {
	return slot[T]{
		key: key, doc: doc, schema: k.schema,
		put: func(r *reader, n *node, t *T) {
			if v, ok := k.read(r, n); ok {
				*to(t) = v
			}
		},
		get: func(t *T) *node { return k.write(*to(t)) },
	}
}

func required[T, V any](key string, k kind[V], to func(*T) *V, doc string) slot[T] {
	f := optional(key, k, to, doc)
	f.required = true
	return f
}

func (m *mapping[T]) keys() []string {
	var keys []string
	for _, f := range m.fields {
		keys = append(keys, f.key)
	}
	return keys
}

// kind makes a mapping a sort of value.
func (m *mapping[T]) kind() kind[T] {
	return kind[T]{schema: reference(m.name), read: m.read, write: m.write}
}

// read is false only if n is no mapping at all; what could not be read of it is noted and missing.
func (m *mapping[T]) read(r *reader, n *node) (t T, ok bool) {
	if n.form != keys {
		r.fault(n.at, "wants keys such as %s, not %s", m.fields[0].key+":", n.describe())
		return t, false
	}
	if m.at != nil {
		*m.at(&t) = n.at
	}
	r.unique(n)
	var misspelt []string
	for _, e := range n.entries {
		i := slices.IndexFunc(m.fields, func(f slot[T]) bool { return f.key == e.key })
		if i < 0 {
			misspelt = append(misspelt, r.unknown(e, m.keys(), ""))
		} else {
			to := &t
			if n.get(e.key) != e.value { // it stands twice, and the first counts
				to = new(T)
			}
			r.within(e.key, func() { m.fields[i].put(r, e.value, to) })
		}
	}
	for _, f := range m.fields {
		if f.required && n.get(f.key) == nil && !slices.Contains(misspelt, f.key) {
			r.fault(n.at, "%s is missing", f.key)
		}
	}
	if m.check != nil {
		m.check(r, n, &t)
	}
	return t, true
}

func (m *mapping[T]) write(t T) *node {
	n := &node{form: keys}
	for _, f := range m.fields {
		if value := f.get(&t); value != nil {
			n.entries = append(n.entries, entry{key: f.key, value: value})
		}
	}
	return n
}

// listOf is a list of least to most values.
func listOf[V any](k kind[V], least, most int, what string) kind[[]V] {
	return kind[[]V]{
		schema: schema{"type": "array", "items": k.schema, "minItems": least, "maxItems": most},
		read: func(r *reader, n *node) (all []V, ok bool) {
			if n.form != list {
				r.fault(n.at, "wants a list of %s, not %s", what, n.describe())
				return nil, false
			}
			if len(n.items) < least || len(n.items) > most {
				r.fault(n.at, "has %d items; write %d to %d %s", len(n.items), least, most, what)
				return nil, false
			}
			for _, item := range n.items {
				if v, good := k.read(r, item); good {
					all = append(all, v)
				}
			}
			return all, true
		},
		write: func(all []V) *node {
			if len(all) == 0 {
				return nil
			}
			n := &node{form: list}
			for _, v := range all {
				n.items = append(n.items, k.write(v))
			}
			return n
		},
	}
}

// maybe is a value of which nothing at all is the same as leaving it out.
func maybe[V any](k kind[V]) kind[*V] {
	return kind[*V]{
		schema: k.schema,
		read: func(r *reader, n *node) (*V, bool) {
			v, ok := k.read(r, n)
			return &v, ok
		},
		write: func(v *V) *node {
			if v == nil {
				return nil
			}
			return k.write(*v)
		},
	}
}

// as is a kind whose values stand in something larger.
func as[V, W any](k kind[V], wrap func(V) W, unwrap func(W) V) kind[W] {
	return kind[W]{
		schema: k.schema,
		read: func(r *reader, n *node) (W, bool) {
			v, ok := k.read(r, n)
			return wrap(v), ok
		},
		write: func(w W) *node { return k.write(unwrap(w)) },
	}
}
