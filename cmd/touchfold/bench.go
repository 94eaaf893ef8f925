package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"

	"github.com/rs/zerolog"

	"github.com/touchfold/touchfold/processor/bench"
	"github.com/touchfold/touchfold/processor/bench/load"
)

// benchCommand measures the program on made-up touchpoints.
type benchCommand struct {
	Fold benchFoldCommand `cmd:"" help:"What a touchpoint costs one shard, stage by stage, without a broker."`
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
