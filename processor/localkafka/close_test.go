package localkafka

import (
	"context"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// TestCloseWhileProducing: a record that is acknowledged while the broker closes stands in the log when it is opened
// again.
func TestCloseWhileProducing(t *testing.T) {
	dir := t.TempDir()
	b, err := Start(Config{Listen: "127.0.0.1:0", Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	looking, goOn := make(chan struct{}), make(chan struct{})
	b.stamper.now = func() time.Time {
		close(looking)
		<-goOn
		return time.Now()
	}
	cl, err := kgo.NewClient(kgo.SeedBrokers(b.Addr()), kgo.RecordRetries(0), kgo.DisableIdempotentWrite(),
		kgo.MaxProduceRequestsInflightPerBroker(1), kgo.RecordDeliveryTimeout(2*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	createAppendTimeTopic(t, cl)
	answer := make(chan *kgo.Record, 1)
	cl.Produce(t.Context(), &kgo.Record{Topic: "t", Value: []byte("v")}, func(r *kgo.Record, err error) {
		if err != nil {
			r = nil
		}
		answer <- r
	})
	<-looking
	closed := make(chan error, 1)
	go func() { closed <- b.Close() }()
	var early error
	select { // to be closed while a batch is looked at is what must not happen
	case early = <-closed:
		closed <- early
	case <-time.After(300 * time.Millisecond):
	}
	close(goOn)
	if err := <-closed; err != nil {
		t.Fatal(err)
	}
	acked := map[int64]string{}
	if r := <-answer; r != nil {
		acked[r.Offset] = string(r.Value)
	}
	checkAcked(t, dir, acked)
	if ends := ends(t, dir); ends != int64(len(acked)) {
		t.Errorf("%d records stand in the log, %d were acknowledged", ends, len(acked))
	}
}

// ends is how many records stand in the topic.
func ends(t *testing.T, dir string) int64 {
	t.Helper()
	b, err := Start(Config{Listen: "127.0.0.1:0", Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	return b.cluster.PartitionInfo("t", 0).HighWatermark
}

func createAppendTimeTopic(t *testing.T, cl *kgo.Client) {
	t.Helper()
	req := kmsg.NewPtrCreateTopicsRequest()
	topic := kmsg.NewCreateTopicsRequestTopic()
	topic.Topic, topic.NumPartitions, topic.ReplicationFactor = "t", 1, 1
	kind := "LogAppendTime"
	topic.Configs = append(topic.Configs, kmsg.CreateTopicsRequestTopicConfig{Name: "message.timestamp.type", Value: &kind})
	req.Topics = append(req.Topics, topic)
	resp, err := req.RequestWith(t.Context(), cl)
	if err != nil || resp.Topics[0].ErrorCode != 0 {
		t.Fatalf("create the topic: %v %+v", err, resp)
	}
}

func checkAcked(t *testing.T, dir string, acked map[int64]string) {
	t.Helper()
	b, err := Start(Config{Listen: "127.0.0.1:0", Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	cl, err := kgo.NewClient(kgo.SeedBrokers(b.Addr()), kgo.ConsumeTopics("t"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for left := len(acked); left > 0; {
		fetches := cl.PollFetches(ctx)
		if ctx.Err() != nil {
			t.Fatalf("%d acknowledged records cannot be read back: %v", left, fetches.Err())
		}
		fetches.EachRecord(func(r *kgo.Record) {
			if want, ok := acked[r.Offset]; ok {
				if left--; want != string(r.Value) {
					t.Errorf("offset %d holds %s, acknowledged was %s", r.Offset, r.Value, want)
				}
			}
		})
	}
}
