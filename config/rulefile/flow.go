package rulefile

// flow reads [..] or {..}.
func (s *scanner) flow(parent int) *node {
	at := s.at
	return s.deeper(at, func() *node {
		if s.peek(0) == '[' {
			return s.brackets(parent)
		}
		return s.braces(parent)
	})
}

func (s *scanner) brackets(parent int) *node {
	n := &node{form: list, at: s.at}
	s.skip(1)
	for s.within(n, "]") {
		s.roomIn(n)
		n.items = append(n.items, s.flowValue(parent))
		if s.within(n, "") && s.peek(0) == ':' {
			s.fail(s.at, "a key stands in braces: write [{key: value}]")
		}
		s.comma(n, ']')
	}
	return n
}

func (s *scanner) braces(parent int) *node {
	n := &node{form: keys, at: s.at}
	s.skip(1)
	for s.within(n, "}") {
		if c := s.peek(0); c == '[' || c == '{' {
			s.fail(s.at, "a key was expected here, such as name:")
			return n
		}
		key := s.scalar(parent, true, true)
		if i := len(n.entries) - 1; s.fault == nil && i >= 0 && key.isNumber() && n.entries[i].value.isNumber() && s.peek(0) != ':' {
			s.fail(key.at, "a comma ends a number; write %s", brief(n.entries[i].value.text+key.text))
		}
		if s.fault == nil && !(s.colon() || !key.plain && s.peek(0) == ':') {
			s.fail(key.at,
				"wants a colon, a space and a value behind it; or quotes around it and what it belongs to")
		}
		if s.fault == nil && (key.at.Line != s.at.Line || len(key.text) > maxKey) {
			s.fail(key.at, "is no key: it is longer than %d bytes or a line", maxKey)
		}
		if s.fault != nil {
			return n
		}
		s.roomIn(n)
		s.skip(1)
		at := s.at
		value := &node{at: at}
		if s.within(n, "") && s.peek(0) != ',' && s.peek(0) != '}' {
			value = s.flowValue(parent)
		}
		n.entries = append(n.entries, entry{key.text, key.at, value})
		s.comma(n, '}')
	}
	return n
}

func (s *scanner) flowValue(parent int) *node {
	switch s.peek(0) {
	case '[', '{':
		return s.flow(parent)
	case ',', ']', '}':
		s.fail(s.at, "a value is missing before this")
		return &node{at: s.at}
	}
	return s.scalar(parent, true, true)
}

// within goes on to the next thing in n; false where n ends, which it goes over.
func (s *scanner) within(n *node, end string) bool {
	s.blanks()
	switch {
	case s.fault != nil:
		return false
	case !s.more(), s.marker("---"), s.marker("..."):
		s.fail(n.at, "is never closed; write a ] or } for each [ or {")
		return false
	case end != "" && s.peek(0) == end[0]:
		s.skip(1)
		return false
	}
	return true
}

// comma wants a comma or the end of n.
func (s *scanner) comma(n *node, end byte) {
	if !s.within(n, "") {
		return
	}
	switch s.peek(0) {
	case ',':
		s.skip(1)
	case end:
	default:
		s.fail(s.at, "wants a comma or %c before it; put texts with commas, colons or brackets in quotes", end)
	}
}
