package main

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"

	"github.com/touchfold/touchfold/api"
	"github.com/touchfold/touchfold/config"
	"github.com/touchfold/touchfold/processor"
	"github.com/touchfold/touchfold/processor/kafka"
	"github.com/touchfold/touchfold/processor/localkafka"
	"github.com/touchfold/touchfold/state/features"
	"github.com/touchfold/touchfold/state/snapshot"
)

// runCommand is the main job.
type runCommand struct {
	runOptions
	LogLevel string `default:"info" enum:"debug,info,warn,error" help:"What is logged: ${enum}."`
}

// tryOutAddress is where the embedded broker listens.
const tryOutAddress = "127.0.0.1:9092"

// Run processes until ctx ends.
func (r *runCommand) Run(ctx context.Context, out output) error {
	c, faulty, err := r.loadOver()
	if err != nil {
		return err
	}
	level, _ := zerolog.ParseLevel(r.LogLevel) // kong has checked it
	log := newLog(out.err).Level(level)
	if len(c.Kafka.Brokers) == 0 {
		dir := filepath.Join(c.Store.Dir, "broker")
		if faulty != nil && neverRan(dir) {
			return faulty
		}
		broker, err := localkafka.Start(localkafka.Config{Listen: tryOutAddress, Dir: dir, Log: log})
		if err != nil {
			return err
		}
		defer broker.Close() // the error would come after all that matters is said
		c.Kafka.Brokers = []string{broker.Addr()}
		log.Info().Str("broker", broker.Addr()).Str("dir", c.Store.Dir).
			Msg("no kafka.brokers are configured: running with an embedded broker, for trying out only")
	}
	return runProcessor(ctx, c, faulty, log)
}

// runProcessor serves and processes until ctx ends. If the configuration's rules are faulty, it goes by those in force.
func runProcessor(ctx context.Context, c *config.Config, faulty error, log zerolog.Logger) error {
	limitMemory(c.Memory)
	client, err := kafka.New(kafka.Config{Brokers: c.Kafka.Brokers, Log: log})
	if err != nil {
		return err
	}
	defer client.Close()
	if err := client.Ping(ctx); err != nil {
		if faulty != nil {
			return alsoFaulty(err, faulty)
		}
		return err
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	settings := processorConfig(c, client, log, registry)
	if faulty != nil {
		if settings.Rulebook, err = standIn(ctx, client, c, faulty, log); err != nil {
			return err
		}
	}
	if c.Snapshots.Place != "" {
		if settings.Archive, err = openArchive(ctx, c, log, registry); err != nil {
			return err
		}
	}
	var p *processor.Processor
	ops, err := api.NewOps(c.HTTP.Listen, registry, func() error { return p.Ready() })
	if err != nil {
		return err
	}
	settings.Address = ops.Addr() // of port 0 the one that was free
	if p, err = processor.New(settings); err != nil {
		return err
	}
	log.Info().Str("metrics", "http://"+ops.Addr()+"/metrics").Strs("brokers", c.Kafka.Brokers).Msg("started")
	run, runCtx := errgroup.WithContext(ctx)
	run.Go(func() error { return ops.Run(runCtx) })
	run.Go(func() error { return p.Run(runCtx) })
	err = run.Wait()
	if err == nil {
		log.Info().Msg("stopped") // each shard has told whether all is saved
	}
	return err
}

// limitMemory has the collector work harder before the process takes more than it may, and less until then: it comes once the
// heap is three times what was live, not twice. A fifth is left to the pages of files, which it does not count.
func limitMemory(all config.Bytes) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(200)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(int64(all) / 5 * 4)
	}
}

// openArchive is where snapshots are put and found; a place that does not answer is told at once, not at a loss.
func openArchive(ctx context.Context, c *config.Config, log zerolog.Logger, registry prometheus.Registerer) (*snapshot.Archive, error) {
	place, err := snapshot.NewPlace(c.Snapshots)
	if err != nil {
		return nil, err
	}
	a, err := snapshot.New(snapshot.Config{Place: place, App: c.App, Output: c.Topics.Events,
		Keep: c.Snapshots.Keep, KeepDays: c.Snapshots.KeepDays, Log: log, Registry: registry})
	if err != nil {
		return nil, err
	}
	return a, a.Check(ctx)
}

// processorConfig is the part of a process's configuration that a processor takes.
func processorConfig(c *config.Config, client *kafka.Client, log zerolog.Logger, registry prometheus.Registerer) processor.Config {
	return processor.Config{
		App: c.App, IDKey: c.IDKey, Dir: c.Store.Dir, Mute: c.FirstStart == config.Mute,
		Topics: processor.Topics{Touchpoints: c.Topics.Touchpoints, Events: c.Topics.Events, Parked: c.Topics.Parked,
			Partitions: c.Topics.Partitions, Replication: c.Topics.Replication},
		Rulebook: features.Propose(c), Session: c.Kafka.Session, Address: c.HTTP.Listen, Version: builtFrom().Main.Version,
		SnapshotEvery: c.Snapshots.Every, CacheBytes: int64(c.Store.CacheBytes), Memory: int64(c.Memory), CheckpointEvery: c.Store.CheckpointEvery,
		WalkRate: c.Store.WalkRate,
		Client:   client, Log: log, Registry: registry,
	}
}

// newLog writes JSON, or on a terminal lines for a person.
func newLog(w io.Writer) zerolog.Logger {
	if isTerminal(w) {
		w = zerolog.ConsoleWriter{Out: w}
	}
	return zerolog.New(w).With().Timestamp().Logger()
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
