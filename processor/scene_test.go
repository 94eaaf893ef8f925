package processor

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/processor/kafka"
	"github.com/touchfold/touchfold/state/store"
)

// scenePort is the model of Kafka without a scheduler: all succeeds at once.
type scenePort struct{ k *simCluster }

func (p scenePort) Range(_ context.Context, topic string, s events.ShardID) (kafka.Range, error) {
	return kafka.Range{End: p.k.log(topic, s).end}, nil
}

func (p scenePort) Reach(ctx context.Context, topic string, s events.ShardID, _ events.Offset) (kafka.Range, error) {
	return p.Range(ctx, topic, s)
}

func (p scenePort) ReadBatches(_ context.Context, topic string, s events.ShardID, from, to events.Offset, f func(kafka.Head, []events.Record) error) error {
	l := p.k.log(topic, s)
	for _, b := range l.batches[l.at(from):] {
		recs := b.recs[max(0, from-b.head.Base):max(0, min(to, b.head.Last+1)-b.head.Base)]
		if len(recs) > 0 {
			if err := f(b.head, append([]events.Record(nil), recs...)); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p scenePort) NewProducer(_ context.Context, c kafka.ProducerConfig) (producer, error) {
	return &sceneProducer{p, p.k.log(c.Topic, c.Partition), p.k.take(c.TransactionalID), 0, c.May}, nil
}

func (p scenePort) Retire(_ context.Context, topic string, s events.ShardID, id int64, rec kafka.Out) (events.Offset, error) {
	return p.k.append(p.k.log(topic, s), simStamp{id, 32767}, 0, []kafka.Out{rec})
}

func (p scenePort) Append(_ context.Context, topic string, s events.ShardID, recs []kafka.Out) (events.Offset, error) {
	return p.k.append(p.k.log(topic, s), simStamp{-1, -1}, -1, recs)
}

type sceneProducer struct {
	p     scenePort
	l     *simLog
	stamp simStamp
	seq   int32
	may   func() error
}

func (p *sceneProducer) ID() int64    { return p.stamp.id }
func (p *sceneProducer) Epoch() int16 { return p.stamp.epoch }
func (p *sceneProducer) Append(_ context.Context, recs []kafka.Out) (events.Offset, error) {
	if err := p.may(); err != nil {
		return -1, err
	}
	base, err := p.p.k.append(p.l, p.stamp, p.seq, recs)
	p.seq += int32(len(recs))
	return base, err
}

type scene struct {
	t    *testing.T
	k    *simCluster
	mem  *store.Memory
	boot time.Duration
	mute bool
	book int // of simRulebooks
}

func newScene(t *testing.T) *scene {
	w := &scene{t: t, k: newSimCluster(1_750_000_000_000), mem: store.NewMemory(), boot: time.Hour}
	w.k.create(simInput, 1)
	w.k.create(simOutput, 1)
	w.k.create(simParked, 1)
	return w
}

// owner takes the shard over.
func (w *scene) owner() *shard {
	s := w.shard()
	w.must(s.takeOver(context.Background()))
	w.must(s.begin(context.Background()))
	return s
}

// shard is one to be taken over.
func (w *scene) shard() *shard {
	c := &Config{App: simApp, IDKey: events.IDKey(simApp), Topics: Topics{Touchpoints: simInput, Events: simOutput, Parked: simParked},
		Rulebook: simRulebooks[w.book].rulebook(), Believe: simBelieve, Batch: 1024, Now: func() events.Instant { return w.k.now }, Alone: true, Mute: w.mute,
		CheckpointEvery: time.Second, Log: zerolog.New(zerolog.NewTestWriter(w.t)).Level(zerolog.WarnLevel)}
	s := newShard(c, simMetrics, scenePort{w.k}, 0, layout{1, 1, brokersAhead}, "o")
	s.stop, s.terms.boot = make(chan struct{}), func() time.Duration { return w.boot }
	s.voice.post = func(recs []kafka.Out) {
		base, err := s.producer.Append(context.Background(), recs)
		s.voice.acks <- ack{base, err}
	}
	s.openStore = func(context.Context) (*store.Store, error) {
		return store.OpenOn(w.mem, store.Config{Table: s.table, CacheBytes: 64 << 20, Log: c.Log})
	}
	return s
}

func (w *scene) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// order appends one order a record.
func (w *scene) order(customer, id string, amount int) {
	v := fmt.Sprintf(`{"type":"track","event":"Order Completed","messageId":%q,"userId":%q,"timestamp":%q,"properties":{"order_id":%q,"currency":"JPY","total":%d}}`,
		id, customer, w.k.now, id, amount)
	w.append(customer, v)
}

// restock appends an event of the world, of a product by its number.
func (w *scene) restock(id string, product int) {
	w.append("", fmt.Sprintf(`{"type":"track","event":"Product Restocked","messageId":%q,"userId":"","timestamp":%q,"properties":{"product_id":"p%d"}}`,
		id, w.k.now, product))
}

func (w *scene) append(key, value string) {
	_, err := w.k.append(w.k.log(simInput, 0), simStamp{-1, -1}, -1, []kafka.Out{{Key: []byte(key), Value: []byte(value)}})
	w.must(err)
}

// fold hands the shard what a fetch brings of at most so many records.
func (w *scene) fold(s *shard, most int) {
	b := w.k.log(simInput, 0).fetch(s.at.Input, most, w.k.now)
	w.must(s.batch(context.Background(), &b))
}

func (w *scene) acks(s *shard) {
	for len(s.voice.acks) > 0 {
		w.must(s.acked(context.Background(), <-s.voice.acks))
	}
}

// rest goes on until nothing is left.
func (w *scene) rest(s *shard) {
	for range 50 {
		w.fold(s, 1<<20)
		w.must(s.round(context.Background()))
		w.acks(s)
	}
	w.must(s.drain(context.Background(), -1))
}

func (w *scene) lastWords() map[string]string {
	last := map[string]string{}
	w.k.log(simOutput, 0).records(func(r *events.Record, producer int64) {
		if s, mark, err := events.ParseDerived(r); err == nil && mark == nil {
			last[string(s.Customer)+" "+s.Fact] = s.Value
		}
	})
	return last
}

// TestTornMute: a checkpoint of a mute owner breaks off between its rows and its positions. What horizons passed mute, and
// nobody ever said, stands in the rows as passed.
func TestTornMute(t *testing.T) {
	const n = 2047 // more than two times s.limits.due; a1 ends a slice
	w := newScene(t)
	for i := range n {
		w.order(fmt.Sprintf("c%04d", i), fmt.Sprintf("e%d", i), 250) // segment/vip for 30 min
	}
	s := w.owner()
	w.rest(s)
	w.must(s.checkpoint(context.Background(), true))

	// Half an hour later two records come, with which all these horizons are due.
	w.k.now += 31 * simMinute
	w.boot += 31 * time.Minute
	s.saveAfter = w.boot + time.Second // as if it had been quiet for half an hour: checkpoints came and went
	w.order("a", "a1", 10)
	w.k.now++
	w.order("a", "a2", 10)
	w.fold(s, 2)
	w.must(s.round(context.Background())) // 1000 of them pass, and what follows is sent
	w.must(s.acked(context.Background(), <-s.voice.acks))
	// crash: 200 have not passed, their words were not said

	s = w.owner()
	w.fold(s, 1) // a fetch ends here: still mute
	for range 3 {
		w.must(s.round(context.Background())) // all pass, mute
	}
	w.boot += 2 * time.Second
	w.mem.Hook = func(c store.CommitStage) error {
		if c == store.DuringCommit {
			return errors.New("SIGKILL")
		}
		return nil
	}
	t.Logf("speaking %v, torn: %v", s.speaking, s.round(context.Background()))
	_, err := s.store.Positions()
	t.Log(err, s.store.Wait())
	w.mem.Hook = nil

	s = w.owner()
	w.k.now += 24 * simHour
	w.boot += 24 * time.Hour
	w.rest(s)
	t.Logf("speaking %v, clock %s, due %v, walk %v", s.speaking, s.at.Clock, s.due, s.at.Walk)
	wrong, words := 0, w.lastWords()
	for i := range n {
		if v := words[fmt.Sprintf("c%04d segment/vip", i)]; v != "" {
			wrong++
		}
	}
	if wrong > 0 {
		t.Errorf("a day later the last word on segment/vip of %d of %d customers is still yes", wrong, n)
	}
}

// TestMuteThenSpeak: a first start was mute, and before it came to its end the configuration says speak.
func TestMuteThenSpeak(t *testing.T) {
	w := newScene(t)
	for i := range 10 {
		w.order("c", fmt.Sprint(i), 10)
	}
	w.mute = true
	s := w.owner()
	w.fold(s, 1)
	w.must(s.checkpoint(context.Background(), true))
	w.mute = false
	s = w.owner()
	w.k.now += simHour
	w.rest(s)
	if !s.speaking {
		t.Errorf("at %d of %d, mute until %d: it never speaks (%v)", s.at.Input, w.k.log(simInput, 0).end, s.at.MuteUntil, s.at.PastsSeen)
	}
}

// TestLostAfterFirstWords: a first start has said its first words, and its store is lost before the next checkpoint. Whoever comes
// goes on from the last of these words: what time made behind it is on time, though it would be late by the clock of the present,
// at which an event of the world comes to the customer who is not spoken of yet.
func TestLostAfterFirstWords(t *testing.T) {
	w := newScene(t)
	w.mute, w.book = true, len(simRulebooks)-1
	w.order("c", "first", simCareFrom)
	w.k.now += simMinute
	w.restock("again", simCareFrom%simProducts)
	s := w.owner()
	w.k.now += simMinute
	w.rest(s)
	if !s.speaking || len(w.lastWords()) == 0 {
		t.Fatalf("it speaks: %v; it said %v", s.speaking, w.lastWords())
	}
	w.mem.Wipe()
	w.k.now += simCare + simRulebooks[w.book].lateness + simHour
	w.order("c", "later", 10)
	w.rest(w.owner())
	if w.lastWords()["c trigger/care/first"] == "" {
		t.Errorf("what time made behind the first words is not said: %v", w.lastWords())
	}
}

// TestQuietRelease: a shard that was silent for longer than the lease is released.
func TestQuietRelease(t *testing.T) {
	w := newScene(t)
	w.order("c", "1", 10)
	s := w.owner()
	w.rest(s)
	w.boot += 15 * time.Minute
	w.k.now += 15 * simMinute
	w.must(s.finish(context.Background(), nil))
	if free, err := s.released(context.Background()); err != nil || !free {
		t.Errorf("released %v %v", free, err)
	}
}

// TestStopLetsGo: a shard that has stopped for somebody to see to has said what it had to say and is released, whether it
// stops in its loop or when it takes over, behind the mark that fences.
func TestStopLetsGo(t *testing.T) {
	w := newScene(t)
	s := w.owner()
	for i := range 20 {
		w.order(fmt.Sprint("c", i), fmt.Sprint("e", i), 250)
	}
	w.fold(s, 20)
	if err := s.finish(context.Background(), stop("see to it")); !isStop(err) || !s.voice.silent() {
		t.Errorf("%v; all is said: %v", err, s.voice.silent())
	}
	released := func(when string) {
		t.Helper()
		if free, err := s.released(context.Background()); err != nil || !free {
			t.Errorf("%s: released %v %v", when, free, err)
		}
	}
	released("in the loop")
	s = w.owner()
	_, err := s.producer.Append(context.Background(), []kafka.Out{{Key: []byte("c"), Value: []byte("of a newer touchfold")}})
	w.must(err)
	s = w.shard()
	if err := s.takeOver(context.Background()); !isStop(err) {
		t.Errorf("the take-over: %v", err)
	}
	released("in the take-over")
}

// TestManyLate: however much is to be folded again before a checkpoint, what follows is said meanwhile, and the end of the
// time for a stop is kept.
func TestManyLate(t *testing.T) {
	const n = 200
	w := newScene(t)
	late := func(round int) *shard {
		for i := range n {
			w.order(fmt.Sprintf("c%03d", i), fmt.Sprintf("e%d-%d", i, round), 250)
		}
		s := w.owner()
		w.rest(s)
		w.k.now -= simHour
		for i := range n {
			w.order(fmt.Sprintf("c%03d", i), fmt.Sprintf("late%d-%d", i, round), 250)
		}
		w.k.now += simHour
		w.fold(s, n)
		if s.limits.refold, s.limits.pending = 5, 1000; len(s.stale) != n {
			t.Fatalf("%d customers wait", len(s.stale))
		}
		return s
	}
	s := late(0)
	most, post := 0, s.voice.post
	s.voice.post = func(recs []kafka.Out) { most = max(most, len(recs)); post(recs) }
	w.must(s.checkpoint(context.Background(), true))
	if most == 0 || most > n/2 {
		t.Errorf("%d are said at once", most)
	}

	s = late(1)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := s.finish(ctx, nil); !isLost(err) || len(s.stale) != n {
		t.Errorf("after the deadline: %v; %d customers wait", err, len(s.stale))
	}
}

// TestHealed: a shard that stopped, was put right and is open again.
func TestHealed(t *testing.T) {
	m := &members{owned: map[events.ShardID]*ownership{}, generation: &kafka.Generation{}, p: &Processor{config: Config{Client: &kafka.Client{}}}}
	for id := range events.ShardID(2) {
		o := &ownership{id: id}
		m.owned[id] = o
	}
	if err := m.note(m.owned[0], stop("shard 0 must be seen to")); err != nil {
		t.Fatal(err)
	}
	for id := range events.ShardID(2) { // a person did, own took it over anew
		s := &shard{id: id}
		m.owned[id].shard.Store(s)
	}
	if err := m.note(m.owned[1], stop("shard 1 must be seen to")); err != nil {
		t.Errorf("shard 0 is open and works, and Run would end: %v", err)
	}
}
