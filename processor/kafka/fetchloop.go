package kafka

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	kgo "github.com/segmentio/kafka-go"

	"github.com/touchfold/touchfold/events"
)

// flight is a request under way. A broker has one that waits for new records, with all its partitions that were there
// to go along, and for those that come later beside it one that hardly waits, until they all fit into the next.
type flight struct {
	leader int32
	beside bool
}

// landed is a flight that came back.
type landed struct {
	flight
	rs      []*reading
	sent    events.Instant
	got     map[events.ShardID]*fetchedPartition
	leaders []leader // where nobody was asked
	err     error
}

// loop is the state of Run.
type loop struct {
	f      *Fetcher
	ctx    context.Context
	wg     sync.WaitGroup
	reads  []*reading
	flying map[flight]bool
	turns  chan turn
	back   chan landed
	served uint64 // counts requests, to serve those first who got nothing last
}

// Run reads until ctx ends, which is no error, and returns when all goroutines have ended and all channels are closed.
func (f *Fetcher) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	l := &loop{f: f, ctx: ctx, flying: make(map[flight]bool), turns: make(chan turn), back: make(chan landed)}
	defer l.wg.Wait()
	defer cancel()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-f.changed:
			l.adopt()
		case t := <-l.turns:
			l.turn(t)
		case r := <-l.back:
			l.land(r)
		case <-timer.C:
		}
		if next := l.launch(time.Now()); !next.IsZero() {
			timer.Reset(time.Until(next))
		}
	}
}

// adopt takes over what Read and Stop changed.
func (l *loop) adopt() {
	l.f.mu.Lock()
	defer l.f.mu.Unlock()
	l.reads = slices.DeleteFunc(l.reads, func(r *reading) bool { return l.f.reads[r.partition] != r })
	for _, r := range l.f.reads {
		if slices.Contains(l.reads, r) {
			continue
		}
		l.reads = append(l.reads, r)
		l.wg.Go(func() { l.f.serve(l.ctx, r, l.turns) })
	}
	slices.SortFunc(l.reads, func(a, b *reading) int { return cmp.Compare(a.partition, b.partition) })
}

func (l *loop) turn(t turn) {
	t.r.state = t.to
	if t.to != ended {
		return
	}
	l.f.mu.Lock()
	if l.f.reads[t.r.partition] == t.r {
		delete(l.f.reads, t.r.partition)
	}
	l.f.mu.Unlock()
	l.adopt()
}

// launch sends off all who are ready, unless others of their broker will be in a moment. The result is when to come
// back, if anything waits for a time.
func (l *loop) launch(now time.Time) (next time.Time) {
	ready := make(map[int32][]*reading)
	soon := make(map[int32]bool)
	for _, r := range l.reads {
		leader := nobody
		if r.known {
			leader = r.leader.id
		}
		switch {
		case r.state == parsing:
			soon[leader] = true
		case r.state != idle:
		case r.after.After(now):
			if next.IsZero() || r.after.Before(next) {
				next = r.after
			}
		default:
			ready[leader] = append(ready[leader], r)
		}
	}
	for leader, rs := range ready {
		switch {
		case soon[leader] || l.flying[flight{leader, true}]:
		case l.flying[flight{leader, false}]:
			l.ask(flight{leader, true}, rs, min(l.f.limits.wait, briefWait))
		default:
			l.ask(flight{leader, false}, rs, l.f.limits.wait)
		}
	}
	return next
}

// ask sends one request. Those whom the last requests brought nothing stand first in it, because a broker that has
// filled its answer leaves out the rest.
func (l *loop) ask(to flight, rs []*reading, wait time.Duration) {
	slices.SortStableFunc(rs, func(a, b *reading) int { return cmp.Compare(a.served, b.served) })
	req := newFetchRequest(to.leader, l.f.cfg.Topic, l.f.limits, wait)
	l.f.mu.Lock()
	for _, r := range rs {
		r.state = asked
		if r.silent.IsZero() {
			r.silent = time.Now()
		}
		from := r.next
		if r.check {
			from = r.base
		}
		req.add(r.partition, from, r.leader.epoch, min(l.f.limits.partitionBytes, l.share()))
	}
	l.f.mu.Unlock()
	l.flying[to] = true
	l.wg.Go(func() {
		res := landed{flight: to, rs: rs, sent: l.f.cfg.Now()}
		if to.leader == nobody {
			res.leaders, res.err = l.f.c.leaders(l.ctx, l.f.cfg.Topic)
		} else {
			res.got, res.err = l.f.c.fetch(l.ctx, req)
		}
		select {
		case l.back <- res:
		case <-l.ctx.Done():
		}
	})
}

// share is how much memory what comes of one partition may take, so that all that was read and not taken stays within
// Memory: of each reading there are at most readAhead batches in the channel, one with its reader, one with its
// goroutine, and what came over the wire. On top come twice MaxBytes a broker of answers on their way, and a record
// batch that is larger than the share alone passes all the same.
func (l *loop) share() int {
	return max(l.f.limits.memory/(max(len(l.reads), 1)*(readAhead+3)), minShare)
}

// land hands out what came back.
func (l *loop) land(res landed) {
	delete(l.flying, res.flight)
	l.served++
	bad := make(map[string][]*reading) // by error, for the log
	for _, r := range res.rs {
		if err := l.landOne(r, res); err != nil {
			if !r.told && time.Since(r.silent) > tellAfter { // only Run writes silent
				r.told = true
				bad[err.Error()] = append(bad[err.Error()], r)
			}
			if !errors.Is(err, errOffset) { // who did not answer tells nothing of the log
				r.missing = time.Time{}
			}
			r.state, r.known = idle, false
			r.pause = min(max(2*r.pause, minPause), maxPause)
			r.after = time.Now().Add(r.pause)
		}
	}
	for text, rs := range bad {
		l.f.c.log.Warn().Str("topic", l.f.cfg.Topic).Ints32("partitions", numbers(rs)).Str("error", text).
			Msg("partitions cannot be read, trying again")
	}
}

// landOne hands out what came back for one reading. An error is one that may pass.
func (l *loop) landOne(r *reading, res landed) error {
	if res.err != nil {
		return res.err
	}
	if res.leader == nobody {
		if int(r.partition) >= len(res.leaders) || res.leaders[r.partition].id == nobody {
			return fmt.Errorf("partition has no leader: %w", kgo.LeaderNotAvailable)
		}
		r.state, r.known, r.leader, r.check = idle, true, res.leaders[r.partition], r.crc != 0
		return nil
	}
	got := res.got[r.partition]
	if got == nil && len(res.got) == 0 {
		return errors.New("the broker's answer is empty")
	}
	if got == nil { // left out because the answer was full: others were served, so next time it stands before them
		r.state = idle
		return nil
	}
	err := answered(got.ErrorCode)
	if err != nil && (retriable(err) || errors.Is(err, errOffset) && r.check && l.f.mayReturn(r)) {
		return err
	}
	l.works(r, err)
	if len(got.Records.b) > 0 {
		r.served = l.served
	}
	r.state = parsing
	r.answers <- answer{raw: got.Records.b, gone: got.AbortedTransactions, start: events.Offset(got.LogStartOffset),
		end: events.Offset(got.HighWatermark), sent: res.sent, limit: l.share(), err: err}
	return nil
}

// works notes that a partition was answered for, if not always as one would wish.
func (l *loop) works(r *reading, err error) {
	l.f.mu.Lock()
	r.silent = time.Time{}
	l.f.mu.Unlock()
	if err != nil {
		return
	}
	r.pause = 0
	if r.told {
		r.told = false
		l.f.c.log.Info().Str("topic", l.f.cfg.Topic).Int32("partition", int32(r.partition)).Msg("partition is read again")
	}
}

func numbers(rs []*reading) []int32 {
	out := make([]int32, len(rs))
	for i, r := range rs {
		out[i] = int32(r.partition)
	}
	return out
}
