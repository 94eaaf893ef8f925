package rulefile

import (
	"strings"

	"github.com/touchfold/touchfold/state/rules"
)

// block reads the value that begins here, further to the right than parent; inline: behind a key in its line.
func (s *scanner) block(parent int, inline bool) *node {
	at := s.at
	switch c := s.peek(0); {
	case !s.more(), s.marker("---"), s.marker("..."):
		return &node{at: at}
	case c == '-' && blank(s.peek(1)):
		if inline {
			s.fail(at, "a list with dashes begins in a line of its own, below its key")
			return &node{at: at}
		}
		return s.deeper(at, func() *node { return s.dashes(s.indent()) })
	case c == '|' || c == '>':
		return s.literal(parent)
	case c == '[' || c == '{':
		n := s.flow(parent)
		s.lineEnd()
		return n
	}
	n := s.scalar(parent, false, inline)
	if s.fault != nil || !s.colon() {
		if s.fault == nil {
			s.lineEnd()
		}
		return n
	}
	switch {
	case n.at.Line != s.at.Line:
		s.fail(s.at, "a key cannot stand here, for its line goes on with the text above; indent it like its neighbours")
		return n
	case inline:
		s.fail(s.at, "a second key in one line; begin a new line below, or put the text in quotes")
		return n
	}
	return s.deeper(at, func() *node { return s.mapping(n) })
}

// colon goes over spaces to the colon that makes a key of what was read, and reports whether there is one.
func (s *scanner) colon() bool {
	n := 0
	for s.peek(n) == ' ' {
		n++
	}
	if s.peek(n) != ':' || !blank(s.peek(n+1)) {
		return false
	}
	s.skip(n)
	return true
}

// dashes reads a list of which the first dash stands here.
func (s *scanner) dashes(indent int) *node {
	n := &node{form: list, at: s.at}
	for s.more() && s.indent() == indent && s.peek(0) == '-' && blank(s.peek(1)) {
		s.roomIn(n)
		s.skip(1)
		n.items = append(n.items, s.value(indent, false, false))
		s.next(indent)
	}
	return n
}

// mapping reads keys and values in lines; the first key was read and stands in the column of all others.
func (s *scanner) mapping(first *node) *node {
	n, indent, key := &node{form: keys, at: first.at}, first.at.Column-1, first
	for {
		if len(key.text) > maxKey {
			s.fail(key.at, "is a key of more than %d bytes", maxKey)
			return n
		}
		s.roomIn(n)
		s.skip(1) // the colon
		n.entries = append(n.entries, entry{key.text, key.at, s.value(indent, true, true)})
		s.next(indent)
		if !s.more() || s.indent() != indent || s.marker("---") || s.marker("...") {
			return n
		}
		if c := s.peek(0); c == '-' && blank(s.peek(1)) || c == '[' || c == '{' || c == '|' || c == '>' {
			s.fail(s.at, "a key was expected here, such as name:")
			return n
		}
		key = s.scalar(indent, false, true)
		if s.fault == nil && (!s.colon() || key.at.Line != s.at.Line) {
			s.fail(key.at, "a key was expected here, with a colon and a space behind it")
		}
		if s.fault != nil {
			return n
		}
	}
}

// value reads what belongs to the key or dash before it: in the same line, or in lines further to the right. A list may
// stand right below its key.
func (s *scanner) value(indent int, inline, isKey bool) *node {
	at := s.at
	if !s.atEnd() {
		return s.block(indent, inline)
	}
	s.blanks()
	dash := isKey && s.indent() == indent && s.peek(0) == '-' && blank(s.peek(1))
	if s.more() && (s.indent() > indent || dash) && !s.marker("---") && !s.marker("...") {
		return s.block(indent, false)
	}
	return &node{at: at}
}

// next goes to the next line with something on it, which must not stand further to the right.
func (s *scanner) next(indent int) {
	s.blanks()
	if s.more() && s.indent() > indent {
		s.fail(s.at, "stands further to the right than the line it follows; indent it like its neighbours")
	}
}

// literal reads a text of several lines, | as they are or > folded.
func (s *scanner) literal(parent int) *node {
	n := &node{form: text, at: s.at}
	folded := s.take(1) == ">"
	chomp, indent := byte(0), 0
	for !blank(s.peek(0)) {
		switch c := s.peek(0); {
		case c == '+' || c == '-':
			if chomp != 0 {
				s.fail(s.at, "stands twice")
				return n
			}
			chomp = c
		case c >= '1' && c <= '9' && indent == 0:
			indent = int(c-'0') + max(parent, 0)
		default:
			s.fail(n.at, "a | or > begins a text of several lines; put operators such as \">\" in quotes")
			return n
		}
		s.skip(1)
	}
	if !s.atEnd() {
		s.fail(n.at, "a | or > begins a text of several lines; put operators such as \">\" in quotes")
		return n
	}
	s.skip(len(s.line()) + 1)
	s.lines(n, parent, indent, folded, chomp)
	return n
}

// lines reads the lines of a text; indent is 0 if the first of them decides it.
func (s *scanner) lines(n *node, parent, indent int, folded bool, chomp byte) {
	var b writing
	lead, trail := "", s.empty(parent, &indent)
	wasBlank := false
	for s.more() && s.indent() == indent && !s.marker("---") && !s.marker("...") {
		line := s.line()
		isBlank := line != "" && blank(line[0])
		switch {
		case folded && lead != "" && !wasBlank && !isBlank && trail == "":
			b.add(" ", s.at)
		case folded && lead != "" && !wasBlank && !isBlank:
		default:
			b.add(lead, s.at)
		}
		b.add(trail, s.at)
		b.add(line, s.at)
		wasBlank = isBlank
		s.skip(len(line))
		lead = ""
		if s.more() {
			lead = "\n"
			s.skip(1)
		}
		trail = s.empty(parent, &indent)
	}
	if chomp != '-' {
		b.add(lead, s.at)
	}
	if chomp == '+' {
		b.add(trail, s.at)
	}
	n.text, n.from = b.String(), b.from
	s.toBegin()
}

// empty goes over empty lines to the letter at which the next line of a text begins, and is their line ends.
func (s *scanner) empty(parent int, indent *int) string {
	ends, most, mostAt := 0, 0, rules.Place{}
	for {
		for s.more() && s.peek(0) == ' ' && (*indent == 0 || s.indent() < *indent) {
			s.skip(1)
		}
		if s.more() && s.peek(0) == '\t' && (*indent == 0 || s.indent() < *indent) {
			s.fail(s.at, "is a tab; indent with spaces")
		}
		if !s.more() || s.peek(0) != '\n' {
			break
		}
		if s.indent() > most {
			most, mostAt = s.indent(), s.at
		}
		s.skip(1)
		ends++
	}
	if *indent == 0 {
		*indent = max(s.indent(), parent+1, 1)
		if s.more() && most > *indent {
			s.fail(mostAt, "is an empty line with more spaces than the text below it; take them out")
		}
	}
	return strings.Repeat("\n", ends)
}

// toBegin goes back to the beginning of a line of which only spaces were read.
func (s *scanner) toBegin() {
	for s.fault == nil && s.i > 0 && s.text[s.i-1] == ' ' && s.at.Column > 1 {
		s.i--
		s.at.Column--
	}
}
