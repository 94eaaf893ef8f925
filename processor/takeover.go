package processor

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/processor/kafka"
	"github.com/touchfold/touchfold/state/rulebook"
	"github.com/touchfold/touchfold/state/store"
)

// terms are the times that an ownership is bound to, on a clock that also runs while the machine sleeps.
type terms struct {
	boot func() time.Duration
	// takeOver bounds the time from Init to the last write of a take-over: later the coordinator may hand out another
	// producer id than ours, and to retire that one would shut out its owner for good.
	takeOver time.Duration
	// lease: if the last acknowledgement is older, another may have taken over and been forgotten by the broker.
	lease time.Duration
	// alive: a broker forgets a producer that was silent for a day.
	alive time.Duration
	// again: a broker forgets a transactional id that was not asked for in a week.
	again time.Duration
}

func usualTerms() terms {
	return terms{boot: sinceBoot, takeOver: time.Minute, lease: 10 * time.Minute, alive: time.Hour, again: 24 * time.Hour}
}

// arrival is what a take-over learns.
type arrival struct {
	loaded   store.Positions // what the positions were before the output was absorbed
	chain    map[int64]bool  // producer ids under which an opened mark was written
	first    *opening        // the partition's first opened mark, if it was read
	began    bool            // there is no checkpoint
	absorbed int
}

// errTooLong: a take-over took longer than terms.takeOver.
var errTooLong = errors.New("the take-over took too long")

// takeOver makes this shard the partition's only writer, and what it knows all that was said: it shuts the former owner
// out by the opened mark, the first record in a new epoch, loads the last checkpoint and absorbs what stands in the
// output behind it. What is not read by then is folded mute: see mute.go.
func (s *shard) takeOver(ctx context.Context) error {
	for {
		err := s.tryTakeOver(ctx)
		if !errors.Is(err, errTooLong) {
			return err
		}
		s.log.Warn().Dur("bound", s.terms.takeOver).Msg("the take-over took too long and begins again")
	}
}

func (s *shard) tryTakeOver(ctx context.Context) (err error) {
	if s.store == nil { // what cannot go on shuts nobody out
		if err := s.load(ctx); err != nil {
			return err
		}
	}
	began := s.terms.boot()
	s.spoke.Store(int64(began))
	p, err := s.broker.NewProducer(ctx, s.producerConfig())
	if err != nil {
		return err
	}
	in, err := s.broker.Range(ctx, s.config.Topics.Touchpoints, s.id)
	if err != nil {
		return err
	}
	fence, err := s.writeOpened(ctx, p, in)
	if err != nil {
		return err
	}
	defer func() {
		if isStop(err) {
			s.letGo(ctx, func(ctx context.Context) error { return s.writeReleased(ctx, p) })
		}
	}()
	if err := s.absorb(ctx, fence+1); err != nil {
		return err
	}
	if err := s.settleBeginning(); err != nil {
		return err
	}
	if err := s.checkSaid(ctx, in); err != nil {
		return err
	}
	if err := s.retireOthers(ctx, p, began); err != nil {
		return err
	}
	s.goOnSpeaking()
	if s.terms.boot()-began > s.terms.takeOver {
		return errTooLong
	}
	s.producer, s.took, s.heard, s.brokerBoot = p, began, began, began
	s.at.Producer, s.at.Epoch = p.ID(), p.Epoch()
	s.end, s.due = in.End, true
	s.report()
	s.m.takeovers.Inc()
	s.log.Info().Int64("position", int64(s.at.Input)).Int64("end", int64(in.End)).Int64("said_position", int64(s.at.SaidPosition)).
		Int("absorbed", s.absorbed).Int16("epoch", p.Epoch()).Msg("shard taken over")
	return nil
}

func (s *shard) producerConfig() kafka.ProducerConfig {
	return kafka.ProducerConfig{Topic: s.config.Topics.Events, Partition: s.id,
		TransactionalID: fmt.Sprintf("%s-%s-%d", s.config.App, s.config.Topics.Touchpoints, s.id), May: s.maySend}
}

// maySend: what was to be sent long ago is not sent any more. Another may have taken over and been forgotten since.
func (s *shard) maySend() error {
	if s.terms.boot()-time.Duration(s.spoke.Load()) > s.terms.lease {
		return fmt.Errorf("the broker has not answered for %s", s.terms.lease)
	}
	return nil
}

// writeOpened writes the opened mark, which must be the first record in its epoch: from there on the broker rejects
// the former owner.
func (s *shard) writeOpened(ctx context.Context, p producer, in kafka.Range) (fence events.Offset, err error) {
	m := events.Mark{Kind: events.ShardOpened, MuteUntil: -1, From: in.First}
	if s.config.Mute && s.began && s.first == nil { // else another mark was the partition's first
		past, err := s.hasPast(ctx)
		if err != nil {
			return 0, err
		}
		if past {
			m.MuteUntil = in.End
		}
	}
	// gofail: var beforeOpened struct{}
	fence, err = s.writeMark(ctx, p, m)
	// gofail: var afterOpened struct{}
	return fence, err
}

// writeMark appends a mark of this owner.
func (s *shard) writeMark(ctx context.Context, p producer, m events.Mark) (events.Offset, error) {
	out, err := s.encodeMark(p.ID(), p.Epoch(), m)
	if err != nil {
		return 0, err
	}
	base, err := p.Append(ctx, []kafka.Out{out})
	if err != nil {
		return 0, lost("write the mark %s on partition %d of %s: %w", m.Kind, s.id, s.config.Topics.Events, err)
	}
	return base, nil
}

func (s *shard) encodeMark(id int64, epoch int16, m events.Mark) (kafka.Out, error) {
	m.Shard, m.At, m.Instance, m.ProducerID, m.Epoch = s.id, s.config.Now(), s.instance, id, epoch
	m.Rulebook = s.rules.Now.Name()
	if m.Kind == events.ShardOpened || m.Kind == events.ShardAlive {
		m.Content = string(s.rules.Now.Text())
	}
	var d events.Derived
	if err := s.voice.encoder.Mark(&m, &d); err != nil {
		return kafka.Out{}, err
	}
	return kafka.Out{Key: d.Key, Value: d.Value, Headers: d.Headers, Time: m.At}, nil
}

// load opens the store and goes where its last checkpoint was, or to the beginning. It refuses what cannot go on.
func (s *shard) load(ctx context.Context) (err error) {
	if err := s.believe(rulebook.Begin(s.config.Rulebook)); err != nil { // until it is known which is in force
		return err
	}
	if s.store, err = s.openStore(ctx); err != nil {
		return err
	}
	defer func() { s.loaded = s.at }()
	at, exists := s.store.Positions()
	if !exists || at.Unbegun() {
		return s.loadNothing(ctx)
	}
	if err := s.genesis().Check(at.Genesis); err != nil {
		return &stopError{why: err}
	}
	s.at = at
	rules, err := rulebook.Resume(at.Rulebook, at.RulebookHistory)
	if err != nil {
		return stop("the rulebook in the store of shard %d: %w; a newer touchfold wrote it, use that", s.id, err)
	}
	if err := s.goBy(rules); err != nil {
		return err
	}
	if now := s.table.Fingerprint(); at.Rules != now {
		s.at.Rules, s.at.Walk = now, store.Walk{Active: true, Cause: events.ByRules}
		s.log.Info().Msg("features are of another version than before: all customers are looked at again")
	}
	return s.checkLogs(ctx)
}

// genesis is what the shard's store is made for.
func (s *shard) genesis() store.Genesis {
	return store.Genesis{Format: store.Format, App: s.config.App, Input: s.config.Topics.Touchpoints,
		Output: s.config.Topics.Events, Shard: s.id, Shards: s.layout.shards}
}

// loadNothing is load without a checkpoint. The partition's first opened mark, if there is one, says where the shard
// began and by which rulebook.
func (s *shard) loadNothing(ctx context.Context) error {
	in, err := s.broker.Range(ctx, s.config.Topics.Touchpoints, s.id)
	if err != nil {
		return err
	}
	out, err := s.broker.Range(ctx, s.config.Topics.Events, s.id)
	if err != nil {
		return err
	}
	if out.First > 0 {
		return s.stopAtLog("partition %d of %s no longer has its records before offset %d, and there is neither a store nor a snapshot of what they said",
			s.id, s.config.Topics.Events, out.First)
	}
	rules := s.rules
	s.began = true
	s.at = store.Positions{Genesis: s.genesis(), Input: in.First, MuteUntil: -1, Producer: -1}
	if s.first, err = s.firstMark(ctx, out); err != nil {
		return err
	}
	if m := s.first; m != nil {
		if m.From < in.First {
			return s.stopAtLog("the store of shard %d is lost, there is no snapshot, and %s no longer has the records from offset %d to %d, which it was made from",
				s.id, s.config.Topics.Touchpoints, m.From, in.First)
		}
		b, err := rulebook.Parse([]byte(m.Content))
		if err != nil {
			return stop("the rulebook in the first record of partition %d of %s: %w; a newer touchfold wrote it, use that", s.id, s.config.Topics.Events, err)
		}
		rules = rulebook.Begin(b)
		s.at.Input = m.From
	}
	if err := s.goBy(rules); err != nil {
		return err
	}
	s.at.Rules = s.table.Fingerprint()
	return nil
}

// goBy believes by a rulebook and has the store, in which nothing was looked at, go by it.
func (s *shard) goBy(rules rulebook.Succession) error {
	if err := s.believe(rules); err != nil {
		return err
	}
	if err := s.store.Retable(s.table); err != nil {
		return err
	}
	var err error
	s.happenings, err = s.store.Happenings()
	return err
}

// checkLogs makes sure that both logs still are those which the checkpoint was made from.
func (s *shard) checkLogs(ctx context.Context) error {
	c := s.config.Topics
	in, err := s.broker.Reach(ctx, c.Touchpoints, s.id, s.at.Input)
	if err != nil {
		return err
	}
	out, err := s.broker.Reach(ctx, c.Events, s.id, s.at.Output)
	if err != nil {
		return err
	}
	switch {
	case s.at.Input > in.End:
		return s.stopAtLog("the checkpoint has read up to offset %d of partition %d of %s, which ends at %d: %w",
			s.at.Input, s.id, c.Touchpoints, in.End, kafka.ErrOtherLog)
	case s.at.Input < in.First:
		return s.stopAtLog("partition %d of %s no longer has the records from offset %d to %d, which were not folded yet: %w",
			s.id, c.Touchpoints, s.at.Input, in.First, kafka.ErrRemoved)
	case s.at.Output > out.End:
		return s.stopAtLog("the checkpoint knows of derived events up to offset %d of partition %d of %s, which ends at %d: %w",
			s.at.Output, s.id, c.Events, out.End, kafka.ErrOtherLog)
	case s.at.Output < out.First:
		return s.stopAtLog("partition %d of %s no longer has the records from offset %d to %d, so what they said is not known: %w",
			s.id, c.Events, s.at.Output, out.First, kafka.ErrRemoved)
	}
	if err := s.sameBatch(ctx, c.Touchpoints, in, s.at.InputBatch, s.at.InputCRC); err != nil {
		return err
	}
	return s.sameBatch(ctx, c.Events, out, s.at.OutputBatch, s.at.OutputCRC)
}

// sameBatch: the batch last read of a topic has the checksum that it had.
func (s *shard) sameBatch(ctx context.Context, topic string, now kafka.Range, base events.Offset, crc uint32) error {
	if crc == 0 || base < now.First {
		return nil // none was read, or it can no longer be read
	}
	same := false
	err := s.broker.ReadBatches(ctx, topic, s.id, base, base+1, func(h kafka.Head, _ []events.Record) error {
		same = h.Base == base && h.CRC == crc
		return nil
	})
	if err != nil || same {
		return err
	}
	return s.stopAtLog("the record batch at offset %d of partition %d of %s is another than the one that was read: %w", base, s.id, topic, kafka.ErrOtherLog)
}

// settleBeginning decides, for a shard without a checkpoint, what the partition's first opened mark promised.
func (s *shard) settleBeginning() error {
	if !s.began {
		return nil
	}
	if m := s.first; m.Content != "" && m.Content != string(s.rules.Now.Text()) {
		return lost("another instance was the first to open shard %d, with another rulebook", s.id) // to be loaded by that
	}
	s.began = false
	s.at.Input, s.at.MuteUntil = s.first.From, s.first.MuteUntil
	s.at.Speaking = s.at.MuteUntil < 0
	if !s.at.Speaking {
		s.at.Floor = s.first.stands
	}
	return nil
}

// goOnSpeaking: a first start of which words stand in the output is over, whatever the checkpoint says. The shard is mute up to
// the last word and its clock, as after any take-over, and not until its clock comes to the present: what happened in between
// would be too late to be said. Whom the former owner had not come to is not known, so all customers are looked at.
func (s *shard) goOnSpeaking() {
	if !s.at.Speaking && s.at.SaidClock > 0 {
		s.at.Speaking = true
		s.at.Walk.Active, s.at.Walk.After = true, ""
	}
}

// checkSaid: what was said last, and what a first start is mute about, followed from touchpoints that are still there; else
// the shard would be mute until another log is as long as the former one was.
func (s *shard) checkSaid(ctx context.Context, in kafka.Range) (err error) {
	to := max(s.at.SaidPosition, s.at.MuteUntil)
	if to > in.End { // the former owner may have read on meanwhile
		if in, err = s.broker.Reach(ctx, s.config.Topics.Touchpoints, s.id, to); err != nil {
			return err
		}
	}
	if to > in.End {
		return s.stopAtLog("what stands on partition %d of %s follows from records up to offset %d of %s, which ends at %d: %w",
			s.id, s.config.Topics.Events, to, s.config.Topics.Touchpoints, in.End, kafka.ErrOtherLog)
	}
	return nil
}

// retireOthers shuts out, for good, the producer ids of former owners that the coordinator does not hand out any more, and
// absorbs what they may have said until then.
func (s *shard) retireOthers(ctx context.Context, p producer, began time.Duration) error {
	for _, id := range slices.Sorted(maps.Keys(s.chain)) {
		if id == p.ID() || slices.Contains(s.at.ProducerIDs, id) {
			continue
		}
		if s.terms.boot()-began > s.terms.takeOver {
			return errTooLong
		}
		out, err := s.encodeMark(id, 0, events.Mark{Kind: events.ShardRetired})
		if err != nil {
			return err
		}
		at, err := s.broker.Retire(ctx, s.config.Topics.Events, s.id, id, out)
		if err != nil {
			return lost("retire producer id %d of partition %d of %s: %w", id, s.id, s.config.Topics.Events, err)
		}
		s.at.ProducerIDs = append(s.at.ProducerIDs, id)
		s.log.Info().Int64("producer_id", id).Msg("the broker had forgotten the former producer id; it is retired")
		now, err := s.broker.Reach(ctx, s.config.Topics.Events, s.id, at+1)
		if err != nil {
			return err
		}
		if err := s.absorb(ctx, now.End); err != nil {
			return err
		}
	}
	return nil
}

// hasPast: some partition of the input holds touchpoints, which may be this shard's customers' wherever they stand.
func (s *shard) hasPast(ctx context.Context) (bool, error) {
	for p := range s.layout.shards {
		r, err := s.broker.Range(ctx, s.config.Topics.Touchpoints, events.ShardID(p))
		if err != nil || r.End > r.First {
			return true, err
		}
	}
	return false, nil
}
