package rulefile

import (
	"bytes"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// theirs is the tree that another reader sees; nil where it has what ours has no form for.
func theirs(n *yaml.Node) *node {
	switch n.Kind {
	case yaml.ScalarNode:
		plain := n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) == 0
		if n.Tag == "!!null" {
			return &node{}
		}
		return &node{form: text, text: n.Value, plain: plain}
	case yaml.SequenceNode:
		all := &node{form: list}
		for _, item := range n.Content {
			all.items = append(all.items, theirs(item))
		}
		return all
	case yaml.MappingNode:
		all := &node{form: keys}
		for i := 0; i < len(n.Content); i += 2 {
			all.entries = append(all.entries, entry{key: n.Content[i].Value, value: theirs(n.Content[i+1])})
		}
		return all
	}
	return &node{text: "no form of ours"}
}

func (n *node) same(m *node) bool {
	if n.form != m.form || n.form == text && (n.text != m.text || n.plain != m.plain) || len(n.items) != len(m.items) || len(n.entries) != len(m.entries) {
		return false
	}
	for i := range n.items {
		if !n.items[i].same(m.items[i]) {
			return false
		}
	}
	for i := range n.entries {
		if n.entries[i].key != m.entries[i].key || !n.entries[i].value.same(m.entries[i].value) {
			return false
		}
	}
	return true
}

// agree fails unless what scan takes means the same to another reader.
func agree(t *testing.T, raw []byte) (taken bool) {
	t.Helper()
	n, fault := scan(raw)
	if fault != nil {
		return false
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(bytes.ReplaceAll(raw, []byte("\r\n"), []byte("\n")), &doc); err != nil {
		t.Fatalf("taken, and by others refused: %v\n%q", err, raw)
	}
	want := &node{}
	if doc.Kind == yaml.DocumentNode {
		want = theirs(doc.Content[0])
	}
	if !n.same(want) {
		t.Fatalf("read otherwise than by others:\n%q\n%s", raw, n)
	}
	return true
}

// String is the tree in brackets.
func (n *node) String() string {
	var b strings.Builder
	switch n.form {
	case nothing:
		return "null"
	case text:
		return "<" + n.text + ">"
	case list:
		for _, item := range n.items {
			b.WriteString(item.String() + " ")
		}
		return "[" + b.String() + "]"
	}
	for _, e := range n.entries {
		b.WriteString(e.key + "=" + e.value.String() + " ")
	}
	return "{" + b.String() + "}"
}

// What a rulebook is written in is taken, and means the same to other readers.
func TestScanTakes(t *testing.T) {
	for _, raw := range taken {
		if _, fault := scan([]byte(raw)); fault != nil {
			t.Errorf("%q: %d:%d %s", raw, fault.At.Line, fault.At.Column, fault.Text)
			continue
		}
		agree(t, []byte(raw))
	}
}

var taken = []string{
	"", "\n", "# only\n", "---\na: b\n", "a: b", "a: b # c\n", "a : b\n", "\"a\": b\n", "'a b': c\n", "a:\n  b: c\n  d: e\nf: g\n",
	"a:\n- b\n- c\nd: e\n", "a:\n  - b\n  - c: d\n    e: f\n  -\n    g: h\n  -\n", "- - a\n  - b\n- c\n", "- a: b\n  c:\n  - d\n",
	"a: [b, 'c', \"d\", 5, {e: f}, []]\nb: {}\n", "a: {b: c, d: [e,f], \"g\":h, i: , j: k,}\n", "a: [\n  b, # c\n  d\n]\n", "a: {b: c\n  d, e: f}\n",
	"a: |\n  b\n   c\n\n  d\n\n\ne: f\n", "a: >\n  b\n  c\n\n  d\n   e\n  f\n", "a: |-\n  b\n", "a: |+\n  b\n\n", "a: |2\n    b\n  c\n", "a: >-  # c\n\n  b\n", "- |\n a\n- >+\n b\n\n",
	"a: |\nb: c\n", "a: |", "a: |\n  b", "a: b\n  c\n\n  d\n", "a: \"b\n  c\n\n  d\\n\\u00e9 \\\n  e  \n  f\"\n", "a: 'b''c\n  d'\n", "a:\n  b c\n  d\n",
	"a: b:c\n", "a: b#c\n", "a: -b\n", "a: ?b\n", "a: :b\n", "a: ~\nb: null\nc: NULL\n", "a: http://x/y?z=1#f\n", "a: >-\n  x > 3 && y == \"z\"\n", "\xef\xbb\xbfa: b\n", "a: b\r\nc: d\r\n",
	"on: x\nyes: no\n", "é: ü\n", "a: \"\\x41\\U0001F600\"\n", "a: ''\nb: \"\"\n", "a: \" b \"\n", "a:   \n\n\n  b: c\n",
}

func FuzzScan(f *testing.F) {
	for _, raw := range taken {
		f.Add([]byte(raw))
	}
	f.Add([]byte(`a: {b: &c d, e: *f, g: !h i}` + "\n? j\n: k\n--- l\n..."))
	f.Fuzz(func(t *testing.T, raw []byte) { agree(t, raw) })
}
