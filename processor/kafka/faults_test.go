package kafka

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/touchfold/touchfold/events"
)

// shortTimeout is a request timeout for tests in which requests go into the void.
const shortTimeout = 800 * time.Millisecond

// eventually waits until something is so, up to 10 s.
func eventually(t testing.TB, what string, so func() bool) time.Duration {
	t.Helper()
	start := time.Now()
	for !so() {
		if time.Since(start) > 10*time.Second {
			t.Fatalf("not within 10 s: %s", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
	return time.Since(start)
}

// TestBlackhole: connections over which nothing comes any more, in either direction, are given up within the request
// timeout, which is told meanwhile; afterwards reading goes on, and what was being written stands in the log once.
func TestBlackhole(t *testing.T) {
	t.Parallel()
	for _, stream := range []string{"upstream", "downstream"} {
		t.Run(stream, func(t *testing.T) {
			t.Parallel()
			addrs := brokers(t)
			topic := newTopic(t, testClient(t, addrs), 2)
			ctx := testContext(t)
			w := newWire(t)
			c := w.client(addrs, shortTimeout)
			const wait = 200 * time.Millisecond
			f := runFetcher(t, c, FetchConfig{Topic: topic, MaxWait: wait})
			in, other := f.Read(0, 0), f.Read(1, 0)
			p := newProducer(t, c, topic, "shard")
			if _, err := p.Append(ctx, out("0")); err != nil {
				t.Fatal(err)
			}
			if b := next(t, in); values(b.Records) != "0" {
				t.Fatalf("%+v", b)
			}
			<-other
			if s := f.Stalled(time.Second); s != nil || c.Silent() > time.Second {
				t.Fatalf("stalled %v, silent %v, and all is well", s, c.Silent())
			}

			w.worsen(blackhole, stream)
			wrote := make(chan error, 1)
			go func() {
				_, err := p.Append(ctx, out("1"))
				wrote <- err
			}()
			start := time.Now()
			_, err := c.send(ctx, &metadataRequest{TopicNames: []string{topic}}, wait)
			if took := time.Since(start); err == nil || took > shortTimeout+wait+100*time.Millisecond {
				t.Errorf("a request into the void ended after %v with %v", took, err)
			}
			eventually(t, "both partitions stall and the client is silent", func() bool {
				return slices.Equal(f.Stalled(time.Second), []events.ShardID{0, 1}) && c.Silent() > time.Second
			})
			time.Sleep(4 * shortTimeout)
			c.open.mu.Lock()
			if n := len(c.open.all); n > 6 {
				t.Errorf("%d connections: requests into the void pile up", n)
			}
			c.open.mu.Unlock()

			w.heal()
			start = time.Now()
			if err := <-wrote; err != nil {
				t.Fatal(err)
			}
			if b := next(t, in); values(b.Records) != "1" {
				t.Errorf("%+v", b)
			}
			eventually(t, "nothing stalls", func() bool { return f.Stalled(0) == nil || f.Stalled(time.Second) == nil && c.Silent() < time.Second })
			t.Logf("works again after %v", time.Since(start))
			if got := values(readAll(t, c, topic, 0)); got != "0 1" {
				t.Errorf("in the log: %s", got)
			}
		})
	}
}

// TestForgottenConnections: a firewall forgets the connections there are; each costs a request timeout at most.
func TestForgottenConnections(t *testing.T) {
	t.Parallel()
	addrs := brokers(t)
	topic := newTopic(t, testClient(t, addrs), 1)
	ctx := testContext(t)
	w := newWire(t)
	c := w.client(addrs, shortTimeout)
	f := runFetcher(t, c, FetchConfig{Topic: topic, MaxWait: 100 * time.Millisecond})
	in := f.Read(0, 0)
	var many sync.WaitGroup
	for range 8 { // at once, for as many connections
		many.Go(func() {
			if _, err := c.Range(ctx, topic, 0); err != nil {
				t.Error(err)
			}
		})
	}
	many.Wait()
	p := newProducer(t, c, topic, "shard")
	if _, err := p.Append(ctx, out("0")); err != nil {
		t.Fatal(err)
	}
	next(t, in)
	w.forget()
	start := time.Now()
	if _, err := p.Append(ctx, out("1")); err != nil {
		t.Fatal(err)
	}
	wrote := time.Since(start)
	next(t, in)
	read := time.Since(start)
	if t.Logf("written after %v, read after %v", wrote, read); read > 2*shortTimeout {
		t.Errorf("a record is written after %v and read after %v: dead connections are waited for, or found one by one", wrote, read)
	}
}

// TestLatency: slow ways cost time and nothing else.
func TestLatency(t *testing.T) {
	t.Parallel()
	addrs := brokers(t)
	topic := newTopic(t, testClient(t, addrs), 1)
	ctx := testContext(t)
	w := newWire(t)
	w.worsen(latency, "downstream")
	c := w.client(addrs, 5*time.Second)
	f := runFetcher(t, c, FetchConfig{Topic: topic, MaxWait: 100 * time.Millisecond})
	in := f.Read(0, 0)
	p := newProducer(t, c, topic, "shard")
	for _, v := range []string{"0", "1", "2"} {
		if _, err := p.Append(ctx, out(v)); err != nil {
			t.Fatal(err)
		}
		if b := next(t, in); values(b.Records) != v {
			t.Errorf("%+v", b)
		}
	}
	b := <-in // an empty one
	if b.Err != nil || len(b.Records) > 0 || events.At(time.Now())-b.Sent < 200 {
		t.Errorf("an empty answer that took 200 ms and more says that it was asked for at %v: %+v", b.Sent, b)
	}
	if errors.Is(b.Err, ErrOtherLog) {
		t.Error(b.Err)
	}
}
