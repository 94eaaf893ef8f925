package bench

import (
	"context"
	"fmt"
	"io"
	"time"
)

// A Sample is a process at a moment of a benchmark that lasts: whether compaction keeps up and memory stays even is seen in
// those of half an hour, not in the figures of their end.
type Sample struct {
	Seconds     float64 `json:"seconds"`
	Touchpoints int     `json:"touchpoints"` // folded since the process's start
	Cores       float64 `json:"cores"`       // kept busy since the sample before
	Anon        int64   `json:"rss_anon_bytes"`
	stores
}

// samples is how many a benchmark has.
const samples = 10

// course takes samples of a child, evenly over so long, until the returned function is called, which gives them.
func (c *child) course(ctx context.Context, last time.Duration) (end func() ([]Sample, error)) {
	ctx, cancel := context.WithCancel(ctx)
	var all []Sample
	var failed error
	done := make(chan struct{})
	began, then, cpu := time.Now(), time.Now(), c.cpu()
	sample := func() error {
		n, err := c.counts(ctx)
		if err != nil {
			return err
		}
		now, used := time.Now(), c.cpu()
		all = append(all, Sample{now.Sub(began).Seconds(), n.touchpoints, (used - cpu).Seconds() / now.Sub(then).Seconds(), c.weigh(), n.stores})
		then, cpu = now, used
		return nil
	}
	go func() {
		defer close(done)
		tick := time.NewTicker(last / samples)
		defer tick.Stop()
		for failed == nil {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			if err := sample(); ctx.Err() == nil {
				failed = err
			}
		}
	}()
	return func() ([]Sample, error) {
		cancel()
		<-done
		return all, failed
	}
}

func writeCourse(w io.Writer, all []Sample) {
	fmt.Fprintf(w, "\n%8s %12s %6s %12s %12s %9s %12s %9s\n", "after", "events", "cores", "own memory", "disk", "level 0", "checkpoints", "over 1 s")
	for _, s := range all {
		fmt.Fprintf(w, "%6.0f s %12s %6.2f %12s %12s %9d %12d %9d\n", s.Seconds, thousands(s.Touchpoints), s.Cores, bytesOf(s.Anon), bytesOf(s.Bytes),
			s.LevelZero, s.Commits, s.SlowCommits)
	}
}
