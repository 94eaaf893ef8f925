package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"

	"github.com/touchfold/touchfold/api"
	"github.com/touchfold/touchfold/cmd/touchfold/chain"
	"github.com/touchfold/touchfold/config"
	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/processor/rehearsal"
)

// demoCommand is the whole program over a simulated chain of shops: 18 months in some seconds, then live.
type demoCommand struct {
	Duration time.Duration `placeholder:"30s" help:"End after so long. Without: at Ctrl-C."`
	Plain    bool          `help:"Lines instead of a screen that moves; so it is too where the output is no terminal."`
	Seed     uint64        `default:"1" help:"Another number is another chain of shops with other customers."`
}

// Help is the rest of -h.
func (*demoCommand) Help() string {
	return "No service and no file is needed: an embedded broker and the stores lie in a temporary folder. " +
		"All customers are invented. At the end the story of one of them is told."
}

// Validate checks what kong cannot.
func (d *demoCommand) Validate() error {
	if d.Duration < 0 || d.Duration > 0 && d.Duration < time.Second {
		return errors.New("--duration: want 1s or more")
	}
	return nil
}

const (
	demoMonths   = 18
	demoShards   = 4
	demoVisits   = 10     // a second, live
	demoFull     = 500    // customers when there is time
	demoRate     = 10_000 // touchpoints a second that a slow machine can take
	demoPerHead  = 185    // touchpoints that a customer makes in 18 months, about
	demoHistory  = 10 * time.Second
	demoTick     = 100 * time.Millisecond
	demoLastWord = 20 * time.Second // how long what was fed may take to be said at the end
)

// demo is a demo that runs.
type demo struct {
	config    *config.Config
	seed      uint64
	customers int
	history   time.Duration // how long the 18 months are to take
	duration  time.Duration // of all, 0 for until ctx ends
	began     time.Time
	start     events.Instant // of the 18 months
	now       events.Instant // their end, where live begins

	registry  *prometheus.Registry
	ops       *api.Ops
	rehearsal *rehearsal.Rehearsal
	chain     *chain.Chain
	heard     *heard
}

// Run shows the demo until its time is over or ctx ends, and then tells the story.
func (d *demoCommand) Run(ctx context.Context, out output) (err error) {
	show, err := d.start(ctx, out)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, show.rehearsal.Close()) }()
	screen := newDemoScreen(show, out.out, !d.Plain && isTerminal(out.out))
	screen.title()
	if err := show.run(ctx, screen); err != nil {
		return err
	}
	if err := show.end(screen); err != nil {
		return err
	}
	return show.tell(out.out)
}

// start makes everything ready.
func (d *demoCommand) start(ctx context.Context, out output) (_ *demo, err error) {
	c := config.Default()
	c.Topics.Partitions = demoShards
	s := &demo{config: c, seed: d.Seed, customers: demoFull, history: demoHistory, duration: d.Duration, began: time.Now(),
		registry: prometheus.NewRegistry()}
	if d.Duration > 0 {
		s.history = min(s.history, d.Duration*2/5)
		s.customers = max(chain.MinCustomers, min(demoFull, int(s.history.Seconds()*demoRate/demoPerHead)))
	}
	s.now = events.At(s.began.Add(s.history).Truncate(time.Second))
	s.start = events.At(s.now.Time().AddDate(0, -demoMonths, 0))
	s.chain = chain.New(chain.Config{Seed: d.Seed, Start: s.start, End: s.now, Customers: s.customers})
	s.heard = newHeard(c, s.now)
	s.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	serves := func() error { return nil } // that it runs is all there is to wait for
	if s.ops, err = api.NewOps(c.HTTP.Listen, s.registry, serves); err != nil {
		if s.ops, err = api.NewOps("127.0.0.1:0", s.registry, serves); err != nil {
			return nil, err
		}
	}
	s.rehearsal, err = rehearsal.Start(ctx, rehearsal.Config{Config: c, Registry: s.registry,
		Log: newLog(out.err).Level(zerolog.WarnLevel)})
	return s, err
}

// run feeds the history and then what happens live, while what follows is heard and shown. That ctx ends is no error.
func (d *demo) run(ctx context.Context, screen *demoScreen) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	parts, running := errgroup.WithContext(ctx)
	parts.Go(func() error { return d.ops.Run(running) })
	parts.Go(func() error { return d.listen(running) })
	parts.Go(func() error { screen.run(running); return nil })
	parts.Go(func() error {
		defer cancel()
		if err := d.feedHistory(running); err != nil {
			return err
		}
		return d.feedLive(running)
	})
	if err := parts.Wait(); err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// end lets what was fed be said, stops the shards and takes up what was not heard yet.
func (d *demo) end(screen *demoScreen) error {
	ctx, cancel := context.WithTimeout(context.Background(), demoLastWord)
	defer cancel()
	if err := d.rehearsal.Settle(ctx, d.heard.clock()); err != nil {
		return fmt.Errorf("wait for the last derived events: %w", err)
	}
	if err := d.rehearsal.Stop(); err != nil {
		return err
	}
	err := d.rehearsal.Derived(ctx, func(_ *events.Record, s *events.Statement) error {
		d.heard.hear(s)
		return nil
	})
	screen.last()
	return err
}
