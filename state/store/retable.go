package store

import (
	"fmt"

	"github.com/touchfold/touchfold/state"
)

// Retable makes t the features of the store from here on. It comes after a checkpoint that holds all that was changed,
// and waits until that is committed. Every customer in memory is forgotten: those handed out are of no use any more, and
// read again they are folded by t and outdated (state.Customer.Outdated) until they are settled.
//
// The index of horizons stays as the former table left it. A horizon that t makes earlier is known from when the
// customer is read; so after Retable all customers are to be looked at once, by Customers, which hands each out outdated
// until Settle and Changed. Hints that came up for nothing go then too.
func (s *Store) Retable(t *state.Table) error {
	if err := s.wait(); err != nil {
		return err
	}
	if n := len(s.dirty); n > 0 {
		return fmt.Errorf("change the features of the store of shard %d: %d customers were changed since the last checkpoint", s.config.Shard, n)
	}
	s.config.Table = t
	most := s.maxBytes
	s.cache = cache{}
	s.cache.init(most)
	s.near = nil
	s.horizons.init(s.horizons.slab) // all hints are on disk, for nobody is pinned
	s.metrics.cacheBytes.Set(0)
	return nil
}

// Table is the features of the store.
func (s *Store) Table() *state.Table { return s.config.Table }
