package kafka

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math/bits"

	"github.com/segmentio/kafka-go/compress"

	"github.com/touchfold/touchfold/events"
)

// Out is a record to be written. A nil Key or Value is null, an empty one is not.
type Out struct {
	Key, Value []byte
	Headers    []events.Header
	Time       events.Instant // 0: now. A topic with LogAppendTime keeps the broker's time instead
}

// stamp names the producer of a batch and the place of its first record in what that producer wrote.
type stamp struct {
	id    int64
	epoch int16
	seq   int32
}

// unstamped is nobody's: such a batch may be doubled by a retry.
var unstamped = stamp{id: -1, epoch: -1, seq: -1}

// compressFrom is the size of records from which on compressing is worth its time, in bytes.
const compressFrom = 1 << 10

// appendBatch appends one record batch of format 2. Records must not be empty. What needs compressing is compressed
// with LZ4, if that makes it smaller.
func appendBatch(dst []byte, recs []Out, now events.Instant, s stamp) ([]byte, error) {
	start := len(dst)
	first := at(&recs[0], now)
	last := first
	dst = append(dst, make([]byte, batchHead)...)
	for i := range recs {
		t := at(&recs[i], now)
		last = max(last, t)
		dst = appendRecord(dst, &recs[i], int64(t-first), i)
	}
	attr := uint16(0)
	if body := dst[start+batchHead:]; len(body) >= compressFrom {
		small, err := deflate(body)
		if err != nil {
			return nil, err
		}
		if len(small) < len(body) {
			attr, dst = uint16(compress.Lz4), append(dst[:start+batchHead], small...)
		}
	}
	b := dst[start:]
	be := binary.BigEndian
	be.PutUint32(b[lenAt:], uint32(len(b)-lenAt-4))
	be.PutUint32(b[lenAt+4:], ^uint32(0)) // the leader's epoch is the broker's to write
	b[magicAt] = 2
	be.PutUint16(b[attrAt:], attr)
	be.PutUint32(b[lastAt:], uint32(len(recs)-1))
	be.PutUint64(b[firstTSAt:], uint64(first))
	be.PutUint64(b[maxTSAt:], uint64(last))
	be.PutUint64(b[pidAt:], uint64(s.id))
	be.PutUint16(b[epochAt:], uint16(s.epoch))
	be.PutUint32(b[seqAt:], uint32(s.seq))
	be.PutUint32(b[countAt:], uint32(len(recs)))
	be.PutUint32(b[crcAt:], crc32.Checksum(b[attrAt:], castagnoli))
	return dst, nil
}

func at(r *Out, now events.Instant) events.Instant {
	if r.Time == 0 {
		return now
	}
	return r.Time
}

func appendRecord(dst []byte, r *Out, delta int64, i int) []byte {
	dst = binary.AppendVarint(dst, int64(recordSize(r, delta, i)))
	dst = append(dst, 0) // attributes
	dst = binary.AppendVarint(dst, delta)
	dst = binary.AppendVarint(dst, int64(i))
	dst = appendBytes(dst, r.Key)
	dst = appendBytes(dst, r.Value)
	dst = binary.AppendVarint(dst, int64(len(r.Headers)))
	for _, h := range r.Headers {
		dst = binary.AppendVarint(dst, int64(len(h.Key)))
		dst = append(dst, h.Key...)
		dst = appendBytes(dst, h.Value)
	}
	return dst
}

func appendBytes(dst, b []byte) []byte {
	if b == nil {
		return binary.AppendVarint(dst, -1)
	}
	dst = binary.AppendVarint(dst, int64(len(b)))
	return append(dst, b...)
}

// recordSize is how many bytes follow the length of a record.
func recordSize(r *Out, delta int64, i int) int {
	n := 1 + varintSize(delta) + varintSize(int64(i)) + bytesSize(r.Key) + bytesSize(r.Value) +
		varintSize(int64(len(r.Headers)))
	for _, h := range r.Headers {
		n += varintSize(int64(len(h.Key))) + len(h.Key) + bytesSize(h.Value)
	}
	return n
}

func bytesSize(b []byte) int {
	if b == nil {
		return 1
	}
	return varintSize(int64(len(b))) + len(b)
}

func varintSize(v int64) int {
	return (bits.Len64(uint64(v<<1)^uint64(v>>63)|1) + 6) / 7
}

func deflate(body []byte) ([]byte, error) {
	var out bytes.Buffer
	out.Grow(len(body) / 2)
	z := compress.Lz4Codec.NewWriter(&out)
	if _, err := z.Write(body); err != nil {
		return nil, fmt.Errorf("compress records: %w", err)
	}
	if err := z.Close(); err != nil {
		return nil, fmt.Errorf("compress records: %w", err)
	}
	return out.Bytes(), nil
}
