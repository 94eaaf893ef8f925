package processor

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/processor/kafka"
	"github.com/touchfold/touchfold/rulebooks/thresholds"
	"github.com/touchfold/touchfold/state"
	"github.com/touchfold/touchfold/state/features"
	"github.com/touchfold/touchfold/state/rulebook"
	"github.com/touchfold/touchfold/state/store"
)

// activate writes a rulebook to the log, as touchfold rules activate does.
func (r *rig) activate(b *rulebook.Rulebook) {
	r.Helper()
	c := b.Control(events.At(time.Now()))
	value, headers := c.Record(r.config.App)
	_, err := r.client.Append(r.context(), r.config.Topics.Touchpoints, 0, []kafka.Out{{Value: value, Headers: headers, Time: c.At}})
	r.must(err)
}

// churnAfter is the rulebook by which a customer is at risk after so many days, with a number in the log.
func (r *rig) churnAfter(days int, serial uint64) *rulebook.Rulebook {
	r.setup.Rules = thresholds.Rulebook(fmt.Sprint("churn_risk=", days))
	return features.Propose(r.setup).Numbered(serial)
}

// controls are the names of the rulebooks that stand in each partition of the input.
func (r *rig) controls() [][]string {
	r.Helper()
	all := make([][]string, r.config.Topics.Partitions)
	for p, recs := range r.read(r.config.Topics.Touchpoints) {
		for _, rec := range recs {
			if header(rec, "ce_type") == string(events.RulebookControl) {
				b, err := rulebook.Parse(rec.Value)
				r.must(err)
				all[p] = append(all[p], b.Name())
			}
		}
	}
	return all
}

// inForce are the names of what the stores go by.
func (r *rig) inForce() (names []string) {
	r.Helper()
	for _, at := range r.positions() {
		b, err := rulebook.Parse(at.Rulebook)
		r.must(err)
		names = append(names, b.Name())
	}
	return names
}

func repeated(name string, n int) string { return fmt.Sprint(slices.Repeat([]string{name}, n)) }

// TestRulebookToAll: a rulebook that stands in partition 0 comes to all shards, and each customer is spoken of by it,
// whichever shard has him; the marks tell it.
func TestRulebookToAll(t *testing.T) {
	t.Parallel()
	const shards = 3
	r := newRig(t, shards, nil)
	now := events.At(time.Now())
	for i := range 12 {
		r.send(order(fmt.Sprint("c", i), fmt.Sprint(i), now-100*events.Instant(day), 10))
	}
	p := r.start()
	p.settle()
	b := r.churnAfter(30, 1)
	r.activate(b)
	p.await("all customers are spoken of by it", func() bool { _, said := p.sum(); return said >= 12*3 })
	p.settle()
	p.stop()
	if got := fmt.Sprint(r.inForce()); got != repeated(b.Name(), shards) {
		t.Errorf("in force is %s", got)
	}
	if got := fmt.Sprint(r.controls()); got != fmt.Sprint([][]string{{b.Name()}, {b.Name()}, {b.Name()}}) {
		t.Errorf("the log has %s", got)
	}
	all, marks := r.said()
	churn := 0
	for _, x := range all {
		byNew := x.word() == "segment/churn_risk=true #1" && x.cause == "rules"
		if byNew {
			churn++
		}
		if (x.version == 1) != byNew || x.version > 1 {
			t.Errorf("%s by %s says rulebook %d", x.word(), x.cause, x.version)
		}
	}
	if churn != 12 {
		t.Errorf("%d customers are at risk by the new rulebook, want 12", churn)
	}
	for p, list := range marks {
		if last := list[len(list)-1]; len(list) < 3 || last.Rulebook != b.Name() {
			t.Errorf("the marks of partition %d end with %+v", p, last)
		}
	}
}

// TestRulebookCutOff: its owner ends after a rulebook came to partition 0 and before it came to the others, and the next
// one has the former configuration: it comes to the others all the same.
func TestRulebookCutOff(t *testing.T) {
	t.Parallel()
	const shards = 3
	r := newRig(t, shards, nil)
	r.send(view("a", "1", 0), view("b", "2", 0), view("c", "3", 0))
	r.once()
	b := r.churnAfter(30, 1)
	r.activate(b) // nobody runs
	r.once()
	if got := fmt.Sprint(r.inForce()); got != repeated(b.Name(), shards) {
		t.Errorf("in force is %s", got)
	}
}

// TestCannotRun: a program that cannot run what comes in force saves how far it is, and leaves the shard to one that can,
// which goes on from there.
func TestCannotRun(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1, nil)
	now := events.At(time.Now())
	r.send(order("a", "1", now-100*events.Instant(day), 10))
	newer := r.churnAfter(30, 1)
	older := func(c *Config) {
		c.Believe = func(b *rulebook.Rulebook, since state.Since, now events.Instant) (Belief, error) {
			if b.Digest() == newer.Digest() {
				return Belief{}, fmt.Errorf("rulebook %s: %w", b.Name(), rulebook.ErrCannotRun)
			}
			return belief(b, since, now)
		}
	}
	p := r.start(older)
	p.settle()
	r.activate(newer)
	for range 2 { // also from the store it is not taken again
		if err := p.end(); err == nil || !isStop(err) || !strings.Contains(err.Error(), newer.Name()) {
			t.Fatalf("Run: %v", err)
		}
		p = r.start(older)
	}
	p.end()
	r.stores(func(s *store.Store) {
		at, _ := s.Positions()
		if at.Input != 2 || string(at.Rulebook) != string(newer.Text()) {
			t.Errorf("saved is %+v", at)
		}
	})
	r.send(view("b", "2", 0))
	r.once()
	all, _ := r.said()
	churn := 0
	for _, x := range all {
		if x.fact == "segment/churn_risk" {
			churn++
		}
	}
	if churn != 1 {
		t.Errorf("said is %+v", all)
	}
}

// TestToldWhenSpeaking: a rulebook that comes in force while a shard is mute is told once it speaks, and once only.
func TestToldWhenSpeaking(t *testing.T) {
	w := newScene(t)
	w.mute = true
	w.order("a", "1", 250)
	c := simRulebooks[1].rulebook().Numbered(1).Control(w.k.now)
	value, headers := c.Record(simApp)
	_, err := w.k.append(w.k.log(simInput, 0), simStamp{-1, -1}, -1, []kafka.Out{{Value: value, Headers: headers}})
	w.must(err)
	w.order("a", "2", 250)
	s := w.owner()
	w.fold(s, 2)
	w.must(s.round(t.Context()))
	told := func() (marks []string) {
		w.k.log(simOutput, 0).records(func(r *events.Record, _ int64) {
			if _, m, err := events.ParseDerived(r); err == nil && m != nil {
				marks = append(marks, string(m.Kind)+" "+m.Rulebook)
			}
		})
		return marks
	}
	if got := told(); s.speaking || len(got) != 1 || s.rules.Now.Serial != 1 {
		t.Fatalf("speaking %v by %s: %s", s.speaking, s.rules.Now.Name(), got)
	}
	w.rest(s)
	if got, want := told(), string(events.ShardAlive)+" "+s.rules.Now.Name(); !s.speaking || len(got) != 2 || got[1] != want {
		t.Errorf("speaking %v: %s, want %s", s.speaking, got, want)
	}
}

// TestStoppedBeforeRulebook: a shard is stopped while what comes before a rulebook is delivered. Who goes on from there takes
// the rulebook.
func TestStoppedBeforeRulebook(t *testing.T) {
	w := newScene(t)
	w.mute, w.book = true, len(simRulebooks)-1
	w.order("c", "1", simCareFrom)
	w.restock("again", simCareFrom%simProducts)
	c := simRulebooks[1].rulebook().Numbered(1).Control(w.k.now)
	value, headers := c.Record(simApp)
	_, err := w.k.append(w.k.log(simInput, 0), simStamp{-1, -1}, -1, []kafka.Out{{Value: value, Headers: headers}})
	w.must(err)
	s := w.owner()
	stop := make(chan struct{})
	s.stop = stop
	close(stop)
	b := w.k.log(simInput, 0).fetch(s.at.Input, 3, w.k.now)
	if err := s.batch(t.Context(), &b); !errors.Is(err, errStopped) || len(s.at.Offers) == 0 {
		t.Fatalf("the batch ends with %v, and %d events are to be delivered", err, len(s.at.Offers))
	}
	w.must(s.finish(t.Context(), nil))
	s = w.owner()
	w.rest(s)
	if s.rules.Now.Serial != 1 || len(s.at.Offers) > 0 {
		t.Errorf("in force is %s, and %d events are to be delivered", s.rules.Now.Name(), len(s.at.Offers))
	}
}
