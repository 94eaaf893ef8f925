package processor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/touchfold/touchfold/config"
	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state/snapshot"
	"github.com/touchfold/touchfold/state/store"
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
		return err != nil && strings.Contains(err.Error(), " is nearly full, 5120 MiB are free and 12288 MiB are needed: no touchpoints are read until there is room")
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
			if strings.Contains(r.log.String(), "touchfold run sets it aside") {
				t.Error("the log advises what was done")
			}
			r.send(tps[400:]...)
			r.once()
			r.agrees()
		})
	}
}

// rotten is a place to which a store in which there is damage is put first.
type rotten struct {
	snapshot.Place
	puts atomic.Int32
}

// Put is snapshot.Place.
func (p *rotten) Put(ctx context.Context, name string, from io.Reader) error {
	if p.puts.Add(1) == 1 {
		return fmt.Errorf("read a table: %w", store.ErrDamaged)
	}
	return p.Place.Put(ctx, name, from)
}

// TestDamagedMeanwhile: a store in which a snapshot that is being put meets damage is set aside, and the shard goes on
// without it.
func TestDamagedMeanwhile(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1, together)
	place, err := snapshot.NewPlace(config.Snapshots{Place: t.TempDir()})
	r.must(err)
	r.config.Archive, err = snapshot.New(snapshot.Config{Place: &rotten{Place: place}, App: r.config.App, Output: r.config.Topics.Events,
		Keep: 2, Log: r.config.Log})
	r.must(err)
	tps := history(rand.New(rand.NewPCG(65, 66)), 600, 40, events.At(time.Now())-600*events.Instant(day), 590)
	r.send(tps[:400]...)
	p := r.start(func(c *Config) { c.SnapshotEvery = 50 * time.Millisecond })
	p.await("the shard is opened anew", func() bool { return p.value("touchfold_takeovers_total") == 2 })
	r.send(tps[400:]...)
	p.settle()
	p.stop()
	if moved, _ := filepath.Glob(StoreDir(r.config.Dir, 0) + ".damaged-*"); len(moved) != 1 {
		t.Errorf("set aside: %q", moved)
	}
	r.agrees()
}

// TestFolderGone: a shard whose folder goes while it runs goes on by itself, from a snapshot or from nothing, and says
// nothing twice.
func TestFolderGone(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		take     func(dir string) error // away
		shards   float64                // of which the folder was
		archived bool
	}{
		"of a shard":             {func(dir string) error { return os.RemoveAll(StoreDir(dir, 0)) }, 1, false},
		"of a shard, a snapshot": {func(dir string) error { return os.RemoveAll(StoreDir(dir, 0)) }, 1, true},
		"of all":                 {os.RemoveAll, 2, false},
		"another in its place": {func(dir string) error {
			shard := StoreDir(dir, 0)
			return errors.Join(os.CopyFS(shard+"-other", os.DirFS(shard)), os.Rename(shard, shard+"-moved"), os.Rename(shard+"-other", shard))
		}, 1, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, 2, func(c *Config) {
				together(c)
				c.Dir, c.SnapshotEvery = filepath.Join(t.TempDir(), "stores"), 50*time.Millisecond
			})
			if c.archived {
				r.config.Archive = r.archive(t.TempDir())
			}
			tps := history(rand.New(rand.NewPCG(63, 64)), 900, 40, events.At(time.Now())-600*events.Instant(day), 590)
			r.send(tps[:400]...)
			p := r.start()
			p.settle()
			if c.archived {
				p.await("a snapshot of all is there", func() bool {
					m, ok, err := r.config.Archive.Newest(r.context(), 0)
					return err == nil && ok && m.Output >= events.Offset(p.at(0).Said)
				})
			}
			r.must(c.take(r.config.Dir))
			r.send(tps[400:]...)
			p.await("the shards are opened anew", func() bool { return p.value("touchfold_takeovers_total") == 2+c.shards })
			p.settle()
			if folded := int(p.value("touchfold_touchpoints_total")); c.archived && folded > 1000 {
				t.Errorf("%d touchpoints are folded, of 900", folded)
			}
			p.stop()
			if log := r.log.String(); !strings.Contains(log, "its folder was removed") {
				t.Error("the log does not tell of it")
			} else if n := strings.Count(log, "store restored"); c.archived && n != 1 {
				t.Errorf("the log tells %d times of one restore", n)
			}
			r.agrees()
		})
	}
}

// TestNoFolder: while no folder can be made for a shard whose folder is gone, the shard is stopped and says so; as soon as
// one can be made it goes on.
func TestNoFolder(t *testing.T) {
	t.Parallel()
	r := newRig(t, 2, together)
	r.config.Dir = filepath.Join(t.TempDir(), "stores")
	told := make(chan struct{})
	var gone atomic.Bool
	r.config.Log = r.config.Log.Hook(zerolog.HookFunc(func(_ *zerolog.Event, _ zerolog.Level, message string) {
		if strings.HasPrefix(message, "the shard has stopped") && gone.CompareAndSwap(true, false) {
			r.must(os.Remove(r.config.Dir))
			close(told)
		}
	}))
	tps := history(rand.New(rand.NewPCG(65, 66)), 600, 40, events.At(time.Now())-600*events.Instant(day), 590)
	r.send(tps[:400]...)
	r.once()
	var take sync.Once
	p := r.start(func(c *Config) {
		c.Watch = func(at Progress) {
			if at.Shard == 1 && at.Settled { // which so is not stopped itself
				take.Do(func() {
					for os.RemoveAll(r.config.Dir) != nil { // files come meanwhile
					}
					r.must(os.WriteFile(r.config.Dir, nil, 0o600))
					gone.Store(true)
					r.send(tps[400:]...)
					select {
					case <-told:
					case <-time.After(patience):
						t.Error("nothing is told")
					}
				})
			}
		}
	})
	p.await("it is told", func() bool {
		return strings.Contains(r.log.String(), "whose folder is gone, because another one cannot be made")
	})
	p.await("both are opened anew", func() bool { return p.value("touchfold_takeovers_total") == 4 })
	p.await("all is folded", func() bool { return r.folded(p) })
	p.stop()
	r.agrees()
}
