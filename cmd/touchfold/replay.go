package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/pprof"
	"time"

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
	Shards       int      `default:"8" help:"How many shards (${default})."`
	Batch        int      `placeholder:"N" help:"Touchpoints folded before anything else is looked at."`
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
	if r.Batch < 0 {
		return fmt.Errorf("--batch: %d is out of range; write 1 or more", r.Batch)
	}
	return nil
}

// Run replays the files and says what came of it.
func (r *replayCommand) Run(ctx context.Context, out output) (err error) {
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
	defer func() { err = errors.Join(err, results.close()) }()
	if r.CPUProfile != "" {
		stop, err := profileCPU(r.CPUProfile)
		if err != nil {
			return err
		}
		defer stop()
	}
	if err = r.replay(ctx, c, in, results, out); ctx.Err() != nil {
		return errors.New("interrupted; what was to be written is not there or not whole")
	}
	return err
}

func (r *replayCommand) replay(ctx context.Context, c *config.Config, in *lines, results *results, out output) error {
	began := time.Now()
	registry := prometheus.NewRegistry()
	bar := newProgress(out.err, r.Shards, in.fraction)
	settings := rehearsal.Config{Config: c, Shards: r.Shards, Batch: r.Batch, Watch: bar.watch, Registry: registry,
		Log: newLog(out.err).Level(zerolog.WarnLevel)}
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
		bar.fed.Add(1)
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

// results are the files that a replay writes; those that are not wanted are nil.
type results struct{ customers, derived *os.File }

// createResults makes the files before the work begins, so that a wrong path costs nothing.
func createResults(customers, derived string) (*results, error) {
	r := &results{}
	for _, f := range []struct {
		path string
		to   **os.File
	}{{customers, &r.customers}, {derived, &r.derived}} {
		if f.path == "" {
			continue
		}
		file, err := os.Create(f.path)
		if err != nil {
			return nil, errors.Join(err, r.close())
		}
		*f.to = file
	}
	return r, nil
}

func (r *results) close() error {
	var errs []error
	for _, f := range []*os.File{r.customers, r.derived} {
		if f != nil {
			errs = append(errs, f.Close())
		}
	}
	return errors.Join(errs...)
}

// write fills the files and counts the customers.
func (r *results) write(ctx context.Context, rh *rehearsal.Rehearsal, sum *summary) (err error) {
	err = buffered(r.customers, func(w io.Writer) error {
		sum.customers, err = rh.WriteCustomers(w, sum.end)
		return err
	})
	if err != nil || r.derived == nil {
		return err
	}
	return buffered(r.derived, func(w io.Writer) error { return rh.WriteDerived(ctx, w) })
}

// buffered calls f with a writer to the file, or to nowhere if it is nil.
func buffered(file *os.File, f func(io.Writer) error) error {
	if file == nil {
		return f(io.Discard)
	}
	w := bufio.NewWriterSize(file, 256<<10)
	if err := f(w); err != nil {
		return err
	}
	return w.Flush()
}
