package processor

import (
	"context"
	"slices"
	"time"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state"
	"github.com/touchfold/touchfold/state/store"
)

// An event of the catalogue or of the world is of no customer. It is written to any partition of the input, and the owner
// of that one copies it to the others, so that every shard has it at a position of its own. There it comes to all customers
// who had shown an interest that it may meet, before anything else is folded; and to whom a touchpoint that comes later
// shows to have had one. Whom it meets is package state's to say.

// happened is what a shard remembers of the world.
type happened struct {
	happenings *state.Happenings
	forgot     events.Instant // of the log: when it last forgot
	sweepAfter time.Duration  // of terms.boot
	offered    events.Event   // scratch
}

const (
	// mostOffers is how many events wait for what is gathered to be folded.
	mostOffers = 1000
	// sweepSlice is how many rows of the index of interests are looked at, and sweepEvery how often.
	sweepSlice = 2000
	sweepEvery = 10 * time.Second
	// forgetEvery is how often, by the log's clock, what happened is forgotten.
	forgetEvery events.Instant = 10 * 60_000
)

// happens takes an event of the world.
func (s *shard) happens(ctx context.Context, r *events.Record, e *events.Event) error {
	if s.asides.spread(s.config.App, r, s.layout.shards, s.at.Clock) {
		s.m.note(s.decoding.notes)
		s.m.count(e.Type, catalogue)
	}
	h, was := s.happenings.Put(e, s.at.Log)
	if h == nil {
		return nil
	}
	if h != was {
		if was != nil {
			s.store.Forget(was)
		}
		s.store.Happen(h)
	}
	of := slices.Concat(h.Of, h.Gone)
	if len(of) == 0 {
		return nil
	}
	// It goes to all again if it was known: who saved it may have ended before it had come to them.
	s.at.Offers = append(slices.Clone(s.at.Offers), store.Offer{Mark: h.Mark, Of: of})
	if s.gathers() && len(s.at.Offers) < mostOffers {
		return nil
	}
	return s.deliver(ctx)
}

// spread gathers copies of a record for all other partitions, and reports whether it stands where it was first written.
func (a *asides) spread(app string, r *events.Record, shards int, clock events.Instant) bool {
	if _, again := events.OriginOf(r); again {
		return false
	}
	for p := range events.ShardID(shards) {
		if p != r.Partition {
			a.forward(app, r, events.CustomerID(r.Key), p, clock)
		}
	}
	return true
}

// deliver has what happened come to all whom it may meet, each a step, and what was gathered be folded before. It may be
// broken off anywhere: how far it is stands in the positions.
func (s *shard) deliver(ctx context.Context) error {
	if err := s.foldGathered(ctx); err != nil {
		return err
	}
	for len(s.at.Offers) > 0 {
		if s.stopping() {
			return errStopped
		}
		o := s.at.Offers[0]
		h := s.happenings.Find(o.ID)
		if h == nil || h.Time != o.Time || len(o.Of) == 0 { // a copy has taken its place
			s.at.Offers = s.at.Offers[1:]
			continue
		}
		ids, next, err := s.store.Interested(o.Of[0], o.Time, o.After, s.limits.offer)
		if err != nil {
			return err
		}
		for _, id := range ids {
			if err := s.bring(h, id); err != nil {
				return err
			}
		}
		if o.After = next; next == "" {
			o.Of = o.Of[1:]
		}
		s.at.Offers = slices.Clone(s.at.Offers)
		s.at.Offers[0] = o
		if err := s.drain(ctx, s.limits.pending); err != nil {
			return err
		}
		if s.store.DirtyBytes() > s.limits.dirty {
			if err := s.checkpoint(ctx, false); err != nil {
				return err
			}
		}
	}
	s.at.Offers = nil
	return nil
}

// bring has an event of the world come to a customer.
func (s *shard) bring(h *state.Happened, id events.CustomerID) error {
	if err := state.Unpack(h.Packed, &s.offered); err != nil {
		return err
	}
	s.offered.Customer = id
	_, err := s.step(&s.offered)
	return err
}

// notice notes what a customer's event that was just taken shows an interest in, and brings him what met that before; all
// of it gathered, if the event is.
func (s *shard) notice(e *events.Event, gathers bool) error {
	if !s.table.Worldly() {
		return nil
	}
	s.noteInterests(e)
	var met []*state.Happened
	s.happenings.Meets(e, s.at.Log, func(h *state.Happened) { met = append(met, h) })
	for _, h := range met {
		if !gathers {
			if err := s.bring(h, e.Customer); err != nil {
				return err
			}
			continue
		}
		if err := state.Unpack(h.Packed, &s.offered); err != nil {
			return err
		}
		s.offered.Customer = e.Customer
		s.gathered.add(&s.offered, s.at.Input-1)
	}
	return nil
}

// noteInterests notes what a customer's event shows an interest in, if an event of the world that is still remembered can
// meet it. Until when it is noted counts from the log's clock, so that it never goes back where touchpoints come late.
func (s *shard) noteInterests(e *events.Event) {
	lives := false
	s.table.Interests(e, func(_ state.Interest, until events.Instant) {
		lives = lives || s.table.Remembers(until) > s.at.Log
	})
	if !lives {
		return
	}
	then := e.Time
	e.Time = max(then, s.at.Log)
	s.table.Interests(e, func(i state.Interest, until events.Instant) { s.store.Note(i, e.Customer, until) })
	e.Time = then
}

// acquaint notes all that a customer ever showed an interest in, and brings him what met it: the rules are others now.
func (s *shard) acquaint(c *state.Customer) error {
	if !s.table.Worldly() {
		return nil
	}
	var met []*state.Happened
	c.Timeline(func(e *events.Event) {
		if e.Type.OfWorld() {
			return
		}
		s.noteInterests(e)
		s.happenings.Meets(e, s.at.Log, func(h *state.Happened) { met = append(met, h) })
	})
	waits := c.Stale()
	for _, h := range met {
		if err := state.Unpack(h.Packed, &s.offered); err != nil {
			return err
		}
		s.offered.Customer = c.ID()
		c.Take(&s.offered)
	}
	if !waits {
		c.Refold()
	}
	return nil
}

// acquaintAll is acquaint of all whom a walk has not come to, while the shard is mute: by the time that the walk goes on,
// what happened may be forgotten.
func (s *shard) acquaintAll(ctx context.Context) error {
	if !s.table.Worldly() || s.speaking || !s.at.Walk.Active {
		return nil
	}
	for after, more := s.at.Walk.After, true; more; {
		more = false
		n := 0
		err := s.store.Customers(after, func(c *state.Customer) (bool, error) {
			after, n = c.ID(), n+1
			before := c.Events()
			if err := s.acquaint(c); err != nil {
				return false, err
			}
			if c.Events() > before {
				s.store.Changed(c)
			}
			more = n == s.limits.walk
			return !more, nil
		})
		if err != nil {
			return err
		}
		if s.store.DirtyBytes() > s.limits.dirty {
			if err := s.checkpoint(ctx, false); err != nil {
				return err
			}
		}
		if s.stopping() {
			return errStopped
		}
	}
	return nil
}

// forget lets go of what no touchpoint can meet any more: as of the last checkpoint, for from there it may be read again.
func (s *shard) forget() error {
	saved, _ := s.store.Positions()
	if saved.Log-s.forgot > forgetEvery {
		s.forgot = saved.Log
		for _, h := range s.happenings.Forget(saved.Log) {
			s.store.Forget(h)
		}
	}
	now := s.terms.boot()
	if now < s.sweepAfter {
		return nil
	}
	s.sweepAfter = now + sweepEvery
	return s.store.Sweep(sweepSlice, func(i state.Interest, until events.Instant) bool {
		return s.table.Asks(i.Asks) && s.table.Remembers(until) > saved.Log
	})
}
