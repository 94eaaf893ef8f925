package rehearsal

import (
	"context"
	"fmt"

	"golang.org/x/sync/errgroup"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/processor/kafka"
)

const (
	// MaxValue is the largest touchpoint that can be fed, in bytes; the program parks it long before.
	MaxValue = 15 << 20
	// flushAt is how many bytes are gathered before they are appended.
	flushAt = 4 << 20
	// anyTime is later than all touchpoints, so that none is refused as too early and one without a time is told apart.
	anyTime events.Instant = 1 << 60
)

// feeder appends touchpoints to the partitions of their customers, stamped with the running maximum of their times.
type feeder struct {
	decoder    *events.Decoder
	event      events.Event // scratch
	stamp      events.Instant
	bytes      int // gathered
	partitions []partition
}

type partition struct {
	producer *kafka.Producer
	gathered []kafka.Out
	end      events.Offset
}

func newFeeder(ctx context.Context, r *Rehearsal) (feeder, error) {
	c := r.config.Config
	f := feeder{decoder: events.NewDecoder(events.DecoderConfig{Currency: c.Business.Currency}), stamp: 1,
		partitions: make([]partition, r.config.Shards)}
	for i := range f.partitions {
		var err error
		f.partitions[i].producer, err = r.client.NewProducer(ctx, kafka.ProducerConfig{Topic: c.Topics.Touchpoints,
			Partition: events.ShardID(i), TransactionalID: fmt.Sprintf("%s-rehearsal-%d", c.App, i)})
		if err != nil {
			return f, err
		}
	}
	return f, nil
}

// Feed takes a bare Segment message and keeps it. The result is the instant at which it is appended, the running
// maximum of the touchpoints' times; 0 if it was left out because it is later than Until. What cannot be read is fed
// too, for the program to park. It may stay gathered until Flush, Advance or Settle.
func (r *Rehearsal) Feed(ctx context.Context, value []byte) (events.Instant, error) {
	f := &r.feed
	if len(value) > MaxValue {
		return 0, fmt.Errorf("a touchpoint has %d bytes; at most %d can be fed", len(value), MaxValue)
	}
	out := kafka.Out{Value: value}
	shard := events.ShardID(0)
	if why := f.decoder.Decode(&events.Record{Append: anyTime, Value: value}, &f.event); why != nil {
		f.event.Type = events.Unknown
	} else {
		e := &f.event
		if !f.decoder.Notes().Has(events.NoTime) {
			if r.config.Until != 0 && e.Time > r.config.Until {
				return 0, nil
			}
			f.stamp = max(f.stamp, e.Time)
		}
		if e.Customer != "" {
			shard, out.Key = events.ShardOf(e.Customer, len(f.partitions)), []byte(e.Customer)
		}
	}
	out.Time = f.stamp
	f.gather(shard, out)
	if f.event.Type.OfWorld() && !f.decoder.Notes().Has(events.NoMessageID) {
		r.spread(out)
	}
	if f.bytes < flushAt {
		return f.stamp, nil
	}
	return f.stamp, r.Flush(ctx)
}

func (f *feeder) gather(shard events.ShardID, out kafka.Out) {
	p := &f.partitions[shard]
	p.gathered = append(p.gathered, out)
	f.bytes += len(out.Value) + 64
}

// spread has an event of the world, of which one stands on partition 0, stand on the others too, as the owner of that one
// would copy it there: so no shard passes its instant without it, however fast the others are. It has an id, by which the
// owner's copies are known.
func (r *Rehearsal) spread(out kafka.Out) {
	c, f := r.config.Config, &r.feed
	origin := events.Origin{Position: events.Position{Topic: c.Topics.Touchpoints}, Append: out.Time}
	out.Headers = append(events.AppendOrigin(nil, origin), events.Header{Key: events.HeaderForwardedBy, Value: []byte(c.App)})
	for p := 1; p < len(f.partitions); p++ {
		f.gather(events.ShardID(p), out)
	}
}

// Flush appends what was gathered. Only then does the clock follow: a shard that finds nothing to read may go up to the
// last touchpoint appended, and not beyond any that is to come.
func (r *Rehearsal) Flush(ctx context.Context) error {
	select {
	case <-r.done:
		return r.ended()
	default:
	}
	f := &r.feed
	appends, ctx := errgroup.WithContext(ctx)
	for i := range f.partitions {
		p := &f.partitions[i]
		if len(p.gathered) > 0 {
			appends.Go(func() error { return p.append(ctx) })
		}
	}
	if err := appends.Wait(); err != nil {
		return fmt.Errorf("feed touchpoints: %w", err)
	}
	f.bytes = 0
	r.clock.Store(int64(f.stamp))
	return nil
}

func (p *partition) append(ctx context.Context) error {
	end, err := p.producer.AppendAmong(ctx, p.gathered) // the program writes here too
	if err != nil {
		return err
	}
	p.end, p.gathered = end, nil
	return nil
}

// Advance appends what was gathered and moves the clock; what is fed afterwards is stamped with to or later. It does not
// wait for the shards: Settle does.
func (r *Rehearsal) Advance(ctx context.Context, to events.Instant) error {
	if to < r.feed.stamp {
		return fmt.Errorf("the clock cannot go to %s: it stands at %s", to, r.feed.stamp)
	}
	// First what has its own stamp: the clock must not pass it.
	if err := r.Flush(ctx); err != nil {
		return err
	}
	r.feed.stamp = to
	r.clock.Store(int64(to))
	return nil
}
