package processor

import (
	"context"
	"time"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state"
	"github.com/touchfold/touchfold/state/store"
)

// walkProgress is a walk as far as it went in this ownership; its cursor stands in the positions.
type walkProgress struct {
	walking bool
	walked  int
	from    events.CustomerID // where it went on
	resumes time.Duration     // of terms.boot: nobody more is looked at before
	tells   time.Duration     // of terms.boot: when it says next how far it is
	census  census
}

// census is how many customers there are for a walk, who are counted while it is under way.
type census struct {
	all, before int // so far; of them, at or before where the walk went on
	after       events.CustomerID
	done        bool
}

const (
	// tellWalkEvery is how often a walk says how far it is.
	tellWalkEvery = 30 * time.Second
	// walkAhead is how long a walk that could not go on for a while may go faster than it should, to make up for it.
	walkAhead = time.Second
	// countFaster is how many customers are counted for one who is looked at.
	countFaster = 10
)

// walk looks at some more customers, if a walk is under way: what is true of each now is compared with what was said. It
// goes by the order of ids, and its cursor is saved with each checkpoint; who is touched before it came by is looked at
// then (see let).
func (s *shard) walk(ctx context.Context) error {
	w := &s.at.Walk
	if !s.mayWalk() || s.voice.bytes > s.limits.pending/2 {
		return nil
	}
	if !s.walking { // customers without a row would not be visited
		if err := s.checkpoint(ctx, true); err != nil {
			return err
		}
		s.beginWalk()
	}
	if err := s.count(); err != nil {
		return err
	}
	// gofail: var duringWalk struct{}
	n, most := 0, s.walkSlice()
	err := s.store.Customers(w.After, func(c *state.Customer) (bool, error) {
		w.After, n = c.ID(), n+1
		if err := s.acquaint(c); err != nil {
			return false, err
		}
		if !c.Stale() { // else refold will look
			c.Visit(s.at.Clock, w.Cause, s.speaker)
			s.store.Changed(c)
		}
		return n < most, nil
	})
	s.walked += n
	s.m.walked.Add(float64(n))
	s.pace(n)
	if err == nil && n < most {
		s.log.Info().Int("customers", s.walked).Int64("position", int64(s.at.Input)).
			Msg("all customers were looked at: what stands is said")
		*w, s.walkProgress = store.Walk{}, walkProgress{}
	}
	s.tellWalk()
	return err
}

// mayWalk: a walk is under way, and its rate allows it to go on.
func (s *shard) mayWalk() bool {
	return s.at.Walk.Active && s.speaking && (s.config.WalkRate <= 0 || s.terms.boot() >= s.resumes)
}

// walkSlice is how many customers are looked at before anything else.
func (s *shard) walkSlice() int {
	if s.config.WalkRate <= 0 {
		return s.limits.walk
	}
	return max(1, min(s.limits.walk, s.config.WalkRate/10))
}

// pace has the walk wait for as long as so many customers are to take.
func (s *shard) pace(n int) {
	if rate := s.config.WalkRate; rate > 0 {
		s.resumes = max(s.resumes, s.terms.boot()-walkAhead) + time.Duration(n)*time.Second/time.Duration(rate)
	}
}

func (s *shard) beginWalk() {
	s.walkProgress = walkProgress{walking: true, from: s.at.Walk.After, tells: s.terms.boot() + tellWalkEvery}
	s.log.Info().Str("cause", string(s.at.Walk.Cause)).Bool("resumed", s.from != "").Int64("position", int64(s.at.Input)).
		Msg("all customers are to be looked at")
}

// count counts some more of the customers there are.
func (s *shard) count() error {
	c := &s.census
	if c.done {
		return nil
	}
	n, most := 0, countFaster*s.limits.walk
	err := s.store.IDs(c.after, func(id events.CustomerID) bool {
		if c.after, n = id, n+1; id <= s.from {
			c.before++
		}
		return n < most
	})
	c.all, c.done = c.all+n, n < most
	return err
}

// left is how many customers the walk has not come to, about: others come while it is under way. It is known once all are
// counted.
func (p *walkProgress) left() int { return max(0, p.census.all-p.census.before-p.walked) }

// done is how many it has come to, with those before it was interrupted.
func (p *walkProgress) done() int { return p.census.before + p.walked }

// tellWalk tells how far the walk is: the metrics, and now and then the log.
func (s *shard) tellWalk() {
	s.m.walkDone.Set(float64(s.done()))
	s.m.walkLeft.Set(0)
	if s.census.done {
		s.m.walkLeft.Set(float64(s.left()))
	}
	if now := s.terms.boot(); s.walking && now >= s.tells {
		s.tells = now + tellWalkEvery
		s.log.Info().Int("done", s.done()).Int("left", s.left()).Bool("counted", s.census.done).
			Int64("position", int64(s.at.Input)).Msg("customers are being looked at")
	}
}

// ahead: a walk is under way and has not come to this customer.
func (s *shard) aheadOfWalk(c *state.Customer) bool {
	return s.speaking && s.at.Walk.Active && c.ID() > s.at.Walk.After && c.Events() > 0
}
