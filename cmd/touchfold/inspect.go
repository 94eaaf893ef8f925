package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/rs/zerolog"

	"github.com/touchfold/touchfold/config"
	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/processor"
	"github.com/touchfold/touchfold/processor/rehearsal"
	"github.com/touchfold/touchfold/state"
	"github.com/touchfold/touchfold/state/features"
	"github.com/touchfold/touchfold/state/rulebook"
	"github.com/touchfold/touchfold/state/store"
)

// inspectCommand shows one customer from a stopped store.
type inspectCommand struct {
	options
	Customer string  `arg:"" help:"Whom: a userId, or anon: and an anonymousId."`
	Dir      *string `placeholder:"DIR" help:"Folder of the local store (store.dir)."`
	JSON     bool    `help:"Write one JSON object."`
	All      bool    `help:"Write the whole timeline, not its last 50 events."`
}

// shownEvents is how much of a timeline is shown.
const shownEvents = 50

// Run looks the customer up.
func (i *inspectCommand) Run(out output) error {
	var more []string
	if i.Dir != nil {
		more = append(more, "--dir store.dir="+*i.Dir)
	}
	c, err := i.load(more...)
	if err != nil {
		return err
	}
	table, err := features.Table(features.Propose(c))
	if err != nil {
		return fmt.Errorf("the table of features is faulty: %w", err)
	}
	st, err := openStoreOf(events.CustomerID(i.Customer), c, table)
	if err != nil {
		return err
	}
	defer st.Close() // nothing was written
	rules, err := asStored(st)
	if err != nil {
		return err
	}
	customer, err := st.Customer(events.CustomerID(i.Customer))
	if err != nil {
		return err
	}
	at, _ := st.Positions()
	if customer.Events() == 0 {
		return unknownCustomer(events.CustomerID(i.Customer), c.Store.Dir)
	}
	v := i.view(customer, at)
	v.Rulebook = rules
	if err := st.Err(); err != nil {
		return err
	}
	if i.JSON {
		e := json.NewEncoder(out.out)
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		return e.Encode(v)
	}
	return v.write(out.out)
}

func unknownCustomer(id events.CustomerID, dir string) error {
	return fmt.Errorf("no customer %q is known in %s; ids are exact, and one who was never logged in is anon: and the anonymousId",
		id, dir)
}

// openStoreOf opens the store of a customer's shard. How many shards there are stands in every one of them.
func openStoreOf(id events.CustomerID, c *config.Config, table *state.Table) (*store.Store, error) {
	open := func(shard events.ShardID) (*store.Store, error) {
		return store.OpenReadOnly(store.Config{Dir: processor.StoreDir(c.Store.Dir, shard), Shard: shard, Table: table,
			CacheBytes: 1 << 20, Log: zerolog.Nop()})
	}
	first, err := open(0)
	if err != nil {
		return nil, err
	}
	at, exists := first.Positions()
	if !exists {
		first.Close()
		return nil, fmt.Errorf("the store in %s is empty: nothing was ever saved there", c.Store.Dir)
	}
	shard := events.ShardOf(id, at.Shards)
	if shard == 0 {
		return first, nil
	}
	first.Close()
	return open(shard)
}

// asStored has a store show its customers by the rulebook that was in force there, whatever this configuration says, and
// names that.
func asStored(st *store.Store) (name string, err error) {
	at, _ := st.Positions()
	if len(at.Rulebook) == 0 {
		return "", nil
	}
	b, err := rulebook.Parse(at.Rulebook)
	if err != nil {
		return "", fmt.Errorf("the rulebook in %s: %w; use the version of touchfold that wrote it, or a newer one", st.Dir(), err)
	}
	table, _, err := features.TableSince(b, at.Since, at.Log)
	if err != nil {
		return "", err
	}
	return b.Name(), st.Retable(table)
}

// customerView is what is shown of a customer.
type customerView struct {
	Customer events.CustomerID `json:"customer_id"`
	Shard    events.ShardID    `json:"shard"`
	Shards   int               `json:"shards"`
	Clock    string            `json:"clock"` // of the shard; facts and features are as of then
	Rulebook string            `json:"rulebook,omitempty"`
	Horizon  string            `json:"next_horizon"`
	Facts    map[string]any    `json:"facts"`
	Said     []saidView        `json:"said"`
	Features map[string]any    `json:"features"`
	Events   int               `json:"events"`
	Timeline []eventView       `json:"timeline"`
}

type saidView struct {
	Fact  string `json:"fact"`
	Value string `json:"value"`
	N     uint32 `json:"n"`
}

type eventView struct {
	Time    string `json:"time"`
	Name    string `json:"event"`
	Channel string `json:"channel,omitempty"`
	ID      string `json:"id"`
	Order   string `json:"order_id,omitempty"`
	Amount  string `json:"amount,omitempty"`
	Items   int    `json:"items,omitempty"`
}

func (i *inspectCommand) view(c *state.Customer, at store.Positions) *customerView {
	v := &customerView{Customer: c.ID(), Shard: at.Shard, Shards: at.Shards, Clock: at.Clock.String(), Horizon: c.Due().String(),
		Facts: rehearsal.Facts(c, at.Clock), Features: c.Report(at.Clock), Events: c.Events()}
	c.Said(func(key string, value state.Value, n uint32) { v.Said = append(v.Said, saidView{key, value, n}) })
	left := c.Events() - shownEvents
	c.Timeline(func(e *events.Event) {
		if left--; left < 0 || i.All {
			v.Timeline = append(v.Timeline, viewOf(e))
		}
	})
	return v
}

func viewOf(e *events.Event) eventView {
	x := eventView{Time: e.Time.String(), Name: strings.Clone(e.Name), Channel: strings.Clone(e.Channel), ID: strings.Clone(e.ID),
		Order: strings.Clone(e.Order.ID), Items: len(e.Items)}
	if e.Order.Stated {
		x.Amount = events.FormatMinor(e.Order.Value, e.Order.Currency) + " " + e.Order.Currency.String()
	}
	return x
}

// write writes it for a person.
func (v *customerView) write(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "customer\t%s\nshard\t%d of %d\nclock\t%s\nrulebook\t%s\nnext horizon\t%s\n", v.Customer, v.Shard, v.Shards, v.Clock,
		cmp.Or(v.Rulebook, "none yet"), v.Horizon)
	fmt.Fprint(t, "\nfacts\n")
	for _, key := range slices.Sorted(maps.Keys(v.Facts)) {
		fmt.Fprintf(t, "  %s\t%v\n", key, v.Facts[key])
	}
	fmt.Fprint(t, "\nsaid\n")
	for _, s := range v.Said {
		value := s.Value
		if value == "" {
			value = "no longer"
		}
		fmt.Fprintf(t, "  %s\t%s\tn = %d\n", s.Fact, value, s.N)
	}
	for _, name := range slices.Sorted(maps.Keys(v.Features)) {
		text, err := json.MarshalIndent(v.Features[name], "  ", "  ")
		if err != nil {
			return err
		}
		fmt.Fprintf(t, "\n%s\n  %s\n", name, text)
	}
	fmt.Fprintf(t, "\ntimeline, %d of %d events\n", len(v.Timeline), v.Events)
	for _, e := range v.Timeline {
		fmt.Fprintf(t, "  %s\t%s\t%s\t%s\t%s\t%s\n", e.Time, e.Name, e.Channel, e.ID, e.Order, e.Amount)
	}
	return t.Flush()
}
