package processor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/processor/kafka"
	"github.com/touchfold/touchfold/state/store"
)

// leastPause and mostPause are between an ownership that ended badly and the next.
const leastPause, mostPause = time.Second, time.Minute

// members is which shards this instance owns. What the group assigns is a hint: a shard goes on through generations,
// is begun when it is assigned and ended when it is not any more.
type members struct {
	p       *Processor
	layout  layout
	fetcher *kafka.Fetcher
	run     *errgroup.Group
	ctx     context.Context // of the owners
	last    context.Context // ends when they must have
	space   *store.Space
	wasLow  atomic.Bool
	anew    chan struct{} // has the group assemble; room for one
	shares  shares
	turns   turns

	mu         sync.Mutex
	closed     bool
	departing  bool // the instance is to stop: the group knows, and nothing begins any more
	owned      map[events.ShardID]*ownership
	partitions int                       // of the input, as far as is known
	ferries    map[events.ShardID]*ferry // by added partition
	moored     map[events.ShardID]*ferry // the last one of each that were ended
	generation *kafka.Generation
	next       chan struct{} // closed when another generation begins
}

// ownership is a shard that this instance is to own.
type ownership struct {
	id      events.ShardID
	cancel  context.CancelFunc
	leaving bool          // of members.mu
	stopped error         // of members.mu: what a person must see to
	over    chan struct{} // closed when it has ended
	shard   atomic.Pointer[shard]
	folded  atomic.Int64 // how far it was when it was last asked, -1 before

	unclosed *store.Store // of a former owner of this process that could not close it; of the goroutine that owns
}

// full says once that a disk is nearly full, and once that it no longer is.
func (m *members) full() bool {
	low := m.space.Low()
	if m.wasLow.Swap(low) != low {
		room, _ := m.space.Room()
		log := m.p.config.Log.With().Str("dir", m.p.config.Dir).Uint64("free_bytes", room.Free).Uint64("needed_bytes", room.Needed).Logger()
		if low {
			log.Error().Msg("the disk of the stores is nearly full: no touchpoints are read until there is room; make some")
		} else {
			log.Info().Msg("the disk of the stores has room again: reading goes on")
		}
	}
	return low
}

// open: the shard is at work, whatever was wrong with it before.
func (o *ownership) open() bool {
	s := o.shard.Load()
	return s != nil && s.folded.Load() >= 0
}

func (m *members) begin(p *Processor, l layout, f *kafka.Fetcher, run *errgroup.Group, ctx, last context.Context) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.p, m.layout, m.fetcher, m.run, m.ctx, m.last = p, l, f, run, ctx, last
	m.anew = make(chan struct{}, 1)
	m.turns = m.p.config.newTurns()
	space := p.config.Space
	space.Dir = p.config.Dir
	m.space = store.NewSpace(space)
	m.owned, m.next = map[events.ShardID]*ownership{}, make(chan struct{})
	m.ferries, m.moored, m.partitions = map[events.ShardID]*ferry{}, map[events.ShardID]*ferry{}, l.partitions
}

// join is a member of the group until ctx ends, or owns all shards at once.
func (m *members) join(ctx context.Context) error {
	c := &m.p.config
	if c.Alone {
		all := make([]events.ShardID, m.layout.shards)
		for i := range all {
			all[i] = events.ShardID(i)
		}
		m.assign(nil, all)
		<-ctx.Done()
		return nil
	}
	return c.Client.RunGroup(ctx, kafka.GroupConfig{Group: c.App, Topic: c.Topics.Touchpoints, Shards: m.layout.shards,
		Session: c.Session, About: m.about, Anew: m.anew}, func(g *kafka.Generation) { m.assign(g, g.Shards) })
}

// assign begins and ends ownerships.
func (m *members) assign(g *kafka.Generation, want []events.ShardID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return
	}
	m.generation = g
	close(m.next)
	m.next = make(chan struct{})
	for id, o := range m.owned {
		if !o.leaving && !slices.Contains(want, id) {
			o.leaving = true
			o.cancel()
		}
	}
	for _, id := range want {
		former := m.owned[id]
		if m.departing || former != nil && !former.leaving {
			continue
		}
		o := &ownership{id: id, over: make(chan struct{})}
		o.folded.Store(-1)
		var ctx context.Context
		ctx, o.cancel = context.WithCancel(m.ctx)
		m.owned[id] = o
		m.shares.join()
		m.run.Go(func() error {
			defer close(o.over)
			defer m.shares.leave()
			if former != nil {
				<-former.over
				o.unclosed = former.unclosed
			}
			return m.own(ctx, o)
		})
	}
	m.ferry()
}

// close lets nothing begin any more.
func (m *members) close() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
}

// own owns a shard until ctx ends: an ownership that ends otherwise is followed by another.
func (m *members) own(ctx context.Context, o *ownership) error {
	c := &m.p.config
	pause := leastPause
	for ctx.Err() == nil {
		began := time.Now()
		err := shut(&o.unclosed)
		if err == nil {
			err = m.ownOnce(ctx, o)
		}
		if err == nil {
			return nil
		}
		if errors.Is(err, store.ErrDamaged) {
			if failed := setAside(c, o.id, err); failed != nil {
				err = failed
			} else if time.Since(began) > pause {
				continue // at once, but not again and again
			}
		}
		if c.Alone || m.ctx.Err() != nil { // not all was said before the end
			return fmt.Errorf("shard %d: %w", o.id, err)
		}
		if ctx.Err() != nil {
			m.p.config.Log.Warn().Int("shard", int(o.id)).Err(err).
				Msg("the shard, which is another instance's now, was not saved to the end; that one goes on from what was said")
			return nil
		}
		if all := m.note(o, err); all != nil {
			return all
		}
		if time.Since(began) > mostPause {
			pause = leastPause
		}
		m.log(o, err, pause)
		m.wait(ctx, o, isLost(err), pause)
		if !isLost(err) {
			pause = min(2*pause, mostPause)
		}
	}
	return nil
}

// ownOnce is one ownership, from taking the shard over until it ends.
func (m *members) ownOnce(ctx context.Context, o *ownership) error {
	s := m.newShard(o.id)
	if !m.p.config.Alone {
		m.awaitRelease(ctx, s)
	}
	o.shard.Store(s)
	err := s.run(ctx, m.last, m.fetcher)
	o.folded.Store(s.folded.Load())
	o.shard.Store(nil)
	o.unclosed = s.store
	s.m.closed()
	return err
}

func (m *members) newShard(id events.ShardID) *shard {
	s := newShard(&m.p.config, m.p.metrics, cluster{m.p.config.Client}, id, m.layout, m.p.config.Instance)
	s.full, s.shares, s.turn.turns = m.full, &m.shares, m.turns
	s.share()
	return s
}

// note keeps what a person must see to. If that is so of all shards that are this instance's, it is the error of Run.
func (m *members) note(o *ownership, err error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if o.stopped = nil; isStop(err) {
		o.stopped = fmt.Errorf("shard %d has stopped: %w", o.id, err)
	}
	var all []error
	for _, o := range m.owned {
		if o.leaving {
			continue
		}
		if o.stopped == nil || o.open() {
			return nil
		}
		all = append(all, o.stopped)
	}
	return errors.Join(all...)
}

func (m *members) log(o *ownership, err error, pause time.Duration) {
	log := m.p.config.Log.With().Int("shard", int(o.id)).Err(err).Dur("again_in", pause).Logger()
	switch {
	case isLost(err):
		log.Warn().Msg("the shard was lost to another instance; it is taken again only if the group still says that it is ours")
	case isStop(err):
		log.Error().Msg("the shard has stopped and needs somebody to see to it; it is tried again now and then")
	default:
		log.Error().Msg("the shard could not go on; what it had not saved is folded again")
	}
}

// wait waits before a shard is taken again: one that was lost, until the coordinator says that it is still ours, or the
// group has assembled anew, or would have.
func (m *members) wait(ctx context.Context, o *ownership, lost bool, pause time.Duration) {
	m.mu.Lock()
	next := m.next
	m.mu.Unlock()
	session := time.Now().Add(m.p.config.Session)
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
		select {
		case <-next:
			return
		default:
		}
		if !lost || time.Now().After(session) || m.assignedHere(ctx, o.id) {
			return
		}
	}
}

// positions is how far the shards are, and the generation in which to say so.
func (m *members) positions() (map[events.ShardID]events.Offset, *kafka.Generation) {
	m.mu.Lock()
	defer m.mu.Unlock()
	next := map[events.ShardID]events.Offset{}
	for id, o := range m.owned {
		if o.leaving {
			continue
		}
		if s := o.shard.Load(); s != nil {
			o.folded.Store(s.folded.Load())
		}
		if at := o.folded.Load(); at >= 0 {
			next[id] = events.Offset(at)
		}
	}
	for p, f := range m.ferries {
		if at := f.at.Load(); at >= 0 {
			next[p] = events.Offset(at)
		}
	}
	return next, m.generation
}

// silence is how long brokers may not answer before this instance is not ready.
const silence = 15 * time.Second

func (m *members) ready() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.owned == nil {
		return errors.New("the topics are being looked at")
	}
	if m.departing {
		return errors.New("stopping: the shards are being released")
	}
	if d := m.p.config.Client.Silent(); d > silence {
		return fmt.Errorf("no broker has answered for %s; processing goes on by itself when one does", d.Round(time.Second))
	}
	if p := m.fetcher.Stalled(silence); len(p) > 0 {
		return fmt.Errorf("partition %d and %d others of %s have not been readable for %s; processing goes on by itself when they are",
			p[0], len(p)-1, m.p.config.Topics.Touchpoints, silence)
	}
	if m.full() {
		room, _ := m.space.Room()
		return fmt.Errorf("the disk of %s is nearly full, %s: no touchpoints are read until there is room; make some", m.p.config.Dir, room)
	}
	if m.generation == nil && len(m.owned) == 0 {
		return errors.New("waiting to be told which shards are this instance's")
	}
	for _, o := range m.owned {
		if !o.leaving && o.stopped != nil && !o.open() {
			return o.stopped
		}
	}
	if open, opening, _ := m.count(); opening > 0 {
		return fmt.Errorf("%d of %d shards are open", open, open+opening)
	}
	return nil
}

// count is how many shards are open, opening, and stopped. m.mu is held.
func (m *members) count() (open, opening, stopped int) {
	for _, o := range m.owned {
		switch {
		case o.leaving:
		case o.open():
			open++
		case o.stopped != nil:
			stopped++
		default:
			opening++
		}
	}
	return open, opening, stopped
}
