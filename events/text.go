package events

import (
	"bytes"
	"encoding/binary"
	"unsafe"
)

// MaxID is how long an id of an event or a customer may be, in bytes: longer ones could not be keys of a store.
const MaxID = 1024

// peek is what a string means, good until the next Decode; nil of anything else.
func (d *Decoder) peek(v raw) []byte {
	if len(v) == 0 || v[0] != '"' {
		return nil
	}
	inside := v[1 : len(v)-1]
	if !d.scan.escaped || bytes.IndexByte(inside, '\\') < 0 {
		return inside
	}
	at := len(d.scratch)
	d.scratch = appendUnescaped(d.scratch, inside)
	return d.scratch[at:]
}

// id is the text of an id: a string, or an integer as its digits. It is nil of anything else.
func (d *Decoder) id(v raw) []byte {
	if text := d.peek(v); text != nil {
		return text
	}
	for i, c := range v {
		if c-'0' > 9 && !(i == 0 && c == '-') {
			return nil
		}
	}
	return v
}

// keep copies text into the arena.
func (d *Decoder) keep(text []byte) string { return view(d.keepBytes(text)) }

func (d *Decoder) keepBytes(text []byte) []byte {
	at := len(d.arena)
	d.arena = append(d.arena, text...)
	return d.arena[at:len(d.arena):len(d.arena)]
}

// view is b, which must never change again, as a string.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// unusable says why a text cannot serve as an id of an event or a customer; "" if it can.
func unusable(text []byte) string {
	if len(text) > MaxID {
		return "longer than 1024 bytes"
	}
	if hasControl(text) {
		return "has a control character"
	}
	return ""
}

// hasControl: some byte is below 0x20 or 0x7f.
func hasControl(text []byte) bool {
	for len(text) >= 8 {
		w := binary.LittleEndian.Uint64(text)
		del := w ^ ones*0x7f
		if ((w-ones*0x20)&^w|(del-ones)&^del)&highs != 0 {
			return true
		}
		text = text[8:]
	}
	for _, c := range text {
		if c < 0x20 || c == 0x7f {
			return true
		}
	}
	return false
}
