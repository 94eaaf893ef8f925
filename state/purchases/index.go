package purchases

import "math/bits"

// index finds where in a list a key stands last. Most customers have few orders, of which each is looked at; of a longer list
// what was added since is noted when it is asked. No key changes.
type index struct {
	slots []int32 // open addressing: one more than the place of a key, 0 for none; at most half of it is taken
	noted int     // how many of the list are in slots
}

const few = 32

// find looks for a key in a list of n.
func (x *index) find(key uint64, n int, at func(i int) uint64) (int32, bool) {
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
func (x *index) slot(key uint64, at func(i int) uint64) uint64 {
	mask := uint64(len(x.slots) - 1)
	i := key & mask
	for x.slots[i] != 0 && at(int(x.slots[i]-1)) != key {
		i = (i + 1) & mask
	}
	return i
}
