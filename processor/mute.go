package processor

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state"
)

// A shard is mute, folding without speaking, until it is where its last word was said, by position and by clock; and a
// shard that has never spoken, until it has read what was past when it was first opened. What a fold without words and
// the record of what was said agree on then is silent; any disagreement is said as a difference.

// past is what the shards of a first start must know of each other: a touchpoint of the past that stands on another
// partition than its customer's is forwarded behind the end of that shard's own past.

// catchUp ends the muteness of a take-over if the position is the one at which the last word was said.
func (s *shard) catchUp(ctx context.Context) error {
	if s.speaking || !s.at.Speaking || s.at.Input < s.at.SaidPosition {
		return nil
	}
	s.advance(s.at.SaidClock)
	for s.due { // mute: these were said
		if err := s.pass(dueSlice); err != nil {
			return err
		}
		if s.stopping() {
			return errStopped
		}
	}
	if err := s.refold(1 << 62); err != nil {
		return err
	}
	s.speak()
	touched := slices.Sorted(maps.Keys(s.touched))
	s.touched = nil
	for _, id := range touched {
		c, err := s.store.Customer(id)
		if err != nil {
			return err
		}
		c.Settle(s.at.Clock, "", s.speaker)
		s.store.Changed(c)
		if err := s.drain(ctx, maxPending); err != nil {
			return err
		}
	}
	s.log.Info().Int64("position", int64(s.at.Input)).Int("customers", len(touched)).Msg("shard speaks")
	return s.sayErr
}

// unmuteAt ends a first start's muteness if the offset is where it ends, and the other shards have come to theirs: then
// nothing of the past can be forwarded here any more, and what was is past too. The clock must have come to the present
// before: to the first record behind that offset, or to an empty fetch. If the input's end is old, what was true then
// would be said, and taken back at once.
func (s *shard) unmuteAt(ctx context.Context, next events.Offset) error {
	if s.at.Speaking || next < s.at.MuteUntil || s.at.Input < s.at.SaidPosition {
		return nil
	}
	if !s.awaited {
		if err := s.flushAside(ctx); err != nil {
			return err
		}
		s.arrive()
	}
	if s.past.ahead.Load() > 0 {
		return nil
	}
	if !s.widened && s.past.strayed.Load() {
		in, err := s.broker.Range(ctx, s.config.Topics.Touchpoints, s.id)
		if err != nil {
			return err
		}
		s.widened, s.at.MuteUntil = true, max(s.at.MuteUntil, in.End)
		if next < s.at.MuteUntil {
			return nil
		}
	}
	s.advance(s.at.SaidClock)
	s.at.Speaking = true
	s.at.Walk.Active, s.at.Walk.After = true, "" // all customers: nobody was spoken of
	clear(s.touched)
	s.speak()
	s.log.Info().Int64("position", int64(s.at.Input)).Msg("shard speaks for the first time: what stands is said, what is past is not")
	return nil
}

// arrive tells the others that nothing of the past will be forwarded from here any more.
func (s *shard) arrive() {
	s.awaited = true
	s.past.ahead.Add(-1)
}

// speak ends muteness.
func (s *shard) speak() {
	s.speaking = true
	s.speaker = state.NewSpeaker(func(st *events.Statement) {
		st.Shard, st.Position, st.Clock = s.id, s.at.Input, s.at.Clock
		if err := s.voice.say(st); err != nil {
			s.sayErr = fmt.Errorf("%w; this is a bug of touchfold's", err)
			return
		}
		s.m.tell(st)
	})
}
