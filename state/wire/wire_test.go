package wire

import (
	"bytes"
	"encoding/binary"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// field is one value of a message, of any kind.
type field struct {
	number  Field
	kind    string
	num     int64
	text    []byte
	message []field
}

func drawFields(t *rapid.T, depth int) (list []field) {
	kinds := []string{"uint", "int", "bool", "fixed", "bytes", "message"}
	if depth == 0 {
		kinds = kinds[:5]
	}
	for range rapid.IntRange(0, 5).Draw(t, "fields") {
		f := field{number: Field(rapid.SampledFrom([]int{1, 2, 15, 16, 2047, 2048, 1 << 20}).Draw(t, "number"))}
		switch f.kind = rapid.SampledFrom(kinds).Draw(t, "kind"); f.kind {
		case "bytes":
			n := rapid.SampledFrom([]int{1, 2, 126, 127, 128, 129, 16383, 16384, 70000}).Draw(t, "length")
			f.text = bytes.Repeat([]byte{byte(n), 0x80, 'x'}, n/3+1)[:n]
		case "message":
			f.message = drawFields(t, depth-1)
		case "bool":
			f.num = 1
		default:
			if f.num = rapid.Int64().Draw(t, "value"); f.num == 0 {
				f.num = 1
			}
		}
		list = append(list, f)
	}
	return list
}

func write(b []byte, list []field) []byte {
	for _, f := range list {
		switch f.kind {
		case "uint":
			b = AppendUint(b, f.number, uint64(f.num))
		case "int":
			b = AppendInt(b, f.number, f.num)
		case "bool":
			b = AppendBool(b, f.number, true)
		case "fixed":
			b = AppendFixed(b, f.number, uint64(f.num))
		case "bytes":
			b = AppendBytes(b, f.number, f.text)
		case "message":
			var m Mark
			b, m = Begin(b, f.number)
			b = End(write(b, f.message), m)
		}
	}
	return b
}

func check(t *rapid.T, b []byte, want []field) {
	r := NewReader(b)
	for _, f := range want {
		number, ok := r.Next()
		if !ok || number != f.number {
			t.Fatalf("read field %d, %v, %v; want %d", number, ok, r.Err(), f.number)
		}
		good := true
		switch f.kind {
		case "uint", "fixed":
			good = r.Uint() == uint64(f.num)
		case "int":
			good = r.Int() == f.num
		case "bool":
			good = r.Bool()
		case "bytes":
			good = bytes.Equal(r.Bytes(), f.text) && r.String() == string(f.text)
		case "message":
			check(t, r.Bytes(), f.message)
		}
		if !good {
			t.Fatalf("field %d, %s: read %d %q, want %d %q", f.number, f.kind, r.Uint(), r.Bytes(), f.num, f.text)
		}
	}
	if _, ok := r.Next(); ok || r.Err() != nil || r.Left() != 0 {
		t.Fatalf("at the end: %v, %v, %d bytes left", ok, r.Err(), r.Left())
	}
}

// What was written is read, messages in messages of any length too, and nothing before it is touched.
func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		list := drawFields(t, 3)
		before := []byte("before")
		b := write(slices.Clone(before), list)
		if !bytes.HasPrefix(b, before) {
			t.Fatal("what stood before was changed")
		}
		check(t, b[len(before):], list)
	})
}

// A message is the same bytes whether it is written in place or by itself.
func TestMessageInPlace(t *testing.T) {
	for _, n := range []int{0, 1, 0x7f, 0x80, 0x3fff, 0x4000, 0x1fffff, 0x200000} {
		text := bytes.Repeat([]byte("abcdefg"), n/7+1)[:n]
		b, m := Begin([]byte("x"), 3)
		b = End(append(b, text...), m)
		want := append(binary.AppendUvarint([]byte{'x', 3<<3 | kindBytes}, uint64(n)), text...)
		if !bytes.Equal(b, want) {
			t.Errorf("a message of %d bytes is written otherwise than its bytes", n)
		}
	}
}

// Lengths and numbers of one byte and more are read as they were written.
func TestEdges(t *testing.T) {
	for _, n := range []int{1, 0x7f, 0x80, 0x81, 0x3fff, 0x4000} {
		text := bytes.Repeat([]byte{1, 2, 3}, n)[:n]
		b := AppendUint(AppendBytes(AppendUint(nil, Field(n), uint64(n)), 1, text), 16, uint64(n))
		check := func(f Field, ok bool, want Field, num uint64, value []byte) {
			if !ok || f != want || num != 0 && num != uint64(n) || !bytes.Equal(value, text) {
				t.Errorf("%d: field %d, %v, %d, %d bytes", n, f, ok, num, len(value))
			}
		}
		r := NewReader(b)
		f, ok := r.Next()
		check(f, ok, Field(n), r.Uint(), text)
		f, ok = r.Next()
		check(f, ok, 1, 0, r.Bytes())
		f, ok = r.Next()
		check(f, ok, 16, r.Uint(), text)
	}
}

// Zeros are not written, an empty message is.
func TestZeros(t *testing.T) {
	var b []byte
	b = AppendUint(b, 1, 0)
	b = AppendInt(b, 2, 0)
	b = AppendBool(b, 3, false)
	b = AppendFixed(b, 4, 0)
	b = AppendBytes(b, 5, "")
	if len(b) != 0 {
		t.Errorf("zeros took %d bytes", len(b))
	}
	b, m := Begin(b, 6)
	if b = End(b, m); len(b) != 2 {
		t.Errorf("an empty message took %d bytes", len(b))
	}
}

func TestDamage(t *testing.T) {
	for name, b := range map[string][]byte{
		"tag without end":     {0x80},
		"number without end":  {1<<3 | kindVarint, 0x80},
		"number too long":     append([]byte{1<<3 | kindVarint}, bytes.Repeat([]byte{0xff}, 11)...),
		"fixed cut":           {1<<3 | kindFixed, 1, 2, 3},
		"bytes cut":           {1<<3 | kindBytes, 4, 1, 2},
		"bytes cut by one":    {1<<3 | kindBytes, 2, 1},
		"bytes of no length":  {1<<3 | kindBytes},
		"many bytes cut":      append([]byte{1<<3 | kindBytes, 0x80, 1}, make([]byte, 127)...),
		"length beyond all":   {1<<3 | kindBytes, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01},
		"kind unknown":        {1<<3 | 5, 0, 0, 0, 0},
		"field 0":             {kindVarint, 1},
		"field number absurd": append(binary.AppendUvarint(nil, 1<<40), 0),
	} {
		r := NewReader(b)
		if f, ok := r.Next(); ok || r.Err() != ErrCorrupt {
			t.Errorf("%s: field %d, %v, %v", name, f, ok, r.Err())
		}
	}
}

func FuzzReader(f *testing.F) {
	f.Add([]byte{1<<3 | kindVarint, 5})
	f.Add(write(nil, []field{{number: 2, kind: "bytes", text: []byte("abc")}, {number: 3, kind: "fixed", num: 7}}))
	f.Fuzz(func(t *testing.T, b []byte) {
		r := NewReader(b)
		left := r.Left() + 1
		for {
			n, ok := r.Next()
			if !ok {
				break
			}
			if n <= 0 || r.Left() >= left || len(r.Bytes()) > len(b) {
				t.Fatalf("field %d of %d bytes, %d left after %d", n, len(r.Bytes()), r.Left(), left)
			}
			left = r.Left()
			r.Uint()
			r.Int()
			_ = r.String()
		}
		if r.Err() == nil && r.Left() != 0 {
			t.Fatalf("ended without an error before %d bytes", r.Left())
		}
	})
}
