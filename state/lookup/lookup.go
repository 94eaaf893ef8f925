// Package lookup finds keys in lists that only grow.
package lookup

import "math/bits"

// An Index finds where in a list a key stands last. In a short list each is looked at, as most customers' are; of a longer
// one what was added since is noted when it is asked. No key changes. The zero Index is of an empty list, or of any.
type Index struct {
	slots []int32 // open addressing: one more than the place of a key, 0 for none; at most half of it is taken
	noted int     // how many of the list are in slots
}

// few is how long a list is that is short.
const few = 32

// Find looks for a key in a list of n, of which at tells the i-th.
func (x *Index) Find(key uint64, n int, at func(i int) uint64) (int32, bool) {
	if n <= few {
		for i := n - 1; i >= 0; i-- {
			if at(i) == key {
				return int32(i), true
			}
		}
		return 0, false
	}
	if 2*n > len(x.slots) {
		x.slots, x.noted = make([]int32, 1<<bits.Len(uint(3*n))), 0
	}
	for ; x.noted < n; x.noted++ {
		x.slots[x.slot(at(x.noted), at)] = int32(x.noted + 1)
	}
	i := x.slots[x.slot(key, at)] - 1
	return i, i >= 0
}

// slot is where a key's place is, or belongs.
func (x *Index) slot(key uint64, at func(i int) uint64) uint64 {
	mask := uint64(len(x.slots) - 1)
	i := key & mask
	for x.slots[i] != 0 && at(int(x.slots[i]-1)) != key {
		i = (i + 1) & mask
	}
	return i
}
