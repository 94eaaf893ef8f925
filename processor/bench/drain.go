package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"syscall"
	"time"
)

// DrainResult is what a backlog costs a process that works it off.
type DrainResult struct {
	Head
	Broker
	Shards            int     `json:"shards"`
	Seconds           float64 `json:"seconds"` // from the process's start
	EventsPerSecond   float64 `json:"events_per_second"`
	SteadyPerSecond   float64 `json:"steady_events_per_second"` // without the first fifth
	CPUPerEvent       float64 `json:"cpu_us_per_event"`         // the process's, from its start to its end
	SteadyCPUPerEvent float64 `json:"steady_cpu_us_per_event"`
	rss
	DerivedPerEvent   float64 `json:"derived_per_event"`
	DiskBytesPerEvent float64 `json:"disk_bytes_per_event"`
}

// stalled is after how long without progress a benchmark gives up.
const stalled = 2 * time.Minute

// Drain writes a backlog, runs the program until it is folded, and tells what that took.
func Drain(ctx context.Context, c RunConfig) (r *DrainResult, err error) {
	p, err := c.open(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, p.close()) }()
	r = &DrainResult{Head: newHead("drain", c.Version, c.Config.Rulebook, p.Load), Broker: p.broker(), Shards: p.shards()}
	c.Note("writing the backlog")
	if r.Workload.BytesPerEvent, err = p.backlog(ctx, p.Load.Touchpoints); err != nil {
		return nil, err
	}
	c.Note("working it off")
	return r, r.measure(ctx, p)
}

func (r *DrainResult) measure(ctx context.Context, p *place) error {
	ours, dir := cpuTime(), filepath.Join(p.dir, "store")
	child, err := p.start(dir)
	if err != nil {
		return err
	}
	defer child.stop()
	steady, err := child.folded(ctx, p.Load.Touchpoints/5)
	if err != nil {
		return err
	}
	whole, err := child.folded(ctx, p.Load.Touchpoints)
	if err != nil {
		return err
	}
	ours = cpuTime() - ours
	if err := child.end(syscall.SIGTERM); err != nil {
		return err
	}
	disk, err := diskBytes(dir)
	if err != nil {
		return err
	}
	n := float64(p.Load.Touchpoints)
	r.Seconds = whole.at.Sub(child.started).Seconds()
	r.EventsPerSecond, r.CPUPerEvent = n/r.Seconds, micros(child.cpu())/n
	r.SteadyPerSecond, r.SteadyCPUPerEvent = r.EventsPerSecond, micros(whole.cpu)/n
	if part := float64(whole.touchpoints - steady.touchpoints); part > 0 {
		r.SteadyPerSecond = part / whole.at.Sub(steady.at).Seconds()
		r.SteadyCPUPerEvent = micros(whole.cpu-steady.cpu) / part
	}
	r.rss = child.peak
	r.DerivedPerEvent, r.DiskBytesPerEvent = float64(whole.derived)/n, float64(disk)/n
	if p.embedded != nil {
		r.Broker.CPUPerEvent = micros(ours) / n
	}
	return nil
}

// moment is how far a child is, and what it has used.
type moment struct {
	counts
	at  time.Time
	cpu time.Duration
}

// folded waits until so many touchpoints were folded since the child's start.
func (c *child) folded(ctx context.Context, n int) (m moment, err error) {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for moved := time.Now(); ; {
		now, err := c.counts(ctx)
		if err != nil {
			return m, err
		}
		if now.touchpoints > m.touchpoints {
			moved = time.Now()
		}
		m = moment{now, time.Now(), c.cpu()}
		c.weigh()
		switch {
		case now.parked > 0:
			return m, fmt.Errorf("%d made-up touchpoints could not be read; please report it", now.parked)
		case now.touchpoints >= n:
			return m, nil
		case time.Since(moved) > stalled:
			return m, fmt.Errorf("nothing was folded for %s, at %s of %s touchpoints; its log:\n%s", stalled, thousands(now.touchpoints), thousands(n), c.log())
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return m, ctx.Err()
		}
	}
}

// Write tells the result in sentences.
func (r *DrainResult) Write(w io.Writer) {
	r.write(w)
	fmt.Fprintf(w, "A backlog is worked off at %s events/s, %s once it is under way (without the first fifth): %.1f s in all, %d shards.\n",
		thousands(r.EventsPerSecond), thousands(r.SteadyPerSecond), r.Seconds, r.Shards)
	fmt.Fprintf(w, "An event costs %.1f us of the process's CPU, %.1f once it is under way, and %.0f bytes on disk; a hundred make %.1f derived events.\n",
		r.CPUPerEvent, r.SteadyCPUPerEvent, r.DiskBytesPerEvent, 100*r.DerivedPerEvent)
	fmt.Fprintf(w, "It had %s in memory at most, %s of them its own and the rest pages of files.\n%s\n", bytesOf(r.rss.All), bytesOf(r.rss.Anon), r.Broker)
}
