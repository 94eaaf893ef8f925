package rulefile

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/touchfold/touchfold/state/rules"
)

// scalar reads a text, quoted or plain, in flow: within brackets. oneLine: a plain text that ends with its line, as keys do.
func (s *scanner) scalar(parent int, flow, inline bool) *node {
	switch c := s.peek(0); {
	case c == '"' || c == '\'':
		return s.quoted(parent, c)
	case c == '&' || c == '*':
		s.fail(s.at,
			"is an anchor or alias, which are not read here; write the value out, or put it in quotes if it is a text")
	case c == '!':
		s.fail(s.at, "is a tag, which is not read here; put the value in quotes if it is a text")
	case c == '%' && s.at.Column == 1:
		s.fail(s.at, "is a directive, which is not read here; take the line out")
	case c == '?' && (blank(s.peek(1)) || flow):
		s.fail(s.at, "is a complex key, which is not read here; write key: value")
	case c == '-' && (blank(s.peek(1)) || flow && inFlow(s.peek(1))):
		s.fail(s.at, "a dash begins an item of a list only at the begin of a line; put it in quotes if it is a text")
	case c == ':' && (blank(s.peek(1)) || flow):
		s.fail(s.at, "a key is missing before the colon; put texts that begin with one in quotes")
	case strings.IndexByte("%@`,[]{}#|>", c) >= 0:
		s.fail(s.at, "a text that begins with %c stands in quotes", c)
	default:
		return s.plain(parent, flow)
	}
	return &node{at: s.at}
}

func inFlow(c byte) bool { return strings.IndexByte(",[]{}", c) >= 0 }

// plain reads a text without quotes, which may go on in lines further to the right.
func (s *scanner) plain(parent int, flow bool) *node {
	n := &node{form: text, at: s.at, plain: true}
	var b writing
	b.add(s.word(flow), n.at)
	for s.fault == nil && s.peek(0) == '\n' && s.more() {
		back := *s
		ends := 0
		for s.more() && blank(s.peek(0)) && s.fault == nil {
			if s.peek(0) == '\n' {
				ends++
				s.skip(1)
			} else {
				s.spaces()
			}
		}
		goesOn := s.more() && (flow || s.indent() > parent) && s.peek(0) != '#' && !s.marker("---") && !s.marker("...")
		word, at := "", s.at
		if goesOn && !(flow && (inFlow(s.peek(0)) || s.peek(0) == ':')) {
			word = s.word(flow)
		}
		if word == "" {
			if s.fault == nil {
				*s = back
			}
			break
		}
		b.lines(ends, at)
		b.add(word, at)
	}
	n.text, n.from = b.String(), b.from
	if slices.Contains([]string{"", "~", "null", "Null", "NULL"}, n.text) {
		n.form = nothing
	}
	return n
}

// lines adds what line ends stand for: one is a space, more are one less.
func (w *writing) lines(ends int, at rules.Place) {
	w.add(strings.Repeat("\n", ends-1), at)
	if ends == 1 {
		w.add(" ", at)
	}
}

// word reads a plain text to its end in this line, without the spaces behind it.
func (s *scanner) word(flow bool) string {
	n := 0
	for c := s.peek(0); c != '\n'; n, c = n+1, s.peek(n+1) {
		next := s.peek(n + 1)
		colon := c == ':' && (blank(next) || flow && inFlow(next))
		if colon || flow && inFlow(c) || c == '#' && n > 0 && blank(s.peek(n-1)) {
			break
		}
	}
	word := strings.TrimRight(s.text[s.i:s.i+n], " \t")
	if strings.ContainsRune(word, '\t') {
		s.fail(s.at, "has a tab in it; write spaces, or put the text in quotes")
		return ""
	}
	s.skip(len(word))
	s.spaces()
	return word
}

// quoted reads a text in quotes, which may go on in further lines.
func (s *scanner) quoted(parent int, quote byte) *node {
	n := &node{form: text, at: s.at}
	s.skip(1)
	var b writing
	for {
		switch c := s.peek(0); {
		case s.fault != nil:
			return n
		case !s.more(), s.marker("---"), s.marker("..."):
			s.fail(n.at, "a quote that is never closed")
		case c == '\n':
			s.fold(&b, parent)
		case c == '\'' && quote == '\'' && s.peek(1) == '\'':
			b.add("'", s.at)
			s.skip(2)
		case c == quote:
			s.skip(1)
			n.text, n.from = b.String(), b.from
			return n
		case c == '\\' && quote == '"':
			s.escape(&b, parent)
		case c == ' ' || c == '\t':
			s.between(&b)
		default:
			_, size := utf8.DecodeRuneInString(s.text[s.i:])
			at := s.at
			b.add(s.take(size), at)
		}
	}
}

// between reads spaces within quotes, which count unless the line ends with them.
func (s *scanner) between(b *writing) {
	rest := s.text[s.i:]
	n := len(rest) - len(strings.TrimLeft(rest, " \t"))
	at := s.at
	if spaces := s.take(n); s.peek(0) != '\n' {
		b.add(spaces, at)
	}
}

// fold goes over line ends and the spaces that begin the next line.
func (s *scanner) fold(b *writing, parent int) {
	ends, at := 0, s.at
	for s.more() && blank(s.peek(0)) {
		if s.peek(0) == '\n' {
			ends++
		}
		s.skip(1)
	}
	if s.more() && s.indent() <= parent && !s.marker("---") && !s.marker("...") {
		s.fail(s.at, "goes on with the text in quotes above and stands too far to the left; indent it, or close the quote")
	}
	b.lines(ends, at)
}

// escapes are what a letter behind a backslash stands for.
var escapes = map[byte]string{'0': "\x00", 'a': "\a", 'b': "\b", 't': "\t", 'n': "\n", 'v': "\v", 'f': "\f", 'r': "\r",
	'e': "\x1b", ' ': " ", '"': `"`, '/': "/", '\\': `\`, 'N': "\u0085", '_': "\u00a0", 'L': "\u2028", 'P': "\u2029"}

// escape reads what begins with a backslash.
func (s *scanner) escape(b *writing, parent int) {
	c := s.peek(1)
	digits := map[byte]int{'x': 2, 'u': 4, 'U': 8}[c]
	switch {
	case c == '\n' && s.i+1 < len(s.text):
		s.skip(1)
		var line writing
		at := s.at
		s.fold(&line, parent)
		b.add(strings.TrimPrefix(line.String(), " "), at)
	case escapes[c] != "":
		b.add(escapes[c], s.at)
		s.skip(2)
	case digits > 0 && s.i+2+digits <= len(s.text):
		code, err := strconv.ParseUint(s.text[s.i+2:s.i+2+digits], 16, 32)
		if err != nil || !utf8.ValidRune(rune(code)) {
			s.fail(s.at, "is no letter; write \\%c and %d hexadecimal digits of one", c, digits)
			return
		}
		b.add(string(rune(code)), s.at)
		s.skip(2 + digits)
	default:
		s.fail(s.at, `within "double quotes" a backslash has one of 0abtnvfre"/\N_LPxuU behind it; use 'single quotes'`)
	}
}
