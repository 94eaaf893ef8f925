package kafka

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/segmentio/kafka-go/protocol"

	"github.com/touchfold/touchfold/events"
)

// The messages of the Fetch API, versions 0 to 11, as https://kafka.apache.org/protocol documents them. They differ
// from kafka-go's in that the records stay bytes.
type (
	fetchRequest struct {
		ReplicaID       int32            `kafka:"min=v0,max=v11"`
		MaxWaitTime     int32            `kafka:"min=v0,max=v11"`
		MinBytes        int32            `kafka:"min=v0,max=v11"`
		MaxBytes        int32            `kafka:"min=v3,max=v11"`
		IsolationLevel  int8             `kafka:"min=v4,max=v11"`
		SessionID       int32            `kafka:"min=v7,max=v11"`
		SessionEpoch    int32            `kafka:"min=v7,max=v11"`
		Topics          []fetchTopic     `kafka:"min=v0,max=v11"`
		ForgottenTopics []fetchForgotten `kafka:"min=v7,max=v11"`
		RackID          string           `kafka:"min=v11,max=v11"`

		leader int32 // the broker to ask
	}
	fetchTopic struct {
		Topic      string           `kafka:"min=v0,max=v11"`
		Partitions []fetchPartition `kafka:"min=v0,max=v11"`
	}
	fetchPartition struct {
		Partition          int32 `kafka:"min=v0,max=v11"`
		CurrentLeaderEpoch int32 `kafka:"min=v9,max=v11"`
		FetchOffset        int64 `kafka:"min=v0,max=v11"`
		LogStartOffset     int64 `kafka:"min=v5,max=v11"`
		PartitionMaxBytes  int32 `kafka:"min=v0,max=v11"`
	}
	fetchForgotten struct {
		Topic      string  `kafka:"min=v7,max=v11"`
		Partitions []int32 `kafka:"min=v7,max=v11"`
	}
	fetchResponse struct {
		ThrottleTimeMs int32          `kafka:"min=v1,max=v11"`
		ErrorCode      int16          `kafka:"min=v7,max=v11"`
		SessionID      int32          `kafka:"min=v7,max=v11"`
		Topics         []fetchedTopic `kafka:"min=v0,max=v11"`
	}
	fetchedTopic struct {
		Topic      string             `kafka:"min=v0,max=v11"`
		Partitions []fetchedPartition `kafka:"min=v0,max=v11"`
	}
	fetchedPartition struct {
		Partition            int32       `kafka:"min=v0,max=v11"`
		ErrorCode            int16       `kafka:"min=v0,max=v11"`
		HighWatermark        int64       `kafka:"min=v0,max=v11"`
		LastStableOffset     int64       `kafka:"min=v4,max=v11"`
		LogStartOffset       int64       `kafka:"min=v5,max=v11"`
		AbortedTransactions  []aborted   `kafka:"min=v4,max=v11"`
		PreferredReadReplica int32       `kafka:"min=v11,max=v11"`
		Records              recordBytes `kafka:"min=v0,max=v11"`
	}
	// aborted is a transaction that was aborted: what its producer wrote from First on, up to the abort marker.
	aborted struct {
		ProducerID int64 `kafka:"min=v4,max=v11"`
		First      int64 `kafka:"min=v4,max=v11"`
	}
)

func (*fetchRequest) ApiKey() protocol.ApiKey  { return protocol.Fetch }
func (*fetchResponse) ApiKey() protocol.ApiKey { return protocol.Fetch }

// Broker routes the request. The transport uses nothing but the id.
func (r *fetchRequest) Broker(protocol.Cluster) (protocol.Broker, error) {
	return protocol.Broker{ID: r.leader}, nil
}

// recordBytes are the record batches of one partition as they came, in a buffer of their own.
type recordBytes struct{ b []byte }

// maxRecordBytes is more than any broker sends: it only keeps a confused one from asking for 2 GB.
const maxRecordBytes = 1 << 30

func (r *recordBytes) ReadFrom(from io.Reader) (int64, error) {
	var size [4]byte
	if _, err := io.ReadFull(from, size[:]); err != nil {
		return 0, err
	}
	n := int32(binary.BigEndian.Uint32(size[:]))
	if n > maxRecordBytes {
		return 4, fmt.Errorf("broker announces %d bytes of records", n)
	}
	if n <= 0 {
		return 4, nil
	}
	r.b = takeWire(int(n))
	m, err := io.ReadFull(from, r.b)
	return int64(4 + m), err
}

func (r *recordBytes) WriteTo(io.Writer) (int64, error) {
	return 0, errors.New("a fetch response is never written")
}

// limits are the sizes and times of fetches.
type limits struct {
	minBytes, maxBytes, partitionBytes, memory int
	wait                                       time.Duration
}

// readCommitted makes the broker stop at the first open transaction and name the aborted ones.
const readCommitted = 1

func newFetchRequest(leader int32, topic string, l limits, wait time.Duration) *fetchRequest {
	return &fetchRequest{
		ReplicaID: -1, SessionEpoch: -1, IsolationLevel: readCommitted, leader: leader,
		MaxWaitTime: int32(wait.Milliseconds()), MinBytes: int32(l.minBytes), MaxBytes: int32(l.maxBytes),
		Topics: []fetchTopic{{Topic: topic}},
	}
}

// add asks for a partition too. A leader of another epoch refuses; -1 asks any.
func (r *fetchRequest) add(p events.ShardID, from events.Offset, epoch int32, bytes int) {
	t := &r.Topics[0]
	t.Partitions = append(t.Partitions, fetchPartition{
		Partition: int32(p), FetchOffset: int64(from), PartitionMaxBytes: int32(bytes),
		CurrentLeaderEpoch: epoch, LogStartOffset: -1,
	})
}

// fetch sends one request and gives the answered partitions by number.
func (c *Client) fetch(ctx context.Context, req *fetchRequest) (map[events.ShardID]*fetchedPartition, error) {
	m, err := c.send(ctx, req, time.Duration(req.MaxWaitTime)*time.Millisecond)
	if err != nil {
		return nil, err
	}
	res := m.(*fetchResponse)
	if err := answered(res.ErrorCode); err != nil {
		return nil, err
	}
	got := make(map[events.ShardID]*fetchedPartition)
	for i := range res.Topics {
		for j := range res.Topics[i].Partitions {
			p := &res.Topics[i].Partitions[j]
			got[events.ShardID(p.Partition)] = p
		}
	}
	return got, nil
}
