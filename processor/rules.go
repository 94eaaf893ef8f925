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

// belief is the usual Config.Believe.
func belief(b *rulebook.Rulebook) (*state.Table, events.Currency, error) {
	table, err := features.Table(b)
	if err != nil {
		return nil, events.Currency{}, err
	}
	currency, err := features.Currency(b)
	return table, currency, err
}

// believe goes by a rulebook from now on; what was believed before is another's to change.
func (s *shard) believe(rules rulebook.Succession) error {
	table, currency, err := s.config.Believe(rules.Now)
	if errors.Is(err, rulebook.ErrCannotRun) {
		return &stopError{err}
	}
	if err != nil {
		return stop("rulebook %s: %w", rules.Now.Name(), err)
	}
	s.rules, s.table = rules, table
	s.decoder.SetCurrency(currency)
	s.at.Rulebook, s.at.RulebookSerial, s.at.RulebookHistory = rules.Now.Text(), rules.Now.Serial, rules.Seen
	return nil
}

// control folds one of touchfold's own records in the input.
func (s *shard) control(ctx context.Context, r *events.Record, c *events.Control) error {
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
		return s.takeRulebook(ctx, b)
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
	if err := s.believe(rules); err != nil {
		return err
	}
	s.log.Info().Str("rulebook", b.Name()).Int64("position", int64(s.at.Input)).Msg("a rulebook is in force from here on")
	if s.table.Fingerprint() == former {
		return nil
	}
	if err := s.checkpoint(ctx, true); err != nil {
		return err
	}
	if err := s.store.Retable(s.table); err != nil {
		return err
	}
	s.at.Rules = s.table.Fingerprint()
	s.at.Walk, s.walking = store.Walk{Active: true, Cause: events.ByRules}, false
	clear(s.touched)
	return nil
}

// propose writes this process's rulebook to every partition, if the log, all of which is folded, has never seen it. Shard
// 0 does it for all, and its own partition comes last: as long as that one does not know, it is not done.
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
	if err := WriteRulebook(ctx, s.broker, s.config.App, s.config.Topics.Touchpoints, s.layout.shards, next.Control(s.config.Now())); err != nil {
		return &outsideError{err}
	}
	s.end = s.at.Input + 1 // it is to be folded
	return nil
}

// WriteRulebook appends a control to every partition of the input, to partition 0 last.
func WriteRulebook(ctx context.Context, b appender, app, input string, partitions int, c events.Control) error {
	value, headers := c.Record(app)
	for p := partitions - 1; p >= 0; p-- {
		if _, err := b.Append(ctx, input, events.ShardID(p), []kafka.Out{{Value: value, Headers: headers, Time: c.At}}); err != nil {
			return fmt.Errorf("write a rulebook to partition %d of %s: %w", p, input, err)
		}
	}
	return nil
}

// appender is a *kafka.Client, or the model of one.
type appender interface {
	Append(ctx context.Context, topic string, p events.ShardID, recs []kafka.Out) (events.Offset, error)
}
