package kafka

import (
	"context"
	"fmt"

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
func (c *Client) Range(ctx context.Context, topic string, p events.ShardID) (Range, error) {
	all, err := c.Ranges(ctx, topic)
	if err != nil {
		return Range{}, err
	}
	if int(p) >= len(all) {
		return Range{}, fmt.Errorf("topic %s has %d partitions, and number %d is asked for", topic, len(all), p)
	}
	return all[p], nil
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

// readOnce fetches what stands at an offset. It asks for the leader each time: tails are short.
func (c *Client) readOnce(ctx context.Context, topic string, p events.ShardID, from events.Offset, head func(Head, int)) (Batch, error) {
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
	return parseHeads(topic, p, from, part.Records.b, part.AbortedTransactions, head)
}
