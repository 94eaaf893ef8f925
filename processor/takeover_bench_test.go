package processor

import (
	"os"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/touchfold/touchfold/events"
)

// BenchmarkTakeOver is how long it takes from the assignment of a shard of 100,000 customers and a million touchpoints
// until it speaks. The program runs as a process of its own; a round is a start, and the figures are the rounds' median and
// the slowest.
//
//	KAFKA_ADDR=$(scripts/kafka.sh start) go test ./processor -run - -bench BenchmarkTakeOver -benchtime 5x
func BenchmarkTakeOver(b *testing.B) {
	r := realRig(b, 1)
	customers := r.number("CUSTOMERS", 100_000)
	past := r.number("PAST", 10*customers)
	f := &takeOvers{rig: r, binary: r.buildBinary(), dir: b.TempDir(), customers: customers, rate: r.number("RATE", 2500)}
	began := time.Now()
	r.past(past, customers)
	b.Logf("%d touchpoints produced in %.1fs", past, time.Since(began).Seconds())
	first := r.child(f.binary, f.dir)
	first.await(walked, 1)
	first.end(syscall.SIGTERM)

	b.Run("closed", f.closed)
	b.Run("killed", f.killed)
	b.Run("snapshot", func(b *testing.B) { f.snapshot(b, 0) })
	b.Run("snapshot-20s-old", func(b *testing.B) { f.snapshot(b, 20*time.Second) })
	b.Run("nothing", f.nothing)
}

// takeOvers is a shard to be taken over, in rounds.
type takeOvers struct {
	*rig
	binary, dir     string
	customers, rate int
}

// start starts the program and returns it with how long it took from the assignment until it spoke.
func (f *takeOvers) start(b *testing.B, set ...string) (*child, time.Duration) {
	c := f.child(f.binary, f.dir, set...)
	spoke := c.await(speaks, 1)
	owned, load := c.await(joined, 1), c.await(taken, 1)
	b.Logf("taken over after %v, speaks after %v: %s", load.at.Sub(owned.at), spoke.at.Sub(owned.at), load.text)
	return c, spoke.at.Sub(owned.at)
}

// closed: the last owner was stopped in order.
func (f *takeOvers) closed(b *testing.B) {
	var all []time.Duration
	for b.Loop() {
		c, took := f.start(b)
		all = append(all, took)
		c.end(syscall.SIGTERM)
	}
	report(b, all)
}

// killed: the last owner was killed under load, which goes on meanwhile.
func (f *takeOvers) killed(b *testing.B) {
	var all []time.Duration
	for b.Loop() {
		stop := f.load(f.rate, f.customers)
		c, _ := f.start(b)
		time.Sleep(8 * time.Second) // of load
		c.end(syscall.SIGKILL)
		c, took := f.start(b)
		all = append(all, took)
		stop()
		f.caughtUp()
		c.end(syscall.SIGTERM)
	}
	report(b, all)
}

// snapshot: the store is gone; a snapshot is there, behind which so much load came.
func (f *takeOvers) snapshot(b *testing.B, age time.Duration) {
	place := "snapshots.place=" + b.TempDir()
	var all []time.Duration
	for b.Loop() {
		c, _ := f.start(b, place, "snapshots.every=0s")
		f.caughtUp()
		c.end(syscall.SIGTERM) // puts one
		if age > 0 {
			c, _ = f.start(b) // without a place, so that it stays the newest
			stop := f.load(f.rate, f.customers)
			time.Sleep(age)
			stop()
			f.caughtUp()
			c.end(syscall.SIGTERM)
		}
		f.must(os.RemoveAll(f.dir))
		c, took := f.start(b, place, "snapshots.every=0s")
		b.Log(c.await(restored, 1).text)
		all = append(all, took)
		c.end(syscall.SIGTERM)
	}
	report(b, all)
}

// nothing: there is neither a store nor a snapshot.
func (f *takeOvers) nothing(b *testing.B) {
	var all []time.Duration
	n := float64(f.ends(f.config.Topics.Touchpoints)[0])
	for b.Loop() {
		f.must(os.RemoveAll(f.dir))
		c, took := f.start(b)
		all = append(all, took)
		b.Logf("%.0f touchpoints/s; peak memory %+v MiB", n/took.Seconds(), c.most())
		c.end(syscall.SIGTERM)
	}
	report(b, all)
	b.ReportMetric(n/median(all).Seconds(), "touchpoints/s")
}

// caughtUp waits until the group has committed what is the input's end now.
func (r *rig) caughtUp() {
	r.Helper()
	ends := r.ends(r.config.Topics.Touchpoints)
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for ; ; <-tick.C {
		at, err := r.committed()
		r.must(err)
		behind := false
		for p, end := range ends {
			behind = behind || at[events.ShardID(p)] < end
		}
		if !behind {
			return
		}
	}
}

func median(all []time.Duration) time.Duration {
	return slices.Sorted(slices.Values(all))[len(all)/2]
}

func report(b *testing.B, all []time.Duration) {
	b.ReportMetric(median(all).Seconds(), "s/median")
	b.ReportMetric(slices.Max(all).Seconds(), "s/slowest")
	b.ReportMetric(0, "ns/op") // a round's, which says nothing
}
