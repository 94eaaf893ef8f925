package kafka

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"slices"

	"github.com/touchfold/touchfold/events"
)

// Batch is what one fetch brought of one partition.
type Batch struct {
	// Records stand in order of offset, from the offset asked for on. Their Key, Value and Headers lie in buffers that belong
	// to this Batch until Release, which need not be called: then they may be kept, but one kept alone keeps a whole buffer.
	Records []events.Record
	Next    events.Offset // where reading goes on: behind the records, and behind what was stepped over
	End     events.Offset // the high watermark: the offset of the next record to be written
	// LogStart is the first offset that the log still has.
	LogStart events.Offset
	Sent     events.Instant // just before the request was sent
	// CRC and Base are the CRC-32C and the base offset of the last record batch with records handed out; 0 without.
	CRC  uint32
	Base events.Offset
	Err  error // reading ended; the Batch says nothing else

	memory *memory
}

// Release gives back the memory of the Records, of which nothing may be used from then on.
func (b *Batch) Release() {
	if b.memory != nil {
		b.memory.release()
	}
	b.Records, b.memory = nil, nil
}

// A record batch of format 2 begins with 61 bytes; https://kafka.apache.org/documentation/#recordbatch
const (
	batchHead = 61
	lenAt     = 8  // int32: bytes behind it
	magicAt   = 16 // int8
	crcAt     = 17 // uint32, CRC-32C of all behind it
	attrAt    = 21 // int16
	lastAt    = 23 // int32: offset of the last record, from the base
	firstTSAt = 27 // int64
	maxTSAt   = 35 // int64
	pidAt     = 43 // int64
	epochAt   = 51 // int16
	seqAt     = 53 // int32
	countAt   = 57 // int32

	attrCodec     = 0x07
	attrAppend    = 0x08 // timestamps are the broker's
	attrTxn       = 0x10
	attrControl   = 0x20
	minRecordSize = 7 // length, attributes, two deltas, two lengths, header count
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// rawBatch is one record batch of format 2 with a good checksum.
type rawBatch []byte

func (b rawBatch) base() events.Offset { return events.Offset(binary.BigEndian.Uint64(b)) }
func (b rawBatch) crc() uint32         { return binary.BigEndian.Uint32(b[crcAt:]) }
func (b rawBatch) attr() uint16        { return binary.BigEndian.Uint16(b[attrAt:]) }
func (b rawBatch) firstTS() int64      { return int64(binary.BigEndian.Uint64(b[firstTSAt:])) }
func (b rawBatch) maxTS() int64        { return int64(binary.BigEndian.Uint64(b[maxTSAt:])) }
func (b rawBatch) producer() int64     { return int64(binary.BigEndian.Uint64(b[pidAt:])) }
func (b rawBatch) epoch() int16        { return int16(binary.BigEndian.Uint16(b[epochAt:])) }
func (b rawBatch) head() Head          { return Head{b.base(), b.last(), b.producer(), b.epoch(), b.crc()} }
func (b rawBatch) lastDelta() int32    { return int32(binary.BigEndian.Uint32(b[lastAt:])) }
func (b rawBatch) count() int          { return int(int32(binary.BigEndian.Uint32(b[countAt:]))) }
func (b rawBatch) last() events.Offset { return b.base() + events.Offset(b.lastDelta()) }

// cutBatch takes the first record batch off b. It is nil at the end, also where the broker cut the last one short.
func cutBatch(b []byte) (batch rawBatch, rest []byte, err error) {
	if len(b) < lenAt+4 {
		return nil, nil, nil
	}
	base := int64(binary.BigEndian.Uint64(b))
	n := int64(int32(binary.BigEndian.Uint32(b[lenAt:]))) + lenAt + 4
	if n > int64(len(b)) {
		return nil, nil, nil
	}
	if n > magicAt && b[magicAt] < 2 {
		return nil, nil, fmt.Errorf("offset %d: %w (magic %d)", base, ErrOldFormat, b[magicAt])
	}
	if n < batchHead || b[magicAt] != 2 {
		return nil, nil, fmt.Errorf("offset %d: %w (%d bytes, magic not 2)", base, ErrCorrupt, n)
	}
	batch = rawBatch(b[:n:n])
	if crc32.Checksum(batch[attrAt:], castagnoli) != batch.crc() {
		return nil, nil, fmt.Errorf("offset %d: %w (checksum)", base, ErrCorrupt)
	}
	if base < 0 || batch.lastDelta() < 0 || batch.last() < 0 || batch.count() < 0 {
		return nil, nil, fmt.Errorf("offset %d: %w (negative count or offset)", base, ErrCorrupt)
	}
	return batch, b[n:], nil
}

// fetched is what a broker sent of a partition, asked for what stands from an offset on.
type fetched struct {
	topic     string
	partition events.ShardID
	from      events.Offset
	raw       []byte // record batches
	gone      []aborted
}

const noLimit = 1 << 62

// parse reads record batches: the records from the offset from on that were committed. Once these take more than a
// limit of memory, it leaves the rest. Next of the result is behind all that was read, also without records: a
// compacted log has such batches. Head is told of each batch with records handed out, what it is and how many records
// there are up to its end; it may be nil.
func parse(in fetched, limit int, head func(h Head, upTo int)) (Batch, error) {
	from, b, gone := in.from, in.raw, in.gone
	out := Batch{Next: from}
	m := memories.Get().(*memory)
	m.raw = b
	r := recordReader{topic: in.topic, partition: in.partition, from: from, memory: m, recs: m.recs[:0]}
	txns := abortedSet{rest: slices.SortedFunc(slices.Values(gone), func(a, b aborted) int {
		return int(min(max(a.First-b.First, -1), 1))
	})}
	r.recs = slices.Grow(r.recs, min(countRecords(b), limit/recordMemory/2))
	for len(b) > 0 && r.size() <= limit {
		batch, rest, err := cutBatch(b)
		if err != nil {
			return Batch{}, err
		}
		if batch == nil {
			if out.Next == from {
				return Batch{}, fmt.Errorf("offset %d: %w (cut short)", from, ErrCorrupt)
			}
			break
		}
		b = rest
		if !txns.skip(batch) && batch.last() >= from {
			if err := r.read(batch); err != nil {
				return Batch{}, fmt.Errorf("offset %d: %w", batch.base(), err)
			}
			out.CRC, out.Base = batch.crc(), batch.base()
			if head != nil {
				head(batch.head(), len(r.recs))
			}
		}
		out.Next = max(out.Next, batch.last()+1)
	}
	m.recs = r.recs
	if !r.plain { // nothing lies in what came over the wire
		giveWire(m.raw)
		m.raw = nil
	}
	if len(r.recs) == 0 {
		m.release()
		out.CRC, out.Base = 0, 0
		return out, nil
	}
	out.Records, out.memory = r.recs, m
	return out, nil
}

// countRecords is how many records the batches in b say that they have, but not more than they can have.
func countRecords(b []byte) int {
	total := 0
	for len(b) >= batchHead {
		n := int64(int32(binary.BigEndian.Uint32(b[lenAt:]))) + lenAt + 4
		if n < batchHead || n > int64(len(b)) {
			break
		}
		batch := rawBatch(b[:n])
		total += min(max(batch.count(), 0), len(batch)/minRecordSize)
		b = b[n:]
	}
	return total
}

// abortedSet tells which batches belong to aborted transactions, as they are met in order of offset.
type abortedSet struct {
	rest []aborted      // those that begin later
	open map[int64]bool // producers within an aborted transaction
}

// skip is whether a batch holds nothing to hand out: a marker of the transaction coordinator or aborted records.
func (s *abortedSet) skip(b rawBatch) bool {
	for len(s.rest) > 0 && s.rest[0].First <= int64(b.last()) {
		if s.open == nil {
			s.open = make(map[int64]bool)
		}
		s.open[s.rest[0].ProducerID] = true
		s.rest = s.rest[1:]
	}
	if b.attr()&attrControl != 0 {
		if isAbort(b) {
			delete(s.open, b.producer())
		}
		return true
	}
	return b.attr()&attrTxn != 0 && s.open[b.producer()]
}

// isAbort is whether a control batch ends a transaction by aborting it: its record's key is (version 0, type 0).
func isAbort(b rawBatch) bool {
	c := cursor{b: b[batchHead:]}
	c.varint() // length
	c.bytes(1) // attributes
	c.varint()
	c.varint()
	key := c.bytes(c.varint())
	return !c.bad && len(key) >= 4 && binary.BigEndian.Uint16(key[2:]) == 0
}
