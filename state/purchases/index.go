package purchases

// index finds where in a list a key stands last: most customers have few orders, of which each is looked at, and need no map.
type index map[uint64]int32

const few = 32

// find looks for a key in a list of n.
func (x *index) find(key uint64, n int, at func(i int) uint64) (int32, bool) {
	if n > few {
		if *x == nil {
			x.fill(n, at)
		}
		i, ok := (*x)[key]
		return i, ok
	}
	for i := n - 1; i >= 0; i-- {
		if at(i) == key {
			return int32(i), true
		}
	}
	return 0, false
}

// fill makes the map when it is first asked for.
func (x *index) fill(n int, at func(i int) uint64) {
	*x = make(index, 2*n)
	for i := range n {
		(*x)[at(i)] = int32(i)
	}
}

// added notes that a list ends with a key at i.
func (x index) added(key uint64, i int) {
	if x != nil {
		x[key] = int32(i)
	}
}
