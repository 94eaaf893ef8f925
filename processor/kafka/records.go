package kafka

import (
	"fmt"
	"io"
	"slices"
	"unsafe"

	"github.com/segmentio/kafka-go/compress"

	"github.com/touchfold/touchfold/events"
)

// recordReader gathers the records of a partition's batches.
type recordReader struct {
	topic     string
	partition events.ShardID
	from      events.Offset // earlier records are left out
	recs      []events.Record
	headers   []events.Header // room for headers; a full one is left to its records
	previous  []events.Header // of the record before: names repeat, so their strings are shared
	memory    *memory         // which the records lie in
	plain     bool            // some lie where they came over the wire
	bodies    int             // bytes that the records lie in
	named     int             // headers made room for
}

const (
	recordMemory = int(unsafe.Sizeof(events.Record{}))
	headerMemory = int(unsafe.Sizeof(events.Header{}))
)

// size is about what the records take, in bytes.
func (r *recordReader) size() int {
	return r.bodies + len(r.recs)*recordMemory + r.named*headerMemory
}

// read appends the records of one batch.
func (r *recordReader) read(b rawBatch) error {
	body := []byte(b[batchHead:])
	if codec := compress.Compression(b.attr() & attrCodec); codec != compress.None {
		var err error
		if body, err = inflate(r.memory.body(2*len(body)+512), codec, body, maxInflated); err != nil {
			return err
		}
		r.memory.keep(body)
	} else {
		r.plain = true
	}
	r.bodies += cap(body)
	n := b.count()
	if n > len(body)/minRecordSize {
		return fmt.Errorf("%w (%d records in %d bytes)", ErrCorrupt, n, len(body))
	}
	r.recs = slices.Grow(r.recs, n)
	c := cursor{b: body}
	for range n {
		if err := r.record(b, &c); err != nil {
			return err
		}
	}
	return nil
}

func (r *recordReader) record(b rawBatch, c *cursor) error {
	rec := cursor{b: c.bytes(c.varint())}
	rec.bytes(1) // attributes: none are defined
	delta := rec.varint()
	off := rec.varint()
	key := rec.bytes(rec.varint())
	value := rec.bytes(rec.varint())
	headers := rec.varint()
	if c.bad || rec.bad || off < 0 || off > int64(b.lastDelta()) {
		return fmt.Errorf("%w (record out of bounds)", ErrCorrupt)
	}
	at := b.base() + events.Offset(off)
	if at < r.from {
		return nil
	}
	ts := b.firstTS() + delta
	if b.attr()&attrAppend != 0 {
		ts = b.maxTS()
	}
	out := events.Record{
		Position: events.Position{Topic: r.topic, Partition: r.partition, Offset: at},
		Append:   events.Instant(max(ts, 0)), // a producer without a clock writes -1
		Key:      key, Value: value,
	}
	if headers != 0 {
		if out.Headers = r.readHeaders(&rec, headers); rec.bad {
			return fmt.Errorf("%w (header out of bounds)", ErrCorrupt)
		}
		r.previous = out.Headers
	}
	r.recs = append(r.recs, out)
	return nil
}

func (r *recordReader) readHeaders(c *cursor, n int64) []events.Header {
	if n < 0 || n > int64(len(c.b)/2) { // a header has two lengths at least
		c.bad = true
		return nil
	}
	if int(n) > cap(r.headers)-len(r.headers) {
		r.headers = make([]events.Header, 0, max(int(n), 256))
		r.named += cap(r.headers)
	}
	start := len(r.headers)
	for i := range int(n) {
		name := c.bytes(c.varint())
		h := events.Header{Value: c.bytes(c.varint())}
		if i < len(r.previous) && r.previous[i].Key == string(name) {
			h.Key = r.previous[i].Key
		} else {
			h.Key = string(name)
		}
		r.headers = append(r.headers, h)
	}
	return r.headers[start:len(r.headers):len(r.headers)]
}

// cursor reads a record. Once it was bad, it stays so and reads nothing.
type cursor struct {
	b   []byte
	bad bool
}

// varint reads a zigzag number.
func (c *cursor) varint() int64 {
	if len(c.b) > 0 && c.b[0] < 0x80 {
		u := c.b[0]
		c.b = c.b[1:]
		return int64(u>>1) ^ -int64(u&1)
	}
	var u uint64
	for i := 0; i < len(c.b) && i < 10; i++ {
		u |= uint64(c.b[i]&0x7f) << (7 * i)
		if c.b[i] < 0x80 {
			c.b = c.b[i+1:]
			return int64(u>>1) ^ -int64(u&1)
		}
	}
	c.bad, c.b = true, nil
	return 0
}

// bytes takes the next n bytes; of a negative length, which stands for null, it gives nil.
func (c *cursor) bytes(n int64) []byte {
	if n < 0 {
		return nil
	}
	if n > int64(len(c.b)) {
		c.bad, c.b = true, nil
		return nil
	}
	out := c.b[:n:n]
	c.b = c.b[n:]
	return out
}

// maxInflated bounds what one batch may become, so that a small batch of zeros cannot take all memory.
const maxInflated = 256 << 20

// inflate uncompresses src into dst, or into another if that has no room.
func inflate(dst []byte, codec compress.Compression, src []byte, limit int) ([]byte, error) {
	c := codec.Codec()
	if c == nil {
		return nil, fmt.Errorf("%w (compression %d)", ErrCorrupt, codec)
	}
	z := c.NewReader(&plainReader{src})
	defer z.Close()
	for {
		if len(dst) == cap(dst) {
			dst = append(dst, 0)[:len(dst)]
		}
		n, err := z.Read(dst[len(dst):cap(dst)])
		dst = dst[:len(dst)+n]
		switch {
		case len(dst) > limit:
			return nil, fmt.Errorf("%w (%s: more than %d bytes)", ErrCorrupt, c.Name(), limit)
		case err == io.EOF:
			return dst, nil
		case err != nil:
			return nil, fmt.Errorf("%w (%s: %w)", ErrCorrupt, c.Name(), err)
		}
	}
}

// plainReader reads bytes and can nothing else: codecs that find more methods keep the reader, or take another path.
type plainReader struct{ b []byte }

func (r *plainReader) Read(p []byte) (int, error) {
	if len(r.b) == 0 {
		return 0, io.EOF
	}
	n := copy(p, r.b)
	r.b = r.b[n:]
	return n, nil
}
