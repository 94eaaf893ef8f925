package processor

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/processor/kafka"
	"github.com/touchfold/touchfold/state"
	"github.com/touchfold/touchfold/state/store"
)

// open takes the shard from its last checkpoint, or from nothing if it has never spoken: it shuts a former owner out,
// makes sure that the output holds nothing that the checkpoint does not know, and writes the opened mark. Taking over
// from an owner that ended without a checkpoint is not built yet: there it refuses, because to speak without knowing
// what was said would say things twice.
func (s *shard) open(ctx context.Context) (*kafka.Producer, error) {
	c := s.config
	producer, err := c.Client.NewProducer(ctx, kafka.ProducerConfig{Topic: c.Topics.Events, Partition: s.id,
		TransactionalID: fmt.Sprintf("%s-%s-%d", c.App, c.Topics.Touchpoints, s.id)})
	if err != nil {
		return nil, err
	}
	in, err := s.rangeOf(ctx, c.Topics.Touchpoints)
	if err != nil {
		return nil, err
	}
	out, err := s.rangeOf(ctx, c.Topics.Events)
	if err != nil {
		return nil, err
	}
	if err := s.resume(ctx, in, out); err != nil {
		return nil, err
	}
	if err := s.mark(ctx, producer, out.End); err != nil {
		return nil, err
	}
	s.end = in.End
	if s.at.Speaking {
		s.speak()
		s.arrive()
	}
	s.due = true
	s.log.Info().Int64("position", int64(s.at.Input)).Int64("end", int64(in.End)).Bool("speaking", s.at.Speaking).
		Int64("mute_until", int64(s.at.MuteUntil)).Msg("shard opened")
	return producer, nil
}

func (s *shard) rangeOf(ctx context.Context, topic string) (kafka.Range, error) {
	all, err := s.config.Client.Ranges(ctx, topic)
	if err != nil {
		return kafka.Range{}, err
	}
	if int(s.id) >= len(all) {
		return kafka.Range{}, fmt.Errorf("topic %s has %d partitions, and shard %d wants its own", topic, len(all), s.id)
	}
	return all[s.id], nil
}

// resume sets s.at: from the checkpoint, or for a shard without one to the input's beginning.
func (s *shard) resume(ctx context.Context, in, out kafka.Range) error {
	genesis := store.Genesis{Format: store.Format, App: s.config.App, Input: s.config.Topics.Touchpoints,
		Output: s.config.Topics.Events, Shard: s.id, Shards: s.layout.shards}
	at, exists := s.store.Positions()
	if !exists {
		return s.begin(ctx, genesis, in, out)
	}
	s.at = at
	if rules := s.config.Table.Fingerprint(); at.Speaking && at.Rules != rules {
		// What is true by other rules is said once the clock has come to the present, as at the end of a first start.
		s.at.Speaking, s.at.MuteUntil, s.reason = false, at.Input, events.ByRules
		s.log.Info().Msg("segments, zone or features are others than before: all customers are looked at again")
	} else if !at.Speaking { // whether others had forwarded what is past is not known any more
		s.p.past.strayed.Store(true)
	}
	if err := genesis.Check(at.Genesis); err != nil {
		return err
	}
	switch {
	case at.Input > in.End:
		return fmt.Errorf("the checkpoint has read up to offset %d of %s, which ends at %d: the topic was made anew or has lost records; "+
			"restore it, or remove %s and use new topics", at.Input, s.config.Topics.Touchpoints, in.End, s.store.Dir())
	case at.Input < in.First:
		return fmt.Errorf("%s no longer has the records from offset %d to %d, which were not folded yet: retention removed them; "+
			"set its retention.ms to -1", s.config.Topics.Touchpoints, at.Input, in.First)
	case at.Output > out.End:
		return fmt.Errorf("the checkpoint knows of derived events up to offset %d of %s, which ends at %d: the topic was made anew or has lost records; "+
			"restore it, or remove %s and use new topics", at.Output, s.config.Topics.Events, out.End, s.store.Dir())
	}
	tail, err := s.readTail(ctx, at.Output, out.End)
	if err != nil {
		return err
	}
	if tail.said {
		return fmt.Errorf("partition %d of %s holds derived events from offset %d on that the checkpoint in %s does not know: "+
			"a process ended without saving what it had said. Going on from there is not built yet, and to speak without knowing it "+
			"would say things twice. If another store was used last, bring that. Else %s",
			s.id, s.config.Topics.Events, at.Output, s.store.Dir(), s.afresh())
	}
	return nil
}

// begin is for a shard without a checkpoint: only one that has never spoken may begin.
func (s *shard) begin(ctx context.Context, genesis store.Genesis, in, out kafka.Range) error {
	tail, err := s.readTail(ctx, out.First, out.End)
	if err != nil {
		return err
	}
	if tail.said || out.First > 0 {
		return fmt.Errorf("partition %d of %s holds derived events, and %s has no checkpoint of what was said: "+
			"to speak without it would say things twice. If another store was used last, bring that. Else %s",
			s.id, s.config.Topics.Events, s.store.Dir(), s.afresh())
	}
	mute := s.config.Mute
	s.at = store.Positions{Genesis: genesis, Input: in.First, Rules: s.config.Table.Fingerprint()}
	switch {
	case tail.opened != nil: // a start that ended before its first checkpoint: what it promised stands
		s.at.MuteUntil = tail.opened.MuteUntil
		mute = s.at.MuteUntil > 0
	case mute:
		s.at.MuteUntil = in.End
		if mute, err = s.hasPast(ctx); err != nil {
			return err
		}
	}
	s.at.Speaking = !mute
	return nil
}

// hasPast: some partition of the input holds touchpoints, which may be this shard's customers' wherever they stand.
func (s *shard) hasPast(ctx context.Context) (bool, error) {
	all, err := s.config.Client.Ranges(ctx, s.config.Topics.Touchpoints)
	return slices.ContainsFunc(all, func(r kafka.Range) bool { return r.End > r.First }), err
}

// afresh is the way out when what was said is not known here.
func (s *shard) afresh() string {
	return fmt.Sprintf("name another topic in topics.events and an empty folder in store.dir (with the embedded broker: remove %s): "+
		"the touchpoints are then folded again from the first one on", s.config.Dir)
}

// tail is what stands in the output behind a checkpoint.
type tail struct {
	said   bool         // a derived event
	opened *events.Mark // the first opened mark
}

var errSaid = errors.New("a derived event")

// readTail reads the output from one offset up to another, as far as the first derived event.
func (s *shard) readTail(ctx context.Context, from, to events.Offset) (t tail, err error) {
	err = s.config.Client.ReadRange(ctx, s.config.Topics.Events, s.id, from, to, func(r *events.Record) error {
		_, mark, err := events.ParseDerived(r)
		if err != nil {
			return fmt.Errorf("offset %d of partition %d of %s was not written by touchfold (%w); let it be the topic's only writer, "+
				"or name another topic in topics.events", r.Offset, s.id, s.config.Topics.Events, err)
		}
		switch {
		case mark == nil:
			return errSaid
		case mark.Kind == events.ShardOpened && t.opened == nil:
			t.opened = mark
		}
		return nil
	})
	if errors.Is(err, errSaid) {
		t.said, err = true, nil
	}
	return t, err
}

// mark writes the opened mark, which must stand at the output's end as it was just read.
func (s *shard) mark(ctx context.Context, p *kafka.Producer, end events.Offset) error {
	var d events.Derived
	m := events.Mark{Kind: events.ShardOpened, Shard: s.id, At: s.config.Now(), Instance: s.instance,
		ProducerID: p.ID(), Epoch: p.Epoch(), MuteUntil: s.at.MuteUntil}
	if err := s.voice.encoder.Mark(&m, &d); err != nil {
		return err
	}
	base, err := p.Append(ctx, []kafka.Out{{Key: d.Key, Value: d.Value, Headers: d.Headers, Time: s.config.Now()}})
	if err != nil {
		return fmt.Errorf("open partition %d of %s: %w", s.id, s.config.Topics.Events, err)
	}
	if base != end {
		return fmt.Errorf("open partition %d of %s: the mark stands at offset %d instead of %d: another process with app %s writes there; "+
			"stop it, or give this one another app and other topics", s.id, s.config.Topics.Events, base, end, s.config.App)
	}
	s.at.Output = base + 1
	return nil
}

// walkSlice is how many customers are looked at before what was said is saved.
const walkSlice = 2000

// unmuteAt ends a first start's muteness if the offset is where it ends, and the other shards have come to theirs: then
// nothing of the past can be forwarded here any more, and what was is past too. The clock must have come to the present
// before: to the first record behind that offset, or to an empty fetch. If the input's end is old, what was true then
// would be said, and taken back at once.
func (s *shard) unmuteAt(ctx context.Context, next events.Offset) error {
	if s.at.Speaking || next < s.at.MuteUntil {
		return nil
	}
	if !s.awaited {
		if err := s.aside.flush(ctx, s.config.Topics.Touchpoints, &s.asides); err != nil {
			return err
		}
		s.arrive()
	}
	if s.p.past.ahead.Load() > 0 {
		return nil
	}
	if !s.widened && s.p.past.strayed.Load() {
		in, err := s.rangeOf(ctx, s.config.Topics.Touchpoints)
		if err != nil {
			return err
		}
		s.widened, s.at.MuteUntil = true, max(s.at.MuteUntil, in.End)
		if next < s.at.MuteUntil {
			return nil
		}
	}
	return s.unmute(ctx)
}

// arrive tells the others that nothing of the past will be forwarded from here any more.
func (s *shard) arrive() {
	s.awaited = true
	s.p.past.ahead.Add(-1)
}

// unmute says standing facts at their present value, customer by customer; horizons that they have not passed yet are
// passed over, for they are of the past. If it is broken off, the next start does it again; what was said by then is
// known and not said twice.
func (s *shard) unmute(ctx context.Context) error {
	if err := s.save(ctx); err != nil {
		return err
	}
	s.speak()
	s.at.Speaking = false // until the walk is done
	var after events.CustomerID
	n, more := 0, true
	for more {
		more = false
		in := 0
		err := s.store.Customers(after, func(c *state.Customer) (bool, error) {
			c.Settle(s.at.Clock, s.reason, s.speaker)
			s.store.Changed(c)
			after, n, in = c.ID(), n+1, in+1
			more = in == walkSlice
			return !more, nil
		})
		if err != nil {
			return err
		}
		if err := s.save(ctx); err != nil {
			return err
		}
		if more && s.stopping() {
			return errStopped
		}
	}
	s.at.Speaking, s.at.Rules, s.reason = true, s.config.Table.Fingerprint(), ""
	s.log.Info().Int("customers", n).Int64("position", int64(s.at.Input)).Msg("all customers were looked at: what stands is said")
	return s.save(ctx)
}

// save is a checkpoint that is committed when it returns.
func (s *shard) save(ctx context.Context) error { return s.checkpoint(ctx, true) }
