package events

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"
	"time"
	"unicode/utf8"
)

// DecoderConfig configures a Decoder. Zero fields have the defaults named.
type DecoderConfig struct {
	Currency Currency      // stands in where an amount names none; required
	MaxBytes int           // of a value; 768 KiB
	MaxDepth int           // of nested objects and arrays; 64
	Ahead    time.Duration // how far an event may be ahead of its append time; 5 min
}

// Decoder turns records into events. It is not for concurrent use.
//
// A value is read as encoding/json reads it into a map[string]any: of equal names the last counts, at every level, and
// a surrogate without its partner is U+FFFD. null is the same as nothing.
//
// The three shapes (CONTRACTS.md): with a header content-type that begins with application/cloudevents the value is a
// CloudEvent's envelope (structured); else with a header ce_specversion, ce_id, ce_source or ce_type it is a
// CloudEvent's data (binary); else it is a Segment message: its `type` is track, identify, page, screen, group or
// alias. A CloudEvent's data is a Segment message if it has such a type and one of userId, anonymousId, messageId,
// context, properties, traits besides; ce_type then counts no more. Otherwise it is the properties of the event that
// ce_type names, and nothing in them is an id, a customer or a time.
//
// An id (of message, customer, link, order, product) is a string, or an integer, which counts as its digits. It stands
// as sent, not trimmed; one of nothing but space is none.
type Decoder struct {
	config  DecoderConfig
	ahead   Instant
	notes   Notes
	scan    scanner // of the value or, once it was found correct, of a part of it
	dataAt  int     // where the event's data stands in what is scanned
	env     envelope
	message message
	props   object // the event's properties
	list    list   // its products
	product object // one of them
	hash    hash.Hash
	sum     [sha256.Size]byte
	headers []*Header
	scratch []byte // unescaped text that does not stay

	lastCall  Type     // see callOf
	lastNamed [64]Type // see typeOf

	amounts  bool     // amounts are read
	currency Currency // in which they are
	digits   int      // of it
	lines    []line
	rests    []byte // the products without what was taken of them
	anyRest  bool   // something of them is left

	// arena holds all strings and bytes of some events, one after the other. A new one is made when it may not be large
	// enough for the next; if it is not, append begins another and what was cut from the former stays right.
	arena []byte
}

// arenaBytes is how much memory events share: enough to make the making of it cheap.
const arenaBytes = 16 << 10

// NewDecoder returns a decoder.
func NewDecoder(c DecoderConfig) *Decoder {
	if c.MaxBytes == 0 {
		c.MaxBytes = 768 << 10
	}
	if c.MaxDepth == 0 {
		c.MaxDepth = 64
	}
	if c.Ahead == 0 {
		c.Ahead = 5 * time.Minute
	}
	return &Decoder{config: c, ahead: Instant(c.Ahead.Milliseconds()), scan: scanner{met: newNameMemory()}, digits: Currency{}.Digits(), hash: sha256.New()}
}

// SetCurrency sets what stands in, from the next Decode on, where an amount names no currency.
func (d *Decoder) SetCurrency(c Currency) { d.config.Currency = c }

// Notes are what is to be counted of the event that the last Decode accepted.
func (d *Decoder) Notes() Notes { return d.notes }

// Decode reads a record into e, which is overwritten whole, and returns nil, or says why the record is no event; then
// e is of no use. The slices e.Items and e.Traits are e's own until it is decoded into again; its strings and the bytes
// of Rest and of traits stay as they are for ever.
func (d *Decoder) Decode(r *Record, e *Event) *Refusal {
	items, traits := e.Items[:0], e.Traits[:0]
	*e = Event{}
	e.Items, e.Traits = items, traits
	d.notes, d.scratch = 0, d.scratch[:0]
	if refusal := d.read(r); refusal != nil {
		return refusal
	}
	segment, refusal := d.what(e)
	if refusal != nil {
		return refusal
	}
	if !segment {
		d.message = message{}
		d.readProperties(d.dataAt)
	}
	origin, _ := OriginOf(r)
	if refusal := d.identify(origin, e); refusal != nil {
		return refusal
	}
	if refusal := d.when(origin.Append, e); refusal != nil {
		return refusal
	}
	if refusal := d.body(e); refusal != nil {
		return refusal
	}
	e.Content = d.fingerprint(r.Value)
	return nil
}

// read finds the shape and walks over the whole text once.
func (d *Decoder) read(r *Record) *Refusal {
	switch {
	case len(r.Value) > d.config.MaxBytes:
		return &Refusal{TooLarge, fmt.Sprintf("%d bytes, at most %d are read", len(r.Value), d.config.MaxBytes)}
	case r.Value == nil:
		return &Refusal{NotJSON, "null value"}
	case len(r.Value) == 0:
		return &Refusal{NotJSON, "empty value"}
	}
	d.scan.high = 0
	refusal := d.walk(r)
	if (refusal != nil || !d.scan.ascii()) && !utf8.Valid(r.Value) {
		return &Refusal{InvalidUTF8, "the value is not UTF-8"}
	}
	return refusal
}

func (d *Decoder) walk(r *Record) *Refusal {
	if refusal := d.env.readHeaders(r.Headers); refusal != nil {
		return refusal
	}
	size := len(r.Value) + len(r.Topic) + 64
	if d.env.sent {
		for _, v := range &d.env.attributes {
			size += len(v)
		}
	}
	if cap(d.arena)-len(d.arena) < size {
		d.arena = make([]byte, 0, max(size, arenaBytes))
	}
	text, at := r.Value, 0
	if d.env.shape == structuredShape {
		var refusal *Refusal
		if text, at, refusal = d.readEnvelope(r.Value); refusal != nil {
			return refusal
		}
	}
	return d.readMessage(text, at)
}

// refusal is what is wrong with the text that s walked over, nil if nothing.
func (s *scanner) refusal() *Refusal {
	switch s.fault {
	case NotJSON:
		return &Refusal{NotJSON, fmt.Sprintf("wrong from byte %d on", s.faultAt)}
	case TooDeep:
		return &Refusal{TooDeep, fmt.Sprintf("nested deeper than %d", s.maxDepth)}
	}
	return nil
}

// fingerprint is what Event.Content says.
func (d *Decoder) fingerprint(value []byte) uint64 {
	sum := &d.sum
	if d.env.shape == binaryShape {
		d.hash.Reset()
		d.headers = hashHeaders(d.hash, d.headers[:0], d.env.headers)
		d.hash.Write(value)
		d.hash.Sum(sum[:0])
	} else {
		*sum = sha256.Sum256(value)
	}
	return binary.BigEndian.Uint64(sum[:])
}
