package bench

import (
	"context"
	"errors"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/processor/kafka"
)

// heard is a derived event that was read.
type heard struct {
	at       time.Time // when, by our clock
	appended events.Instant
	position events.Offset // of the touchpoint that caused it, and one
	byEvent  bool
}

// ear reads derived events as anybody would, committed records only, and notes when each came.
type ear struct {
	fetcher *kafka.Fetcher
	parts   *errgroup.Group
	ctx     context.Context // ends with the first of parts that fails
	cancel  context.CancelFunc

	mu    sync.Mutex
	heard [][]heard       // by shard
	next  []events.Offset // by shard
	moved chan struct{}   // next is another; room for one
}

// listen begins at the ends of the topic.
func (p *place) listen(ctx context.Context) (*ear, error) {
	ends, err := p.client.Ranges(ctx, p.output())
	if err != nil {
		return nil, err
	}
	e := &ear{heard: make([][]heard, len(ends)), next: make([]events.Offset, len(ends)), moved: make(chan struct{}, 1)}
	if e.fetcher, err = p.client.NewFetcher(kafka.FetchConfig{Topic: p.output()}); err != nil {
		return nil, err
	}
	ctx, e.cancel = context.WithCancel(ctx)
	e.parts, e.ctx = errgroup.WithContext(ctx)
	e.parts.Go(func() error { return e.fetcher.Run(e.ctx) })
	for shard, r := range ends {
		in := e.fetcher.Read(events.ShardID(shard), r.End)
		e.parts.Go(func() error {
			for b := range in {
				if err := e.take(shard, &b); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return e, nil
}

func (e *ear) take(shard int, b *kafka.Batch) error {
	if b.Err != nil {
		return b.Err
	}
	now := time.Now()
	var all []heard
	for i := range b.Records {
		s, mark, err := events.ParseDerived(&b.Records[i])
		if err != nil {
			return err
		}
		if mark == nil {
			all = append(all, heard{now, b.Records[i].Append, s.Position, s.Cause == events.ByEvent})
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.heard[shard], e.next[shard] = append(e.heard[shard], all...), b.Next
	select {
	case e.moved <- struct{}{}:
	default:
	}
	return nil
}

// upTo returns when all was read up to some ends, and stops reading.
func (e *ear) upTo(ctx context.Context, ends []kafka.Range) error {
	for !e.reached(ends) {
		select {
		case <-e.moved:
		case <-time.After(stalled):
			return errors.New("the derived events could not be read up to their end")
		case <-e.ctx.Done():
			return errors.Join(ctx.Err(), e.stop())
		}
	}
	return e.stop()
}

func (e *ear) reached(ends []kafka.Range) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	for shard, r := range ends {
		if e.next[shard] < r.End {
			return false
		}
	}
	return true
}

func (e *ear) stop() error {
	e.cancel()
	return e.parts.Wait()
}
