package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/processor/kafka"
)

// feedHistory feeds the 18 months, evenly over the time they are to take, or slower if the machine is.
func (d *demo) feedHistory(ctx context.Context) error {
	span := float64(d.now - d.start)
	f := &demoFeed{demo: d}
	for part := 0.0; part < 1; {
		part = min(1, float64(time.Since(d.began))/float64(d.history))
		if err := f.to(ctx, d.start+events.Instant(part*span)); err != nil {
			return err
		}
		if err := pause(ctx, demoTick); err != nil {
			return err
		}
	}
	return d.rehearsal.Settle(ctx, d.now)
}

// feedLive lets the chain go on at the pace of the wall clock until the time is over, for a second at least.
func (d *demo) feedLive(ctx context.Context) error {
	d.chain.Rush(demoVisits)
	d.heard.live.Store(true)
	f := &demoFeed{demo: d}
	began := time.Now()
	for d.duration == 0 || time.Since(began) < time.Second || time.Since(d.began) < d.duration {
		if err := f.to(ctx, d.now+events.Instant(time.Since(began).Milliseconds())); err != nil {
			return err
		}
		if err := pause(ctx, demoTick); err != nil {
			return err
		}
	}
	return nil
}

func pause(ctx context.Context, t time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(t):
		return nil
	}
}

// demoFeed takes touchpoints from the chain as they are due.
type demoFeed struct {
	*demo
	touchpoint []byte // the next one, if there is one
	at         events.Instant
	taken      bool
}

// to feeds what arrives until t and moves the clock there. It is not cut off by the end of ctx, which lies between two
// calls: what is half fed could not be told from what is not.
func (f *demoFeed) to(ctx context.Context, t events.Instant) error {
	ctx = context.WithoutCancel(ctx)
	f.heard.move(t)
	for {
		if !f.taken {
			var ok bool
			if f.touchpoint, f.at, ok = f.chain.Next(); !ok {
				break
			}
			f.taken = true
		}
		if f.at > t {
			break
		}
		f.taken = false
		f.heard.note(f.touchpoint, f.at)
		if _, err := f.rehearsal.Feed(ctx, f.touchpoint); err != nil {
			return err
		}
	}
	return f.rehearsal.Advance(ctx, t)
}

// listen reads the derived events from their topic, as any consumer would, until ctx ends.
func (d *demo) listen(ctx context.Context) error {
	client, err := kafka.New(kafka.Config{Brokers: []string{d.rehearsal.Broker()}, Log: zerolog.Nop()})
	if err != nil {
		return err
	}
	defer client.Close()
	topic := d.config.Topics.Events
	for { // the program makes the topic in its first moment
		if _, err = client.Ranges(ctx, topic); err == nil {
			break
		}
		if pause(ctx, demoTick) != nil {
			return nil
		}
	}
	fetcher, err := client.NewFetcher(kafka.FetchConfig{Topic: topic, MaxWait: demoTick})
	if err != nil {
		return err
	}
	run, ctx := errgroup.WithContext(ctx)
	for p := range events.ShardID(demoShards) {
		in := fetcher.Read(p, 0)
		run.Go(func() error { return d.take(in) })
	}
	run.Go(func() error { return fetcher.Run(ctx) })
	return run.Wait()
}

// take hears a partition until reading ends.
func (d *demo) take(in <-chan kafka.Batch) error {
	for batch := range in {
		if batch.Err != nil {
			return fmt.Errorf("listen to derived events: %w", batch.Err)
		}
		for i := range batch.Records {
			s, mark, err := events.ParseDerived(&batch.Records[i])
			if err != nil {
				return errors.Join(err, errors.New("this is a bug of touchfold's"))
			}
			if mark == nil {
				d.heard.hear(s)
			}
		}
	}
	return nil
}
