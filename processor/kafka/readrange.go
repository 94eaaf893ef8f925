package kafka

import (
	"context"
	"errors"
	"fmt"
	"time"

	kgo "github.com/segmentio/kafka-go"

	"github.com/touchfold/touchfold/events"
)

// Head is what a record batch says of itself.
type Head struct {
	Base       events.Offset // of the batch, also where its first records lie before what was asked for
	Last       events.Offset
	ProducerID int64 // -1: written without
	Epoch      int16
	CRC        uint32 // CRC-32C
}

// Range is what can be read of one partition.
func (c *Client) Range(ctx context.Context, topic string, p events.ShardID) (r Range, err error) {
	err = c.retry(ctx, "find the ends of partition "+partitionName(topic, p), func() error {
		leaders, err := c.leaders(ctx, topic)
		switch {
		case err != nil:
			return err
		case int(p) >= len(leaders):
			return fmt.Errorf("topic %s has %d partitions, and number %d is asked for: %w", topic, len(leaders), p, ErrNoTopic)
		case leaders[p].id == nobody:
			return kgo.LeaderNotAvailable
		}
		r, err = c.ends(ctx, topic, p)
		return err
	})
	return r, err
}

// Reach is Range of a partition that was read up to an offset. If its end lies before that, it is asked for again during
// some seconds: a broker that has just started, or begun to lead, may not know at once how far the log goes.
func (c *Client) Reach(ctx context.Context, topic string, p events.ShardID, offset events.Offset) (r Range, err error) {
	for waited := time.Duration(0); ; waited += behindPause { // a broker that does not answer is another matter
		if r, err = c.Range(ctx, topic, p); err != nil || r.End >= offset || waited >= c.cfg.behind {
			return r, err
		}
		if !sleep(ctx, behindPause) {
			return r, fmt.Errorf("wait until partition %s reaches offset %d again: %w", partitionName(topic, p), offset, context.Cause(ctx))
		}
	}
}

const (
	// behindFor is how long the end of a log may lie before what was read of it.
	behindFor   = 3 * time.Second
	behindPause = 100 * time.Millisecond // until it is asked for again
)

// BatchAt gives the head of the record batch that holds an offset: of an offset that was read, its CRC is for ever the
// same. It is ErrRemoved if the offset is not in the log any more, by retention or compaction, and ErrOtherLog if it is
// not there yet.
func (c *Client) BatchAt(ctx context.Context, topic string, p events.ShardID, offset events.Offset) (head Head, err error) {
	r, err := c.Range(ctx, topic, p)
	if err == nil {
		err = r.misses(offset)
	}
	if err == nil && offset == r.End {
		err = fmt.Errorf("the log ends there: %w", ErrOtherLog)
	}
	found := false
	if err == nil {
		err = c.ReadBatches(ctx, topic, p, offset, offset+1, func(h Head, _ []events.Record) error {
			head, found = h, true
			return nil
		})
	}
	if err == nil && !found {
		err = ErrRemoved
	}
	if err != nil {
		return Head{}, fmt.Errorf("find the record batch at offset %d of partition %s: %w", offset, partitionName(topic, p), err)
	}
	return head, nil
}

// misses is nil if reading can go on at an offset, which it can at the end too.
func (r Range) misses(offset events.Offset) error {
	switch {
	case offset < r.First:
		return fmt.Errorf("the log begins at %d: %w", r.First, ErrRemoved)
	case offset > r.End:
		return fmt.Errorf("the log ends at %d: %w", r.End, ErrOtherLog)
	}
	return nil
}

// explain says why a broker has not got an offset to read from.
func (c *Client) explain(ctx context.Context, topic string, p events.ShardID, offset events.Offset) error {
	r, err := c.Range(ctx, topic, p)
	if err == nil {
		err = r.misses(offset)
	}
	if err == nil { // it was not there a moment ago: the log grew over it
		err = ErrOtherLog
	}
	return fmt.Errorf("there is no offset %d: %w", offset, err)
}

// ReadRange calls f for each record of a partition from one offset up to before another, in order, and returns when
// they have been read or stepped over. It waits for records that are not written yet: ask Ranges for the end first.
// The records may be kept. An error of f ends it and comes out as it is.
func (c *Client) ReadRange(ctx context.Context, topic string, p events.ShardID, from, to events.Offset,
	f func(*events.Record) error) error {
	return c.ReadBatches(ctx, topic, p, from, to, func(_ Head, recs []events.Record) error {
		for i := range recs {
			if err := f(&recs[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

// ReadBatches is ReadRange by record batch: f gets the records of each that lie between the offsets, at least one.
func (c *Client) ReadBatches(ctx context.Context, topic string, p events.ShardID, from, to events.Offset,
	f func(h Head, recs []events.Record) error) error {
	type part struct {
		head Head
		upTo int
	}
	for next := from; next < to; {
		var b Batch
		var parts []part
		err := c.retry(ctx, "read partition "+partitionName(topic, p), func() (err error) {
			parts = parts[:0]
			b, err = c.readOnce(ctx, topic, p, next, func(h Head, upTo int) { parts = append(parts, part{h, upTo}) })
			return err
		})
		if errors.Is(err, errOffset) {
			err = fmt.Errorf("read partition %s: %w", partitionName(topic, p), c.explain(ctx, topic, p, next))
		}
		if err != nil {
			return err
		}
		next = b.Next
		first := 0
		for _, part := range parts {
			recs := b.Records[first:part.upTo]
			first = part.upTo
			for len(recs) > 0 && recs[len(recs)-1].Offset >= to {
				recs = recs[:len(recs)-1]
			}
			if len(recs) == 0 {
				continue
			}
			if err := f(part.head, recs); err != nil {
				return err
			}
		}
	}
	return nil
}

// What one fetch of readOnce brings at most, but for a larger record batch: on the wire and in memory.
const (
	readOnceBytes  = 4 << 20
	readOnceMemory = 16 << 20
)

// readOnce fetches what stands at an offset. It asks for the leader each time: tails are short.
func (c *Client) readOnce(ctx context.Context, topic string, p events.ShardID, from events.Offset, head func(Head, int)) (Batch, error) {
	leaders, err := c.leaders(ctx, topic)
	if err != nil {
		return Batch{}, err
	}
	if int(p) >= len(leaders) || leaders[p].id == nobody {
		return Batch{}, kgo.LeaderNotAvailable
	}
	req := newFetchRequest(leaders[p].id, topic, defaultLimits, defaultLimits.wait)
	req.add(p, from, leaders[p].epoch, readOnceBytes)
	got, err := c.fetch(ctx, req)
	if err != nil {
		return Batch{}, err
	}
	part := got[p]
	if part == nil {
		return Batch{}, fmt.Errorf("broker says nothing of partition %s", partitionName(topic, p))
	}
	if err := answered(part.ErrorCode); err != nil {
		return Batch{}, err
	}
	return parse(fetched{topic, p, from, part.Records.b, part.AbortedTransactions}, readOnceMemory, head)
}
