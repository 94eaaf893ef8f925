package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/pprof"
	"slices"
	"strconv"
	"time"

	"github.com/alecthomas/kong"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"github.com/touchfold/touchfold/config"
	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/processor/rehearsal"
	"github.com/touchfold/touchfold/state"
)

// replayCommand is the whole program over files of touchpoints.
type replayCommand struct {
	options
	Files        []string `arg:"" name:"file" help:"Touchpoints: one Segment message (JSON) a line, plain or gzip. - is standard input."`
	AsOf         string   `placeholder:"DATE" help:"End with this day of business.zone, as 2026-12-31: later touchpoints are skipped. Without: end with the last touchpoint."`
	Shards       whole    `default:"8" help:"How many shards (${default})."`
	Batch        whole    `default:"1024" placeholder:"N" help:"Touchpoints folded before anything else is looked at (${default})."`
	CustomersOut string   `placeholder:"FILE" help:"Write what is known of each customer at the end, one JSON line each."`
	DerivedOut   string   `placeholder:"FILE" help:"Write the derived events, one JSON line each."`
	CPUProfile   string   `name:"cpu-profile" hidden:"" placeholder:"FILE"`
}

// Help is the rest of -h.
func (*replayCommand) Help() string {
	return "Nothing but the files is read and no service is needed: an embedded broker and the stores lie in a temporary folder. " +
		"Time is that of the touchpoints. All that follows is said from the first touchpoint on."
}

// Validate checks what kong cannot.
func (r *replayCommand) Validate() error {
	if r.AsOf != "" {
		if _, err := state.ParseDay(r.AsOf); err != nil {
			return fmt.Errorf("--as-of: %w", err)
		}
	}
	if r.Shards < 1 || r.Shards > 1024 {
		return fmt.Errorf("--shards: %d is out of range; write 1 to 1024", r.Shards)
	}
	if r.Batch < 1 {
		return fmt.Errorf("--batch: %d is out of range; write 1 or more", r.Batch)
	}
	return r.distinct()
}

// distinct refuses to write over what is read or written as well.
func (r *replayCommand) distinct() error {
	written := []struct{ flag, path string }{
		{"--customers-out", r.CustomersOut}, {"--derived-out", r.DerivedOut}, {"--cpu-profile", r.CPUProfile},
	}
	read := r.Files
	if c := r.path(); c != "" {
		read = append(slices.Clone(read), c)
	}
	for i, out := range written {
		if out.path == "" {
			continue
		}
		for _, in := range read {
			if same(out.path, in) {
				return fmt.Errorf("%s: %s is a file that is read; write to another", out.flag, out.path)
			}
		}
		for _, other := range written[:i] {
			if other.path != "" && same(out.path, other.path) {
				return fmt.Errorf("%s: %s is the file of %s too; each needs one of its own", out.flag, out.path, other.flag)
			}
		}
	}
	return nil
}

// whole is a number that may be given as "--flag -1", for Validate to refuse in words; kong takes -1 for a flag.
type whole int

// Decode reads it from the command line.
func (n *whole) Decode(c *kong.DecodeContext) error {
	text := c.Scan.Pop().String()
	v, err := strconv.Atoi(text)
	if err != nil {
		return fmt.Errorf("%q is no whole number", text)
	}
	*n = whole(v)
	return nil
}

// Run replays the files and says what came of it.
func (r *replayCommand) Run(ctx context.Context, out output) error {
	c, err := r.load()
	if err != nil {
		return err
	}
	in, err := openLines(r.Files)
	if err != nil {
		return err
	}
	defer in.close()
	results, err := createResults(r.CustomersOut, r.DerivedOut)
	if err != nil {
		return err
	}
	defer results.drop()
	if r.CPUProfile != "" {
		stop, err := profileCPU(r.CPUProfile)
		if err != nil {
			return err
		}
		defer stop()
	}
	if err = r.replay(ctx, c, in, results, out); err != nil && ctx.Err() != nil {
		return errors.New("interrupted; nothing was written")
	}
	return err
}

func (r *replayCommand) replay(ctx context.Context, c *config.Config, in *lines, results *results, out output) error {
	began := time.Now()
	registry := prometheus.NewRegistry()
	bar := newProgress(out.err, int(r.Shards), in.fraction)
	settings := rehearsal.Config{Config: c, Shards: int(r.Shards), Batch: int(r.Batch), Hold: true, Watch: bar.watch,
		Registry: registry, Log: newLog(out.err).Level(zerolog.WarnLevel)}
	if r.AsOf != "" {
		settings.Until = endOf(c, r.AsOf)
	}
	rh, err := rehearsal.Start(ctx, settings)
	if err != nil {
		return err
	}
	defer bar.clear()
	defer rh.Close() // of a temporary folder, whose content is read by then
	sum, err := r.feed(ctx, rh, in, bar)
	if err != nil {
		return err
	}
	if settings.Until != 0 {
		sum.end = max(sum.end, settings.Until)
	}
	if err := rh.Settle(ctx, sum.end); err != nil {
		return err
	}
	sum.took = time.Since(began)
	if err := rh.Stop(); err != nil {
		return err
	}
	if err := results.write(ctx, rh, &sum); err != nil {
		return err
	}
	bar.clear()
	return sum.write(out.out, registry, c.Business.Zone)
}

// feed feeds all lines.
func (r *replayCommand) feed(ctx context.Context, rh *rehearsal.Rehearsal, in *lines, bar *progress) (sum summary, err error) {
	sum.end = 1
	for {
		line, err := in.next()
		if err == io.EOF {
			return sum, nil
		}
		if err != nil {
			return sum, err
		}
		stamp, err := rh.Feed(ctx, line)
		if err != nil {
			return sum, fmt.Errorf("%s: %w", in.place(), err)
		}
		if stamp == 0 {
			sum.skipped++
			continue
		}
		sum.fed++
		sum.end = stamp
		bar.feed()
	}
}

// endOf is the last millisecond of a date, which Validate has checked, but not one before all touchpoints.
func endOf(c *config.Config, date string) events.Instant {
	day, _ := state.ParseDay(date)
	return max(1, state.NewCalendar(c.Business.Zone).End(day))
}

func profileCPU(path string) (stop func(), err error) {
	f, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		f.Close()
		return nil, err
	}
	return func() {
		pprof.StopCPUProfile()
		f.Close() // a profile that is cut says so itself
	}, nil
}
