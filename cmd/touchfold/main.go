// Command touchfold reads touchpoints from Kafka, folds them into what is known of each customer and publishes what
// follows from it. This package is wiring: a table of subcommands, one file each, and nothing that another package
// could do.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/touchfold/touchfold/config"
	"github.com/touchfold/touchfold/config/rulefile"
)

// commands is the table of subcommands. One is a struct of its flags and arguments with
//
//	Run(ctx context.Context, out output) error
//
// where ctx ends with the first SIGINT, SIGTERM or SIGHUP. It may leave out what it does not use.
type commands struct {
	Run      runCommand       `cmd:"" help:"Process touchpoints until stopped."`
	Demo     demoCommand      `cmd:"" help:"Show all of it on a simulated chain of shops; nothing is needed."`
	Replay   replayCommand    `cmd:"" help:"Run the whole program over files of touchpoints, on their own time."`
	Inspect  inspectCommand   `cmd:"" help:"Show all that is known of a customer, from a stopped store."`
	Explain  explainCommand   `cmd:"" help:"Say why rules are what they are of a customer, from a stopped store or a snapshot."`
	Simulate simulateCommand  `cmd:"" help:"Say what other rules would change: who would enter and leave, and what would have happened."`
	Parked   parkedCommand    `cmd:"" help:"Look at touchpoints that could not be read."`
	Snapshot snapshotCommand  `cmd:"" help:"List, check and make snapshots of shards, and restore stores from them."`
	Shard    shardCommand     `cmd:"" help:"Look at shards, and put right one that has stopped."`
	Bench    benchCommand     `cmd:"" help:"Measure it on this machine, on made-up touchpoints; no set-up is needed."`
	Features featuresCommand  `cmd:"" help:"List what is known of a customer."`
	Rules    rulesCommand     `cmd:"" help:"Look at what belief depends on beside touchpoints, and change it."`
	Lint     rulesLintCommand `cmd:"" help:"Say what of a file of rules is allowed, but probably not meant (rules lint)."`
	Test     testCommand      `cmd:"" help:"Check rules by stories: what a customer does, and what is to be said because of it."`
	Config   configCommand    `cmd:"" help:"Check the configuration."`
	Version  versionCommand   `cmd:"" help:"Say which version this is."`
}

const description = `touchfold reads touchpoints from Kafka, folds them into what is known of each customer and publishes what follows from it.`

// The exit codes.
const (
	exitFailure = 1
	exitUsage   = 2 // the command line or the configuration is at fault
)

// output is where a command writes: what was asked for, and what is said about it.
type output struct{ out, err io.Writer }

func main() {
	ctx, release := signal.NotifyContext(context.Background(), stopSignals(signal.Ignored(syscall.SIGHUP))...)
	context.AfterFunc(ctx, release) // so that a second signal ends the process at once
	os.Exit(execute(ctx, os.Args[1:], output{os.Stdout, os.Stderr}))
}

// stopSignals are those that ask for an orderly end. A hang-up is one unless the process was started with it ignored, as
// nohup does.
func stopSignals(ignoresHangUp bool) []os.Signal {
	signals := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !ignoresHangUp {
		signals = append(signals, syscall.SIGHUP)
	}
	return signals
}

// execute runs the command that args name and returns the exit code.
func execute(ctx context.Context, args []string, out output) int {
	parser := kong.Must(&commands{},
		kong.Name("touchfold"),
		kong.Description(description),
		kong.Writers(out.out, out.err),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(out),
	)
	command, err := parser.Parse(args)
	if err != nil {
		fmt.Fprintf(out.err, "touchfold: %s\nSee touchfold --help.\n", usageFault(err))
		return exitUsage
	}
	return report(command.Run(), out.err)
}

// usageFault is what is wrong with the arguments.
func usageFault(err error) string {
	var fault *kong.ParseError
	name, unexpected := strings.CutPrefix(err.Error(), "unexpected argument ")
	if unexpected && errors.As(err, &fault) && fault.Context.Selected() == nil {
		return "there is no command " + name
	}
	return err.Error()
}

// report writes why a command failed, and returns the exit code.
func report(err error, to io.Writer) int {
	var faults config.Faults
	var rules *rulefile.Faults
	switch {
	case err == nil:
		return 0
	case errors.As(err, &faults):
		fmt.Fprintln(to, faults)
		return exitUsage
	case errors.As(err, &rules):
		fmt.Fprintln(to, rules)
		return exitFailure
	}
	fmt.Fprintf(to, "touchfold: %v\n", err)
	return exitFailure
}
