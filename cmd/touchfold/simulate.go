package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/touchfold/touchfold/config"
	"github.com/touchfold/touchfold/config/rulefile"
	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state"
	"github.com/touchfold/touchfold/state/features"
	"github.com/touchfold/touchfold/state/rulebook"
	"github.com/touchfold/touchfold/state/rules"
	"github.com/touchfold/touchfold/state/rules/field"
	"github.com/touchfold/touchfold/state/whatif"
)

// simulateCommand says what another rulebook would change.
type simulateCommand struct {
	ruleFile
	Against     string   `placeholder:"FILE" help:"Compare with these rules. Without: with those in force in the store."`
	At          string   `placeholder:"TIME" help:"As of when, as 2026-01-31T09:00. Without: the shards' clock, or the last touchpoint."`
	Days        whole    `default:"30" placeholder:"N" help:"Count what happened on that day and those before (${default})."`
	Touchpoints []string `sep:"none" placeholder:"FILE" help:"Customers are those of this file, as of replay; may be repeated."`
	Snapshot    bool     `help:"Customers are those of the newest snapshot of each shard, also while it runs."`
	Place       *string  `placeholder:"PLACE" help:"Folder or s3://bucket/prefix of the snapshots (snapshots.place)."`
	Dir         *string  `placeholder:"DIR" help:"Customers are those of the stores in this folder (store.dir), of no process that runs."`
	Overlap     whole    `default:"10" placeholder:"N" help:"Show so many pairs of segments (${default}); --json has them all."`
	Customers   string   `placeholder:"FILE" help:"Write each difference to this file, one JSON line each."`
	List        []string `placeholder:"RULE" help:"Of these rules only; may be repeated."`
	JSON        bool     `help:"Write one JSON object."`
}

// Help is the rest of -h.
func (*simulateCommand) Help() string {
	return "Nothing is published and nothing is put in force. All customers of a stopped process are folded twice, by the rules " +
		"in force and by those of FILE, under the settings of this configuration; of touchpoints, which are kept in memory, the " +
		"first are none unless --against names some. Each trigger counts as in force from the beginning, touchpoints as if none " +
		"had been late, and nothing expires. What happened counts on its day, once its settle time has passed; A DAY is the " +
		"average, and MOST is that of the day with the most. FILE without a name is the configuration's own."
}

// Validate checks what kong cannot.
func (s *simulateCommand) Validate() error {
	switch {
	case s.Days < 1 || s.Days > 3660:
		return fmt.Errorf("--days: %d is out of range; write 1 to 3660", s.Days)
	case s.Overlap < 0:
		return fmt.Errorf("--overlap: %d is out of range; write 0 or more", s.Overlap)
	case len(s.List) > 0 && s.Customers == "":
		return errors.New("--list goes with --customers FILE, to which it is written")
	case s.Snapshot && (len(s.Touchpoints) > 0 || s.Dir != nil), len(s.Touchpoints) > 0 && s.Dir != nil:
		return errors.New("of --touchpoints, --snapshot and --dir only one may be given")
	case s.Place != nil && !s.Snapshot:
		return errors.New("--place goes with --snapshot")
	}
	for _, in := range append([]string{s.File, s.Against, s.path()}, s.Touchpoints...) {
		if s.Customers != "" && in != "" && same(s.Customers, in) {
			return fmt.Errorf("--customers: %s is a file that is read; write to another", s.Customers)
		}
	}
	return nil
}

// Run compares.
func (s *simulateCommand) Run(ctx context.Context, out output) error {
	if s.Dir != nil {
		s.Set = append(slices.Clip(s.Set), "--dir store.dir="+*s.Dir)
	}
	if s.Place != nil {
		s.Set = append(slices.Clip(s.Set), "--place snapshots.place="+*s.Place)
	}
	c, err := s.read()
	if err != nil {
		return err
	}
	if err := features.CheckRules(c); err != nil {
		return err
	}
	file, err := createOut(s.Customers)
	if err != nil {
		return err
	}
	defer file.drop()
	bar := newProgress(out.err, 0, nil)
	defer bar.clear()
	v, err := s.simulate(ctx, c, file, bar)
	if ctx.Err() != nil {
		return errors.New("interrupted; nothing was written")
	}
	if err != nil {
		return err
	}
	if err := file.keep(); err != nil {
		return err
	}
	bar.clear()
	if s.JSON {
		e := json.NewEncoder(out.out)
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		return e.Encode(v)
	}
	return v.write(out.out, int(s.Overlap))
}

func (s *simulateCommand) simulate(ctx context.Context, c *config.Config, file *outFile, bar *progress) (*simulationView,
	error) {
	from, err := s.population(ctx, c, bar)
	if err != nil {
		return nil, err
	}
	present, name, err := s.present(from)
	if err != nil {
		return nil, err
	}
	settings := whatif.Config{At: from.clock, Days: int(s.Days), Calendar: state.NewCalendar(c.Business.Zone)}
	for i, b := range []*rulebook.Rulebook{present, features.Propose(c)} {
		if settings.Sides[i], err = sideOf(b); err != nil {
			return nil, err
		}
	}
	if s.At != "" {
		if settings.At, err = parseMoment(s.At, c.Business.Zone); err != nil {
			return nil, err
		}
	}
	if s.List, err = factsNamed(s.List, slices.Concat(settings.Sides[0].Rules, settings.Sides[1].Rules)); err != nil {
		return nil, err
	}
	x, err := s.compare(ctx, settings, from, file)
	if err != nil {
		return nil, err
	}
	v := viewSimulation(x, &settings)
	v.Zone, v.From, v.Notes = c.Business.Zone.String(), from.what, from.notes
	v.Present, v.Next = name, c.RulesName()
	return v, nil
}

// compare goes through the customers, and lists the differences in the file.
func (s *simulateCommand) compare(ctx context.Context, settings whatif.Config, from *population, file *outFile) (
	x *whatif.Comparison, err error) {
	err = file.write(func(w io.Writer) error {
		l := changeList{to: json.NewEncoder(w), rules: s.List}
		l.to.SetEscapeHTML(false)
		settings.Each = l.write
		x = whatif.New(settings)
		err := from.each(ctx, func(customer *state.Customer) error {
			x.Add(customer)
			return cmp.Or(l.err, ctx.Err())
		})
		return cmp.Or(err, l.err)
	})
	return x, err
}

// present is the rulebook that is compared with, and what it is called.
func (s *simulateCommand) present(from *population) (*rulebook.Rulebook, string, error) {
	if s.Against != "" {
		against := ruleFile{options: s.options, File: s.Against}
		c, err := against.read()
		if err == nil {
			err = features.CheckRules(c)
		}
		if err != nil {
			return nil, "", err
		}
		return features.Propose(c), s.Against, nil
	}
	if from.inForce == nil {
		return nil, "", fmt.Errorf("no rulebook was ever in force in %s: touchfold run puts one in force; or name rules to compare "+
			"with, with --against", from.what)
	}
	return from.inForce, from.inForceName, nil
}

// sideOf is a rulebook as a side of a comparison.
func sideOf(b *rulebook.Rulebook) (s whatif.Side, err error) {
	if s.Table, err = features.Table(b); err != nil || b.Features[rules.Name] == 0 {
		return s, err
	}
	book, err := rulefile.Parse("rules", []byte(b.Settings[rules.Name]))
	if err != nil {
		return s, err
	}
	for i := range book.Segments {
		s.Rules = append(s.Rules, segmentFact+book.Segments[i].ID)
	}
	for i := range book.Triggers {
		s.Rules = append(s.Rules, triggerFact+book.Triggers[i].ID)
	}
	return s, nil
}

// The first words of facts.
const (
	segmentFact = "segment/"
	triggerFact = "trigger/"
)

// factsNamed is the facts of the rules that are asked for.
func factsNamed(asked, known []string) (facts []string, err error) {
	for _, id := range asked {
		n := len(facts)
		for _, fact := range []string{id, segmentFact + id, triggerFact + id} {
			if slices.Contains(known, fact) {
				facts = append(facts, fact)
			}
		}
		if n < len(facts) {
			continue
		}
		var ids []string
		for _, fact := range known {
			ids = append(ids, fact[strings.IndexByte(fact, '/')+1:])
		}
		return nil, fmt.Errorf("--list: neither rulebook has a rule %s%s", id, field.Meant(id, ids))
	}
	return facts, nil
}

// changeList writes differences as JSON lines.
type changeList struct {
	to    *json.Encoder
	rules []string // facts; none: all
	err   error    // the first
}

// changeLine is such a line. Would is enter or leave of a segment; happen or not happen of a trigger, at At.
type changeLine struct {
	Customer events.CustomerID `json:"customer_id"`
	Rule     string            `json:"rule"`
	Would    string            `json:"would"`
	At       string            `json:"at,omitempty"`
	Fact     string            `json:"fact,omitempty"`
}

func (l *changeList) write(c whatif.Change) {
	if len(l.rules) > 0 && !slices.Contains(l.rules, c.Rule) {
		return
	}
	line := changeLine{Customer: c.Customer, Rule: c.Rule[strings.IndexByte(c.Rule, '/')+1:], Fact: c.Key}
	line.Would = map[bool]string{true: "enter", false: "leave"}[c.More]
	if c.Key != "" {
		line.Would, line.At = map[bool]string{true: "happen", false: "not happen"}[c.More], c.At.String()
	}
	l.err = cmp.Or(l.err, l.to.Encode(line))
}
