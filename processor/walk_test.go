package processor

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state"
	"github.com/touchfold/touchfold/state/store"
)

// walk is what the metrics tell of a walk. It moves between the two.
func (p *run) walk() (done, left float64) {
	for _, x := range p.metric("touchfold_walk_customers") {
		if x.labels["state"] == "done" {
			done = x.value
		} else {
			left = x.value
		}
	}
	return done, left
}

// TestWalkProgress: a walk keeps its rate and tells how far it is, also after it was interrupted, and nobody is left out.
func TestWalkProgress(t *testing.T) {
	t.Parallel()
	const all, rate = 60, 10
	log := &lines{}
	r := newRig(t, 1, func(c *Config) {
		c.WalkRate, c.CheckpointEvery, c.Log = rate, 200*time.Millisecond, zerolog.New(log)
	})
	now := events.At(time.Now())
	for i := range all {
		r.send(order(fmt.Sprint("c", i), fmt.Sprint(i), now-100*events.Instant(day), 10))
	}
	p := r.start()
	p.settle()
	if done, left := p.walk(); done != 0 || left != 0 {
		t.Errorf("without a walk %v are done and %v left", done, left)
	}
	r.activate(r.churnAfter(30, 1))
	before := 0.0
	p.await("the walk is under way", func() bool {
		done, left := p.walk()
		before = done
		return done > 0 && left > 0 && done+left == all
	})
	p.stop()
	if at := r.positions()[0]; !at.Walk.Active {
		t.Fatalf("the walk was to be interrupted: %+v", at.Walk)
	}

	began := time.Now()
	p = r.start()
	least, seen, whole := float64(all), 0.0, false
	p.await("the walk is over", func() bool {
		if done, left := p.walk(); left > 0 {
			least, seen, whole = min(least, done), done, whole || done+left == all
			return false
		}
		return p.value("touchfold_walked_total") > 0 && p.at(0).Settled
	})
	took := time.Since(began)
	if least < before || seen <= before || !whole {
		t.Errorf("before the interruption %v were done, behind it %v to %v; the sum is right: %t", before, least, seen, whole)
	}
	walked := p.value("touchfold_walked_total")
	if want := time.Duration(walked-rate-2) * time.Second / rate; took < want {
		t.Errorf("%v customers at %d a second took %s, want at least %s", walked, rate, took, want)
	}
	p.stop()
	said, _ := r.said()
	churn := map[string]int{}
	for _, x := range said {
		if x.word() == "segment/churn_risk=true #1" {
			churn[string(x.customer)]++
		}
	}
	if len(churn) != all {
		t.Errorf("%d of %d customers are at risk", len(churn), all)
	}
	for _, want := range []string{`"cause":"rules","resumed":false`, `"resumed":true`, "all customers are to be looked at",
		"all customers were looked at"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("%s is not in the log:\n%s", want, log)
		}
	}
}

// TestTellWalk: the log hears of a walk every half minute.
func TestTellWalk(t *testing.T) {
	log := &lines{}
	s := &shard{log: zerolog.New(log), m: newMetrics(prometheus.NewRegistry()).shard(0)}
	var now time.Duration
	s.terms.boot = func() time.Duration { return now }
	s.at.Walk = store.Walk{Active: true, Cause: events.ByRules}
	s.beginWalk()
	s.census = census{all: 100, before: 10, done: true}
	for range 200 {
		now += time.Second
		s.walked = int(now / (10 * time.Second))
		s.tellWalk()
	}
	if n := strings.Count(log.String(), "customers are being looked at"); n != 6 {
		t.Errorf("in 200 s it is told %d times:\n%s", n, log)
	}
	want := `{"level":"info","done":16,"left":84,"counted":true,"position":0,"message":"customers are being looked at"}`
	if !strings.Contains(log.String(), want) {
		t.Errorf("%s is not in\n%s", want, log)
	}
}

// TestCensus: customers are counted slice by slice, each once.
func TestCensus(t *testing.T) {
	const all = 57
	table, err := state.NewTable()
	if err != nil {
		t.Fatal(err)
	}
	st, err := store.OpenOn(store.NewMemory(), store.Config{Table: table, CacheBytes: 1 << 20, Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	for i := range all {
		c, err := st.Customer(events.CustomerID(fmt.Sprintf("c%03d", i)))
		if err != nil {
			t.Fatal(err)
		}
		st.Changed(c)
	}
	if err := errors.Join(st.Checkpoint(store.Positions{}), st.Wait()); err != nil {
		t.Fatal(err)
	}
	s := &shard{store: st, limits: limits{walk: 1}}
	s.from = "c030"
	for n := 1; !s.census.done; n++ {
		if err := s.count(); err != nil {
			t.Fatal(err)
		}
		if want := min(all, n*countFaster); s.census.all != want {
			t.Fatalf("after %d slices %d are counted, want %d", n, s.census.all, want)
		}
	}
	if s.census.before != 31 || s.left() != all-31 || s.done() != 31 {
		t.Errorf("%+v", s.census)
	}
}
