package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// TakeOverConfig is what TakeOver is made of. Load.Touchpoints is how many come before.
type TakeOverConfig struct {
	RunConfig
	Rounds int           // of each way to lose a process
	Rate   int           // touchpoints a second while one is killed
	Under  time.Duration // how long they come before it is killed
}

// TakeOverResult is how long shards are silent when a process ends in one way or another.
type TakeOverResult struct {
	Head
	Broker
	Shards int         `json:"shards"`
	Rate   int         `json:"rate_per_second"`
	Ways   []TakenOver `json:"ways"`
}

// TakenOver is what came of one way to lose a process, the median and the slowest of its rounds.
type TakenOver struct {
	Name string `json:"name"` // closed, killed, snapshot, nothing
	// Seconds is from the shards' assignment by the group until all of them speak, StartSeconds from the start of the process
	// on: one that comes after a killed one waits for its kafka.session.
	Seconds        float64 `json:"seconds"`
	SecondsSlowest float64 `json:"seconds_slowest"`
	StartSeconds   float64 `json:"start_seconds"`
	what           string
}

// TakeOver measures how long it takes until the shards of a process that ended speak again.
func TakeOver(ctx context.Context, c TakeOverConfig) (r *TakeOverResult, err error) {
	if c.Rounds < 1 || c.Rate < 1 || c.Under <= 0 {
		return nil, fmt.Errorf("%d rounds at %d/s for %s cannot be measured; ask for 1 or more of each", c.Rounds, c.Rate, c.Under)
	}
	p, err := c.open(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, p.close()) }()
	r = &TakeOverResult{Head: newHead("takeover", c.Version, c.Config.Rulebook, p.Load), Broker: p.broker(), Shards: p.shards(), Rate: c.Rate}
	c.Note("writing the backlog")
	if r.Workload.BytesPerEvent, err = p.backlog(ctx, p.Load.Touchpoints); err != nil {
		return nil, err
	}
	f := &fall{place: p, dir: filepath.Join(p.dir, "store"), snapshots: filepath.Join(p.dir, "snapshots"), config: c}
	if err := os.Mkdir(f.snapshots, 0o755); err != nil {
		return nil, err
	}
	c.Note("working it off")
	first, err := f.start()
	if err != nil {
		return nil, err
	}
	defer first.stop()
	if _, err := first.folded(ctx, p.Load.Touchpoints); err != nil {
		return nil, err
	}
	if err := first.end(syscall.SIGTERM); err != nil {
		return nil, err
	}
	return r, r.measure(ctx, f)
}

func (r *TakeOverResult) measure(ctx context.Context, f *fall) error {
	for _, way := range []struct {
		name, what string
		fall       func(context.Context) error
	}{
		{"closed", "the process was stopped in order", func(context.Context) error { return nil }},
		{"killed", "it was killed under load", f.killed},
		{"snapshot", "its store is gone, and a snapshot of its end is there", f.gone},
		{"nothing", "its store is gone, and there is no snapshot", f.lost},
	} {
		var seconds, start []float64
		for i := range f.config.Rounds {
			f.Note(fmt.Sprintf("%s, round %d of %d", way.name, i+1, f.config.Rounds))
			if err := way.fall(ctx); err != nil {
				return err
			}
			took, all, err := f.rise(ctx)
			if err != nil {
				return err
			}
			seconds, start = append(seconds, took.Seconds()), append(start, all.Seconds())
		}
		r.Ways = append(r.Ways, TakenOver{way.name, median(seconds), slices.Max(seconds), median(start), way.what})
	}
	return nil
}

func median(all []float64) float64 {
	return slices.Sorted(slices.Values(all))[len(all)/2]
}

// fall is a process that ends in one way or another and is started again.
type fall struct {
	*place
	config         TakeOverConfig
	dir, snapshots string
	archived       bool // snapshots are put and found
	restores       bool // one is to be found by the next start
}

func (f *fall) start() (*child, error) {
	if f.archived {
		return f.place.start(f.dir, "snapshots.place="+f.snapshots, "snapshots.every=0s")
	}
	return f.place.start(f.dir)
}

// rise starts the process, waits until all its shards speak, and stops it. took is since their assignment.
func (f *fall) rise(ctx context.Context) (took, all time.Duration, err error) {
	c, err := f.start()
	if err != nil {
		return 0, 0, err
	}
	defer c.stop()
	spoke, err := c.await(ctx, f.shards(), func(l *logged) bool { return l.Message == "shard speaks" })
	if err != nil {
		return 0, 0, err
	}
	if f.restores && c.count(func(l *logged) bool { return l.Message == "store restored from a snapshot" }) != f.shards() {
		return 0, 0, fmt.Errorf("not every shard was restored from its snapshot, so this was not measured; the log of the process:\n%s", c.log())
	}
	f.restores = false
	owned, err := c.await(ctx, 1, func(l *logged) bool { return l.Message == "member of the group" && len(l.Shards) > 0 })
	if err != nil {
		return 0, 0, err
	}
	return spoke.at.Sub(owned.at), spoke.at.Sub(c.started), c.end(syscall.SIGTERM)
}

// killed has a process killed under load.
func (f *fall) killed(ctx context.Context) error {
	c, err := f.start()
	if err != nil {
		return err
	}
	defer c.stop()
	if _, err := c.await(ctx, f.shards(), func(l *logged) bool { return l.Message == "shard speaks" }); err != nil {
		return err
	}
	if _, err = f.place.live(ctx, f.config.Rate, f.config.Under); err != nil {
		return err
	}
	return c.end(syscall.SIGKILL)
}

// gone has a process put a snapshot of its end and lose its store.
func (f *fall) gone(ctx context.Context) error {
	f.archived = true
	if _, _, err := f.rise(ctx); err != nil {
		return err
	}
	f.restores = true
	return os.RemoveAll(f.dir)
}

// lost has a process lose all it has.
func (f *fall) lost(context.Context) error {
	f.archived = false
	return os.RemoveAll(f.dir)
}

// Write tells the result in sentences.
func (r *TakeOverResult) Write(w io.Writer) {
	r.write(w)
	fmt.Fprintf(w, "Until all of %d shards speak again, from their assignment by the group, median (slowest); and from the start of the process:\n\n", r.Shards)
	for _, t := range r.Ways {
		fmt.Fprintf(w, "%-9s %7.2f s (%.2f)  %7.2f s  %s\n", t.Name, t.Seconds, t.SecondsSlowest, t.StartSeconds, t.what)
	}
	fmt.Fprintf(w, "\n%s\n", strings.TrimSpace(r.Broker.String()))
}
