package events

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf16"
	"unicode/utf8"
)

const ones, highs = 0x0101010101010101, 0x8080808080808080

// hits marks the bytes of w that are a quote, a backslash or a control character, by their high bits. The lowest that is
// marked is one; a borrow may mark higher ones falsely.
func hits(w uint64) uint64 {
	low, slash := w^ones*0x02, w^ones*'\\' // low is below 0x21 of a quote too
	return ((low-ones*0x21)&^low | (slash-ones)&^slash) & highs
}

// strange goes on in a string from i, where an escape stands, or a control character, or the text's end is near.
func (s *scanner) strange(i int) int {
	for {
		if i = s.plainEnd(i); s.peek(i) == '"' {
			return i + 1
		}
		n := escapeLength(s.b[i:])
		if n == 0 {
			i, _ = s.fail(NotJSON, i)
			return i
		}
		i, s.escaped = i+n, true
	}
}

// plainEnd is where, from i on, a quote, a backslash or a control character stands, or the end.
func (s *scanner) plainEnd(i int) int {
	b := s.b
	for ; i+8 <= len(b); i += 8 {
		w := binary.LittleEndian.Uint64(b[i:])
		s.high |= w
		if hit := hits(w); hit != 0 {
			return i + bits.TrailingZeros64(hit)/8
		}
	}
	for i < len(b) && b[i] != '"' && b[i] != '\\' && b[i] >= ' ' {
		s.high |= uint64(b[i])
		i++
	}
	return i
}

// escapeLength is the length of the escape that b begins with, 0 if it is none.
func escapeLength(b []byte) int {
	if len(b) < 2 || b[0] != '\\' {
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
