package rules

import (
	"math/bits"
	"slices"
)

// set is some of a program's segments, a bit each. Those of one program have one length, or none if they are empty.
type set []uint64

// words is how long a set of n segments is.
func words(n int) int { return (n + 63) / 64 }

// with is s and i, of n.
func (s set) with(n, i int) set {
	if s == nil {
		s = make(set, words(n))
	}
	s.put(i, true)
	return s
}

func (s set) has(i int) bool { return s[i>>6]>>(i&63)&1 == 1 }

func (s set) put(i int, is bool) {
	if s[i>>6] &^= 1 << (i & 63); is {
		s[i>>6] |= 1 << (i & 63)
	}
}

// add puts all of t into s.
func (s set) add(t set) {
	for w := range t {
		s[w] |= t[w]
	}
}

// fill puts the first n into s.
func (s set) fill(n int) {
	for w := range s {
		s[w] = 1<<min(64, n-64*w) - 1
	}
}

// next is the first in s from i on, -1 if there is none.
func (s set) next(i int) int {
	for w := i >> 6; w < len(s); w++ {
		if rest := s[w] >> (i & 63); rest != 0 {
			return i + bits.TrailingZeros64(rest)
		}
		i = 64 * (w + 1)
	}
	return -1
}

func (s set) empty() bool { return !slices.ContainsFunc(s, func(w uint64) bool { return w != 0 }) }
