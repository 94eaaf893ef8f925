package events

// deepest is how deep the JSON of an accepted event nests at most: far beyond what a decoder lets in.
const deepest = 10_000

// Member is the value, as sent, of an object's member of that name, of equal names the last; nil if there is none or object
// is no JSON object. As what follows here it is for what was accepted once, such as Event.Rest: it goes over it in place.
func Member(object []byte, name string) []byte {
	s := scanner{b: object, maxDepth: deepest}
	s.space()
	if s.peek() != '{' {
		return nil
	}
	var found raw
	for more := s.enter(); more; more = s.next() {
		hit := string(s.key) == name
		if v := s.value(); hit {
			found = v
		}
	}
	if s.fault != 0 {
		return nil
	}
	return found
}

// Named is a member of a JSON object: its name, as it is meant, and its value, as sent.
type Named struct {
	Name  string
	Value []byte
}

// AppendMembers appends all members of an object, in order, and nothing if it is no JSON object.
func AppendMembers(to []Named, object []byte) []Named {
	s := scanner{b: object, maxDepth: deepest}
	s.space()
	if s.peek() != '{' {
		return to
	}
	before := len(to)
	for more := s.enter(); more; more = s.next() {
		name := view(s.key)
		if len(s.key) != len(s.keyText)-2 {
			name = string(s.key) // it was written with escapes, and s.key is used again
		}
		to = append(to, Named{name, s.value()})
	}
	if s.fault != 0 {
		return to[:before]
	}
	return to
}

// Element is the value at i, from 0, of an array of exactly n; nil of anything else.
func Element(array []byte, i, n int) []byte {
	s := scanner{b: array, maxDepth: deepest}
	s.space()
	if s.peek() != '[' {
		return nil
	}
	var found raw
	count := 0
	for more := s.enterArray(); more; more = s.nextElement() {
		if v := s.value(); count == i {
			found = v
		}
		count++
	}
	if s.fault != 0 || count != n {
		return nil
	}
	return found
}

// StringOf is what a JSON string means: a part of value itself where nothing in it is escaped, so value must never change.
// It is false of any other value.
func StringOf(value []byte) (string, bool) {
	s := scanner{b: value}
	if s.peek() != '"' {
		return "", false
	}
	escaped := s.str()
	if s.fault != 0 || s.i != len(value) {
		return "", false
	}
	text := value[1 : len(value)-1]
	if escaped {
		text = appendUnescaped(make([]byte, 0, len(text)), text)
	}
	return view(text), true
}
