package kafka

import (
	"context"
	"fmt"

	kgo "github.com/segmentio/kafka-go"

	"github.com/touchfold/touchfold/events"
)

// ReadRange calls f for each record of a partition from one offset up to before another, in order, and returns when
// they have been read or stepped over. It waits for records that are not written yet: ask Ranges for the end first.
// The records may be kept. An error of f ends it and comes out as it is.
func (c *Client) ReadRange(ctx context.Context, topic string, p events.ShardID, from, to events.Offset,
	f func(*events.Record) error) error {
	for next := from; next < to; {
		var b Batch
		err := c.retry(ctx, "read partition "+partitionName(topic, p), func() (err error) {
			b, err = c.readOnce(ctx, topic, p, next)
			return err
		})
		if err != nil {
			return err
		}
		next = b.Next
		for i := range b.Records {
			if b.Records[i].Offset >= to {
				return nil
			}
			if err := f(&b.Records[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

// readOnce fetches what stands at an offset. It asks for the leader each time: tails are short.
func (c *Client) readOnce(ctx context.Context, topic string, p events.ShardID, from events.Offset) (Batch, error) {
	ids, err := c.leaderIDs(ctx, topic)
	if err != nil {
		return Batch{}, err
	}
	if int(p) >= len(ids) || ids[p] == nobody {
		return Batch{}, kgo.LeaderNotAvailable
	}
	lim := defaultLimits
	lim.partitionBytes = 4 << 20
	req := newFetchRequest(ids[p], topic, lim)
	req.add(p, from, lim)
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
	return parse(topic, p, from, part.Records.b, part.AbortedTransactions)
}
