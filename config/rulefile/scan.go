package rulefile

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/touchfold/touchfold/state/rules"
)

// A node is one value of the text: nothing, a text, a list or a mapping.
type node struct {
	form    form
	at      rules.Place
	text    string
	from    rules.Origin // of the text's letters
	plain   bool         // neither quoted nor a block: 5, true and null are no texts
	items   []*node
	entries []entry
}

// A writing is a text that is being read, with where its letters come from.
type writing struct {
	strings.Builder
	next rules.Place // in the text; zero before its first letter
	from rules.Origin
}

// add adds what stands at a place. What stands in further lines of the text is added by itself.
func (w *writing) add(text string, at rules.Place) {
	if w.WriteString(text); text == "" {
		return
	}
	if w.next.Line == 0 {
		w.next = rules.Place{Line: 1, Column: 1}
	}
	if n := len(w.from); n == 0 || n < maxLong && (w.from[n-1].In.Line < w.next.Line || w.from[n-1:].Of(w.next) != at) {
		w.from = append(w.from, rules.Letter{In: w.next, At: at})
	}
	for _, c := range text {
		if w.next.Column++; c == '\n' {
			w.next = rules.Place{Line: w.next.Line + 1, Column: 1}
		}
	}
}

type entry struct {
	key   string
	at    rules.Place
	value *node
}

type form int

const (
	nothing form = iota
	text
	list
	keys
)

// The bounds of the text.
const (
	maxText  = 1 << 20 // bytes
	maxDepth = 100     // lists and mappings within each other
	maxKey   = 256     // bytes
	maxWide  = 10_000  // items of one list, keys of one mapping
)

// A scanner reads YAML as far as a rulebook needs it: no anchors, aliases, tags, directives, complex keys or further
// documents. What it takes means the same to every other reader of YAML 1.2 (one of
// YAML 1.1 takes the key on for true), and it looks at each byte a bounded number of
// times, which the parsers at hand do not (a configuration of 32 KiB bears that, see config).
type scanner struct {
	text  string
	i     int
	at    rules.Place // of text[i], columns counting letters
	depth int
	fault *rules.Fault // the first; from then on nothing is left to read
}

// scan is the text as a tree, or what is wrong with its form.
func scan(raw []byte) (*node, *rules.Fault) {
	s := scanner{at: rules.Place{Line: 1, Column: 1}}
	if len(raw) > maxText {
		return nil, &rules.Fault{Text: fmt.Sprintf("has more than %d bytes; take rules out of it", maxText)}
	}
	s.text = string(bytes.ReplaceAll(bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf")), []byte("\r\n"), []byte("\n")))
	if !s.legible() {
		return nil, s.fault
	}
	s.blanks()
	if s.marker("---") {
		s.skip(3)
		s.lineEnd()
		s.blanks()
	}
	n := s.block(-1, false)
	switch s.blanks(); {
	case s.marker("---"):
		s.fail(s.at, "begins a second document; one file is one rulebook")
	case s.marker("..."):
		s.fail(s.at, "ends a document, which needs no mark here; take the line out")
	case s.more():
		s.fail(s.at, "stands further to the left than what it would belong to; indent it like its neighbours")
	}
	return n, s.fault
}

// legible reports whether all of the text may stand in a YAML file, and begins again at its first byte.
func (s *scanner) legible() bool {
	for i := 0; i < len(s.text); {
		r, size := utf8.DecodeRuneInString(s.text[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			s.skip(i)
			s.fail(s.at, "is not text in UTF-8; save the file as UTF-8")
			return false
		case r < ' ' && r != '\t' && r != '\n', r >= 0x7f && r < 0xa0, strings.ContainsRune("\u2028\u2029\ufeff\ufffe\uffff", r):
			s.skip(i)
			s.fail(s.at, "is a character that cannot be seen (U+%04X); take it out", r)
			return false
		}
		i += size
	}
	return true
}

// fail notes the first fault and ends the reading.
func (s *scanner) fail(at rules.Place, format string, values ...any) {
	if s.fault == nil {
		s.fault = &rules.Fault{At: at, Text: fmt.Sprintf(format, values...)}
	}
	s.i = len(s.text)
}

func (s *scanner) more() bool { return s.i < len(s.text) }

// peek is the byte n further on, a line's end behind the text.
func (s *scanner) peek(n int) byte {
	if s.i+n >= len(s.text) {
		return '\n'
	}
	return s.text[s.i+n]
}

// skip goes n bytes on, in whole letters.
func (s *scanner) skip(n int) {
	for end := min(s.i+n, len(s.text)); s.i < end; {
		_, size := utf8.DecodeRuneInString(s.text[s.i:])
		if s.text[s.i] == '\n' {
			s.at = rules.Place{Line: s.at.Line + 1, Column: 1}
		} else {
			s.at.Column++
		}
		s.i += size
	}
}

// take is the next n bytes.
func (s *scanner) take(n int) string {
	begin := s.i
	s.skip(n)
	return s.text[begin:s.i]
}

// line is what is left of this line.
func (s *scanner) line() string {
	rest := s.text[s.i:]
	if end := strings.IndexByte(rest, '\n'); end >= 0 {
		return rest[:end]
	}
	return rest
}

// indent is how far the present letter stands to the right.
func (s *scanner) indent() int { return s.at.Column - 1 }

// marker reports whether a line begins here with the three letters of a document's begin or end.
func (s *scanner) marker(m string) bool {
	return s.at.Column == 1 && s.more() && strings.HasPrefix(s.text[s.i:], m) && blank(s.peek(3))
}

func blank(b byte) bool { return b == ' ' || b == '\t' || b == '\n' }

// spaces goes over what separates within a line.
func (s *scanner) spaces() {
	for s.more() && s.peek(0) == ' ' {
		s.skip(1)
	}
	if s.more() && s.peek(0) == '\t' {
		s.fail(s.at, "is a tab; write spaces")
	}
}

// blanks goes over spaces, comments and empty lines to whatever comes next.
func (s *scanner) blanks() {
	for s.more() {
		s.spaces()
		if s.more() && s.peek(0) == '#' && s.apart() {
			s.skip(len(s.line()))
		}
		if !s.more() || s.peek(0) != '\n' {
			return
		}
		s.skip(1)
	}
}

// apart reports whether a blank or nothing stands before the present letter, as it must before a comment.
func (s *scanner) apart() bool { return s.i == 0 || blank(s.text[s.i-1]) }

// atEnd goes over spaces and reports whether nothing but a comment follows in this line.
func (s *scanner) atEnd() bool {
	s.spaces()
	return !s.more() || s.peek(0) == '\n' || s.peek(0) == '#' && s.apart()
}

// lineEnd wants nothing but a comment up to the end of the line.
func (s *scanner) lineEnd() {
	if s.atEnd() {
		return
	}
	if c := s.peek(0); c == ':' {
		s.fail(s.at, "a colon cannot stand here; put the whole text in quotes, or begin a new line")
		return
	}
	s.fail(s.at, "does not belong behind the value; put the whole value in quotes, or begin a new line")
}

// roomIn notes a list or mapping that has more than any rulebook needs.
func (s *scanner) roomIn(n *node) {
	if len(n.items) == maxWide || len(n.entries) == maxWide {
		s.fail(s.at, "is more than the %d items that a list or keys that a mapping may have; take some out", maxWide)
	}
}

// deeper reads what lies one level deeper.
func (s *scanner) deeper(at rules.Place, read func() *node) *node {
	if s.depth++; s.depth > maxDepth {
		s.fail(at, "lies more than %d levels deep; write it flatter", maxDepth)
		return &node{at: at}
	}
	n := read()
	s.depth--
	return n
}
