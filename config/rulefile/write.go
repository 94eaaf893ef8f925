package rulefile

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/touchfold/touchfold/state/rules"
)

// Write is a book as a text that Parse reads to an equal one, places apart. Equal books are equal texts.
func Write(b *rules.Book) []byte {
	l := newLanguage()
	var out strings.Builder
	block(&out, l.book.write(file{Book: *b, version: 1}), 0)
	return []byte(out.String())
}

// Words is a condition in one line, as a file would have it.
func Words(c rules.Condition) string {
	l := newLanguage()
	if n := l.happening().write(c); n != nil {
		return strings.TrimSuffix(strings.TrimPrefix(inBraces(n), "{"), "}")
	}
	return ""
}

const wide = 110 // letters that a line with braces may have

// block writes a mapping or a list in lines; the first begins where the text stands.
func block(out *strings.Builder, n *node, indent int) {
	margin := strings.Repeat(" ", indent)
	for i, e := range n.entries {
		if i > 0 {
			out.WriteString(margin)
		}
		out.WriteString(e.key + ":")
		if line := inBraces(e.value); indent > 0 && len(line)+indent+len(e.key) < wide || e.value.form == text {
			out.WriteString(" " + line + "\n")
			continue
		}
		out.WriteString("\n" + margin + "  ")
		block(out, e.value, indent+2)
	}
	for i, item := range n.items {
		if i > 0 {
			out.WriteString(margin)
		}
		out.WriteString("- ")
		if line := inBraces(item); indent > 2 && len(line)+indent < wide || item.form == text {
			out.WriteString(line + "\n")
			continue
		}
		block(out, item, indent+2)
	}
}

// inBraces is a value in one line.
func inBraces(n *node) string {
	var parts []string
	switch n.form {
	case text:
		return scalarText(n)
	case list:
		for _, item := range n.items {
			parts = append(parts, inBraces(item))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	}
	for _, e := range n.entries {
		parts = append(parts, e.key+": "+inBraces(e.value))
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

var (
	needsNoQuotes = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_.]*( [A-Za-z0-9_.]+)*$|^-?[1-9][0-9]*(s|m|h|d|w|mo|y)$`)
	otherwise     = []string{"true", "false", "null", "yes", "no", "on", "off", "y", "n"} // to some reader no text
)

func scalarText(n *node) string {
	if n.plain || needsNoQuotes.MatchString(n.text) && !slices.Contains(otherwise, strings.ToLower(n.text)) {
		return n.text
	}
	var b strings.Builder
	b.WriteByte('"')
	for _, c := range n.text {
		switch {
		case c == '"' || c == '\\':
			b.WriteString(`\` + string(c))
		case c == '\n':
			b.WriteString(`\n`)
		case c < ' ' || c >= 0x7f && c < 0xa1 || c == 0x2028 || c == 0x2029 || c >= 0xfe00 && c <= 0xffff:
			fmt.Fprintf(&b, `\u%04X`, c)
		default:
			b.WriteRune(c)
		}
	}
	return b.String() + `"`
}
