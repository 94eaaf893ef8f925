package processor

import (
	"context"
	"time"

	"github.com/touchfold/touchfold/state/store"
)

// acked notes that a batch stands in the output.
func (s *shard) acked(ctx context.Context, a ack) error {
	if a.err != nil {
		return lost("say on partition %d of %s: %w", s.id, s.config.Topics.Events, a.err)
	}
	n, last, took := s.voice.landed()
	if err := s.wrote(a.base, n, time.Duration(s.spoke.Load())); err != nil {
		return err
	}
	s.at.SaidPosition, s.at.SaidClock = last.position, last.clock
	s.said += uint64(n)
	s.m.say.Observe(took.Seconds())
	return s.flush(ctx)
}

// drain waits for acknowledgements until no more than so many bytes of statements wait; with -1 until all is said.
func (s *shard) drain(ctx context.Context, bytes int) error {
	if err := s.flush(ctx); err != nil {
		return err
	}
	for s.voice.bytes > bytes && !s.voice.silent() {
		select {
		case a := <-s.voice.acks:
			if err := s.acked(ctx, a); err != nil {
				return err
			}
		case <-ctx.Done():
			return lost("the broker did not acknowledge what was to be said within %s of the stop; "+
				"the shard goes on from its last checkpoint: %w", s.config.StopWithin, ctx.Err())
		}
	}
	return nil
}

// checkpoint waits until all that was folded is said and hands what changed to the store; with durable it returns when
// that is committed.
func (s *shard) checkpoint(ctx context.Context, durable bool) error {
	began := time.Now()
	if err := s.foldGathered(ctx); err != nil {
		return err
	}
	if err := s.refoldAll(ctx); err != nil {
		return err
	}
	if err := s.flushAside(ctx); err != nil {
		return err
	}
	if err := s.drain(ctx, -1); err != nil {
		return err
	}
	if s.sayErr != nil {
		return s.sayErr
	}
	if err := s.forget(); err != nil {
		return err
	}
	// gofail: var beforeCheckpoint struct{}
	if err := s.save(s.at); err != nil {
		return err
	}
	// gofail: var afterCheckpoint struct{}
	if durable {
		if err := s.store.Wait(); err != nil {
			return err
		}
	}
	s.saveAfter = s.terms.boot() + s.config.CheckpointEvery
	s.m.checkpoint.Observe(time.Since(began).Seconds())
	return nil
}

// save hands what changed to the store, with positions. While a take-over's muteness lasts, the checkpoint says to look at all
// customers: who was touched is known here only.
func (s *shard) save(at store.Positions) error {
	if !s.speaking && at.Speaking && len(s.touched) > 0 {
		at.Walk.Active, at.Walk.After = true, ""
	}
	return s.store.Checkpoint(at)
}
