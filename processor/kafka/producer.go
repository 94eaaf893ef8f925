package kafka

import (
	"context"
	"errors"
	"fmt"
	"time"

	kgo "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol/initproducerid"

	"github.com/touchfold/touchfold/events"
)

// ProducerConfig names a producer: of two with the same TransactionalID the later one shuts out the earlier.
type ProducerConfig struct {
	Topic           string
	Partition       events.ShardID
	TransactionalID string
	// May is asked before each attempt to write; an error of it ends the attempts. nil: always.
	May func() error
}

// Producer writes to one partition without doubling anything, and stops for good when another takes over. It uses no
// transactions: what is acknowledged can be read. It is not safe for concurrent use.
type Producer struct {
	w    *writer
	dead error // why it never writes again
}

// NewProducer takes the transactional id over: the epoch rises, and from this producer's first Append on the broker
// rejects the former owner.
func (c *Client) NewProducer(ctx context.Context, cfg ProducerConfig) (*Producer, error) {
	if cfg.Topic == "" || cfg.TransactionalID == "" {
		return nil, errors.New("a producer needs a topic and a transactional id")
	}
	w := &writer{c: c, topic: cfg.Topic, partition: cfg.Partition, may: cfg.May}
	err := c.retry(ctx, "take over the transactional id "+cfg.TransactionalID, func() error {
		m, err := c.send(ctx, &initproducerid.Request{
			TransactionalID:      cfg.TransactionalID,
			TransactionTimeoutMs: int32(time.Minute.Milliseconds()), // none is ever begun
			ProducerID:           -1, ProducerEpoch: -1,
		}, 0)
		if err != nil {
			return err
		}
		res := m.(*initproducerid.Response)
		w.stamp = stamp{id: res.ProducerID, epoch: res.ProducerEpoch}
		return answered(res.ErrorCode)
	})
	if err != nil {
		return nil, err
	}
	return &Producer{w: w}, nil
}

// ID is the producer id.
func (p *Producer) ID() int64 { return p.w.stamp.id }

// Epoch is the producer's epoch, the fence.
func (p *Producer) Epoch() int16 { return p.w.stamp.epoch }

// Append writes records in order, side by side, acknowledged by all in-sync replicas, each once. Base is the first
// one's offset, -1 without records. It tries again, with the same bytes and sequence numbers, until ctx ends; that with
// an answer outstanding is ErrInDoubt. After an error (a record larger than the topic takes excepted, if it was the
// first) the producer never writes again: some of the records may stand in the log, and only a new producer that reads
// the tail can tell.
func (p *Producer) Append(ctx context.Context, recs []Out) (base events.Offset, err error) {
	done, err := p.append(ctx, recs, false)
	return done.base, err
}

// AppendAmong is Append where others write too: the records stand in order and each once, but others' may stand between
// them. Next is the offset behind the last one, -1 without records.
func (p *Producer) AppendAmong(ctx context.Context, recs []Out) (next events.Offset, err error) {
	done, err := p.append(ctx, recs, true)
	return done.next, err
}

func (p *Producer) append(ctx context.Context, recs []Out, among bool) (written, error) {
	none := written{base: -1, next: -1}
	if p.dead != nil {
		return none, p.dead
	}
	done, err := p.w.write(ctx, recs, among)
	if err == nil || done.n == 0 && errors.Is(err, kgo.MessageSizeTooLarge) {
		return done, err
	}
	if ctx.Err() != nil && !errors.Is(err, ErrInDoubt) {
		err = fmt.Errorf("%w: %w", ErrInDoubt, err)
	}
	p.dead = err
	return none, err
}

// Append writes records to a partition in order, acknowledged by all in-sync replicas. Base is the first one's offset,
// -1 without records. An attempt whose answer was lost is repeated, so records may be doubled, and where others write
// too they need not stand side by side. After an error some may have been written.
func (c *Client) Append(ctx context.Context, topic string, p events.ShardID, recs []Out) (base events.Offset, err error) {
	w := &writer{c: c, topic: topic, partition: p, stamp: unstamped}
	done, err := w.write(ctx, recs, true)
	return done.base, err
}

// lastEpoch is the highest there is: what is written with it shuts out all epochs of a producer id.
const lastEpoch = 32767

// Retire writes rec as the last record of a producer id, in the highest epoch that there is: from then on the broker
// rejects whoever writes under that id. To do it again is harmless. Never retire an id that the coordinator still hands
// out: its owner could not write any more.
func (c *Client) Retire(ctx context.Context, topic string, p events.ShardID, id int64, rec Out) (events.Offset, error) {
	w := &writer{c: c, topic: topic, partition: p, stamp: stamp{id: id, epoch: lastEpoch}}
	done, err := w.write(ctx, []Out{rec}, false)
	if errors.Is(err, ErrInDoubt) && ctx.Err() == nil { // it stands there already
		return -1, nil
	}
	return done.base, err
}
