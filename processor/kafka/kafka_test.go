package kafka

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"
	kgo "github.com/segmentio/kafka-go"
	fkgo "github.com/twmb/franz-go/pkg/kgo"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/processor/localkafka"
)

// brokers are the addresses that KAFKA_ADDR names, or that of a broker of this test's own.
func brokers(t testing.TB) []string {
	t.Helper()
	if a := os.Getenv("KAFKA_ADDR"); a != "" {
		return strings.Split(a, ",")
	}
	b, err := localkafka.Start(localkafka.Config{Listen: "127.0.0.1:0", Log: testLog(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return []string{b.Addr()}
}

// realOnly skips what only a real Kafka does.
func realOnly(t testing.TB) {
	if os.Getenv("KAFKA_ADDR") == "" {
		t.Skip("needs a real Kafka: start one with scripts/kafka.sh and name it in KAFKA_ADDR")
	}
}

func testLog(t testing.TB) zerolog.Logger {
	return zerolog.New(zerolog.NewTestWriter(t)).Level(zerolog.WarnLevel)
}

func testClient(t testing.TB, addrs []string) *Client {
	t.Helper()
	c, err := New(Config{Brokers: addrs, ClientID: "test", Log: testLog(t), behind: 200 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func testContext(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

var topics atomic.Int64

// newTopic creates a topic with a name of its own; configs are name, value, name, value …
func newTopic(t testing.TB, c *Client, partitions int, configs ...string) string {
	t.Helper()
	topic := Topic{Name: fmt.Sprintf("t%d-%d", time.Now().UnixNano(), topics.Add(1)), Partitions: partitions,
		Configs: make(map[string]string)}
	for i := 0; i+1 < len(configs); i += 2 {
		topic.Configs[configs[i]] = configs[i+1]
	}
	if err := c.CreateTopic(testContext(t), topic); err != nil {
		t.Fatal(err)
	}
	return topic.Name
}

// franz is a client of another make, as the independent reader and writer.
func franz(t testing.TB, addrs []string, opts ...fkgo.Opt) *fkgo.Client {
	t.Helper()
	c, err := fkgo.NewClient(append([]fkgo.Opt{fkgo.SeedBrokers(addrs...), fkgo.RecordPartitioner(fkgo.ManualPartitioner()),
		fkgo.ProducerBatchMaxBytes(15 << 20), fkgo.BrokerMaxWriteBytes(64 << 20)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.CloseAllowingRebalance)
	return c
}

// franzRead reads n records of a partition from an offset on.
func franzRead(t testing.TB, addrs []string, topic string, p int32, from int64, n int) []*fkgo.Record {
	t.Helper()
	c := franz(t, addrs, fkgo.FetchMaxBytes(32<<20), fkgo.FetchMaxPartitionBytes(16<<20),
		fkgo.ConsumePartitions(map[string]map[int32]fkgo.Offset{topic: {p: fkgo.NewOffset().At(from)}}))
	ctx := testContext(t)
	var out []*fkgo.Record
	for len(out) < n {
		fs := c.PollFetches(ctx)
		if err := fs.Err(); err != nil {
			t.Fatal(err)
		}
		out = append(out, fs.Records()...)
	}
	return out
}

// readAll reads a partition to its end.
func readAll(t testing.TB, c *Client, topic string, p events.ShardID) []events.Record {
	t.Helper()
	ctx := testContext(t)
	ranges, err := c.Ranges(ctx, topic)
	if err != nil {
		t.Fatal(err)
	}
	var out []events.Record
	err = c.ReadRange(ctx, topic, p, ranges[p].First, ranges[p].End, func(r *events.Record) error {
		out = append(out, *r)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// runFetcher runs a fetcher until the test ends.
func runFetcher(t testing.TB, c *Client, cfg FetchConfig) *Fetcher {
	t.Helper()
	f, err := c.NewFetcher(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- f.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return f
}

// next is the next batch with records or an error.
func next(t testing.TB, in <-chan Batch) Batch {
	t.Helper()
	late := time.After(30 * time.Second)
	for {
		select {
		case b, ok := <-in:
			if !ok {
				t.Fatal("the channel was closed")
			}
			if len(b.Records) > 0 || b.Err != nil {
				return b
			}
		case <-late:
			t.Fatal("no batch within 30 s")
		}
	}
}

func values(recs []events.Record) string {
	var s []string
	for _, r := range recs {
		s = append(s, string(r.Value))
	}
	return strings.Join(s, " ")
}

// lines gathers a log.
type lines struct {
	mu  sync.Mutex
	all []string
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, string(b))
	return len(b), nil
}

func (l *lines) count(what string) (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range l.all {
		if strings.Contains(s, what) {
			n++
		}
	}
	return n
}

// addPartitions makes a topic have n partitions.
func addPartitions(t testing.TB, c *Client, topic string, n int32) {
	t.Helper()
	res, err := c.api.CreatePartitions(testContext(t), &kgo.CreatePartitionsRequest{
		Topics: []kgo.TopicPartitionsConfig{{Name: topic, Count: n}}})
	if err == nil {
		err = res.Errors[topic]
	}
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the partitions are there", func() bool {
		parts, err := c.partitions(testContext(t), topic)
		return err == nil && len(parts) == int(n)
	})
}
