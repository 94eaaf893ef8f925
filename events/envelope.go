package events

import (
	"bytes"
	"encoding/base64"
	"hash"
	"slices"
	"strings"
	"unicode/utf8"
)

// shape is how a record holds its event.
type shape uint8

const (
	bareShape       shape = iota // a Segment message
	binaryShape                  // a CloudEvent with its attributes in headers
	structuredShape              // a CloudEvent as JSON
)

// attribute is one of a CloudEvent's attributes that the decoder reads.
type attribute uint8

const (
	specversion attribute = iota
	ceID
	ceSource
	ceType
	ceTime
	ceSubject
	ceSequence
	attributeCount
)

var attributeNames = [attributeCount]string{"specversion", "id", "source", "type", "time", "subject", "sequence"}

// attributeOf finds an attribute by its name without ce_.
func attributeOf[T ~string | ~[]byte](name T) (attribute, bool) {
	for a, n := range attributeNames {
		if n == string(name) {
			return attribute(a), true
		}
	}
	return 0, false
}

// envelope is what stands around a CloudEvent's data.
type envelope struct {
	shape      shape
	attributes [attributeCount][]byte // their text; nil where there is none
	unreadable [attributeCount]bool   // sent, but not as text
	sent       bool                   // some were
	headers    []Header
}

// readHeaders finds the shape and, of a binary CloudEvent, the attributes: of equal names the last, as everywhere.
func (v *envelope) readHeaders(headers []Header) *Refusal {
	if v.shape, v.headers = bareShape, headers; v.sent {
		v.sent, v.attributes, v.unreadable = false, [attributeCount][]byte{}, [attributeCount]bool{}
	}
	for i := range headers {
		h := &headers[i]
		if strings.EqualFold(h.Key, "content-type") {
			const prefix = "application/cloudevents"
			v.shape = bareShape
			if len(h.Value) >= len(prefix) && strings.EqualFold(string(h.Value[:len(prefix)]), prefix) {
				v.shape = structuredShape
			}
		}
	}
	if v.shape == structuredShape {
		return nil
	}
	for i := range headers {
		h := &headers[i]
		name, ce := strings.CutPrefix(h.Key, "ce_")
		if !ce {
			continue
		}
		a, known := attributeOf(name)
		if !known {
			continue
		}
		if a <= ceType {
			v.shape = binaryShape
		}
		if !utf8.Valid(h.Value) {
			return &Refusal{InvalidUTF8, "the header ce_" + attributeNames[a] + " is not UTF-8"}
		}
		v.attributes[a], v.sent = h.Value, true
	}
	return nil
}

// readEnvelope reads a structured CloudEvent up to its data, which it returns with the text in which it stands, to its end.
func (d *Decoder) readEnvelope(value []byte) (text []byte, at int, _ *Refusal) {
	s, v := &d.scan, &d.env
	i := s.start(value, d.config.MaxDepth)
	if s.peek(i) != '{' {
		s.end(s.value(i))
		if refusal := s.refusal(); refusal != nil {
			return nil, 0, refusal
		}
		return nil, 0, &Refusal{NotObject, "the envelope is not an object"}
	}
	var attributes [attributeCount]span
	var data, encoded, unread span
	i, more := s.enter(i)
	for more {
		var of *span
		at, name := i, s.name()
		a, known := attributeOf(name)
		switch {
		case known:
			of = &attributes[a]
		case string(name) == "data":
			of = &data
		case string(name) == "data_base64":
			of = &encoded
		default:
			of = &unread
		}
		i = s.value(at)
		*of = span{uint32(at), uint32(i)}
		i, more = s.next(i)
	}
	s.end(i)
	if refusal := s.refusal(); refusal != nil {
		return nil, 0, refusal
	}
	v.sent = true
	for a := range attributes {
		value := attributes[a].of(value)
		if value.absent() {
			continue
		}
		v.attributes[a], v.unreadable[a] = d.peek(value), value[0] != '"'
		if attribute(a) == ceSequence {
			v.attributes[a] = d.id(value)
		}
	}
	return d.data(value, data, encoded)
}

// data finds the data of a structured CloudEvent.
func (d *Decoder) data(value []byte, data, encoded span) (text []byte, at int, _ *Refusal) {
	switch {
	case encoded.of(value).absent():
		if !data.of(value).object() {
			return nil, 0, &Refusal{NotObject, "the data of the CloudEvent is not an object"}
		}
		return value[:data.end], int(data.at), nil
	case !data.of(value).absent():
		return nil, 0, &Refusal{UnknownEnvelope, "a CloudEvent with both data and data_base64"}
	case value[encoded.at] != '"':
		return nil, 0, &Refusal{UnknownEnvelope, "data_base64 is not a string"}
	}
	sent := d.peek(encoded.of(value))
	text = make([]byte, base64.StdEncoding.DecodedLen(len(sent)))
	n, err := base64.StdEncoding.Decode(text, sent)
	if err != nil {
		return nil, 0, &Refusal{NotJSON, "data_base64 is not base64"}
	}
	if !utf8.Valid(text[:n]) {
		return nil, 0, &Refusal{InvalidUTF8, "data_base64 does not hold UTF-8"}
	}
	return text[:n], 0, nil
}

// check looks at the attributes that a CloudEvent must have, but for its id.
func (v *envelope) check() *Refusal {
	for _, a := range [...]attribute{specversion, ceSource, ceType} {
		if v.unreadable[a] || blank(v.attributes[a]) {
			return &Refusal{UnknownEnvelope, "a CloudEvent without " + attributeNames[a]}
		}
	}
	if string(v.attributes[specversion]) != "1.0" {
		return &Refusal{UnknownEnvelope, "a CloudEvent whose specversion is not 1.0"}
	}
	return nil
}

// hashHeaders writes the ce_ headers to h, sorted by name and those of equal names as sent, each text with its length
// before it. It returns the memory that it used.
func hashHeaders(h hash.Hash, sorted []*Header, headers []Header) []*Header {
	for i := range headers {
		if strings.HasPrefix(headers[i].Key, "ce_") {
			sorted = append(sorted, &headers[i])
		}
	}
	slices.SortStableFunc(sorted, func(a, b *Header) int { return strings.Compare(a.Key, b.Key) })
	var length [4]byte
	write := func(b []byte) {
		for i := range length {
			length[i] = byte(len(b) >> (24 - 8*i))
		}
		h.Write(length[:])
		h.Write(b)
	}
	for _, header := range sorted {
		write([]byte(header.Key))
		write(header.Value)
	}
	return sorted
}

// blank is true of nothing but space.
func blank(b []byte) bool {
	return len(b) == 0 || (b[0] <= ' ' || b[0] >= utf8.RuneSelf) && len(bytes.TrimSpace(b)) == 0
}
