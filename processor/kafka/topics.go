package kafka

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	kgo "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol/listoffsets"

	"github.com/touchfold/touchfold/events"
)

// Topic is a topic as it is to be, or is. Configs have Kafka's names and values.
type Topic struct {
	Name                    string
	Partitions, Replication int // 0 on creation: the broker's default
	Configs                 map[string]string
}

// topicConfigs are those that DescribeTopic asks for.
var topicConfigs = []string{"cleanup.policy", "max.message.bytes", "message.timestamp.type", "min.insync.replicas",
	"retention.bytes", "retention.ms"}

// Range is what of a partition can be read: First up to before End (the high watermark).
type Range struct{ First, End events.Offset }

// CreateTopic creates a topic and waits until each partition has a leader. It is ErrTopicExists if it exists.
func (c *Client) CreateTopic(ctx context.Context, t Topic) error {
	cfg := kgo.TopicConfig{Topic: t.Name, NumPartitions: t.Partitions, ReplicationFactor: t.Replication}
	if t.Partitions == 0 {
		cfg.NumPartitions = -1
	}
	if t.Replication == 0 {
		cfg.ReplicationFactor = -1
	}
	for _, k := range slices.Sorted(maps.Keys(t.Configs)) {
		cfg.ConfigEntries = append(cfg.ConfigEntries, kgo.ConfigEntry{ConfigName: k, ConfigValue: t.Configs[k]})
	}
	tried := false
	err := c.retry(ctx, "create topic "+t.Name, func() error {
		res, err := c.api.CreateTopics(ctx, &kgo.CreateTopicsRequest{Topics: []kgo.TopicConfig{cfg}})
		if err == nil {
			err = res.Errors[t.Name]
		}
		if errors.Is(err, kgo.TopicAlreadyExists) {
			if tried { // by the attempt whose answer was lost
				return nil
			}
			return ErrTopicExists
		}
		tried = true
		return err
	})
	if err != nil {
		return err
	}
	return c.retry(ctx, "wait for the leaders of topic "+t.Name, func() error {
		_, err := c.allLeaders(ctx, t.Name)
		if errors.Is(err, ErrNoTopic) { // this broker has not heard of it yet
			return kgo.UnknownTopicOrPartition
		}
		return err
	})
}

// DescribeTopic says how a topic is; Configs hold the values in force, defaults too. It is ErrNoTopic if there is none.
func (c *Client) DescribeTopic(ctx context.Context, name string) (Topic, error) {
	t := Topic{Name: name, Configs: make(map[string]string)}
	err := c.retry(ctx, "describe topic "+name, func() error {
		parts, err := c.partitions(ctx, name)
		if err != nil {
			return err
		}
		t.Partitions, t.Replication = len(parts), 0
		for _, p := range parts {
			t.Replication = max(t.Replication, len(p.ReplicaNodes))
		}
		res, err := c.api.DescribeConfigs(ctx, &kgo.DescribeConfigsRequest{Resources: []kgo.DescribeConfigRequestResource{
			{ResourceType: kgo.ResourceTypeTopic, ResourceName: name, ConfigNames: topicConfigs}}})
		if err != nil {
			return err
		}
		for _, r := range res.Resources {
			if r.Error != nil {
				return r.Error
			}
			for _, e := range r.ConfigEntries {
				t.Configs[e.ConfigName] = e.ConfigValue
			}
		}
		return nil
	})
	return t, err
}

// Ranges gives what can be read of each partition, by its number.
func (c *Client) Ranges(ctx context.Context, topic string) ([]Range, error) {
	var ranges []Range
	err := c.retry(ctx, "find the ends of topic "+topic, func() error {
		leaders, err := c.allLeaders(ctx, topic)
		if err != nil {
			return err
		}
		ranges = make([]Range, len(leaders))
		for p := range ranges {
			if ranges[p], err = c.ends(ctx, topic, events.ShardID(p)); err != nil {
				return err
			}
		}
		return nil
	})
	return ranges, err
}

// ends are the first offset and the end of one partition. Kafka-go asks for each on its own in any case.
func (c *Client) ends(ctx context.Context, topic string, p events.ShardID) (r Range, err error) {
	if r.First, err = c.listOffset(ctx, topic, p, kgo.FirstOffset); err != nil {
		return Range{}, err
	}
	r.End, err = c.listOffset(ctx, topic, p, kgo.LastOffset)
	return r, err
}

func (c *Client) listOffset(ctx context.Context, topic string, p events.ShardID, which int64) (events.Offset, error) {
	m, err := c.send(ctx, &listoffsets.Request{ReplicaID: -1, Topics: []listoffsets.RequestTopic{{
		Topic:      topic,
		Partitions: []listoffsets.RequestPartition{{Partition: int32(p), CurrentLeaderEpoch: -1, Timestamp: which}},
	}}}, 0)
	if err != nil {
		return 0, err
	}
	res := m.(*listoffsets.Response)
	if len(res.Topics) != 1 || len(res.Topics[0].Partitions) != 1 {
		return 0, fmt.Errorf("broker says nothing of partition %s", partitionName(topic, p))
	}
	r := res.Topics[0].Partitions[0]
	return events.Offset(r.Offset), answered(r.ErrorCode)
}

// DeleteTopics deletes topics with all that stands in them; one that is not there is no error. For what was made to be thrown
// away.
func (c *Client) DeleteTopics(ctx context.Context, names ...string) error {
	return c.retry(ctx, "delete topics", func() error {
		res, err := c.api.DeleteTopics(ctx, &kgo.DeleteTopicsRequest{Topics: names})
		if err != nil {
			return err
		}
		for name, e := range res.Errors {
			if e != nil && !errors.Is(e, kgo.UnknownTopicOrPartition) {
				err = errors.Join(err, fmt.Errorf("topic %s: %w", name, e))
			}
		}
		return err
	})
}

// DeleteGroup deletes a consumer group that has no members any more; one that is not there is no error.
func (c *Client) DeleteGroup(ctx context.Context, group string) error {
	return c.retry(ctx, "delete group "+group, func() error {
		res, err := c.api.DeleteGroups(ctx, &kgo.DeleteGroupsRequest{GroupIDs: []string{group}})
		if err != nil {
			return err
		}
		if err = res.Errors[group]; errors.Is(err, kgo.GroupIdNotFound) {
			return nil
		}
		return err
	})
}
