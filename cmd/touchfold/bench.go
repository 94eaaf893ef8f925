package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/rs/zerolog"

	"github.com/touchfold/touchfold/processor/bench"
	"github.com/touchfold/touchfold/processor/bench/load"
)

// benchCommand measures the program on made-up touchpoints.
type benchCommand struct {
	Fold     benchFoldCommand     `cmd:"" help:"What a touchpoint costs one shard, stage by stage, without a broker."`
	Drain    benchDrainCommand    `cmd:"" help:"How fast a process works a backlog off, and what it needs for that."`
	Takeover benchTakeoverCommand `cmd:"" help:"How long shards are silent when a process ends, in order, by a kill or with its disk."`
	Sharing  benchSharingCommand  `cmd:"" help:"How long shards pause when a process that shares them comes, is stopped, or is killed."`
	Live     benchLiveCommand     `cmd:"" help:"How long it takes from a touchpoint to the derived event, at a steady rate."`
}

// Help is the rest of -h.
func (*benchCommand) Help() string {
	return "The touchpoints are made up: Segment messages of a web shop of about 630 bytes, half of them pages, a tenth of them orders. " +
		"Rules, memory and the rest are those of the configuration, so name yours with --config. Nothing that you have is touched: " +
		"stores lie in a temporary folder, topics have names of their own and are deleted. Example: touchfold bench fold --late 20 --json"
}

// benchOptions are the flags of all benchmarks.
type benchOptions struct {
	options
	Late    whole  `default:"0" placeholder:"PERCENT" help:"Of each hundred touchpoints, so many come up to three days late (${default})."`
	Uniform bool   `help:"Each customer comes as often as any other. Without: few come often (Zipf)."`
	Seed    uint64 `default:"1" help:"Another number makes up other touchpoints (${default})."`
	JSON    bool   `name:"json" help:"One JSON object instead of sentences; each figure has its unit in its name."`
}

func (o *benchOptions) workload(touchpoints, customers whole) load.Config {
	return load.Config{Touchpoints: int(touchpoints), Customers: int(customers), Late: int(o.Late), Uniform: o.Uniform, Seed: o.Seed}
}

// benchFoldCommand is one shard from memory.
type benchFoldCommand struct {
	benchOptions
	Touchpoints whole `default:"250000" placeholder:"N" help:"How many touchpoints the shard folds (${default})."`
	Customers   whole `default:"12500" placeholder:"N" help:"How many customers the shard has (${default})."`
}

// Help is the rest of -h.
func (*benchFoldCommand) Help() string {
	return "One shard has the part of memory that topics.partitions of them leave to it; set topics.partitions=1 to give it all. " +
		"The collector has no bound here, as it has in run. Example: touchfold bench fold --set rulebook=retail.yaml --late 20"
}

// Run measures.
func (b *benchFoldCommand) Run(ctx context.Context, out output) error {
	c, err := b.load()
	if err != nil {
		return err
	}
	r, err := bench.Fold(ctx, bench.FoldConfig{Config: c, Load: b.workload(b.Touchpoints, b.Customers), Version: builtFrom().Main.Version,
		Log: quietLog(out)})
	return b.tell(ctx, r, err, out)
}

// benchRunOptions are those of the benchmarks that go through a broker.
type benchRunOptions struct {
	benchOptions
	Brokers *string `placeholder:"HOST:PORT,..." help:"Kafka's brokers (kafka.brokers). Without: an embedded one, which takes CPU from what is measured."`
}

// config is what a benchmark through a broker is made of.
func (o *benchRunOptions) config(out output, touchpoints, customers whole) (r bench.RunConfig, err error) {
	all := runOptions{options: o.options, Brokers: o.Brokers}
	r = bench.RunConfig{Load: o.workload(touchpoints, customers), Version: builtFrom().Main.Version, Log: quietLog(out), Note: func(string) {}}
	if r.Config, err = all.load(); err != nil {
		return r, err
	}
	if o.Config != "" {
		r.Args = append(r.Args, "--config", o.Config)
	}
	for _, s := range o.Set {
		r.Args = append(r.Args, "--set", s)
	}
	if isTerminal(out.err) {
		r.Note = func(step string) { fmt.Fprintf(out.err, "%s …\n", step) }
	}
	return r, nil
}

// benchDrainCommand is a backlog through a broker.
type benchDrainCommand struct {
	benchRunOptions
	Touchpoints whole `default:"1000000" placeholder:"N" help:"How many touchpoints the backlog has (${default})."`
	Customers   whole `default:"100000" placeholder:"N" help:"How many customers there are (${default})."`
}

// Help is the rest of -h.
func (*benchDrainCommand) Help() string {
	return "The backlog is written to a topic of its own; then a touchfold run is started as a process of its own, with the configuration " +
		"that is given here, and works it off from an empty store, speaking from the first touchpoint on. " +
		"Example: touchfold bench drain --brokers kafka-1:9092 --touchpoints 6000000 --set memory=2GiB"
}

// Run measures.
func (b *benchDrainCommand) Run(ctx context.Context, out output) error {
	c, err := b.config(out, b.Touchpoints, b.Customers)
	if err != nil {
		return err
	}
	r, err := bench.Drain(ctx, c)
	return b.tell(ctx, r, err, out)
}

// benchLiveCommand is latency at a steady rate.
type benchLiveCommand struct {
	benchRunOptions
	Rate        whole         `default:"1000" placeholder:"N" help:"Touchpoints a second (${default})."`
	For         time.Duration `default:"30s" help:"How long it is measured (${default})."`
	WarmUp      time.Duration `default:"5s" help:"How long touchpoints come before, at the same rate (${default})."`
	Touchpoints whole         `default:"200000" placeholder:"N" help:"How many touchpoints come before that, as a backlog, so that customers are known (${default})."`
	Customers   whole         `default:"20000" placeholder:"N" help:"How many customers there are (${default})."`
}

// Help is the rest of -h.
func (*benchLiveCommand) Help() string {
	return "The latency is from the append of a touchpoint, by the broker's clock, until a reader of committed records has the derived event, " +
		"by the clock of this machine; the time until it is appended is by the broker's clock alone. What time makes true is not counted. " +
		"Example: touchfold bench live --brokers kafka-1:9092 --rate 5000 --for 60s --json"
}

// Run measures.
func (b *benchLiveCommand) Run(ctx context.Context, out output) error {
	c, err := b.config(out, b.Touchpoints, b.Customers)
	if err != nil {
		return err
	}
	r, err := bench.Live(ctx, bench.LiveConfig{RunConfig: c, Rate: int(b.Rate), For: b.For, WarmUp: b.WarmUp})
	return b.tell(ctx, r, err, out)
}

// benchTakeoverCommand is how long shards are silent.
type benchTakeoverCommand struct {
	benchRunOptions
	Rounds      whole         `default:"3" placeholder:"N" help:"How often each is measured (${default})."`
	Rate        whole         `default:"1000" placeholder:"N" help:"Touchpoints a second while a process is killed (${default})."`
	Under       time.Duration `default:"8s" help:"How long they come before it is killed (${default})."`
	Touchpoints whole         `default:"500000" placeholder:"N" help:"How many touchpoints the shards have folded before (${default})."`
	Customers   whole         `default:"50000" placeholder:"N" help:"How many customers there are (${default})."`
}

// Help is the rest of -h.
func (*benchTakeoverCommand) Help() string {
	return "A process with all shards ends, and another is started: after an orderly end; after a kill under load; without the store, " +
		"from a snapshot; and from the topics alone. Who comes after a killed one waits for its kafka.session. Example: touchfold bench takeover --set topics.partitions=1 --rounds 5"
}

// Run measures.
func (b *benchTakeoverCommand) Run(ctx context.Context, out output) error {
	c, err := b.config(out, b.Touchpoints, b.Customers)
	if err != nil {
		return err
	}
	r, err := bench.TakeOver(ctx, bench.TakeOverConfig{RunConfig: c, Rounds: int(b.Rounds), Rate: int(b.Rate), Under: b.Under})
	return b.tell(ctx, r, err, out)
}

// benchSharingCommand is how long shards pause while processes come and go.
type benchSharingCommand struct {
	benchRunOptions
	Rounds      whole         `default:"1" placeholder:"N" help:"How often each change is measured (${default})."`
	Rate        whole         `default:"1000" placeholder:"N" help:"Touchpoints a second meanwhile (${default})."`
	For         time.Duration `default:"10s" help:"How long shards are watched after a change; after a kill kafka.session more (${default})."`
	WarmUp      time.Duration `default:"5s" help:"How long touchpoints come before the first change, and before the kill (${default})."`
	Touchpoints whole         `default:"500000" placeholder:"N" help:"How many touchpoints the shards have folded before (${default})."`
	Customers   whole         `default:"100000" placeholder:"N" help:"How many customers there are (${default})."`
}

// Help is the rest of -h.
func (*benchSharingCommand) Help() string {
	return "A third process comes to two others, is stopped in order, comes again and is killed, under a load that goes on. A pause is " +
		"the longest time from the append of a touchpoint until the append of what it made true, by the broker's clock, which " +
		"is to be this machine's; at a low rate it may be missed. All of it is on this machine, so a third of it is what one process has. Example: touchfold bench sharing --brokers kafka-1:9092 --rate 20000 --rounds 3 --set kafka.session=6s"
}

// Run measures.
func (b *benchSharingCommand) Run(ctx context.Context, out output) error {
	c, err := b.config(out, b.Touchpoints, b.Customers)
	if err != nil {
		return err
	}
	r, err := bench.Sharing(ctx, bench.SharingConfig{RunConfig: c, Rounds: int(b.Rounds), Rate: int(b.Rate), For: b.For, WarmUp: b.WarmUp})
	return b.tell(ctx, r, err, out)
}

// quietLog is for what goes wrong.
func quietLog(out output) zerolog.Logger { return newLog(out.err).Level(zerolog.WarnLevel) }

// tell writes a result, unless there is none.
func (o *benchOptions) tell(ctx context.Context, r interface{ Write(w io.Writer) }, err error, out output) error {
	switch {
	case err != nil && ctx.Err() != nil:
		return errors.New("interrupted; nothing was measured")
	case err != nil:
		return err
	case o.JSON:
		return json.NewEncoder(out.out).Encode(r)
	}
	r.Write(out.out)
	return nil
}
