package events

import "unicode/utf8"

// name is a member's name as it stands in a text, with its colon, and those that came next in the texts that were read:
// most senders write theirs always alike, so that a name need not be read but only compared.
type name struct {
	text      string
	next      [4]nameID
	part      part
	inContext part
	field     field
}

// nameID is a name's place in the memory of names.
type nameID uint16

const (
	noName    nameID = iota // of which nothing is known
	firstName               // none: it stands before a text's first
)

// nameMemory is names that were met. It is bounded, and changes how fast a text is read and nothing else.
type nameMemory struct {
	list  [mostNames]name
	count nameID
	index map[string]nameID
	room  int // for so many more of the present text
}

const (
	mostNames     = 1 << 10 // after which all are forgotten
	mostOfOneText = 4       // that are remembered anew, so that a text of many costs no more than others
	longestName   = 40
)

func newNameMemory() *nameMemory {
	return &nameMemory{count: firstName + 1, index: map[string]nameID{}}
}

// begin begins with another text.
func (m *nameMemory) begin() nameID {
	if m == nil {
		return noName
	}
	m.room = mostOfOneText
	return firstName
}

// expected goes over the name at i and its colon if that is one that came after the last one before, and to its value; else
// it returns 0.
func (s *scanner) expected(i int) int {
	if s.last == noName {
		return 0
	}
	b, list := s.b, &s.met.list
	for _, id := range &list[s.last%mostNames].next {
		if id == noName {
			return 0
		}
		n := list[id%mostNames].text
		end := i + len(n)
		if end >= len(b) || b[end-1] != ':' || string(b[i:end]) != n { // of another length it mostly has no colon there
			continue
		}
		s.last, s.nameAt, s.nameEnd = id, i, end-1
		if b[end] <= ' ' {
			return s.spaces(end)
		}
		return end
	}
	return 0
}

// meet is what is known of a name that came after another and means meant; noName if nothing is. A name that is not plain
// ASCII without escapes and followed by its colon is never known: one that is expected is not looked at again.
func (m *nameMemory) meet(after nameID, text, meant []byte) nameID {
	if len(meant) != len(text)-len(`"":`) {
		return noName
	}
	id, known := m.index[string(text)]
	if !known {
		if m.room == 0 || len(text) > longestName || !isASCII(meant) {
			return noName
		}
		if m.count == mostNames {
			*m = nameMemory{count: firstName + 1, index: map[string]nameID{}, room: m.room}
			after = noName
		}
		m.room--
		id = m.count
		n := name{text: string(text), part: partOf(meant), inContext: contextPartOf(meant), field: fieldOf(meant)}
		m.list[id%mostNames], m.index[n.text] = n, id
		m.count++
	}
	if after != noName {
		next := &m.list[after%mostNames].next
		copy(next[1:], next[:])
		next[0] = id
	}
	return id
}

func isASCII(b []byte) bool {
	for _, c := range b {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// part, inContext and field say which the last name is at the top of a message, in its context, or in an object.
func (s *scanner) part() part {
	if s.last != noName {
		return s.met.list[s.last%mostNames].part
	}
	return partOf(s.name())
}

func (s *scanner) inContext() part {
	if s.last != noName {
		return s.met.list[s.last%mostNames].inContext
	}
	return contextPartOf(s.name())
}

func (s *scanner) field() field {
	if s.last != noName {
		return s.met.list[s.last%mostNames].field
	}
	return fieldOf(s.name())
}
