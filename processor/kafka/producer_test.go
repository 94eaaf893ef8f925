package kafka

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	kgo "github.com/segmentio/kafka-go"

	"github.com/touchfold/touchfold/events"
)

func out(values ...string) []Out {
	var recs []Out
	for _, v := range values {
		recs = append(recs, Out{Value: []byte(v)})
	}
	return recs
}

func newProducer(t testing.TB, c *Client, topic, id string) *Producer {
	t.Helper()
	p, err := c.NewProducer(testContext(t), ProducerConfig{Topic: topic, TransactionalID: id + topic})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestFence: from the second producer's first record on the first one is shut out, for good and with a sentence.
func TestFence(t *testing.T) {
	c := testClient(t, brokers(t))
	topic := newTopic(t, c, 1)
	ctx := testContext(t)
	a := newProducer(t, c, topic, "shard")
	if base, err := a.Append(ctx, out("a0", "a1")); err != nil || base != 0 {
		t.Fatal(base, err)
	}
	if base, err := a.Append(ctx, out("a2")); err != nil || base != 2 {
		t.Fatal(base, err)
	}
	b := newProducer(t, c, topic, "shard")
	if b.ID() != a.ID() || b.Epoch() <= a.Epoch() {
		t.Fatalf("second producer is %d/%d, first %d/%d", b.ID(), b.Epoch(), a.ID(), a.Epoch())
	}
	want := "a0 a1 a2"
	if os.Getenv("KAFKA_ADDR") != "" { // a real Kafka still takes records of the former owner; kfake does not
		if _, err := a.Append(ctx, out("zombie")); err != nil {
			t.Fatal(err)
		}
		want += " zombie"
	}
	if _, err := b.Append(ctx, out("opened")); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		_, err := a.Append(ctx, out("late"))
		if !errors.Is(err, ErrFenced) || !strings.Contains(err.Error(), "another instance took over") {
			t.Fatalf("the former owner gets %v", err)
		}
	}
	if _, err := b.Append(ctx, out("b1")); err != nil {
		t.Fatal(err)
	}
	if got := values(readAll(t, c, topic, 0)); got != want+" opened b1" {
		t.Errorf("in the log: %s", got)
	}
}

// TestForeign: a gap in the sequence is somebody else's writing, and ends the producer.
func TestForeign(t *testing.T) {
	c := testClient(t, brokers(t))
	topic := newTopic(t, c, 1)
	ctx := testContext(t)
	p := newProducer(t, c, topic, "shard")
	if _, err := p.Append(ctx, out("0")); err != nil {
		t.Fatal(err)
	}
	p.w.stamp.seq += 7
	for range 2 {
		if _, err := p.Append(ctx, out("gap")); !errors.Is(err, ErrForeign) {
			t.Fatalf("a gap gives %v", err)
		}
	}
	if got := values(readAll(t, c, topic, 0)); got != "0" {
		t.Errorf("in the log: %s", got)
	}
}

// flaky loses answers to Produce requests, after the broker has done them or before it gets them.
type flaky struct {
	kgo.RoundTripper
	mu   sync.Mutex
	lose func(produce int) (before, after bool)
	seen int
}

func (f *flaky) RoundTrip(ctx context.Context, addr net.Addr, req kgo.Request) (kgo.Response, error) {
	if req.ApiKey() != 0 /* Produce */ {
		return f.RoundTripper.RoundTrip(ctx, addr, req)
	}
	f.mu.Lock()
	before, after := f.lose(f.seen)
	f.seen++
	f.mu.Unlock()
	if before {
		return nil, errors.New("request lost")
	}
	res, err := f.RoundTripper.RoundTrip(ctx, addr, req)
	if after && err == nil {
		return nil, errors.New("answer lost")
	}
	return res, err
}

func flakyClient(t testing.TB, addrs []string, lose func(int) (bool, bool)) *Client {
	c := testClient(t, addrs)
	return newClient(Config{Brokers: addrs, Log: testLog(t), RequestTimeout: 10 * time.Second},
		&flaky{RoundTripper: c.rt, lose: lose}, func() {})
}

// TestLostAnswers: whatever is lost on the way, each record stands in the log once and in order.
func TestLostAnswers(t *testing.T) {
	addrs := brokers(t)
	rng := rand.New(rand.NewPCG(5, 6))
	c := flakyClient(t, addrs, func(int) (bool, bool) { return rng.IntN(4) == 0, rng.IntN(3) == 0 })
	topic := newTopic(t, c, 1)
	p := newProducer(t, c, topic, "shard")
	var want []string
	for i := 0; i < 60; i++ {
		vs := make([]string, 1+rng.IntN(5))
		for j := range vs {
			vs[j] = fmt.Sprint(i, ".", j)
		}
		base, err := p.Append(testContext(t), out(vs...))
		if err != nil || base != events.Offset(len(want)) {
			t.Fatalf("append %d: base %d instead of %d, %v", i, base, len(want), err)
		}
		want = append(want, vs...)
	}
	if got := values(readAll(t, c, topic, 0)); got != strings.Join(want, " ") {
		t.Errorf("in the log: %s", got)
	}
	if f := c.rt.(*flaky); f.seen < 70 {
		t.Errorf("only %d requests for 60 appends: nothing was lost, so nothing was tested", f.seen)
	}
}

// TestInDoubt: a producer whose last batch may or may not stand in the log refuses to go on, because the sequence
// numbers of that batch must never stand for other records.
func TestInDoubt(t *testing.T) {
	addrs := brokers(t)
	var lossy atomic.Bool
	c := flakyClient(t, addrs, func(int) (bool, bool) { return false, lossy.Load() })
	topic := newTopic(t, c, 1)
	p := newProducer(t, c, topic, "shard")
	if _, err := p.Append(testContext(t), out("0")); err != nil {
		t.Fatal(err)
	}
	lossy.Store(true)
	ctx, cancel := context.WithTimeout(testContext(t), 100*time.Millisecond)
	defer cancel()
	if _, err := p.Append(ctx, out("1")); !errors.Is(err, ErrInDoubt) || !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("an answer outstanding at the deadline gives %v", err)
	}
	lossy.Store(false)
	if _, err := p.Append(testContext(t), out("2")); !errors.Is(err, ErrInDoubt) {
		t.Fatalf("afterwards: %v", err)
	}
	if got := values(readAll(t, c, topic, 0)); got != "0 1" {
		t.Errorf("in the log: %s", got)
	}
}

// TestSequenceWraps: sequence numbers go on at 0 after 2^31-1, also within a batch.
func TestSequenceWraps(t *testing.T) {
	for _, c := range []struct{ seq, n, next int32 }{{0, 1, 1}, {1<<31 - 1, 1, 0}, {1<<31 - 2, 5, 3}, {1<<31 - 2, 1, 1<<31 - 1}} {
		if got := (stamp{id: 1, seq: c.seq}).after(int(c.n)); got.seq != c.next {
			t.Errorf("after %d records from %d: %d, not %d", c.n, c.seq, got.seq, c.next)
		}
	}
	realOnly(t) // kfake takes what comes after the last number for a gap
	c := testClient(t, brokers(t))
	topic := newTopic(t, c, 1)
	ctx := testContext(t)
	// A log that never held a record wants 0 first; one that did takes any first number of a producer new to it.
	if _, err := c.Append(ctx, topic, 0, out("x")); err != nil {
		t.Fatal(err)
	}
	p := newProducer(t, c, topic, "shard")
	p.w.stamp.seq = 1<<31 - 3
	for _, vs := range [][]string{{"0"}, {"1", "2", "3"}, {"4"}} {
		if _, err := p.Append(ctx, out(vs...)); err != nil {
			t.Fatal(err)
		}
	}
	if got := values(readAll(t, c, topic, 0)); got != "x 0 1 2 3 4" {
		t.Errorf("in the log: %s", got)
	}
}

// TestSplit: many records go as several batches, below the topic's limit even if that is small, and a record that is
// too large for the topic is refused with a sentence, without harm to the producer.
func TestSplit(t *testing.T) {
	addrs := brokers(t)
	c := testClient(t, addrs)
	ctx := testContext(t)
	rng := rand.New(rand.NewPCG(7, 8))
	var recs []Out
	for range 3000 {
		v := make([]byte, 1000)
		for i := range v {
			v[i] = byte(rng.Uint32())
		}
		recs = append(recs, Out{Value: v})
	}
	for _, limit := range []string{"1048588", "65536"} {
		topic := newTopic(t, c, 1, "max.message.bytes", limit)
		p := newProducer(t, c, topic, "shard")
		if base, err := p.Append(ctx, recs); err != nil || base != 0 {
			t.Fatal(base, err)
		}
		if _, err := p.Append(ctx, []Out{{Value: make([]byte, 0)}, {Value: randomBytes(rng, 2<<20)}}); err == nil ||
			!strings.Contains(err.Error(), "max.message.bytes") {
			t.Fatalf("2 MiB after a small one: %v", err)
		}
		p = newProducer(t, c, topic, "shard")
		for range 2 {
			if _, err := p.Append(ctx, []Out{{Value: randomBytes(rng, 2<<20)}}); err == nil || !strings.Contains(err.Error(), "max.message.bytes") {
				t.Fatalf("2 MiB: %v", err)
			}
		}
		if base, err := p.Append(ctx, out("last")); err != nil || base != 3001 {
			t.Fatal(base, err)
		}
		got := readAll(t, c, topic, 0)
		if len(got) != 3002 || string(got[3001].Value) != "last" {
			t.Fatalf("%d records in the log", len(got))
		}
		for i := range recs {
			if string(got[i].Value) != string(recs[i].Value) {
				t.Fatalf("record %d is another", i)
			}
		}
	}
}

func randomBytes(rng *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rng.Uint32())
	}
	return b
}

// TestAmongOthers: what takes several batches stands in order and once where another writes before each of them, and the end
// of it is known; side by side it cannot stand.
func TestAmongOthers(t *testing.T) {
	addrs := brokers(t)
	other := testClient(t, addrs)
	topic := newTopic(t, other, 1)
	ctx := testContext(t)
	c := flakyClient(t, addrs, func(int) (bool, bool) {
		if _, err := other.Append(ctx, topic, 0, out("other")); err != nil {
			t.Error(err)
		}
		return false, false
	})
	recs := make([]Out, 4000)
	for i := range recs {
		recs[i].Value = fmt.Appendf(nil, "%04d %s", i, strings.Repeat("x", 1000))
	}
	end, err := newProducer(t, c, topic, "feeder").AppendAmong(ctx, recs)
	if err != nil {
		t.Fatal(err)
	}
	n, batches := 0, 0
	all := readAll(t, other, topic, 0)
	for _, r := range all {
		if string(r.Value) == "other" {
			batches++
		} else if string(r.Value) != string(recs[n].Value) {
			t.Fatalf("%.4s stands where %d is due", r.Value, n)
		} else {
			n++
		}
	}
	if n != len(recs) || batches < 4 || int(end) != len(all) {
		t.Errorf("%d of %d in %d batches up to before %d of %d", n, len(recs), batches, end, len(all))
	}
	if _, err := newProducer(t, c, topic, "shard").Append(ctx, recs); !errors.Is(err, ErrForeign) {
		t.Errorf("side by side: %v", err)
	}
	if next, err := newProducer(t, c, topic, "nothing").AppendAmong(ctx, nil); next != -1 || err != nil {
		t.Errorf("nothing: %d, %v", next, err)
	}
}
