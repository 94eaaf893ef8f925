package rulebook

import "slices"

// A Succession is what a partition's log tells of rulebooks, as far as it was folded.
type Succession struct {
	Now  *Rulebook // in force
	Seen []uint64  // the digests of all that ever were, in force or not, ascending
}

// Begin is the succession where nothing was folded yet: first holds until the log names another.
func Begin(first *Rulebook) Succession { return Succession{first, []uint64{uint64(first.Digest())}} }

// Resume is a succession as it was written down: the text of Now, and Seen.
func Resume(now []byte, seen []uint64) (Succession, error) {
	b, err := Parse(now)
	return Succession{b, seen}, err
}

// Take folds a rulebook that stands in the log, and reports whether it came in force. That alone says nothing of whether
// belief changes: only another table does.
func (s *Succession) Take(b *Rulebook) bool {
	if i, seen := slices.BinarySearch(s.Seen, uint64(b.Digest())); !seen {
		s.Seen = slices.Insert(slices.Clone(s.Seen), i, uint64(b.Digest())) // who was given the slice keeps what he has
	}
	if b.compare(s.Now) <= 0 {
		return false
	}
	s.Now = b
	return true
}

// Standing is how what a process would believe by stands to the log.
type Standing int

// The standings.
const (
	InForce    Standing = iota // the same: nothing is to be done
	New                        // the log has never seen it: it is to be written there
	Superseded                 // another came after it: the process believes by that one, and does not turn back
)

// Of is how own stands, where all of the log was folded; next is, of one that is New, what to write. The log's history
// decides what is newer, and neither a clock nor who started last: so two processes in turns do not reverse each other.
func (s *Succession) Of(own *Rulebook) (standing Standing, next *Rulebook) {
	d := own.Digest()
	_, seen := slices.BinarySearch(s.Seen, uint64(d))
	switch {
	case s.Now.Serial == 0: // the log names none: what shards began with may differ from shard to shard
		return New, own.Numbered(1)
	case d == s.Now.Digest():
		return InForce, nil
	case seen:
		return Superseded, nil
	}
	return New, own.Numbered(s.Now.Serial + 1)
}
