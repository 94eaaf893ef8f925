package processor

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	fkgo "github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/touchfold/touchfold/config"
	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/processor/kafka"
	"github.com/touchfold/touchfold/state/snapshot"
)

// cut has a broker forget what all partitions of a topic hold before an offset, or before their ends.
func (r *rig) cut(topic string, before events.Offset) {
	r.Helper()
	req := kmsg.NewPtrDeleteRecordsRequest()
	req.TimeoutMillis = 10_000
	t := kmsg.NewDeleteRecordsRequestTopic()
	t.Topic = topic
	for p, end := range r.ends(topic) {
		x := kmsg.NewDeleteRecordsRequestTopicPartition()
		x.Partition, x.Offset = int32(p), int64(min(before, end))
		t.Partitions = append(t.Partitions, x)
	}
	req.Topics = append(req.Topics, t)
	c := r.franz()
	defer c.Close()
	for _, shard := range c.RequestSharded(r.context(), req) {
		if shard.Err != nil {
			r.Fatalf("cut %s: %v", topic, shard.Err)
		}
		for _, t := range shard.Resp.(*kmsg.DeleteRecordsResponse).Topics {
			for _, p := range t.Partitions {
				if p.ErrorCode != 0 {
					r.Fatalf("cut %s: error %d", topic, p.ErrorCode)
				}
			}
		}
	}
}

// remove deletes a topic.
func (r *rig) remove(topic string) {
	r.Helper()
	req := kmsg.NewPtrDeleteTopicsRequest()
	req.TimeoutMillis, req.TopicNames = 10_000, []string{topic}
	t := kmsg.NewDeleteTopicsRequestTopic()
	t.Topic = &topic
	req.Topics = append(req.Topics, t)
	c := r.franz()
	defer c.Close()
	resp, err := req.RequestWith(r.context(), c)
	if err != nil || resp.Topics[0].ErrorCode != 0 {
		r.Fatalf("delete %s: %v %+v", topic, err, resp)
	}
}

// remake deletes a topic and makes it anew.
func (r *rig) remake(topic string) {
	r.Helper()
	n := len(r.ends(topic))
	r.remove(topic)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for late := time.Now().Add(patience); ; <-tick.C { // a broker deletes in its own time
		err := r.client.CreateTopic(r.context(), kafka.Topic{Name: topic, Partitions: n, Replication: 1,
			Configs: map[string]string{"message.timestamp.type": logAppendTime, "retention.ms": "-1"}})
		if err == nil {
			return
		}
		if time.Now().After(late) {
			r.Fatal(err)
		}
	}
}

// TestReset: where records are lost for good a take-over stops, and says by what command it goes on; after that it does,
// and the last word on every fact is what follows from what is left.
func TestReset(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		spoil func(r *rig, more []touchpoint)
		want  string
		whole bool // nothing of the output is lost and positions still count: its invariants hold
		lost  bool // the stores are
	}{
		{"touchpoints that were not folded", func(r *rig, more []touchpoint) {
			r.send(more[:len(more)/2]...)
			r.cut(r.config.Topics.Touchpoints, 1<<40)
			r.send(more[len(more)/2:]...)
		}, "retention removed what was not read yet", true, false},
		{"the store and old touchpoints", func(r *rig, more []touchpoint) {
			r.must(os.RemoveAll(r.config.Dir))
			r.cut(r.config.Topics.Touchpoints, 100)
			r.send(more...)
		}, "there is no snapshot", true, true},
		{"the store and old derived events", func(r *rig, more []touchpoint) {
			r.must(os.RemoveAll(r.config.Dir))
			r.cut(r.config.Topics.Events, 10)
			r.send(more...)
		}, "neither a store nor a snapshot", false, true},
		{"all derived events", func(r *rig, more []touchpoint) {
			r.remake(r.config.Topics.Events)
			r.send(more...)
		}, "which ends at 0: the topic was made anew", false, false},
		{"all derived events, and a stranger wrote as many", func(r *rig, more []touchpoint) {
			ends := r.ends(r.config.Topics.Events)
			r.remake(r.config.Topics.Events)
			for p, n := range ends {
				for range n + 5 {
					r.produce(&fkgo.Record{Topic: r.config.Topics.Events, Partition: int32(p), Key: []byte("k"), Value: []byte("{}")})
				}
			}
			r.send(more...)
		}, "is another than the one that was read", false, false},
		{"all touchpoints", func(r *rig, more []touchpoint) {
			r.remake(r.config.Topics.Touchpoints)
			r.send(more[:20]...)
		}, "the topic was made anew or has lost records", false, false},
		{"all touchpoints and the store", func(r *rig, more []touchpoint) {
			r.must(os.RemoveAll(r.config.Dir))
			r.remake(r.config.Topics.Touchpoints)
			r.send(more[:20]...)
		}, "follows from records up to offset", false, true},
	} {
		for _, snapshots := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, snapshots %v", c.name, snapshots), func(t *testing.T) {
				t.Parallel()
				r := newRig(t, 2, func(x *Config) { x.Mute = true })
				tps := history(rand.New(rand.NewPCG(61, 62)), 900, 40, events.At(time.Now())-600*events.Instant(day), 590)
				if snapshots && !c.lost {
					r.config.Archive = r.archive(t.TempDir())
				}
				r.send(tps[:300]...)
				r.once()
				r.send(tps[300:600]...)
				r.once()
				if snapshots && c.lost { // there was no place for any before
					r.config.Archive = r.archive(t.TempDir())
				}
				c.spoil(r, tps[600:])
				r.resets(c.want)
				r.once()
				r.send(tps[590:]...)
				r.once()
				if c.whole {
					r.agrees()
				} else {
					r.agreesWith(r.words())
				}
				if !snapshots {
					return
				}
				r.must(os.RemoveAll(r.config.Dir)) // from here on the snapshots carry it
				before := len(r.words())
				r.once()
				if after := len(r.words()); after != before {
					t.Errorf("%d derived events after the loss of the store, %d before", after, before)
				}
			})
		}
	}
}

// TestResetOfOne: a shard that was reset waits for none of the others, which told it long ago that they are done with
// their past, in touchpoints that are gone.
func TestResetOfOne(t *testing.T) {
	t.Parallel()
	r := newRig(t, 2, func(x *Config) { x.Mute = true })
	tps := history(rand.New(rand.NewPCG(81, 82)), 300, 40, events.At(time.Now())-600*events.Instant(day), 590)
	r.send(tps[:200]...)
	r.once()
	r.must(os.RemoveAll(StoreDir(r.config.Dir, 1)))
	r.cut(r.config.Topics.Touchpoints, 1<<40)
	if err := r.start().end(); err == nil || !strings.Contains(err.Error(), "touchfold shard reset 1") {
		t.Fatal(err)
	}
	p, err := New(r.config)
	r.must(err)
	_, err = p.Reset(r.context(), 1)
	r.must(err)
	r.send(tps[200:]...)
	r.once()
	r.agrees()
}

// TestPastThatIsGone: a first start that is mute about touchpoints which are no longer there, and has not said anything,
// would be mute until there are as many.
func TestPastThatIsGone(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1, func(x *Config) { x.Mute = true })
	for range 5 {
		r.produce(&fkgo.Record{Value: []byte("no touchpoint")})
	}
	r.once()
	r.must(os.RemoveAll(r.config.Dir))
	r.remake(r.config.Topics.Touchpoints)
	r.resets("follows from records up to offset 5")
	r.send(order("a", "1", events.At(time.Now()), 10))
	r.once()
	r.agrees()
	if len(r.words()) == 0 {
		t.Error("it is mute")
	}
}

// TestTopicThatIsGone: a topic that is not there is made by a run; where something knows that it was there, that is no advice.
func TestTopicThatIsGone(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1, nil)
	says := func(want string) {
		t.Helper()
		p, err := New(r.config)
		r.must(err)
		for late := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) { // a broker deletes in its own time
			_, err = p.Shards(r.context())
			if err != nil && strings.Contains(err.Error(), want) {
				return
			}
			if time.Now().After(late) {
				t.Fatalf("%v does not say %q", err, want)
			}
		}
	}
	in, out := r.config.Topics.Touchpoints, r.config.Topics.Events
	says("there is no topic " + out + ": touchfold run makes it when it starts")
	r.send(order("a", "1", events.At(time.Now()), 10))
	r.once()
	r.remove(in)
	says("there is no topic " + in + ", and the store in " + StoreDir(r.config.Dir, 0) + " was made when there was one: bring it back")
	r.config.Dir = t.TempDir()
	says("there is no topic " + in + ", and what stands in topic " + out + " was made when there was one: bring it back")
	r.remove(out)
	says("there is no topic " + in + ": touchfold run makes it when it starts")
	r.config.Dir = filepath.Join(r.config.Dir, "none")
	says("there is no topic " + in + ": touchfold run makes it when it starts")
}

// archive is a place of snapshots.
func (r *rig) archive(dir string) *snapshot.Archive {
	r.Helper()
	place, err := snapshot.NewPlace(config.Snapshots{Place: dir})
	r.must(err)
	a, err := snapshot.New(snapshot.Config{Place: place, App: r.config.App, Output: r.config.Topics.Events, Keep: 2, Log: r.config.Log})
	r.must(err)
	return a
}

// resets: a processor stops with a sentence that names the command, which is given.
func (r *rig) resets(want string) {
	r.Helper()
	err := r.start().end()
	if err == nil {
		r.Fatal("it goes on")
	}
	for _, w := range []string{want, "touchfold shard restore ", "touchfold shard reset "} {
		if !strings.Contains(err.Error(), w) {
			r.Errorf("%q does not say %q", err, w)
		}
	}
	documented(r, err)
	c := r.config
	if c.Topics.Partitions > 1 { // the stop of one shard ends the others anywhere, also before they could release it
		c.Now = func() events.Instant { return events.At(time.Now().Add(time.Hour)) }
	}
	p, err := New(c)
	r.must(err)
	for i := range r.config.Topics.Partitions {
		id := events.ShardID(i)
		l, err := p.Look(r.context(), id)
		r.must(err)
		if l.Stops == nil || l.Living != nil {
			r.Errorf("shard %d: it would stop: %v; an owner lives: %v", id, l.Stops, l.Living)
		}
		_, err = p.Reset(r.context(), id)
		r.must(err)
		if l, err = p.Look(r.context(), id); err != nil || l.Stops != nil {
			r.Errorf("shard %d after the reset: %v %v", id, l.Stops, err)
		}
	}
}

// words is all that was said, whatever else must hold.
func (r *rig) words() (all []told) {
	r.Helper()
	for _, recs := range r.read(r.config.Topics.Events) {
		for _, rec := range recs {
			if len(rec.Headers) == 0 {
				continue
			}
			m, t, err := r.parse(rec)
			if err != nil || m != nil && m.ProducerID < 0 {
				r.Errorf("offset %d: %+v %v", rec.Offset, m, err)
			}
			if t != nil {
				all = append(all, *t)
			}
		}
	}
	return all
}

// TestLiving: nothing is put right while an owner lives, wherever it does.
func TestLiving(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1, together)
	r.config.Archive = r.archive(t.TempDir())
	r.send(order("a", "1", events.At(time.Now()), 10))
	own := r.start()
	own.await("it owns the shard and has said all", func() bool { return r.folded(own) })
	elsewhere := r.config
	elsewhere.Dir = t.TempDir()
	later := elsewhere
	later.Now = func() events.Instant { return events.At(time.Now().Add(time.Hour)) }
	refuses := func(c Config, want string) {
		t.Helper()
		p, err := New(c)
		r.must(err)
		l, err := p.Look(r.context(), 0)
		r.must(err)
		_, reset := p.Reset(r.context(), 0)
		_, restored := p.Restore(r.context(), 0, "", nil)
		for _, err := range []error{l.Living, reset, restored} {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%v does not say %q", err, want)
			}
		}
		if l.Assigned == "" || l.Owner.Opened == nil || l.Output.End == 0 || l.Input.End == 0 {
			t.Errorf("%+v", l)
		}
	}
	refuses(r.config, "open: stop it first")
	refuses(elsewhere, "is alive, was the last to take the shard over")
	refuses(later, "is alive")
	own.stop()
	p, err := New(elsewhere)
	r.must(err)
	l, err := p.Look(r.context(), 0)
	if err != nil || l.Living != nil || !l.Owner.Released || l.Stops != nil {
		t.Errorf("after the stop: %+v %v", l, err)
	}
	// One that died is not a member for long, and has not released anything.
	alone := r.start(func(c *Config) { c.Alone = true })
	alone.settle()
	began := l.Owner.Heard // so that a slow machine has not waited already
	elsewhere.Now = func() events.Instant { return began }
	if p, err = New(elsewhere); err != nil {
		t.Fatal(err)
	}
	if l, err = p.Look(r.context(), 0); err != nil || l.Living == nil || !strings.Contains(l.Living.Error(), "if it is dead wait for 6s") {
		t.Errorf("of one that is no member: %v %v", l.Living, err)
	}
	if p, err = New(later); err == nil {
		l, err = p.Look(r.context(), 0)
	}
	if err != nil || l.Living != nil || l.Committed < 1 {
		t.Errorf("of one that is no member, later: %+v %v", l, err)
	}
	alone.stop()
}

// TestRestore: of the snapshots the newest from which the topics go on is taken, and those before it are out of the way.
func TestRestore(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1, nil)
	place := t.TempDir()
	r.config.Archive = r.archive(place)
	tps := history(rand.New(rand.NewPCG(71, 72)), 600, 40, events.At(time.Now())-600*events.Instant(day), 590)
	r.send(tps[:200]...)
	r.once()
	r.send(tps[200:400]...)
	r.once()
	all, err := r.config.Archive.List(r.context(), 0)
	if r.must(err); len(all) != 2 {
		t.Fatal(all)
	}
	p, err := New(r.config)
	r.must(err)
	_, err = p.Restore(r.context(), 0, "nonsense", nil)
	if err == nil || !strings.Contains(err.Error(), "there is no snapshot nonsense of shard 0") {
		t.Error(err)
	}
	// A name that is given is taken, and what is newer is set aside, for a take-over would begin with it.
	done, err := p.Restore(r.context(), 0, all[1].Base(), nil)
	if err != nil || done.Snapshot.Name != all[1].Name || done.Aside == "" || len(done.SetAside) != 1 || done.SetAside[0] != all[0].Name+".aside" {
		t.Errorf("%+v %v", done, err)
	}
	if at := r.positions()[0]; at.Input != all[1].Input {
		t.Errorf("the store is at %d", at.Input)
	}
	r.once()
	r.agrees()
	// One that cannot be read is passed over.
	if all, err = r.config.Archive.List(r.context(), 0); err != nil || len(all) != 2 {
		t.Fatal(all, err)
	}
	r.must(os.WriteFile(filepath.Join(place, filepath.FromSlash(all[0].Name)), []byte("tfsnap"), 0o600))
	done, err = p.Restore(r.context(), 0, "", nil)
	if err != nil || done.Snapshot.Name != all[1].Name || len(done.Passed) != 1 || len(done.SetAside) != 1 {
		t.Errorf("%+v %v", done, err)
	}
	r.send(tps[400:]...)
	r.once()
	r.agrees()
	// Where the topics are others none fits.
	r.remake(r.config.Topics.Events)
	if _, err = p.Restore(r.context(), 0, "", nil); err == nil || !strings.Contains(err.Error(), "no snapshot fits; touchfold shard reset 0 says") ||
		strings.Count(err.Error(), "\n") != 2 || strings.Count(err.Error(), "made anew") != 2 || strings.Contains(err.Error(), "shard restore") {
		t.Error(err)
	}
}

// TestResetBesideOthers: a shard that stops while it runs has let go, so it is put right while its process runs on, and goes
// on by itself then.
func TestResetBesideOthers(t *testing.T) {
	t.Parallel()
	var low atomic.Bool
	r := newRig(t, 2, func(c *Config) {
		together(c)
		c.Mute, c.Memory = true, 1<<20 // little is read ahead, beside one fetch
		c.Space.Free = func(string) (uint64, uint64, error) {
			if low.Load() {
				return 1 << 30, 100 << 30, nil
			}
			return 50 << 30, 100 << 30, nil
		}
	})
	home, now := r.murmur(), events.At(time.Now())
	of := func(shard int32, n int) (all []touchpoint) {
		for i := 0; len(all) < n; i++ {
			if who := fmt.Sprint("c", i%100); home(who) == shard {
				all = append(all, order(who, fmt.Sprint(shard, "-", n, "-", i), now-events.Instant(day)+events.Instant(i), 10))
			}
		}
		return all
	}
	r.send(append(of(0, 50), of(1, 50)...)...)
	p := r.start()
	p.settle()
	low.Store(true)
	p.await("nothing is read", func() bool { return p.processor.Ready() != nil })
	random := rand.NewChaCha8([32]byte{})
	more := make([]*fkgo.Record, 1000) // than a fetch brings
	for i := range more {
		more[i] = &fkgo.Record{Value: make([]byte, 30_000)}
		random.Read(more[i].Value)
	}
	for some := range slices.Chunk(more, 50) { // each one batch
		r.produce(some...)
	}
	r.cut(r.config.Topics.Touchpoints, 1<<40)
	low.Store(false)
	p.await("it has stopped", func() bool { return strings.Contains(r.log.String(), "the shard has stopped") })
	taken := p.value("touchfold_takeovers_total")
	beside, err := New(r.config)
	r.must(err)
	for late := time.Now().Add(patience); ; { // now and then the shard is tried, which takes the store for a moment
		if _, err = beside.Reset(r.context(), 0); err == nil {
			break
		}
		if !strings.Contains(err.Error(), "open: stop it first") && !strings.Contains(err.Error(), "another process is using it") || time.Now().After(late) {
			t.Fatal(err)
		}
	}
	r.send(of(0, 60)...)
	p.await("it goes on", func() bool { return p.value("touchfold_takeovers_total") > taken && r.folded(p) })
	p.stop()
	r.agrees()
}
