package processor

import (
	"context"
	"slices"
	"sync/atomic"
	"time"

	"github.com/touchfold/touchfold/events"
)

// ferry forwards what stands on a partition that was added to the input after the number of shards was decided: to the
// partition of its customer's shard, where it is folded. The owner of the shard (partition mod shards) does it. How far it
// is stands in the group's offsets alone: what is forwarded twice is known by its id, or by its origin.
type ferry struct {
	cancel context.CancelFunc
	over   chan struct{} // closed when it has ended
	at     atomic.Int64  // next to be forwarded, -1 before that is known
}

// grow notes how many partitions the input has.
func (m *members) grow(partitions int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if partitions > m.partitions {
		m.p.config.Log.Warn().Str("topic", m.p.config.Topics.Touchpoints).Int("partitions", partitions).Int("shards", m.layout.shards).
			Msg("partitions were added to the topic; the number of shards stays, and touchpoints on the added ones are forwarded to their customers' shards")
		m.partitions = partitions
	}
	m.ferry()
}

// ferry begins the ferries that are this instance's and ends the others. m.mu is held.
func (m *members) ferry() {
	if m.closed {
		return
	}
	for p, f := range m.ferries {
		if o := m.owned[p%events.ShardID(m.layout.shards)]; o == nil || o.leaving {
			f.cancel()
			m.moored[p] = f
			delete(m.ferries, p)
		}
	}
	for i := m.layout.shards; i < m.partitions; i++ {
		p := events.ShardID(i)
		if o := m.owned[p%events.ShardID(m.layout.shards)]; o == nil || o.leaving || m.ferries[p] != nil {
			continue
		}
		f, former := &ferry{over: make(chan struct{})}, m.moored[p]
		f.at.Store(-1)
		var ctx context.Context
		ctx, f.cancel = context.WithCancel(m.ctx)
		m.ferries[p] = f
		m.run.Go(func() error {
			defer close(f.over)
			if former != nil { // it stops the partition's reading when it ends
				<-former.over
			}
			for ctx.Err() == nil {
				if err := m.carry(ctx, p, f); err != nil && ctx.Err() == nil {
					m.p.config.Log.Error().Err(err).Int("partition", int(p)).Msg("what stands on an added partition could not be forwarded; trying again")
				}
				select {
				case <-ctx.Done():
				case <-time.After(leastPause):
				}
			}
			return nil
		})
	}
}

// carry forwards until ctx ends or something goes wrong.
func (m *members) carry(ctx context.Context, p events.ShardID, f *ferry) error {
	c := &m.p.config
	committed, err := c.Client.CommittedOffsets(ctx, c.App, c.Topics.Touchpoints)
	if err != nil {
		return err
	}
	in, err := c.Client.Range(ctx, c.Topics.Touchpoints, p)
	if err != nil {
		return err
	}
	from := max(committed[p], in.First)
	decoder := events.NewDecoder(events.DecoderConfig{Currency: events.Currency{'X', 'X', 'X'}, MaxBytes: c.MaxBytes})
	var e events.Event
	var a asides
	input := m.fetcher.Read(p, from)
	defer m.fetcher.Stop(p)
	for {
		select {
		case <-ctx.Done():
			return nil
		case b, open := <-input:
			if !open || b.Err != nil {
				return b.Err
			}
			for records := range slices.Chunk(b.Records, c.Batch) {
				for i := range records {
					r := &records[i]
					m.direct(r, decoder, &e, &a)
				}
				if err := a.flush(ctx, c.Client, c.Topics); err != nil {
					return err
				}
			}
			f.at.Store(int64(b.Next))
		}
	}
}

// direct gathers one record for where it belongs.
func (m *members) direct(r *events.Record, d *events.Decoder, e *events.Event, a *asides) {
	if c, why := events.ControlOf(r, m.p.config.App); c.Kind != events.NoControl && why == nil {
		return // none is written here, and one that is concerns nobody
	}
	now := m.p.config.Now()
	if why := d.Decode(r, e); why != nil {
		m.p.metrics.parked.WithLabelValues(why.Reason.String()).Inc()
		a.park(r, why, now)
		return
	}
	if e.Customer == "" {
		if a.spread(m.p.config.App, r, m.layout.shards, now) {
			m.p.metrics.touchpoints.WithLabelValues(e.Type.String(), catalogue.String()).Inc()
		}
		return
	}
	to := events.ShardOf(e.Customer, m.layout.shards)
	did := a.forward(m.p.config.App, r, e.Customer, to, now)
	m.p.metrics.touchpoints.WithLabelValues(e.Type.String(), did.String()).Inc()
}
