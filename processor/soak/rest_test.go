package soak

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	// restWithin is how long it may take until everything that was written is folded and said, once faults have ended.
	restWithin = 4 * time.Minute
	// wordsWithin is how long the last words may take after that.
	wordsWithin = time.Minute
)

// finish waits until all is folded and said, ends the instances in order, and judges. Then it starts them once more: nothing
// has happened, so nothing is said.
func (r *round) finish(t *testing.T, stopRunning func(), instances *sync.WaitGroup) {
	ctx, cancel := context.WithTimeout(r.ctx, restWithin)
	defer cancel()
	if err := r.rest(ctx); err != nil {
		t.Errorf("it does not come to rest: %v", err)
	} else if err := r.caughtUp(ctx); err != nil {
		t.Errorf("what lag tools are told is wrong: %v", err)
	}
	w := r.look(t, wordsWithin)
	stopRunning()
	for _, in := range r.instances {
		in.stop(stopWithin)
	}
	instances.Wait()
	if t.Failed() || r.again(t) {
		w = r.look(t, 0)
	}
	r.tell(t, w)
}

// again starts the instances anew, lets them come to rest and ends them.
func (r *round) again(t *testing.T) bool {
	running, stop := context.WithCancel(r.ctx)
	defer stop()
	before := r.count(t)
	var instances sync.WaitGroup
	for _, in := range r.instances {
		instances.Go(func() { in.run(running) })
	}
	ctx, cancel := context.WithTimeout(r.ctx, restWithin)
	defer cancel()
	if err := r.rest(ctx); err != nil {
		t.Errorf("started once more, it does not come to rest: %v", err)
	}
	stop()
	for _, in := range r.instances {
		in.stop(stopWithin)
	}
	instances.Wait()
	if after := r.count(t); after != before {
		t.Errorf("started once more, it said %d things though nothing had happened", after-before)
	}
	return true
}

// count is how many statements stand in the output.
func (r *round) count(t *testing.T) (n int) {
	all, err := readAll(t, r.brokers, r.events, kgo.ReadUncommitted())
	if err != nil {
		t.Error(err)
	}
	for _, partition := range all {
		for _, x := range partition {
			if strings.HasPrefix(x.headers["ce_type"], "crm.") {
				n++
			}
		}
	}
	return n
}

// rest returns when every shard's clock has passed the present twice: no clock passes the append time of a touchpoint that
// is not folded, and what was forwarded by the first time is folded by the second.
func (r *round) rest(ctx context.Context) error {
	for range 2 {
		present := float64(time.Now().UnixMilli()) / 1000
		if err := r.poll(ctx, func() error { return r.clocksPast(present) }); err != nil {
			return err
		}
	}
	return nil
}

// poll asks until there is no error, or ctx ends.
func (r *round) poll(ctx context.Context, ask func() error) error {
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		err := ask()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-tick.C:
		}
	}
}

var gauge = regexp.MustCompile(`(?m)^touchfold_(clock_seconds|lag_records)\{shard="(\d+)"\} (\S+)$`)

// clocksPast: of every shard some instance says that its clock is past an instant and nothing waits to be folded.
func (r *round) clocksPast(instant float64) error {
	clock, lag := make([]float64, r.shards), slices.Repeat([]float64{-1}, r.shards)
	for _, in := range r.instances {
		text, err := ask("GET", "http://"+in.http+"/metrics", "")
		if err != nil {
			return fmt.Errorf("instance %d does not answer: %w", in.number, err)
		}
		lags := map[int]float64{}
		for _, m := range gauge.FindAllStringSubmatch(text, -1) {
			shard, _ := strconv.Atoi(m[2])
			value, _ := strconv.ParseFloat(m[3], 64)
			if m[1] == "lag_records" {
				lags[shard] = value
			} else if value > clock[shard] {
				clock[shard] = value
			}
		}
		for shard, value := range lags {
			lag[shard] = max(lag[shard], value)
		}
	}
	for shard := range clock {
		if clock[shard] <= instant {
			return fmt.Errorf("the clock of shard %d is %.1f s behind, with %.0f touchpoints to fold", shard, instant-clock[shard], lag[shard])
		}
	}
	return nil
}

// caughtUp waits until the group's offsets are the input's ends.
func (r *round) caughtUp(ctx context.Context) error {
	return r.poll(ctx, func() error {
		ends, err := endsOf(ctx, r.client, r.topic)
		if err != nil {
			return err
		}
		at, err := committed(ctx, r.client, r.app, r.topic, r.shards)
		if err != nil {
			return err
		}
		if !slices.Equal(at, ends) {
			return fmt.Errorf("the group %s has committed %v, and the topic ends at %v", r.app, at, ends)
		}
		return nil
	})
}

// look reads everything and checks it, until nothing is found or the time is over.
func (r *round) look(t *testing.T, within time.Duration) *world {
	deadline := time.Now().Add(within)
	for {
		w := &world{app: r.app, topic: r.topic, rules: r.rules, end: time.Now()}
		var err error
		if w.input, err = readAll(t, r.brokers, r.topic, kgo.ReadUncommitted()); err != nil {
			t.Fatal(err)
		}
		if w.output, err = readAll(t, r.brokers, r.events, kgo.ReadUncommitted()); err != nil {
			t.Fatal(err)
		}
		parked, err := readAll(t, r.brokers, r.parked, kgo.ReadUncommitted())
		if err != nil {
			t.Fatal(err)
		}
		w.parked = slices.Concat(parked...)
		if len(w.check()) == 0 || time.Now().After(deadline) {
			return w
		}
	}
}

// maxShown is how many violations are shown.
const maxShown = 12

// tell reports what was found, and counts.
func (r *round) tell(t *testing.T, w *world) {
	committed, err := readAll(t, r.brokers, r.events, kgo.ReadCommitted())
	if err != nil {
		t.Fatal(err)
	}
	same := func(a, b record) bool { return a.offset == b.offset && a.headers["ce_id"] == b.headers["ce_id"] }
	for p := range committed {
		if !slices.EqualFunc(committed[p], w.output[p], same) {
			t.Errorf("partition %d reads otherwise when only what is committed is read", p)
		}
	}
	for _, v := range w.found[:min(len(w.found), maxShown)] {
		t.Errorf("seed %d, %d/%d: %s\n%s", r.seed, v.partition, v.offset, v.text, w.around(v))
	}
	if len(w.found) > maxShown {
		t.Errorf("and %d more violations", len(w.found)-maxShown)
	}
	statements := 0
	for _, words := range w.words {
		statements += len(words)
	}
	r.figures.add("statements", statements)
	for kind, n := range w.marks {
		r.figures.add("marks "+kind, n)
	}
	r.figures.add("customers", len(w.people))
	r.figures.add("records parked", len(w.parked))
	r.figures.add("poison that had to be parked", len(w.poison))
	r.figures.add("violations", len(w.found))
}
