package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/touchfold/touchfold/config"
	"github.com/touchfold/touchfold/config/rulefile"
	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/processor/kafka"
	"github.com/touchfold/touchfold/state/features"
	"github.com/touchfold/touchfold/state/rulebook"
	"github.com/touchfold/touchfold/state/rules"
)

// logged is a rulebook that stands in the log.
type logged struct {
	book    *rulebook.Rulebook
	at      events.Instant
	inForce bool               // it was, as of its place
	over    *rulebook.Rulebook // in force before; nil of the first
}

// logOf is the rulebooks that partition 0 of the touchpoints holds, in order: the other partitions have copies of them.
func logOf(ctx context.Context, client *kafka.Client, c *config.Config) (all []logged, err error) {
	topic := c.Topics.Touchpoints
	ranges, err := client.Ranges(ctx, topic)
	if errors.Is(err, kafka.ErrNoTopic) {
		return nil, fmt.Errorf("there is no topic %s, in which the rulebooks stand; bring it back, or see what "+
			"touchfold shard inspect says", topic)
	}
	if err != nil {
		return nil, err
	}
	var rules *rulebook.Succession
	err = client.ReadRange(ctx, topic, 0, ranges[0].First, ranges[0].End, func(r *events.Record) error {
		control, refusal := events.ControlOf(r, c.App)
		if control.Kind != events.RulebookControl || refusal != nil {
			return nil
		}
		b, err := rulebook.FromControl(&control)
		if err != nil || slices.ContainsFunc(all, func(x logged) bool { return x.book.Name() == b.Name() }) {
			return nil // one that cannot be read is parked; a copy says nothing new
		}
		x := logged{book: b, at: control.At, inForce: true}
		if rules == nil {
			first := rulebook.Begin(b)
			rules = &first
		} else {
			x.over = rules.Now
			x.inForce = rules.Take(b)
		}
		all = append(all, x)
		return nil
	})
	return all, err
}

type rulesHistoryCommand struct{ rulesOptions }

// Help is the rest of -h.
func (*rulesHistoryCommand) Help() string {
	return "It is read from partition 0 of the log of touchpoints, from its first record to its last, also while shards run. " +
		"What a shard began with before the log named a rulebook, number 0, does not stand there."
}

// Run writes a line for each rulebook, and beneath it what it changed.
func (h *rulesHistoryCommand) Run(ctx context.Context, out output) error {
	c, client, _, err := h.look(ctx, out)
	if err != nil {
		return err
	}
	defer client.Close()
	all, err := logOf(ctx, client, c)
	if err != nil {
		return err
	}
	if len(all) == 0 {
		_, err := fmt.Fprintf(out.out, "no rulebook stands in partition 0 of %s; touchfold rules activate puts one there\n",
			c.Topics.Touchpoints)
		return err
	}
	t := tabwriter.NewWriter(out.out, 0, 0, 2, ' ', 0)
	fmt.Fprint(t, "RULEBOOK\tSINCE\tCHANGED\n")
	for _, x := range all {
		for i, line := range x.changes() {
			if i == 0 {
				fmt.Fprintf(t, "%s\t%s\t%s\n", x.book.Name(), x.at, line)
			} else {
				fmt.Fprintf(t, "\t\t%s\n", line)
			}
		}
	}
	return t.Flush()
}

// changes is what a rulebook changed, in words; at least one line.
func (x *logged) changes() (lines []string) {
	switch {
	case !x.inForce:
		return []string{"nothing: " + x.over.Name() + " was in force already, and is greater"}
	case x.over == nil:
		return []string{"the first in the log"}
	}
	for _, d := range different(x.over, x.book) {
		switch {
		case d[1] == "none":
			lines = append(lines, d[0]+" is new")
		case d[2] == "none":
			lines = append(lines, d[0]+" is gone")
		default:
			lines = append(lines, d[0]+": "+d[1]+" → "+d[2])
		}
	}
	if len(lines) == 0 {
		return []string{"nothing"}
	}
	return lines
}

// differentRules is the rules that two files do not have alike: one that only says other things of itself is alike, too.
func differentRules(a, b string) (rows [][3]string) {
	x, y := meanings(a), meanings(b)
	all := maps.Clone(x)
	maps.Copy(all, y)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		switch {
		case x[name] == "":
			rows = append(rows, [3]string{name, "none", "one"})
		case y[name] == "":
			rows = append(rows, [3]string{name, "one", "none"})
		case x[name] != y[name]:
			rows = append(rows, [3]string{name, "one", "another"})
		}
	}
	return rows
}

// meanings is the text of each rule of a file, without what has no meaning.
func meanings(text string) map[string]string {
	all := map[string]string{}
	if text == "" {
		return all
	}
	book, err := rulefile.Parse("rules", []byte(text))
	if err != nil { // another version of the program reads it
		all["the rules"] = text
		return all
	}
	for _, s := range book.Segments {
		s.About = rules.About{ID: s.ID}
		all["segment "+s.ID] = string(rulefile.Write(&rules.Book{Segments: []rules.Segment{s}}))
	}
	for _, t := range book.Triggers {
		t.About = rules.About{ID: t.ID}
		all["trigger "+t.ID] = string(rulefile.Write(&rules.Book{Triggers: []rules.Trigger{t}}))
	}
	return all
}

type rulesRollbackCommand struct {
	rulesOptions
	Serial *uint64 `arg:"" optional:"" help:"Number of the rulebook to go back to; without, the one before the one in force."`
}

// Help is the rest of -h.
func (*rulesRollbackCommand) Help() string {
	return "The earlier rulebook is written into the log again, with the next number: nothing is taken back, and all that " +
		"touchfold rules activate says of what it writes holds. touchfold rules history lists them."
}

// Run puts an earlier rulebook in force.
func (r *rulesRollbackCommand) Run(ctx context.Context, out output) error {
	c, client, shards, err := r.look(ctx, out)
	if err != nil {
		return err
	}
	defer client.Close()
	all, err := logOf(ctx, client, c)
	if err != nil {
		return err
	}
	back, err := r.choose(all)
	if err != nil {
		return err
	}
	if _, err := features.Table(back); err != nil {
		return err
	}
	greatest := all[0].book.Serial
	for _, x := range all {
		greatest = max(greatest, x.book.Serial)
	}
	if now, ok := inForce(shards); ok {
		greatest = max(greatest, now.serial)
	}
	return put(ctx, out, client, c, back.Numbered(greatest+1))
}

// choose is the rulebook that is meant.
func (r *rulesRollbackCommand) choose(all []logged) (*rulebook.Rulebook, error) {
	all = slices.DeleteFunc(slices.Clone(all), func(x logged) bool { return !x.inForce })
	if len(all) == 0 {
		return nil, errors.New("no rulebook stands in the log, so there is none to go back to")
	}
	now := all[len(all)-1].book
	numbers := make([]string, len(all))
	for i, x := range all {
		numbers[i] = fmt.Sprint(x.book.Serial)
	}
	for i := len(all) - 1; i >= 0; i-- {
		b := all[i].book
		switch {
		case r.Serial == nil && b.Digest() != now.Digest():
			return b, nil
		case r.Serial == nil || b.Serial != *r.Serial:
		case b.Digest() == now.Digest():
			return nil, fmt.Errorf("rulebook %s says what %s says, which is in force already", b.Name(), now.Name())
		default:
			return b, nil
		}
	}
	if r.Serial == nil {
		return nil, fmt.Errorf("the log holds no other rulebook than %s, so there is none to go back to", now.Name())
	}
	return nil, fmt.Errorf("no rulebook of number %d was in force in the log; it has %s", *r.Serial, strings.Join(numbers, ", "))
}
