package processor

import (
	"context"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state"
)

// meet lets the clock come to the time at which a record was appended, and gives the record that time.
func (s *shard) meet(r *events.Record) {
	s.at.Log = arrive(s.at.Log, r.Append, s.mostLog())
	r.Append = s.at.Log
	s.advance(s.at.Log)
}

// arrive is the time that the log has come to with a record that was appended then; it is never taken to be behind most.
func arrive(log, appended, most events.Instant) events.Instant { return max(log, min(appended, most)) }

// mostLog is the latest time at which a record can have been appended, by our clock.
func (s *shard) mostLog() events.Instant { return s.config.Now() + s.layout.ahead }

// take folds one record: it parks it, forwards it, or makes it a step of its customer.
func (s *shard) take(ctx context.Context, r *events.Record) error {
	s.at.Input = r.Offset + 1
	c, why := events.ControlOf(r, s.config.App)
	if c.Kind != events.NoControl && why == nil {
		return s.control(ctx, r, &c)
	}
	var e *events.Event
	if why == nil {
		e, why = s.decoding.decode(r)
	}
	if why != nil {
		s.m.count(events.Unknown, parked)
		s.m.refused[why.Reason].Inc()
		s.asides.park(r, why, s.at.Clock)
		return nil
	}
	if e.Customer == "" {
		return s.happens(ctx, r, e)
	}
	if to := events.ShardOf(e.Customer, s.layout.shards); to != s.id {
		s.m.count(e.Type, s.asides.forward(s.config.App, r, e.Customer, to, s.at.Clock))
		return nil
	}
	s.m.note(s.decoding.notes) // of a forwarded one where it is folded, so once
	gathers := s.gathers()
	if gathers {
		s.gather(e)
	} else if err := s.fold(e); err != nil {
		return err
	}
	if err := s.notice(e, gathers); err != nil || !gathers {
		return err
	}
	return s.foldMany(ctx)
}

// mendWithin is how long, by the shard's clock, late events wait to be folded once another comes: whether an occurrence is
// too late to be said is decided as of when they began to wait.
const mendWithin events.Instant = 60_000

// fold makes a touchpoint a step of its customer.
func (s *shard) fold(e *events.Event) error {
	did, err := s.step(e)
	if err == nil {
		s.m.count(e.Type, outcomeOf[did])
	}
	return err
}

// step makes e a step of its customer.
func (s *shard) step(e *events.Event) (did state.Outcome, err error) {
	c, err := s.store.Customer(e.Customer)
	if err != nil {
		return 0, err
	}
	waiting := c.Stale()
	if waiting && s.speaking && s.at.Clock > c.Waits+mendWithin {
		s.mend(c)
		waiting = false
	}
	if !waiting {
		s.let(c)
	}
	did = c.Take(e)
	switch did {
	case state.Duplicate:
		if waiting {
			return did, nil
		}
	case state.Folded:
		c.Step(e, s.at.Clock, s.speaker)
	}
	if c.Stale() && !waiting {
		s.stale, c.Waits = append(s.stale, c.ID()), s.at.Clock
	}
	c.Applied = s.at.Input
	s.store.Changed(c)
	if !s.speaking {
		s.touch(c.ID())
	}
	return did, nil
}

// refold folds again the customers that late events changed, until so many events were folded.
func (s *shard) refold(budget int) error {
	n := 0
	for len(s.stale) > 0 && n < budget {
		c, err := s.store.Customer(s.stale[0])
		if err != nil {
			return err
		}
		s.stale = s.stale[1:]
		if c.Stale() || c.Outdated() { // or was written stale meanwhile, and read again
			n += s.mend(c)
		}
	}
	if len(s.stale) == 0 {
		s.stale = nil
	}
	return nil
}

// mend folds a customer again whom late events changed.
func (s *shard) mend(c *state.Customer) int {
	n := c.Mend(s.at.Clock, s.speaker)
	s.store.Changed(c)
	s.m.refolded.Add(float64(n))
	return n
}

// refoldAll folds again all customers that late events changed. That may be all events of the shard, at a million in some
// 0.3 s, so what follows is said and the end of ctx is seen in between; one customer is never too long.
func (s *shard) refoldAll(ctx context.Context) error {
	for len(s.stale) > 0 {
		if ctx.Err() != nil {
			return lost("what late events changed of %d customers was not folded again within %s of the stop; "+
				"the shard goes on from its last checkpoint: %w", len(s.stale), s.config.StopWithin, ctx.Err())
		}
		if err := s.refold(s.limits.refold); err != nil {
			return err
		}
		if err := s.drain(ctx, s.limits.pending); err != nil {
			return err
		}
	}
	return nil
}

// pass lets horizons of silent customers pass, up to the clock; at most so many customers.
func (s *shard) pass(slice int) error {
	for ; s.due && slice > 0; slice-- {
		id, due, ok, err := s.store.NextDue(s.at.Clock)
		if err != nil {
			return err
		}
		if !ok {
			s.due = false
			return nil
		}
		c, err := s.store.Customer(id)
		if err != nil {
			return err
		}
		if c.Stale() || c.Due() != due {
			continue // refold will see to it, or it moved
		}
		s.let(c)
		s.store.Changed(c)
		if !s.speaking {
			s.touch(c.ID())
		}
	}
	return nil
}

// let lets the customer's due horizons pass, each a step; one whom a walk has not come to is looked at as a whole.
func (s *shard) let(c *state.Customer) {
	if s.aheadOfWalk(c) {
		c.Visit(s.at.Clock, s.at.Walk.Cause, s.speaker)
		return
	}
	if n := c.Pass(s.at.Clock, s.speaker); n > 0 {
		s.m.passed.Add(float64(n))
	}
}
