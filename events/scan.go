package events

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf16"
	"unicode/utf8"
)

// raw is the text of one JSON value, without space around it; nil where there is none.
type raw []byte

// absent is true of no value and of null, which count alike.
func (v raw) absent() bool { return len(v) == 0 || v[0] == 'n' }

// object is true of {...}.
func (v raw) object() bool { return len(v) > 0 && v[0] == '{' }

// scanner walks over one JSON text in place, by the grammar of RFC 8259 and nothing looser. After a fault all its
// methods end at once: who walks looks at the fault when done. The text is valid UTF-8.
type scanner struct {
	b        []byte
	i        int
	depth    int
	maxDepth int
	fault    Reason // NotJSON, TooDeep; 0 while all is well
	faultAt  int

	key     []byte // the name of the member that was come to last, good until the next
	keyText raw    // as it stands in b
	memory  []byte // of names with escapes
}

// start begins with another text.
func (s *scanner) start(b []byte, maxDepth int) {
	*s = scanner{b: b, maxDepth: maxDepth, memory: s.memory}
	s.space()
}

func (s *scanner) fail(r Reason) bool {
	if s.fault == 0 {
		s.fault, s.faultAt = r, s.i
	}
	s.i = len(s.b)
	return false
}

// peek is the byte ahead, 0 at the end (which begins nothing in JSON).
func (s *scanner) peek() byte {
	if s.i < len(s.b) {
		return s.b[s.i]
	}
	return 0
}

// space goes over white space, of which there mostly is none.
func (s *scanner) space() {
	if s.i < len(s.b) && s.b[s.i] <= ' ' {
		s.spaces()
	}
}

func (s *scanner) spaces() {
	for s.i < len(s.b) {
		switch s.b[s.i] {
		case ' ', '\n', '\t', '\r':
			s.i++
		default:
			return
		}
	}
}

// end checks that nothing but space is left.
func (s *scanner) end() {
	s.space()
	if s.i < len(s.b) {
		s.fail(NotJSON)
	}
}

// open goes into the object or array ahead.
func (s *scanner) open() bool {
	if s.depth++; s.depth > s.maxDepth {
		return s.fail(TooDeep)
	}
	s.i++
	s.space()
	return true
}

// shut goes out of it.
func (s *scanner) shut() bool {
	s.i++
	s.depth--
	return false
}

// enter goes into the object ahead and to the value of its first member; false if there is none. The walk over an
// object is: for more := s.enter(); more; more = s.next() { use s.key; s.value() }.
func (s *scanner) enter() bool {
	if !s.open() {
		return false
	}
	if s.peek() == '}' {
		return s.shut()
	}
	return s.member()
}

// next goes to the next member's value; false at the end of the object.
func (s *scanner) next() bool {
	s.space()
	switch s.peek() {
	case ',':
		s.i++
		s.space()
		return s.member()
	case '}':
		return s.shut()
	}
	return s.fail(NotJSON)
}

// member reads a name and its colon.
func (s *scanner) member() bool {
	at := s.i
	escaped := s.str()
	end := s.i
	s.space()
	if s.peek() != ':' {
		return s.fail(NotJSON)
	}
	s.keyText = s.b[at:end]
	s.key = s.keyText[1 : len(s.keyText)-1]
	if escaped {
		s.memory = appendUnescaped(s.memory[:0], s.key)
		s.key = s.memory
	}
	s.i++
	s.space()
	return true
}

// enterArray goes into the array ahead and to its first element, nextElement to the following ones.
func (s *scanner) enterArray() bool {
	if !s.open() {
		return false
	}
	if s.peek() == ']' {
		return s.shut()
	}
	return true
}

func (s *scanner) nextElement() bool {
	s.space()
	switch s.peek() {
	case ',':
		s.i++
		s.space()
		return true
	case ']':
		return s.shut()
	}
	return s.fail(NotJSON)
}

// value goes over the value ahead, whatever it is.
func (s *scanner) value() raw {
	at := s.i
	switch s.peek() {
	case '"':
		s.str()
	case '{':
		for more := s.enter(); more; more = s.next() {
			s.value()
		}
	case '[':
		for more := s.enterArray(); more; more = s.nextElement() {
			s.value()
		}
	case 't':
		s.literal("true")
	case 'f':
		s.literal("false")
	case 'n':
		s.literal("null")
	default:
		s.number()
	}
	if s.fault != 0 {
		return nil
	}
	return s.b[at:s.i]
}

func (s *scanner) literal(word string) {
	if len(s.b)-s.i < len(word) || string(s.b[s.i:s.i+len(word)]) != word {
		s.fail(NotJSON)
		return
	}
	s.i += len(word)
}

func (s *scanner) number() {
	n := numberLength(s.b[s.i:])
	if n == 0 {
		s.fail(NotJSON)
		return
	}
	s.i += n
}

// numberLength is how many bytes at the beginning of b are a JSON number, 0 if it begins with none.
func numberLength(b []byte) int {
	i := 0
	digits := func() bool {
		at := i
		for i < len(b) && b[i]-'0' <= 9 {
			i++
		}
		return i > at
	}
	if i < len(b) && b[i] == '-' {
		i++
	}
	if i < len(b) && b[i] == '0' {
		i++
	} else if !digits() {
		return 0
	}
	if i < len(b) && b[i] == '.' {
		if i++; !digits() {
			return 0
		}
	}
	if i < len(b) && b[i]|0x20 == 'e' {
		if i++; i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		if !digits() {
			return 0
		}
	}
	return i
}

// str goes over the string ahead and says whether it has escapes.
func (s *scanner) str() (escaped bool) {
	if s.peek() != '"' {
		return s.fail(NotJSON)
	}
	b, i := s.b, s.i+1
	for {
		i = plainEnd(b, i)
		if i == len(b) || b[i] < 0x20 {
			s.i = i
			return s.fail(NotJSON)
		}
		if b[i] == '"' {
			s.i = i + 1
			return escaped
		}
		n := escapeLength(b[i:])
		if n == 0 {
			s.i = i
			return s.fail(NotJSON)
		}
		i, escaped = i+n, true
	}
}

// plainEnd is where, from i on, a quote, a backslash or a control character stands, or len(b).
func plainEnd(b []byte, i int) int {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	for ; i+8 <= len(b); i += 8 {
		w := binary.LittleEndian.Uint64(b[i:])
		quote, slash := w^ones*'"', w^ones*'\\'
		// In each term the lowest bit that is set marks a true hit; a borrow may set higher ones falsely.
		hit := ((quote-ones)&^quote | (slash-ones)&^slash | (w-ones*0x20)&^w) & highs
		if hit != 0 {
			return i + bits.TrailingZeros64(hit)/8
		}
	}
	for i < len(b) && b[i] != '"' && b[i] != '\\' && b[i] >= 0x20 {
		i++
	}
	return i
}

// escapeLength is the length of the escape that b begins with, 0 if it is none.
func escapeLength(b []byte) int {
	if len(b) < 2 {
		return 0
	}
	switch b[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
		if hex4(b[2:]) >= 0 {
			return 6
		}
	}
	return 0
}

// hex4 is the number that four hexadecimal digits write, -1 if they do not stand there.
func hex4(b []byte) rune {
	if len(b) < 4 {
		return -1
	}
	var r rune
	for _, c := range b[:4] {
		switch {
		case c-'0' <= 9:
			c -= '0'
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return -1
		}
		r = r<<4 | rune(c)
	}
	return r
}

// appendUnescaped appends what the inside of a string, already found correct, means. It is never longer than what it
// is written as. A surrogate without its partner is U+FFFD, as encoding/json has it.
func appendUnescaped(to, inside []byte) []byte {
	for i := 0; i < len(inside); {
		c := inside[i]
		if c != '\\' {
			to = append(to, c)
			i++
			continue
		}
		if inside[i+1] != 'u' {
			to = append(to, unescape(inside[i+1]))
			i += 2
			continue
		}
		r := hex4(inside[i+2:])
		i += 6
		if utf16.IsSurrogate(r) {
			low := rune(-1)
			if i+1 < len(inside) && inside[i] == '\\' && inside[i+1] == 'u' {
				low = hex4(inside[i+2:])
			}
			if r = utf16.DecodeRune(r, low); r != utf8.RuneError {
				i += 6
			}
		}
		to = utf8.AppendRune(to, r)
	}
	return to
}

func unescape(c byte) byte {
	switch c {
	case 'b':
		return '\b'
	case 'f':
		return '\f'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	}
	return c
}
