package purchases

// index finds where in a list a key stands last: most customers have few orders, of which each is looked at, and need no map.
type index map[uint64]int32

const few = 32

// find looks for a key in a list of n.
func (x index) find(key uint64, n int, at func(i int) uint64) (int32, bool) {
	if x != nil {
		i, ok := x[key]
		return i, ok
	}
	for i := n - 1; i >= 0; i-- {
		if at(i) == key {
			return int32(i), true
		}
	}
	return 0, false
}

// added notes the last of a list of n.
func (x *index) added(n int, at func(i int) uint64) {
	if n <= few {
		return
	}
	if *x != nil {
		(*x)[at(n-1)] = int32(n - 1)
		return
	}
	*x = make(index, 2*n)
	for i := range n {
		(*x)[at(i)] = int32(i)
	}
}
