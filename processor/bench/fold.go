package bench

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/pprof"
	"time"

	"github.com/rs/zerolog"

	"github.com/touchfold/touchfold/config"
	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/processor"
	"github.com/touchfold/touchfold/processor/bench/load"
	"github.com/touchfold/touchfold/state/features"
)

// FoldConfig is what Fold is made of.
type FoldConfig struct {
	Config  *config.Config // its brokers, folder, listener and first start are not used
	Load    load.Config    // of the shard
	Version string
	Log     zerolog.Logger
}

// FoldResult is what one shard costs without a broker.
type FoldResult struct {
	Head
	Shards            int     `json:"shards"` // that share the memory, of which one was measured
	Seconds           float64 `json:"seconds"`
	EventsPerSecond   float64 `json:"events_per_second"`
	CPUPerEvent       float64 `json:"cpu_us_per_event"`
	AllocsPerEvent    float64 `json:"allocations_per_event"`
	DerivedPerEvent   float64 `json:"derived_per_event"`
	DiskBytesPerEvent float64 `json:"disk_bytes_per_event"`
	Stages            []Stage `json:"stages"`
}

// Stage is a part of the work. All of them together are the whole.
type Stage struct {
	Name        string  `json:"name"`
	Share       float64 `json:"share"` // of the CPU, 0 to 1
	CPUPerEvent float64 `json:"cpu_us_per_event"`
	what        string
}

// Fold measures one shard over touchpoints in memory, with a store in a temporary folder.
func Fold(ctx context.Context, c FoldConfig) (_ *FoldResult, err error) {
	dir, err := os.MkdirTemp("", "touchfold-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	c.Load.Shard, c.Load.Shards = 0, c.Config.Topics.Partitions
	g, err := load.New(c.Load)
	if err != nil {
		return nil, err
	}
	m, err := newMemory(g, c.Load.Touchpoints)
	if err != nil {
		return nil, err
	}
	defer m.close()
	return c.measure(ctx, m, dir)
}

func (c *FoldConfig) measure(ctx context.Context, m *memory, dir string) (*FoldResult, error) {
	s := c.Config
	settings := processor.Config{App: s.App, IDKey: s.IDKey, Dir: dir, Rulebook: features.Propose(s), Instance: "bench",
		Topics: processor.Topics{Touchpoints: s.Topics.Touchpoints, Events: s.Topics.Events, Parked: s.Topics.Parked,
			Partitions: s.Topics.Partitions},
		CacheBytes: int64(s.Store.CacheBytes), Memory: int64(s.Memory), CheckpointEvery: s.Store.CheckpointEvery, Log: c.Log}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	var profile bytes.Buffer
	if err := pprof.StartCPUProfile(&profile); err != nil {
		return nil, fmt.Errorf("measure the stages: %w", err)
	}
	began, used := time.Now(), cpuTime()
	said, err := processor.FoldBacklog(ctx, settings, processor.Backlog{End: events.Offset(len(m.entries)),
		Fetch: func(from events.Offset) []events.Record { return m.fetch(s.Topics.Touchpoints, 0, from) }})
	took, cpu := time.Since(began), cpuTime()-used
	pprof.StopCPUProfile()
	runtime.ReadMemStats(&after)
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return nil, err
	}
	n := float64(len(m.entries))
	r := &FoldResult{Head: newHead("fold", c.Version, s.Rulebook, c.Load), Shards: s.Topics.Partitions, Seconds: took.Seconds(),
		EventsPerSecond: n / took.Seconds(), CPUPerEvent: micros(cpu) / n, AllocsPerEvent: float64(after.Mallocs-before.Mallocs) / n,
		DerivedPerEvent: float64(said) / n}
	r.Workload.BytesPerEvent = m.size()
	disk, err := diskBytes(dir)
	if err != nil {
		return nil, err
	}
	r.DiskBytesPerEvent = float64(disk) / n
	r.Stages, err = stagesOf(profile.Bytes(), r.CPUPerEvent)
	return r, err
}

func micros(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e3 }

// Write tells the result in sentences.
func (r *FoldResult) Write(w io.Writer) {
	r.write(w)
	fmt.Fprintf(w, "One shard of %d, without a broker, folds %s events/s, at %.1f us of CPU an event: %.1f s in all.\n", r.Shards,
		thousands(r.EventsPerSecond), r.CPUPerEvent, r.Seconds)
	fmt.Fprintf(w, "A hundred events make %.1f derived events. An event takes %.0f bytes on disk and %.1f allocations.\n\n",
		100*r.DerivedPerEvent, r.DiskBytesPerEvent, r.AllocsPerEvent)
	for _, s := range r.Stages {
		fmt.Fprintf(w, "%-11s %5.1f %%  %6.2f us  %s\n", s.Name, 100*s.Share, s.CPUPerEvent, s.what)
	}
}
