// Package field reads the fields of an event that rules name, as docs/rulebook.md lists them: texts and decimals. As against
// package events, which holds what a feature knows by name, it finds what a marketer names. Its one rule: what cannot be
// read as a text or a number is not there.
package field

import (
	"strings"
	"unsafe"

	"github.com/touchfold/touchfold/events"
)

// Value is a field's value: a text, a number, or a text that is a number ("4.5"). The zero Value is the empty text.
type Value struct {
	Text     string // of a number "", unless it was sent as a text or is more than Number has: String has its text
	Number   int64  // millionths
	IsNumber bool
	Digits   bool // it was sent as a number, of which Text has the digits
}

// ValueOf is a text, which is a number too if it is a decimal.
func ValueOf(text string) Value {
	n, ok := ParseNumber(text)
	return Value{Text: text, Number: n, IsNumber: ok}
}

// NumberOf is a number.
func NumberOf(millionths int64) Value { return Value{Number: millionths, IsNumber: true} }

// String is the text of the value: a string as it was sent, a number as its shortest decimal, or as it was sent if that says
// more.
func (v Value) String() string {
	if v.Text != "" || !v.IsNumber {
		return v.Text
	}
	return string(AppendNumber(nil, v.Number))
}

// AsNumber says whether the value was sent as a number.
func (v Value) AsNumber() bool { return v.IsNumber && (v.Text == "" || v.Digits) }

// Exact says whether Number is all that the text of a number says.
func (v Value) Exact() bool {
	if v.Text == "" || v.Digits {
		return !v.Digits
	}
	_, exact, _ := parseNumber(v.Text)
	return exact
}

// Append appends what String is.
func (v Value) Append(b []byte) []byte {
	if v.Text != "" || !v.IsNumber {
		return append(b, v.Text...)
	}
	return AppendNumber(b, v.Number)
}

// Subject is what fields are read of: an event, or one product line of it. One serves an evaluator, event after event.
type Subject struct {
	Currency events.Currency // of the business: amounts in others are not there

	event *events.Event
	item  int
	code  events.Currency // the last currency read, and its text
	text  string

	members    []events.Named // of Rest, once asked for
	hasMembers bool
	lineJSON   []byte // what else was sent of the line, once asked for
	hasLine    bool
}

// Reset turns to another event, and to its product line at item, or to none with -1. The event must not change until the next.
func (s *Subject) Reset(e *events.Event, item int) {
	s.event, s.hasMembers = e, false
	s.Turn(item)
}

// Turn turns to another product line of the same event, or to none with -1.
func (s *Subject) Turn(item int) { s.item, s.hasLine = item, false }

// Item is the product line that is turned to, -1 for none.
func (s *Subject) Item() int { return s.item }

// Read is the value of the field, false if it is not there. The texts are the event's, or as lasting.
func (p Path) Read(s *Subject) (Value, bool) {
	if p.IsText() {
		t, ok := p.fixedText(s)
		if !ok {
			return Value{}, false
		}
		return ValueOf(t), true
	}
	e := s.event
	switch p.kind {
	case value:
		return s.money(e.Order.Value, e.Order.Stated)
	case units:
		return NumberOf(clamp(int64(e.Order.Units), One/1000)), e.Order.Units != 0
	case property:
		return ValueOfJSON(p.property(s))
	case trait:
		return ValueOfJSON(s.trait(p.names))
	}
	if s.item < 0 || s.item >= len(e.Items) {
		return Value{}, false
	}
	return p.ofItem(s, &e.Items[s.item])
}

// Text is the text of what Read returns.
func (p Path) Text(s *Subject) (string, bool) {
	if p.IsText() {
		return p.fixedText(s)
	}
	v, ok := p.Read(s)
	return v.String(), ok
}

// fixedText is a field that is always a text: one that was not sent is empty.
func (p Path) fixedText(s *Subject) (t string, ok bool) {
	e := s.event
	switch p.kind {
	case name:
		t = e.Name
	case channel:
		t = e.Channel
	case source:
		t = e.Source
	case id:
		t = e.ID
	case orderID:
		t = e.Order.ID
	case currency:
		t = s.currency()
	default:
		if s.item >= 0 && s.item < len(e.Items) {
			t = p.itemText(&e.Items[s.item])
		}
	}
	return t, t != ""
}

func (p Path) itemText(it *events.Item) string {
	switch p.kind {
	case productID:
		return it.ProductID
	case category:
		return it.Category
	}
	return it.Serial
}

func (p Path) ofItem(s *Subject, it *events.Item) (Value, bool) {
	switch p.kind {
	case quantity:
		return NumberOf(clamp(int64(it.Quantity), One/1000)), true
	case price:
		return s.money(it.Price, it.Price != 0)
	case warranty:
		return NumberOf(int64(it.Warranty) * One), it.Warranty != 0
	}
	return ValueOfJSON(find(s.line(), p.names, true))
}

// member is the value of a property.
func (s *Subject) member(name string) []byte {
	if !s.hasMembers {
		s.members, s.hasMembers = events.AppendMembers(s.members[:0], s.event.Rest), true
	}
	for i := len(s.members) - 1; i >= 0; i-- { // of equal names the last counts
		if s.members[i].Name == name {
			return s.members[i].Value
		}
	}
	return nil
}

// line is what else was sent of the product line: see events.Event.Rest. The properties of a Basket may be its one line.
func (s *Subject) line() []byte {
	if s.hasLine {
		return s.lineJSON
	}
	e := s.event
	s.hasLine, s.lineJSON = true, nil
	for _, list := range [...]string{"products", "items"} {
		if line := events.Element(s.member(list), s.item, len(e.Items)); line != nil {
			s.lineJSON = line
			return line
		}
	}
	if len(e.Items) == 1 && e.Type.About().Body == events.Basket {
		s.lineJSON = e.Rest
	}
	return s.lineJSON
}

func (s *Subject) currency() string {
	if code := s.event.Order.Currency; code != s.code {
		s.code, s.text = code, code.String()
	}
	return s.text
}

// money is an amount of the event's in major units.
func (s *Subject) money(minor int64, stated bool) (Value, bool) {
	c := s.event.Order.Currency
	if !stated || c != s.Currency || c == (events.Currency{}) {
		return Value{}, false
	}
	switch c.Digits() { // written out, so that the bounds are constants
	case 0:
		minor = clamp(minor, One)
	case 2:
		minor = clamp(minor, One/100)
	case 3:
		minor = clamp(minor, One/1000)
	case 4:
		minor = clamp(minor, One/10_000)
	}
	return NumberOf(minor), true
}

// clamp is n × unit, within Most.
func clamp(n, unit int64) int64 { return min(max(n, -Most/unit), Most/unit) * unit }

// Sent is the JSON of a field that has no name of its own, nil if it was not sent or is null.
func (p Path) Sent(s *Subject) (sent []byte) {
	switch {
	case p.kind == property:
		sent = p.property(s)
	case p.kind == trait:
		sent = s.trait(p.names)
	case p.kind == other && s.item >= 0 && s.item < len(s.event.Items):
		sent = find(s.line(), p.names, true)
	}
	if len(sent) == 0 || sent[0] == 'n' {
		return nil
	}
	return sent
}

// Has says whether the field is there, be it an object or an array, which Read does not read.
func (p Path) Has(s *Subject) bool {
	switch {
	case p.kind == property || p.kind == trait || p.kind == other:
		return p.Sent(s) != nil
	case p.IsText():
		_, ok := p.fixedText(s)
		return ok
	}
	_, ok := p.Read(s)
	return ok
}

func (s *Subject) trait(name string) []byte {
	for i := range s.event.Traits {
		if s.event.Traits[i].Name == name {
			return s.event.Traits[i].Value
		}
	}
	return nil
}

// property goes down the names of the path from the properties.
func (p Path) property(s *Subject) []byte {
	if p.names == "" {
		return s.event.Rest
	}
	first, rest, more := strings.Cut(p.names, separator)
	return find(s.member(first), rest, more)
}

// find goes down names from an object.
func find(object []byte, names string, more bool) []byte {
	for more && object != nil {
		var name string
		name, names, more = strings.Cut(names, separator)
		object = events.Member(object, name)
	}
	return object
}

// ValueOfJSON is what a JSON value is to rules.
func ValueOfJSON(sent []byte) (Value, bool) {
	if len(sent) == 0 {
		return Value{}, false
	}
	switch sent[0] {
	case '"':
		s, ok := events.StringOf(sent)
		if !ok {
			return Value{}, false
		}
		return ValueOf(s), true
	case 't':
		return Value{Text: "true"}, string(sent) == "true"
	case 'f':
		return Value{Text: "false"}, string(sent) == "false"
	}
	digits := unsafe.String(unsafe.SliceData(sent), len(sent))
	n, exact, ok := parseNumber(digits)
	if ok && !exact {
		return Value{digits, n, true, true}, true
	}
	return Value{Number: n, IsNumber: ok}, ok
}
