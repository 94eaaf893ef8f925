package state

import (
	"cmp"
	"slices"

	"github.com/touchfold/touchfold/events"
)

// Since is from when on rules are in force, by the fingerprint of their meaning, in order. Nothing is said of what one of
// them made happen before.
type Since []InForce

// InForce is one of Since.
type InForce struct {
	Meaning uint64
	From    events.Instant
}

// Of is from when on a meaning is in force.
func (s Since) Of(meaning uint64) (from events.Instant, ok bool) {
	i, ok := slices.BinarySearchFunc(s, meaning, func(x InForce, m uint64) int { return cmp.Compare(x.Meaning, m) })
	if !ok {
		return 0, false
	}
	return s[i].From, true
}

// Next is Since where these meanings are in force: those that were there before stay, the others begin at an instant.
func (s Since) Next(meanings []uint64, now events.Instant) (next Since) {
	for _, m := range slices.Compact(slices.Sorted(slices.Values(meanings))) {
		from, ok := s.Of(m)
		if !ok {
			from = now
		}
		next = append(next, InForce{m, from})
	}
	return next
}
