package kafka

import (
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
		return nil, fmt.Errorf("ask for metadata [%s]: %w", strings.Join(topics, " "), err)
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

// leaderIDs are the brokers that lead a topic's partitions, by partition number; nobody where there is none.
func (c *Client) leaderIDs(ctx context.Context, topic string) ([]int32, error) {
	parts, err := c.partitions(ctx, topic)
	if err != nil {
		return nil, err
	}
	ids := make([]int32, len(parts))
	for i, p := range parts {
		ids[i] = p.LeaderID
	}
	return ids, nil
}

// leaders are those of all partitions, or an error while one has none.
func (c *Client) leaders(ctx context.Context, topic string) ([]int32, error) {
	ids, err := c.leaderIDs(ctx, topic)
	if i := slices.Index(ids, nobody); i >= 0 {
		return nil, fmt.Errorf("partition %s: %w", partitionName(topic, events.ShardID(i)), kgo.LeaderNotAvailable)
	}
	return ids, err
}
