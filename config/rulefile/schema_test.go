package rulefile

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state/rules"
)

// takenBySchema is what an editor does: another reader of YAML, and another's validation by our schema.
func takenBySchema(t testing.TB) func(raw []byte) error {
	t.Helper()
	schema, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	if err := c.AddResource("rulebook.json", schema); err != nil {
		t.Fatal(err)
	}
	compiled, err := c.Compile("rulebook.json")
	if err != nil {
		t.Fatal(err)
	}
	return func(raw []byte) error {
		var doc yaml.Node
		if err := yaml.Unmarshal(raw, &doc); err != nil {
			return err
		}
		if doc.Kind == 0 {
			return compiled.Validate(nil)
		}
		v, err := plainJSON(doc.Content[0])
		return errors.Join(err, compiled.Validate(v))
	}
}

// plainJSON is a value as JSON has it, by YAML's core schema: dates are texts.
func plainJSON(n *yaml.Node) (any, error) {
	switch n.Kind {
	case yaml.SequenceNode:
		all := []any{}
		for _, item := range n.Content {
			v, err := plainJSON(item)
			if err != nil {
				return nil, err
			}
			all = append(all, v)
		}
		return all, nil
	case yaml.MappingNode:
		all := map[string]any{}
		for i := 0; i < len(n.Content); i += 2 {
			v, err := plainJSON(n.Content[i+1])
			if _, twice := all[n.Content[i].Value]; twice || err != nil {
				return nil, fmt.Errorf("%s: %w", n.Content[i].Value, errors.Join(err, errors.New("twice")))
			}
			all[n.Content[i].Value] = v
		}
		return all, nil
	case yaml.ScalarNode:
		if n.Tag == "!!str" || n.Tag == "!!timestamp" {
			return n.Value, nil
		}
		var v any
		err := n.Decode(&v)
		if f, ok := v.(float64); ok && (math.IsInf(f, 0) || math.IsNaN(f)) {
			return nil, errors.New("is no number of JSON")
		}
		return v, err
	}
	return nil, errors.New("is an alias")
}

// What Parse takes the schema takes, so an editor marks nothing that is right; and it marks most of what is wrong.
func TestSchema(t *testing.T) {
	takes := takenBySchema(t)
	lines, _ := cases(t)
	all, marked := 0, 0
	for _, line := range lines {
		if line == "" || line[0] == '#' {
			continue
		}
		raw, _ := frame(t, line)
		all++
		if takes([]byte(raw)) != nil {
			marked++
		}
	}
	if marked*100 < all*81 {
		t.Errorf("the schema marks %d of %d faulty rulebooks", marked, all)
	}
	t.Logf("the schema marks %d of %d faulty rulebooks", marked, all)
}

// What an editor marks beside forms: leaves of which something is missing or does not go together.
func TestMarked(t *testing.T) {
	takes := takenBySchema(t)
	for when, right := range map[string]bool{
		`{event: A, count: true}`:                                                            false,
		`{event: A, count: true, op: ">", value: 1}`:                                         true,
		`{event: A, count: true, op: ">", value: "1"}`:                                       false,
		`{event: A, sum: value, op: ">", value: x}`:                                          false,
		`{event: A, last: properties.x, op: ==, value: x}`:                                   true,
		`{event: A, last: properties.x, value: x}`:                                           false,
		`{absence: {of: {event: A}, for: 0d}}`:                                               false,
		`{absence: {of: {event: A}, for: 10d}}`:                                              true,
		`{catalogue: {event: Order Completed, match: id, interest: {event: A}, within: 1d}}`: false,
		`{catalogue: {event: [Product Restocked, Weather Observed], match: item.product_id, interest: {event: A}, within: 1d}}`: true,
	} {
		raw := []byte("version: 1\nsegments: [{id: s, when: " + when + "}]\n")
		if _, err := Parse("f.yaml", raw); (err == nil) != right || (takes(raw) == nil) != right {
			t.Errorf("%s: %v, and the schema %v", when, err, takes(raw))
		}
	}
}

// A payload has no name that a trigger's statement says itself, to Parse and to the schema.
func TestTakenNames(t *testing.T) {
	takes := takenBySchema(t)
	for _, name := range append(events.FamilyOf("trigger/any").Taken(), "free") {
		raw := []byte("version: 1\ntriggers: [{id: t, on: {event: A}, payload: {" + name + ": id}}]\n")
		if _, err := Parse("f.yaml", raw); (err == nil) != (name == "free") || (takes(raw) == nil) != (err == nil) {
			t.Errorf("%s: %v, and the schema %v", name, err, takes(raw))
		}
	}
}

// A tree of which anything is changed is refused at that place, or taken by Parse and by the schema alike.
func TestChanged(t *testing.T) {
	takes := takenBySchema(t)
	changes := []struct {
		name string
		do   func(*node)
	}{
		{"nothing", func(n *node) { *n = node{form: text, text: "null", plain: true} }},
		{"number", func(n *node) { *n = node{form: text, text: "5", plain: true} }},
		{"minus", func(n *node) { *n = node{form: text, text: "-5", plain: true} }},
		{"bool", func(n *node) { *n = node{form: text, text: "true", plain: true} }},
		{"text", func(n *node) { *n = node{form: text, text: "?"} }},
		{"list", func(n *node) { *n = node{form: list} }},
		{"keys", func(n *node) { *n = node{form: keys} }},
		{"in list", func(n *node) { before := *n; *n = node{form: list, items: []*node{&before}} }},
		{"renamed", func(n *node) {
			if len(n.entries) > 0 {
				n.entries[len(n.entries)-1].key += "q"
			}
		}},
		{"first gone", func(n *node) {
			if len(n.entries) > 0 {
				n.entries = n.entries[1:]
			}
		}},
		{"last gone", func(n *node) {
			if len(n.entries) > 0 {
				n.entries = n.entries[:len(n.entries)-1]
			}
		}},
		{"doubled", func(n *node) { n.entries = append(n.entries, n.entries...) }},
		{"more", func(n *node) { n.items = append(n.items, n.items...) }},
	}
	source := Write(parse(t, every(t)))
	count := 0
	tree, _ := scan(source)
	each(tree, func(*node) { count++ })
	refused, all := 0, 0
	for first, change := range changes {
		for i := first % 3; i < count; i += 3 { // a third of all, which is a few seconds less
			name := change.name
			tree, _ := scan(source)
			at := 0
			each(tree, func(n *node) {
				if at == i {
					change.do(n)
				}
				at++
			})
			raw := []byte(inBraces(tree) + "\n")
			_, err := Parse("f.yaml", raw)
			all++
			if err != nil {
				refused++
				toldAt(t, name, i, raw, err)
				if refused%4 == 0 { // it takes longer than all else
					checked(t, raw, err)
				}
			}
			if err != nil {
				continue
			}
			if err := takes(raw); err != nil {
				t.Fatalf("%s of node %d: the schema refuses what Parse takes: %v\n%s", name, i, err, raw)
			}
		}
	}
	if refused < all*6/10 {
		t.Errorf("%d of %d refused", refused, all)
	}
	t.Logf("%d of %d refused", refused, all)
}

// checked fails if what could be read of a faulty text is told to have a fault that follows only from what could not: the text
// without the change has none.
func checked(t *testing.T, raw []byte, err error) {
	t.Helper()
	var faults *Faults
	if !errors.As(err, &faults) {
		t.Fatal(err)
	}
	for _, f := range rules.Check(rules.Config{Book: faults.Read}) {
		if !strings.HasPrefix(f.Text, "there is no figure") && f.Text != "there is no purchases" { // there are none here
			t.Errorf("%v follows from\n%v\n%s", f, err, raw)
		}
	}
}

// toldAt fails unless a fault stands in node i.
func toldAt(t *testing.T, change string, i int, raw []byte, err error) {
	t.Helper()
	tree, fault := scan(raw)
	if fault != nil {
		t.Fatal(fault)
	}
	var places []rules.Place
	at := 0
	each(tree, func(n *node) {
		if at == i {
			each(n, func(n *node) {
				places = append(places, n.at)
				for _, e := range n.entries {
					places = append(places, e.at)
				}
			})
		}
		at++
	})
	var faults *Faults
	if !errors.As(err, &faults) {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(faults.All, func(f rules.Fault) bool {
		return slices.Contains(places, f.At) || strings.Contains(f.Text, "there is no segment")
	}) {
		t.Errorf("%s of node %d: no fault at %v but\n%v\n%s", change, i, places, err, raw)
	}
}
