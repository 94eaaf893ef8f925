// Package wire writes and reads the store's bytes: fields with a number and a type, as in Protocol Buffers, but always in
// one order and without what is zero, so that equal values are equal bytes. Its one rule: a number is never used again
// for something else; a reader passes over numbers that it does not know.
package wire

import (
	"encoding/binary"
	"errors"
)

// Field is the number of a field, from 1 on.
type Field int

// The kinds of values, as in Protocol Buffers.
const (
	kindVarint = 0
	kindFixed  = 1
	kindBytes  = 2
)

// ErrCorrupt is what reading bytes ends in that this package did not write.
var ErrCorrupt = errors.New("the stored bytes are damaged")

func tag(b []byte, f Field, kind uint64) []byte {
	return binary.AppendUvarint(b, uint64(f)<<3|kind)
}

// AppendUint appends v as field f, or nothing if v is 0.
func AppendUint(b []byte, f Field, v uint64) []byte {
	if v == 0 {
		return b
	}
	return binary.AppendUvarint(tag(b, f, kindVarint), v)
}

// AppendInt appends v, zigzag, as field f, or nothing if v is 0.
func AppendInt(b []byte, f Field, v int64) []byte {
	return AppendUint(b, f, uint64(v)<<1^uint64(v>>63))
}

// AppendBool appends true as field f, or nothing.
func AppendBool(b []byte, f Field, v bool) []byte {
	if !v {
		return b
	}
	return AppendUint(b, f, 1)
}

// AppendFixed appends v, of which every bit is as likely, in 8 bytes as field f, or nothing if v is 0.
func AppendFixed(b []byte, f Field, v uint64) []byte {
	if v == 0 {
		return b
	}
	return binary.BigEndian.AppendUint64(tag(b, f, kindFixed), v)
}

// AppendBytes appends v as field f, or nothing if v is empty.
func AppendBytes[T ~string | ~[]byte](b []byte, f Field, v T) []byte {
	if len(v) == 0 {
		return b
	}
	return append(binary.AppendUvarint(tag(b, f, kindBytes), uint64(len(v))), v...)
}

// A Mark is where an open message began.
type Mark int

// Begin opens a message as field f: what is appended until End is its content. Unlike other values an empty message is
// written, for it counts as an element of a list.
func Begin(b []byte, f Field) ([]byte, Mark) {
	b = tag(b, f, kindBytes)
	return append(b, 0), Mark(len(b) + 1)
}

// End closes the message that Begin opened.
func End(b []byte, m Mark) []byte {
	n := len(b) - int(m)
	if n < 0x80 {
		b[m-1] = byte(n)
		return b
	}
	var head [binary.MaxVarintLen64]byte
	k := binary.PutUvarint(head[:], uint64(n))
	b = append(b, head[1:k]...) // room for the longer length
	copy(b[int(m)+k-1:], b[m:int(m)+n])
	copy(b[m-1:], head[:k])
	return b
}

// A Reader reads fields in the order written. After the last one, or damage, Next is false; Err tells which.
type Reader struct {
	rest  []byte
	value []byte // of a bytes field
	num   uint64 // of any other
	err   error
}

// NewReader reads b. The byte slices it hands out are parts of b.
func NewReader(b []byte) Reader { return Reader{rest: b} }

// Next moves to the next field and names it.
func (r *Reader) Next() (Field, bool) {
	b := r.rest
	if len(b) == 0 || r.err != nil {
		return 0, false
	}
	t, at := uint64(b[0]), 1 // of one byte, as most are
	if t >= 0x80 {
		t, at = binary.Uvarint(b)
	}
	if at <= 0 || t>>3 == 0 || t>>3 > 1<<20 {
		return r.damaged()
	}
	b = b[at:]
	r.value, r.num = nil, 0
	switch t & 7 {
	case kindVarint:
		if r.num, at = binary.Uvarint(b); at <= 0 {
			return r.damaged()
		}
		b = b[at:]
	case kindFixed:
		if len(b) < 8 {
			return r.damaged()
		}
		r.num, b = binary.BigEndian.Uint64(b), b[8:]
	case kindBytes:
		var n uint64
		if len(b) > 0 && b[0] < 0x80 {
			n, at = uint64(b[0]), 1
		} else {
			n, at = binary.Uvarint(b)
		}
		if at <= 0 || n > uint64(len(b)-at) {
			return r.damaged()
		}
		end := at + int(n)
		r.value, b = b[at:end:end], b[end:]
	default:
		return r.damaged()
	}
	r.rest = b
	return Field(t >> 3), true
}

func (r *Reader) damaged() (Field, bool) {
	r.err = ErrCorrupt
	return 0, false
}

// Uint is the field's value.
func (r *Reader) Uint() uint64 { return r.num }

// Int is the field's value, written by AppendInt.
func (r *Reader) Int() int64 { return int64(r.num>>1) ^ -int64(r.num&1) }

// Bool is the field's value.
func (r *Reader) Bool() bool { return r.num != 0 }

// Bytes is the field's value, part of the bytes read.
func (r *Reader) Bytes() []byte { return r.value }

// String is the field's value, a copy.
func (r *Reader) String() string { return string(r.value) }

// Fail notes that a value made no sense; Next is false from there on.
func (r *Reader) Fail() { r.err = ErrCorrupt }

// Err is ErrCorrupt if reading ended before the end.
func (r *Reader) Err() error { return r.err }

// Left is how many bytes are still to be read.
func (r *Reader) Left() int { return len(r.rest) }
