package processor

import (
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/touchfold/touchfold/events"
)

// BenchmarkSharing is how long shards pause when an instance comes to two others, when it is stopped, and when it is
// killed, under a load that goes on. A pause is the longest time from the append of a touchpoint to the append of what it
// made true. Steady is without a change, for comparison.
//
//	KAFKA_ADDR=$(scripts/kafka.sh start) go test ./processor -run - -bench BenchmarkSharing -benchtime 3x -timeout 20m
func BenchmarkSharing(b *testing.B) {
	const shards = 8
	r := realRig(b, shards)
	customers, rate, binary := r.number("CUSTOMERS", 200_000), r.number("RATE", 20_000), r.buildBinary()
	place := "snapshots.place=" + b.TempDir()
	r.past(5*customers, customers)
	two := []*child{r.child(binary, b.TempDir(), place)}
	two[0].await(walked, shards)
	two = append(two, r.child(binary, b.TempDir(), place))
	two[1].await(speaks, shards/2)

	pauses := map[string][]time.Duration{}
	for b.Loop() {
		stop, began := r.load(rate, customers), time.Now()
		time.Sleep(5 * time.Second) // until it goes evenly
		var all []window
		during := func(name string, took time.Duration, change func()) {
			w := window{name: name, from: events.At(time.Now())}
			change()
			time.Sleep(took)
			w.to = events.At(time.Now())
			all = append(all, w)
		}
		var third *child
		during("steady", 10*time.Second, func() {})
		during("added", 10*time.Second, func() { third = r.child(binary, b.TempDir(), place); third.await(speaks, shards/3) })
		during("stopped", 10*time.Second, func() { third.end(syscall.SIGTERM) })
		third = r.child(binary, b.TempDir(), place)
		third.await(speaks, shards/3)
		time.Sleep(5 * time.Second)
		during("killed", 20*time.Second, func() { third.end(syscall.SIGKILL) })
		b.Logf("%.0f touchpoints/s", float64(stop())/time.Since(began).Seconds())
		r.caughtUp()
		r.pauses(all)
		for _, w := range all {
			b.Log(w)
			pauses[w.name+"-moved"] = append(pauses[w.name+"-moved"], w.moved...)
			pauses[w.name+"-stayed"] = append(pauses[w.name+"-stayed"], w.stayed...)
		}
	}
	for name, all := range pauses {
		if len(all) > 0 {
			b.ReportMetric(median(all).Seconds(), "s/"+name+"-median")
			b.ReportMetric(slices.Max(all).Seconds(), "s/"+name+"-longest")
		}
	}
	b.ReportMetric(0, "ns/op")
	for i, c := range two {
		b.Logf("instance %d took at most %+v MiB", i, c.most())
		c.end(syscall.SIGTERM)
	}
}

// window is a time in which an instance came or went, and how long shards paused then.
type window struct {
	name          string
	from, to      events.Instant
	moved, stayed []time.Duration
	steps         []string // of those that moved
}

func (w window) String() string {
	return fmt.Sprintf("%s: stayed %v, moved %v\n    %s", w.name, w.stayed, w.moved, strings.Join(w.steps, "\n    "))
}

// pauses finds in both topics how long each shard paused in each window.
func (r *rig) pauses(all []window) {
	r.Helper()
	topics, outputs := r.config.Topics, r.ends(r.config.Topics.Events)
	for p, end := range r.ends(topics.Touchpoints) {
		id := events.ShardID(p)
		appended := make([]events.Instant, 0, end)
		r.must(r.client.ReadRange(r.context(), topics.Touchpoints, id, 0, end, func(rec *events.Record) error {
			appended = append(appended, rec.Append)
			return nil
		}))
		longest, steps := make([]events.Instant, len(all)), make([][]string, len(all))
		opened := false
		r.must(r.client.ReadRange(r.context(), topics.Events, id, 0, outputs[p], func(rec *events.Record) error {
			i := slices.IndexFunc(all, func(w window) bool { return w.from <= rec.Append && rec.Append < w.to })
			if i < 0 {
				return nil
			}
			st, mark, err := events.ParseDerived(rec)
			r.must(err)
			step := func(what string) {
				steps[i] = append(steps[i], fmt.Sprintf("%s +%dms", what, rec.Append-all[i].from))
			}
			switch {
			case mark != nil:
				step(string(mark.Kind))
				opened = mark.Kind == events.ShardOpened
			case st.Cause == events.ByEvent:
				longest[i] = max(longest[i], rec.Append-appended[st.Position-1])
				if opened {
					step("first said")
				}
				opened = false
			}
			return nil
		}))
		for i := range all {
			pause := time.Duration(longest[i]) * time.Millisecond
			if len(steps[i]) == 0 {
				all[i].stayed = append(all[i].stayed, pause)
			} else {
				all[i].moved = append(all[i].moved, pause)
				all[i].steps = append(all[i].steps, fmt.Sprintf("shard %d: %s", p, strings.Join(steps[i], ", ")))
			}
		}
	}
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
