package config

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

const maxFile = 32 << 10 // bytes; a configuration is a page, and the parser is quadratic in brackets

// byteOrderMark is what some editors begin a file of UTF-8 with.
const byteOrderMark = "\xef\xbb\xbf"

// A yamlReader notes what one file says, and the faults of its form.
type yamlReader struct {
	*loader
	file place
}

func (l *loader) readYAML(name string, text []byte) {
	y := yamlReader{l, place{layer: fromFile, name: name}}
	if len(text) > maxFile {
		l.fault(y.file, "has more than %d bytes", maxFile)
		return
	}
	text = bytes.TrimPrefix(text, []byte(byteOrderMark))
	if at, ok := y.notText(text); ok {
		l.fault(at, "is not text in UTF-8")
		return
	}
	parsed, err := parser.ParseBytes(text, 0, parser.AllowDuplicateMapKey()) // section finds duplicates, and all of them
	if err != nil {
		var faulty yaml.Error
		if errors.As(err, &faulty) {
			l.fault(y.at(faulty.GetToken()), "is not YAML: %s", faulty.GetMessage())
		} else {
			l.fault(y.file, "is not YAML: %w", err)
		}
		return
	}
	for i, doc := range parsed.Docs {
		if i > 0 {
			l.fault(y.at(doc.Start), "begins a second document; one file is one configuration")
			return
		}
		y.section("", doc.Body)
	}
}

// notText is the place of the first byte that no YAML has.
func (y yamlReader) notText(text []byte) (place, bool) {
	at := y.file
	at.line, at.column = 1, 1
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRune(text[i:])
		switch {
		case r == utf8.RuneError && size == 1, r < ' ' && r != '\t' && r != '\n' && r != '\r':
			return at, true
		case r == '\n':
			at.line, at.column = at.line+1, 1
		default:
			at.column++
		}
		i += size
	}
	return place{}, false
}

// section reads a mapping whose keys lie beneath path; nothing at all is a section without keys.
func (y yamlReader) section(path string, n ast.Node) {
	var entries []*ast.MappingValueNode
	switch n := n.(type) {
	case nil, *ast.NullNode:
	case *ast.MappingNode:
		entries = n.Values
	case *ast.MappingValueNode:
		entries = []*ast.MappingValueNode{n}
	default:
		y.fault(y.start(n), "%swants keys, not %s", label(path), kind(n))
	}
	first := map[string]place{}
	for _, entry := range entries {
		name := entry.Key.GetToken().Value
		at := y.at(entry.Key.GetToken())
		if before, twice := first[name]; twice {
			y.fault(at, "%sstands twice, first in line %d", label(join(path, name)), before.line)
			continue
		}
		first[name] = at
		if section, key, dotted := strings.Cut(name, "."); dotted { // else a key could be written in two ways
			y.fault(at, "%sthere is no such key; write %s beneath %s", label(join(path, name)), key, section)
			continue
		}
		y.entry(join(path, name), at, entry.Value)
	}
}

// entry reads what stands at a key or a section.
func (y yamlReader) entry(path string, at place, n ast.Node) {
	k, known := y.find(func(k key) bool { return k.path == path })
	switch {
	case known && k.secret:
		y.fault(at, "%s", k.notHere())
	case known:
		y.value(k, n)
	case slices.Contains(y.sections(), path):
		y.section(path, n)
	case path == "<<":
		y.fault(at, "<<: merge keys are not read here")
	default:
		y.fault(at, "%s: there is no such key%s", path, meant(path, append(y.paths(), y.sections()...)))
	}
}

func (y yamlReader) value(k key, n ast.Node) {
	s := setting{place: y.start(n)}
	sequence, isSequence := n.(*ast.SequenceNode)
	nodes := []ast.Node{n}
	switch {
	case isSequence && !k.value.isList:
		y.fault(s.place, "%s: wants one value, not a list", k.path)
		return
	case isSequence:
		nodes = sequence.Values
	case k.value.isList:
		y.fault(s.place, "%s: wants a list, such as [a, b], not %s", k.path, kind(n))
		return
	}
	good := true
	for _, n := range nodes {
		text, quoted, ok := scalar(n)
		if !ok && isSequence {
			text, ok = unsplit(n)
		}
		if !ok {
			y.fault(y.start(n), "%s: wants a value, not %s", k.path, kind(n))
		}
		good = good && ok
		s.items = append(s.items, item{y.start(n), text, quoted})
	}
	if !good {
		return
	}
	y.written[k.path] = append(y.written[k.path], s)
}

// scalar is the text of a value as it was written: 0.10 stays 0.10.
func scalar(n ast.Node) (text string, quoted, ok bool) {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value, n.Token.Type != token.StringType, true
	case *ast.LiteralNode:
		return n.Value.Value, true, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		return n.GetToken().Value, false, true
	}
	return "", false, false
}

// unsplit repairs [host:9092] within braces, which is one plain text in YAML but a mapping to goccy/go-yaml (its issue
// 832): no space stands on either side of the colon.
func unsplit(n ast.Node) (text string, ok bool) {
	m, ok := n.(*ast.MappingNode)
	if !ok || m.IsFlowStyle || len(m.Values) != 1 {
		return "", false
	}
	host, quoted, isText := scalar(m.Values[0].Key)
	port, _, isPort := scalar(m.Values[0].Value)
	if !isText || !isPort || quoted {
		return "", false
	}
	begin, colon, end := m.Values[0].Key.GetToken().Position, m.Start.Position, m.Values[0].Value.GetToken().Position
	joined := begin.Line == end.Line && colon.Column == begin.Column+utf8.RuneCountInString(host) && end.Column == colon.Column+1
	return host + ":" + port, joined
}

// kind is what a reader of the file would call n.
func kind(n ast.Node) string {
	switch n.(type) {
	case nil, *ast.NullNode:
		return "nothing; leave the key out to have its default"
	case *ast.MappingNode, *ast.MappingValueNode:
		return "keys"
	case *ast.SequenceNode:
		return "a list"
	case *ast.AnchorNode, *ast.AliasNode, *ast.TagNode, *ast.DirectiveNode:
		return "an anchor, alias, tag or directive, which are not read here"
	}
	return "a value"
}

func (y yamlReader) at(t *token.Token) place {
	p := y.file
	if t != nil && t.Position != nil {
		p.line, p.column = t.Position.Line, t.Position.Column
	}
	return p
}

// start is where n begins; the token of a mapping without braces is its first colon.
func (y yamlReader) start(n ast.Node) place {
	if m, ok := n.(*ast.MappingNode); ok && !m.IsFlowStyle && len(m.Values) > 0 {
		n = m.Values[0].Key
	}
	if n == nil {
		return y.file
	}
	return y.at(n.GetToken())
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// label is the beginning of a fault that concerns path, which is "" for the whole file.
func label(path string) string {
	if path == "" {
		return ""
	}
	return path + ": "
}
