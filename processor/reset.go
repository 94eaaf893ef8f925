package processor

import (
	"context"
	"errors"
	"fmt"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/processor/kafka"
	"github.com/touchfold/touchfold/state/rulebook"
	"github.com/touchfold/touchfold/state/snapshot"
	"github.com/touchfold/touchfold/state/store"
)

// A reset is the way out where touchpoints or derived events are lost for good. The new store knows of no touchpoint and
// of all that the output still says. The next take-over folds what the input still has, mute, and then says the
// difference once: what is true by what is left. So it is no other operation than a first start is.

// Reset is what a reset would do, or did.
type Reset struct {
	*Look
	Rulebook string // the one to begin with
	// Foreign: the rulebook that was in force is nowhere to be had, and this process's takes its place.
	Foreign bool
	Doomed  []snapshot.Meta // know of more than the output does, or as much

	Aside    string   // where the store went, "" if there was none
	SetAside []string // the names that the doomed snapshots have now
	Absorbed int      // statements that still stand
	Put      string   // the snapshot of the new store, "" if there is no place for any
}

// PlanReset says what a reset would do, and does nothing.
func (p *Processor) PlanReset(ctx context.Context, id events.ShardID) (*Reset, error) {
	s, err := p.outsider(ctx, id)
	if err != nil {
		return nil, err
	}
	r, _, err := s.planReset(ctx)
	return r, err
}

func (s *shard) planReset(ctx context.Context) (*Reset, rulebook.Succession, error) {
	l, err := s.look(ctx)
	if err != nil {
		return nil, rulebook.Succession{}, err
	}
	l.Stops = why(l.Stops)
	r := &Reset{Look: l}
	if l.Store != nil {
		if err := s.genesis().Check(l.Store.Genesis); err != nil {
			return nil, rulebook.Succession{}, fmt.Errorf("the configuration is not that of the store: %w", err)
		}
	}
	rules, err := s.lastRules(ctx, r)
	if err != nil {
		return nil, rules, err
	}
	if s.config.Archive != nil {
		all, err := s.config.Archive.List(ctx, s.id)
		if err != nil {
			return nil, rules, err
		}
		for _, m := range all {
			if m.Output >= l.Output.End {
				r.Doomed = append(r.Doomed, m)
			}
		}
	}
	return r, rules, nil
}

// lastRules is the rulebook that the last owner folded by, wherever its text stands.
func (s *shard) lastRules(ctx context.Context, r *Reset) (rulebook.Succession, error) {
	known, err := s.knownRules(ctx, r.Look)
	if err != nil {
		return rulebook.Succession{}, err
	}
	own, name := s.config.Rulebook, ""
	if r.Owner.Opened != nil {
		name = r.Owner.Opened.Rulebook
	}
	serial, digest, named := rulebook.ParseName(name)
	for _, k := range known {
		if !named || k.Now.Name() == name {
			r.Rulebook = k.Now.Name()
			return k, nil
		}
	}
	if named && own.Digest() != digest {
		r.Foreign = true
	}
	own = own.Numbered(serial)
	r.Rulebook = own.Name()
	return rulebook.Begin(own), nil
}

// knownRules are the rulebooks of the store, of the newest snapshot, and of the output's first record.
func (s *shard) knownRules(ctx context.Context, l *Look) (known []rulebook.Succession, err error) {
	resume := func(text []byte, seen []uint64) {
		if b, err := rulebook.Resume(text, seen); err == nil {
			known = append(known, b)
		}
	}
	if l.Store != nil {
		resume(l.Store.Rulebook, l.Store.RulebookHistory)
	}
	if l.Newest != nil {
		if h, err := s.config.Archive.Header(ctx, *l.Newest); err == nil { // one that cannot be read tells nothing
			resume(h.Rulebook, h.RulebookHistory)
		}
	}
	first, err := s.firstMark(ctx, l.Output)
	if err != nil || first == nil || first.Content == "" {
		return known, err
	}
	if b, err := rulebook.Parse([]byte(first.Content)); err == nil {
		known = append(known, rulebook.Begin(b))
	}
	return known, nil
}

// Reset makes the shard's store anew. What was there is set aside, as are snapshots that would come before it.
func (p *Processor) Reset(ctx context.Context, id events.ShardID) (*Reset, error) {
	s, err := p.outsider(ctx, id)
	if err != nil {
		return nil, err
	}
	r, rules, err := s.planReset(ctx)
	if err != nil {
		return nil, err
	}
	if r.Living != nil {
		return nil, fmt.Errorf("shard %d is not reset: %w", id, r.Living)
	}
	if r.SetAside, err = s.setAside(ctx, r.Doomed); err != nil {
		return nil, err
	}
	if r.Aside, err = store.Replace(StoreDir(p.config.Dir, id), func(dir string) error { return s.beginAnew(ctx, dir, r, rules) }); err != nil {
		return nil, fmt.Errorf("reset shard %d: %w", id, err)
	}
	return r, s.putReset(ctx, r)
}

// beginAnew makes the store of a reset in an empty folder.
func (s *shard) beginAnew(ctx context.Context, dir string, r *Reset, rules rulebook.Succession) (err error) {
	s.at = store.Positions{Genesis: s.genesis(), Input: r.Input.First, Output: r.Output.First, MuteUntil: r.Input.End, Producer: -1,
		Floor: s.config.Now()}
	for i := range s.layout.shards { // what is past is past: nobody is waited for
		s.at.PastsSeen = append(s.at.PastsSeen, events.ShardID(i))
	}
	if err := s.believe(rules); err != nil {
		return err
	}
	s.at.Rules = s.table.Fingerprint()
	if s.store, err = store.Open(store.Config{Dir: dir, Shard: s.id, Table: s.table, CacheBytes: s.config.CacheBytes, Log: s.log}); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.store.Close()) }()
	if err := s.headless(ctx, r.Output); err != nil {
		return err
	}
	s.loaded = s.at
	if err := s.absorb(ctx, r.Output.End); err != nil {
		return err
	}
	if r.Owner.Opened != nil {
		s.at.Producer, s.at.Epoch = r.Owner.Opened.ProducerID, r.Owner.Opened.Epoch
	}
	s.at.SaidPosition = min(s.at.SaidPosition, r.Input.End) // of a log that is gone
	r.Absorbed = s.absorbed
	if err := s.store.Checkpoint(s.at); err != nil {
		return err
	}
	return s.store.Wait()
}

// headless finds whose statements stand before the first opened mark that the output still has: the mark of these went
// with the log's beginning.
func (s *shard) headless(ctx context.Context, out kafka.Range) error {
	s.chain = map[int64]bool{}
	found := errors.New("found")
	err := s.broker.ReadBatches(ctx, s.config.Topics.Events, s.id, out.First, out.End, func(h kafka.Head, recs []events.Record) error {
		for i := range recs {
			if !s.ours(&recs[i]) || h.ProducerID < 0 {
				continue
			}
			_, mark, err := events.ParseDerived(&recs[i])
			switch {
			case err == nil && mark != nil && mark.Kind == events.ShardOpened && mark.ProducerID == h.ProducerID:
				return found
			case err == nil:
				s.chain[h.ProducerID], s.at.Producer, s.at.Epoch = true, h.ProducerID, h.Epoch
			}
		}
		return nil
	})
	if errors.Is(err, found) {
		return nil
	}
	return err
}

// putReset puts a snapshot of the new store, so that whoever takes the shard elsewhere does not go on from one before it.
func (s *shard) putReset(ctx context.Context, r *Reset) error {
	if s.config.Archive == nil {
		return nil
	}
	st, err := store.OpenReadOnly(store.Config{Dir: StoreDir(s.config.Dir, s.id), Shard: s.id, Table: s.table, Log: s.log})
	if err != nil {
		return err
	}
	defer st.Close() // nothing was written
	view, err := st.View()
	if err != nil {
		return err
	}
	m, err := s.config.Archive.Put(ctx, view)
	r.Put = m.Name
	return err
}
