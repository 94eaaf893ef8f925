// Package rehearsal runs the whole program over touchpoints on a clock of its own: an embedded broker, the shards with
// their stores, and a feeder; for replays, the demo and tests. As against a run it speaks from the first touchpoint on.
// Its one rule: no wall clock is in anything that is folded or said. A record is stamped with the running maximum of the
// touchpoints' times, and the clock never passes a touchpoint that is still to be fed.
package rehearsal

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"github.com/touchfold/touchfold/config"
	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/processor"
	"github.com/touchfold/touchfold/processor/kafka"
	"github.com/touchfold/touchfold/processor/localkafka"
	"github.com/touchfold/touchfold/state"
	"github.com/touchfold/touchfold/state/features"
)

// Config is what a rehearsal is made of. Only Config must be set.
type Config struct {
	Config *config.Config // its brokers, folder, listener and first start are not used
	Dir    string         // empty folder for broker and stores, which stay there; default a temporary one that Close removes
	Listen string         // host:port of the broker; default any free port of 127.0.0.1
	Shards int            // default topics.partitions
	Batch  int            // touchpoints folded before anything else is looked at; default the processor's
	Until  events.Instant // touchpoints that are later are left out; default none
	// Hold lets the shards begin with the first Settle only. All that was fed then stands in the log before it is read,
	// and what is said does not depend on how fast it came.
	Hold     bool
	Log      zerolog.Logger
	Watch    func(processor.Progress) // called by every shard after each round, from its own goroutine
	Registry prometheus.Registerer    // default: one that nobody asks
}

// Rehearsal is a program that runs. It belongs to one goroutine, but for Now and Broker.
type Rehearsal struct {
	config    Config
	dir       string
	temporary bool
	table     *state.Table
	broker    *localkafka.Broker
	client    *kafka.Client
	feed      feeder

	clock atomic.Int64 // events.Instant to which a shard's clock goes that has nothing to read

	mu       sync.Mutex
	progress []processor.Progress // by shard
	moved    chan struct{}        // progress is another; room for one

	begin  func() // lets the shards begin
	stop   context.CancelFunc
	done   chan struct{} // the processor has ended
	failed error         // why, once done is closed; nil if it was stopped
}

// fetchWait is short, for it is what Settle takes twice: the broker is near, and nobody pays for its requests.
const fetchWait = 20 * time.Millisecond

// Start starts broker and shards. They end with Close; ctx bounds the start only.
func Start(ctx context.Context, c Config) (_ *Rehearsal, err error) {
	r := &Rehearsal{config: c, dir: c.Dir, moved: make(chan struct{}, 1), done: make(chan struct{}), stop: func() {}}
	close(r.done)
	defer func() {
		if err != nil {
			r.Close() // what went wrong first is what counts
		}
	}()
	if r.config.Shards <= 0 {
		r.config.Shards = c.Config.Topics.Partitions
	}
	if c.Listen == "" {
		r.config.Listen = "127.0.0.1:0"
	}
	r.clock.Store(1) // 0 would be the wall clock for a record
	r.progress = make([]processor.Progress, r.config.Shards)
	if err := r.makeDir(); err != nil {
		return nil, err
	}
	if r.table, err = features.Table(features.Propose(c.Config)); err != nil {
		return nil, fmt.Errorf("the table of features is faulty: %w", err)
	}
	if err := r.startBroker(ctx); err != nil {
		return nil, err
	}
	if r.feed, err = newFeeder(ctx, r); err != nil {
		return nil, err
	}
	return r, r.startProcessor()
}

func (r *Rehearsal) makeDir() (err error) {
	if r.dir == "" {
		r.temporary = true
		r.dir, err = os.MkdirTemp("", "touchfold-")
		return err
	}
	found, err := os.ReadDir(r.dir)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return os.MkdirAll(r.dir, 0o755)
	case err != nil:
		return err
	case len(found) > 0:
		return fmt.Errorf("%s is not empty; name a folder that is, or none", r.dir)
	}
	return nil
}

func (r *Rehearsal) startBroker(ctx context.Context) (err error) {
	r.broker, err = localkafka.Start(localkafka.Config{Listen: r.config.Listen, Dir: filepath.Join(r.dir, "broker"), Log: r.config.Log})
	if err != nil {
		return err
	}
	if r.client, err = kafka.New(kafka.Config{Brokers: []string{r.broker.Addr()}, Log: r.config.Log}); err != nil {
		return err
	}
	// The processor would create it too, but the feeder needs it first, and takes larger records: they are parked.
	return r.client.CreateTopic(ctx, kafka.Topic{Name: r.config.Config.Topics.Touchpoints, Partitions: r.config.Shards, Replication: 1,
		Configs: map[string]string{"cleanup.policy": "delete", "retention.ms": "-1", "retention.bytes": "-1",
			"message.timestamp.type": "CreateTime", "max.message.bytes": strconv.Itoa(MaxValue + 64<<10)}})
}

func (r *Rehearsal) startProcessor() error {
	c := r.config.Config
	p, err := processor.New(processor.Config{
		App: c.App, IDKey: c.IDKey, Dir: r.storeDir(),
		Topics: processor.Topics{Touchpoints: c.Topics.Touchpoints, Events: c.Topics.Events, Parked: c.Topics.Parked,
			Partitions: r.config.Shards, Replication: 1, CreateTime: true},
		Rulebook: features.Propose(c), Batch: r.config.Batch, FetchWait: fetchWait,
		CacheBytes: int64(c.Store.CacheBytes), CheckpointEvery: c.Store.CheckpointEvery,
		Alone: true, Client: r.client, Now: r.Now, Log: r.config.Log, Registry: r.config.Registry, Watch: r.watch,
	})
	if err != nil {
		return err
	}
	var ctx context.Context
	ctx, r.stop = context.WithCancel(context.Background())
	r.done = make(chan struct{})
	begun := make(chan struct{})
	r.begin = sync.OnceFunc(func() { close(begun) })
	if !r.config.Hold {
		r.begin()
	}
	go func() { // Stop waits for it
		defer close(r.done)
		select {
		case <-begun:
			r.failed = p.Run(ctx)
		case <-ctx.Done():
		}
	}()
	return nil
}

// Now is the clock of shards and producers: that much ahead of the last touchpoint fed that a shard with nothing to read
// comes as far as that touchpoint.
func (r *Rehearsal) Now() events.Instant {
	return events.Instant(r.clock.Load()) + processor.ClockMargin
}

// Broker is where any Kafka client can reach the broker.
func (r *Rehearsal) Broker() string { return r.broker.Addr() }

func (r *Rehearsal) storeDir() string { return filepath.Join(r.dir, "store") }

func (r *Rehearsal) watch(p processor.Progress) {
	r.mu.Lock()
	r.progress[p.Shard] = p
	r.mu.Unlock()
	select {
	case r.moved <- struct{}{}:
	default:
	}
	if r.config.Watch != nil {
		r.config.Watch(p)
	}
}

// Settle is Advance, and returns when every shard has folded all that was fed, has its clock at to exactly, has no
// horizon waiting up to it, and all that follows is acknowledged.
func (r *Rehearsal) Settle(ctx context.Context, to events.Instant) error {
	if err := r.Advance(ctx, to); err != nil {
		return err
	}
	r.begin()
	for !r.settled(to) {
		select {
		case <-r.moved:
		case <-r.done:
			return r.ended()
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

func (r *Rehearsal) settled(to events.Instant) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, p := range r.progress {
		if !p.Settled || p.Clock < to || p.Position < r.feed.partitions[i].end {
			return false
		}
	}
	return true
}

func (r *Rehearsal) ended() error {
	if r.failed != nil {
		return r.failed
	}
	return errors.New("the rehearsal was stopped")
}

// Stop stops the shards: all that was folded is said and saved. The broker stays.
func (r *Rehearsal) Stop() error {
	r.stop()
	<-r.done
	return r.failed
}

// Close stops what still runs and removes a temporary folder.
func (r *Rehearsal) Close() error {
	errs := []error{r.Stop()}
	if r.client != nil {
		r.client.Close()
	}
	if r.broker != nil {
		errs = append(errs, r.broker.Close())
	}
	if r.temporary {
		errs = append(errs, os.RemoveAll(r.dir))
	}
	return errors.Join(errs...)
}
