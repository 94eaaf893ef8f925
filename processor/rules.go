package processor

import (
	"context"
	"errors"
	"fmt"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/processor/kafka"
	"github.com/touchfold/touchfold/state"
	"github.com/touchfold/touchfold/state/features"
	"github.com/touchfold/touchfold/state/rulebook"
	"github.com/touchfold/touchfold/state/store"
)

// What belief depends on beside events is a rulebook: dated records in every partition of the input, folded in their
// place. Which is in force is the log's to say, and not a process's; see package rulebook.

// believing is what a shard goes by.
type believing struct {
	rules    rulebook.Succession
	table    *state.Table // of the rulebook in force
	proposed bool         // the log was compared with the configuration's rulebook
	untold   bool         // rules came in force while mute: see tellRulebook
}

// Belief is what a rulebook makes of events.
type Belief struct {
	Table    *state.Table
	Currency events.Currency // of amounts that name none
	Since    state.Since     // from when on its triggers are in force
}

// belief is the usual Config.Believe.
func belief(b *rulebook.Rulebook, since state.Since, now events.Instant) (Belief, error) {
	table, next, err := features.TableSince(b, since, now)
	if err != nil {
		return Belief{}, err
	}
	currency, err := features.Currency(b)
	return Belief{table, currency, next}, err
}

// believe goes by a rulebook from now on; what was believed before is another's to change. One that cannot be run is in
// force nevertheless.
func (s *shard) believe(rules rulebook.Succession) error {
	s.rules = rules
	s.at.Rulebook, s.at.RulebookSerial, s.at.RulebookHistory = rules.Now.Text(), rules.Now.Serial, rules.Seen
	belief, err := s.config.Believe(rules.Now, s.at.Since, s.at.Log)
	if errors.Is(err, rulebook.ErrCannotRun) {
		return &stopError{why: err}
	}
	if err != nil {
		return stop("rulebook %s: %w", rules.Now.Name(), err)
	}
	s.table, s.at.Since = belief.Table, belief.Since
	s.decoding.setCurrency(belief.Currency)
	return nil
}

// control folds one of touchfold's own records in the input.
func (s *shard) control(ctx context.Context, r *events.Record, c *events.Control) error {
	s.asides.keeps = true
	switch c.Kind {
	case events.PastControl:
		s.sawPast(c.Shard)
	case events.RulebookControl:
		b, err := rulebook.FromControl(c)
		if err != nil {
			s.m.refused[events.BadControl].Inc()
			s.asides.park(r, &events.Refusal{Reason: events.BadControl, Detail: err.Error()}, s.at.Clock)
			return nil
		}
		// What comes before it is done first, and a checkpoint or the end may come in that: who goes on from there reads the
		// rulebook again.
		s.at.Input = r.Offset
		if err := s.passOn(ctx, c); err != nil {
			return err
		}
		if err := s.deliver(ctx); err != nil {
			return err
		}
		s.at.Input = r.Offset + 1
		return s.takeRulebook(ctx, b)
	}
	return nil
}

// passOn copies a rulebook from partition 0 to all others. Rulebooks are written to partition 0 alone: its order is that
// of all, and as its shard does not go on before the copies stand, a rulebook is in all partitions or will be, whoever
// crashes in the middle of it. Copies of copies do no harm.
func (s *shard) passOn(ctx context.Context, c *events.Control) error {
	if err := s.flushAside(ctx); err != nil { // what comes before is not to be read again by another rulebook
		return err
	}
	for p := 1; p < s.layout.shards && s.id == 0; p++ {
		if err := s.writeControl(ctx, events.ShardID(p), c); err != nil {
			return err
		}
	}
	return nil
}

// takeRulebook folds a rulebook. If it comes in force and belief changes with it, all customers are looked at again.
func (s *shard) takeRulebook(ctx context.Context, b *rulebook.Rulebook) error {
	rules := s.rules
	if !rules.Take(b) {
		s.rules = rules
		s.at.RulebookHistory = rules.Seen
		return nil
	}
	former := s.table.Fingerprint()
	cannot := s.believe(rules)
	if err := s.checkpoint(ctx, true); err != nil {
		return err
	}
	if cannot != nil {
		return cannot // who can run it goes on from here
	}
	if err := s.store.Retable(s.table); err != nil {
		return err
	}
	s.happenings = s.happenings.Under(s.table)
	if s.at.Rules = s.table.Fingerprint(); s.at.Rules != former {
		s.at.Walk, s.walkProgress = store.Walk{Active: true, Cause: events.ByRules}, walkProgress{}
		clear(s.touched)
		if err := s.acquaintAll(ctx); err != nil {
			return err
		}
	}
	s.log.Info().Str("rulebook", b.Name()).Int64("position", int64(s.at.Input)).Bool("walk", s.at.Rules != former).
		Msg("a rulebook is in force from here on")
	return s.tellRulebook(ctx)
}

// tellRulebook tells those who ask the output which rulebook is in force; what is mute tells it when it speaks. Nothing is in
// flight.
func (s *shard) tellRulebook(ctx context.Context) error {
	s.untold = !s.speaking
	switch now := s.terms.boot(); {
	case s.untold:
		return nil
	case now-s.heard > s.terms.lease:
		return s.retake(ctx) // whose mark tells it
	default:
		return s.alive(ctx, now)
	}
}

// propose writes this process's rulebook to the log, if the log, all of which is folded, has never seen it.
func (s *shard) propose(ctx context.Context) error {
	if s.proposed || s.id != 0 || !s.speaking {
		return nil
	}
	s.proposed = true
	standing, next := s.rules.Of(s.config.Rulebook)
	switch {
	case standing == rulebook.Superseded:
		s.log.Warn().Str("in_force", s.rules.Now.Name()).Msg("another rulebook came after the one of this process's configuration, which it does not go by: " +
			"give it the newer configuration, or put its own in force again with touchfold rules activate")
		return nil
	case standing == rulebook.InForce,
		s.config.Alone && s.config.Rulebook.Digest() == s.rules.Now.Digest(): // all shards began with it
		return nil
	}
	c := next.Control(s.config.Now())
	if err := s.writeControl(ctx, 0, &c); err != nil {
		return err
	}
	s.end = s.at.Input + 1 // it is to be folded
	return nil
}

// writeControl appends a control to a partition of the input.
func (s *shard) writeControl(ctx context.Context, p events.ShardID, c *events.Control) error {
	input := s.config.Topics.Touchpoints
	value, headers := c.Record(s.config.App)
	if _, err := s.broker.Append(ctx, input, p, []kafka.Out{{Value: value, Headers: headers, Time: c.At}}); err != nil {
		return &outsideError{fmt.Errorf("write %s to partition %d of %s: %w", c.Kind, p, input, err)}
	}
	return nil
}
