package kafka

import (
	"context"
	"errors"
	"maps"
	"slices"

	kgo "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol/offsetcommit"
	"github.com/segmentio/kafka-go/protocol/offsetfetch"

	"github.com/touchfold/touchfold/events"
)

// CommitOffsets tells the group coordinator where each partition's reading goes on, for tools that show lag. It is the
// commit of a consumer that manages its partitions itself: the group must have no members. Else use Generation.Commit.
func (c *Client) CommitOffsets(ctx context.Context, group, topic string, next map[events.ShardID]events.Offset) error {
	return c.commit(ctx, group, topic, &Generation{ID: -1}, next)
}

func (c *Client) commit(ctx context.Context, group, topic string, g *Generation, next map[events.ShardID]events.Offset) error {
	t := offsetcommit.RequestTopic{Name: topic}
	for _, p := range slices.Sorted(maps.Keys(next)) {
		t.Partitions = append(t.Partitions, offsetcommit.RequestPartition{
			PartitionIndex: int32(p), CommittedOffset: int64(next[p]), CommittedLeaderEpoch: -1,
		})
	}
	return c.retry(ctx, "commit offsets of group "+group, func() error {
		m, err := c.send(ctx, &offsetcommit.Request{
			GroupID: group, GenerationID: g.ID, MemberID: g.Member, RetentionTimeMs: -1, Topics: []offsetcommit.RequestTopic{t},
		}, 0)
		if err != nil {
			return err
		}
		for _, t := range m.(*offsetcommit.Response).Topics {
			for _, p := range t.Partitions {
				if err := answered(p.ErrorCode); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// CommittedOffsets are the offsets committed for a group; partitions without one are left out.
func (c *Client) CommittedOffsets(ctx context.Context, group, topic string) (map[events.ShardID]events.Offset, error) {
	next := make(map[events.ShardID]events.Offset)
	err := c.retry(ctx, "ask for the offsets of group "+group, func() error {
		parts, err := c.partitions(ctx, topic)
		if err != nil {
			return err
		}
		t := offsetfetch.RequestTopic{Name: topic}
		for _, p := range parts {
			t.PartitionIndexes = append(t.PartitionIndexes, p.PartitionIndex)
		}
		m, err := c.send(ctx, &offsetfetch.Request{GroupID: group, Topics: []offsetfetch.RequestTopic{t}}, 0)
		if err != nil {
			return err
		}
		res := m.(*offsetfetch.Response)
		if err = answered(res.ErrorCode); errors.Is(err, kgo.GroupIdNotFound) { // kfake; a Kafka says "no offsets"
			return nil
		}
		for _, t := range res.Topics {
			for _, p := range t.Partitions {
				err = errors.Join(err, answered(p.ErrorCode))
				if p.CommittedOffset >= 0 {
					next[events.ShardID(p.PartitionIndex)] = events.Offset(p.CommittedOffset)
				}
			}
		}
		return err
	})
	return next, err
}
