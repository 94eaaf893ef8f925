package processor

import (
	"context"
	"slices"
	"time"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/processor/kafka"
	"github.com/touchfold/touchfold/state/store"
)

// What instances tell and ask one another, by way of the group, so that a shard goes from one to the next without a pause.
// All of it is courtesy: who owns a shard only its producer's epoch says.

const (
	// releaseWithin is how long a shard that moves waits for its former owner to release it.
	releaseWithin = time.Minute
	// releasePoll is how often it looks.
	releasePoll = 50 * time.Millisecond
	// membersWithin bounds the question who is in the group, which waits while the group assembles anew.
	membersWithin = 300 * time.Millisecond
	// departWithin is how long an instance that is to stop goes on with its shards until the others wait for them. They
	// notice with their next heartbeat, after a second at most. It is at most a fourth of Config.StopWithin.
	departWithin = 2 * time.Second
)

// about is what this instance tells the others: the shards that it is at work on, or will be, and those of which it has a
// store. One that is departing is at work on a shard until it has released it.
func (m *members) about() kafka.About {
	c := &m.p.config
	m.mu.Lock()
	defer m.mu.Unlock()
	a := kafka.About{Instance: c.Instance, Address: c.Address, Version: c.Version, Leaving: m.departing}
	for i := range m.layout.shards {
		h := kafka.Held{Shard: events.ShardID(i)}
		var saved bool
		h.Position, saved = store.Saved(StoreDir(c.Dir, h.Shard))
		if o := m.owned[h.Shard]; o != nil && (!o.leaving || m.departing) {
			if s := o.shard.Load(); s != nil && s.folded.Load() >= 0 {
				h.Position, h.Owned = events.Offset(s.folded.Load()), true
			}
			h.Opening = !h.Owned && !o.leaving && o.stopped == nil
		}
		if saved || h.Owned || h.Opening {
			a.Held = append(a.Held, h)
		}
	}
	return a
}

// depart tells the others that this instance leaves, and goes on with its shards until they wait for them: then each is
// taken over as it is released. It does not wait for long, and not at all if nobody else is there.
func (m *members) depart(ctx context.Context) {
	if m.p.config.Alone || !m.another(ctx, func(a kafka.Member) bool { return !a.Leaving }) {
		return
	}
	m.mu.Lock()
	m.departing = true
	m.mu.Unlock()
	m.anew <- struct{}{}
	late := time.After(min(departWithin, m.p.config.StopWithin/4))
	for {
		m.mu.Lock()
		open, opening, stopped := m.count()
		next := m.next
		m.mu.Unlock()
		if open+opening+stopped == 0 {
			return
		}
		select {
		case <-next:
		case <-late:
			return
		case <-ctx.Done():
			return
		}
	}
}

// assignedHere: the coordinator says that a shard is this instance's.
func (m *members) assignedHere(ctx context.Context, id events.ShardID) bool {
	all, err := m.p.config.Client.Members(ctx, m.p.config.App, m.p.config.Topics.Touchpoints)
	return err == nil && slices.ContainsFunc(all, func(a kafka.Member) bool {
		return a.Instance == m.p.config.Instance && slices.Contains(a.Shards, id)
	})
}

// awaitRelease waits until the former owner has released the shard, as long as it lives; not for long.
func (m *members) awaitRelease(ctx context.Context, s *shard) {
	ctx, cancel := context.WithTimeout(ctx, releaseWithin)
	defer cancel()
	tick := time.NewTicker(releasePoll)
	defer tick.Stop()
	for n := 0; ctx.Err() == nil; n++ {
		if free, err := s.released(ctx); err != nil || free {
			return
		}
		if n%10 == 0 && !m.heldByOther(ctx, s.id) {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
}

// heldByOther: another living member says that it has the shard.
func (m *members) heldByOther(ctx context.Context, id events.ShardID) bool {
	return m.another(ctx, func(a kafka.Member) bool {
		return slices.ContainsFunc(a.Held, func(h kafka.Held) bool { return h.Shard == id && h.Owned })
	})
}

// another: a living member other than this one is so, or may be, as long as the group assembles anew.
func (m *members) another(ctx context.Context, so func(kafka.Member) bool) bool {
	c := &m.p.config
	soon, cancel := context.WithTimeout(ctx, membersWithin)
	defer cancel()
	all, err := c.Client.Members(soon, c.App, c.Topics.Touchpoints)
	if err != nil {
		return soon.Err() != nil
	}
	return slices.ContainsFunc(all, func(a kafka.Member) bool { return a.Instance != c.Instance && so(a) })
}
