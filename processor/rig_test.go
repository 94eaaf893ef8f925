package processor

import (
	"context"
	"fmt"
	"maps"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"github.com/touchfold/touchfold/config"
	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/processor/kafka"
	"github.com/touchfold/touchfold/processor/localkafka"
	"github.com/touchfold/touchfold/state"
	"github.com/touchfold/touchfold/state/features"
	"github.com/touchfold/touchfold/state/rulebook"
	"github.com/touchfold/touchfold/state/store"
)

// patience is how long a test waits for what must come.
const patience = 60 * time.Second

func TestMain(m *testing.M) {
	var but []goleak.Option
	if os.Getenv("KAFKA_ADDR") != "" { // there a connection outlives its client until the request under way is answered
		but = append(but, goleak.IgnoreAnyFunction("github.com/segmentio/kafka-go.(*conn).run"))
	}
	goleak.VerifyTestMain(m, but...)
}

// rig is a broker with an input topic, and what processors over it are made of. Each has topics and an app of its own.
type rig struct {
	testing.TB
	addrs  []string
	client *kafka.Client
	setup  *config.Config
	config Config // of each start, before the start's own changes
	log    *lines
}

var rigs atomic.Int64

// newRig makes a rig on the broker that KAFKA_ADDR names, or on one of its own, with so many shards. change, if set,
// changes the configuration; the input is made as it then says.
func newRig(t testing.TB, shards int, change func(*Config)) *rig {
	t.Helper()
	if a := os.Getenv("KAFKA_ADDR"); a != "" {
		return newRigOn(t, strings.Split(a, ","), shards, change)
	}
	log := &lines{}
	b, err := localkafka.Start(localkafka.Config{Listen: "127.0.0.1:0", Log: zerolog.New(log)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return newRigOn(t, []string{b.Addr()}, shards, change)
}

func newRigOn(t testing.TB, addrs []string, shards int, change func(*Config)) *rig {
	t.Helper()
	r := &rig{TB: t, addrs: addrs, setup: config.Default(), log: &lines{}}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the log:\n%s", r.log)
		}
	})
	var err error
	if r.client, err = kafka.New(kafka.Config{Brokers: addrs, Log: zerolog.New(r.log)}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.client.Close)
	rules := features.Propose(r.setup)
	name := fmt.Sprintf("p%d-%d", time.Now().UnixNano(), rigs.Add(1))
	r.config = Config{Alone: true, App: name + "-app", Dir: t.TempDir(), Rulebook: rules, Client: r.client,
		Topics:     Topics{Touchpoints: name, Events: name + "-events", Parked: name + "-parked", Partitions: shards, Replication: 1},
		CacheBytes: 64 << 20, CheckpointEvery: 400 * time.Millisecond, Log: zerolog.New(r.log)}
	if change != nil {
		change(&r.config)
	}
	times := logAppendTime
	if r.config.Topics.CreateTime {
		times = createTime
	}
	r.createTopic(name, shards, "message.timestamp.type", times, "max.message.bytes", "15000000")
	return r
}

// table is the features that a start folds by, if the log says nothing else.
func (r *rig) table() *state.Table {
	r.Helper()
	believe := r.config.Believe
	if believe == nil {
		believe = belief
	}
	b, err := believe(r.config.Rulebook, nil, 0)
	r.must(err)
	return b.Table
}

// fold has the processors fold by a table of the test's own.
func (r *rig) fold(table *state.Table) {
	r.config.Believe = func(*rulebook.Rulebook, state.Since, events.Instant) (Belief, error) {
		return Belief{Table: table, Currency: r.setup.Business.Currency}, nil
	}
}

// createTopic creates a topic that keeps everything; configs are name, value, name, value …
func (r *rig) createTopic(name string, partitions int, configs ...string) {
	r.Helper()
	t := kafka.Topic{Name: name, Partitions: partitions, Replication: 1, Configs: map[string]string{"retention.ms": "-1", "retention.bytes": "-1"}}
	for i := 0; i < len(configs); i += 2 {
		t.Configs[configs[i]] = configs[i+1]
	}
	if err := r.client.CreateTopic(r.context(), t); err != nil {
		r.Fatal(err)
	}
}

// context ends with patience or the test.
func (r *rig) context() context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	r.Cleanup(cancel)
	return ctx
}

// run is a processor that runs.
type run struct {
	*rig
	processor *Processor
	registry  *prometheus.Registry
	cancel    context.CancelFunc
	ended     chan struct{}
	dir       string // of its stores
	err       error  // of Run, once ended

	mu       sync.Mutex
	progress map[events.ShardID]Progress
	moved    chan struct{} // progress is another; room for one
}

// start starts a processor; it is stopped with the test at the latest.
func (r *rig) start(changes ...func(*Config)) *run {
	r.Helper()
	p := &run{rig: r, registry: prometheus.NewRegistry(), ended: make(chan struct{}), progress: map[events.ShardID]Progress{},
		moved: make(chan struct{}, 1)}
	c := r.config
	c.Registry = p.registry
	for _, change := range changes {
		change(&c)
	}
	p.dir = c.Dir
	watch := c.Watch
	c.Watch = func(at Progress) {
		p.mu.Lock()
		p.progress[at.Shard] = at
		p.mu.Unlock()
		select {
		case p.moved <- struct{}{}:
		default:
		}
		if watch != nil {
			watch(at)
		}
	}
	var err error
	if p.processor, err = New(c); err != nil {
		r.Fatal(err)
	}
	var ctx context.Context
	ctx, p.cancel = context.WithCancel(context.Background())
	go func() {
		defer close(p.ended)
		p.err = p.processor.Run(ctx)
	}()
	r.Cleanup(func() { p.cancel(); <-p.ended })
	return p
}

// stop stops a processor that must end well.
func (p *run) stop() {
	p.Helper()
	p.cancel()
	if err := p.end(); err != nil {
		p.Fatalf("Run: %v", err)
	}
}

// end waits until Run returns.
func (p *run) end() error {
	p.Helper()
	select {
	case <-p.ended:
	case <-time.After(patience):
		p.Fatal("Run does not return")
	}
	return p.err
}

// at is how far a shard is, zero before it has begun.
func (p *run) at(s events.ShardID) Progress {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.progress[s]
}

// shards is how far each shard is that has begun.
func (p *run) shards() map[events.ShardID]Progress {
	p.mu.Lock()
	defer p.mu.Unlock()
	return maps.Clone(p.progress)
}

// sum is how far all shards are together.
func (p *run) sum() (folded, said int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, at := range p.progress {
		folded, said = folded+int(at.Position), said+int(at.Said)
	}
	return folded, said
}

// await waits until f holds; it is asked again whenever a shard has moved.
func (p *run) await(what string, f func() bool) {
	p.Helper()
	late := time.After(patience)
	for !f() {
		select {
		case <-p.moved:
		case <-p.ended:
			if !f() {
				p.Fatalf("waiting until %s: Run ended: %v", what, p.err)
			}
		case <-late:
			p.Fatalf("waited in vain until %s; the shards are at %+v", what, p.shards())
		}
	}
}

// settle waits until all shards are settled at the input's end.
func (p *run) settle() {
	p.Helper()
	p.await("all is folded and said", func() bool {
		at := p.shards()
		for i := range p.config.Topics.Partitions {
			if a := at[events.ShardID(i)]; !a.Settled || a.Position != a.End {
				return false
			}
		}
		for i, end := range p.ends(p.config.Topics.Touchpoints) {
			if at[events.ShardID(i)].Position != end {
				return false
			}
		}
		return true
	})
}

// once runs a processor until it is settled and stops it.
func (r *rig) once(changes ...func(*Config)) {
	r.Helper()
	p := r.start(changes...)
	p.settle()
	p.stop()
}

// ends are the ends of a topic's partitions.
func (r *rig) ends(topic string) (ends []events.Offset) {
	r.Helper()
	all, err := r.client.Ranges(r.context(), topic)
	if err != nil {
		r.Fatal(err)
	}
	for _, a := range all {
		ends = append(ends, a.End)
	}
	return ends
}

// stores calls f with every shard's store, of a processor that was stopped.
func (r *rig) stores(f func(*store.Store)) {
	r.Helper()
	for i := range r.config.Topics.Partitions {
		id := events.ShardID(i)
		s, err := store.Open(store.Config{Dir: StoreDir(r.config.Dir, id), Shard: id, Table: r.table(), CacheBytes: 64 << 20})
		if err != nil {
			r.Fatal(err)
		}
		f(s)
		if err := s.Close(); err != nil {
			r.Fatal(err)
		}
	}
}

// positions are those of each shard's last checkpoint.
func (r *rig) positions() (all []store.Positions) {
	r.Helper()
	r.stores(func(s *store.Store) {
		at, exists := s.Positions()
		if !exists {
			r.Fatal("no checkpoint")
		}
		all = append(all, at)
	})
	return all
}

// states are the bytes of every customer's features.
func (r *rig) states() map[events.CustomerID]string {
	r.Helper()
	all := map[events.CustomerID]string{}
	r.stores(func(s *store.Store) {
		err := s.Customers("", func(c *state.Customer) (bool, error) {
			all[c.ID()] = string(c.AppendState(nil))
			return true, nil
		})
		if err != nil {
			r.Fatal(err)
		}
	})
	return all
}

// lines is a log.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// clock is an injected clock.
type clock struct{ now atomic.Int64 }

func newClock(at events.Instant) *clock {
	c := &clock{}
	c.set(at)
	return c
}

func (c *clock) set(at events.Instant) { c.now.Store(int64(at)) }

func (c *clock) Now() events.Instant { return events.Instant(c.now.Load()) }

// date is an instant by its text.
func date(text string) events.Instant {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		panic(err)
	}
	return events.At(t)
}
