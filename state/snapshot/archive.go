package snapshot

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state/store"
)

// Config configures an Archive.
type Config struct {
	Place    Place
	App      string
	Output   string // the topic whose offsets order the snapshots
	Keep     int    // of a shard, the newest ones, at least 1
	KeepDays int    // beside them the last one of each of so many days
	Log      zerolog.Logger
	Registry prometheus.Registerer // nil for none
}

// Archive is all snapshots of one app in a Place. Its methods may be called by several goroutines.
type Archive struct {
	config  Config
	folder  string
	log     zerolog.Logger
	metrics *metrics
	turn    chan struct{}             // of who puts: one at a time, for it takes memory and disk
	restore chan struct{}             // of who restores, likewise
	checked map[events.ShardID]string // names last put and read back; of who has the turn
	wanting atomic.Int32              // how many put or wait for it
}

// New checks what it is given and asks nobody yet.
func New(c Config) (*Archive, error) {
	if c.App == "." || c.App == ".." {
		return nil, fmt.Errorf("app %q cannot name a folder of snapshots; give it another name", c.App)
	}
	c.Keep = max(c.Keep, 1)
	return &Archive{config: c, folder: c.App + "/" + c.Output, log: c.Log, metrics: newMetrics(c.Registry), turn: make(chan struct{}, 1),
		restore: make(chan struct{}, 1), checked: map[events.ShardID]string{}}, nil
}

// Check asks the place whether it is there.
func (a *Archive) Check(ctx context.Context) error {
	_, err := a.All(ctx)
	return err
}

// Busy says that a snapshot is being put: one that is not urgent had better wait for the next time.
func (a *Archive) Busy() bool { return a.wanting.Load() > 0 }

// Put puts a snapshot of a view, reads it back, and then deletes what need not be kept any more of that shard. It waits
// until other Puts are done, and closes the view in any case. What it put last of that shard and is still there is not put
// again.
func (a *Archive) Put(ctx context.Context, v *store.View) (Meta, error) {
	a.wanting.Add(1)
	defer a.wanting.Add(-1)
	defer v.Close()
	if err := wait(ctx, a.turn); err != nil {
		return Meta{}, err
	}
	defer func() { <-a.turn }()
	at, began := v.Positions(), time.Now()
	if m, ok := a.has(ctx, &at); ok {
		return m, nil
	}
	m, err := a.put(ctx, v)
	if err != nil {
		a.metrics.failures.WithLabelValues(label(at.Shard)).Inc()
		return Meta{}, fmt.Errorf("put a snapshot of shard %d: %w", at.Shard, err)
	}
	a.metrics.put(m, time.Since(began))
	a.checked[at.Shard] = m.Name
	a.log.Info().Int("shard", int(m.Shard)).Int64("position", int64(m.Input)).Int64("bytes", m.Bytes).
		Dur("took", time.Since(began)).Msg("snapshot put")
	a.discard(ctx, m)
	return m, nil
}

// has: these positions were put last, and that snapshot is still there.
func (a *Archive) has(ctx context.Context, at *store.Positions) (m Meta, ok bool) {
	name := a.folder + "/" + nameOf(at)
	if a.checked[at.Shard] != name {
		return m, false
	}
	all, err := a.List(ctx, at.Shard)
	i := slices.IndexFunc(all, func(m Meta) bool { return m.Name == name })
	if err != nil || i < 0 {
		return m, false
	}
	return all[i], true
}

func (a *Archive) put(ctx context.Context, v *store.View) (Meta, error) {
	at := v.Positions()
	if at.App != a.config.App || at.Genesis.Output != a.config.Output {
		return Meta{}, fmt.Errorf("it is of app %s and topic %s, and these are the snapshots of app %s and topic %s",
			at.App, at.Genesis.Output, a.config.App, a.config.Output)
	}
	name := a.folder + "/" + nameOf(&at)
	made, err := a.send(ctx, name, v)
	if err != nil && !errors.Is(err, ErrExists) {
		return Meta{}, err
	}
	v.Close()
	read, err := a.verify(ctx, name, nil)
	if err == nil && made != nil && read.Sum != made.Sum {
		err = errors.New("other bytes came back than were put")
	}
	if err != nil {
		return Meta{}, fmt.Errorf("read %s back: %w", name, err)
	}
	m, _ := metaOf(a.folder, Object{Name: name, Bytes: read.Bytes, Put: time.Now().UTC()})
	return m, nil
}

// send exports into the place. made is nil with ErrExists: then that snapshot was put before, perhaps by a try of which
// the answer was lost.
func (a *Archive) send(ctx context.Context, name string, v *store.View) (made *store.Snapshot, err error) {
	r, w := io.Pipe()
	exported := make(chan struct{})
	go func() { // ends when r is closed; is waited for
		defer close(exported)
		s, err := v.Export(ctx, w)
		if err == nil {
			made = s
		}
		w.CloseWithError(err) // of nil: the end
	}()
	err = a.config.Place.Put(ctx, name, r)
	r.CloseWithError(errors.New("the place takes no more"))
	<-exported
	if err != nil {
		return nil, err
	}
	return made, nil
}

// All is all snapshots, by shard, the newest first.
func (a *Archive) All(ctx context.Context) ([]Meta, error) { return a.list(ctx, a.folder) }

// List is the snapshots of a shard, the newest first.
func (a *Archive) List(ctx context.Context, shard events.ShardID) ([]Meta, error) {
	return a.list(ctx, a.folder+"/"+shardFolder(shard))
}

func (a *Archive) list(ctx context.Context, folder string) (all []Meta, err error) {
	objects, err := a.config.Place.List(ctx, folder)
	if err != nil {
		return nil, fmt.Errorf("list snapshots: %w", err)
	}
	for _, o := range objects {
		if m, ok := metaOf(a.folder, o); ok {
			all = append(all, m)
		}
	}
	slices.SortFunc(all, func(x, y Meta) int {
		if x.Shard != y.Shard {
			return int(x.Shard) - int(y.Shard)
		}
		return x.compare(y)
	})
	return all, nil
}

// Newest is the newest snapshot of a shard, if there is one.
func (a *Archive) Newest(ctx context.Context, shard events.ShardID) (m Meta, ok bool, err error) {
	all, err := a.List(ctx, shard)
	if err != nil || len(all) == 0 {
		return m, false, err
	}
	return all[0], true, nil
}

// Verify reads a snapshot to its end and checks all of it; progress may be nil.
func (a *Archive) Verify(ctx context.Context, m Meta, progress func(done int64)) (*store.Snapshot, error) {
	s, err := a.verify(ctx, m.Name, progress)
	if err != nil {
		return nil, fmt.Errorf("verify %s: %w", m.Name, err)
	}
	return s, nil
}

func (a *Archive) verify(ctx context.Context, name string, progress func(done int64)) (*store.Snapshot, error) {
	r, err := a.config.Place.Open(ctx, name)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return store.Verify(ctx, r, progress)
}

// Header reads what a snapshot says of itself at its beginning.
func (a *Archive) Header(ctx context.Context, m Meta) (*store.Snapshot, error) {
	r, err := a.config.Place.Open(ctx, m.Name)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	s, err := store.ReadSnapshot(r)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", m.Name, err)
	}
	return s, nil
}

// wait takes a turn, which whoever has it gives back by receiving.
func wait(ctx context.Context, turn chan<- struct{}) error {
	select {
	case turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Restore makes a store from a snapshot: see store.Restore. It waits until other Restores are done.
func (a *Archive) Restore(ctx context.Context, m Meta, c store.RestoreConfig) (*store.Restored, error) {
	if err := wait(ctx, a.restore); err != nil {
		return nil, err
	}
	defer func() { <-a.restore }()
	began := time.Now()
	r, err := a.config.Place.Open(ctx, m.Name)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	done, err := store.Restore(ctx, c, r)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", m.Name, err)
	}
	a.metrics.restoring.Observe(time.Since(began).Seconds())
	a.log.Info().Int("shard", int(m.Shard)).Str("snapshot", m.Name).Int64("position", int64(m.Input)).Int64("bytes", m.Bytes).
		Dur("took", time.Since(began)).Msg("store restored from a snapshot")
	return done, nil
}

// RestoreNewest makes a store from the newest snapshot of a shard, if that knows the output further than up to after; if it
// cannot be restored, from the one before it, and so on. ok is false if there is none to try. An error says that none
// could be restored, and leaves what was there.
func (a *Archive) RestoreNewest(ctx context.Context, shard events.ShardID, after events.Offset, c store.RestoreConfig) (m Meta, ok bool, err error) {
	all, err := a.List(ctx, shard)
	if err != nil {
		return m, false, err
	}
	var failed error
	for _, m := range all {
		if m.Output <= after || ctx.Err() != nil {
			break
		}
		if _, err := a.Restore(ctx, m, c); err != nil {
			a.log.Error().Err(err).Int("shard", int(shard)).Msg("a snapshot cannot be restored: trying the one before it")
			failed = errors.Join(failed, err)
			continue
		}
		return m, true, nil
	}
	return Meta{}, failed != nil, errors.Join(failed, ctx.Err())
}
