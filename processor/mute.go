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
// the record of what was said agree on then is silent; any disagreement is said as a difference. Occurrences up to when it
// was first opened (Positions.Floor) are not said even then.

// muteness is what happened while a take-over is mute.
type muteness struct {
	folds   bool                           // something was folded
	touched map[events.CustomerID]struct{} // to be looked at when it ends
}

// catchUp ends the muteness of a take-over if the position is the one at which the last word was said.
func (s *shard) catchUp(ctx context.Context) error {
	if s.speaking || !s.at.Speaking || s.at.Input < s.at.SaidPosition {
		return nil
	}
	if err := s.deliver(ctx); err != nil {
		return err
	}
	late := s.folds || s.at.Clock < s.at.SaidClock
	s.advance(s.at.SaidClock)
	for late && s.due { // mute: these were said. Where nothing was since the checkpoint, what waits was not
		if err := s.pass(s.limits.due); err != nil {
			return err
		}
		if s.stopping() {
			return errStopped
		}
	}
	if err := s.refoldAll(ctx); err != nil {
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
		if err := s.drain(ctx, s.limits.pending); err != nil {
			return err
		}
	}
	s.log.Info().Int64("position", int64(s.at.Input)).Int("customers", len(touched)).Msg("shard speaks")
	return s.sayErr
}

// unmuteAt ends a first start's muteness if the offset is behind where it ends, and the other shards have come to the ends
// of theirs: a touchpoint of the past that stands on another partition than its customer's is forwarded behind the end of
// that customer's own past. The clock must have come to the present before: to the first record behind that offset, or
// to an empty fetch. If the input's end is old, what was true then would be said, and taken back at once.
func (s *shard) unmuteAt(ctx context.Context, next events.Offset) error {
	if s.at.Speaking || next < s.at.MuteUntil || s.at.Input < s.at.SaidPosition {
		return nil
	}
	if err := s.deliver(ctx); err != nil {
		return err
	}
	if err := s.tellPast(ctx); err != nil {
		return err
	}
	if s.config.Mute && len(s.at.PastsSeen) < s.layout.shards { // else the others may tell nothing
		return nil
	}
	s.advance(s.at.SaidClock)
	s.at.Speaking = true
	s.at.Walk.Active, s.at.Walk.After = true, "" // all customers: nobody was spoken of
	s.touched = nil
	s.speak()
	s.log.Info().Int64("position", int64(s.at.Input)).Msg("shard speaks for the first time: what stands is said, what is past is not")
	return nil
}

// tellPast tells the other shards that all strays of this one's past have been forwarded to them: a control in each one's
// input, behind these. It is told once; being told again does no harm.
func (s *shard) tellPast(ctx context.Context) error {
	if !s.config.Mute || s.at.Input < s.at.MuteUntil || slices.Contains(s.at.PastsSeen, s.id) {
		return nil
	}
	if err := s.flushAside(ctx); err != nil {
		return err
	}
	c := events.Past(s.id, s.config.Now())
	for p := range s.layout.shards {
		if events.ShardID(p) == s.id {
			continue
		}
		if err := s.writeControl(ctx, events.ShardID(p), &c); err != nil {
			return err
		}
	}
	s.sawPast(s.id)
	return nil
}

// sawPast notes that a shard has forwarded its past.
func (s *shard) sawPast(id events.ShardID) {
	if !slices.Contains(s.at.PastsSeen, id) && int(id) < s.layout.shards {
		s.at.PastsSeen = append(s.at.PastsSeen, id)
	}
}

// speak ends muteness.
func (s *shard) speak() {
	s.speaking = true
	s.gathered.clear()
	s.store.Resize(s.cacheBytes())
	s.speaker = state.NewSpeaker(func(st *events.Statement) {
		st.Shard, st.Position, st.Clock = s.id, s.at.Input, s.at.Clock
		st.RuleVersion = s.rules.Now.Serial
		if err := s.voice.say(st); err != nil {
			s.sayErr = fmt.Errorf("%w; this is a bug of touchfold's", err)
			return
		}
		s.m.tell(st)
	})
	s.speaker.Floor, s.speaker.Said = s.at.Floor, s.at.SaidClock
	if !s.config.Topics.CreateTime { // else Now is ahead of what is folded, and nobody's wall clock
		s.speaker.Wall = s.config.Now
	}
}
