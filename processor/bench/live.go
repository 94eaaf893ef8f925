package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/processor/kafka"
)

// LiveConfig is what Live is made of. Load.Touchpoints is how many come before, so that customers are known.
type LiveConfig struct {
	RunConfig
	Rate   int           // touchpoints a second
	For    time.Duration // how long it is measured
	WarmUp time.Duration // how long touchpoints come before, at the same rate
}

// LiveResult is how late derived events are at a steady rate.
type LiveResult struct {
	Head
	Broker
	Shards          int     `json:"shards"`
	Rate            int     `json:"rate_per_second"` // as asked for
	Seconds         float64 `json:"seconds"`
	EventsPerSecond float64 `json:"events_per_second"` // as sent
	BehindSeconds   float64 `json:"behind_seconds"`    // how long after the last one was sent all were folded
	// Latency is from the append of a touchpoint, by the broker's clock, until a reader in another process has the derived
	// event, by ours.
	Latency Percentiles `json:"latency_ms"`
	// Append is from there to the append of the derived event: the broker's clock alone.
	Append    Percentiles `json:"append_latency_ms"`
	Histogram []Bucket    `json:"histogram"` // of Latency
	Derived   int         `json:"derived_events"`
	ByTime    int         `json:"derived_events_by_time"` // which no touchpoint caused, and which have no latency
	Cores     float64     `json:"cores"`                  // that the process kept busy
	Course    []Sample    `json:"course"`
	rss
}

// Percentiles are of times in ms.
type Percentiles struct {
	P50 float64 `json:"p50"`
	P90 float64 `json:"p90"`
	P99 float64 `json:"p99"`
	Max float64 `json:"max"`
}

// Bucket counts what took up to so many ms, and longer than the one before.
type Bucket struct {
	UpTo  float64 `json:"up_to_ms"`
	Count int     `json:"count"`
}

// Live measures latency at a steady rate.
func Live(ctx context.Context, c LiveConfig) (r *LiveResult, err error) {
	if c.Rate < 1 || c.For < time.Second || c.WarmUp < 0 {
		return nil, fmt.Errorf("a rate of %d/s for %s after %s cannot be measured; ask for a rate of 1 or more, for 1s or more", c.Rate, c.For, c.WarmUp)
	}
	p, err := c.open(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, p.close()) }()
	r = &LiveResult{Head: newHead("live", c.Version, c.Config.Rulebook, p.Load), Broker: p.broker(), Shards: p.shards(), Rate: c.Rate}
	c.Note("making customers known")
	if r.Workload.BytesPerEvent, err = p.backlog(ctx, p.Load.Touchpoints); err != nil {
		return nil, err
	}
	child, err := p.start(filepath.Join(p.dir, "store"))
	if err != nil {
		return nil, err
	}
	defer child.stop()
	if _, err := child.folded(ctx, p.Load.Touchpoints); err != nil {
		return nil, err
	}
	return r, r.measure(ctx, p, child, c)
}

func (r *LiveResult) measure(ctx context.Context, p *place, child *child, c LiveConfig) error {
	ear, err := p.listen(ctx)
	if err != nil {
		return err
	}
	defer ear.stop()
	inputs, err := p.client.Ranges(ctx, p.input())
	if err != nil {
		return err
	}
	c.Note("warming up")
	warm, err := p.live(ctx, c.Rate, c.WarmUp)
	if err != nil {
		return err
	}
	c.Note("measuring")
	began, cpu, from := time.Now(), child.cpu(), events.At(time.Now())
	end := child.course(ctx, c.For)
	sent, err := p.live(ctx, c.Rate, c.For)
	course, failed := end()
	if err := errors.Join(err, failed); err != nil {
		return err
	}
	r.Course = course
	r.Seconds = time.Since(began).Seconds()
	r.EventsPerSecond, r.Cores = float64(sent)/r.Seconds, (child.cpu()-cpu).Seconds()/r.Seconds
	fed := time.Now()
	if _, err := child.folded(ctx, p.Load.Touchpoints+warm+sent); err != nil {
		return err
	}
	r.BehindSeconds, r.rss = time.Since(fed).Seconds(), child.peak
	if err := child.end(syscall.SIGTERM); err != nil { // what was folded is said
		return err
	}
	outputs, err := p.client.Ranges(ctx, p.output())
	if err != nil {
		return err
	}
	if err := ear.upTo(ctx, outputs); err != nil {
		return err
	}
	return r.match(ctx, p, ear, inputs, from)
}

// match finds for each derived event when the touchpoint was appended that caused it.
func (r *LiveResult) match(ctx context.Context, p *place, ear *ear, inputs []kafka.Range, from events.Instant) error {
	var m matched
	for shard := range inputs {
		first := inputs[shard].End // where what is live began
		end, err := p.client.Range(ctx, p.input(), events.ShardID(shard))
		if err != nil {
			return err
		}
		var appended []events.Instant
		if err := p.client.ReadRange(ctx, p.input(), events.ShardID(shard), first, end.End, func(rec *events.Record) error {
			appended = append(appended, rec.Append)
			return nil
		}); err != nil {
			return err
		}
		m.add(first, appended, from, ear.heard[shard])
	}
	if r.Derived, r.ByTime = len(m.latencies), m.byTime; r.Derived == 0 {
		return errors.New("no derived event came of the touchpoints, so there is no latency; measure for longer, or at a higher rate")
	}
	r.Latency, r.Append, r.Histogram = percentiles(m.latencies), percentiles(m.appends), histogram(m.latencies)
	return nil
}

// matched are the times of derived events since what caused them, in ms.
type matched struct {
	latencies, appends []float64
	byTime             int // as many no touchpoint caused
}

// add matches those of a shard with touchpoints that stand from an offset on; what was appended before from is left out.
func (m *matched) add(first events.Offset, appended []events.Instant, from events.Instant, all []heard) {
	for _, h := range all {
		i := int(h.position - 1 - first) // the position is behind the touchpoint
		switch {
		case i < 0 || i >= len(appended) || appended[i] < from:
		case !h.byEvent:
			m.byTime++
		default:
			m.latencies = append(m.latencies, max(0, float64(h.at.UnixMicro())/1000-float64(appended[i])))
			m.appends = append(m.appends, float64(h.appended-appended[i]))
		}
	}
}

func percentiles(ms []float64) Percentiles {
	slices.Sort(ms)
	at := func(part float64) float64 { return ms[max(0, int(math.Ceil(part*float64(len(ms))))-1)] }
	return Percentiles{at(0.5), at(0.9), at(0.99), ms[len(ms)-1]}
}

// histogram counts in buckets of 1, 2, 5, 10, 20, … ms, up to the longest.
func histogram(ms []float64) (all []Bucket) {
	longest := slices.Max(ms)
	for bound, step := 1.0, 0; ; step++ {
		b := Bucket{UpTo: bound * []float64{1, 2, 5}[step%3]}
		for _, x := range ms {
			if x <= b.UpTo && (len(all) == 0 || x > all[len(all)-1].UpTo) {
				b.Count++
			}
		}
		if all = append(all, b); b.UpTo >= longest {
			return all
		}
		if step%3 == 2 {
			bound *= 10
		}
	}
}

// Write tells the result in sentences.
func (r *LiveResult) Write(w io.Writer) {
	r.write(w)
	fmt.Fprintf(w, "%s events/s for %.0f s, %d shards: the process kept %.2f cores busy.\n", thousands(r.EventsPerSecond), r.Seconds, r.Shards, r.Cores)
	if asked := float64(r.Rate); r.EventsPerSecond < 0.98*asked {
		fmt.Fprintf(w, "No more could be sent, of %s asked for: the broker or this machine is at its limit.\n", thousands(asked))
	}
	if r.BehindSeconds > 2 {
		fmt.Fprintf(w, "It fell behind: %.0f s after the last event it had folded all.\n", r.BehindSeconds)
	}
	fmt.Fprintf(w, "From the append of an event until another process reads what it made true: %.0f ms in the middle, 90 %% within %.0f ms, 99 %% within %.0f ms, "+
		"%.0f ms at most;\nuntil that is appended: %.0f, %.0f, %.0f, %.0f ms. %s derived events.\n\n", r.Latency.P50, r.Latency.P90, r.Latency.P99, r.Latency.Max,
		r.Append.P50, r.Append.P90, r.Append.P99, r.Append.Max, thousands(r.Derived))
	before := 0.0
	for _, b := range r.Histogram {
		part := float64(b.Count) / float64(r.Derived)
		fmt.Fprintf(w, "%6.0f to %6.0f ms  %5.1f %%  %s\n", before, b.UpTo, 100*part, strings.Repeat("#", int(math.Round(50*part))))
		before = b.UpTo
	}
	writeCourse(w, r.Course)
	fmt.Fprintf(w, "\nIt had %s in memory at most, %s of them its own.\n%s\n", bytesOf(r.rss.All), bytesOf(r.rss.Anon), r.Broker)
}
