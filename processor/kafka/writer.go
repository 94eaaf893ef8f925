package kafka

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	kgo "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/produce"
	"github.com/segmentio/kafka-go/protocol/rawproduce"

	"github.com/touchfold/touchfold/events"
)

// maxBatch bounds the records of one batch, in bytes before compression; one record alone may be larger, up to the
// topic's max.message.bytes.
const maxBatch = 768 << 10

// writer writes to one partition, one batch at a time.
type writer struct {
	c         *Client
	topic     string
	partition events.ShardID
	stamp     stamp // of the next batch
	may       func() error
	buf       []byte
}

// written is what was acknowledged: n records, of which the first stands at base and the last before next.
type written struct {
	base, next events.Offset
	n          int
}

// write writes records in order, side by side unless it is among others. A batch that the topic does not admit is halved.
func (w *writer) write(ctx context.Context, recs []Out, among bool) (written, error) {
	done := written{base: -1, next: -1}
	for limit := maxBatch; done.n < len(recs); {
		n, size := fit(recs[done.n:], limit)
		first, err := w.writeBatch(ctx, recs[done.n:done.n+n])
		switch {
		case errors.Is(err, kgo.MessageSizeTooLarge) && n > 1:
			limit = size / 2
			continue
		case errors.Is(err, kgo.MessageSizeTooLarge):
			return done, fmt.Errorf("a record of %d bytes is more than the topic's max.message.bytes admits: %w", size, err)
		case err != nil:
			return done, err
		case done.n == 0:
			done.base = first
		case !among && first != done.next:
			return done, fmt.Errorf("write to partition %s: %w (records not side by side)", partitionName(w.topic, w.partition), ErrForeign)
		}
		w.stamp = w.stamp.after(n)
		done.n, done.next = done.n+n, first+events.Offset(n)
	}
	return done, nil
}

// after is the stamp of what follows n records. Of sequence numbers, 0 comes after 2^31-1.
func (s stamp) after(n int) stamp {
	if s.id >= 0 {
		s.seq = int32((int64(s.seq) + int64(n)) & (1<<31 - 1))
	}
	return s
}

// fit is how many of the records go into a batch of at most limit bytes, at least one, and their size.
func fit(recs []Out, limit int) (n, size int) {
	for n < len(recs) {
		// Within a batch the deltas take at most 15 bytes more than in a batch of one.
		s := recordSize(&recs[n], 0, n) + 15
		if n > 0 && size+s > limit {
			break
		}
		n, size = n+1, size+s
	}
	return n, size
}

// writeBatch writes one batch, the same bytes again and again until it is acknowledged or refused.
func (w *writer) writeBatch(ctx context.Context, recs []Out) (base events.Offset, err error) {
	const prefix = 4 // a size stands before the batch
	b, err := appendBatch(append(w.buf[:0], 0, 0, 0, 0), recs, events.At(time.Now()), w.stamp)
	if err != nil {
		return -1, err
	}
	binary.BigEndian.PutUint32(b, uint32(len(b)-prefix))
	attempts := 0
	err = w.c.retry(ctx, "write to partition "+partitionName(w.topic, w.partition), func() (err error) {
		if w.may != nil {
			if err := w.may(); err != nil {
				return fmt.Errorf("%w: %w", ErrInDoubt, err)
			}
		}
		attempts++
		base, err = w.send(ctx, b)
		return err
	})
	w.buf = b
	if attempts > 1 {
		w.buf = nil // an attempt that was given up may still be reading it
	}
	return base, err
}

func (w *writer) send(ctx context.Context, batch []byte) (base events.Offset, err error) {
	m, err := w.c.send(ctx, &rawproduce.Request{
		Acks:    -1,
		Timeout: int32((w.c.cfg.RequestTimeout - w.c.cfg.RequestTimeout/4).Milliseconds()), // so that its own answer comes in time
		Topics: []rawproduce.RequestTopic{{Topic: w.topic, Partitions: []rawproduce.RequestPartition{{
			Partition: int32(w.partition),
			RecordSet: protocol.RawRecordSet{Reader: bytes.NewReader(batch)},
		}}}},
	}, 0)
	if err != nil {
		return -1, err
	}
	res := m.(*produce.Response)
	if len(res.Topics) != 1 || len(res.Topics[0].Partitions) != 1 {
		return -1, fmt.Errorf("broker says nothing of partition %s", partitionName(w.topic, w.partition))
	}
	p := res.Topics[0].Partitions[0]
	base = events.Offset(p.BaseOffset)
	if kgo.Error(p.ErrorCode) != kgo.DuplicateSequenceNumber {
		return base, answered(p.ErrorCode)
	}
	if base < 0 { // an earlier attempt wrote it
		return -1, fmt.Errorf("%w (they were, at an offset that the broker forgot)", ErrInDoubt)
	}
	return base, nil
}
