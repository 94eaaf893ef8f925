package rulefile

import (
	"encoding/json"
	"maps"
)

// A schema is JSON Schema 2020-12.
type schema map[string]any

func reference(name string) schema { return schema{"$ref": "#/$defs/" + name} }

// with is the schema with what it is for.
func (s schema) with(doc string) schema {
	s = maps.Clone(s)
	s["description"] = doc
	return s
}

func anySlice[V any](values []V) []any {
	all := make([]any, len(values))
	for i, v := range values {
		all[i] = v
	}
	return all
}

// object is what a mapping is to an editor.
func (m *mapping[T]) object() schema {
	properties, needed := schema{}, []any{}
	for _, f := range m.fields {
		properties[f.key] = f.schema.with(f.doc)
		if f.required {
			needed = append(needed, f.key)
		}
	}
	return schema{
		"type": "object", "title": m.name, "description": m.doc,
		"properties": properties, "required": needed, "additionalProperties": false,
	}
}

// Schema is the JSON Schema of a rulebook, for editors: yaml-language-server takes it. What Parse takes it takes; Parse
// alone refuses what lies between several keys.
func Schema() []byte {
	l := newLanguage()
	defs := schema{"match": l.match.object()}
	forms := map[use][]any{}
	for _, leaf := range l.leaves {
		defs["leaf_"+leaf.key] = leaf.schema
		if leaf.content != nil {
			defs[leaf.key] = leaf.content
		}
		for _, u := range []use{holds, happens} {
			if leaf.use&u != 0 {
				forms[u] = append(forms[u], reference("leaf_"+leaf.key))
			}
		}
	}
	defs["condition"] = schema{"type": "object", "anyOf": forms[holds]}.with("What is true or false at every instant.")
	defs["happening"] = schema{"type": "object", "anyOf": forms[happens]}.with("What happens at an instant.")
	defs[l.segment.name], defs[l.trigger.name] = l.segment.object(), l.trigger.object()
	top := l.book.object()
	top["$schema"], top["title"], top["$defs"] = "https://json-schema.org/draft/2020-12/schema", "touchfold rulebook", defs
	text, err := json.MarshalIndent(top, "", "  ")
	if err != nil {
		panic(err) // the tables hold texts and numbers
	}
	return append(text, '\n')
}
