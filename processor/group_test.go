package processor

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/touchfold/touchfold/events"
)

// together makes instances members of one group, with a store each.
func together(c *Config) { c.Alone, c.Session = false, 6*time.Second }

// TestSeveralInstances: instances that come and go share the shards; what they say together is what one would have said.
func TestSeveralInstances(t *testing.T) {
	t.Parallel()
	const shards = 6
	r := newRig(t, shards, together)
	tps := history(rand.New(rand.NewPCG(41, 42)), 1200, 60, events.At(time.Now())-600*events.Instant(day), 590)
	own := func(c *Config) { c.Dir = r.TempDir() }
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
	a := r.start(own)
	a.await("the first has all shards", share(a))
	r.send(tps[:300]...)
	b := r.start(own)
	a.await("two share", share(a, b))
	r.send(tps[300:600]...)
	c := r.start(own)
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
