package processor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/rs/zerolog"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/processor/kafka"
	"github.com/touchfold/touchfold/state/snapshot"
	"github.com/touchfold/touchfold/state/store"
)

// Here a shard is looked at, and put right, by somebody who does not own it: a command that a person gives while no owner
// lives. It judges by the very code of a take-over.

// Look is a shard as it stands.
type Look struct {
	Shard events.ShardID
	// Store is how far the local store is; nil: NoStore says why that is not known.
	Store      *store.Positions
	StoreBytes int64
	NoStore    error
	Newest     *snapshot.Meta // nil: there is no snapshot, or no place for any
	Input      kafka.Range
	Output     kafka.Range
	Committed  events.Offset // as lag tools see it; -1: never
	Owner      Owner
	// Holders are the members of the group that said at their last joining that they hold the shard, Assigned is the one that
	// is to hold it.
	Holders  []string
	Assigned string
	// Living is why an owner may live, which then must be stopped before the shard is put right; nil: none does.
	Living error
	// Stops is why the next take-over would stop; nil: nothing is known that would.
	Stops error
}

// Owner is what the output tells of who wrote to it last.
type Owner struct {
	Opened   *events.Mark  // nil: nobody ever owned the shard, as far as the output tells
	At       events.Offset // of that mark
	Released bool          // it has let the shard go
	Heard    events.Instant
	// Of its last statement: the position that it names, and where it stands.
	Said, SaidAt events.Offset
}

// lookWithin bounds asking the group for its members.
const lookWithin = 10 * time.Second

// Shards is how many there are. Both topics must be there.
func (p *Processor) Shards(ctx context.Context) (int, error) {
	l, err := p.layoutAsIs(ctx)
	return l.shards, err
}

// layoutAsIs is that of topics which are there: nothing is made.
func (p *Processor) layoutAsIs(ctx context.Context) (layout, error) {
	var n [2]int
	in, out := p.config.Topics.Touchpoints, p.config.Topics.Events
	for i, topic := range []string{in, out} {
		ranges, err := p.config.Client.Ranges(ctx, topic)
		if errors.Is(err, kafka.ErrNoTopic) {
			return layout{}, p.missing(ctx, topic)
		}
		if err != nil {
			return layout{}, err
		}
		n[i] = len(ranges)
	}
	if n[1] > n[0] {
		return layout{}, fmt.Errorf("topic %s has %d partitions and %s has %d; they must have the same number", out, n[1], in, n[0])
	}
	return layout{shards: n[1], partitions: n[0]}, nil
}

// missing says what becomes of a topic that is not there, by whether something knows that it was.
func (p *Processor) missing(ctx context.Context, topic string) error {
	knows, err := p.past(ctx, topic)
	if err != nil {
		return err
	}
	if knows == "" {
		return fmt.Errorf("there is no topic %s: touchfold run makes it when it starts", topic)
	}
	return fmt.Errorf("there is no topic %s, and %s was made when there was one: bring it back; else touchfold run makes it anew, empty, each shard "+
		"that knows the former one stops, and touchfold shard reset says what it costs to go on without", topic, knows)
}

// past is what knows of a topic that is not there, "" if nothing does.
func (p *Processor) past(ctx context.Context, topic string) (knows string, err error) {
	folders, err := os.ReadDir(p.config.Dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("look for stores: %w", err)
	}
	for _, f := range folders {
		dir := filepath.Join(p.config.Dir, f.Name())
		if _, saved := store.Saved(dir); saved {
			return "the store in " + dir, nil
		}
	}
	if topic != p.config.Topics.Touchpoints {
		return "", nil
	}
	ranges, err := p.config.Client.Ranges(ctx, p.config.Topics.Events)
	if errors.Is(err, kafka.ErrNoTopic) {
		return "", nil
	}
	if slices.ContainsFunc(ranges, func(r kafka.Range) bool { return r.End > 0 }) {
		knows = "what stands in topic " + p.config.Topics.Events
	}
	return knows, err
}

// Look looks at a shard and changes nothing.
func (p *Processor) Look(ctx context.Context, id events.ShardID) (*Look, error) {
	s, err := p.outsider(ctx, id)
	if err != nil {
		return nil, err
	}
	return s.look(ctx)
}

// outsider is a shard that is not run.
func (p *Processor) outsider(ctx context.Context, id events.ShardID) (*shard, error) {
	l, err := p.layoutAsIs(ctx)
	if err != nil {
		return nil, err
	}
	if id < 0 || int(id) >= l.shards {
		return nil, fmt.Errorf("there is no shard %d: there are %d, from 0", id, l.shards)
	}
	return newShard(&p.config, p.metrics, atOnce{cluster{p.config.Client}}, id, l, ""), nil
}

// atOnce is a broker for who looks: it tells how a log is now.
type atOnce struct{ broker }

func (b atOnce) Reach(ctx context.Context, topic string, p events.ShardID, _ events.Offset) (kafka.Range, error) {
	return b.Range(ctx, topic, p)
}

func (s *shard) look(ctx context.Context) (l *Look, err error) {
	l = &Look{Shard: s.id, Committed: -1}
	c := s.config
	if l.Input, err = s.broker.Range(ctx, c.Topics.Touchpoints, s.id); err != nil {
		return nil, err
	}
	if l.Output, err = s.broker.Range(ctx, c.Topics.Events, s.id); err != nil {
		return nil, err
	}
	if l.Owner, err = s.lastOwner(ctx, l.Output); err != nil {
		return nil, err
	}
	committed, err := c.Client.CommittedOffsets(ctx, c.App, c.Topics.Touchpoints)
	if err != nil {
		return nil, err
	}
	if at, ok := committed[s.id]; ok {
		l.Committed = at
	}
	if c.Archive != nil {
		m, ok, err := c.Archive.Newest(ctx, s.id)
		if err != nil {
			return nil, err
		}
		if ok {
			l.Newest = &m
		}
	}
	l.Store, l.StoreBytes, l.NoStore = s.lookAtStore()
	if err := s.lookAtGroup(ctx, l); err != nil {
		return nil, err
	}
	l.Stops, err = s.stops(ctx, l)
	return l, err
}

// lookAtStore opens the local store for a moment.
func (s *shard) lookAtStore() (at *store.Positions, bytes int64, why error) {
	st, err := store.OpenReadOnly(store.Config{Dir: StoreDir(s.config.Dir, s.id), Shard: s.id, Log: zerolog.Nop()})
	if errors.Is(err, store.ErrNone) {
		return nil, 0, store.ErrNone
	}
	if err != nil {
		return nil, 0, err
	}
	defer st.Close() // nothing was written
	p, exists := st.Positions()
	if !exists {
		return nil, 0, store.ErrNone
	}
	return &p, st.Size(), nil
}

// lookAtGroup asks who is alive.
func (s *shard) lookAtGroup(ctx context.Context, l *Look) error {
	ctx, cancel := context.WithTimeout(ctx, lookWithin)
	defer cancel()
	members, err := s.config.Client.Members(ctx, s.config.App, s.config.Topics.Touchpoints)
	if err != nil {
		return err
	}
	alive := false
	for _, m := range members {
		if slices.ContainsFunc(m.Held, func(h kafka.Held) bool { return h.Shard == s.id }) {
			l.Holders = append(l.Holders, m.Instance)
		}
		if slices.Contains(m.Shards, s.id) {
			l.Assigned = m.Instance
		}
		alive = alive || l.Owner.Opened != nil && m.Instance == l.Owner.Opened.Instance
	}
	l.Living = s.living(l, alive)
	return nil
}

// living is why an owner may live. What a member says that it holds is as old as its last joining, so the mark decides
// whose the shard is; alive says that its writer is a member.
func (s *shard) living(l *Look, alive bool) error {
	o, age := &l.Owner, s.config.Now()-l.Owner.Heard
	switch {
	case errors.Is(l.NoStore, store.ErrInUse):
		return fmt.Errorf("a process has the store in %s open: stop it first", StoreDir(s.config.Dir, s.id))
	case o.Opened == nil || o.Released:
		return nil
	case alive:
		return fmt.Errorf("%s is alive, was the last to take the shard over and has not released it: stop it first", o.Opened.Instance)
	case age < events.Instant(s.config.Session.Milliseconds()):
		return fmt.Errorf("%s wrote to partition %d of %s %.1f s ago and has not released the shard: stop it, or if it is dead wait for %s",
			o.Opened.Instance, s.id, s.config.Topics.Events, float64(age)/1000, s.config.Session)
	}
	return nil
}

// stops is why a take-over would stop that goes on from what it would find.
func (s *shard) stops(ctx context.Context, l *Look) (why error, err error) {
	switch {
	case errors.Is(l.NoStore, store.ErrInUse): // how far that is its owner knows
		return nil, nil
	case l.NoStore != nil && !errors.Is(l.NoStore, store.ErrNone) && !errors.Is(l.NoStore, store.ErrDamaged):
		return l.NoStore, nil
	}
	at := l.Store
	if m := l.Newest; m != nil && (at == nil || m.Output > at.Output) {
		header, err := s.config.Archive.Header(ctx, *m)
		if err != nil {
			return nil, err
		}
		at = &header.Positions
	}
	return s.stopsAt(ctx, at, l)
}

// stopsAt is why a take-over would stop that goes on from these positions, or from nothing.
func (s *shard) stopsAt(ctx context.Context, at *store.Positions, l *Look) (why error, err error) {
	t := newShard(s.config, s.m.metrics, s.broker, s.id, s.layout, "")
	t.openStore = func(context.Context) (*store.Store, error) {
		st, err := store.OpenOn(store.NewMemory(), store.Config{Shard: t.id, Table: t.table, Log: zerolog.Nop()})
		if err != nil || at == nil {
			return st, err
		}
		return st, st.Checkpoint(*at)
	}
	err = t.load(ctx)
	if err == nil {
		if l.Owner.SaidAt >= t.at.Output {
			t.at.SaidPosition = max(t.at.SaidPosition, l.Owner.Said)
		}
		if t.began && t.first != nil {
			t.at.MuteUntil = t.first.MuteUntil
		}
		err = t.checkSaid(ctx, l.Input)
	}
	if isStop(err) {
		return err, nil
	}
	return nil, err
}

// lastOwner reads the output backwards, in ever larger pieces: an owner leaves an opened mark at least once a day.
func (s *shard) lastOwner(ctx context.Context, out kafka.Range) (o Owner, err error) {
	const first, larger = 1000, 8
	size := events.Offset(first)
	for end := out.End; o.Opened == nil && end > out.First; size *= larger {
		begin := max(out.First, end-size)
		var piece Owner
		err := s.broker.ReadBatches(ctx, s.config.Topics.Events, s.id, begin, end, func(h kafka.Head, recs []events.Record) error {
			s.note(&piece, h, recs)
			return nil
		})
		if err != nil {
			return o, err
		}
		o.Opened, o.At, o.Released, o.Heard = piece.Opened, piece.At, o.Released || piece.Released, max(o.Heard, piece.Heard)
		if o.Said == 0 {
			o.Said, o.SaidAt = piece.Said, piece.SaidAt
		}
		end = begin
	}
	return o, nil
}

// note notes what a batch tells of its owner.
func (s *shard) note(o *Owner, h kafka.Head, recs []events.Record) {
	var last *events.Record // of a customer: to read each would take long
	for i := range recs {
		r := &recs[i]
		if !s.ours(r) {
			continue
		}
		o.Heard = max(o.Heard, r.Append)
		if len(r.Key) > 0 {
			last = r
			continue
		}
		_, mark, err := events.ParseDerived(r)
		switch {
		case err != nil || mark == nil || mark.ProducerID != h.ProducerID:
		case mark.Kind == events.ShardOpened:
			o.Opened, o.At, o.Released = mark, r.Offset, false
		case mark.Kind == events.ShardReleased:
			o.Released = true
		}
	}
	if last == nil {
		return
	}
	if st, _, err := events.ParseDerived(last); err == nil && st != nil {
		o.Said, o.SaidAt = st.Position, last.Offset
	}
}

// ours: the record names this shard as its source.
func (s *shard) ours(r *events.Record) bool {
	source := fmt.Sprintf("touchfold/%s/%d", s.config.App, s.id)
	return slices.ContainsFunc(r.Headers, func(h events.Header) bool { return h.Key == "ce_source" && string(h.Value) == source })
}
