package kafka

import (
	"context"
	"errors"
	"maps"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/touchfold/touchfold/events"
)

func TestTopics(t *testing.T) {
	addrs := brokers(t)
	c, other := testClient(t, addrs), testClient(t, addrs)
	ctx := testContext(t)
	if err := c.Ping(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := other.DescribeTopic(ctx, "nosuch"); !errors.Is(err, ErrNoTopic) {
		t.Errorf("a topic that is not there: %v", err)
	}
	if _, err := other.Ranges(ctx, "nosuch"); !errors.Is(err, ErrNoTopic) {
		t.Errorf("ranges of a topic that is not there: %v", err)
	}
	name := newTopic(t, c, 3, "message.timestamp.type", "LogAppendTime", "retention.ms", "-1", "max.message.bytes", "2000000")
	if err := other.CreateTopic(ctx, Topic{Name: name, Partitions: 3, Replication: 1}); !errors.Is(err, ErrTopicExists) {
		t.Errorf("a topic that is there: %v", err)
	}
	err := c.CreateTopic(ctx, Topic{Name: name + "x", Configs: map[string]string{"cleanup.policy": "shred"}})
	if err == nil && os.Getenv("KAFKA_ADDR") != "" { // kfake takes anything
		t.Error("a config that makes no sense was accepted")
	}
	got, err := other.DescribeTopic(ctx, name) // a client whose cache is older than the topic
	if err != nil {
		t.Fatal(err)
	}
	for k, v := range map[string]string{"message.timestamp.type": "LogAppendTime", "retention.ms": "-1",
		"max.message.bytes": "2000000", "cleanup.policy": "delete", "retention.bytes": "-1"} {
		if got.Configs[k] != v {
			t.Errorf("%s is %q, not %q", k, got.Configs[k], v)
		}
	}
	if got.Configs["min.insync.replicas"] == "" {
		t.Error("min.insync.replicas is not said")
	}
	if got.Name != name || got.Partitions != 3 || (got.Replication != 1 && got.Replication != len(addrs)) {
		t.Errorf("described as %+v", got)
	}
	if base, err := c.Append(ctx, name, 2, out("a", "b")); err != nil || base != 0 {
		t.Fatal(base, err)
	}
	ranges, err := other.Ranges(ctx, name)
	if err != nil || len(ranges) != 3 || ranges[0] != (Range{}) || ranges[2] != (Range{First: 0, End: 2}) {
		t.Errorf("ranges %v, %v", ranges, err)
	}
}

// TestLogAppendTime: the time of a record is the broker's, whatever the producer wrote.
func TestLogAppendTime(t *testing.T) {
	c := testClient(t, brokers(t))
	ctx := testContext(t)
	broker := newTopic(t, c, 1, "message.timestamp.type", "LogAppendTime")
	producer := newTopic(t, c, 1, "message.timestamp.type", "CreateTime")
	recs := []Out{{Value: []byte("old"), Time: 1_000_000_000_000}, {Value: []byte("older"), Time: 900_000_000_000}}
	for _, topic := range []string{broker, producer} {
		before := events.At(time.Now())
		if _, err := c.Append(ctx, topic, 0, recs); err != nil {
			t.Fatal(err)
		}
		after := events.At(time.Now())
		for i, r := range readAll(t, c, topic, 0) {
			switch {
			case topic == producer && r.Append != recs[i].Time:
				t.Errorf("record %d of a topic with CreateTime is from %v", i, r.Append)
			case topic == broker && (r.Append < before || r.Append > after):
				t.Errorf("record %d of a topic with LogAppendTime is from %v, not between %v and %v", i, r.Append, before, after)
			}
		}
	}
}

func TestOffsets(t *testing.T) {
	c := testClient(t, brokers(t))
	ctx := testContext(t)
	topic := newTopic(t, c, 3)
	group := "g" + topic
	if got, err := c.CommittedOffsets(ctx, group, topic); err != nil || len(got) != 0 {
		t.Errorf("of a new group: %v, %v", got, err)
	}
	want := map[events.ShardID]events.Offset{0: 7, 2: 0}
	for range 2 {
		if err := c.CommitOffsets(ctx, group, topic, want); err != nil {
			t.Fatal(err)
		}
		got, err := c.CommittedOffsets(ctx, group, topic)
		if err != nil || !maps.Equal(got, want) {
			t.Errorf("committed %v, got %v, %v", want, got, err)
		}
		want[0] += 5
	}
}

// TestNobodyThere: what a stranger sees who forgot to start Kafka.
func TestNobodyThere(t *testing.T) {
	if _, err := New(Config{}); err == nil {
		t.Error("a client without brokers")
	}
	if _, err := New(Config{Brokers: []string{"localhost"}}); err == nil {
		t.Error("a broker without a port")
	}
	c := testClient(t, []string{"127.0.0.1:1"})
	ctx, cancel := context.WithTimeout(testContext(t), 5*time.Second)
	defer cancel()
	start := time.Now()
	err := c.Ping(ctx)
	if err == nil || !strings.Contains(err.Error(), "no Kafka answers at 127.0.0.1:1") || !strings.Contains(err.Error(), "refused") {
		t.Errorf("ping says %v", err)
	}
	if took := time.Since(start); took > 2*time.Second {
		t.Errorf("it took %v to see that nobody is there", took)
	}
}
