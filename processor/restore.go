package processor

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state/snapshot"
	"github.com/touchfold/touchfold/state/store"
)

// Restore is what a restore did.
type Restore struct {
	Snapshot snapshot.Meta
	*store.Restored
	Passed   []error  // why newer snapshots do not fit
	SetAside []string // the names that newer snapshots have now, so that nobody goes on from them
}

// Restore makes the shard's store from a snapshot, by name or the last part of it, or with "" from the newest from which a
// take-over would not stop. What was there is set aside. progress, which may be nil, is told what was read.
func (p *Processor) Restore(ctx context.Context, id events.ShardID, name string, progress func(m snapshot.Meta, done int64)) (*Restore, error) {
	if p.config.Archive == nil {
		return nil, errors.New("no place of snapshots is named: give --place, or snapshots.place in the configuration")
	}
	s, err := p.outsider(ctx, id)
	if err != nil {
		return nil, err
	}
	l, err := s.look(ctx)
	if err != nil {
		return nil, err
	}
	if l.Living != nil {
		return nil, fmt.Errorf("shard %d is not restored: %w", id, l.Living)
	}
	all, err := p.config.Archive.List(ctx, id)
	if err != nil {
		return nil, err
	}
	r := &Restore{}
	chosen, err := s.fitting(ctx, l, all, name, r)
	if err != nil {
		return nil, err
	}
	r.Snapshot = all[chosen]
	read := func(int64) {}
	if progress != nil {
		read = func(done int64) { progress(r.Snapshot, done) }
	}
	r.Restored, err = p.config.Archive.Restore(ctx, r.Snapshot, store.RestoreConfig{Dir: StoreDir(p.config.Dir, id), Replace: true, Keep: true,
		Genesis: s.genesis(), Progress: read, Log: s.log})
	if err != nil {
		return nil, err
	}
	r.SetAside, err = s.setAside(ctx, all[:chosen])
	return r, err
}

// setAside has nobody go on from these snapshots. names are what they are called then.
func (s *shard) setAside(ctx context.Context, all []snapshot.Meta) (names []string, err error) {
	for _, m := range all {
		name, err := s.config.Archive.SetAside(ctx, m)
		if err != nil {
			return names, err
		}
		names = append(names, name)
	}
	return names, nil
}

// fitting is the first of the snapshots, or the named one, from which a take-over would go on.
func (s *shard) fitting(ctx context.Context, l *Look, all []snapshot.Meta, name string, r *Restore) (chosen int, err error) {
	for i, m := range all {
		if name != "" && m.Name != name && m.Base() != name {
			continue
		}
		header, err := s.config.Archive.Header(ctx, m)
		if ctx.Err() != nil {
			return 0, err
		}
		stops := err
		if err == nil {
			if stops, err = s.stopsAt(ctx, &header.Positions, l); err != nil {
				return 0, err
			}
		}
		if stops == nil {
			return i, nil
		}
		r.Passed = append(r.Passed, fmt.Errorf("%s: %w", m.Base(), why(stops)))
	}
	switch {
	case len(r.Passed) > 0:
		var text []string
		for _, err := range r.Passed {
			text = append(text, err.Error())
		}
		return 0, fmt.Errorf("no snapshot fits; touchfold shard reset %d says what it costs to go on without:\n%s", s.id, strings.Join(text, "\n"))
	case name != "":
		return 0, fmt.Errorf("there is no snapshot %s of shard %d; touchfold snapshot list names those that are there", name, s.id)
	}
	return 0, fmt.Errorf("there is no snapshot of shard %d; touchfold shard reset %d says what it costs to go on without", s.id, s.id)
}
