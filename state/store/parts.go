package store

import (
	"encoding/binary"
	"errors"
	"hash/crc32"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state/wire"
)

// partSize is how many bytes of a customer stand under one key at most. Several parts fit into a transaction, and none
// is so long that Badger would put it into its value log, where nothing that was replaced is ever removed.
const partSize = 256 << 10

// parts says where a customer lies who is longer than partSize. There are two slots of part keys, and a row never goes
// where the one before it lies: until the head, the row under the customer's own key, names the new slot, the old parts
// are untouched. So writing may be cut anywhere, in between transactions too.
type parts struct {
	count int // 0: there are none, the customer stands in the head
	slot  byte
	sum   uint32 // CRC-32C of them all
}

const (
	partsCount wire.Field = 1
	partsSlot  wire.Field = 2
	partsSum   wire.Field = 3
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// split is where a customer's bytes go after was, and the bytes of each part, of at most size, which are not copied.
func split(customer []byte, was parts, size int) (p parts, pieces [][]byte) {
	if len(customer) <= size {
		return parts{}, nil
	}
	p.sum = crc32.Checksum(customer, castagnoli)
	if was.count > 0 {
		p.slot = 1 - was.slot
	}
	for len(customer) > 0 {
		n := min(size, len(customer))
		pieces, customer = append(pieces, customer[:n:n]), customer[n:]
	}
	p.count = len(pieces)
	return p, pieces
}

func partKey(b []byte, id events.CustomerID, slot byte, n int) []byte {
	return binary.BigEndian.AppendUint32(append(append(append(b, kindPart), id...), slot), uint32(n))
}

func appendParts(b []byte, p parts) []byte {
	b, m := wire.Begin(b, rowParts)
	b = wire.AppendUint(b, partsCount, uint64(p.count))
	b = wire.AppendUint(b, partsSlot, uint64(p.slot))
	b = wire.AppendUint(b, partsSum, uint64(p.sum))
	return wire.End(b, m)
}

// parseParts is false for what appendParts never writes.
func parseParts(b []byte) (p parts, ok bool) {
	var count, slot, sum uint64
	r := wire.NewReader(b)
	for f, ok := r.Next(); ok; f, ok = r.Next() {
		switch f {
		case partsCount:
			count = r.Uint()
		case partsSlot:
			slot = r.Uint()
		case partsSum:
			sum = r.Uint()
		}
	}
	ok = r.Err() == nil && count > 0 && count <= 1<<32 && slot <= 1 && sum < 1<<32
	return parts{int(count), byte(slot), uint32(sum)}, ok
}

// wholeRow is parseRow of a customer who may lie in parts.
func wholeRow(v view, id events.CustomerID, value []byte) (indexed events.Instant, customer []byte, p parts, err error) {
	indexed, customer, p, err = parseRow(value)
	if err == nil && p.count > 0 {
		customer, err = readParts(v, id, p)
	}
	return indexed, customer, p, err
}

// readParts puts a customer's bytes together.
func readParts(from view, id events.CustomerID, p parts) (customer []byte, err error) {
	for n := range p.count {
		b, err := from.get(partKey(nil, id, p.slot, n))
		if errors.Is(err, errNoRow) {
			return nil, errors.New("a part of the customer is missing")
		}
		if err != nil {
			return nil, err
		}
		if n == 0 { // the count may be damaged, so it is believed up to 256 MiB
			customer = make([]byte, 0, min(p.count, 1<<10)*len(b))
		}
		customer = append(customer, b...)
	}
	if crc32.Checksum(customer, castagnoli) != p.sum {
		return nil, errors.New("the parts of a customer do not fit together")
	}
	return customer, nil
}
