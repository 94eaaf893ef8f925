package events_test

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"regexp"
	"slices"
	"sort"
	"strings"
	"unicode/utf8"

	. "github.com/touchfold/touchfold/events"
)

// oracle is the decoder once more, slow and obvious: encoding/json into map[string]any, big.Rat, time.Parse. It shares
// the table of names with the decoder, and OriginOf and Digits, which have tests of their own.
type oracle struct {
	config DecoderConfig
	r      *Record
	e      Event
	rest   map[string]any // nil: no Rest
	notes  Notes
}

type refused Reason

func refuse(r Reason) { panic(refused(r)) }

func (o *oracle) decode() (reason Reason) {
	defer func() {
		if r, ok := recover().(refused); ok {
			reason = Reason(r)
		}
	}()
	o.all()
	return 0
}

func (o *oracle) all() {
	v := o.r.Value
	if len(v) > o.config.MaxBytes {
		refuse(TooLarge)
	}
	if len(v) == 0 {
		refuse(NotJSON)
	}
	if !utf8.Valid(v) {
		refuse(InvalidUTF8)
	}
	attributes, shape := o.attributes()
	top := o.parse(v)
	if shape == "structured" {
		for k, v := range top {
			if slices.Contains([]string{"specversion", "id", "source", "type", "time", "subject", "sequence"}, k) && v != nil {
				attributes[k] = v
			}
		}
		top = o.structuredData(top)
	}
	o.event(shape, attributes, top)
	o.content(shape)
}

// event reads the message or the properties that top is.
func (o *oracle) event(shape string, attributes, top map[string]any) {
	call, _ := top["type"].(string)
	isCall := slices.Contains([]string{"track", "identify", "page", "screen", "group", "alias"}, call)
	var properties map[string]any
	message := map[string]any{}
	segment := shape == "bare"
	if !segment {
		for _, a := range []string{"specversion", "source", "type"} {
			if s, _ := attributes[a].(string); strings.TrimSpace(s) == "" {
				refuse(UnknownEnvelope)
			}
		}
		if attributes["specversion"] != "1.0" {
			refuse(UnknownEnvelope)
		}
		for _, k := range []string{"userId", "anonymousId", "messageId", "context", "properties", "traits"} {
			segment = segment || isCall && top[k] != nil
		}
	} else if !isCall {
		refuse(UnknownEnvelope)
	}
	context := map[string]any{}
	if segment {
		message = top
		context = asObject(top["context"])
		properties = asObject(top["properties"])
		o.nameSegment(call, top)
	} else {
		properties = top
		o.name(attributes["type"].(string))
	}
	origin, _ := OriginOf(o.r)
	o.identity(shape, attributes, message, properties, origin)
	o.time(attributes["time"], message, origin.Append)
	o.e.Channel = o.e.Type.About().Channel
	if c, ok := context["channel"].(string); ok && strings.TrimSpace(c) != "" {
		o.e.Channel = c
	}
	o.body(message, context, properties)
}

func asObject(v any) map[string]any {
	if v == nil {
		return map[string]any{}
	}
	m, ok := v.(map[string]any)
	if !ok {
		refuse(UnknownEnvelope)
	}
	return m
}

func (o *oracle) attributes() (map[string]any, string) {
	attributes := map[string]any{}
	shape := "bare"
	for _, h := range o.r.Headers {
		if strings.ToLower(h.Key) == "content-type" {
			shape = "bare"
			if strings.HasPrefix(strings.ToLower(string(h.Value)), "application/cloudevents") {
				shape = "structured"
			}
		}
	}
	if shape == "structured" {
		return attributes, shape
	}
	for _, h := range o.r.Headers {
		switch h.Key {
		case "ce_specversion", "ce_id", "ce_source", "ce_type":
			shape = "binary"
			fallthrough
		case "ce_time", "ce_subject", "ce_sequence":
			if !utf8.Valid(h.Value) {
				refuse(InvalidUTF8)
			}
			attributes[h.Key[3:]] = string(h.Value)
			if h.Value == nil {
				delete(attributes, h.Key[3:])
			}
		}
	}
	return attributes, shape
}

// parse reads one object. Where the text is both wrong and too deep, the fault that comes first counts.
func (o *oracle) parse(text []byte) map[string]any {
	var v any
	good := text
	err := json.Unmarshal(text, &v)
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		good = text[:max(syntax.Offset-1, 0)]
		if strings.Contains(err.Error(), "unexpected end") || strings.Contains(err.Error(), "max depth") {
			good = text
		}
	}
	depth, inside := 0, false
	for i := 0; i < len(good); i++ {
		switch c := good[i]; {
		case inside && c == '\\':
			i++
		case c == '"':
			inside = !inside
		case inside:
		case c == '{' || c == '[':
			if depth++; depth > o.config.MaxDepth {
				refuse(TooDeep)
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	if !json.Valid(text) { // 1e400 is JSON, though Unmarshal cannot hold it
		refuse(NotJSON)
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	d.Decode(&v)
	m, ok := v.(map[string]any)
	if !ok {
		refuse(NotObject)
	}
	return m
}

func (o *oracle) structuredData(top map[string]any) map[string]any {
	if top["data_base64"] == nil {
		m, ok := top["data"].(map[string]any)
		if !ok {
			refuse(NotObject)
		}
		return m
	}
	if s, ok := top["data_base64"].(string); ok && top["data"] == nil {
		b, err := base64.StdEncoding.DecodeString(s)
		if err != nil {
			refuse(NotJSON)
		}
		if !utf8.Valid(b) {
			refuse(InvalidUTF8)
		}
		return o.parse(b)
	}
	refuse(UnknownEnvelope)
	return nil
}

func (o *oracle) nameSegment(call string, top map[string]any) {
	for _, t := range Types() {
		if t.About().Call == call {
			o.e.Type, o.e.Name = t, t.Name()
			return
		}
	}
	name, _ := top["event"].(string)
	if strings.TrimSpace(name) == "" {
		refuse(UnknownEnvelope)
	}
	o.name(name)
}

func (o *oracle) name(sent string) {
	for _, t := range Types() {
		a := t.About()
		dotted := strings.Join(strings.Split(strings.ToLower(a.Name), " "), ".")
		if sent == a.Name || sent == dotted || slices.Contains(a.Aliases, sent) {
			o.e.Type, o.e.Name = t, a.Name
			return
		}
	}
	o.e.Name = sent
	o.notes |= UnknownName
}

var integer = regexp.MustCompile(`^-?[0-9]+$`)

// text is a string, or an integer's digits.
func text(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case json.Number:
		return v.String(), integer.MatchString(v.String())
	}
	return "", false
}

// id is "" for none.
func id(v any, reason Reason) string {
	if v == nil {
		return ""
	}
	s, ok := text(v)
	if ok && strings.TrimSpace(s) == "" {
		return ""
	}
	if !ok || len(s) > 1024 || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		refuse(reason)
	}
	return s
}

// try is f, or "" if it refuses.
func try(f func() string) (s string) {
	defer func() {
		if r := recover(); r != nil {
			_ = r.(refused)
		}
	}()
	return f()
}

func (o *oracle) content(shape string) {
	var b []byte
	if shape == "binary" {
		hs := slices.Clone(o.r.Headers)
		sort.SliceStable(hs, func(i, j int) bool { return hs[i].Key < hs[j].Key })
		for _, h := range hs {
			if strings.HasPrefix(h.Key, "ce_") {
				b = binary.BigEndian.AppendUint32(b, uint32(len(h.Key)))
				b = append(b, h.Key...)
				b = binary.BigEndian.AppendUint32(b, uint32(len(h.Value)))
				b = append(b, h.Value...)
			}
		}
	}
	b = append(b, o.r.Value...)
	o.e.Content = uint64(crc(0xedb88320, b))<<32 | uint64(crc(0x82f63b78, b))
}

// crc is a CRC-32 bit by bit; its polynomial's bits are in reverse.
func crc(polynomial uint32, b []byte) uint32 {
	r := ^uint32(0)
	for _, c := range b {
		r ^= uint32(c)
		for range 8 {
			r = r>>1 ^ polynomial&-(r&1)
		}
	}
	return ^r
}
