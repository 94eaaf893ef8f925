package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/rs/zerolog"

	"github.com/touchfold/touchfold/config"
	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/processor"
	"github.com/touchfold/touchfold/state/snapshot"
	"github.com/touchfold/touchfold/state/store"
)

// snapshotCommand is `touchfold snapshot`.
type snapshotCommand struct {
	List    snapshotListCommand    `cmd:"" help:"List the snapshots of all shards, the newest of each first."`
	Verify  snapshotVerifyCommand  `cmd:"" help:"Read snapshots to their end and check every byte."`
	Restore snapshotRestoreCommand `cmd:"" help:"Make stores from snapshots, for a process that is stopped."`
	Take    snapshotTakeCommand    `cmd:"" help:"Put snapshots of the stores of a process that is stopped."`
}

// snapshotOptions are those of all four.
type snapshotOptions struct {
	options
	Place *string          `placeholder:"PLACE" help:"Folder or s3://bucket/prefix of the snapshots (snapshots.place)."`
	Shard []events.ShardID `placeholder:"N" help:"Only this shard; may be repeated."`
}

// open is the configured archive.
func (o *snapshotOptions) open(more ...string) (*config.Config, *snapshot.Archive, error) {
	if o.Place != nil {
		more = append(more, "--place snapshots.place="+*o.Place)
	}
	c, err := o.load(more...)
	if err != nil {
		return nil, nil, err
	}
	a, err := archiveOf(c)
	return c, a, err
}

// archiveOf is the configured archive.
func archiveOf(c *config.Config) (*snapshot.Archive, error) {
	if c.Snapshots.Place == "" {
		return nil, errors.New("no place of snapshots is named: give --place, or snapshots.place in the configuration")
	}
	place, err := snapshot.NewPlace(c.Snapshots)
	if err != nil {
		return nil, err
	}
	return snapshot.New(snapshot.Config{Place: place, App: c.App, Output: c.Topics.Events,
		Keep: c.Snapshots.Keep, KeepDays: c.Snapshots.KeepDays, Log: zerolog.Nop()})
}

func (o *snapshotOptions) wanted(shard events.ShardID) bool {
	return len(o.Shard) == 0 || slices.Contains(o.Shard, shard)
}

// find is the snapshots of the shards that are wanted, with those names, or else the newest of each shard, or all. There
// is at least one.
func (o *snapshotOptions) find(ctx context.Context, a *snapshot.Archive, c *config.Config, names []string, all bool) (found []snapshot.Meta, err error) {
	every, err := a.All(ctx)
	if err != nil {
		return nil, err
	}
	for _, m := range every {
		newest := !slices.ContainsFunc(found, func(f snapshot.Meta) bool { return f.Shard == m.Shard })
		if o.wanted(m.Shard) && (all || len(names) == 0 && newest || slices.Contains(names, m.Name) || slices.Contains(names, m.Base())) {
			found = append(found, m)
		}
	}
	for _, name := range names {
		if !slices.ContainsFunc(found, func(m snapshot.Meta) bool { return m.Name == name || m.Base() == name }) {
			return nil, fmt.Errorf("there is no snapshot %s; touchfold snapshot list names those that are there", name)
		}
	}
	for _, shard := range o.Shard {
		if !slices.ContainsFunc(every, func(m snapshot.Meta) bool { return m.Shard == shard }) {
			return nil, fmt.Errorf("there is no snapshot of shard %d of app %s and topic %s in %s", shard, c.App, c.Topics.Events, c.Snapshots.Place)
		}
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("there is no snapshot of app %s and topic %s in %s", c.App, c.Topics.Events, c.Snapshots.Place)
	}
	return found, nil
}

type snapshotListCommand struct{ snapshotOptions }

// Run lists.
func (l *snapshotListCommand) Run(ctx context.Context, out output) error {
	c, a, err := l.open()
	if err != nil {
		return err
	}
	found, err := l.find(ctx, a, c, nil, true)
	if err != nil {
		return err
	}
	t := tabwriter.NewWriter(out.out, 0, 0, 2, ' ', 0)
	fmt.Fprint(t, "SHARD\tPOSITION\tOUTPUT\tPUT\tSIZE\tNAME\n")
	for _, m := range found {
		fmt.Fprintf(t, "%d\t%d\t%d\t%s\t%s\t%s\n", m.Shard, m.Input, m.Output, m.Put.Format(time.RFC3339), megabytes(m.Bytes), m.Name)
	}
	return t.Flush()
}

type snapshotVerifyCommand struct {
	snapshotOptions
	Names []string `arg:"" optional:"" name:"name" help:"Which, as list names them. Without: the newest of each shard."`
	All   bool     `help:"All of them."`
}

// Run verifies.
func (v *snapshotVerifyCommand) Run(ctx context.Context, out output) error {
	c, a, err := v.open()
	if err != nil {
		return err
	}
	found, err := v.find(ctx, a, c, v.Names, v.All)
	if err != nil {
		return err
	}
	bad := 0
	for _, m := range found {
		tell := tellBytes(out.err, fmt.Sprintf("shard %d", m.Shard), m.Bytes)
		s, err := a.Verify(ctx, m, tell.read)
		tell.clear()
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			bad++
			fmt.Fprintf(out.err, "touchfold: %v\n", err)
		default:
			fmt.Fprintf(out.out, "%s: whole, %d rows, made %s, SHA-256 %x\n", m.Name, s.Rows, s.Made.Format(time.RFC3339), s.Sum)
		}
	}
	if bad > 0 {
		return fmt.Errorf("%d of %d snapshots are not whole, or could not be read", bad, len(found))
	}
	return nil
}

type snapshotRestoreCommand struct {
	snapshotOptions
	Name    []string `arg:"" optional:"" help:"Which, as list names them, one a shard. Without: the newest of each shard."`
	Dir     *string  `placeholder:"DIR" help:"Folder of the local store (store.dir)."`
	Replace bool     `help:"Set a store that is there aside."`
}

// Run restores.
func (r *snapshotRestoreCommand) Run(ctx context.Context, out output) error {
	c, a, err := r.open(dirFlag(r.Dir)...)
	if err != nil {
		return err
	}
	found, err := r.find(ctx, a, c, r.Name, false)
	if err != nil {
		return err
	}
	for i, m := range found {
		if i > 0 && found[i-1].Shard == m.Shard {
			return fmt.Errorf("two snapshots of shard %d are named; a store is made from one", m.Shard)
		}
	}
	for _, m := range found {
		if err := r.restore(ctx, c, a, m, out); err != nil {
			return err
		}
	}
	return nil
}

func (r *snapshotRestoreCommand) restore(ctx context.Context, c *config.Config, a *snapshot.Archive, m snapshot.Meta, out output) error {
	tell, began := tellBytes(out.err, fmt.Sprintf("shard %d", m.Shard), m.Bytes), time.Now()
	dir := processor.StoreDir(c.Store.Dir, m.Shard)
	done, err := a.Restore(ctx, m, store.RestoreConfig{Dir: dir, Replace: r.Replace, Keep: true, Progress: tell.read, Log: newLog(out.err).Level(zerolog.WarnLevel),
		Genesis: store.Genesis{App: c.App, Input: c.Topics.Touchpoints, Output: c.Topics.Events, Shard: m.Shard}})
	tell.clear()
	if errors.Is(err, store.ErrOccupied) {
		err = fmt.Errorf("%w; --replace sets it aside", err)
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(out.out, "shard %d: %s is restored at position %d from %s, %d rows in %.1f s\n",
		m.Shard, dir, m.Input, m.Name, done.Rows, time.Since(began).Seconds())
	if done.Aside != "" {
		fmt.Fprintf(out.out, "shard %d: what was there is in %s\n", m.Shard, done.Aside)
	}
	return nil
}

type snapshotTakeCommand struct {
	snapshotOptions
	Dir *string `placeholder:"DIR" help:"Folder of the local store (store.dir)."`
}

// Run takes snapshots of all shards that have a store.
func (k *snapshotTakeCommand) Run(ctx context.Context, out output) error {
	c, a, err := k.open(dirFlag(k.Dir)...)
	if err != nil {
		return err
	}
	there, err := storesIn(c.Store.Dir)
	if err != nil {
		return err
	}
	for _, shard := range k.Shard {
		if !slices.Contains(there, shard) {
			return fmt.Errorf("there is no store of shard %d in %s", shard, c.Store.Dir)
		}
	}
	for _, shard := range there {
		if !k.wanted(shard) {
			continue
		}
		m, err := k.take(ctx, a, processor.StoreDir(c.Store.Dir, shard), shard)
		if err != nil {
			return err
		}
		fmt.Fprintf(out.out, "shard %d: position %d, %s: %s\n", shard, m.Input, megabytes(m.Bytes), m.Name)
	}
	return nil
}

func (k *snapshotTakeCommand) take(ctx context.Context, a *snapshot.Archive, dir string, shard events.ShardID) (m snapshot.Meta, err error) {
	s, err := store.OpenReadOnly(store.Config{Dir: dir, Shard: shard, Log: zerolog.Nop()})
	if err != nil {
		return m, err
	}
	defer s.Close() // nothing was written
	v, err := s.View()
	if err != nil {
		return m, err
	}
	return a.Put(ctx, v)
}

// dirFlag is --dir as config.Load takes it.
func dirFlag(dir *string) []string {
	if dir == nil {
		return nil
	}
	return []string{"--dir store.dir=" + *dir}
}

func megabytes(n int64) string { return fmt.Sprintf("%.1f MB", float64(n)/1e6) }

// bytesTold tells how much of something was read.
type bytesTold struct {
	*progress
	what string
	size int64
}

func tellBytes(w io.Writer, what string, size int64) *bytesTold {
	return &bytesTold{newProgress(w, 0, nil), what, size}
}

func (b *bytesTold) read(done int64) {
	b.tell(float64(done)/float64(max(1, b.size)), fmt.Sprintf("%s, %s of %s", b.what, megabytes(done), megabytes(b.size)))
}
