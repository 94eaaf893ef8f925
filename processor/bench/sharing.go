package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/processor/kafka"
)

// SharingConfig is what Sharing is made of. Load.Touchpoints is how many come before.
type SharingConfig struct {
	RunConfig
	Rounds int           // of all changes
	Rate   int           // touchpoints a second meanwhile
	For    time.Duration // how long shards are watched once a change is over
	WarmUp time.Duration // how long touchpoints come before the first change, and before the kill
}

// SharingResult is how long shards pause while processes that share them come and go.
type SharingResult struct {
	Head
	Broker
	Shards          int      `json:"shards"`
	Rate            int      `json:"rate_per_second"`   // as asked for
	EventsPerSecond float64  `json:"events_per_second"` // as sent
	BehindSeconds   float64  `json:"behind_seconds"`    // how long after the last one of a round was sent all were folded, at most
	Changes         []Change `json:"changes"`
}

// Change is what one way in which a process comes or goes did to the shards.
type Change struct {
	Name   string `json:"name"`   // none, added, stopped, killed
	Moved  Pauses `json:"moved"`  // of shards that went from one process to another
	Stayed Pauses `json:"stayed"` // of the others
	what   string
}

// sharers is how many processes there are at most.
const sharers = 3

// Sharing measures how long shards pause when a process comes to two others, when it is stopped, and when it is killed, under
// a load that goes on.
func Sharing(ctx context.Context, c SharingConfig) (r *SharingResult, err error) {
	if c.Rounds < 1 || c.Rate < 1 || c.For < time.Second || c.WarmUp < 0 {
		return nil, fmt.Errorf("%d rounds at %d/s for %s after %s cannot be measured; ask for 1 or more of each, for 1s or more",
			c.Rounds, c.Rate, c.For, c.WarmUp)
	}
	if n := c.Config.Topics.Partitions; n < sharers {
		return nil, fmt.Errorf("%d shards cannot be shared by %d processes; set topics.partitions to %d or more", n, sharers, sharers)
	}
	p, err := c.open(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, p.close()) }()
	r = &SharingResult{Head: newHead("sharing", c.Version, c.Config.Rulebook, p.Load), Broker: p.broker(), Shards: p.shards(), Rate: c.Rate,
		Changes: []Change{{Name: "none", what: "nothing happens"}, {Name: "added", what: "a third process comes to two"},
			{Name: "stopped", what: "it is stopped in order"}, {Name: "killed", what: "it comes again, and is killed"}}}
	c.Note("writing the backlog")
	if r.Workload.BytesPerEvent, err = p.backlog(ctx, p.Load.Touchpoints); err != nil {
		return nil, err
	}
	s := &sharing{place: p, config: c, snapshots: filepath.Join(p.dir, "snapshots")}
	defer s.stop()
	return r, r.measure(ctx, s)
}

func (r *SharingResult) measure(ctx context.Context, s *sharing) error {
	if err := os.Mkdir(s.snapshots, 0o755); err != nil {
		return err
	}
	s.config.Note("working it off")
	first, err := s.start()
	if err != nil {
		return err
	}
	if _, err := first.folded(ctx, s.Load.Touchpoints); err != nil {
		return err
	}
	if _, err := s.join(ctx, s.shards()/2); err != nil {
		return err
	}
	sent, took := 0, 0.0
	for i := range s.config.Rounds {
		s.config.Note(fmt.Sprintf("round %d of %d", i+1, s.config.Rounds))
		inputs, err := s.client.Ranges(ctx, s.input())
		if err != nil {
			return err
		}
		began := time.Now()
		n, spans, err := s.round(ctx)
		if err != nil {
			return err
		}
		fed := time.Now()
		sent, took = sent+n, took+fed.Sub(began).Seconds()
		if err := s.caughtUp(ctx); err != nil {
			return err
		}
		r.BehindSeconds = max(r.BehindSeconds, time.Since(fed).Seconds())
		if err := s.pauses(ctx, inputs, spans, r.Changes); err != nil {
			return err
		}
	}
	r.EventsPerSecond = float64(sent) / took
	return nil
}

// sharing is processes that share shards.
type sharing struct {
	*place
	config    SharingConfig
	snapshots string
	children  []*child
}

func (s *sharing) start() (*child, error) {
	dir := filepath.Join(s.dir, "store-"+strconv.Itoa(len(s.children)))
	c, err := s.place.start(dir, "snapshots.place="+s.snapshots)
	if err == nil {
		s.children = append(s.children, c)
	}
	return c, err
}

// join starts a process and waits until that many of its shards speak.
func (s *sharing) join(ctx context.Context, shards int) (*child, error) {
	c, err := s.start()
	if err != nil {
		return nil, err
	}
	_, err = c.await(ctx, shards, func(l *logged) bool { return l.Message == "shard speaks" })
	return c, err
}

func (s *sharing) stop() {
	for _, c := range s.children {
		c.stop()
	}
}

// round has all changes happen under load, and returns when each did and how many touchpoints were sent.
func (s *sharing) round(ctx context.Context) (sent int, spans []span, err error) {
	loaded, stop := context.WithCancel(ctx)
	defer stop()
	all, ctx := errgroup.WithContext(ctx)
	all.Go(func() (err error) {
		sent, err = s.live(loaded, s.config.Rate, 24*time.Hour)
		if loaded.Err() != nil { // by us: it ended as it was to
			return nil
		}
		return err
	})
	for _, c := range s.children[:sharers-1] { // who are to stay
		all.Go(func() error {
			select {
			case <-c.done:
				return c.died()
			case <-loaded.Done():
				return nil
			}
		})
	}
	all.Go(func() (err error) {
		defer stop()
		spans, err = s.changes(ctx)
		return err
	})
	err = all.Wait()
	return sent, spans, err
}

// changes are those of SharingResult, in that order.
func (s *sharing) changes(ctx context.Context) (spans []span, err error) {
	var third *child
	come := func() (err error) {
		third, err = s.join(ctx, s.shards()/sharers)
		return err
	}
	watch := func(n int, last time.Duration, change func() error) {
		if err != nil {
			return
		}
		x := span{from: events.At(time.Now()), change: n}
		if err = change(); err == nil {
			err = pass(ctx, last)
		}
		x.to = events.At(time.Now())
		spans = append(spans, x)
	}
	if err := pass(ctx, s.config.WarmUp); err != nil {
		return nil, err
	}
	watch(0, s.config.For, func() error { return nil })
	watch(1, s.config.For, come)
	watch(2, s.config.For, func() error { return third.end(syscall.SIGTERM) })
	watch(-1, s.config.WarmUp, come)
	watch(3, s.config.For+s.config.Config.Kafka.Session, func() error {
		select {
		case <-third.done:
			return third.died()
		default:
			return third.end(syscall.SIGKILL)
		}
	})
	return spans, err
}

// pass lets time pass.
func pass(ctx context.Context, last time.Duration) error {
	select {
	case <-time.After(last):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// caughtUp waits until all that stands in the input now is folded, as far as the group has been told.
func (s *sharing) caughtUp(ctx context.Context) error {
	inputs, err := s.client.Ranges(ctx, s.input())
	if err != nil {
		return err
	}
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	moved, most := time.Now(), events.Offset(0)
	for {
		at, err := s.client.CommittedOffsets(ctx, s.name, s.input())
		if err != nil {
			return err
		}
		behind, sum := false, events.Offset(0)
		for p, r := range inputs {
			behind = behind || at[events.ShardID(p)] < r.End
			sum += at[events.ShardID(p)]
		}
		if sum > most {
			moved, most = time.Now(), sum
		}
		switch {
		case !behind:
			return nil
		case time.Since(moved) > stalled:
			return fmt.Errorf("the processes under measurement have folded nothing for %s, and are behind; their logs:\n%s\n%s",
				stalled, s.children[0].log(), s.children[1].log())
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// pauses finds in both topics how long each shard paused in each span of a round, before which the input ended at inputs.
func (s *sharing) pauses(ctx context.Context, inputs []kafka.Range, spans []span, changes []Change) error {
	outputs, err := s.client.Ranges(ctx, s.output())
	if err != nil {
		return err
	}
	for shard := range inputs {
		id, first := events.ShardID(shard), inputs[shard].End
		in, err := s.client.Range(ctx, s.input(), id)
		if err != nil {
			return err
		}
		var appended []events.Instant
		if err := s.client.ReadRange(ctx, s.input(), id, first, in.End, func(rec *events.Record) error {
			appended = append(appended, rec.Append)
			return nil
		}); err != nil {
			return err
		}
		w := newWatched(first, appended, spans)
		if err := s.client.ReadRange(ctx, s.output(), id, outputs[shard].First, outputs[shard].End, w.hear); err != nil {
			return err
		}
		for i, x := range spans {
			switch {
			case x.change < 0:
			case w.moved[i]:
				changes[x.change].Moved.add(w.longest[i])
			default:
				changes[x.change].Stayed.add(w.longest[i])
			}
		}
	}
	return nil
}

// Write tells the result in sentences.
func (r *SharingResult) Write(w io.Writer) {
	r.write(w)
	fmt.Fprintf(w, "%s events/s, %d shards. The longest pause of a shard, from an event to what it made true, median (longest) of all shards and rounds:\n\n",
		thousands(r.EventsPerSecond), r.Shards)
	if asked := float64(r.Rate); r.EventsPerSecond < 0.98*asked {
		fmt.Fprintf(w, "No more could be sent, of %s asked for: the broker or this machine is at its limit.\n", thousands(asked))
	}
	if r.BehindSeconds > 5 {
		fmt.Fprintf(w, "The processes fell behind: %.0f s after the last event they had folded all, so these are not pauses of a change alone.\n", r.BehindSeconds)
	}
	fmt.Fprintf(w, "%-9s %20s %20s\n", "", "shards that move", "shards that stay")
	for _, c := range r.Changes {
		fmt.Fprintf(w, "%-9s %20s %20s  %s\n", c.Name, c.Moved, c.Stayed, c.what)
	}
	fmt.Fprintf(w, "\nWhoever is killed is missed after its kafka.session.\n%s\n", strings.TrimSpace(r.Broker.String()))
}
