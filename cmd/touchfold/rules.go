package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/rs/zerolog"

	"github.com/touchfold/touchfold/config"
	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/processor/kafka"
	"github.com/touchfold/touchfold/state/features"
	"github.com/touchfold/touchfold/state/rulebook"
	"github.com/touchfold/touchfold/state/rules"
)

// rulesCommand is `touchfold rules`.
type rulesCommand struct {
	Status   rulesStatusCommand   `cmd:"" help:"Say which rulebook is in force in each shard, and how the configuration differs from it."`
	Activate rulesActivateCommand `cmd:"" help:"Put the rulebook of this configuration in force, also one that was in force before."`
	History  rulesHistoryCommand  `cmd:"" help:"List the rulebooks that stood in the log, and what each changed."`
	Rollback rulesRollbackCommand `cmd:"" help:"Put an earlier rulebook of the log in force again."`
	Default  rulesDefaultCommand  `cmd:"" help:"Write the rules that are in force where none are configured, to begin from."`
	Check    rulesCheckCommand    `cmd:"" help:"Say all that is wrong with a file of rules."`
	Lint     rulesLintCommand     `cmd:"" help:"Say what of a file of rules is allowed, but probably not meant."`
	Schema   rulesSchemaCommand   `cmd:"" help:"Write the JSON Schema of a file of rules, for editors."`
	Features rulesFeaturesCommand `cmd:"" help:"List the figures that rules may ask for."`
}

// rulesOptions are those of both.
type rulesOptions struct {
	options
	Brokers *string `placeholder:"HOST:PORT,..." help:"Kafka's brokers (kafka.brokers). None: the embedded broker of a run on this machine."`

	faulty error // the rules of the configuration are, which then has none; after look
}

// ruled is what the output tells of the rulebook of a shard: what its owner said last of it.
type ruled struct {
	shard  events.ShardID
	mark   *events.Mark // nil: nobody has ever owned the shard
	serial uint64
	digest rulebook.Digest
}

// look reads which rulebooks are in force. The client is the caller's to close, if there is no error.
func (r *rulesOptions) look(ctx context.Context, out output) (*config.Config, *kafka.Client, []ruled, error) {
	var more []string
	if r.Brokers != nil {
		more = append(more, "--brokers kafka.brokers="+*r.Brokers)
	}
	c, faulty, err := r.loadOver(more...)
	if err != nil {
		return nil, nil, nil, err
	}
	r.faulty = faulty
	brokers := c.Kafka.Brokers
	if len(brokers) == 0 {
		brokers = []string{tryOutAddress}
	}
	client, err := kafka.New(kafka.Config{Brokers: brokers, Log: newLog(out.err).Level(zerolog.WarnLevel)})
	if err != nil {
		return nil, nil, nil, err
	}
	shards, err := lookAtShards(ctx, client, c.Topics.Events)
	if err != nil {
		client.Close()
		return nil, nil, nil, err
	}
	return c, client, shards, nil
}

func lookAtShards(ctx context.Context, client *kafka.Client, topic string) ([]ruled, error) {
	if err := client.Ping(ctx); err != nil {
		return nil, err
	}
	ranges, err := client.Ranges(ctx, topic)
	if errors.Is(err, kafka.ErrNoTopic) {
		return nil, fmt.Errorf("there is no topic %s yet: no touchfold with this configuration has run", topic)
	}
	if err != nil {
		return nil, err
	}
	shards := make([]ruled, len(ranges))
	for i, x := range ranges {
		if shards[i], err = lookAtShard(ctx, client, topic, events.ShardID(i), x); err != nil {
			return nil, err
		}
	}
	return shards, nil
}

func lookAtShard(ctx context.Context, client *kafka.Client, topic string, shard events.ShardID, x kafka.Range) (s ruled, err error) {
	s.shard = shard
	if s.mark, err = lastRuled(ctx, client, topic, shard, x); err == nil && s.mark != nil {
		s.serial, s.digest, _ = rulebook.ParseName(s.mark.Rulebook)
	}
	return s, err
}

// lastRuled is the last mark of a partition that names a rulebook; nil if there is none. An owner leaves such a mark at
// least once a day.
func lastRuled(ctx context.Context, client *kafka.Client, topic string, shard events.ShardID, x kafka.Range) (last *events.Mark, err error) {
	err = backwards(ctx, client, topic, shard, x, func(r *events.Record) bool {
		if len(r.Key) > 0 {
			return false // of a customer
		}
		_, mark, err := events.ParseDerived(r)
		if err != nil || mark == nil || mark.Rulebook == "" {
			return false
		}
		last = mark
		return true
	})
	return last, err
}

// backwards reads a partition from its end, in ever larger pieces, until look was true of a record of a piece. Within a piece
// the last for which it is true comes last.
func backwards(ctx context.Context, client *kafka.Client, topic string, shard events.ShardID, x kafka.Range, look func(r *events.Record) bool) error {
	const first, larger = 1000, 8
	size, found := events.Offset(first), false
	for end := x.End; !found && end > x.First; size *= larger {
		begin := max(x.First, end-size)
		err := client.ReadRange(ctx, topic, shard, begin, end, func(r *events.Record) error {
			found = look(r) || found
			return nil
		})
		if err != nil {
			return err
		}
		end = begin
	}
	return nil
}

// inForce is the shard that is furthest: what the others will come to. ok is false if nobody has ever run.
func inForce(shards []ruled) (furthest ruled, ok bool) {
	furthest = slices.MaxFunc(shards, func(a, b ruled) int {
		return cmp.Or(cmp.Compare(a.serial, b.serial), cmp.Compare(a.digest, b.digest))
	})
	return furthest, furthest.mark != nil
}

type rulesStatusCommand struct {
	rulesOptions
	Dir *string `placeholder:"DIR" help:"Folder of the local store (store.dir), which is asked about shards that nobody runs."`
}

// Help is the rest of -h.
func (*rulesStatusCommand) Help() string {
	return "It is read from what the shards' owners wrote into the topic of derived events, also while they run. " +
		"A rulebook is named by its number in the log and a digest of what it says; number 0 is the one that a shard began with. " +
		"WALK is the pass over all customers that follows a change: what the instance says that has the shard, else a stopped store."
}

// Run writes a line for each shard, and then how this configuration stands to what is in force.
func (s *rulesStatusCommand) Run(ctx context.Context, out output) error {
	s.Set = append(slices.Clip(s.Set), dirFlag(s.Dir)...)
	c, client, shards, err := s.look(ctx, out)
	if err != nil {
		return err
	}
	walks, silent := walksOf(ctx, client, c)
	client.Close()
	t := tabwriter.NewWriter(out.out, 0, 0, 2, ' ', 0)
	fmt.Fprint(t, "SHARD\tRULEBOOK\tSAID\tBY\tWALK\n")
	for _, s := range shards {
		if s.mark == nil {
			fmt.Fprintf(t, "%d\tnone yet\n", s.shard)
			continue
		}
		walk := ""
		if w := walks[s.shard]; w != nil {
			walk = w.String()
		} else {
			walk = walkStored(c, s.shard)
		}
		fmt.Fprintf(t, "%d\t%s\t%s\t%s\t%s\n", s.shard, s.mark.Rulebook, s.mark.At, s.mark.Instance, walk)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if len(silent) > 0 {
		fmt.Fprintln(out.out, "\n"+strings.Join(silent, "\n"))
	}
	if s.faulty != nil {
		fmt.Fprintln(out.out, "\nthe rules of this configuration have faults, so they are not compared with what is in force")
		return s.faulty
	}
	now, ok := inForce(shards)
	if !ok {
		_, err := fmt.Fprintln(out.out, "\nnobody has run yet: the first to run puts the rulebook of its configuration in force")
		return err
	}
	return writeStanding(out.out, features.Propose(c), now)
}

// writeStanding says whether the rulebook of this configuration is the one in force, and else what is different, if the
// mark holds what is in force.
func writeStanding(w io.Writer, own *rulebook.Rulebook, now ruled) error {
	if own.Digest() == now.digest {
		_, err := fmt.Fprintln(w, "\nthe rulebook of this configuration is in force")
		return err
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "\nthis configuration has another rulebook, %s. If the log has never seen it, touchfold run puts it in force; "+
		"touchfold rules activate does so in any case.\n", own.Digest())
	if was, err := rulebook.Parse([]byte(now.mark.Content)); err == nil && was.Digest() == now.digest {
		t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
		fmt.Fprint(t, "\nDIFFERENT\tIN FORCE\tHERE\n")
		for _, d := range different(was, own) {
			fmt.Fprintln(t, strings.Join(d[:], "\t"))
		}
		if err := t.Flush(); err != nil {
			return err
		}
	}
	_, err := w.Write(b.Bytes())
	return err
}

// different is what two rulebooks do not have alike: its name and its value in either.
func different(a, b *rulebook.Rulebook) (rows [][3]string) {
	flat := func(b *rulebook.Rulebook) map[string]string {
		all := map[string]string{}
		for name, version := range b.Features {
			all["feature "+name] = fmt.Sprint("version ", version)
		}
		for key, value := range b.Settings {
			all[key] = fmt.Sprintf("%.60q", value)
		}
		delete(all, rules.Name) // that is told rule by rule
		return all
	}
	x, y := flat(a), flat(b)
	all := maps.Clone(x)
	maps.Copy(all, y)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if x[name] != y[name] {
			rows = append(rows, [3]string{name, cmp.Or(x[name], "none"), cmp.Or(y[name], "none")})
		}
	}
	return append(rows, differentRules(a.Settings[rules.Name], b.Settings[rules.Name])...)
}

type rulesActivateCommand struct{ rulesOptions }

// Help is the rest of -h.
func (*rulesActivateCommand) Help() string {
	return "It is written into the log of touchpoints, with the next number, and is in force for every touchpoint behind it. " +
		"A touchfold run whose configuration says otherwise goes by it all the same, until it is given settings that the log has never seen."
}

// Run writes the rulebook of this configuration to the log.
func (a *rulesActivateCommand) Run(ctx context.Context, out output) error {
	c, client, shards, err := a.look(ctx, out)
	if err != nil {
		return err
	}
	defer client.Close()
	if a.faulty != nil {
		return a.faulty
	}
	now, ok := inForce(shards)
	if !ok {
		return errors.New("nobody has run yet: start touchfold run, which puts the rulebook of its configuration in force")
	}
	if _, err := client.Ranges(ctx, c.Topics.Touchpoints); errors.Is(err, kafka.ErrNoTopic) {
		return fmt.Errorf("no rulebook is activated: there is no topic %s, into which it would be written; bring it back, "+
			"or see what touchfold shard inspect says", c.Topics.Touchpoints)
	} else if err != nil {
		return err
	}
	next := features.Propose(c).Numbered(now.serial + 1)
	if next.Digest() == now.digest && now.serial > 0 {
		_, err := fmt.Fprintf(out.out, "rulebook %s is in force already, or on its way to the shards that do not say so\n", now.mark.Rulebook)
		return err
	}
	return put(ctx, out, client, c, next)
}

// put writes a rulebook to the log.
func put(ctx context.Context, out output, client *kafka.Client, c *config.Config, next *rulebook.Rulebook) error {
	control := next.Control(events.At(time.Now()))
	value, headers := control.Record(c.App)
	// To partition 0 alone: its shard copies it to the others, so that what is there is everywhere.
	if _, err := client.Append(ctx, c.Topics.Touchpoints, 0, []kafka.Out{{Value: value, Headers: headers, Time: control.At}}); err != nil {
		return fmt.Errorf("write rulebook %s to %s: %w", next.Name(), c.Topics.Touchpoints, err)
	}
	_, err := fmt.Fprintf(out.out, "rulebook %s is in the log; each shard goes by it as soon as it comes to it, which touchfold rules status shows\n",
		next.Name())
	return err
}
