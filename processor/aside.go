package processor

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/processor/kafka"
)

// The headers of a parked record beside those it had. A record may be parked more than once; topic, partition and offset
// are its identity.
const (
	HeaderParkedReason    = "tf_parked_reason"
	HeaderParkedDetail    = "tf_parked_detail"
	HeaderParkedTopic     = "tf_parked_topic"
	HeaderParkedPartition = "tf_parked_partition"
	HeaderParkedOffset    = "tf_parked_offset"
)

// asides is what a shard has gathered that it does not fold: records to be parked, and those to be forwarded to their
// customer's shard.
type asides struct {
	parked    []kafka.Out
	forwarded map[events.ShardID][]kafka.Out
	keeps     bool // some of the batch that is being folded, so that it is not released
}

func (a *asides) empty() bool {
	for _, recs := range a.forwarded {
		if len(recs) > 0 {
			return false
		}
	}
	return len(a.parked) == 0
}

// park gathers a record that was refused.
func (a *asides) park(r *events.Record, why *events.Refusal, clock events.Instant) {
	hs := append(slices.Clone(r.Headers),
		events.Header{Key: HeaderParkedReason, Value: []byte(why.Reason.String())},
		events.Header{Key: HeaderParkedDetail, Value: []byte(why.Detail)},
		events.Header{Key: HeaderParkedTopic, Value: []byte(r.Topic)},
		events.Header{Key: HeaderParkedPartition, Value: strconv.AppendInt(nil, int64(r.Partition), 10)},
		events.Header{Key: HeaderParkedOffset, Value: strconv.AppendInt(nil, int64(r.Offset), 10)})
	a.keeps = true
	a.parked = append(a.parked, kafka.Out{Key: r.Key, Value: r.Value, Headers: hs, Time: clock})
}

// forward gathers a record that stands on another partition than its customer's. It is a duplicate if what it is a copy of
// stands there, or went there: an app with another number of shards has carried it away, and both would do so without end.
func (a *asides) forward(app string, r *events.Record, customer events.CustomerID, to events.ShardID, clock events.Instant) outcome {
	origin, again := events.OriginOf(r)
	if again && origin.Partition == to {
		return duplicate
	}
	hs := slices.Clone(r.Headers)
	if !again { // what a stranger put there and cannot be read would make ours unreadable too
		hs = events.AppendOrigin(slices.DeleteFunc(hs, namesOrigin), origin)
	}
	by := events.Header{Key: events.HeaderForwardedBy, Value: []byte(app)}
	if slices.ContainsFunc(hs, func(h events.Header) bool { return h.Key == by.Key && bytes.Equal(h.Value, by.Value) }) {
		return duplicate
	}
	hs = append(hs, by)
	if a.forwarded == nil {
		a.forwarded = map[events.ShardID][]kafka.Out{}
	}
	a.keeps = true
	a.forwarded[to] = append(a.forwarded[to], kafka.Out{Key: []byte(customer), Value: r.Value, Headers: hs, Time: clock})
	return forwarded
}

func namesOrigin(h events.Header) bool {
	return slices.Contains([]string{events.HeaderOriginTopic, events.HeaderOriginPartition, events.HeaderOriginOffset, events.HeaderOriginAppend,
		events.HeaderForwardedBy}, h.Key)
}

// flushAside writes what was gathered and returns when it is acknowledged.
func (s *shard) flushAside(ctx context.Context) error {
	return s.asides.flush(ctx, s.broker, s.config.Topics)
}

func (a *asides) flush(ctx context.Context, b appender, t Topics) error {
	if len(a.parked) > 0 {
		if _, err := b.Append(ctx, t.Parked, 0, a.parked); err != nil {
			return &outsideError{fmt.Errorf("park %d records in %s: %w", len(a.parked), t.Parked, err)}
		}
	}
	for to, recs := range a.forwarded {
		if len(recs) == 0 {
			continue
		}
		// gofail: var beforeForward struct{}
		if _, err := b.Append(ctx, t.Touchpoints, to, recs); err != nil {
			return &outsideError{fmt.Errorf("forward %d records to partition %d of %s: %w", len(recs), to, t.Touchpoints, err)}
		}
		// gofail: var afterForward struct{}
		clear(recs) // they hold on to the buffers that they were fetched in
		a.forwarded[to] = recs[:0]
	}
	clear(a.parked)
	a.parked = a.parked[:0]
	return nil
}

// appender is a *kafka.Client, or the model of one.
type appender interface {
	Append(ctx context.Context, topic string, p events.ShardID, recs []kafka.Out) (events.Offset, error)
}
