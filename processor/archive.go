package processor

import (
	"context"

	"github.com/touchfold/touchfold/state/store"
)

// A shard puts a snapshot now and then and when it is released, and makes a store from the newest where that is newer than
// what is here.

// openBadger opens the shard's store: what is in its folder, or the newest snapshot if that knows more of the output.
func (s *shard) openBadger(ctx context.Context) (*store.Store, error) {
	dir := StoreDir(s.config.Dir, s.id)
	open := func() (*store.Store, error) {
		return store.Open(store.Config{Dir: dir, Shard: s.id, Table: s.table,
			CacheBytes: s.config.CacheBytes / int64(s.layout.shards), Log: s.log, Metrics: s.m.store})
	}
	st, err := open()
	if err != nil || s.config.Archive == nil {
		return st, err
	}
	newest, ok, err := s.config.Archive.Newest(ctx, s.id)
	if err != nil {
		s.log.Error().Err(err).Msg("cannot look for snapshots; the shard goes on with the local store, or is folded from the topics")
		return st, nil
	}
	at, exists := st.Positions()
	if !ok || exists && at.Output >= newest.Output {
		return st, nil
	}
	if err := st.Close(); err != nil {
		return nil, err
	}
	_, err = s.config.Archive.Restore(ctx, newest, store.RestoreConfig{Dir: dir, Replace: true, Genesis: s.genesis(), Log: s.log})
	if err != nil {
		s.log.Error().Err(err).Str("snapshot", newest.Name).
			Msg("the snapshot cannot be restored; the shard goes on with the local store, or is folded from the topics")
	} else {
		s.log.Info().Str("snapshot", newest.Name).Int64("bytes", newest.Bytes).Msg("store restored from the snapshot")
	}
	return open()
}

// snapshot puts a snapshot beside the loop, if one is due.
func (s *shard) snapshot() error {
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

// lastSnapshot puts one of the last checkpoint and waits for it.
func (s *shard) lastSnapshot(ctx context.Context) {
	if s.config.Archive == nil {
		return
	}
	view, err := s.store.View()
	if err != nil {
		s.log.Error().Err(err).Msg("no snapshot is put at the release")
		return
	}
	s.put(ctx, view)
}

func (s *shard) put(ctx context.Context, view *store.View) {
	m, err := s.config.Archive.Put(ctx, view)
	switch {
	case err != nil && ctx.Err() == nil:
		s.log.Error().Err(err).Msg("no snapshot was put; it is tried again in time")
	case err == nil:
		s.log.Debug().Str("snapshot", m.Name).Int64("bytes", m.Bytes).Msg("snapshot put")
	}
}
