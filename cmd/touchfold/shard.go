package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"github.com/touchfold/touchfold/config"
	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/processor"
	"github.com/touchfold/touchfold/processor/kafka"
	"github.com/touchfold/touchfold/state/snapshot"
)

// shardCommand is `touchfold shard`.
type shardCommand struct {
	Inspect shardInspectCommand `cmd:"" help:"Say how far shards are, whose they are, and whether they can be taken over; also while they run."`
	Restore shardRestoreCommand `cmd:"" help:"Make a stopped shard's store from the newest snapshot from which the topics go on."`
	Reset   shardResetCommand   `cmd:"" help:"Have a stopped shard go on with what the topics still hold, where records are lost for good."`
}

// shardOptions are those of all three.
type shardOptions struct {
	options
	Brokers *string `placeholder:"HOST:PORT,..." help:"Kafka's brokers (kafka.brokers). None: the embedded broker of a run on this machine."`
	Dir     *string `placeholder:"DIR" help:"Folder of the local store (store.dir)."`
	Place   *string `placeholder:"PLACE" help:"Folder or s3://bucket/prefix of the snapshots (snapshots.place)."`
}

// outsider is what a command about shards works with.
type outsider struct {
	config    *config.Config
	client    *kafka.Client
	processor *processor.Processor // never run
}

func (o *shardOptions) open(ctx context.Context, out output) (*outsider, error) {
	more := dirFlag(o.Dir)
	if o.Brokers != nil {
		more = append(more, "--brokers kafka.brokers="+*o.Brokers)
	}
	if o.Place != nil {
		more = append(more, "--place snapshots.place="+*o.Place)
	}
	c, err := o.load(more...)
	if err != nil {
		return nil, err
	}
	if len(c.Kafka.Brokers) == 0 {
		c.Kafka.Brokers = []string{tryOutAddress}
	}
	log := newLog(out.err).Level(zerolog.WarnLevel)
	client, err := kafka.New(kafka.Config{Brokers: c.Kafka.Brokers, Log: log})
	if err != nil {
		return nil, err
	}
	s := &outsider{config: c, client: client}
	if s.processor, err = outside(ctx, c, client, log); err != nil {
		client.Close()
		return nil, err
	}
	return s, nil
}

// outside is a processor that is not to run.
func outside(ctx context.Context, c *config.Config, client *kafka.Client, log zerolog.Logger) (p *processor.Processor, err error) {
	if err := client.Ping(ctx); err != nil {
		return nil, err
	}
	settings := processorConfig(c, client, log, prometheus.NewRegistry())
	if c.Snapshots.Place != "" {
		if settings.Archive, err = openArchive(ctx, c, log, settings.Registry); err != nil {
			return nil, err
		}
	}
	return processor.New(settings)
}

type shardInspectCommand struct {
	shardOptions
	Shards []events.ShardID `arg:"" optional:"" name:"shard" help:"Which, from 0. Without: all."`
	JSON   bool             `help:"Write one JSON object a line."`
}

// Help is the rest of -h.
func (*shardInspectCommand) Help() string {
	return "The local store of a process that runs is not opened; what the topics and the group tell of the shard is shown all the same. " +
		"Whether a take-over would go on is judged by the checks that it makes."
}

// Run writes a block for each shard.
func (i *shardInspectCommand) Run(ctx context.Context, out output) error {
	o, err := i.open(ctx, out)
	if err != nil {
		return err
	}
	defer o.client.Close()
	n, err := o.processor.Shards(ctx)
	if err != nil {
		return err
	}
	if len(i.Shards) == 0 {
		for id := range n {
			i.Shards = append(i.Shards, events.ShardID(id))
		}
	}
	for k, id := range i.Shards {
		look, err := o.processor.Look(ctx, id)
		if err != nil {
			return err
		}
		v := viewShard(o.config, look)
		if i.JSON {
			err = json.NewEncoder(out.out).Encode(v)
		} else {
			err = v.write(out.out, k > 0)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

type shardRestoreCommand struct {
	shardOptions
	Shard    events.ShardID `arg:"" help:"Which, from 0."`
	Snapshot string         `placeholder:"NAME" help:"This one, as touchfold snapshot list names it. Without: the newest that fits."`
}

// Help is the rest of -h.
func (*shardRestoreCommand) Help() string {
	return "A snapshot fits if the topics still hold all that came after it. Nothing is removed: a store that is there is set aside, " +
		"and so are newer snapshots, with which the next take-over would begin otherwise."
}

// Run restores.
func (r *shardRestoreCommand) Run(ctx context.Context, out output) error {
	o, err := r.open(ctx, out)
	if err != nil {
		return err
	}
	defer o.client.Close()
	var tell *bytesTold
	began := time.Now()
	done, err := o.processor.Restore(ctx, r.Shard, r.Snapshot, func(m snapshot.Meta, read int64) {
		if tell == nil {
			tell = tellBytes(out.err, fmt.Sprintf("shard %d", m.Shard), m.Bytes)
		}
		tell.read(read)
	})
	if tell != nil {
		tell.clear()
	}
	if done == nil {
		return err
	}
	for _, why := range done.Passed {
		fmt.Fprintf(out.out, "passed over: %v\n", why)
	}
	fmt.Fprintf(out.out, "shard %d: %s is restored at position %d from %s, %d rows in %.1f s\n", r.Shard,
		processor.StoreDir(o.config.Store.Dir, r.Shard), done.Snapshot.Input, done.Snapshot.Name, done.Rows, time.Since(began).Seconds())
	if done.Aside != "" {
		fmt.Fprintf(out.out, "shard %d: what was there is in %s\n", r.Shard, done.Aside)
	}
	for _, name := range done.SetAside {
		fmt.Fprintf(out.out, "shard %d: a newer snapshot is called %s now\n", r.Shard, name)
	}
	return err
}

type shardResetCommand struct {
	shardOptions
	Shard      events.ShardID `arg:"" help:"Which, from 0."`
	AcceptLoss bool           `help:"Do it. Without: say what it would do, and what is lost."`
}

// Help is the rest of -h.
func (*shardResetCommand) Help() string {
	return "The shard is folded again from what its partition of touchpoints still has, takes for said what its partition of derived " +
		"events still has, and says the difference once. Try touchfold shard restore first."
}

// Run says what a reset costs, and does it if that is accepted.
func (r *shardResetCommand) Run(ctx context.Context, out output) error {
	o, err := r.open(ctx, out)
	if err != nil {
		return err
	}
	defer o.client.Close()
	plan, err := o.processor.PlanReset(ctx, r.Shard)
	if err != nil {
		return err
	}
	if err := writePlan(out.out, o.config, plan); err != nil {
		return err
	}
	if plan.Living != nil {
		return fmt.Errorf("shard %d cannot be reset now: %w", r.Shard, plan.Living)
	}
	if !r.AcceptLoss {
		return errors.New("nothing was done; --accept-loss does it")
	}
	done, err := o.processor.Reset(ctx, r.Shard)
	if done == nil {
		return err
	}
	fmt.Fprintf(out.out, "shard %d is reset: %d statements stand in the output; start touchfold run\n", r.Shard, done.Absorbed)
	if done.Aside != "" {
		fmt.Fprintf(out.out, "shard %d: the former store is in %s\n", r.Shard, done.Aside)
	}
	for _, name := range done.SetAside {
		fmt.Fprintf(out.out, "shard %d: a snapshot is called %s now\n", r.Shard, name)
	}
	if done.Put != "" {
		fmt.Fprintf(out.out, "shard %d: the new store has the snapshot %s\n", r.Shard, done.Put)
	}
	return err
}
