package soak

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/events/hostile"
)

// marking is the header by which the records of the driver are known again: its sequence number, and of poison the
// reason for which it must be parked.
const marking = "soak"

// poison is a record that must be parked.
type poison struct {
	reason  string
	headers [][2]string
	value   []byte
}

// poisons are the hostile records that are refused whenever they are appended.
func poisons() (all []poison) {
	for _, c := range hostile.Cases() {
		if c.Accepted || c.Reason == events.FutureTime {
			continue
		}
		p := poison{reason: c.Reason.String(), value: c.Record.Value}
		for _, h := range c.Record.Headers {
			p.headers = append(p.headers, [2]string{h.Key, string(h.Value)})
		}
		all = append(all, p)
	}
	future := `{"type":"page","messageId":"m","userId":"c","timestamp":"9999-12-31T23:59:59Z"}`
	return append(all, poison{reason: events.FutureTime.String(), value: []byte(future)})
}

func (f *feed) poisoned() touch {
	p := f.poison[f.rng.IntN(len(f.poison))]
	return touch{poison: p.reason, headers: p.headers, value: p.value, draw: f.rng.IntN(1 << 20)}
}

// driver writes what a feed draws, straight to the brokers.
type driver struct {
	client  *kgo.Client
	topic   string
	shards  int
	feed    *feed
	figures *figures
	lost    func(error) // what could not be written
}

func newClient(t *testing.T, brokers []string, more ...kgo.Opt) *kgo.Client {
	t.Helper()
	client, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(brokers...), kgo.MetadataMinAge(200 * time.Millisecond)}, more...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

// shardOf is the partition that Kafka's own partitioner, as franz-go has it, gives a customer.
func shardOf(customer string, shards int) int32 {
	return int32(kgo.StickyKeyPartitioner(nil).ForTopic("").Partition(&kgo.Record{Key: []byte(customer)}, shards))
}

// write writes n touchpoints, or as many as the rate gives until ctx ends, and returns when all are acknowledged.
func (d *driver) write(ctx context.Context, n, rate int) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	began, sent := time.Now(), 0
	for n == 0 || sent < n {
		due := n
		if rate > 0 {
			due = int(time.Since(began).Seconds() * float64(rate))
		}
		for ; sent < due && ctx.Err() == nil; sent++ {
			d.produce(d.feed.next())
		}
		if ctx.Err() != nil {
			break
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
	flush, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Minute)
	defer cancel()
	return d.client.Flush(flush)
}

func (d *driver) produce(t touch) {
	r := &kgo.Record{Topic: d.topic, Key: []byte(t.customer), Value: t.value, Partition: int32(t.draw % d.shards)}
	if t.customer != "" && !t.astray {
		r.Partition = shardOf(t.customer, d.shards)
	}
	for _, h := range t.headers {
		r.Headers = append(r.Headers, kgo.RecordHeader{Key: h[0], Value: []byte(h[1])})
	}
	kind := "touchpoints written"
	name := fmt.Sprint(t.sequence)
	if t.poison != "" {
		name, kind = name+" "+t.poison, "poison written"
	}
	r.Headers = append(r.Headers, kgo.RecordHeader{Key: marking, Value: []byte(name)})
	d.figures.count(kind)
	d.client.Produce(context.Background(), r, func(_ *kgo.Record, err error) {
		if err != nil {
			d.lost(err)
		}
	})
}

// createTopic makes the topic of touchpoints, as the program would make it: it must be there before, for its past.
func createTopic(ctx context.Context, client *kgo.Client, name string, partitions, replication int) error {
	topic := kmsg.NewCreateTopicsRequestTopic()
	topic.Topic, topic.NumPartitions, topic.ReplicationFactor = name, int32(partitions), int16(replication)
	for key, value := range map[string]string{"message.timestamp.type": "LogAppendTime", "retention.ms": "-1", "retention.bytes": "-1"} {
		config := kmsg.NewCreateTopicsRequestTopicConfig()
		config.Name, config.Value = key, &value
		topic.Configs = append(topic.Configs, config)
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	request := kmsg.NewPtrCreateTopicsRequest()
	request.Topics, request.TimeoutMillis = append(request.Topics, topic), 30000
	for {
		answer, err := request.RequestWith(ctx, client)
		if err == nil {
			err = kerr.ErrorForCode(answer.Topics[0].ErrorCode)
		}
		if err == nil {
			return nil
		}
		select { // a cluster that has just begun may not listen, or not have all of its brokers
		case <-time.After(200 * time.Millisecond):
		case <-ctx.Done():
			return err
		}
	}
}
