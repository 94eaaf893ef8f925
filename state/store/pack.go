package store

import (
	"errors"

	"github.com/klauspost/compress/s2"
)

// Blocks of timelines are compressed one by one, each once; what is left, the rows of customers, is small and written again
// and again, so that Badger, which would compress it at each level anew, leaves it as it is.

const (
	plainBlock  = 0
	packedBlock = 1

	mostBlock = 64 << 20 // bytes that a block is believed to have
)

var errBlock = errors.New("a block of a timeline makes no sense")

// packBlock is how a block lies on disk.
func packBlock(b []byte) []byte {
	packed := make([]byte, 1+s2.MaxEncodedLen(len(b)))
	if p := s2.Encode(packed[1:], b); len(p) < len(b) {
		packed[0] = packedBlock
		return packed[:1+len(p)]
	}
	packed[0] = plainBlock
	return append(packed[:1], b...)
}

// unpackBlock is of what packBlock gave the block, for good.
func unpackBlock(b []byte) ([]byte, error) {
	if len(b) > 0 && b[0] == plainBlock {
		return b[1:], nil
	}
	if len(b) == 0 || b[0] != packedBlock {
		return nil, errBlock
	}
	if n, err := s2.DecodedLen(b[1:]); err != nil || n > mostBlock {
		return nil, errBlock
	}
	block, err := s2.Decode(nil, b[1:])
	if err != nil {
		return nil, errBlock
	}
	return block, nil
}
