package store

import (
	"cmp"
	"slices"

	"github.com/touchfold/touchfold/events"
)

// slab is how many horizons are read from disk at once.
const slab = 8 << 10

// maxOutdated is how many customers are looked at for nothing before the owner gets to do something else.
const maxOutdated = 1000

// A hint says that a customer may be due at an instant. The truth is the customer's own Due.
type hint struct {
	due events.Instant
	id  events.CustomerID
}

func (h hint) compare(o hint) int {
	return cmp.Or(cmp.Compare(h.due, o.due), cmp.Compare(h.id, o.id))
}

// horizons is the index of horizons: in order of due and id. All hints at or before limit are in near; later ones are on
// disk.
//
// Each customer with a horizon has a hint on disk that is not after it, so a horizon that moves to a later instant, as
// most do, costs no write: when its old hint comes up the customer is looked at and given a new one. Thus this
// invariant: a customer who is not pinned has a hint, not after his horizon, in near if it is not after limit, else on
// disk. It holds because a horizon changes only by Changed, which puts it into near if it is not after limit and pins
// the customer; because a pinned customer is let go only when his hint is on disk; and because whenever limit moves on
// the pinned customers are looked through as well as the disk, for their horizons and for hints still in flight.
type horizons struct {
	near    heap
	limit   hint
	slab    int
	pending int // customers with a horizon, about
}

func (h *horizons) init(slab int) {
	h.limit, h.slab = hint{due: -1}, slab
}

// HorizonsPending is about how many customers have a horizon.
func (s *Store) HorizonsPending() int { return max(0, s.pending) }

// watch notes e's horizon.
func (s *Store) watch(e *entry) {
	due := e.customer.Due()
	if due == e.due {
		if due == e.queued || due == events.Never {
			return
		}
	} else if due == events.Never {
		s.pending--
	} else if e.due == events.Never {
		s.pending++
	}
	e.due = due
	if h := (hint{due, e.id}); due != events.Never && due != e.queued && h.compare(s.limit) <= 0 {
		s.near.push(h)
		e.queued = due
		s.trim()
	}
}

// NextDue removes and returns the least horizon that is not after to, in order of (due, customer id). due is the
// customer's Due, and Customer(id) has him in memory; but after maxOutdated hints that were not it returns the next one
// as it is, so that the owner gets to checkpoint what that changed. A customer who is then not changed so that he is due
// later may come again, at the latest when the store is opened again.
func (s *Store) NextDue(to events.Instant) (id events.CustomerID, due events.Instant, ok bool, err error) {
	to = min(to, events.Never-1)
	for outdated := 0; ; {
		switch h, ok := s.near.least(); {
		case ok && h.due <= to:
			s.near.popAll(h)
			c, err := s.Customer(h.id)
			if err != nil {
				return "", 0, false, err
			}
			e := s.last
			if e.queued == h.due {
				e.queued = events.Never
			}
			e.fired = e.fired || e.indexed == h.due
			if e.fired && c.Due() != h.due {
				s.Changed(c) // for a new hint
				outdated++
			}
			if c.Due() == h.due || outdated > maxOutdated {
				return h.id, h.due, true, nil
			}
		case s.limit.due <= to:
			if err := s.refill(); err != nil {
				return "", 0, false, err
			}
		default:
			return "", 0, false, nil
		}
	}
}

// refill moves limit on, by a slab of what is on disk.
func (s *Store) refill() error {
	from := s.limit
	hints, err := s.readHints(from)
	if err != nil {
		return err
	}
	s.limit = hint{due: events.Never}
	if len(hints) == s.slab {
		s.limit = hints[len(hints)-1]
	}
	for _, h := range hints {
		s.near.push(h)
	}
	for _, list := range [][]*entry{s.flying, s.dirty} {
		for _, e := range list {
			s.near.pushBetween(from, s.limit, hint{e.indexed, e.id}) // which may not have arrived on disk
			if s.near.pushBetween(from, s.limit, hint{e.due, e.id}) {
				e.queued = e.due
			}
		}
	}
	s.trim()
	return nil
}

// readHints reads the next slab of the index on disk, after from.
func (s *Store) readHints(from hint) (hints []hint, err error) {
	seek := []byte{kindHorizon}
	if from.due >= 0 {
		seek = append(horizonKey(nil, from), 0)
	}
	v := s.disk.view()
	defer v.discard()
	err = v.ascend([]byte{kindHorizon}, seek, func(key, _ []byte) (bool, error) {
		h, ok := parseHorizonKey(key)
		if !ok {
			return false, s.errDamagedIndex()
		}
		hints = append(hints, h)
		return len(hints) < s.slab, nil
	})
	return hints, err
}

// trim keeps near short: it drops hints that nobody needs and, if that is not enough, the later ones, which can be read
// again.
func (s *Store) trim() {
	if len(s.near) <= 4*s.slab {
		return
	}
	kept := s.near[:0]
	for _, h := range s.near {
		if e := s.customers[h.id]; e == nil || e.due == h.due || e.indexed == h.due {
			kept = append(kept, h)
		} else if e.queued == h.due {
			e.queued = events.Never
		}
	}
	clear(s.near[len(kept):])
	slices.SortFunc(kept, hint.compare) // a sorted slice is a heap
	kept = slices.Compact(kept)
	if n := 2 * s.slab; len(kept) > n {
		for _, h := range kept[n:] {
			if e := s.customers[h.id]; e != nil && e.queued == h.due {
				e.queued = events.Never
			}
		}
		s.limit = kept[n-1]
		clear(kept[n:])
		kept = kept[:n]
	}
	s.near = kept
}

// heap is hints of which the least is first.
type heap []hint

func (h heap) least() (hint, bool) {
	if len(h) == 0 {
		return hint{}, false
	}
	return h[0], true
}

func (h *heap) push(x hint) {
	q := append(*h, x)
	i := len(q) - 1
	for i > 0 && x.compare(q[(i-1)/2]) < 0 {
		q[i] = q[(i-1)/2]
		i = (i - 1) / 2
	}
	q[i] = x
	*h = q
}

// pushBetween takes x in if it is after from, not after limit, and not never.
func (h *heap) pushBetween(from, limit, x hint) bool {
	if x.due == events.Never || x.compare(from) <= 0 || x.compare(limit) > 0 {
		return false
	}
	h.push(x)
	return true
}

// popAll removes the least hint with its copies.
func (h *heap) popAll(least hint) {
	for len(*h) > 0 && (*h)[0] == least {
		h.pop()
	}
}

func (h *heap) pop() {
	q := *h
	n := len(q) - 1
	x := q[n]
	q[n] = hint{}
	q = q[:n]
	*h = q
	i := 0
	for n > 0 {
		c := 2*i + 1
		if c+1 < n && q[c+1].compare(q[c]) < 0 {
			c++
		}
		if c >= n || x.compare(q[c]) <= 0 {
			break
		}
		q[i] = q[c]
		i = c
	}
	if n > 0 {
		q[i] = x
	}
}
