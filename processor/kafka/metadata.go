package kafka

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	kgo "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/metadata"

	"github.com/touchfold/touchfold/events"
)

// metadataRequest is kafka-go's metadata request under another type, because the transport answers its own from a
// cache, which does not know a topic made a second ago. It is sent as a request of one part, because the transport
// takes every metadata response that it meets for one to its own.
type (
	metadataRequest  metadata.Request
	metadataResponse struct{ *metadata.Response }
)

func (*metadataRequest) ApiKey() protocol.ApiKey           { return protocol.Metadata }
func (*metadataRequest) TypeKey() protocol.OverrideTypeKey { return 1 }

// Split is protocol.Splitter.
func (r *metadataRequest) Split(protocol.Cluster) ([]protocol.Message, protocol.Merger, error) {
	return []protocol.Message{r}, r, nil
}

// Merge is protocol.Merger.
func (*metadataRequest) Merge(_ []protocol.Message, results []any) (protocol.Message, error) {
	m, err := protocol.Result(results[0])
	if err != nil {
		return nil, err
	}
	return metadataResponse{m.(*metadata.Response)}, nil
}

// metadata asks a broker what it knows of these topics now; with an empty list of none.
func (c *Client) metadata(ctx context.Context, topics []string) (*metadata.Response, error) {
	m, err := c.send(ctx, &metadataRequest{TopicNames: topics}, 0)
	if err != nil {
		return nil, fmt.Errorf("ask for the metadata of %s: %w", cmp.Or(strings.Join(topics, " "), "the brokers"), err)
	}
	return m.(metadataResponse).Response, nil
}

// partitions are a topic's partitions in order of number, as a broker knows them now.
func (c *Client) partitions(ctx context.Context, topic string) ([]metadata.ResponsePartition, error) {
	m, err := c.metadata(ctx, []string{topic})
	if err != nil {
		return nil, err
	}
	for _, t := range m.Topics {
		if t.Name != topic {
			continue
		}
		if kgo.Error(t.ErrorCode) == kgo.UnknownTopicOrPartition {
			return nil, ErrNoTopic
		}
		if err := answered(t.ErrorCode); err != nil {
			return nil, err
		}
		slices.SortFunc(t.Partitions, func(a, b metadata.ResponsePartition) int {
			return int(a.PartitionIndex) - int(b.PartitionIndex)
		})
		return t.Partitions, nil
	}
	return nil, ErrNoTopic
}

// nobody stands for the broker of partitions whose leader is not known: asking it is asking for the leaders.
const nobody int32 = -1

// leader is the broker that leads a partition, nobody where there is none; epoch counts the partition's leaders.
type leader struct{ id, epoch int32 }

// leaders are those of a topic's partitions, by partition number.
func (c *Client) leaders(ctx context.Context, topic string) ([]leader, error) {
	parts, err := c.partitions(ctx, topic)
	if err != nil {
		return nil, err
	}
	out := make([]leader, len(parts))
	for i, p := range parts {
		out[i] = leader{p.LeaderID, p.LeaderEpoch}
	}
	return out, nil
}

// allLeaders are those of all partitions, or an error while one has none.
func (c *Client) allLeaders(ctx context.Context, topic string) ([]leader, error) {
	all, err := c.leaders(ctx, topic)
	for i, l := range all {
		if l.id == nobody {
			return nil, fmt.Errorf("partition %s: %w", partitionName(topic, events.ShardID(i)), kgo.LeaderNotAvailable)
		}
	}
	return all, err
}
