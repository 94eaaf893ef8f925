// Package processor runs shards: each reads one partition of touchpoints, folds them into its store and says what
// follows on the partition of the same number of the output topic. Its one rule is the second law of the design: a
// derived event has been said when it stands in the output topic, and only what is acknowledged there may become durable
// here.
package processor

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/processor/kafka"
	"github.com/touchfold/touchfold/state"
	"github.com/touchfold/touchfold/state/rulebook"
	"github.com/touchfold/touchfold/state/snapshot"
	"github.com/touchfold/touchfold/state/store"
)

// Config is what a processor is made of. Zero values have no defaults unless it says so.
type Config struct {
	App    string // names the consumer group and the transactional ids
	IDKey  []byte // what derived ids are keyed with
	Topics Topics
	Dir    string // one folder a shard beneath it
	Mute   bool   // a first start says only what stands at its end; else everything from the first touchpoint on
	// Rulebook is what this process would believe by; what it does is in the log (rules.go). Believe says what a rulebook
	// means; default: what package features says.
	Rulebook *rulebook.Rulebook
	Believe  func(b *rulebook.Rulebook, since state.Since, now events.Instant) (Belief, error)

	CacheBytes      int64 // decoded customers in memory, of all shards of this process together
	Memory          int64 // of which the parts beside take their shares: see memory.go; default 1 GiB
	CheckpointEvery time.Duration
	WalkRate        int // customers of a shard that a pass over all looks at in a second; 0: as many as there is time for
	MaxBytes        int // of a touchpoint's value; default as the decoder's
	Batch           int // touchpoints folded before anything else is looked at; default 1024
	// FetchWait is how long the broker may hold a fetch for touchpoints to come, and so how far the clock of a shard
	// without any lags behind; default 500 ms.
	FetchWait time.Duration
	// Space says when the disk of Dir is nearly full, which stops reading; its Dir is that one.
	Space store.SpaceConfig
	// Archive is where snapshots are put, every so often and when a shard is released; nil: nowhere. SnapshotEvery of 0: at
	// releases only.
	Archive       *snapshot.Archive
	SnapshotEvery time.Duration
	// Alone: there is no group and no other instance. This one owns all shards, and an error of one ends Run.
	Alone bool
	// Session is how long the other instances wait for a silent one before they take its shards; default 10 s.
	Session time.Duration
	// Instance, Address and Version are what an instance says of itself to the others. Instance is unique among the living;
	// default: the host's name and the process's number.
	Instance, Address, Version string
	// StopWithin bounds handing over, saying and checkpointing what was folded when Run is to end; default 20 s.
	StopWithin time.Duration

	Client   *kafka.Client
	Now      func() events.Instant // default: the wall clock
	Log      zerolog.Logger
	Registry prometheus.Registerer // default: one that nobody asks
	// Watch, if set, is called by every shard after each round, from its own goroutine.
	Watch func(Progress)
}

// Topics are the three topics and how they are created where they do not exist.
type Topics struct {
	Touchpoints, Events, Parked string
	Partitions, Replication     int
	CreateTime                  bool // records keep the time they are sent with: for replays on an injected clock
}

// Progress is how far a shard has come.
type Progress struct {
	Shard    events.ShardID
	Position events.Offset  // the next touchpoint to fold
	End      events.Offset  // of the input, as far as is known
	Clock    events.Instant // the shard's clock
	Settled  bool           // at the end, no horizon up to the clock waits, all that was said is acknowledged
	Said     uint64         // derived events acknowledged since the start
}

// Processor runs shards of a topic in one process: all of them, or those that the group of all instances agrees upon.
type Processor struct {
	config  Config
	metrics *metrics
	members members
}

// New checks the configuration.
func New(c Config) (*Processor, error) {
	switch {
	case c.Client == nil || c.Rulebook == nil:
		return nil, errors.New("make a processor: Client and Rulebook must be set")
	case c.App == "" || c.Topics.Touchpoints == "" || c.Topics.Events == "" || c.Topics.Parked == "" || c.Dir == "":
		return nil, errors.New("make a processor: App, the names of the topics and Dir must be set")
	}
	c.complete()
	p := &Processor{config: c, metrics: newMetrics(c.Registry)}
	countShards(c.Registry, func() (open, opening, stopped int) {
		p.members.mu.Lock()
		defer p.members.mu.Unlock()
		return p.members.count()
	})
	return p, nil
}

// complete sets the defaults.
func (c *Config) complete() {
	if c.Believe == nil {
		c.Believe = belief
	}
	if c.Now == nil {
		c.Now = func() events.Instant { return events.At(time.Now()) }
	}
	if c.Batch <= 0 {
		c.Batch = 1024
	}
	if c.CheckpointEvery <= 0 {
		c.CheckpointEvery = 2 * time.Second
	}
	if c.Memory <= 0 {
		c.Memory = 1 << 30
	}
	if c.StopWithin <= 0 {
		c.StopWithin = 20 * time.Second
	}
	if c.Session <= 0 {
		c.Session = 10 * time.Second
	}
	if c.Instance == "" {
		host, _ := os.Hostname()
		c.Instance = fmt.Sprintf("%s/%d", host, os.Getpid())
	}
	if c.Registry == nil {
		c.Registry = prometheus.NewRegistry()
	}
	if len(c.IDKey) == 0 {
		c.IDKey = events.IDKey(c.App)
	}
}

// Ready is nil once all shards that are this instance's are open, else says what is waited for.
func (p *Processor) Ready() error { return p.members.ready() }

// Run processes until ctx ends, which is no error, or until nothing can go on. When it returns, everything folded has
// been said and checkpointed, unless the error says otherwise; what a shard that waited to be taken again had not saved,
// whoever takes it next folds again.
func (p *Processor) Run(ctx context.Context) error {
	c := &p.config
	l, err := ensureTopics(ctx, c)
	if err != nil {
		return unlessCanceled(ctx, err)
	}
	fetcher, err := c.Client.NewFetcher(kafka.FetchConfig{Topic: c.Topics.Touchpoints, Now: c.Now, MaxWait: c.FetchWait,
		MaxBytes: 16 << 20, PartitionBytes: 1 << 20, Memory: c.fetchMemory()})
	if err != nil {
		return err
	}
	// The shards outlast ctx until other instances wait for them, and end, with all that is to be done then, by last.
	until := ctx
	if !c.Alone {
		until = context.WithoutCancel(ctx)
	}
	shards, stop := context.WithCancel(until)
	defer stop()
	last, expire := context.WithCancel(context.WithoutCancel(ctx))
	defer expire()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(c.StopWithin, expire) })()
	run, runCtx := errgroup.WithContext(shards)
	p.members.begin(p, l, fetcher, run, runCtx, last)

	// Reading and membership outlast the shards, which then say and checkpoint what they have folded, and are done.
	beside, leave := context.WithCancel(context.WithoutCancel(ctx))
	defer leave()
	others, othersCtx := errgroup.WithContext(beside)
	// This one comes first: as long as it runs, members may add to run.
	run.Go(func() error {
		defer p.members.close()
		select {
		case <-ctx.Done():
			p.members.depart(runCtx)
			stop()
		case <-runCtx.Done():
		case <-othersCtx.Done(): // with an error
			stop()
		}
		return nil
	})
	others.Go(func() error { return fetcher.Run(othersCtx) })
	others.Go(func() error { return p.members.join(othersCtx) })
	others.Go(func() error { p.commitOffsets(othersCtx); return nil })
	others.Go(func() error { p.members.shares.watch(othersCtx); return nil })
	err = run.Wait()
	soon, cancel := context.WithTimeout(beside, min(5*time.Second, c.StopWithin))
	p.commit(soon)
	cancel()
	leave()
	return errors.Join(err, others.Wait())
}

// unlessCanceled is err, nil if all that went wrong is that ctx ended before anything was folded.
func unlessCanceled(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// commitOffsets tells lag tools how far the shards are, every two seconds.
func (p *Processor) commitOffsets(ctx context.Context) {
	tick := time.NewTicker(2 * time.Second)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			p.commit(ctx)
			p.grow(ctx)
		case <-ctx.Done():
			return
		}
	}
}

// commit is a hint: one that goes wrong is tried again with the next.
func (p *Processor) commit(ctx context.Context) {
	next, generation := p.members.positions()
	if len(next) == 0 {
		return
	}
	var err error
	if generation != nil {
		err = generation.Commit(ctx, next)
	} else {
		err = p.config.Client.CommitOffsets(ctx, p.config.App, p.config.Topics.Touchpoints, next)
	}
	if err != nil && ctx.Err() == nil && !errors.Is(err, kafka.ErrGenerationOver) {
		p.config.Log.Warn().Err(err).Msg("could not commit the group's offsets; lag tools show old figures until it succeeds")
	}
}

// grow has what stands on added partitions forwarded.
func (p *Processor) grow(ctx context.Context) {
	all, err := p.config.Client.Ranges(ctx, p.config.Topics.Touchpoints)
	if err == nil { // a broker that does not answer is others' to tell
		p.members.grow(len(all))
	}
}
