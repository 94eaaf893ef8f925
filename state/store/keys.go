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

// blockKey needs no mark between id and n: two keys of equal length have ids of equal length.
func blockKey(b []byte, id events.CustomerID, n int) []byte {
	return binary.BigEndian.AppendUint32(append(append(b, kindBlock), id...), uint32(n))
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
