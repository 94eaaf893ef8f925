package rehearsal

import (
	"context"
	"fmt"
	"iter"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/processor"
	"github.com/touchfold/touchfold/state"
	"github.com/touchfold/touchfold/state/store"
)

// Derived calls f with every derived event said so far, in partition order; the shards' own marks are left out. The
// record may be kept.
func (r *Rehearsal) Derived(ctx context.Context, f func(*events.Record, *events.Statement) error) error {
	topic := r.config.Config.Topics.Events
	ranges, err := r.client.Ranges(ctx, topic)
	if err != nil {
		return err
	}
	for i, x := range ranges {
		err := r.client.ReadRange(ctx, topic, events.ShardID(i), x.First, x.End, func(rec *events.Record) error {
			statement, mark, err := events.ParseDerived(rec)
			if err != nil || mark != nil {
				return err
			}
			return f(rec, statement)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Customers calls f with every customer of all shards, in order of the ids' bytes. It is for after Stop. The customer is
// valid during the call.
func (r *Rehearsal) Customers(f func(c *state.Customer) error) error {
	var failed error
	next := make([]func() (*state.Customer, bool), r.config.Shards)
	heads := make([]*state.Customer, len(next))
	for i := range next {
		st, err := store.OpenReadOnly(store.Config{Dir: processor.StoreDir(r.storeDir(), events.ShardID(i)), Shard: events.ShardID(i),
			Table: r.table, CacheBytes: 1 << 20, Log: r.config.Log})
		if err != nil {
			return err
		}
		defer st.Close() // nothing was written
		var stop func()
		next[i], stop = iter.Pull(customers(st, &failed))
		defer stop()
		heads[i], _ = next[i]()
	}
	for failed == nil {
		least := -1
		for i, c := range heads {
			if c != nil && (least < 0 || c.ID() < heads[least].ID()) {
				least = i
			}
		}
		if least < 0 {
			return nil
		}
		if err := f(heads[least]); err != nil {
			return err
		}
		heads[least], _ = next[least]()
	}
	return failed
}

// customers is the customers of a store; what goes wrong is put into failed.
func customers(st *store.Store, failed *error) iter.Seq[*state.Customer] {
	return func(yield func(*state.Customer) bool) {
		err := st.Customers("", func(c *state.Customer) (bool, error) { return yield(c), nil })
		if err != nil && *failed == nil {
			*failed = fmt.Errorf("read the customers in %s: %w", st.Dir(), err)
		}
	}
}
