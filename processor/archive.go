package processor

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state/store"
)

// A shard puts a snapshot now and then and when it is released, and makes a store from the newest where that is newer than
// what is here.

// snapshots are those that are put beside the loop.
type snapshots struct {
	snapshotAfter time.Duration // of terms.boot
	putCtx        context.Context
	puts          sync.WaitGroup
	damage        chan error // which one that was being put met
}

// newestWithin bounds the question which is the newest snapshot.
const newestWithin = 5 * time.Second

// openBadger opens the shard's store: what is in its folder, or the newest snapshot if that knows more of the output. A
// damaged store is set aside: it is a cache of the topics.
func (s *shard) openBadger(ctx context.Context) (*store.Store, error) {
	st, err := s.openLocal(false)
	if errors.Is(err, store.ErrDamaged) {
		if err := setAside(s.config, s.id, err); err != nil {
			return nil, err
		}
		st, err = s.openLocal(false)
	}
	if err != nil || s.config.Archive == nil {
		return st, err
	}
	if st.MayHaveRolledBack() {
		s.log.Info().Msg("the machine went down with the store open; the store may be an earlier one, and goes on from there")
	}
	after := events.Offset(-1)
	if at, exists := st.Positions(); exists {
		after = at.Output
	}
	soon, cancel := context.WithTimeout(ctx, newestWithin)
	defer cancel()
	if m, ok, err := s.config.Archive.Newest(soon, s.id); err != nil || !ok || m.Output <= after {
		if err != nil {
			s.log.Error().Err(err).Msg("cannot look for snapshots; the shard goes on with the local store, or is folded from the topics")
		}
		return st, nil
	}
	if err := st.Close(); err != nil {
		return nil, err
	}
	_, ok, err := s.config.Archive.RestoreNewest(ctx, s.id, after, store.RestoreConfig{Dir: StoreDir(s.config.Dir, s.id), Replace: true,
		Genesis: s.genesis(), Log: s.log})
	if err != nil {
		s.log.Error().Err(err).Msg("no snapshot can be restored; the shard goes on with the local store, or is folded from the topics")
	}
	return s.openLocal(ok && err == nil)
}

func (s *shard) openLocal(restored bool) (*store.Store, error) {
	return store.Open(store.Config{Dir: StoreDir(s.config.Dir, s.id), Shard: s.id, Table: s.table,
		CacheBytes: s.cacheBytes(), Log: s.log, Metrics: s.m.store, Restored: restored})
}

// setAside puts a damaged store out of the way.
func setAside(c *Config, id events.ShardID, why error) error {
	moved, err := store.SetDamagedAside(StoreDir(c.Dir, id))
	if err != nil {
		return stop("the store of shard %d is damaged and cannot be set aside: %w: remove %s", id, err, StoreDir(c.Dir, id))
	}
	log := c.Log.With().Int("shard", int(id)).Logger()
	if moved == "" {
		log.Error().Err(why).Msg("the folder of the store is gone; the shard is taken over without it")
		return nil
	}
	log.Error().Err(why).Str("moved_to", moved).Msg("the store is damaged; it is set aside, and the shard is taken over without it")
	return nil
}

// snapshot puts a snapshot beside the loop, if one is due.
func (s *shard) snapshot() error {
	select {
	case err := <-s.damage:
		return err
	default:
	}
	a := s.config.Archive
	if a == nil || s.config.SnapshotEvery <= 0 || s.terms.boot() < s.snapshotAfter || !s.speaking || a.Busy() {
		return nil
	}
	if _, exists := s.store.Positions(); !exists {
		return nil
	}
	s.snapshotAfter = s.terms.boot() + s.config.SnapshotEvery
	view, err := s.store.View()
	if err != nil {
		return err
	}
	s.puts.Go(func() { s.put(s.putCtx, view) })
	return nil
}

// lastSnapshot puts one beside the loop and then has the shard stop: whoever owns it next begins with that, and nobody
// waits for it.
func (s *shard) lastSnapshot() error {
	if _, exists := s.store.Positions(); !exists || s.config.Archive == nil {
		s.depart()
		return nil
	}
	view, err := s.store.View()
	if err != nil {
		return err
	}
	s.puts.Go(func() {
		s.put(s.putCtx, view)
		s.config.Archive.Forget(s.id)
		s.depart()
	})
	return nil
}

func (s *shard) put(ctx context.Context, view *store.View) {
	m, err := s.config.Archive.Put(ctx, view)
	switch {
	case errors.Is(err, store.ErrDamaged):
		select {
		case s.damage <- err:
		default: // it is known
		}
	case err != nil && ctx.Err() == nil:
		s.log.Error().Err(err).Msg("no snapshot was put; it is tried again in time")
	case err == nil:
		s.log.Debug().Str("snapshot", m.Name).Int64("bytes", m.Bytes).Msg("snapshot put")
	}
}
