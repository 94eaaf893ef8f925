package processor

import (
	"context"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/touchfold/touchfold/events"
)

// tenure is what makes this shard the owner. The times are of terms.boot.
type tenure struct {
	producer producer
	took     time.Duration // when it was taken
	heard    time.Duration // before the last append that the broker has acknowledged was sent
	spoke    atomic.Int64  // before what is in flight was sent
}

// sinceBoot is a clock that never goes back and also runs while the machine sleeps or the process is stopped.
func sinceBoot() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &t); err != nil {
		return time.Duration(time.Now().UnixNano())
	}
	return time.Duration(t.Nano())
}

// flush hands over what is to be said if nothing is in flight.
func (s *shard) flush(ctx context.Context) error {
	if !s.voice.waits() {
		return nil
	}
	if err := s.store.Err(); err != nil {
		return err
	}
	if err := s.mayWrite(ctx); err != nil {
		return err
	}
	s.voice.flush()
	return nil
}

// mayWrite comes before a write. An owner that has heard nothing of the broker for long may have been followed by another
// and forgotten: it takes the shard anew.
func (s *shard) mayWrite(ctx context.Context) error {
	for s.terms.boot()-s.heard > s.terms.lease { // to take it may take longer than the lease
		if err := s.retake(ctx); err != nil {
			return err
		}
	}
	s.spoke.Store(int64(s.terms.boot()))
	return nil
}

// renew keeps the broker from forgetting this owner, and tells what it could not tell while mute. Nothing may be in flight.
func (s *shard) renew(ctx context.Context) error {
	now := s.terms.boot()
	switch silent := now - s.heard; {
	case !s.voice.silent():
		return nil
	case s.untold && s.speaking:
		return s.tellRulebook(ctx)
	case now-s.took > s.terms.again, silent > 2*s.terms.alive:
		return s.retake(ctx)
	case silent > s.terms.alive:
		return s.alive(ctx, now)
	}
	return nil
}

// alive writes the mark that says no more than that this owner lives, and by which rulebook. Nothing may be in flight.
func (s *shard) alive(ctx context.Context, now time.Duration) error {
	s.spoke.Store(int64(now))
	base, err := s.writeMark(ctx, s.producer, events.Mark{Kind: events.ShardAlive})
	if err != nil {
		return err
	}
	return s.wrote(base, 1, now)
}

// retake takes the shard over from this very owner: a new epoch whose opened mark must stand where the output ended for
// us. If it does not, somebody else wrote meanwhile.
func (s *shard) retake(ctx context.Context) error {
	began := s.terms.boot()
	s.spoke.Store(int64(began))
	p, err := s.broker.NewProducer(ctx, s.producerConfig())
	if err != nil {
		return err
	}
	base, err := s.writeMark(ctx, p, events.Mark{Kind: events.ShardOpened, MuteUntil: s.at.MuteUntil})
	if err != nil {
		return err
	}
	former := s.producer.ID()
	s.producer, s.took, s.untold = p, began, false
	if err := s.wrote(base, 1, began); err != nil {
		return err
	}
	if former != p.ID() { // what it would take to retire the former is in takeOver
		return lost("the broker has forgotten producer id %d of shard %d", former, s.id)
	}
	s.at.Producer, s.at.Epoch = p.ID(), p.Epoch()
	s.m.takeovers.Inc()
	s.log.Debug().Int16("epoch", p.Epoch()).Msg("shard taken again")
	return nil
}

// wrote notes that records of this owner, sent then, stand in the output from base on, which must be where it ended.
func (s *shard) wrote(base events.Offset, records int, sent time.Duration) error {
	if base != s.at.Output {
		return lost("say on partition %d of %s: the batch stands at offset %d instead of %d: somebody else writes there; "+
			"let this program be its only writer", s.id, s.config.Topics.Events, base, s.at.Output)
	}
	s.at.Output += events.Offset(records)
	s.heard = sent
	return nil
}
