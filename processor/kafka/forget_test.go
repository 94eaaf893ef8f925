package kafka

import (
	"context"
	"errors"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/touchfold/touchfold/events"
)

// forgetful skips unless KAFKA_FORGETS=1 says that the broker at KAFKA_ADDR was made with
//
//	KAFKA_PROPS="transactional.id.expiration.ms=5000 transaction.remove.expired.transaction.cleanup.interval.ms=2000
//	producer.id.expiration.ms=10000 producer.id.expiration.check.interval.ms=2000"
func forgetful(t *testing.T) {
	if os.Getenv("KAFKA_FORGETS") == "" {
		t.Skip("needs a Kafka that forgets quickly: see KAFKA_FORGETS above")
	}
	t.Parallel()
}

const (
	idForgotten    = 9 * time.Second  // by the coordinator, after the last NewProducer
	stateForgotten = 15 * time.Second // by a partition's leader, after the producer's last record
)

// again is the producer as it was, before anything went wrong: its owner was stopped and goes on.
func (p *Producer) again() *Producer {
	return &Producer{w: &writer{c: p.w.c, topic: p.w.topic, partition: p.w.partition, stamp: p.w.stamp}}
}

func mustAppend(t testing.TB, p *Producer, v string, at events.Offset) {
	t.Helper()
	if base, err := p.Append(testContext(t), out(v)); err != nil || base != at {
		t.Fatalf("%s is written at %d instead of %d: %v", v, base, at, err)
	}
}

func mustFail(t testing.TB, p *Producer, want error) {
	t.Helper()
	if _, err := p.Append(testContext(t), out("never")); !errors.Is(err, want) {
		t.Fatalf("gets %v instead of %v", err, want)
	}
}

// TestRetire: who wrote under a producer id that is retired never writes again, nor does who takes its transactional id
// over; to retire twice is harmless, and other producers are not touched.
func TestRetire(t *testing.T) {
	c := testClient(t, brokers(t))
	topic := newTopic(t, c, 1)
	ctx := testContext(t)
	a, b := newProducer(t, c, topic, "a"), newProducer(t, c, topic, "b")
	mustAppend(t, a, "a", 0)
	mustAppend(t, b, "b", 1)
	if base, err := c.Retire(ctx, topic, 0, a.ID(), Out{Value: []byte("retired")}); err != nil || base != 2 {
		t.Fatal(base, err)
	}
	mustFail(t, a, ErrFenced)
	if os.Getenv("KAFKA_ADDR") != "" { // kfake gives it another producer id
		mustFail(t, newProducer(t, c, topic, "a"), ErrFenced)
	}
	for range 7 { // a broker remembers the last five batches of a producer
		mustAppend(t, b, "b", b.w.base(t))
		if _, err := c.Retire(ctx, topic, 0, a.ID(), Out{Value: []byte("retired")}); err != nil {
			t.Fatal(err)
		}
	}
	if got := values(readAll(t, c, topic, 0)); strings.Count(got, "retired") != 1 || strings.Count(got, "b") != 8 {
		t.Errorf("in the log: %s", got)
	}
	if _, err := c.Retire(ctx, topic, 0, 1<<40, Out{Value: []byte("unheard of")}); err != nil {
		t.Errorf("an id that never wrote here: %v", err)
	}
}

// base is where the next record will stand.
func (w *writer) base(t testing.TB) events.Offset {
	r, err := w.c.Range(testContext(t), w.topic, w.partition)
	if err != nil {
		t.Fatal(err)
	}
	return r.End
}

// TestOtherWriter: that somebody else wrote shows in the offset at which the next record stands; and if it was between
// the batches of one Append, that fails.
func TestOtherWriter(t *testing.T) {
	addrs := brokers(t)
	direct := testClient(t, addrs)
	topic := newTopic(t, direct, 1)
	var between func(request int)
	c := flakyClient(t, addrs, func(n int) (bool, bool) {
		if between != nil {
			between(n)
		}
		return false, false
	})
	p := newProducer(t, c, topic, "shard")
	mustAppend(t, p, "0", 0)
	write(t, direct, topic, 0, "foreign")
	mustAppend(t, p, "1", 2) // and not 1

	first := c.rt.(*flaky).seen
	between = func(n int) {
		if n == first+1 {
			write(t, direct, topic, 0, "foreign")
		}
	}
	big := Out{Value: make([]byte, maxBatch*3/4)}
	for range 2 {
		if _, err := p.Append(testContext(t), []Out{big, big}); !errors.Is(err, ErrForeign) {
			t.Fatalf("with a foreign record in between: %v", err)
		}
	}
}

// TestCoordinatorForgets: once the coordinator has forgotten a transactional id, the next owner gets another producer
// id, and the former one goes on writing, until it is retired.
func TestCoordinatorForgets(t *testing.T) {
	forgetful(t)
	c := testClient(t, brokers(t))
	topic := newTopic(t, c, 1, "message.timestamp.type", "LogAppendTime")
	ctx := testContext(t)
	zombie := newProducer(t, c, topic, "shard")
	mustAppend(t, zombie, "0", 0)
	time.Sleep(idForgotten / 2)
	mustAppend(t, zombie, "1", 1) // does not keep the id alive, but the leader's memory of the producer
	time.Sleep(idForgotten / 2)
	owner := newProducer(t, c, topic, "shard")
	if owner.ID() == zombie.ID() {
		t.Fatalf("the id is the same, %d, after %v", owner.ID(), idForgotten)
	}
	mustAppend(t, owner, "opened", 2)
	mustAppend(t, zombie, "zombie", 3) // it is not fenced by that
	stopped := zombie.again()
	if base, err := c.Retire(ctx, topic, 0, zombie.ID(), Out{Value: []byte("retired")}); err != nil || base != 4 {
		t.Fatal(base, err)
	}
	mustFail(t, zombie, ErrFenced)
	mustFail(t, stopped, ErrFenced)
	if _, err := c.Retire(ctx, topic, 0, zombie.ID(), Out{Value: []byte("retired")}); err != nil {
		t.Errorf("to retire again: %v", err)
	}
	mustAppend(t, owner, "said", 5)
	if got := values(readAll(t, c, topic, 0)); got != "0 1 opened zombie retired said" {
		t.Errorf("in the log: %s", got)
	}
}

// TestLeaderForgets: once the partition's leader has forgotten a silent producer, a former owner with a lower epoch
// writes again, and the owner then learns that somebody else writes here.
func TestLeaderForgets(t *testing.T) {
	forgetful(t)
	c := testClient(t, brokers(t))
	topic := newTopic(t, c, 1, "message.timestamp.type", "LogAppendTime")
	zombie := newProducer(t, c, topic, "shard")
	mustAppend(t, zombie, "0", 0)
	owner := newProducer(t, c, topic, "shard")
	mustAppend(t, owner, "opened", 1)
	mustFail(t, zombie.again(), ErrFenced)
	time.Sleep(stateForgotten)
	mustAppend(t, zombie, "zombie", 2)
	mustFail(t, owner, ErrForeign)
	mustFail(t, owner, ErrForeign)
}

// TestAliveKeepsTheFence: as the one before, but the owner writes a record now and then.
func TestAliveKeepsTheFence(t *testing.T) {
	forgetful(t)
	c := testClient(t, brokers(t))
	topic := newTopic(t, c, 1, "message.timestamp.type", "LogAppendTime")
	zombie := newProducer(t, c, topic, "shard")
	mustAppend(t, zombie, "0", 0)
	owner := newProducer(t, c, topic, "shard")
	mustAppend(t, owner, "opened", 1)
	at := events.Offset(2)
	for end := time.Now().Add(stateForgotten); time.Now().Before(end); at++ {
		time.Sleep(2 * time.Second)
		mustAppend(t, owner, "alive", at)
		mustFail(t, zombie.again(), ErrFenced)
	}
}

// TestBothForget: an owner that was silent for so long that coordinator and leader forgot it takes its id over again
// and writes; what was stopped before that stays shut out only if it is retired, also when the leader knows it no more.
func TestBothForget(t *testing.T) {
	forgetful(t)
	c := testClient(t, brokers(t))
	topic := newTopic(t, c, 1, "message.timestamp.type", "LogAppendTime")
	zombie := newProducer(t, c, topic, "shard")
	mustAppend(t, zombie, "0", 0)
	time.Sleep(stateForgotten)
	owner := newProducer(t, c, topic, "shard")
	if owner.ID() == zombie.ID() {
		t.Fatal("the id is the same")
	}
	mustAppend(t, owner, "opened", 1)
	if _, err := c.Retire(testContext(t), topic, 0, zombie.ID(), Out{Value: []byte("retired")}); err != nil {
		t.Fatal(err)
	}
	mustFail(t, zombie, ErrFenced)
	mustAppend(t, owner, "said", 3)
}

// TestDailyRetake: who takes its own id over again in time keeps it, whatever the time, and shuts out what it was.
func TestDailyRetake(t *testing.T) {
	forgetful(t)
	c := testClient(t, brokers(t))
	topic := newTopic(t, c, 1, "message.timestamp.type", "LogAppendTime")
	owner := newProducer(t, c, topic, "shard")
	mustAppend(t, owner, "0", 0)
	for at := events.Offset(1); at < 5; at++ {
		time.Sleep(3 * time.Second) // of five
		former := owner
		owner = newProducer(t, c, topic, "shard")
		if owner.ID() != former.ID() || owner.Epoch() <= former.Epoch() {
			t.Fatalf("%d/%d after %d/%d", owner.ID(), owner.Epoch(), former.ID(), former.Epoch())
		}
		mustAppend(t, owner, "opened", at)
		mustFail(t, former, ErrFenced)
	}
}

// TestRaceForTheId: of many that take a transactional id over at the same time, one is left that can write, once it did.
func TestRaceForTheId(t *testing.T) {
	c := testClient(t, brokers(t))
	topic := newTopic(t, c, 1)
	const n = 8
	ps := make([]*Producer, n)
	var all sync.WaitGroup
	for i := range ps {
		all.Go(func() {
			p, err := c.NewProducer(context.Background(), ProducerConfig{Topic: topic, TransactionalID: "id" + topic})
			if err != nil {
				t.Error(err)
			}
			ps[i] = p
		})
	}
	all.Wait()
	if t.Failed() {
		return
	}
	last := ps[0]
	epochs := make(map[int16]bool)
	for _, p := range ps {
		if epochs[p.Epoch()] || p.ID() != last.ID() {
			t.Errorf("two have %d/%d", p.ID(), p.Epoch())
		}
		epochs[p.Epoch()] = true
		if p.Epoch() > last.Epoch() {
			last = p
		}
	}
	mustAppend(t, last, "opened", 0)
	for _, p := range ps {
		if p != last {
			mustFail(t, p, ErrFenced)
		}
	}
}
