package processor

import (
	"context"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/touchfold/touchfold/config"
	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state/snapshot"
	"github.com/touchfold/touchfold/state/store"
)

// together makes instances members of one group, with a store each.
func together(c *Config) { c.Alone, c.Session = false, 6*time.Second }

// TestSeveralInstances: instances that come and go share the shards; what they say together is what one would have said.
func TestSeveralInstances(t *testing.T) {
	t.Parallel()
	const shards = 6
	r := newRig(t, shards, together)
	tps := history(rand.New(rand.NewPCG(41, 42)), 1200, 60, events.At(time.Now())-600*events.Instant(day), 590)
	share := func(runs ...*run) func() bool {
		return func() bool {
			n := 0
			for _, p := range runs {
				have := p.owned()
				if have < shards/len(runs) {
					return false
				}
				n += have
			}
			return n == shards
		}
	}
	a := r.start(r.beside)
	a.await("the first has all shards", share(a))
	r.send(tps[:300]...)
	b := r.start(r.beside)
	a.await("two share", share(a, b))
	r.send(tps[300:600]...)
	c := r.start(r.beside)
	a.await("three share", share(a, b, c))
	r.send(tps[600:900]...)
	a.stop()
	b.await("two are left", share(b, c))
	r.send(tps[900:]...)
	b.await("all is folded", func() bool { return r.folded(b, c) })
	b.stop()
	c.await("one is left", share(c))
	c.await("all is folded", func() bool { return r.folded(c) })
	c.stop()
	r.config.Dir = c.dir
	r.agrees()
}

// beside makes an instance another than those that this process has already.
func (r *rig) beside(c *Config) {
	c.Dir = r.TempDir()
	c.Instance = c.Dir
}

// gate is a place to which a snapshot comes for each value of pass, and all when that is closed.
type gate struct {
	snapshot.Place
	pass chan struct{}
}

// Put is snapshot.Place.
func (g gate) Put(ctx context.Context, name string, from io.Reader) error {
	select {
	case <-g.pass:
		return g.Place.Put(ctx, name, from)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// TestLeaving: what an instance that stops has released goes on elsewhere while it still is at work on another shard; that
// one goes on with it until it is released too, also when a third instance comes meanwhile.
func TestLeaving(t *testing.T) {
	t.Parallel()
	const shards = 4
	r := newRig(t, shards, together)
	place, err := snapshot.NewPlace(config.Snapshots{Place: t.TempDir()})
	r.must(err)
	slow := gate{place, make(chan struct{}, shards)}
	archive := func(p snapshot.Place) func(*Config) {
		a, err := snapshot.New(snapshot.Config{Place: p, App: r.config.App, Output: r.config.Topics.Events, Keep: 2, Log: r.config.Log})
		r.must(err)
		return func(c *Config) { c.Archive, c.StopWithin = a, 4*patience }
	}
	tps := history(rand.New(rand.NewPCG(43, 44)), 800, 60, events.At(time.Now())-600*events.Instant(day), 590)
	a := r.start(r.beside, archive(slow))
	open := sync.OnceFunc(func() { close(slow.pass) })
	t.Cleanup(open)
	a.await("the first has all shards", func() bool { return a.owned() == shards })
	r.send(tps[:400]...)
	a.await("each shard has something to put", func() bool {
		for id := range events.ShardID(shards) {
			if _, saved := store.Saved(StoreDir(a.dir, id)); !saved {
				return false
			}
		}
		return true
	})
	for range shards - 1 { // two for b, and the first of those that a releases when it stops
		slow.pass <- struct{}{}
	}
	b := r.start(r.beside, archive(place))
	b.await("all is folded by two", func() bool { return a.owned() == 2 && b.owned() == 2 && r.folded(a, b) })

	a.cancel()
	b.await("what is released goes on", func() bool { return b.owned() == 3 })
	if a.processor.Ready() == nil {
		t.Error("who is stopping is ready")
	}
	c := r.start(r.beside, archive(place))
	c.await("the third has its share", func() bool { return b.owned() == 1 && c.owned() == 2 })
	r.send(tps[400:]...)
	c.await("all is folded by three", func() bool { return r.folded(a, b, c) })
	open()
	r.must(a.end())
	b.await("two share", func() bool { return b.owned() == 2 && c.owned() == 2 })
	c.stop()
	b.await("one has all", func() bool { return b.owned() == shards && r.folded(b) })
	b.stop()
	_, marks := r.said()
	for i, all := range marks {
		all = slices.DeleteFunc(all, func(m mark) bool { return m.Kind == "touchfold.shard.alive.v1" })
		for j, m := range all {
			if (m.Kind == "touchfold.shard.released.v1") != (j%2 == 1) {
				t.Fatalf("marks of shard %d: %+v", i, all)
			}
		}
	}
	r.config.Dir = b.dir
	r.agrees()
}

// owned is how many shards an instance has open.
func (p *run) owned() (n int) {
	m := &p.processor.members
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, o := range m.owned {
		if s := o.shard.Load(); s != nil && !o.leaving && s.folded.Load() >= 0 {
			n++
		}
	}
	return n
}

// folded: the instances have folded the whole input, and said what follows.
func (r *rig) folded(runs ...*run) bool {
	for s, end := range r.ends(r.config.Topics.Touchpoints) {
		done := false
		for _, p := range runs {
			at := p.at(events.ShardID(s))
			done = done || at.Settled && at.Position == end
		}
		if !done {
			return false
		}
	}
	return true
}

// TestMovesBySnapshot: an instance whose store is gone, and one that never had it, go on from the snapshot that the last
// owner put, not from the beginning.
func TestMovesBySnapshot(t *testing.T) {
	t.Parallel()
	place := t.TempDir()
	r := newRig(t, 2, func(c *Config) { c.SnapshotEvery = 50 * time.Millisecond })
	tps := history(rand.New(rand.NewPCG(51, 52)), 900, 60, events.At(time.Now())-600*events.Instant(day), 590)
	for i := range 3 {
		r.send(tps[300*i : 300*i+300]...)
		r.config.Dir, r.config.Archive = r.TempDir(), r.archive(place)
		p := r.start()
		p.settle()
		if folded := p.value("touchfold_touchpoints_total"); i > 0 && folded > 350 { // of 300 new ones
			t.Errorf("start %d folds %v touchpoints", i, folded)
		}
		p.stop()
	}
	if strings.Contains(r.log.String(), `"level":"error"`) {
		t.Error("an error is logged")
	}
	r.agrees()
}
