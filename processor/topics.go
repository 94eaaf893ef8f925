package processor

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/processor/kafka"
)

const (
	logAppendTime = "LogAppendTime"
	createTime    = "CreateTime"
	// maxParked is the largest record batch of the parked topic that we create.
	maxParked = 16 << 20
	// parkedMore is how much longer than the input's largest record a parked one may be, for its headers.
	parkedMore = 64 << 10
	// createdWithin is how long a topic that was created may not be there.
	createdWithin = 15 * time.Second
	// brokersAhead is how far a broker's clock may be ahead of ours before we believe ours.
	brokersAhead = 5 * 60 * 1000 // ms
)

// layout is what the shards need to know of the topics.
type layout struct {
	shards int // partitions of the derived events, and of the touchpoints when those were created
	// partitions of the touchpoints. What stands on added ones is forwarded, for a customer's shard follows from the number
	// of shards.
	partitions int
	// ahead is how much later than our clock a record's append time may be; a later one is taken for that. A record may
	// carry a stranger's word even where the topic has LogAppendTime: it had not always.
	ahead events.Instant
}

// ensureTopics creates the topics that do not exist and refuses those that cannot serve.
func ensureTopics(ctx context.Context, c *Config) (layout, error) {
	in, err := ensure(ctx, c, c.Topics.Touchpoints, c.Topics.Partitions, nil)
	if err != nil {
		return layout{}, err
	}
	out, err := ensure(ctx, c, c.Topics.Events, in.Partitions, nil)
	if err != nil {
		return layout{}, err
	}
	largest := messageBytes(in) + parkedMore
	parked, err := ensure(ctx, c, c.Topics.Parked, 1, map[string]string{"max.message.bytes": strconv.Itoa(max(maxParked, largest))})
	if err != nil {
		return layout{}, err
	}
	faults := checkInput(c, in)
	faults = append(faults, checkOutput(c, in, out)...)
	if n := messageBytes(parked); n < largest {
		faults = append(faults, fmt.Errorf("topic %s takes record batches of up to %d bytes, and %s has such of %d: what cannot be read could not be parked: "+
			"set its max.message.bytes to %d or more", parked.Name, n, in.Name, messageBytes(in), largest))
	}
	if compacted(parked) {
		faults = append(faults, fmt.Errorf("topic %s is compacted, so what is parked would vanish: "+
			"set its cleanup.policy to delete, or name another topic in topics.parked", parked.Name))
	}
	l := layout{out.Partitions, in.Partitions, brokersAhead}
	switch {
	case c.Topics.CreateTime:
		l.ahead = math.MaxInt64 / 2 // the times are our own
	case in.Configs["message.timestamp.type"] != logAppendTime:
		l.ahead = 0
	}
	return l, errors.Join(faults...)
}

// messageBytes is the largest record batch that a topic takes; Kafka's default if the broker does not say.
func messageBytes(t kafka.Topic) int {
	if n, err := strconv.Atoi(t.Configs["max.message.bytes"]); err == nil {
		return n
	}
	return 1048588
}

// ensure describes a topic and creates it first if it does not exist.
func ensure(ctx context.Context, c *Config, name string, partitions int, more map[string]string) (kafka.Topic, error) {
	t, err := c.Client.DescribeTopic(ctx, name)
	if !errors.Is(err, kafka.ErrNoTopic) {
		return t, err
	}
	configs := map[string]string{"cleanup.policy": "delete", "retention.ms": "-1", "retention.bytes": "-1",
		"message.timestamp.type": logAppendTime}
	if c.Topics.CreateTime {
		configs["message.timestamp.type"] = createTime
	}
	for k, v := range more {
		configs[k] = v
	}
	err = c.Client.CreateTopic(ctx, kafka.Topic{Name: name, Partitions: partitions, Replication: c.Topics.Replication, Configs: configs})
	if err != nil && !errors.Is(err, kafka.ErrTopicExists) {
		return t, err
	}
	if err == nil {
		c.Log.Info().Str("topic", name).Int("partitions", partitions).Msg("topic created")
	}
	for began := time.Now(); ; { // one that another instance has just created may not be known to all brokers yet
		t, err := c.Client.DescribeTopic(ctx, name)
		if !errors.Is(err, kafka.ErrNoTopic) || time.Since(began) > createdWithin {
			return t, err
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return t, ctx.Err()
		}
	}
}

func checkInput(c *Config, in kafka.Topic) (faults []error) {
	if compacted(in) {
		faults = append(faults, fmt.Errorf("topic %s is compacted, so touchpoints of a customer would vanish: "+
			"set its cleanup.policy to delete, or name another topic in topics.touchpoints", in.Name))
	}
	if in.Configs["message.timestamp.type"] != logAppendTime && !c.Topics.CreateTime {
		c.Log.Warn().Str("topic", in.Name).Msg("the topic keeps the producers' times (CreateTime), which are clamped to the wall clock " +
			"and to their running maximum; with message.timestamp.type=LogAppendTime time is exact")
	}
	warnRetention(c, in)
	return faults
}

func checkOutput(c *Config, in, out kafka.Topic) (faults []error) {
	if out.Partitions > in.Partitions {
		faults = append(faults, fmt.Errorf("topic %s has %d partitions and %s has %d; they must have the same number: "+
			"name another topic in topics.events, or make it anew", out.Name, out.Partitions, in.Name, in.Partitions))
	}
	if compacted(out) {
		faults = append(faults, fmt.Errorf("topic %s is compacted, so it would not stay the record of what was said: "+
			"set its cleanup.policy to delete, or name another topic in topics.events", out.Name))
	}
	if out.Configs["message.timestamp.type"] != logAppendTime && !c.Topics.CreateTime {
		faults = append(faults, fmt.Errorf("topic %s keeps the producers' times (CreateTime), with which the broker forgets who owns a shard: "+
			"set its message.timestamp.type to LogAppendTime", out.Name))
	}
	warnRetention(c, out)
	return faults
}

func compacted(t kafka.Topic) bool { return strings.Contains(t.Configs["cleanup.policy"], "compact") }

// warnRetention: while there are no snapshots a shard whose store is lost is folded from the whole log.
func warnRetention(c *Config, t kafka.Topic) {
	ms, bytes := t.Configs["retention.ms"], t.Configs["retention.bytes"]
	if ms != "" && ms != "-1" || bytes != "" && bytes != "-1" {
		c.Log.Warn().Str("topic", t.Name).Str("retention_ms", ms).Str("retention_bytes", bytes).
			Msg("the topic does not keep everything; a store that is lost could not be made again: set retention.ms and retention.bytes to -1")
	}
}
