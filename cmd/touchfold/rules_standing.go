package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/rs/zerolog"

	"github.com/touchfold/touchfold/config"
	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/processor/kafka"
	"github.com/touchfold/touchfold/state/rulebook"
)

// standIn is the rulebook in force, for a process whose own has faults: what was in force stays, and the log says why. Where
// none is, the error is the faults.
func standIn(ctx context.Context, client *kafka.Client, c *config.Config, faults error, log zerolog.Logger) (*rulebook.Rulebook, error) {
	ranges, err := client.Ranges(ctx, c.Topics.Events)
	if errors.Is(err, kafka.ErrNoTopic) {
		return nil, faults
	}
	if err != nil {
		return nil, alsoFaulty(err, faults)
	}
	shards := make([]ruled, len(ranges))
	for i, x := range ranges {
		if shards[i], err = lookAtShard(ctx, client, c.Topics.Events, events.ShardID(i), x); err != nil {
			return nil, alsoFaulty(err, faults)
		}
	}
	now, ok := inForce(shards)
	if !ok {
		return nil, faults
	}
	b, err := textOf(ctx, client, c, now, ranges[now.shard])
	if err != nil {
		return nil, alsoFaulty(err, faults)
	}
	log.Error().Strs("faults", strings.Split(faults.Error(), "\n")).Str("in_force", b.Name()).
		Msg("the rules of this process's configuration have faults: the rulebook in force stays; correct them, and put them in " +
			"force with touchfold rules activate, or with another start")
	return b, nil
}

// alsoFaulty is an error that keeps a process from knowing what is in force, where its own rules do not help it.
func alsoFaulty(err, faults error) error {
	return fmt.Errorf("%w; and the rules of this configuration have faults: %v", err, faults)
}

// textOf is the rulebook that a shard goes by: the mark with which an owner begins holds it, and else the log does.
func textOf(ctx context.Context, client *kafka.Client, c *config.Config, now ruled, out kafka.Range) (found *rulebook.Rulebook, err error) {
	is := func(b *rulebook.Rulebook, err error) bool {
		if err != nil || b.Name() != now.mark.Rulebook {
			return false
		}
		found = b
		return true
	}
	if is(rulebook.Parse([]byte(now.mark.Content))) {
		return found, nil
	}
	in, err := client.Ranges(ctx, c.Topics.Touchpoints)
	if err != nil {
		return nil, err
	}
	err = backwards(ctx, client, c.Topics.Touchpoints, 0, in[0], func(r *events.Record) bool {
		control, refusal := events.ControlOf(r, c.App)
		return control.Kind == events.RulebookControl && refusal == nil && is(rulebook.FromControl(&control))
	})
	if err == nil && found == nil { // one that shards began with stands in no log
		err = backwards(ctx, client, c.Topics.Events, now.shard, out, func(r *events.Record) bool {
			_, mark, err := events.ParseDerived(r)
			return err == nil && mark != nil && is(rulebook.Parse([]byte(mark.Content)))
		})
	}
	if err == nil && found == nil {
		err = fmt.Errorf("rulebook %s is in force, and neither %s nor %s has what it says any more", now.mark.Rulebook,
			c.Topics.Touchpoints, c.Topics.Events)
	}
	return found, err
}

// neverRan reports whether there is no folder of an embedded broker yet.
func neverRan(dir string) bool {
	_, err := os.Stat(dir)
	return errors.Is(err, fs.ErrNotExist)
}
