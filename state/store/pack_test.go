package store

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"
)

// A block comes back as it was, and what is damaged is an error or another block, never a panic.
func TestPackBlock(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		piece := rapid.SliceOfN(rapid.Byte(), 1, 40).Draw(t, "piece")
		block := bytes.Repeat(piece, rapid.IntRange(1, 60).Draw(t, "times"))
		packed := packBlock(block)
		if got, err := unpackBlock(packed); err != nil || !bytes.Equal(got, block) || len(packed) > 1+len(block) {
			t.Fatalf("%d bytes packed to %d: %v", len(block), len(packed), err)
		}
		packed[rapid.IntRange(0, len(packed)-1).Draw(t, "at")] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
		unpackBlock(packed[:rapid.IntRange(0, len(packed)).Draw(t, "cut")])
	})
}
