package events

import "unicode/utf8"

// name is a member's name as it stands in a text, its colon included, and those that came next in the texts that were
// read: most senders write theirs always alike, so that a name need not be read but only compared.
type name struct {
	text      string
	next      [2]*name
	part      part
	inContext part
	field     field
}

// expected is the name that stands at i, if it is one that came after the last one before; else nil.
func (s *scanner) expected(i int) *name {
	if s.last == nil {
		return nil
	}
	for _, n := range &s.last.next {
		if n != nil && len(s.b)-i >= len(n.text) && string(s.b[i:i+len(n.text)]) == n.text {
			return n
		}
	}
	return nil
}

// met is the names that were met: a memory of bounded size that changes how fast a text is read, and nothing else.
type met struct {
	names map[string]*name
	first name // stands before a text's first name
	room  int  // for so many names more of the present text
}

const (
	mostNames     = 1000 // above which all are forgotten
	mostOfOneText = 4    // that are remembered anew, so that a text of many costs no more than others
	longestName   = 40
)

func newMet() *met { return &met{names: map[string]*name{}} }

// begin begins with another text.
func (m *met) begin() *name {
	if m == nil {
		return nil
	}
	m.room = mostOfOneText
	return &m.first
}

// meet is what is known of a name that came after another and means meant; nil if nothing is. A name that is not plain
// ASCII without escapes and followed by its colon is never known: one that is expected is not looked at again.
func (m *met) meet(after *name, text, meant []byte) *name {
	if len(meant) != len(text)-len(`"":`) {
		return nil
	}
	n := m.names[string(text)]
	if n == nil {
		if m.room == 0 || len(text) > longestName || !isASCII(meant) {
			return nil
		}
		m.room--
		if len(m.names) == mostNames {
			*m = *newMet()
			after = nil
		}
		n = &name{text: string(text), part: partOf(meant), inContext: contextPartOf(meant), field: fieldOf(meant)}
		m.names[n.text] = n
	}
	if after != nil {
		after.next[1], after.next[0] = after.next[0], n
	}
	return n
}

// part, inContext and field say which the last name is at the top of a message, in its context, or in an object.
func (s *scanner) part() part {
	if s.last != nil {
		return s.last.part
	}
	return partOf(s.name())
}

func (s *scanner) inContext() part {
	if s.last != nil {
		return s.last.inContext
	}
	return contextPartOf(s.name())
}

func (s *scanner) field() field {
	if s.last != nil {
		return s.last.field
	}
	return fieldOf(s.name())
}

func isASCII(b []byte) bool {
	for _, c := range b {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
