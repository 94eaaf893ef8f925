package store

import (
	"cmp"
	"fmt"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state"
)

// Customers calls f with every customer who has a row and whose id is after after, in order of the ids' bytes, until f
// says no or fails. Those in memory are handed out as they are there; the others are read and not kept, unless f calls
// Changed with them. f may do that and nothing else with the store. Customers who have no row yet are not visited: call
// Checkpoint and Wait before. It goes straight to after and leaves nothing open, so a long walk may be done in slices;
// to begin one costs about as much as two customers.
func (s *Store) Customers(after events.CustomerID, f func(c *state.Customer) (more bool, err error)) error {
	defer func() { s.last = nil }()
	v := s.disk.view()
	defer v.discard()
	return v.ascend([]byte{kindCustomer}, append(customerKey(nil, after), 0), func(key, value []byte) (bool, error) {
		id := events.CustomerID(key[1:])
		e := s.customers[id]
		if e == nil {
			var err error
			if e, err = s.parse(v, id, value); err != nil {
				return false, err
			}
		} else if e.customer == nil {
			if err := s.thaw(e); err != nil {
				return false, err
			}
		}
		s.last = e
		more, err := f(e.customer)
		return more, cmp.Or(err, s.unread)
	})
}

// IDs calls f with the id of every customer who has a row and whose id is after after, in order, until f says no.
func (s *Store) IDs(after events.CustomerID, f func(id events.CustomerID) (more bool)) error {
	v := s.disk.view()
	defer v.discard()
	return v.ascend([]byte{kindCustomer}, append(customerKey(nil, after), 0), func(key, _ []byte) (bool, error) {
		return f(events.CustomerID(key[1:])), nil
	})
}

func (s *Store) errDamagedIndex() error {
	return damaged(fmt.Errorf("read the index of horizons of shard %d in %s: a key makes no sense", s.config.Shard, s.config.Dir))
}
