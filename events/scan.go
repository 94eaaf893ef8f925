package events

import (
	"bytes"
	"encoding/binary"
	"math/bits"
)

// raw is the text of one JSON value, without space around it; empty where there is none.
type raw []byte

// absent is true of no value and of null, which count alike.
func (v raw) absent() bool { return len(v) == 0 || v[0] == 'n' }

// object is true of {...}.
func (v raw) object() bool { return len(v) > 0 && v[0] == '{' }

// span is where a value stands in a text; the zero span is none.
type span struct{ at, end uint32 }

// of is the value that stands in text.
func (v span) of(text []byte) raw { return text[v.at:v.end] }

// scanner walks over one JSON text in place, by the grammar of RFC 8259 and nothing looser. Its methods are told where in
// the text they begin and return where they end; after a fault that is the text's end, so that all ends at once: who walks
// looks at the fault when done. That strings are UTF-8 is left to him; they are if ascii is true.
type scanner struct {
	b        []byte
	depth    int
	maxDepth int
	fault    Reason // NotJSON, TooDeep; 0 while all is well
	faultAt  int
	escaped  bool   // some string that was come to has escapes
	high     uint64 // words of all strings that were come to since it was 0, or'ed

	// The name of the member that was come to last, with its quotes, and what is known of it; see expect.go.
	nameAt, nameEnd int
	last            nameID
	met             *nameMemory
	memory          []byte // of names with escapes
}

// start begins with a text, and returns where its value does. It leaves high as it is.
func (s *scanner) start(b []byte, maxDepth int) int {
	s.b, s.depth, s.maxDepth, s.fault, s.escaped, s.last = b, 0, maxDepth, 0, false, s.met.begin()
	return s.space(0)
}

// ascii: nothing else stands in a text that is correct otherwise.
func (s *scanner) ascii() bool { return s.high&highs == 0 }

func (s *scanner) fail(r Reason, at int) (end int, more bool) {
	if s.fault == 0 {
		s.fault, s.faultAt = r, at
	}
	return len(s.b), false
}

// peek is the byte at i, 0 at the end (which begins nothing in JSON).
func (s *scanner) peek(i int) byte {
	if i < len(s.b) {
		return s.b[i]
	}
	return 0
}

// space goes over white space, of which there mostly is none.
func (s *scanner) space(i int) int {
	if i < len(s.b) && s.b[i] <= ' ' {
		return s.spaces(i)
	}
	return i
}

func (s *scanner) spaces(i int) int {
	for ; i < len(s.b); i++ {
		if c := s.b[i]; c != ' ' && c != '\n' && c != '\t' && c != '\r' {
			break
		}
	}
	return i
}

// end checks that nothing but space is left.
func (s *scanner) end(i int) {
	if i = s.space(i); i < len(s.b) {
		s.fail(NotJSON, i)
	}
}

// open goes into the object or array at i.
func (s *scanner) open(i int) (int, bool) {
	if s.depth++; s.depth > s.maxDepth {
		return s.fail(TooDeep, i)
	}
	return s.space(i + 1), true
}

// shut goes out of the one that ends at i.
func (s *scanner) shut(i int) (int, bool) {
	s.depth--
	return i + 1, false
}

// enter goes into the object at i and to the value of its first member; false if there is none. The walk over an object
// is: for i, more := s.enter(i); more; i, more = s.next(i) { use s.name(); i = s.value(i) }.
func (s *scanner) enter(i int) (int, bool) {
	i, ok := s.open(i)
	switch {
	case !ok:
		return i, false
	case s.peek(i) == '}':
		return s.shut(i)
	}
	return s.member(i)
}

// next goes from the end of a member to the next one's value; false at the end of the object.
func (s *scanner) next(i int) (int, bool) {
	if i < len(s.b) && s.b[i] == ',' {
		if end := s.expected(i + 1); end > 0 {
			return end, true
		}
		return s.member(i + 1)
	}
	i = s.space(i)
	switch s.peek(i) {
	case ',':
		return s.member(i + 1)
	case '}':
		return s.shut(i)
	}
	return s.fail(NotJSON, i)
}

// member goes over the name at i and its colon.
func (s *scanner) member(i int) (int, bool) {
	i = s.space(i)
	if end := s.expected(i); end > 0 {
		return s.space(end), true
	}
	end := s.str(i)
	colon := s.space(end)
	if s.peek(colon) != ':' {
		return s.fail(NotJSON, colon)
	}
	s.nameAt, s.nameEnd = i, end
	if s.met != nil {
		s.last = s.met.meet(s.last, s.b[i:colon+1], s.name())
	}
	return s.space(colon + 1), true
}

// name is what the last member's name means, good until the next one.
func (s *scanner) name() []byte {
	name := s.b[s.nameAt+1 : s.nameEnd-1]
	if bytes.IndexByte(name, '\\') >= 0 {
		s.memory = appendUnescaped(s.memory[:0], name)
		return s.memory
	}
	return name
}

// enterArray goes into the array at i and to its first element, nextElement from the end of one to the following.
func (s *scanner) enterArray(i int) (int, bool) {
	i, ok := s.open(i)
	if ok && s.peek(i) == ']' {
		return s.shut(i)
	}
	return i, ok
}

func (s *scanner) nextElement(i int) (int, bool) {
	i = s.space(i)
	switch s.peek(i) {
	case ',':
		return s.space(i + 1), true
	case ']':
		return s.shut(i)
	}
	return s.fail(NotJSON, i)
}

// value goes over the value at i, whatever it is.
func (s *scanner) value(i int) int {
	b := s.b
	if i >= len(b) || b[i] != '"' {
		return s.noString(i)
	}
	var high uint64
	for i++; i+8 <= len(b); i += 8 {
		w := binary.LittleEndian.Uint64(b[i:])
		high |= w
		if hit := hits(w); hit != 0 {
			s.high |= high
			if i += bits.TrailingZeros64(hit) / 8; b[i] == '"' {
				return i + 1
			}
			return s.strange(i)
		}
	}
	s.high |= high
	return s.strange(i)
}

// noString goes over a value that is no string.
func (s *scanner) noString(i int) int {
	switch s.peek(i) {
	case '{':
		i, more := s.enter(i)
		for more {
			i, more = s.next(s.value(i))
		}
		return i
	case '[':
		i, more := s.enterArray(i)
		for more {
			i, more = s.nextElement(s.value(i))
		}
		return i
	case 't':
		return s.literal(i, "true")
	case 'f':
		return s.literal(i, "false")
	case 'n':
		return s.literal(i, "null")
	}
	n := numberLength(s.b[i:])
	if n == 0 {
		i, _ = s.fail(NotJSON, i)
	}
	return i + n
}

func (s *scanner) literal(i int, word string) int {
	if len(s.b)-i < len(word) || string(s.b[i:i+len(word)]) != word {
		i, _ = s.fail(NotJSON, i)
		return i
	}
	return i + len(word)
}

// numberLength is how many bytes at the beginning of b are a JSON number, 0 if it begins with none.
func numberLength(b []byte) int {
	i := 0
	if len(b) > 0 && b[0] == '-' {
		i = 1
	}
	switch at := i; {
	case digitsEnd(b, at) == at:
		return 0
	case b[at] == '0':
		i++ // and no digit after it
	default:
		i = digitsEnd(b, at)
	}
	if i < len(b) && b[i] == '.' {
		at := i + 1
		if i = digitsEnd(b, at); i == at {
			return 0
		}
	}
	if i < len(b) && b[i]|0x20 == 'e' {
		at := i + 1
		if at < len(b) && (b[at] == '+' || b[at] == '-') {
			at++
		}
		if i = digitsEnd(b, at); i == at {
			return 0
		}
	}
	return i
}

// digitsEnd is where, from i on, the digits end.
func digitsEnd(b []byte, i int) int {
	for i < len(b) && b[i]-'0' <= 9 {
		i++
	}
	return i
}

// str goes over the string at i.
func (s *scanner) str(i int) int {
	if s.peek(i) != '"' {
		i, _ = s.fail(NotJSON, i)
		return i
	}
	return s.value(i)
}
