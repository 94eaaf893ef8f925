package store

import (
	"fmt"
	"math"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state/wire"
)

// What of a customer's row and its blocks names the types of events; FORMAT.md.
const (
	customerTail wire.Field = 5
	blockEntry   wire.Field = 1
	entryType    wire.Field = 2
)

// newer is ErrNewer if a customer who cannot be read has an event of a type that this program does not know.
func newer(customer []byte, block func(n int) ([]byte, error)) error {
	blocks := [][]byte{}
	r := wire.NewReader(customer)
	for f, ok := r.Next(); ok; f, ok = r.Next() {
		if f == customerTail {
			blocks = append(blocks, r.Bytes())
		}
	}
	for n := 0; ; n++ {
		b, err := block(n)
		if err != nil {
			break
		}
		blocks = append(blocks, b)
	}
	for _, b := range blocks {
		if t := largestType(b); t > uint64(len(events.Types())) && t <= math.MaxUint16 {
			return fmt.Errorf("it has events of type %d: %w", t, ErrNewer)
		}
	}
	return nil
}

// largestType is that of the entries of a block, 0 if it is not one.
func largestType(block []byte) (largest uint64) {
	r := wire.NewReader(block)
	for f, ok := r.Next(); ok && f == blockEntry; f, ok = r.Next() {
		entry := wire.NewReader(r.Bytes())
		for f, ok := entry.Next(); ok; f, ok = entry.Next() {
			if f == entryType {
				largest = max(largest, entry.Uint())
			}
		}
		if entry.Err() != nil {
			return 0
		}
	}
	if r.Err() != nil {
		return 0
	}
	return largest
}
