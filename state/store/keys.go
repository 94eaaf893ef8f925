package store

import (
	"encoding/binary"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state/wire"
)

// The first byte of a key says what its row is. FORMAT.md describes each.
const (
	kindBlock     = 'b'
	kindCustomer  = 'c'
	kindHorizon   = 'h'
	kindInterest  = 'i'
	kindPart      = 'q'
	kindPositions = 'p'
	kindHappened  = 'w'
)

var positionsKey = []byte{kindPositions}

// maxKey is how many bytes a key of Badger's has at most, and maxID how many of a customer's id fit into one.
const (
	maxKey = 65000
	maxID  = maxKey - 24
)

func customerKey(b []byte, id events.CustomerID) []byte {
	return append(append(b, kindCustomer), id...)
}

// blockKey is in the order in which blocks are written, place being the number of the checkpoint: what is written once is then
// not merged with anything either. Were they in order of the customers, Badger would write all of them again, level by level,
// for each few that come. No mark is needed between id and n: two keys of equal length have ids of equal length.
func blockKey(b []byte, id events.CustomerID, n int, place uint64) []byte {
	b = binary.BigEndian.AppendUint64(append(b, kindBlock), place)
	return binary.BigEndian.AppendUint32(append(b, id...), uint32(n))
}

// parseBlockKey is false for a key that this package did not write. The id is part of key.
func parseBlockKey(key []byte) (id events.CustomerID, n int, place uint64, ok bool) {
	if len(key) <= 13 || key[0] != kindBlock {
		return "", 0, 0, false
	}
	end := len(key) - 4
	return events.CustomerID(key[9:end]), int(binary.BigEndian.Uint32(key[end:])), binary.BigEndian.Uint64(key[1:9]), true
}

func horizonKey(b []byte, h hint) []byte {
	return append(binary.BigEndian.AppendUint64(append(b, kindHorizon), uint64(h.due)), h.id...)
}

// parseHorizonKey is false for a key that this package did not write.
func parseHorizonKey(key []byte) (hint, bool) {
	if len(key) < 9 || key[0] != kindHorizon {
		return hint{}, false
	}
	due := events.Instant(binary.BigEndian.Uint64(key[1:9]))
	return hint{due, events.CustomerID(key[9:])}, due >= 0
}

// The fields of a customer's row on disk.
const (
	rowIndexed  wire.Field = 1 // the instant that stands in the index, + 1; none if nothing does
	rowCustomer wire.Field = 2 // what state.Customer.AppendRow writes
	rowParts    wire.Field = 3 // or where that lies, if it is long
)

// rowHead is how many bytes a row takes beside the customer at most.
const rowHead = 32

// appendRow writes a customer's row, of one who lies in parts only where they are.
func appendRow(b []byte, indexed events.Instant, customer []byte, p parts) []byte {
	if indexed != events.Never {
		b = wire.AppendUint(b, rowIndexed, uint64(indexed)+1)
	}
	if p.count > 0 {
		return appendParts(b, p)
	}
	return wire.AppendBytes(b, rowCustomer, customer)
}

// parseRow takes a customer's row apart. customer is part of b, and nil if p has any.
func parseRow(b []byte) (indexed events.Instant, customer []byte, p parts, err error) {
	indexed = events.Never
	r := wire.NewReader(b)
	for f, ok := r.Next(); ok; f, ok = r.Next() {
		switch f {
		case rowIndexed:
			if indexed = events.Instant(r.Uint()) - 1; indexed < 0 {
				r.Fail()
			}
		case rowCustomer:
			customer = r.Bytes()
		case rowParts:
			if p, ok = parseParts(r.Bytes()); !ok {
				r.Fail()
			}
		}
	}
	return indexed, customer, p, r.Err()
}
