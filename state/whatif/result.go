package whatif

import (
	"cmp"
	"maps"
	"slices"

	"github.com/touchfold/touchfold/state"
)

// Segments are all that either rulebook has or says, by their ids.
func (x *Comparison) Segments() []*Segment {
	return slices.SortedFunc(slices.Values(x.listed), func(a, b *Segment) int { return cmp.Compare(a.Rule, b.Rule) })
}

// Triggers are all that either rulebook has, by their ids.
func (x *Comparison) Triggers() []*Trigger {
	return slices.SortedFunc(maps.Values(x.triggers), func(a, b *Trigger) int { return cmp.Compare(a.Rule, b.Rule) })
}

// First is the first day that is counted.
func (x *Comparison) First() state.Day { return x.first }

// Overlap is the pairs of segments that have anybody in common, those first of whose customers the most are in both, and of
// equal ones those with more of them.
func (x *Comparison) Overlap() (all []Pair) {
	for i, row := range x.pairs {
		for j, both := range row {
			a, b := x.listed[i], x.listed[j]
			if a.Rule > b.Rule {
				a, b = b, a
			}
			if both > 0 {
				all = append(all, Pair{a, b, both})
			}
		}
	}
	slices.SortFunc(all, func(p, q Pair) int {
		return cmp.Or(cmp.Compare(q.Both*p.Either(), p.Both*q.Either()), cmp.Compare(q.Both, p.Both),
			cmp.Compare(p.A.Rule, q.A.Rule), cmp.Compare(p.B.Rule, q.B.Rule))
	})
	return all
}

// Either is how many are in at least one of the two.
func (p Pair) Either() int { return p.A.Size[Next] + p.B.Size[Next] - p.Both }
