package kafka

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/processor/localkafka"
)

// TestFetcher: every partition is read whole, in order and without gaps, while others write and a reader is slow.
func TestFetcher(t *testing.T) {
	c := testClient(t, brokers(t))
	const partitions, each = 8, 4000
	topic := newTopic(t, c, partitions)
	wrote := make(chan error, partitions)
	for p := range events.ShardID(partitions) {
		go func() {
			var err error
			for i := 0; i < each && err == nil; i += 100 {
				recs := make([]Out, 100)
				for j := range recs {
					recs[j].Value = fmt.Appendf(nil, "%d/%d %s", p, i+j, strings.Repeat("x", 300))
				}
				_, err = c.Append(testContext(t), topic, p, recs)
			}
			wrote <- err
		}()
	}
	f := runFetcher(t, c, FetchConfig{Topic: topic, PartitionBytes: 64 << 10, MaxBytes: 200 << 10, MaxWait: 50 * time.Millisecond})
	read := make(chan error, partitions)
	for p := range events.ShardID(partitions) {
		in := f.Read(p, 0)
		go func() { read <- readOne(in, p, each) }()
	}
	for range partitions {
		if err := <-wrote; err != nil {
			t.Error(err)
		}
		if err := <-read; err != nil {
			t.Error(err)
		}
	}
}

// readOne checks one partition's batches up to n records.
func readOne(in <-chan Batch, p events.ShardID, n int) error {
	at := events.Offset(0)
	for b := range in {
		if b.Err != nil {
			return b.Err
		}
		for _, r := range b.Records {
			if r.Offset != at || r.Partition != p || !strings.HasPrefix(string(r.Value), fmt.Sprintf("%d/%d ", p, at)) {
				return fmt.Errorf("partition %d: %.20q at %d where %d is due", p, r.Value, r.Offset, at)
			}
			at++
		}
		if b.Next != at || b.End < at || b.Sent == 0 || len(b.Records) == 0 && b.Next != b.End {
			return fmt.Errorf("partition %d: next %d, end %d after record %d", p, b.Next, b.End, at)
		}
		if at == events.Offset(n) {
			return nil
		}
	}
	return errors.New("channel closed")
}

// TestEmptyBatches: an empty partition says so with the time of asking, but only into an empty channel, and never
// while there are records.
func TestEmptyBatches(t *testing.T) {
	c := testClient(t, brokers(t))
	topic := newTopic(t, c, 1)
	f := runFetcher(t, c, FetchConfig{Topic: topic, MaxWait: 20 * time.Millisecond})
	in := f.Read(0, 0)
	last := events.Instant(0)
	for range 3 {
		before := events.At(time.Now())
		b := <-in
		if b.Err != nil || len(b.Records) > 0 || b.Next != 0 || b.End != 0 || b.Sent < last || b.Sent > events.At(time.Now()) {
			t.Fatalf("%+v, asked at %v", b, before)
		}
		last = b.Sent
	}
	time.Sleep(200 * time.Millisecond) // ten more empty answers that nobody takes: they must not pile up
	if n := len(in); n > 1 {
		t.Errorf("%d empty batches wait in the channel", n)
	}
	if _, err := c.Append(testContext(t), topic, 0, out("a", "b")); err != nil {
		t.Fatal(err)
	}
	if b := next(t, in); values(b.Records) != "a b" || b.Next != 2 || b.End != 2 || b.CRC == 0 {
		t.Errorf("%+v", b)
	}
}

// TestSlowReaderHoldsUpNobody: a partition whose reader takes nothing is left out, and the others flow on; when it
// takes again, it does not have to wait for the others' records.
func TestSlowReaderHoldsUpNobody(t *testing.T) {
	c := testClient(t, brokers(t))
	topic := newTopic(t, c, 2)
	ctx := testContext(t)
	for range 20 {
		if _, err := c.Append(ctx, topic, 0, []Out{{Value: make([]byte, 1<<14)}}); err != nil {
			t.Fatal(err)
		}
	}
	f := runFetcher(t, c, FetchConfig{Topic: topic, PartitionBytes: 1, MaxWait: 3 * time.Second})
	slow, quick := f.Read(0, 0), f.Read(1, 0)
	for i := range 5 {
		start := time.Now()
		if _, err := c.Append(ctx, topic, 1, out("x")); err != nil {
			t.Fatal(err)
		}
		next(t, quick)
		if took := time.Since(start); took > time.Second {
			t.Errorf("record %d beside a slow reader took %v", i, took)
		}
	}
	start := time.Now()
	for got := 0; got < 20; {
		got += len(next(t, slow).Records)
	}
	if took := time.Since(start); took > 2*time.Second {
		t.Errorf("the slow reader, once it reads, needs %v: it waits for the other partition's records", took)
	}
}

// TestStop: Stop and a second Read close the channel, and reading goes on where the new one says.
func TestStop(t *testing.T) {
	c := testClient(t, brokers(t))
	topic := newTopic(t, c, 1)
	if _, err := c.Append(testContext(t), topic, 0, out("a", "b", "c")); err != nil {
		t.Fatal(err)
	}
	f := runFetcher(t, c, FetchConfig{Topic: topic, MaxWait: 20 * time.Millisecond})
	first := f.Read(0, 0)
	if b := next(t, first); values(b.Records) != "a b c" {
		t.Fatalf("%+v", b)
	}
	second := f.Read(0, 1)
	for range first { // ends only if it is closed
	}
	if b := next(t, second); values(b.Records) != "b c" || b.Records[0].Offset != 1 {
		t.Fatalf("%+v", b)
	}
	f.Stop(0)
	for range second {
	}
	f.Stop(0) // nobody there: nothing happens
	if b := next(t, f.Read(0, 2)); values(b.Records) != "c" {
		t.Fatalf("%+v", b)
	}
}

// TestOffsetGone: reading from where the log has nothing ends with a sentence, and only for that partition.
func TestOffsetGone(t *testing.T) {
	c := testClient(t, brokers(t))
	topic := newTopic(t, c, 2)
	ctx := testContext(t)
	for p := range events.ShardID(2) {
		if _, err := c.Append(ctx, topic, p, out("a")); err != nil {
			t.Fatal(err)
		}
	}
	f := runFetcher(t, c, FetchConfig{Topic: topic, MaxWait: 20 * time.Millisecond})
	bad, good := f.Read(0, 17), f.Read(1, 0)
	b := next(t, bad)
	if !errors.Is(b.Err, ErrOtherLog) || !strings.Contains(b.Err.Error(), topic+"/0") {
		t.Errorf("from 17 of 1: %v", b.Err)
	}
	if _, open := <-bad; open {
		t.Error("a batch after the error")
	}
	if b := next(t, good); values(b.Records) != "a" {
		t.Errorf("the other partition: %+v", b)
	}
	if err := c.ReadRange(ctx, topic, 0, 17, 18, nil); !errors.Is(err, ErrOtherLog) {
		t.Errorf("ReadRange: %v", err)
	}
}

// TestBrokerRestarts: a broker that goes away and comes back costs time and two lines in the log, no record.
func TestBrokerRestarts(t *testing.T) {
	if os.Getenv("KAFKA_ADDR") != "" {
		t.Skip("the broker is not ours to stop")
	}
	start := func(listen, dir string) *localkafka.Broker {
		t.Helper()
		b, err := localkafka.Start(localkafka.Config{Listen: listen, Dir: dir, Log: testLog(t)})
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	dir := filepath.Join(t.TempDir(), "kafka")
	b := start("127.0.0.1:0", dir)
	var log lines
	c, err := New(Config{Brokers: []string{b.Addr()}, Log: zerolog.New(&log)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	topic := newTopic(t, c, 2)
	p := newProducer(t, c, topic, "shard")
	ctx := testContext(t)
	f := runFetcher(t, c, FetchConfig{Topic: topic, MaxWait: 50 * time.Millisecond})
	in, other := f.Read(0, 0), f.Read(1, 0)
	if _, err := p.Append(ctx, out("0")); err != nil {
		t.Fatal(err)
	}
	next(t, in)
	for i := range 2 {
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		go func() {
			_, err := p.Append(ctx, out(fmt.Sprint(i+1)))
			done <- err
		}()
		eventually(t, "the log is told", func() bool { return log.count("cannot be read") > i && log.count("does not work") > i })
		b = start(b.Addr(), dir)
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		if got := next(t, in); values(got.Records) != fmt.Sprint(i+1) {
			t.Errorf("after restart %d: %q", i, values(got.Records))
		}
		<-other // says that it is empty again
	}
	if got := values(readAll(t, c, topic, 0)); got != "0 1 2" {
		t.Errorf("in the log: %s", got)
	}
	f.Stop(0)
	for _, what := range []string{"cannot be read", "read again", "does not work", "works again"} {
		// At two restarts; a line for two partitions, or one for each.
		if n := log.count(what); n < 2 || n > 4 {
			t.Errorf("%d lines of %s:\n%s", n, what, strings.Join(log.all, ""))
		}
	}
	t.Cleanup(func() { b.Close() })
}
