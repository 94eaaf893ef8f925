package processor

import (
	"context"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/processor/kafka"
)

// broker is what a shard asks of Kafka beside its input: a *kafka.Client, or the model of one that simulations run on.
type broker interface {
	// Range is what can be read of a partition.
	Range(ctx context.Context, topic string, p events.ShardID) (kafka.Range, error)
	// Reach is Range of a partition that was read up to an offset. If its end lies before that, it is asked for again during
	// some seconds, for a broker may not know at once how far the log goes.
	Reach(ctx context.Context, topic string, p events.ShardID, offset events.Offset) (kafka.Range, error)
	// ReadBatches calls f for each record batch with records from one offset up to before another.
	ReadBatches(ctx context.Context, topic string, p events.ShardID, from, to events.Offset, f func(h kafka.Head, recs []events.Record) error) error
	// NewProducer takes a transactional id over.
	NewProducer(ctx context.Context, c kafka.ProducerConfig) (producer, error)
	// Retire writes rec as a producer id's last record: nobody writes under that id any more.
	Retire(ctx context.Context, topic string, p events.ShardID, id int64, rec kafka.Out) (events.Offset, error)
	// Append writes records that may be doubled.
	Append(ctx context.Context, topic string, p events.ShardID, recs []kafka.Out) (events.Offset, error)
}

// producer is a *kafka.Producer, or the model of one.
type producer interface {
	ID() int64
	Epoch() int16
	// Append writes records side by side, each once. After an error the producer never writes again.
	Append(ctx context.Context, recs []kafka.Out) (base events.Offset, err error)
}

// cluster is a *kafka.Client as a broker.
type cluster struct{ *kafka.Client }

func (c cluster) NewProducer(ctx context.Context, pc kafka.ProducerConfig) (producer, error) {
	p, err := c.Client.NewProducer(ctx, pc)
	if err != nil {
		return nil, err
	}
	return p, nil
}
