package processor

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/processor/kafka"
	"github.com/touchfold/touchfold/processor/localkafka"
	"github.com/touchfold/touchfold/state"
	"github.com/touchfold/touchfold/state/store"
)

// TestFenced: a second process with the same app shuts the first one out, which ends with a sentence; nothing is said
// twice.
func TestFenced(t *testing.T) {
	t.Parallel()
	r := newRig(t, 2, nil)
	first := r.start()
	first.settle()
	second := r.start(func(c *Config) { c.Dir = t.TempDir() }) // nothing was said, so it may begin
	second.settle()
	now := events.At(time.Now())
	var tps []touchpoint
	for _, who := range []string{"a", "b", "c", "d", "e", "f"} {
		tps = append(tps, order(who, who, now, 10))
	}
	r.send(tps...)
	err := first.end()
	if !errors.Is(err, kafka.ErrFenced) || !strings.Contains(err.Error(), "another instance took over this partition, as is usual when shards move") {
		t.Errorf("the first: %v", err)
	}
	second.settle()
	second.stop()
	if all, _ := r.said(); len(all) != 2*len(tps) {
		t.Errorf("%d derived events of %d customers", len(all), len(tps))
	}
	// What the first one did not say it must not have saved; and it learns what the second said.
	r.once()
	if all, _ := r.said(); len(all) != 2*len(tps) {
		t.Errorf("%d derived events of %d customers after the first's return", len(all), len(tps))
	}
}

// localRig is a rig on a broker that keeps its log in a folder; start starts it, also again.
func localRig(t *testing.T, shards int) (r *rig, start func() *localkafka.Broker) {
	t.Helper()
	if os.Getenv("KAFKA_ADDR") != "" {
		t.Skip("the broker is not ours to stop")
	}
	dir, addr, log := filepath.Join(t.TempDir(), "kafka"), "127.0.0.1:0", &lines{}
	start = func() *localkafka.Broker {
		t.Helper()
		b, err := localkafka.Start(localkafka.Config{Listen: addr, Dir: dir, Log: zerolog.New(log)})
		if err != nil {
			t.Fatal(err)
		}
		addr = b.Addr()
		return b
	}
	b := start()
	r = newRigOn(t, []string{addr}, shards, nil)
	r.must(b.Close())
	return r, start
}

// TestBrokerRestarts: a broker that goes away and comes back in the middle of a backlog, before what follows from it is
// said, costs time and nothing else. It goes when nothing is in flight: kfake, closed while it handles a produce request,
// keeps it half.
func TestBrokerRestarts(t *testing.T) {
	t.Parallel()
	r, start := localRig(t, 1)
	b := start()
	defer func() { b.Close() }()
	const customers = 900
	outages := 0
	r.fold(r.hookedTable(func(e *events.Event) {
		if e.ID == "outage" && int(e.Time) > outages {
			outages++
			r.must(b.Close())
			b = start()
		}
	}, nil))
	p := r.start()
	p.settle()
	for i := range 3 {
		tps := []touchpoint{view(fmt.Sprint("first", i), "outage", events.Instant(i+1))}
		for j := range customers {
			tps = append(tps, view(fmt.Sprintf("c%d-%d", i, j), "m", 1))
		}
		r.send(tps...)
		p.settle()
		r.must(b.Close()) // and once when all is said
		b = start()
	}
	p.settle()
	p.stop()
	if all, _ := r.said(); len(all) != 3*(customers+1) || outages != 3 {
		t.Errorf("%d derived events after %d outages", len(all), outages)
	}
	r.checkSaved(3 * (customers + 1))
}

// TestStopWithoutBroker: a stop while there is no broker ends in time, and well if there was nothing left to say.
func TestStopWithoutBroker(t *testing.T) {
	t.Parallel()
	r, start := localRig(t, 1)
	b := start()
	p := r.start(func(c *Config) { c.StopWithin = 500 * time.Millisecond })
	p.settle()
	r.must(b.Close())
	p.cancel()
	if err := p.endsSoon(); err != nil {
		t.Errorf("with nothing to say: %v", err)
	}
	defer start().Close()
	r.send(order("a", "1", events.At(time.Now()), 10))
	r.once()
	if all, _ := r.said(); len(all) != 2 {
		t.Errorf("%+v", all)
	}
}

// TestStopWithTheUnsaid: where there is something to say and no broker, a stop ends in time and says so, and what could
// not be said is said after the next start.
func TestStopWithTheUnsaid(t *testing.T) {
	t.Parallel()
	r, start := localRig(t, 1)
	b := start()
	var p *run
	begun := make(chan struct{})
	r.fold(r.hookedTable(func(e *events.Event) {
		if e.Customer == "last" && b != nil {
			<-begun
			r.must(b.Close())
			b = nil
			p.cancel()
		}
	}, nil))
	p = r.start(func(c *Config) { c.StopWithin = 500 * time.Millisecond })
	close(begun)
	p.settle()
	r.send(view("first", "1", 0), view("last", "2", 0))
	if err := p.endsSoon(); err == nil || !strings.Contains(err.Error(), "acknowledge") && !errors.Is(err, kafka.ErrInDoubt) {
		t.Errorf("Run: %v", err)
	}
	defer start().Close()
	r.once()
	if all, _ := r.said(); len(all) != 2 {
		t.Errorf("%+v", all)
	}
}

// endsSoon waits for Run, whose StopWithin is half a second, and no longer than that and a few seconds.
func (p *run) endsSoon() error {
	p.Helper()
	select {
	case <-p.ended:
	case <-time.After(6 * time.Second):
		p.Error("Run does not return in time")
	}
	return p.end()
}

// hookedTable has one feature, by which whoever was seen is a prospect. It calls fold with each event and facts whenever
// it is asked, if they are set.
func (r *rig) hookedTable(fold func(*events.Event), facts func()) *state.Table {
	r.Helper()
	table, err := state.NewTable(&state.Spec[int]{Name: "met", Version: 1, Doc: "whoever was ever seen",
		Fold: func(n *int, e *events.Event) {
			if *n = 1; fold != nil {
				fold(e)
			}
		},
		Facts: func(n *int, _ state.Known, _ events.Instant, say func(string, state.Value)) {
			if facts != nil {
				facts()
			}
			if *n > 0 {
				say("lifecycle", "prospect")
			}
		},
		Horizon: func(*int, state.Known, events.Instant) events.Instant { return events.Never },
		Append:  func(b []byte, n *int) []byte { return append(b, byte(*n)) },
		Parse:   func(b []byte, n *int) error { *n = int(b[0]); return nil }})
	r.must(err)
	return table
}

// TestNothingRemains: when Run has returned, none of its goroutines is left.
func TestNothingRemains(t *testing.T) {
	r := newRig(t, 3, nil)
	r.send(history(rand.New(rand.NewPCG(13, 14)), 500, 20, events.At(time.Now())-300*events.Instant(day), 290)...)
	p := r.start()
	p.settle()
	p.stop()
	checkNoGoroutine(t)
	r.config.Topics.Touchpoints += "-other" // refused
	if err := r.start().end(); err == nil {
		t.Error("not refused")
	}
	checkNoGoroutine(t)
}

// checkNoGoroutine: no goroutine of this process is in the shard's loop, the fetcher or the store. TestMain looks for
// all others.
func checkNoGoroutine(t *testing.T) {
	t.Helper()
	buf := make([]byte, 4<<20)
	for _, g := range strings.Split(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
		for _, of := range []string{"processor.(*shard)", "processor.(*voice)", "processor.(*Processor)", "kafka.(*Fetcher)", "kafka.(*loop)",
			"touchfold/state/store.", "badger/v4."} {
			if strings.Contains(g, of) {
				t.Errorf("a goroutine remains:\n%s", g)
				break
			}
		}
	}
}

// behindPort is a broker that has just started: its logs seem to end one record early until they are waited for, or for good.
type behindPort struct {
	scenePort
	topic string
	lost  bool
}

func (p behindPort) Range(ctx context.Context, topic string, s events.ShardID) (kafka.Range, error) {
	r, err := p.scenePort.Range(ctx, topic, s)
	if topic == p.topic {
		r.End--
	}
	return r, err
}

func (p behindPort) Reach(ctx context.Context, topic string, s events.ShardID, offset events.Offset) (kafka.Range, error) {
	if p.lost {
		return p.Range(ctx, topic, s)
	}
	return p.scenePort.Reach(ctx, topic, s, offset)
}

// TestEndsBehind: a take-over waits for ends that lie before what was read, and stops where that does not help.
func TestEndsBehind(t *testing.T) {
	for _, c := range []struct {
		topic string
		kept  bool // the checkpoint is
		want  string
	}{
		{simInput, true, "the checkpoint has read up to offset 1 of partition 0 of touchpoints, which ends at 0"},
		{simOutput, true, "the checkpoint knows of derived events up to offset 4 of partition 0 of customer-events, which ends at 3"},
		{simInput, false, "follows from records up to offset 1 of touchpoints, which ends at 0"},
	} {
		for _, lost := range []bool{false, true} {
			w := newScene(t)
			w.order("a", "1", 250)
			s := w.owner()
			w.rest(s)
			w.must(s.checkpoint(context.Background(), true))
			w.must(s.store.Wait())
			if !c.kept {
				w.mem = store.NewMemory()
			}
			s = w.shard()
			s.broker = behindPort{scenePort{w.k}, c.topic, lost}
			err := s.takeOver(context.Background())
			if !lost && err != nil || lost && (!isStop(err) || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("%+v, lost %v: %v", c, lost, err)
			}
		}
	}
}
