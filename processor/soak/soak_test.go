package soak

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/touchfold/touchfold/processor/rehearsal/oracle"
)

const (
	// churnDays are the days without an order that are too many.
	churnDays = 10
	// leastHits is how often each failpoint must be hit in a soak of leastLength.
	leastHits   = 5
	leastLength = 4 * time.Minute
	// makeUpLength is how long failpoints that chance has missed may be hit on purpose.
	makeUpLength = 3 * time.Minute
	// maxMemory is what an instance may take.
	maxMemory = 1 << 30
	// past is how many touchpoints are there before the first start.
	past = 3000
)

// settings are those of every instance, beside variants.
func (r *round) settings() (flags []string) {
	for _, s := range []string{"app=" + r.app, "topics.touchpoints=" + r.topic, "topics.events=" + r.events, "topics.parked=" + r.parked,
		fmt.Sprint("topics.replication=", r.options.brokers), fmt.Sprint("topics.partitions=", r.shards), "first_start=mute",
		"store.checkpoint_every=1s", "store.cache=64MiB", fmt.Sprint("kafka.session=", session), "business.zone=" + zoneName} {
		flags = append(flags, "--set", s)
	}
	if r.snapshots() {
		flags = append(flags, "--set", "snapshots.place="+r.snapshotDir(), "--set", "snapshots.every=10s")
	}
	return flags
}

// harness is what all rounds of a soak share.
type harness struct {
	options
	program binaries
	cluster *cluster
	figures *figures
	ports   map[int]bool
	whole   time.Duration   // how long faults run in all rounds
	ctx     context.Context // ends before the test is cut off
}

// TestSoak is the crash harness; see the package's comment.
func TestSoak(t *testing.T) {
	h := &harness{options: readOptions(t), figures: newFigures(), ports: map[int]bool{}}
	h.ctx, h.whole = t.Context(), h.length
	if deadline, ok := t.Deadline(); ok {
		ctx, cancel := context.WithDeadline(t.Context(), deadline.Add(-time.Minute))
		defer cancel()
		h.ctx = ctx
	}
	if h.dir == "" {
		dir, err := os.MkdirTemp("", "touchfold-soak-")
		if err != nil {
			t.Fatal(err)
		}
		h.dir = dir
	}
	t.Logf("seed %d, in %s: %d instances, %d shards, %d brokers, %s", h.seed, h.dir, h.instances, h.shards, h.brokers, h.length)
	t.Cleanup(func() { // the last of all
		if t.Failed() || h.keep {
			t.Logf("TOUCHFOLD_SOAK_SEED=%d repeats the touchpoints and the faults; logs and stores are in %s", h.seed, h.dir)
		} else if err := os.RemoveAll(h.dir); err != nil {
			t.Error(err)
		}
	})
	h.program = build(t, h.dir)
	h.cluster = startCluster(t, filepath.Join(h.dir, "kafka"), h.brokers, h.instances, h.ports)
	for number := uint64(0); h.length > 0 && !t.Failed(); number++ {
		length := min(h.length, h.options.round)
		h.length -= length
		h.round(t, number, length)
	}
	h.judge(t)
}

// judge writes the figures and looks at those that have a bound.
func (h *harness) judge(t *testing.T) {
	for _, p := range h.program.points {
		h.figures.hit(p.name, 0) // so that it is in the report
	}
	t.Logf("figures of seed %d:\n%s", h.seed, h.figures)
	for _, text := range h.figures.findings {
		t.Error(text)
	}
	for i, bytes := range h.figures.rss {
		if bytes > maxMemory {
			t.Errorf("instance %d took %d MiB", i, bytes>>20)
		}
	}
	for _, p := range h.program.points {
		if n := h.figures.hitsOf(p.name); n < h.least() {
			t.Errorf("failpoint %s was hit %d times, and at least %d were wanted", p.name, n, h.least())
		}
	}
}

// least is how often each failpoint must be hit.
func (h *harness) least() int {
	switch {
	case h.calm:
		return 0
	case h.whole < leastLength:
		return 1
	}
	return leastHits
}

// round is one soak on fresh topics and stores.
type round struct {
	*harness
	topic, events, parked, app string
	dir                        string
	seed                       uint64
	rules                      oracle.Rules
	variants                   [2][]string // flags of each
	midnight                   time.Time
	instances                  []*instance
	brokers                    []string
	client                     *kgo.Client
}

func (h *harness) round(t *testing.T, number uint64, length time.Duration) {
	r := &round{harness: h, seed: h.seed + number, app: fmt.Sprint("soak-", number), topic: fmt.Sprint("touchpoints-", number),
		events: fmt.Sprint("events-", number), parked: fmt.Sprint("parked-", number), brokers: strings.Split(h.cluster.direct, ","),
		dir: filepath.Join(h.dir, fmt.Sprint("round-", number)), midnight: time.Now().Add(10*time.Second + length*2/5).Truncate(time.Second)}
	zone, zoneinfo := makeZone(t, filepath.Join(r.dir, "zoneinfo"), r.midnight)
	r.rules = variants[0].in(zone)
	if err := os.MkdirAll(r.snapshotDir(), 0o755); err != nil {
		t.Fatal(err)
	}
	for i := range variants {
		var err error
		if r.variants[i], err = variants[i].flags(r.dir); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("round %d: seed %d, %s of faults, midnight at %s, snapshots: %t", number, r.seed, length, r.midnight.Format(time.TimeOnly), r.snapshots())
	r.client = newClient(t, r.brokers, kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.MaxBufferedRecords(20000))
	defer r.client.Close()
	if err := createTopic(h.ctx, r.client, r.topic, h.shards, h.options.brokers); err != nil {
		t.Fatal(err)
	}
	d := &driver{client: r.client, topic: r.topic, shards: h.shards, figures: h.figures,
		feed: newFeed(r.seed, time.Now().Add(-past*time.Second/time.Duration(h.rate)), h.rate, h.customers, poisons()),
		lost: func(err error) { h.figures.find("a touchpoint could not be written: %v", err) }}
	if err := d.write(h.ctx, past, 0); err != nil {
		t.Fatal(err)
	}
	r.makeInstances(t, zoneinfo)
	r.faults(t, d, length, h.length == 0)
}

// snapshots: in every other round shards that move or are lost come from snapshots, in the others from the two logs alone.
func (r *round) snapshots() bool { return r.seed%2 == 0 }

func (r *round) snapshotDir() string { return filepath.Join(r.dir, "snapshots") }

// makeInstances prepares the instances; each has its own store and its own way to the brokers.
func (r *round) makeInstances(t *testing.T, zoneinfo string) {
	for i := range r.options.instances {
		listen, fail := address(freePort(t, r.ports)), address(freePort(t, r.ports))
		in := &instance{number: i + 1, dir: filepath.Join(r.dir, fmt.Sprint("instance-", i+1)), program: r.program, http: listen, gofail: fail,
			figures: r.figures, rng: rand.New(rand.NewPCG(r.seed, uint64(10+i))), env: []string{"ZONEINFO=" + zoneinfo}}
		if err := os.MkdirAll(in.dir, 0o755); err != nil {
			t.Fatal(err)
		}
		in.args = append([]string{"run", "--brokers", r.cluster.behindProxies(i), "--dir", in.storeDir(), "--listen", listen}, r.settings()...)
		in.args = append(in.args, r.variants[0]...)
		r.instances = append(r.instances, in)
	}
}

// faults runs everything while faults happen, then lets it come to rest and looks at what was said.
func (r *round) faults(t *testing.T, d *driver, length time.Duration, last bool) {
	running, stopRunning := context.WithCancel(r.ctx)
	var instances, driver sync.WaitGroup
	defer func() {
		stopRunning()
		for _, in := range r.instances {
			in.signal(9, "SIGKILL", 0)
		}
		instances.Wait()
	}()
	for _, in := range r.instances {
		instances.Go(func() { in.run(running) })
	}
	driving, stopDriving := context.WithCancel(r.ctx)
	var written error
	driver.Go(func() { written = d.write(driving, 0, r.rate) })
	p := &player{cluster: r.cluster, instances: r.instances, points: slices.Clone(r.program.points), figures: r.figures,
		rng: rand.New(rand.NewPCG(r.seed, 2)), settings: r.settings(), variants: r.variants}
	playing, stopPlaying := context.WithTimeout(r.ctx, length)
	if r.calm {
		<-playing.Done()
	} else {
		p.play(playing)
	}
	stopPlaying()
	if last && !r.calm {
		making, stopMaking := context.WithTimeout(r.ctx, makeUpLength)
		p.makeUp(making, r.least())
		stopMaking()
	}
	stopDriving()
	if driver.Wait(); written != nil {
		t.Errorf("write the last touchpoints: %v", written)
	}
	r.finish(t, stopRunning, &instances)
}
