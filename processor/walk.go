package processor

import (
	"context"

	"github.com/touchfold/touchfold/state"
	"github.com/touchfold/touchfold/state/store"
)

// walkProgress is a walk as far as it went in this ownership; its cursor stands in the positions.
type walkProgress struct {
	walking bool
	walked  int
}

// walk looks at some more customers, if a walk is under way: what is true of each now is compared with what was said. It
// goes by the order of ids, and its cursor is saved with each checkpoint; who is touched before it came by is looked at
// then (see let).
func (s *shard) walk(ctx context.Context) error {
	w := &s.at.Walk
	if !w.Active || !s.speaking || s.voice.bytes > s.limits.pending/2 {
		return nil
	}
	if !s.walking { // customers without a row would not be visited
		if err := s.checkpoint(ctx, true); err != nil {
			return err
		}
		s.walking = true
	}
	// gofail: var duringWalk struct{}
	n := 0
	err := s.store.Customers(w.After, func(c *state.Customer) (bool, error) {
		w.After, n = c.ID(), n+1
		if err := s.acquaint(c); err != nil {
			return false, err
		}
		if !c.Stale() { // else refold will look
			c.Visit(s.at.Clock, w.Cause, s.speaker)
			s.store.Changed(c)
		}
		return n < s.limits.walk, nil
	})
	s.walked += n
	s.m.walked.Add(float64(n))
	if err == nil && n < s.limits.walk {
		s.log.Info().Int("customers", s.walked).Int64("position", int64(s.at.Input)).Msg("all customers were looked at: what stands is said")
		*w, s.walking, s.walked = store.Walk{}, false, 0
	}
	return err
}

// ahead: a walk is under way and has not come to this customer.
func (s *shard) aheadOfWalk(c *state.Customer) bool {
	return s.speaking && s.at.Walk.Active && c.ID() > s.at.Walk.After && c.Events() > 0
}
