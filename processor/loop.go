package processor

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/processor/kafka"
)

// loop folds what comes, until ctx ends.
func (s *shard) loop(ctx, appends context.Context, input <-chan kafka.Batch) error {
	tick := time.NewTicker(s.config.CheckpointEvery / 4)
	defer tick.Stop()
	always := make(chan struct{})
	close(always)
	leave := ctx.Done()
	for !s.stopping() {
		in, more, turn := input, (<-chan struct{})(nil), (chan struct{})(nil)
		if s.waitsForTurn() {
			in, turn = nil, s.toTake()
		} else if s.voice.bytes > s.limits.pending || s.full() {
			in = nil // the broker is behind, or the disk nearly full: wait
		} else if s.gathered.empty() && (s.due || len(s.stale) > 0 || s.mayWalk()) {
			more = always // work is left: look at the input, but do not wait for it
		}
		select {
		case <-s.stop:
			return nil
		case <-leave:
			leave = nil
			if err := s.lastSnapshot(); err != nil {
				return err
			}
		case b, open := <-in:
			if !open {
				return nil // reading ended because Run does
			}
			s.asides.keeps = false
			if err := s.batch(appends, &b); err != nil {
				return err
			}
			if !s.asides.keeps { // a touchpoint that is folded keeps nothing of its record
				b.Release()
			}
		case a := <-s.voice.acks:
			if err := s.acked(appends, a); err != nil {
				return err
			}
		case turn <- struct{}{}:
			s.takeTurn(turn)
		case <-tick.C:
		case <-more:
		}
		if err := s.round(appends); err != nil {
			return err
		}
	}
	return nil
}

// round does what is due between batches.
func (s *shard) round(ctx context.Context) error {
	s.share()
	s.endTurn()
	if s.gathered.empty() {
		if err := s.pass(s.limits.due); err != nil {
			return err
		}
	}
	if s.whole {
		if err := s.refold(s.limits.refold); err != nil {
			return err
		}
	}
	if err := s.walk(ctx); err != nil {
		return err
	}
	if err := s.flush(ctx); err != nil {
		return err
	}
	if s.whole && s.gathered.empty() && s.terms.boot() > s.saveAfter || s.store.DirtyBytes() > s.limits.dirty {
		if err := s.checkpoint(ctx, false); err != nil {
			return err
		}
	}
	if err := s.renew(ctx); err != nil {
		return err
	}
	if err := s.snapshot(); err != nil {
		return err
	}
	s.m.publish()
	s.report()
	return s.sayErr
}

// batch folds a batch in slices, which end at offsets that are multiples of Config.Batch. Late events are settled there
// and at the input's end only, so that what is merged does not depend on where a fetch happened to end.
func (s *shard) batch(ctx context.Context, b *kafka.Batch) error {
	if b.Err != nil {
		return s.fromLog(b.Err)
	}
	s.end = b.End
	s.whole = b.Next >= b.End
	if len(b.Records) == 0 {
		if b.Next != b.End || b.Next != s.at.Input {
			s.at.Input = max(s.at.Input, b.Next)
			return s.catchUp(ctx)
		}
		if s.speaking || !s.at.Speaking {
			s.advance(s.present(b.Sent) - ClockMargin)
		}
		if err := s.unmuteAt(ctx, b.Next); err != nil {
			return err
		}
		return s.propose(ctx)
	}
	if len(b.Records) >= s.limits.ahead {
		defer s.decoding.ahead(b.Records, s.at.Log, s.mostLog())()
	}
	for records := b.Records; len(records) > 0; {
		n, whole := s.cut(records)
		if err := s.slice(ctx, records[:n]); err != nil {
			return err
		}
		if records = records[n:]; len(records) == 0 {
			s.whole = whole || b.Next >= b.End
			break
		}
		s.whole = true
		if s.stopping() {
			return errStopped
		}
		if err := s.drain(ctx, s.limits.pending); err != nil {
			return err
		}
		if err := s.round(ctx); err != nil {
			return err
		}
	}
	s.at.Input = max(s.at.Input, b.Next)
	s.at.InputBatch, s.at.InputCRC = b.Base, b.CRC
	return s.catchUp(ctx)
}

// cut is how many records come before the next multiple of Config.Batch; whole, whether that is known to be reached.
func (s *shard) cut(records []events.Record) (n int, whole bool) {
	size := events.Offset(s.config.Batch)
	next := (records[0].Offset/size + 1) * size
	n, _ = slices.BinarySearchFunc(records, next, func(r events.Record, o events.Offset) int { return cmp.Compare(r.Offset, o) })
	return n, n < len(records) || records[n-1].Offset+1 == next
}

// slice folds a few records.
func (s *shard) slice(ctx context.Context, records []events.Record) error {
	began := time.Now()
	for i := range records {
		s.record = records[i] // which meet gives another time
		r := &s.record
		if !s.speaking {
			s.at.Input = max(s.at.Input, r.Offset)
			if err := s.catchUp(ctx); err != nil {
				return err
			}
			s.folds = true
		}
		s.meet(r)
		if err := s.unmuteAt(ctx, r.Offset); err != nil {
			return err
		}
		if err := s.take(ctx, r); err != nil {
			return err
		}
	}
	s.turn.fed = s.terms.boot()
	s.m.fold.Observe(time.Since(began).Seconds())
	return s.flushAside(ctx)
}

// report tells metrics and the watcher how far the shard is.
func (s *shard) report() {
	behind := max(0, s.end-s.at.Input)
	s.m.lagRecords.Set(float64(behind))
	age := events.Instant(0)
	if behind > 0 && s.at.Log > 0 {
		age = max(0, s.config.Now()-s.at.Log)
	}
	s.m.lagSeconds.Set(float64(age) / 1000)
	s.folded.Store(int64(s.at.Input))
	s.m.clock.Set(float64(s.at.Clock) / 1000)
	s.m.pending.Set(float64(s.store.HorizonsPending()))
	if s.speaking {
		s.m.speaking.Set(1)
	}
	if s.config.Watch != nil {
		s.config.Watch(Progress{Shard: s.id, Position: s.at.Input, End: s.end, Clock: s.at.Clock, Said: s.said,
			Settled: behind == 0 && !s.due && len(s.stale) == 0 && s.voice.silent() && s.speaking && !s.at.Walk.Active &&
				(s.proposed || s.id != 0)})
	}
}
