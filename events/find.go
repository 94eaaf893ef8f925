package events

// deepest is how deep the JSON of an accepted event nests at most: far beyond what a decoder lets in.
const deepest = 10_000

// Member is the value, as sent, of an object's member of that name, of equal names the last; nil if there is none or object
// is no JSON object. As what follows here it is for what was accepted once, such as Event.Rest: it goes over it in place.
func Member(object []byte, name string) []byte {
	s := scanner{b: object, maxDepth: deepest}
	i := s.space(0)
	if s.peek(i) != '{' {
		return nil
	}
	var found raw
	for i, more := s.enter(i); more; i, more = s.next(i) {
		at := i
		hit := string(s.name()) == name
		if i = s.value(at); hit {
			found = object[at:i]
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
	i := s.space(0)
	if s.peek(i) != '{' {
		return to
	}
	before := len(to)
	for i, more := s.enter(i); more; i, more = s.next(i) {
		s.memory = nil // a name that is written with escapes stays there
		name, at := view(s.name()), i
		i = s.value(at)
		to = append(to, Named{name, object[at:i]})
	}
	if s.fault != 0 {
		return to[:before]
	}
	return to
}

// Element is the value at i, from 0, of an array of exactly n; nil of anything else.
func Element(array []byte, i, n int) []byte {
	s := scanner{b: array, maxDepth: deepest}
	at := s.space(0)
	if s.peek(at) != '[' {
		return nil
	}
	var found raw
	count := 0
	for at, more := s.enterArray(at); more; at, more = s.nextElement(at) {
		from := at
		if at = s.value(from); count == i {
			found = array[from:at]
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
	if s.peek(0) != '"' || s.str(0) != len(value) || s.fault != 0 {
		return "", false
	}
	text := value[1 : len(value)-1]
	if s.escaped {
		text = appendUnescaped(make([]byte, 0, len(text)), text)
	}
	return view(text), true
}
