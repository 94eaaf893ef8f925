package kafka

import (
	"fmt"
	"testing"
	"time"

	"github.com/touchfold/touchfold/events"
)

// TestLeadersDie kills and restarts each node of a cluster of three in turn while partitions are written and read:
// every acknowledged record stands in the log once, in order, and is read once.
func TestLeadersDie(t *testing.T) {
	ownCluster(t)
	if len(brokers(t)) != 3 {
		t.Skip("needs a cluster of three: KAFKA_NODES=3")
	}
	c := testClient(t, brokers(t))
	const partitions, each = 6, 300
	topic := newTopic(t, c, partitions, "message.timestamp.type", "LogAppendTime")
	f := runFetcher(t, c, FetchConfig{Topic: topic, MaxWait: 100 * time.Millisecond})
	done := make(chan error, 2*partitions)
	for p := range events.ShardID(partitions) {
		in := f.Read(p, 0)
		go func() { done <- readOne(in, p, each) }()
		go func() { done <- writeSlowly(t, c, topic, p, each) }()
	}
	for node := 1; node <= 3; node++ {
		for _, args := range [][]string{{"kill", fmt.Sprint(node)}, {"start"}} {
			kafkaSh(t, args...)
		}
	}
	for range 2 * partitions {
		select {
		case err := <-done:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(2 * time.Minute):
			t.Fatal("somebody hangs")
		}
	}
}

// writeSlowly writes n records of a partition one by one over about 30 s, as an owner of a shard does.
func writeSlowly(t *testing.T, c *Client, topic string, partition events.ShardID, n int) error {
	ctx := t.Context()
	p, err := c.NewProducer(ctx, ProducerConfig{Topic: topic, Partition: partition, TransactionalID: fmt.Sprint(topic, partition)})
	if err != nil {
		return err
	}
	worst := time.Duration(0)
	for i := range n {
		start := time.Now()
		base, err := p.Append(ctx, out(fmt.Sprintf("%d/%d ", partition, i)))
		if err != nil || base != events.Offset(i) {
			return fmt.Errorf("partition %d: record %d at %d: %w", partition, i, base, err)
		}
		worst = max(worst, time.Since(start))
		time.Sleep(100 * time.Millisecond)
	}
	t.Logf("partition %d: the slowest of %d writes took %v", partition, n, worst.Round(time.Millisecond))
	return nil
}
