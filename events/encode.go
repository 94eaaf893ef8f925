package events

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"hash"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// The headers of the step that made a derived event true, in decimal text: how far the input was folded, and the
// shard's clock in Unix milliseconds. In a partition neither ever goes back.
const (
	HeaderPosition = "tf_position"
	HeaderClock    = "tf_clock"
)

// occurrenceProperty tells occurrences of one trigger apart.
const occurrenceProperty = "occurrence"

// Derived is a record for the output topic. Its bytes stand in one piece of memory with those of others that were encoded about
// then: they stay as they are, and are not to be changed.
type Derived struct {
	Key     []byte // nil of a mark
	Value   []byte
	Headers []Header
}

// Encoder writes statements and marks as CloudEvents in binary mode. A statement's data is a Segment track message, so
// that tools which forward those forward these. It is not for concurrent use.
type Encoder struct {
	source string // of every event, before the shard
	mac    hash.Hash

	memory  []byte   // of the record that is being written, in a piece that many share; none of it is used twice
	headers []Header // of that record, in such a piece too
	written int      // where in memory the next header's value begins
}

// pieceSize is how much memory records share, in bytes, and pieceRest how much of it is left alone: most records need less.
const pieceSize, pieceRest = 64 << 10, 2 << 10

const mostHeaders = 9 // of a record

// NewEncoder returns an encoder for an app; key is the secret of the ids, IDKey(app) if empty.
func NewEncoder(app string, key []byte) *Encoder {
	if len(key) == 0 {
		key = IDKey(app)
	}
	return &Encoder{source: "touchfold/" + app + "/", mac: hmac.New(sha256.New, key)}
}

// Statement writes s into d, whose former content is gone. It fails if s is none that can be said: a fact of no
// family, or a yes/no fact with a value other than True and "", or with an ordinal that says the contrary.
func (e *Encoder) Statement(s *Statement, d *Derived) error {
	f := FamilyOf(s.Fact)
	if f == nil {
		return fmt.Errorf("encode statement on %q: no family of facts has such a key", s.Fact)
	}
	if f.YesNo && (s.Value != "" && s.Value != True || (s.N%2 == 1) != (s.Value == True)) {
		return fmt.Errorf("encode statement on %q: it cannot be %q the %d. time", s.Fact, s.Value, s.N)
	}
	if err := f.check(s.Payload); err != nil {
		return fmt.Errorf("encode statement on %q: %w", s.Fact, err)
	}
	kind := f.On
	if s.Value == "" {
		kind = f.Off
	}
	e.begin()
	e.memory = appendStatementID(e.memory, e.mac, s.Customer, s.Fact, s.N)
	e.header("ce_id")
	id := e.memory
	e.common(string(kind), s.Effective, s.Shard)
	e.memory = append(e.memory, s.Customer...)
	e.header("ce_subject")
	e.memory = strconv.AppendInt(e.memory, int64(s.Position), 10)
	e.header(HeaderPosition)
	e.memory = strconv.AppendInt(e.memory, int64(s.Clock), 10)
	e.header(HeaderClock)
	key := len(e.memory)
	e.memory = append(e.memory, s.Customer...)
	value := len(e.memory)
	e.memory = appendData(e.memory, s, f, id)
	*d = Derived{e.memory[key:value:value], e.memory[value:len(e.memory):len(e.memory)], slices.Clip(e.headers)}
	return nil
}

// Mark writes m into d, whose former content is gone.
func (e *Encoder) Mark(m *Mark, d *Derived) error {
	var data bytes.Buffer
	j := json.NewEncoder(&data)
	j.SetEscapeHTML(false)
	if err := j.Encode(markData{m.Instance, m.ProducerID, m.Epoch, m.Rulebook, m.Content, m.MuteUntil, m.From}); err != nil {
		return fmt.Errorf("encode mark %s: %w", m.Kind, err)
	}
	e.begin()
	e.memory = appendMarkID(e.memory, e.mac, m)
	e.header("ce_id")
	e.common(string(m.Kind), m.At, m.Shard)
	*d = Derived{Value: bytes.TrimSuffix(data.Bytes(), []byte("\n")), Headers: slices.Clip(e.headers)}
	return nil
}

// markData is the data of a mark.
type markData struct {
	Instance   string `json:"instance"`
	ProducerID int64  `json:"producer_id"`
	Epoch      int16  `json:"epoch"`
	Rulebook   string `json:"rulebook,omitempty"`
	Content    string `json:"content,omitempty"`
	MuteUntil  Offset `json:"mute_until"`
	From       Offset `json:"from"`
}

// begin goes behind the record that was written last.
func (e *Encoder) begin() {
	e.memory = e.memory[len(e.memory):]
	if cap(e.memory) < pieceRest {
		e.memory = make([]byte, 0, pieceSize)
	}
	e.headers, e.written = e.headers[len(e.headers):], 0
	if cap(e.headers) < mostHeaders {
		e.headers = make([]Header, 0, 64*mostHeaders)
	}
}

// header makes what was written since the last one the value of a header.
func (e *Encoder) header(key string) {
	end := len(e.memory)
	e.headers = append(e.headers, Header{key, e.memory[e.written:end:end]})
	e.written = end
}

// common adds the headers that all derived events have.
func (e *Encoder) common(kind string, at Instant, shard ShardID) {
	e.memory = append(e.memory, "1.0"...)
	e.header("ce_specversion")
	e.memory = append(e.memory, kind...)
	e.header("ce_type")
	e.memory = appendInstant(e.memory, at)
	e.header("ce_time")
	e.memory = strconv.AppendInt(append(e.memory, e.source...), int64(shard), 10)
	e.header("ce_source")
	e.memory = append(e.memory, "application/json"...)
	e.header("content-type")
}

// appendData appends a statement as a Segment message, with what Segment does not know under "crm".
func appendData(b []byte, s *Statement, f *Family, id []byte) []byte {
	b = append(append(b, `{"type":"track","messageId":"`...), id...)
	if anonymous, is := strings.CutPrefix(string(s.Customer), AnonymousPrefix); is {
		b = appendQuoted(append(b, `","anonymousId":`...), anonymous)
	} else {
		b = appendQuoted(append(b, `","userId":`...), string(s.Customer))
	}
	event := f.Event
	if s.Value == "" {
		event = f.OffEvent
	}
	b = appendQuoted(append(b, `,"event":`...), event)
	b = appendInstant(append(b, `,"timestamp":"`...), s.Effective)
	b = appendQuoted(append(b, `","properties":{`...), f.Property)
	b = append(b, ':')
	switch {
	case f.Once:
		id, which, _ := strings.Cut(s.Fact[len(f.Prefix):], "/")
		b = appendQuoted(b, id)
		b = append(appendQuoted(append(b, ','), occurrenceProperty), ':')
		b = appendQuoted(b, which)
	case f.YesNo:
		b = appendQuoted(b, s.Fact[len(f.Prefix):])
	default:
		b = f.appendValue(b, s.Value)
	}
	for _, p := range s.Payload {
		b = append(appendQuoted(append(b, ','), p.Name), ':')
		b = append(b, p.Value...)
	}
	b = append(b, `},"crm":`...)
	return append(appendCRM(b, s, f), '}')
}

// Taken is the properties of Segment's that hold what a family says itself: no payload may have them.
func (f *Family) Taken() []string {
	if f.Once {
		return []string{f.Property, occurrenceProperty}
	}
	return []string{f.Property}
}

// check refuses what Segment's properties cannot hold beside what a family puts there.
func (f *Family) check(payload []Property) error {
	for i, p := range payload {
		taken := !f.Once || slices.Contains(f.Taken(), p.Name) ||
			slices.ContainsFunc(payload[:i], func(q Property) bool { return q.Name == p.Name })
		if taken || !json.Valid([]byte(p.Value)) || strings.ContainsAny(p.Value[:1], "{[ \t\r\n") {
			return fmt.Errorf("property %q is taken, or is not one JSON value without parts", p.Name)
		}
	}
	return nil
}

func appendCRM(b []byte, s *Statement, f *Family) []byte {
	b = appendQuoted(append(b, `{"fact":`...), s.Fact)
	b = f.appendValue(append(b, `,"previous":`...), s.Previous)
	b = f.appendValue(append(b, `,"current":`...), s.Value)
	b = appendInstant(append(b, `,"as_of":"`...), s.AsOf)
	b = strconv.AppendUint(append(b, `","n":`...), uint64(s.N), 10)
	b = append(b, `,"because":[`...)
	for i, id := range s.Because[:min(len(s.Because), MaxBecause)] {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendQuoted(b, id)
	}
	b = appendQuoted(append(b, `],"rule":`...), s.Rule)
	b = strconv.AppendUint(append(b, `,"rule_version":`...), s.RuleVersion, 10)
	b = appendQuoted(append(b, `,"cause":`...), string(s.Cause))
	if s.Approximate {
		b = append(b, `,"approximate":true`...)
	}
	if s.Priority != 0 {
		b = strconv.AppendInt(append(b, `,"priority":`...), int64(s.Priority), 10)
	}
	return append(b, '}')
}

// appendValue appends a fact's value: true or false, or its text, null for none.
func (f *Family) appendValue(b []byte, value string) []byte {
	switch {
	case f.YesNo:
		return strconv.AppendBool(b, value == True)
	case value == "":
		return append(b, "null"...)
	}
	return appendQuoted(b, value)
}

func appendInstant(b []byte, t Instant) []byte {
	return t.Time().AppendFormat(b, "2006-01-02T15:04:05.999Z")
}

// appendQuoted appends a JSON string. What is not UTF-8 becomes U+FFFD.
func appendQuoted(b []byte, text string) []byte {
	const digits = "0123456789abcdef"
	b = append(b, '"')
	for i, r := range text {
		switch {
		case r == '"' || r == '\\':
			b = append(b, '\\', byte(r))
		case r < 0x20 || r == 0x7f:
			b = append(b, '\\', 'u', '0', '0', digits[r>>4], digits[r&15])
		case r == utf8.RuneError:
			b = utf8.AppendRune(b, r)
		default:
			b = append(b, text[i:i+utf8.RuneLen(r)]...)
		}
	}
	return append(b, '"')
}
