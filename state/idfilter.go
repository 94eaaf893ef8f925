package state

import (
	"encoding/binary"
	"math/bits"
	"slices"
)

// An idFilter is the lower halves of fingerprints. What it does not have was never added; of what it has, one in some
// hundred millions was not.
type idFilter struct {
	list  []uint32
	table []uint32 // open addressing, 0 for none, once list is long: at most half of it is taken
}

// filterTable is from how many on there is a table.
const filterTable = 64

func half(id uint64) uint32 { return max(uint32(id), 1) }

func (f *idFilter) len() int { return len(f.list) }

func (f *idFilter) bytes() int { return 4 * (cap(f.list) + len(f.table)) }

func (f *idFilter) has(id uint64) bool {
	x := half(id)
	if f.table == nil {
		return slices.Contains(f.list, x)
	}
	return f.table[f.slot(x)] == x
}

func (f *idFilter) add(id uint64) { f.put(half(id)) }

func (f *idFilter) put(x uint32) {
	f.list = append(f.list, x)
	switch {
	case len(f.list) < filterTable:
	case 2*len(f.list) > len(f.table):
		f.table = make([]uint32, 1<<bits.Len(uint(3*len(f.list))))
		for _, x := range f.list {
			f.table[f.slot(x)] = x
		}
	default:
		f.table[f.slot(x)] = x
	}
}

// slot is where x is, or belongs.
func (f *idFilter) slot(x uint32) uint32 {
	mask := uint32(len(f.table) - 1)
	i := x * 2654435769 >> 7 & mask
	for f.table[i] != 0 && f.table[i] != x {
		i = (i + 1) & mask
	}
	return i
}

// appendTo writes the first n, 4 bytes each.
func (f *idFilter) appendTo(b []byte, n int) []byte {
	for _, x := range f.list[:n] {
		b = binary.BigEndian.AppendUint32(b, x)
	}
	return b
}

// load adds what appendTo wrote.
func (f *idFilter) load(b []byte) (ok bool) {
	f.list = slices.Grow(f.list, len(b)/4+8)
	for ; len(b) >= 4; b = b[4:] {
		f.put(max(binary.BigEndian.Uint32(b), 1))
	}
	return len(b) == 0
}
