package events

import "time"

// DecoderConfig configures a Decoder. Zero fields have the defaults named.
type DecoderConfig struct {
	Currency Currency      // stands in where an amount names none; required
	MaxBytes int           // of a value; 768 KiB
	MaxDepth int           // of nested objects and arrays; 64
	Ahead    time.Duration // how far an event may be ahead of its append time; 5 min
}

// Decoder turns records into events. It is not for concurrent use.
type Decoder struct {
	config DecoderConfig
	notes  Notes
}

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
	return &Decoder{config: c}
}

// Decode reads a record into e, which is overwritten whole, and returns nil, or says why the record is no event; then
// e is of no use. The slices e.Items and e.Traits are e's to keep until it is decoded into again; its strings and the
// bytes of Rest and of traits stay as they are for ever.
func (d *Decoder) Decode(r *Record, e *Event) *Refusal {
	d.notes = 0
	return &Refusal{NotJSON, "the decoder is being written"}
}

// Notes are what is to be counted of the event that the last Decode accepted.
func (d *Decoder) Notes() Notes { return d.notes }
