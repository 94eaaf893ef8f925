package processor

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	fkgo "github.com/twmb/franz-go/pkg/kgo"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/processor/kafka"
)

// TestZombie: an owner that was replaced and goes on writing after the new one's mark is refused, and the new one does not
// notice.
func TestZombie(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1, nil)
	zombie := r.owner(0)
	r.createTopic(r.config.Topics.Events, 1, "message.timestamp.type", logAppendTime)
	r.mark(zombie, events.Mark{Kind: events.ShardOpened, MuteUntil: -1})
	p := r.start()
	p.settle()
	r.send(order("a", "1", events.At(time.Now()), 10))
	p.settle()
	if _, err := zombie.Append(r.context(), []kafka.Out{{Key: []byte("a"), Value: []byte("{}")}}); !errors.Is(err, kafka.ErrFenced) {
		t.Errorf("the zombie writes: %v", err)
	}
	r.send(order("b", "2", events.At(time.Now()), 10))
	p.settle()
	p.stop()
	if all, _ := r.said(); len(all) != 4 {
		t.Errorf("%d derived events", len(all))
	}
}

// TestForeignWriter: a stranger who writes to the output while the shard runs costs a take-over, and nothing is lost or
// said twice. Where nobody else could take over, it ends the run.
func TestForeignWriter(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1, together)
	p := r.start()
	p.settle()
	now := events.At(time.Now())
	for i := range 3 {
		r.send(order(fmt.Sprint("a", i), fmt.Sprint("a", i), now, 10))
		p.settle()
		r.produce(&fkgo.Record{Topic: r.config.Topics.Events, Key: []byte("k"), Value: []byte("{}")})
		r.send(order(fmt.Sprint("b", i), fmt.Sprint("b", i), now, 10))
		want := 4 * (i + 1)
		p.await("all is said", func() bool { all, _ := r.said(); return len(all) == want })
	}
	r.send(order("last", "last", now, 10)) // the last loss is over when this is said
	p.await("all is said", func() bool { all, _ := r.said(); return len(all) == 14 })
	p.stop()
	r.agrees()
	if n := p.value("touchfold_foreign_total"); n != 3 {
		t.Errorf("%v foreign records are counted", n)
	}
	alone := newRig(t, 1, nil)
	q := alone.start()
	q.settle()
	alone.produce(&fkgo.Record{Topic: alone.config.Topics.Events, Key: []byte("k"), Value: []byte("{}")})
	alone.send(order("a", "1", now, 10))
	if err := q.end(); err == nil || !strings.Contains(err.Error(), "somebody else writes there") {
		t.Errorf("alone: %v", err)
	}
}

// TestHangingFetch: an answer that was asked for long ago and says that there is nothing lets no horizon pass that came
// since: what was written meanwhile is not in it.
func TestHangingFetch(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1, nil)
	s := newShard(&r.config, newMetrics(prometheus.NewRegistry()), cluster{r.client}, 0, layout{1, 1, brokersAhead}, "test")
	s.at.Input, s.at.Speaking, s.speaking, s.proposed = 7, true, true, true
	s.brokerTime, s.brokerBoot = events.At(time.Now()), s.terms.boot()
	sent := events.At(time.Now()) - 600_000
	r.must(s.batch(r.context(), &kafka.Batch{Next: 7, End: 7, Sent: sent}))
	if s.at.Clock != sent-ClockMargin {
		t.Errorf("the clock is at %s after a fetch sent at %s", s.at.Clock, sent)
	}
	ahead := events.At(time.Now()) + 365*events.Instant(day)
	r.must(s.batch(r.context(), &kafka.Batch{Next: 7, End: 7, Sent: ahead}))
	if s.at.Clock > events.At(time.Now())+brokersAhead {
		t.Errorf("the clock follows a machine's that is a year ahead: %s", s.at.Clock)
	}
	r.must(s.batch(r.context(), &kafka.Batch{Next: 7, End: 9, Sent: ahead})) // there is more: not empty
}

// TestForgottenIds runs on a broker that forgets transactional ids and producers within seconds (KAFKA_FORGETS, see
// package kafka's tests): whoever takes over then gets another producer id, and the former is retired.
func TestForgottenIds(t *testing.T) {
	if os.Getenv("KAFKA_FORGETS") == "" {
		t.Skip("needs a Kafka that forgets quickly")
	}
	t.Parallel()
	r := newRig(t, 1, nil)
	now := events.At(time.Now())
	first := r.start()
	first.settle()
	n := 0
	say := func(p *run) {
		n++
		r.send(order(fmt.Sprint("c", n), fmt.Sprint(n), now, 10))
		p.settle()
	}
	ids := func() map[int64]bool {
		_, marks := r.said()
		all := map[int64]bool{}
		for _, m := range marks[0] {
			all[m.ProducerID] = true
		}
		return all
	}
	for began := time.Now(); time.Since(began) < 12*time.Second; { // it writes all the time, and its id is forgotten all the same
		say(first)
		<-time.After(500 * time.Millisecond)
	}
	second := r.start(func(c *Config) { c.Dir = t.TempDir() })
	second.settle()
	if len(ids()) < 2 {
		t.Fatal("the broker has not forgotten the id")
	}
	r.send(order("z", "z", now, 10))
	if err := first.end(); !errors.Is(err, kafka.ErrFenced) {
		t.Errorf("the first: %v", err)
	}
	second.settle()
	say(second)
	second.stop()
	if all, _ := r.said(); len(all) != 2*(n+1) {
		t.Errorf("%d derived events of %d customers", len(all), n+1)
	}
	r.once() // a store that knows the retired id only from the output
	if all, _ := r.said(); len(all) != 2*(n+1) {
		t.Errorf("%d derived events after the first's return", len(all))
	}
}
