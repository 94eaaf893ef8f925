package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/touchfold/touchfold/config"
	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/processor"
	"github.com/touchfold/touchfold/state"
	"github.com/touchfold/touchfold/state/features"
	"github.com/touchfold/touchfold/state/rulebook"
	"github.com/touchfold/touchfold/state/rules"
	"github.com/touchfold/touchfold/state/rules/field"
	"github.com/touchfold/touchfold/state/snapshot"
	"github.com/touchfold/touchfold/state/store"
)

// explainCommand says why rules are what they are of one customer, from a stopped store or a snapshot.
type explainCommand struct {
	options
	Customer string  `arg:"" help:"Whom: a userId, or anon: and an anonymousId."`
	Rule     string  `arg:"" optional:"" help:"Id of a segment or trigger; all of them if left out."`
	At       string  `placeholder:"TIME" help:"As of when, such as 2026-01-31T09:00 of the business zone. Without: the shard's clock."`
	Dir      *string `placeholder:"DIR" help:"Folder of the local store (store.dir)."`
	Snapshot bool    `help:"Ask the newest snapshot of the customer's shard, also while it runs."`
	Place    *string `placeholder:"PLACE" help:"Folder or s3://bucket/prefix of the snapshots (snapshots.place)."`
	JSON     bool    `help:"Write one JSON object."`
}

// Help is the rest of -h.
func (explainCommand) Help() string {
	return "Each condition is shown with what it is now, what is compared, the events that decide it, the edges of its " +
		"window, and when it changes if nothing comes. Of a trigger: what happened at last, what became of it, and what is next. Events " +
		"after --at count for nothing; what was said is told as of now. Times are those of the business zone; --at also takes " +
		"2026-01-31, and times that end in Z or +08:00."
}

// Validate checks what kong cannot.
func (x *explainCommand) Validate() error {
	switch {
	case x.Snapshot && x.Dir != nil:
		return errors.New("of --snapshot and --dir only one may be given")
	case x.Place != nil && !x.Snapshot:
		return errors.New("--place goes with --snapshot")
	}
	return nil
}

// Run explains.
func (x *explainCommand) Run(ctx context.Context, out output) error {
	more := dirFlag(x.Dir)
	if x.Place != nil {
		more = append(more, "--place snapshots.place="+*x.Place)
	}
	c, err := x.load(more...)
	if err != nil {
		return err
	}
	table, err := features.Table(features.Propose(c))
	if err != nil {
		return fmt.Errorf("the table of features is faulty: %w", err)
	}
	var v *explanationView
	if x.Snapshot {
		v, err = x.fromSnapshot(ctx, c, table)
	} else {
		v, err = x.fromStore(c, table)
	}
	if err != nil {
		return err
	}
	if x.JSON {
		e := json.NewEncoder(out.out)
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		return e.Encode(v)
	}
	return v.write(out.out)
}

func (x *explainCommand) fromStore(c *config.Config, table *state.Table) (*explanationView, error) {
	st, err := openStoreOf(events.CustomerID(x.Customer), c, table)
	if err != nil {
		return nil, err
	}
	defer st.Close() // nothing was written
	return x.explain(st, st.Dir())
}

// fromSnapshot asks the newest snapshot of the customer's shard, made a store for as long as that takes.
func (x *explainCommand) fromSnapshot(ctx context.Context, c *config.Config, table *state.Table) (v *explanationView, err error) {
	a, err := archiveOf(c)
	if err != nil {
		return nil, err
	}
	all, err := (&snapshotOptions{}).find(ctx, a, c, nil, false)
	if err != nil {
		return nil, err
	}
	header, err := a.Header(ctx, all[0])
	if err != nil {
		return nil, err
	}
	shard := events.ShardOf(events.CustomerID(x.Customer), header.Shards)
	i := slices.IndexFunc(all, func(m snapshot.Meta) bool { return m.Shard == shard })
	if i < 0 {
		return nil, fmt.Errorf("there is no snapshot of shard %d in %s, which is that of customer %q", shard, c.Snapshots.Place,
			x.Customer)
	}
	err = restored(ctx, c, a, all[i], func(dir string) error {
		st, err := store.OpenReadOnly(store.Config{Dir: processor.StoreDir(dir, shard), Shard: shard, Table: table,
			CacheBytes: 1 << 20, Log: zerolog.Nop()})
		if err != nil {
			return err
		}
		defer st.Close() // nothing was written
		v, err = x.explain(st, all[i].Name)
		return err
	})
	return v, err
}

// explain asks a store, which a person knows as where, by the rulebook that was in force there.
func (x *explainCommand) explain(st *store.Store, where string) (*explanationView, error) {
	at, _ := st.Positions()
	if len(at.Rulebook) == 0 {
		return nil, fmt.Errorf("no rulebook was ever in force in %s; touchfold run puts one in force", where)
	}
	b, err := rulebook.Parse(at.Rulebook)
	if err != nil {
		return nil, fmt.Errorf("the rulebook in %s: %w; use the version of touchfold that wrote it, or a newer one", where, err)
	}
	if b.Features[rules.Name] == 0 {
		return nil, fmt.Errorf("rulebook %s, which is in force in %s, has no segments and triggers; name a file of them "+
			"with the key rulebook, or set it to default, and put them in force with touchfold rules activate", b.Name(), where)
	}
	belief, err := config.Believe(b.Settings)
	if err != nil {
		return nil, err
	}
	table, _, err := features.TableSince(b, at.Since, at.Log)
	if err != nil {
		return nil, err
	}
	if err := st.Retable(table); err != nil {
		return nil, err
	}
	customer, err := st.Customer(events.CustomerID(x.Customer))
	if err != nil {
		return nil, err
	}
	if customer.Events() == 0 {
		return nil, unknownCustomer(events.CustomerID(x.Customer), where)
	}
	q := rules.Question{Table: table, Customer: customer, At: at.Clock, Floor: at.Floor}
	if x.At != "" {
		if q.At, err = parseMoment(x.At, belief.Business.Zone); err != nil {
			return nil, err
		}
	}
	if x.Rule != "" {
		q.Rules = []string{x.Rule}
	}
	v, err := x.ask(q, &belief, b.Name())
	return v, cmp.Or(st.Err(), err)
}

func (x *explainCommand) ask(q rules.Question, belief *config.Beliefs, name string) (*explanationView, error) {
	all := rules.Explain(q)
	if len(all) == 0 {
		if x.Rule == "" || len(rules.Explain(rules.Question{Table: q.Table, Customer: q.Customer, At: q.At})) == 0 {
			when := clockOf(belief.Business.Zone)(q.At)
			return nil, fmt.Errorf("customer %q was not known at %s: his first event came later", x.Customer, when)
		}
		return nil, x.unknownRule(q, name)
	}
	w := &wording{show: clockOf(belief.Business.Zone), ids: map[state.Mark]string{}}
	q.Customer.Timeline(func(e *events.Event) { w.ids[state.MarkOf(e)] = strings.Clone(e.ID) })
	v := &explanationView{Customer: q.Customer.ID(), At: w.show(q.At), Zone: belief.Business.Zone.String(), Rulebook: name,
		Events: all[0].EventsFolded, First: w.show(all[0].FirstEvent), Last: w.show(all[0].LastEvent)}
	for i := range all {
		v.Rules = append(v.Rules, w.rule(&all[i], q.At))
	}
	return v, nil
}

// unknownRule names the rule that was probably meant.
func (x *explainCommand) unknownRule(q rules.Question, name string) error {
	q.Rules = nil
	var ids []string
	for _, e := range rules.Explain(q) {
		ids = append(ids, e.Rule.ID)
	}
	hint := field.Meant(x.Rule, ids)
	if hint == "" {
		slices.Sort(ids)
		hint = "; it has " + strings.Join(ids, ", ")
	}
	return fmt.Errorf("there is no rule %s in rulebook %s, which was in force when the store was saved%s", x.Rule, name, hint)
}

// parseMoment reads an instant, or a day's beginning, of a zone.
func parseMoment(text string, zone *time.Location) (events.Instant, error) {
	for _, form := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02T15:04", time.DateOnly} {
		if t, err := time.ParseInLocation(form, strings.Replace(text, " ", "T", 1), zone); err == nil {
			if at := events.At(t); at > 0 {
				return at, nil
			}
			return 0, errors.New("--at: times begin in 1970")
		}
	}
	return 0, fmt.Errorf("--at: %q is not a time; write 2026-01-31, 2026-01-31T09:00 or 2026-01-31T09:00:00Z", text)
}

// clockOf shows instants as the clocks of a zone do.
func clockOf(zone *time.Location) func(events.Instant) string {
	return func(at events.Instant) string {
		t := at.Time().In(zone)
		switch {
		case at == events.Never:
			return "never"
		case at%1000 != 0:
			return t.Format("2006-01-02 15:04:05.000")
		case t.Second() != 0:
			return t.Format("2006-01-02 15:04:05")
		}
		return t.Format("2006-01-02 15:04")
	}
}
