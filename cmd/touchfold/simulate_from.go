package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/rs/zerolog"

	"github.com/touchfold/touchfold/config"
	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/processor"
	"github.com/touchfold/touchfold/state"
	"github.com/touchfold/touchfold/state/features"
	"github.com/touchfold/touchfold/state/rulebook"
	"github.com/touchfold/touchfold/state/snapshot"
	"github.com/touchfold/touchfold/state/store"
)

// population is the customers that rules are tried on. Of them only id and timeline are known.
type population struct {
	what        string         // where they are from
	clock       events.Instant // up to here all is known of them
	inForce     *rulebook.Rulebook
	inForceName string
	notes       []string // that a person should know of
	// each calls f with each of them, who is valid during the call.
	each func(ctx context.Context, f func(*state.Customer) error) error
}

// population finds the customers.
func (s *simulateCommand) population(ctx context.Context, c *config.Config, bar *progress) (*population, error) {
	switch {
	case len(s.Touchpoints) > 0:
		return touchpointsOf(ctx, s.Touchpoints, c, bar)
	case s.Snapshot:
		return snapshotsOf(ctx, c, bar)
	}
	return storesOf(c, bar)
}

// bare is the table of a customer of whom nothing but the timeline is to be known.
func bare() *state.Table {
	t, err := state.NewTable()
	if err != nil {
		panic("an empty table has faults") // a bug of ours
	}
	return t
}

// storesIn is the shards of which there is a store in a folder. There is at least one.
func storesIn(dir string) (there []events.ShardID, err error) {
	folders, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("look for stores: %w", err)
	}
	for _, f := range folders {
		var shard events.ShardID
		if n, err := fmt.Sscanf(f.Name(), "shard-%d", &shard); n == 1 && err == nil && processor.StoreDir("", shard) == f.Name() {
			there = append(there, shard)
		}
	}
	if len(there) == 0 {
		return nil, fmt.Errorf("there is no store of a shard in %s; is this the store.dir that run uses?", dir)
	}
	return there, nil
}

// openBare opens a stopped store for its timelines.
func openBare(dir string, shard events.ShardID) (*store.Store, error) {
	return store.OpenReadOnly(store.Config{Dir: processor.StoreDir(dir, shard), Shard: shard, Table: bare(),
		CacheBytes: 1 << 20, Log: zerolog.Nop()})
}

// storesOf is the customers of a stopped process.
func storesOf(c *config.Config, bar *progress) (*population, error) {
	dir := c.Store.Dir
	there, err := storesIn(dir)
	if err != nil {
		return nil, err
	}
	var all []store.Positions
	for _, shard := range there {
		st, err := openBare(dir, shard)
		if err != nil {
			return nil, err
		}
		if at, exists := st.Positions(); exists {
			all = append(all, at)
		}
		st.Close() // nothing was written
	}
	p := &population{what: dir}
	if len(all) == 0 {
		return nil, fmt.Errorf("the stores in %s are empty: nothing was ever saved there", dir)
	}
	if err := p.read(all, c); err != nil {
		return nil, err
	}
	p.each = func(ctx context.Context, f func(*state.Customer) error) error {
		walk := stores{bar: bar, shards: len(there)}
		for _, shard := range there {
			if err := walk.one(dir, shard, f); err != nil {
				return err
			}
		}
		return nil
	}
	return p, nil
}

// stores are read one after the other.
type stores struct {
	bar          *progress
	shards, done int
	customers    int
}

func (s *stores) one(dir string, shard events.ShardID, f func(*state.Customer) error) error {
	st, err := openBare(dir, shard)
	if err != nil {
		return err
	}
	defer st.Close() // nothing was written
	err = st.Customers("", func(customer *state.Customer) (bool, error) {
		if s.customers++; s.customers%256 == 0 {
			s.bar.tell(float64(s.done)/float64(s.shards), fmt.Sprintf("%d customers, shard %d", s.customers, shard))
		}
		return true, cmp.Or(f(customer), st.Err()) // what is left of his timeline was read meanwhile
	})
	s.done++
	return err
}

// snapshotsOf is the customers of the newest snapshot of each shard, which is made a store in a temporary folder.
func snapshotsOf(ctx context.Context, c *config.Config, bar *progress) (*population, error) {
	a, err := archiveOf(c)
	if err != nil {
		return nil, err
	}
	found, err := (&snapshotOptions{}).find(ctx, a, c, nil, false)
	if err != nil {
		return nil, err
	}
	p := &population{what: c.Snapshots.Place}
	var all []store.Positions
	for _, m := range found {
		header, err := a.Header(ctx, m)
		if err != nil {
			return nil, err
		}
		all = append(all, header.Positions)
	}
	if err := p.read(all, c); err != nil {
		return nil, err
	}
	p.each = func(ctx context.Context, f func(*state.Customer) error) error {
		walk := stores{bar: bar, shards: len(found)}
		for _, m := range found {
			err := restored(ctx, c, a, m, func(dir string) error { return walk.one(dir, m.Shard, f) })
			if err != nil {
				return err
			}
		}
		return nil
	}
	return p, nil
}

// restored makes a snapshot a store in a temporary folder, for as long as f runs.
func restored(ctx context.Context, c *config.Config, a *snapshot.Archive, m snapshot.Meta, f func(dir string) error) (err error) {
	dir, err := os.MkdirTemp("", "touchfold-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	_, err = a.Restore(ctx, m, store.RestoreConfig{Dir: processor.StoreDir(dir, m.Shard), Log: zerolog.Nop(),
		Genesis: store.Genesis{App: c.App, Input: c.Topics.Touchpoints, Output: c.Topics.Events, Shard: m.Shard}})
	if err != nil {
		return err
	}
	return f(dir)
}

// read takes from the positions of shards what is in force, and up to when all is known.
func (p *population) read(all []store.Positions, c *config.Config) error {
	p.clock = events.Never
	latest := events.Instant(0)
	for i := range all {
		at := &all[i]
		here := store.Genesis{Format: store.Format, App: c.App, Input: c.Topics.Touchpoints, Output: c.Topics.Events,
			Shard: at.Shard, Shards: all[0].Shards}
		if err := here.Check(at.Genesis); err != nil {
			return fmt.Errorf("shard %d in %s: %w", at.Shard, p.what, err)
		}
		p.clock, latest = min(p.clock, at.Clock), max(latest, at.Clock)
		if err := p.goBy(at); err != nil {
			return err
		}
	}
	if p.inForce != nil {
		p.inForceName = p.inForce.Name() + ", in force there"
	}
	if n := len(all); n < all[0].Shards {
		p.note(fmt.Sprintf("only %d of %d shards are there", n, all[0].Shards))
	}
	if latest-p.clock > mostApart {
		p.note(fmt.Sprintf("the shards' clocks stand between %s and %s: without --at what came after the first counts for nothing",
			p.clock, latest))
	}
	return nil
}

// goBy has the rulebook of a shard be in force, if none is that is greater.
func (p *population) goBy(at *store.Positions) error {
	if len(at.Rulebook) == 0 {
		return nil
	}
	b, err := rulebook.Parse(at.Rulebook)
	if err != nil {
		return fmt.Errorf("the rulebook of shard %d in %s: %w; use the version of touchfold that wrote it, or a newer one",
			at.Shard, p.what, err)
	}
	was := p.inForce
	if was == nil || cmp.Or(cmp.Compare(b.Serial, was.Serial), cmp.Compare(b.Digest(), was.Digest())) > 0 {
		p.inForce = b
	}
	if was != nil && was.Name() != b.Name() {
		p.note("the shards do not have the same rulebook in force: that with the greatest number counts")
	}
	return nil
}

// mostApart is how far shards' clocks may be apart without a word.
const mostApart events.Instant = 60 * 60_000

func (p *population) note(text string) {
	if !slices.Contains(p.notes, text) {
		p.notes = append(p.notes, text)
	}
}

// endOfTime is later than all touchpoints, so that none is refused as too early.
const endOfTime events.Instant = 1 << 60

// touchpointsOf is the customers of files of touchpoints, who are kept in memory. Nothing is in force there.
func touchpointsOf(ctx context.Context, files []string, c *config.Config, bar *progress) (*population, error) {
	nothing := *c
	nothing.Rulebook, nothing.Rules = "", ""
	p := &population{what: strings.Join(files, ", "), inForce: features.Propose(&nothing), inForceName: "no rules"}
	k := known{decoder: events.NewDecoder(events.DecoderConfig{Currency: c.Business.Currency}), table: bare(),
		customers: map[events.CustomerID]*state.Customer{}, refused: map[string]int{}}
	if err := k.read(ctx, files, c.Topics.Touchpoints, bar); err != nil {
		return nil, err
	}
	p.clock = max(1, k.stamp)
	for _, reason := range slices.Sorted(maps.Keys(k.refused)) {
		p.note(fmt.Sprintf("%s: not a touchpoint, and counts for nothing: %s", counted(k.refused[reason], "line"), reason))
	}
	if k.world > 0 {
		p.note(counted(k.world, "event") + " of the catalogue or of the world, which count for nothing here: rules that ask for such say less " +
			"than they would in a run")
	}
	p.each = func(_ context.Context, f func(*state.Customer) error) error {
		for n, id := range slices.Sorted(maps.Keys(k.customers)) {
			bar.tell(float64(n)/float64(len(k.customers)), counted(n, "customer"))
			if err := f(k.customers[id]); err != nil {
				return err
			}
		}
		return nil
	}
	return p, nil
}

// known is the timelines of the customers of files.
type known struct {
	decoder   *events.Decoder
	event     events.Event // scratch
	table     *state.Table
	stamp     events.Instant // the running maximum of the touchpoints' times, at which one without a time happened
	at        events.Offset
	customers map[events.CustomerID]*state.Customer
	refused   map[string]int // lines, by the reason
	world     int            // events of no customer
}

// read takes all lines of files, as if they stood in a topic.
func (k *known) read(ctx context.Context, files []string, topic string, bar *progress) error {
	in, err := openLines(files)
	if err != nil {
		return err
	}
	defer in.close()
	bar.fraction = in.fraction
	for {
		line, err := in.next()
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		case ctx.Err() != nil:
			return ctx.Err()
		}
		k.take(&events.Record{Position: events.Position{Topic: topic, Offset: k.at}, Append: endOfTime, Value: line})
		bar.feed()
	}
}

// take takes a touchpoint.
func (k *known) take(r *events.Record) {
	k.at++
	why := k.decoder.Decode(r, &k.event)
	if why == nil && k.decoder.Notes().Has(events.NoTime) {
		r.Append = max(1, k.stamp)
		why = k.decoder.Decode(r, &k.event)
	}
	if why != nil {
		k.refused[why.Reason.String()]++
		return
	}
	e := &k.event
	if k.stamp = max(k.stamp, e.Time); e.Customer == "" {
		k.world++
		return
	}
	c := k.customers[e.Customer]
	if c == nil {
		id := events.CustomerID(strings.Clone(string(e.Customer)))
		c = k.table.New(id)
		k.customers[id] = c
	}
	c.Take(e)
}
