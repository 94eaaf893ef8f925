package kafka

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	kgo "github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/processor/localkafka"
)

// write appends each value as a record batch of its own.
func write(t testing.TB, c *Client, topic string, p events.ShardID, vs ...string) {
	t.Helper()
	for _, v := range vs {
		if _, err := c.Append(testContext(t), topic, p, out(v)); err != nil {
			t.Fatal(err)
		}
	}
}

func deleteTopic(t testing.TB, c *Client, topic string) {
	t.Helper()
	res, err := c.api.DeleteTopics(testContext(t), &kgo.DeleteTopicsRequest{Topics: []string{topic}})
	if err == nil {
		err = res.Errors[topic]
	}
	if err != nil {
		t.Fatal(err)
	}
}

// removeBefore does what retention does.
func removeBefore(t testing.TB, addrs []string, topic string, p int32, before int64) {
	t.Helper()
	req := kmsg.NewPtrDeleteRecordsRequest()
	req.TimeoutMillis = 5000
	rt, rp := kmsg.NewDeleteRecordsRequestTopic(), kmsg.NewDeleteRecordsRequestTopicPartition()
	rp.Partition, rp.Offset, rt.Topic = p, before, topic
	rt.Partitions = append(rt.Partitions, rp)
	req.Topics = append(req.Topics, rt)
	res, err := req.RequestWith(testContext(t), franz(t, addrs))
	if err != nil || len(res.Topics) != 1 || res.Topics[0].Partitions[0].ErrorCode != 0 {
		t.Fatal(res, err)
	}
}

// TestTopicMadeAnew: a topic that is deleted and made again under a reading is noticed whatever stands in the new one:
// nothing, less than before, as much, or more.
func TestTopicMadeAnew(t *testing.T) {
	t.Parallel()
	addrs := brokers(t)
	c := testClient(t, addrs)
	for _, n := range []int{0, 1, 2, 3, 4, 9} {
		topic := newTopic(t, c, 1)
		write(t, c, topic, 0, "0", "1", "2")
		f := runFetcher(t, c, FetchConfig{Topic: topic, MaxWait: 50 * time.Millisecond})
		in := f.Read(0, 0)
		for got := 0; got < 3; {
			got += len(next(t, in).Records)
		}
		before, err := c.BatchAt(testContext(t), topic, 0, 2)
		if err != nil || before.Base != 2 || before.Last != 2 {
			t.Fatal(before, err)
		}
		deleteTopic(t, c, topic)
		eventually(t, "the reading stalls", func() bool { return len(f.Stalled(200*time.Millisecond)) == 1 })
		w := testClient(t, addrs)
		eventually(t, "the topic is made again", func() bool {
			return w.CreateTopic(testContext(t), Topic{Name: topic, Partitions: 1}) == nil
		})
		write(t, w, topic, 0, strings.Split("abcdefghi", "")[:n]...)
		b := next(t, in)
		if !errors.Is(b.Err, ErrOtherLog) || !strings.Contains(b.Err.Error(), topic+"/0") {
			t.Errorf("%d records in the new log: %+v", n, b)
		}
		t.Log(b.Err)
		after, err := c.BatchAt(testContext(t), topic, 0, 2)
		if n < 3 && !errors.Is(err, ErrOtherLog) || n >= 3 && (err != nil || after.CRC == before.CRC) {
			t.Errorf("%d records in the new log, where the old one had %+v: %+v, %v", n, before, after, err)
		}
	}
}

// TestRemoved: what retention removed before it was read is told as that, by all who read, and what is left can be
// read on. That the batch read last is gone is no harm.
func TestRemoved(t *testing.T) {
	t.Parallel()
	addrs := brokers(t)
	c := testClient(t, addrs)
	topic := newTopic(t, c, 1)
	ctx := testContext(t)
	write(t, c, topic, 0, "0", "1", "2", "3", "4")
	f := runFetcher(t, c, FetchConfig{Topic: topic, MaxWait: 50 * time.Millisecond})
	removeBefore(t, addrs, topic, 0, 3)

	errs := map[string]error{}
	errs["fetcher"] = next(t, f.Read(0, 1)).Err
	errs["ReadRange"] = c.ReadRange(ctx, topic, 0, 1, 5, func(*events.Record) error { return nil })
	_, errs["BatchAt"] = c.BatchAt(ctx, topic, 0, 2)
	for who, err := range errs {
		if !errors.Is(err, ErrRemoved) || !strings.Contains(err.Error(), "begins at 3") || errors.Is(err, ErrOtherLog) {
			t.Errorf("%s: %v", who, err)
		}
	}
	if h, err := c.BatchAt(ctx, topic, 0, 3); err != nil || h.Base != 3 {
		t.Errorf("at 3: %+v, %v", h, err)
	}
	if _, err := c.BatchAt(ctx, topic, 0, 5); !errors.Is(err, ErrOtherLog) {
		t.Errorf("at the end: %v", err)
	}
	b := next(t, f.Read(0, 3))
	if values(b.Records) != "3 4" && values(b.Records) != "3" || b.LogStart != 3 {
		t.Errorf("from 3 on: %+v", b)
	}
}

// TestRemovedWhileAway: while the leader is away retention takes all that was read; reading goes on.
func TestRemovedWhileAway(t *testing.T) {
	t.Parallel()
	addrs := brokers(t)
	topic := newTopic(t, testClient(t, addrs), 1)
	w := newWire(t)
	c := w.client(addrs, time.Second)
	write(t, c, topic, 0, "0", "1")
	f := runFetcher(t, c, FetchConfig{Topic: topic, MaxWait: 50 * time.Millisecond})
	in := f.Read(0, 0)
	for got := 0; got < 2; {
		got += len(next(t, in).Records)
	}
	w.sever()
	removeBefore(t, addrs, topic, 0, 2)
	eventually(t, "the reading stalls", func() bool { return len(f.Stalled(100*time.Millisecond)) == 1 })
	w.heal()
	write(t, testClient(t, addrs), topic, 0, "2")
	if b := next(t, in); values(b.Records) != "2" || b.Records[0].Offset != 2 {
		t.Errorf("%+v", b)
	}
}

// TestCutOff: a connection that breaks again and again while a log is read costs no record and doubles none, though
// the last batch is read anew each time.
func TestCutOff(t *testing.T) {
	t.Parallel()
	addrs := brokers(t)
	topic := newTopic(t, testClient(t, addrs), 1)
	w := newWire(t)
	c := w.client(addrs, time.Second)
	f := runFetcher(t, c, FetchConfig{Topic: topic, MaxWait: 20 * time.Millisecond, PartitionBytes: 1})
	in := f.Read(0, 0)
	direct := testClient(t, addrs)
	at := events.Offset(0)
	for i := range 20 {
		for j := range 5 { // batches of several records, of which the reading is in the midst
			if _, err := direct.Append(testContext(t), topic, 0, out(fmt.Sprint(i, j), "x", "y")); err != nil {
				t.Fatal(err)
			}
		}
		if i%2 == 0 {
			w.sever()
			w.heal()
		}
		for at < events.Offset(15*(i+1)) {
			for _, r := range next(t, in).Records {
				if r.Offset != at {
					t.Fatalf("record %d comes where %d is due", r.Offset, at)
				}
				at++
			}
		}
	}
}

// TestUncleanElection: a broker that lost its last records and took others in their place is noticed by a reading that
// goes on. Kfake over an older copy of its folder plays it.
func TestUncleanElection(t *testing.T) {
	t.Parallel()
	dir, older := filepath.Join(t.TempDir(), "kafka"), filepath.Join(t.TempDir(), "older")
	start := func(listen, dir string) *localkafka.Broker {
		t.Helper()
		b, err := localkafka.Start(localkafka.Config{Listen: listen, Dir: dir, Log: testLog(t)})
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	b := start("127.0.0.1:0", dir)
	c := testClient(t, []string{b.Addr()})
	topic := newTopic(t, c, 2)
	write(t, c, topic, 0, "0", "1")
	write(t, c, topic, 1, "0", "1")
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(older, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	b = start(b.Addr(), dir)
	write(t, c, topic, 0, "2", "3")
	f := runFetcher(t, c, FetchConfig{Topic: topic, MaxWait: 50 * time.Millisecond})
	lost, whole := f.Read(0, 0), f.Read(1, 0)
	for got := 0; got < 4; {
		got += len(next(t, lost).Records)
	}
	for got := 0; got < 2; {
		got += len(next(t, whole).Records)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	b = start(b.Addr(), older)
	t.Cleanup(func() { b.Close() })
	other := testClient(t, []string{b.Addr()})
	write(t, other, topic, 0, "two", "three", "four")
	write(t, other, topic, 1, "2")
	if b := next(t, lost); !errors.Is(b.Err, ErrOtherLog) {
		t.Errorf("where 2 and 3 were lost: %+v", b)
	} else {
		t.Log(b.Err)
	}
	if b := next(t, whole); values(b.Records) != "2" {
		t.Errorf("where nothing was lost: %+v", b)
	}
}
