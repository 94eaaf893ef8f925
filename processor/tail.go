package processor

import (
	"context"
	"errors"
	"slices"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/processor/kafka"
)

// absorb reads the output from s.at.Output up to before an offset and takes what stands there for said. Only what owners
// of this shard wrote counts: producer ids under which an opened mark was written.
func (s *shard) absorb(ctx context.Context, to events.Offset) error {
	if s.chain == nil {
		s.chain = map[int64]bool{}
		if !s.began && s.at.Producer >= 0 {
			s.chain[s.at.Producer] = true
		}
		for _, id := range s.at.ProducerIDs {
			s.chain[id] = true
		}
	}
	foreign := 0
	err := s.broker.ReadBatches(ctx, s.config.Topics.Events, s.id, s.at.Output, to, func(h kafka.Head, recs []events.Record) error {
		// gofail: var duringAbsorb struct{}
		for i := range recs {
			ours, err := s.absorbRecord(&h, &recs[i])
			if err != nil {
				return err
			}
			if !ours {
				foreign++
			}
		}
		s.at.Output = recs[len(recs)-1].Offset + 1
		s.at.OutputBatch, s.at.OutputCRC = h.Base, h.CRC
		if s.store.DirtyBytes() > s.limits.dirty {
			return s.store.Checkpoint(s.loaded) // whose chain these are of is known here only: they are absorbed again
		}
		return nil
	})
	if errors.Is(err, kafka.ErrRemoved) || errors.Is(err, kafka.ErrOtherLog) {
		return s.stopAtLog("%w", err)
	}
	if err != nil {
		return err
	}
	// gofail: var afterAbsorb struct{}
	s.at.Output = max(s.at.Output, to)
	if foreign > 0 {
		s.m.foreign.Add(float64(foreign))
		s.log.Error().Int("records", foreign).Str("topic", s.config.Topics.Events).
			Msg("somebody else wrote to the topic of derived events; these records do not count: let touchfold be its only writer")
	}
	return nil
}

// absorbRecord absorbs one record, if it is an owner's.
func (s *shard) absorbRecord(h *kafka.Head, r *events.Record) (ours bool, err error) {
	st, mark, err := events.ParseDerived(r)
	if err == nil && mark != nil {
		return s.absorbMark(h, r, mark), nil
	}
	if !s.chain[h.ProducerID] {
		return false, nil
	}
	if err != nil {
		return true, stop("the record at offset %d of partition %d of %s was written by an owner of the shard and cannot be read (%w): "+
			"a newer touchfold wrote it, use that", r.Offset, s.id, s.config.Topics.Events, err)
	}
	c, err := s.store.Customer(st.Customer)
	if err != nil {
		return true, err
	}
	c.Absorb(st)
	s.store.Changed(c)
	s.touch(c.ID())
	s.absorbed++
	s.m.absorbed.Inc()
	if st.Position > s.at.SaidPosition || st.Position == s.at.SaidPosition && st.Clock > s.at.SaidClock {
		s.at.SaidPosition = st.Position
	}
	s.at.SaidClock = max(s.at.SaidClock, st.Clock)
	return true, nil
}

func (s *shard) absorbMark(h *kafka.Head, r *events.Record, m *events.Mark) (ours bool) {
	s.brokerTime = r.Append // the last one is this owner's own
	switch {
	case m.ProducerID != h.ProducerID:
		return false
	case m.Kind == events.ShardOpened:
		s.chain[h.ProducerID] = true
		if s.first == nil {
			s.first = &opening{m, r.Append}
		}
	case m.Kind == events.ShardRetired && s.chain[h.ProducerID] && !slices.Contains(s.at.ProducerIDs, h.ProducerID):
		s.at.ProducerIDs = append(s.at.ProducerIDs, h.ProducerID)
	}
	return s.chain[h.ProducerID]
}

// opening is a partition's first opened mark.
type opening struct {
	*events.Mark
	stands events.Instant // since when, by the broker's clock
}

// firstMark is the first opened mark in the output, nil if there is none.
func (s *shard) firstMark(ctx context.Context, out kafka.Range) (first *opening, err error) {
	found := errors.New("found")
	err = s.broker.ReadBatches(ctx, s.config.Topics.Events, s.id, out.First, out.End, func(h kafka.Head, recs []events.Record) error {
		for i := range recs {
			_, mark, err := events.ParseDerived(&recs[i])
			if err == nil && mark != nil && mark.Kind == events.ShardOpened && mark.ProducerID == h.ProducerID {
				first = &opening{mark, recs[i].Append}
				return found
			}
		}
		return nil
	})
	if errors.Is(err, found) {
		err = nil
	}
	return first, err
}

// touch remembers a customer to be looked at when muteness ends.
func (s *shard) touch(id events.CustomerID) {
	if !s.at.Speaking || s.at.Walk.Active && s.at.Walk.After == "" {
		return
	}
	s.touched[id] = struct{}{}
	if len(s.touched) > s.limits.touched {
		clear(s.touched)
		s.at.Walk.Active, s.at.Walk.After = true, ""
	}
}

// released: the output's last record is its owner's word that it has let the shard go.
func (s *shard) released(ctx context.Context) (bool, error) {
	out, err := s.broker.Range(ctx, s.config.Topics.Events, s.id)
	if err != nil || out.End == out.First {
		return err == nil, err
	}
	free := false
	err = s.broker.ReadBatches(ctx, s.config.Topics.Events, s.id, out.End-1, out.End, func(_ kafka.Head, recs []events.Record) error {
		_, mark, err := events.ParseDerived(&recs[len(recs)-1])
		free = err == nil && mark != nil && mark.Kind == events.ShardReleased
		return nil
	})
	return free, err
}
