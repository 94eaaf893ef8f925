package kafka

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/segmentio/kafka-go/compress"

	"github.com/touchfold/touchfold/events"
)

// encoded is a batch as a broker would hand it out.
func encoded(t testing.TB, base events.Offset, recs []Out, change func(b []byte)) []byte {
	t.Helper()
	b, err := appendBatch(nil, recs, 1_700_000_000_000, unstamped)
	if err != nil {
		t.Fatal(err)
	}
	binary.BigEndian.PutUint64(b, uint64(base))
	if change != nil {
		change(b)
		binary.BigEndian.PutUint32(b[crcAt:], crc32.Checksum(b[attrAt:], castagnoli))
	}
	return b
}

func TestParse(t *testing.T) {
	one := encoded(t, 10, out("10", "11", "12"), nil)
	two := encoded(t, 13, out("13"), nil)
	both := append(slices.Clone(one), two...)
	appended := encoded(t, 20, out("20", "21"), func(b []byte) {
		binary.BigEndian.PutUint16(b[attrAt:], attrAppend)
		binary.BigEndian.PutUint64(b[maxTSAt:], 1_800_000_000_000)
	})
	// The log cleaner took the last records of this batch, and all of the next.
	cleaned := append(encoded(t, 30, out("30"), func(b []byte) { binary.BigEndian.PutUint32(b[lastAt:], 4) }),
		encoded(t, 35, out("x"), func(b []byte) {
			binary.BigEndian.PutUint32(b[lastAt:], 2)
			binary.BigEndian.PutUint32(b[countAt:], 0)
		})...)
	for _, c := range []struct {
		what string
		in   []byte
		from events.Offset
		want string
		next events.Offset
		crc  []byte // of the batch that it is the sum of
	}{
		{"nothing", nil, 10, "", 10, nil},
		{"two batches", both, 10, "10 11 12 13", 14, two},
		{"from within a batch", both, 12, "12 13", 14, two},
		{"from behind a batch", both, 13, "13", 14, two},
		{"the last batch cut short", both[:len(both)-1], 10, "10 11 12", 13, one},
		{"only a head of the last batch", both[:len(one)+9], 10, "10 11 12", 13, one},
		{"append time", appended, 20, "20 21", 22, appended},
		{"a cleaned tail", cleaned, 30, "30", 38, cleaned},
		{"behind what was cleaned", cleaned, 33, "", 38, nil},
	} {
		got, err := parse(fetched{"t", 0, c.from, c.in, nil}, noLimit, nil)
		if err != nil {
			t.Errorf("%s: %v", c.what, err)
			continue
		}
		if values(got.Records) != c.want || got.Next != c.next {
			t.Errorf("%s: %q, next %d", c.what, values(got.Records), got.Next)
		}
		if c.want != "" && c.what != "a cleaned tail" && got.CRC != rawBatch(c.crc).crc() || c.want == "" && got.CRC != 0 {
			t.Errorf("%s: CRC %08x", c.what, got.CRC)
		}
	}
	got, _ := parse(fetched{"t", 0, 20, appended, nil}, noLimit, nil)
	for _, r := range got.Records {
		if r.Append != 1_800_000_000_000 {
			t.Errorf("append time of offset %d is %v", r.Offset, r.Append)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	good := encoded(t, 10, out("10", "11"), nil)
	change := func(f func(b []byte)) []byte { return encoded(t, 10, out("10", "11"), f) }
	flip := func(i int) []byte { b := slices.Clone(good); b[i] ^= 1; return b }
	for _, c := range []struct {
		what string
		in   []byte
		want error
	}{
		{"a flipped bit in a record", flip(len(good) - 3), ErrCorrupt},
		{"a flipped bit in the sum", flip(crcAt), ErrCorrupt},
		{"magic 1", func() []byte { b := slices.Clone(good); b[magicAt] = 1; return b }(), ErrOldFormat},
		{"magic 3", func() []byte { b := slices.Clone(good); b[magicAt] = 3; return b }(), ErrCorrupt},
		{"a first batch cut short", good[:len(good)-1], ErrCorrupt},
		{"more records than there are", change(func(b []byte) { binary.BigEndian.PutUint32(b[countAt:], 3) }), ErrCorrupt},
		{"two thousand million records", change(func(b []byte) { binary.BigEndian.PutUint32(b[countAt:], 1<<31-1) }), ErrCorrupt},
		{"a negative count", change(func(b []byte) { binary.BigEndian.PutUint32(b[countAt:], 1<<31) }), ErrCorrupt},
		{"a record behind the last offset", change(func(b []byte) { binary.BigEndian.PutUint32(b[lastAt:], 0) }), ErrCorrupt},
		{"a negative last offset", change(func(b []byte) { binary.BigEndian.PutUint32(b[lastAt:], 1<<31) }), ErrCorrupt},
		{"an unknown codec", change(func(b []byte) { binary.BigEndian.PutUint16(b[attrAt:], 7) }), ErrCorrupt},
		{"no zstd at all", change(func(b []byte) { binary.BigEndian.PutUint16(b[attrAt:], 4) }), ErrCorrupt},
		{"a record longer than the batch", change(func(b []byte) { b[batchHead] = 0x7e }), ErrCorrupt},
	} {
		if got, err := parse(fetched{"t", 0, 10, c.in, nil}, noLimit, nil); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, %d records", c.what, err, len(got.Records))
		}
	}
}

// TestInflateIsBounded: a small batch that becomes huge does not take all memory.
func TestInflateIsBounded(t *testing.T) {
	small, err := deflate(make([]byte, 1<<20))
	if err != nil {
		t.Fatal(err)
	}
	if b, err := inflate(nil, compress.Lz4, small, 1<<20); err != nil || len(b) != 1<<20 {
		t.Errorf("to the limit: %d bytes, %v", len(b), err)
	}
	if b, err := inflate(nil, compress.Lz4, small, 1<<20-1); !errors.Is(err, ErrCorrupt) {
		t.Errorf("beyond the limit: %d bytes, %v", len(b), err)
	}
}

// TestBufferIsTheBatchsOwn: nothing that is handed out shares memory with a later batch, and appending to a value
// does not write into its neighbour.
func TestBufferIsTheBatchsOwn(t *testing.T) {
	in := encoded(t, 0, []Out{{Key: []byte("k"), Value: []byte("v"), Headers: []events.Header{{Key: "h", Value: []byte("x")}}},
		{Value: []byte("w"), Headers: []events.Header{{Key: "h", Value: []byte("y")}}}}, nil)
	got, err := parse(fetched{"t", 0, 0, in, nil}, noLimit, nil)
	if err != nil {
		t.Fatal(err)
	}
	r := got.Records
	_ = append(r[0].Key, "xxxxxxxx"...)
	_ = append(r[0].Value, "xxxxxxxx"...)
	_ = append(r[0].Headers, events.Header{Key: "other"})
	if string(r[0].Value) != "v" || string(r[1].Value) != "w" || r[1].Headers[0].Key != "h" || string(r[1].Headers[0].Value) != "y" {
		t.Errorf("records are now %q %q %v", r[0].Value, r[1].Value, r[1].Headers)
	}
}

// FuzzParse: whatever a broker sends, the parser neither panics nor reads beyond nor takes memory out of proportion.
// What it accepts is in order and within bounds.
func FuzzParse(f *testing.F) {
	small := []Out{{Key: []byte("k"), Value: []byte("v"), Headers: []events.Header{{Key: "h"}}}, {}}
	f.Add(encoded(f, 0, small, nil), int64(0), false)
	f.Add(append(encoded(f, 3, small, nil), encoded(f, 5, out("x"), nil)...), int64(4), true)
	for codec := range 5 {
		f.Add(encoded(f, 0, small, func(b []byte) { binary.BigEndian.PutUint16(b[attrAt:], uint16(codec)) }), int64(0), true)
	}
	f.Add(encoded(f, 0, []Out{{Value: make([]byte, 5000)}}, nil), int64(0), true)
	f.Add(encoded(f, 0, out("x"), func(b []byte) { b[attrAt+1] = attrControl | attrTxn }), int64(0), true)
	f.Fuzz(func(t *testing.T, b []byte, from int64, sum bool) {
		b = slices.Clone(b)
		for at := 0; sum && at+batchHead <= len(b); { // else hardly anything gets past the checksum
			n := int64(int32(binary.BigEndian.Uint32(b[at+lenAt:]))) + lenAt + 4
			if n < batchHead || n > int64(len(b)-at) {
				break
			}
			binary.BigEndian.PutUint32(b[at+crcAt:], crc32.Checksum(b[at+attrAt:at+int(n)], castagnoli))
			at += int(n)
		}
		got, err := parse(fetched{"t", 1, events.Offset(from), b, []aborted{{ProducerID: -1, First: 2}}}, noLimit, nil)
		if err != nil {
			return
		}
		for _, r := range got.Records {
			if r.Offset < events.Offset(from) || r.Offset >= got.Next || r.Append < 0 {
				t.Fatalf("record at %d (%d) in a batch from %d to before %d", r.Offset, r.Append, from, got.Next)
			}
		}
	})
}

// touchpoints is a batch of n records of 632 bytes of value, the size of what touchfold reads.
func touchpoints(b *testing.B, n int, headers bool) []byte {
	rng := rand.New(rand.NewPCG(1, 2))
	var recs []Out
	for i := range n {
		r := Out{Key: fmt.Appendf(nil, "customer-%d", rng.IntN(1e6)), Value: make([]byte, 632), Time: events.Instant(1_700_000_000_000 + i)}
		for j := range r.Value {
			r.Value[j] = byte(rng.Uint32())
		}
		if headers {
			for _, k := range []string{"ce_specversion", "ce_id", "ce_source", "ce_type", "ce_time"} {
				r.Headers = append(r.Headers, events.Header{Key: k, Value: []byte("0123456789")})
			}
		}
		recs = append(recs, r)
	}
	in := rawBatch(encoded(b, 0, recs, nil))
	if codec := compress.Compression(in.attr() & attrCodec); codec != compress.None { // measure the parsing alone
		body, err := inflate(nil, codec, in[batchHead:], maxInflated)
		if err != nil {
			b.Fatal(err)
		}
		in = append(in[:batchHead:batchHead], body...)
		binary.BigEndian.PutUint16(in[attrAt:], 0)
		binary.BigEndian.PutUint32(in[lenAt:], uint32(len(in)-lenAt-4))
		binary.BigEndian.PutUint32(in[crcAt:], crc32.Checksum(in[attrAt:], castagnoli))
	}
	return in
}

func BenchmarkParse(b *testing.B) {
	const n = 1600 // about 1 MiB
	for _, headers := range []bool{false, true} {
		b.Run(fmt.Sprintf("headers=%v", headers), func(b *testing.B) {
			in := touchpoints(b, n, headers)
			b.ReportAllocs()
			for b.Loop() {
				if got, err := parse(fetched{"t", 0, 0, in, nil}, noLimit, nil); err != nil || len(got.Records) != n {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/record")
		})
	}
}

func BenchmarkEncode(b *testing.B) {
	const n = 100
	value := []byte(`{"userId":"u-123456","event":"Audience Entered","properties":{"audience_key":"vip"},"crm":{"fact":"segment/vip","previous":null,"current":true,"as_of":"2026-11-22T00:00:00Z","n":1,"because":["a","b"],"rule":"vip","rule_version":1,"cause":"event"}}`)
	recs := make([]Out, n)
	for i := range recs {
		recs[i] = Out{Key: fmt.Appendf(nil, "u-%d", i), Value: value, Headers: []events.Header{{Key: "ce_id", Value: fmt.Appendf(nil, "%032d", i)}}}
	}
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		var err error
		if buf, err = appendBatch(buf[:0], recs, 1, unstamped); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/record")
	b.ReportMetric(float64(len(buf))/n, "bytes/record")
}
