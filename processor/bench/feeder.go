package bench

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/processor/bench/load"
	"github.com/touchfold/touchfold/processor/kafka"
)

// feeder writes made-up touchpoints to the partitions of their customers, to each with one batch under way.
type feeder struct {
	gathered [][]kafka.Out
	out      []chan []kafka.Out // to each partition's sender
	senders  *errgroup.Group
	ctx      context.Context // ends with the first that fails
}

// feedBatch is how many touchpoints of a backlog go into one append.
const feedBatch = 1000

func (p *place) newFeeder(ctx context.Context) (*feeder, error) {
	f := &feeder{gathered: make([][]kafka.Out, p.shards()), out: make([]chan []kafka.Out, p.shards())}
	producers := make([]*kafka.Producer, p.shards())
	for i := range producers {
		var err error
		if producers[i], err = p.client.NewProducer(ctx, kafka.ProducerConfig{Topic: p.input(), Partition: events.ShardID(i),
			TransactionalID: fmt.Sprintf("%s-feed-%d", p.name, i)}); err != nil {
			return nil, err
		}
	}
	f.senders, f.ctx = errgroup.WithContext(ctx)
	for i, producer := range producers {
		f.out[i] = make(chan []kafka.Out)
		f.senders.Go(func() error {
			for batch := range f.out[i] {
				if _, err := producer.AppendAmong(f.ctx, batch); err != nil {
					return fmt.Errorf("feed touchpoints: %w", err)
				}
			}
			return nil
		})
	}
	return f, nil
}

// put gathers a touchpoint and returns its partition.
func (f *feeder) put(t load.Touchpoint) events.ShardID {
	to := events.ShardOf(t.Customer, len(f.gathered))
	f.gathered[to] = append(f.gathered[to], kafka.Out{Key: []byte(t.Customer), Value: t.Value})
	return to
}

// hand gives what is gathered for a partition to its sender, waiting for it, or only if it is idle.
func (f *feeder) hand(to events.ShardID, wait bool) {
	batch := f.gathered[to]
	if len(batch) == 0 {
		return
	}
	if !wait {
		select {
		case f.out[to] <- batch:
			f.gathered[to] = nil
		default:
		}
		return
	}
	select {
	case f.out[to] <- batch:
		f.gathered[to] = nil
	case <-f.ctx.Done():
	}
}

// end hands over what is left and returns when all is acknowledged.
func (f *feeder) end() error {
	for to, out := range f.out {
		f.hand(events.ShardID(to), true)
		close(out)
	}
	err := f.senders.Wait()
	if err == nil {
		err = context.Cause(f.ctx)
		if f.whole() {
			err = nil
		}
	}
	return err
}

func (f *feeder) whole() bool {
	for _, rest := range f.gathered {
		if len(rest) > 0 {
			return false
		}
	}
	return true
}

// backlog writes so many touchpoints of the past, as fast as it goes, and returns how many bytes each has.
func (p *place) backlog(ctx context.Context, n int) (each float64, err error) {
	f, err := p.newFeeder(ctx)
	if err != nil {
		return 0, err
	}
	size := 0
	for i := 0; i < n && f.ctx.Err() == nil; i++ {
		t := p.feed.Next(nil)
		size += len(t.Value)
		if to := f.put(t); len(f.gathered[to]) >= feedBatch {
			f.hand(to, true)
		}
	}
	return float64(size) / float64(n), f.end()
}

// live writes touchpoints that happen now, evenly so many a second, until ctx ends or so long. It returns how many.
func (p *place) live(ctx context.Context, rate int, last time.Duration) (n int, err error) {
	f, err := p.newFeeder(context.WithoutCancel(ctx)) // what was sent is to stand there whole
	if err != nil {
		return 0, err
	}
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	began := time.Now()
	for ctx.Err() == nil && f.ctx.Err() == nil && time.Since(began) < last {
		for due := int(time.Since(began).Seconds() * float64(rate)); n < due; n++ {
			f.put(p.feed.At(events.At(time.Now()), nil))
		}
		for to := range f.out {
			f.hand(events.ShardID(to), false)
		}
		<-tick.C
	}
	return n, f.end()
}
