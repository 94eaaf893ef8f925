package processor

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/processor/kafka"
	"github.com/touchfold/touchfold/state/store"
)

// simMetrics are those of all owners of all seeds.
var simMetrics = newMetrics(prometheus.NewRegistry())

// simOwner is one owner of a shard: the shard as the product runs it. Its mind folds and its mouth appends what is to be
// said; each is a coroutine that hands control back to the scheduler at every request, and where it would look for
// something to do.
type simOwner struct {
	w        *simWorld
	name     string
	id       events.ShardID
	disk     *simDisk
	skew     events.Instant // of its wall clock
	shard    *shard
	opened   bool          // has taken over
	frozen   int           // is not run before this turn
	idle     bool          // between two turns
	stopping chan struct{} // closed when it is to stop
	told     bool          // to stop
	posted   []kafka.Out   // handed to the mouth

	mind, mouth simCoroutine
	current     *simCoroutine
	dead        bool // has crashed, though it may not have noticed
	done        bool
	after       int // requests after its end
	err         error
}

// simCoroutine runs between two calls of next.
type simCoroutine struct {
	yield func(struct{}) bool
	next  func() (struct{}, bool)
	stop  func()
	sent  func() error // its request that is on its way
}

func (c *simCoroutine) start(body func()) {
	c.next, c.stop = iter.Pull(func(yield func(struct{}) bool) {
		c.yield = yield
		body()
	})
}

func newSimOwner(w *simWorld, name string, id events.ShardID, d *simDisk) *simOwner {
	o := &simOwner{w: w, name: name, id: id, disk: d, stopping: make(chan struct{})}
	d.owner = o
	if o.skew = events.Instant(w.IntN(2000)); w.IntN(4) == 0 {
		o.skew = events.Instant(w.IntN(int(2*simHour))) - 4*simMinute
	}
	o.mind.start(func() { o.err = o.live() })
	o.mouth.start(o.speak)
	return o
}

func (o *simOwner) now() events.Instant { return o.w.kafka.now + o.skew }

// pause hands control to the scheduler; an error: this owner has ended.
func (o *simOwner) pause() error {
	if o.dead || !o.current.yield(struct{}{}) {
		if o.dead = true; o.after > 1000 {
			panic("an owner that has ended goes on and on")
		}
		o.after++
		return errSimCrash
	}
	return nil
}

// run lets the owner go on to where it pauses next.
func (o *simOwner) run() {
	if o.done {
		return
	}
	if o.posted != nil && o.w.IntN(2) == 0 {
		o.current = &o.mouth
		o.mouth.next()
		return
	}
	o.current = &o.mind
	if _, more := o.mind.next(); !more {
		o.end()
	}
}

// crash ends the owner where it is. What it has sent may arrive later.
func (o *simOwner) crash() {
	if o.done {
		return
	}
	o.w.count.crashes++
	o.end()
}

// end lets both coroutines come to their ends.
func (o *simOwner) end() {
	o.dead = true
	for _, c := range []*simCoroutine{&o.mouth, &o.mind} {
		if sent := c.sent; sent != nil && o.w.mishap(o.w.odds.ghost) {
			o.w.ghosts = append(o.w.ghosts, func() { sent() })
		}
		o.current = c
		c.stop()
	}
	o.done = true
	o.w.ended(o)
}

// verdict is nil if an owner may end so.
func (o *simOwner) verdict() error {
	if o.err == nil || errors.Is(o.err, errSimCrash) || errors.Is(o.err, errSimBroker) || isLost(o.err) {
		return nil
	}
	return fmt.Errorf("%s has ended: %w", o.name, o.err)
}

// newShard is the shard on this owner's disk and its view of Kafka.
func (o *simOwner) newShard() *shard {
	w := o.w
	c := &Config{App: simApp, IDKey: events.IDKey(simApp), Topics: Topics{Touchpoints: simInput, Events: simOutput, Parked: simParked},
		Mute: w.mute, Alone: w.alone, Rulebook: w.rules().rulebook(), Believe: simBelieve, Batch: 1 << w.IntN(6), Now: o.now,
		CheckpointEvery: time.Duration(w.IntN(40)-15) * time.Second, Log: zerolog.Nop()}
	if w.out != nil {
		c.Log = zerolog.New(w.out).With().Str("owner", o.name).Logger()
	}
	s := newShard(c, simMetrics, simPort{o}, o.id, layout{w.shards, w.shards, brokersAhead}, o.name)
	if w.limits != nil {
		s.limits = *w.limits
	}
	s.stop, s.terms.boot = o.stopping, func() time.Duration { return w.boot }
	s.voice.post = func(recs []kafka.Out) { o.posted = recs }
	s.openStore = func(context.Context) (*store.Store, error) {
		o.disk.memory.Hook = func(store.CommitStage) error { return o.pause() }
		return store.OpenOn(o.disk.memory, store.Config{Shard: o.id, Table: o.shard.table, CacheBytes: 1 << 10, Log: c.Log})
	}
	return s
}

// live is an owner's life, as shard.run has it: it takes the shard over, folds until it is told to stop, and leaves.
func (o *simOwner) live() error {
	ctx := simContext{o}
	o.shard = o.newShard()
	if err := o.shard.takeOver(ctx); err != nil {
		return err
	}
	o.opened = true
	err := o.shard.begin(ctx)
	for err == nil && !o.shard.stopping() {
		err = o.turn(ctx)
	}
	return o.shard.finish(ctx, err)
}

// turn does one of the things that the shard's loop waits for, and what is due then.
func (o *simOwner) turn(ctx simContext) error {
	o.idle = true
	if err := o.pause(); err != nil {
		return err
	}
	o.idle = false
	s := o.shard
	switch x := o.w.IntN(10); {
	case x < 5:
		b, err := o.fetch()
		if err == nil {
			err = s.batch(ctx, &b)
		}
		if err != nil {
			return err
		}
	case x < 8 && len(s.voice.acks) > 0:
		if err := s.acked(ctx, <-s.voice.acks); err != nil {
			return err
		}
	}
	return s.round(ctx)
}

// fetch is a request to the input; its answer may be old when it is looked at.
func (o *simOwner) fetch() (b kafka.Batch, err error) {
	sent := o.now()
	if err := o.pause(); err != nil {
		return b, err
	}
	b = o.w.kafka.log(simInput, o.id).fetch(o.shard.at.Input, 1+o.w.IntN(20), sent)
	return b, o.pause()
}

// speak appends what is posted, batch by batch.
func (o *simOwner) speak() {
	for {
		for o.posted == nil {
			if o.pause() != nil {
				return
			}
		}
		base, err := o.shard.producer.Append(simContext{o}, o.posted)
		if o.dead {
			return
		}
		o.posted = nil
		o.shard.voice.acks <- ack{base, err}
	}
}

// await lets others run until an acknowledgement is there.
func (o *simOwner) await() {
	for o.posted != nil && o.current == &o.mind && len(o.shard.voice.acks) == 0 {
		if o.pause() != nil {
			return
		}
	}
}

// settled: it has said all there is to say up to the input's end and the present.
func (o *simOwner) settled() bool {
	s := o.shard
	return o.idle && s.speaking && !s.at.Walk.Active && s.at.Input == o.w.kafka.log(simInput, o.id).end && s.at.Clock >= min(o.now(), o.w.kafka.now)-ClockMargin-1000 &&
		!s.due && (s.proposed || s.id != 0) && len(s.stale) == 0 && s.voice.silent() && s.asides.empty()
}
