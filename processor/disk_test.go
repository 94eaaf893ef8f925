package processor

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/touchfold/touchfold/events"
)

// TestDiskFull: while the disk is nearly full nothing is read, and the processor is not ready; with room again it goes on
// by itself.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	var free atomic.Uint64
	free.Store(5 << 30)
	r := newRig(t, 2, func(c *Config) {
		c.Space.Free = func(string) (uint64, uint64, error) { return free.Load(), 100 << 30, nil }
	})
	p := r.start()
	p.await("it is not ready", func() bool {
		err := p.processor.Ready()
		return err != nil && strings.Contains(err.Error(), "nearly full")
	})
	r.send(order("a", "1", events.At(time.Now()), 10), order("b", "2", events.At(time.Now()), 10))
	if n, _ := p.sum(); n != 0 {
		t.Errorf("%d touchpoints are folded on a full disk", n)
	}
	free.Store(50 << 30)
	p.settle()
	if err := p.processor.Ready(); err != nil {
		t.Error(err)
	}
	p.stop()
	if all, _ := r.said(); len(all) != 4 {
		t.Errorf("%d derived events", len(all))
	}
}

// TestDamagedStore: a store whose files do not hold what was written is set aside, and its shard goes on without it.
func TestDamagedStore(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(r *rig, file string){
		"list of tables cut":  func(r *rig, dir string) { r.must(os.Truncate(filepath.Join(dir, "MANIFEST"), 20)) },
		"list of tables lost": func(r *rig, dir string) { r.must(os.Remove(filepath.Join(dir, "MANIFEST"))) },
		"tables cut": func(r *rig, dir string) {
			files, err := filepath.Glob(filepath.Join(dir, "*.sst"))
			r.must(err)
			if len(files) == 0 {
				r.Fatal("there are no tables")
			}
			for _, f := range files {
				r.must(os.Truncate(f, 100))
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, 1, nil)
			tps := history(rand.New(rand.NewPCG(61, 62)), 600, 40, events.At(time.Now())-600*events.Instant(day), 590)
			r.send(tps[:400]...)
			r.once()
			before, _ := r.said()
			dir := StoreDir(r.config.Dir, 0)
			spoil(r, dir)
			r.once()
			if again, _ := r.said(); len(again) != len(before) {
				t.Errorf("%d derived events after the damage, %d before it", len(again), len(before))
			}
			if moved, _ := filepath.Glob(dir + ".damaged-*"); len(moved) != 1 {
				t.Errorf("set aside: %q", moved)
			}
			r.send(tps[400:]...)
			r.once()
			r.agrees()
		})
	}
}
