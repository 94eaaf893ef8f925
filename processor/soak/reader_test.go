package soak

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// record is a record as the independent reader finds it.
type record struct {
	partition int32
	offset    int64
	appended  time.Time
	key       string
	headers   map[string]string // of equal names the last
	value     []byte
	producer  int64
	epoch     int16
}

// readAll reads a topic from its beginning to its end, by partition.
func readAll(t *testing.T, brokers []string, topic string, isolation kgo.IsolationLevel) ([][]record, error) {
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	admin := newClient(t, brokers)
	defer admin.Close()
	ends, err := endsOf(ctx, admin, topic)
	if err != nil {
		return nil, err
	}
	begin := map[int32]kgo.Offset{}
	for p := range ends {
		begin[int32(p)] = kgo.NewOffset().AtStart()
	}
	client := newClient(t, brokers, kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: begin}),
		kgo.FetchIsolationLevel(isolation), kgo.KeepControlRecords())
	defer client.Close()
	all, next := make([][]record, len(ends)), make([]int64, len(ends))
	for !slices.EqualFunc(next, ends, func(at, end int64) bool { return at >= end }) {
		fetched := client.PollFetches(ctx)
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("read %s: %w: at %v of %v", topic, err, next, ends)
		}
		fetched.EachRecord(func(r *kgo.Record) {
			if next[r.Partition] = r.Offset + 1; r.Offset < ends[r.Partition] && !r.Attrs.IsControl() {
				all[r.Partition] = append(all[r.Partition], read(r))
			}
		})
	}
	return all, nil
}

func read(r *kgo.Record) record {
	x := record{partition: r.Partition, offset: r.Offset, appended: r.Timestamp, key: string(r.Key), value: r.Value,
		producer: r.ProducerID, epoch: r.ProducerEpoch, headers: map[string]string{}}
	for _, h := range r.Headers {
		x.headers[h.Key] = string(h.Value)
	}
	return x
}

// endsOf are the ends of a topic's partitions.
func endsOf(ctx context.Context, client *kgo.Client, topic string) ([]int64, error) {
	meta := kmsg.NewPtrMetadataRequest()
	named := kmsg.NewMetadataRequestTopic()
	named.Topic = &topic
	meta.Topics = append(meta.Topics, named)
	answer, err := meta.RequestWith(ctx, client)
	if err != nil {
		return nil, err
	}
	if err := kerr.ErrorForCode(answer.Topics[0].ErrorCode); err != nil {
		return nil, fmt.Errorf("describe %s: %w", topic, err)
	}
	list := kmsg.NewPtrListOffsetsRequest()
	of := kmsg.NewListOffsetsRequestTopic()
	of.Topic = topic
	for _, p := range answer.Topics[0].Partitions {
		one := kmsg.NewListOffsetsRequestTopicPartition()
		one.Partition, one.Timestamp = p.Partition, -1
		of.Partitions = append(of.Partitions, one)
	}
	list.Topics = append(list.Topics, of)
	ends := make([]int64, len(of.Partitions))
	for _, shard := range client.RequestSharded(ctx, list) {
		if shard.Err != nil {
			return nil, shard.Err
		}
		for _, p := range shard.Resp.(*kmsg.ListOffsetsResponse).Topics[0].Partitions {
			if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
				return nil, fmt.Errorf("the end of partition %d of %s: %w", p.Partition, topic, err)
			}
			ends[p.Partition] = p.Offset
		}
	}
	return ends, nil
}

// committed are the offsets that a group has committed, -1 where it has none.
func committed(ctx context.Context, client *kgo.Client, group, topic string, partitions int) ([]int64, error) {
	fetch := kmsg.NewPtrOffsetFetchRequest()
	fetch.Group = group
	of := kmsg.NewOffsetFetchRequestTopic()
	of.Topic = topic
	for p := range partitions {
		of.Partitions = append(of.Partitions, int32(p))
	}
	fetch.Topics = append(fetch.Topics, of)
	in := kmsg.NewOffsetFetchRequestGroup() // what newer brokers are asked by
	in.Group = group
	within := kmsg.NewOffsetFetchRequestGroupTopic()
	within.Topic, within.Partitions = topic, of.Partitions
	in.Topics = append(in.Topics, within)
	fetch.Groups = append(fetch.Groups, in)
	answer, err := fetch.RequestWith(ctx, client)
	if err != nil {
		return nil, err
	}
	at := slices.Repeat([]int64{-1}, partitions)
	for _, g := range answer.Groups {
		for _, topic := range g.Topics {
			for _, p := range topic.Partitions {
				at[p.Partition] = p.Offset
			}
		}
	}
	for _, topic := range answer.Topics {
		for _, p := range topic.Partitions {
			at[p.Partition] = p.Offset
		}
	}
	return at, nil
}
