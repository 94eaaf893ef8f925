package store

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state/wire"
)

// checkpoints is what changed and what is being written. At most one commit is in flight; its goroutine touches nothing
// of the store but the rows, and ends by sending to flight, from which the owner receives.
type checkpoints struct {
	left       []write  // leftovers, to be deleted by the next one
	dirty      []*entry // in the order in which they changed first
	dirtyBytes int
	flying     []*entry // what is in flight holds; an entry may be dirty again
	flight     chan error
	failed     error // the first error of a commit: nothing is committed after it
	buffer     []byte
	inline     bool // a commit is over when Checkpoint returns; there is no goroutine
	partSize   int
	commit     func(changes []change, positions []byte) error
}

// change is what a checkpoint writes of one customer.
type change struct {
	id           events.CustomerID
	row          []byte
	parts, had   parts          // where he lies from now on, if row does not hold him, and where he lay
	pieces       [][]byte       // of parts
	place        uint64         // of blocks
	first        int            // number of the first of them
	blocks       [][]byte       // newly sealed
	indexed, was events.Instant // what stands in the index from now on, and what stood there
	others       []write        // else: what is written of no customer
}

// DirtyBytes is about how many bytes were changed since the last Checkpoint.
func (s *Store) DirtyBytes() int { return s.dirtyBytes }

// Checkpoint writes down what all changed customers are now, hands that over to be committed and returns. p becomes the
// positions when all of it is committed. A commit that still runs is waited for first, and if it failed its error
// returned. A customer who is stale is written as such, and due at once when read again.
func (s *Store) Checkpoint(p Positions) error {
	if s.readOnly {
		return fmt.Errorf("the store of shard %d was opened to look at only", s.config.Shard)
	}
	if s.unread != nil {
		return s.unread
	}
	if err := s.wait(); err != nil {
		return err
	}
	changes := make([]change, 0, len(s.dirty)+2)
	if s.left != nil { // before all others: this checkpoint may have the number that they have, and write one of them again
		changes = append(changes, change{others: s.left})
		s.left = nil
	}
	for _, e := range s.dirty {
		changes = append(changes, s.encode(e))
		e.dirty, e.flying = false, true
	}
	if world := s.takeWorld(); world != nil {
		changes = append(changes, change{others: world})
	}
	s.dirty, s.flying, s.dirtyBytes = s.flying[:0], s.dirty, 0
	p.ProducerIDs, p.PastsSeen = slices.Clone(p.ProducerIDs), slices.Clone(p.PastsSeen)
	p.Offers = slices.Clone(p.Offers)
	p.Rulebook, p.RulebookHistory = slices.Clone(p.Rulebook), slices.Clone(p.RulebookHistory)
	s.at, s.exists = p, true
	s.number++
	positions := wire.AppendUint(appendPositions(nil, &s.at, s.pending), posNumber, s.number)
	if s.inline {
		s.land(s.commit(changes, positions))
		return nil
	}
	began, flight := time.Now(), make(chan error, 1)
	s.flight = flight
	go func() { // wait receives what it sends
		err := s.commit(changes, positions)
		s.metrics.checkpoint.Observe(time.Since(began).Seconds())
		s.metrics.storeBytes.Set(float64(s.Size()))
		for level, n := range s.disk.tables() {
			s.metrics.tables(level).Set(float64(n))
		}
		flight <- err
	}()
	return nil
}

// encode writes e's row. What it needs of e is copied or never changes, so that e may change while it is in flight.
func (s *Store) encode(e *entry) change {
	c, was := e.customer, e.indexed
	if due := c.Due(); due < was || e.fired {
		e.indexed, e.fired = due, false
	}
	place := s.number + 1 // of the checkpoint that this is of
	c.Seal(place)
	b := c.AppendShort(s.buffer[:0])
	w := change{id: c.ID(), had: e.parts, place: place, first: e.stored, indexed: e.indexed, was: was}
	w.parts, w.pieces = split(b, e.parts, s.partSize)
	if s.buffer = b; w.pieces != nil {
		s.buffer = nil // the pieces live on it
	}
	w.row = appendRow(make([]byte, 0, min(len(b), s.partSize)+rowHead), e.indexed, b, w.parts)
	for n := e.stored; n < c.Sealed(); n++ {
		w.blocks = append(w.blocks, c.Block(n))
	}
	e.stored, e.row, e.parts = c.Sealed(), len(b), w.parts
	s.measure(e)
	return w
}

// Wait waits until nothing is in flight and returns the first error that a commit ever had. After one the store takes no
// more checkpoints; opened again, it is what it was at one that succeeded, or in the middle of the one that did not.
func (s *Store) Wait() error { return s.wait() }

func (s *Store) wait() error {
	if s.flight != nil {
		s.land(<-s.flight)
	}
	return s.failed
}

// poll lands what has arrived, without waiting.
func (s *Store) poll() {
	select {
	case err := <-s.flight:
		s.land(err)
	default:
	}
}

// land lets the customers go who are on disk now. If the commit failed they stay pinned.
func (s *Store) land(err error) {
	s.flight = nil
	s.release()
	if err != nil {
		s.failed = fmt.Errorf("write a checkpoint of shard %d to %s: %w", s.config.Shard, s.config.Dir, advised(err))
		return
	}
	for _, e := range s.flying {
		e.flying = false
		e.customer.Trim(s.blocks)
		s.measure(e)
		if !e.dirty {
			s.idle.put(e)
		}
	}
	clear(s.flying)
	s.flying, s.flown = s.flying[:0], nil
	s.makeRoom()
	s.metrics.cacheBytes.Set(float64(s.bytes))
}

// write commits changes and then, alone, the positions. It runs beside the owner.
func (s *Store) write(changes []change, positions []byte) error {
	for i := range changes {
		if len(changes[i].id) > maxID {
			return errors.New("a customer's id is longer than a key can be")
		}
	}
	n := 0
	err := s.disk.commit(func(yield func(write) bool) {
		for i := range changes {
			if !changes[i].write(func(w write) bool { n++; return yield(w) }) {
				return
			}
		}
	}, positions)
	s.metrics.rows.Add(float64(n))
	return err
}

// write writes one customer, until yield says no. The order allows that it is cut anywhere: a row is written after the
// blocks it counts and the parts it names, and while a horizon moves both its rows stand in the index.
func (w *change) write(yield func(write) bool) bool {
	if w.others != nil {
		for _, x := range w.others {
			if !yield(x) {
				return false
			}
		}
		return true
	}
	set := func(key, value []byte) bool { return yield(write{key: key, value: value}) }
	remove := func(key []byte) bool { return yield(write{key: key, delete: true}) }
	for i, block := range w.blocks {
		if !set(blockKey(nil, w.id, w.first+i, w.place), packBlock(block)) {
			return false
		}
	}
	if w.indexed != w.was && w.indexed != events.Never && !set(horizonKey(nil, hint{w.indexed, w.id}), nil) {
		return false
	}
	for i, piece := range w.pieces {
		if !set(partKey(nil, w.id, w.parts.slot, i), piece) {
			return false
		}
	}
	if !set(customerKey(nil, w.id), w.row) {
		return false
	}
	for i := range w.had.count {
		if !remove(partKey(nil, w.id, w.had.slot, i)) {
			return false
		}
	}
	return w.indexed == w.was || w.was == events.Never || remove(horizonKey(nil, hint{w.was, w.id}))
}
