package processor

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/processor/kafka"
)

const day = 24 * time.Hour / time.Millisecond

// standing are the last words on all facts, of those that hold: customer, fact and value.
func standing(all []told) (s []string) {
	last := map[string]told{}
	for _, t := range all {
		last[t.customer+" "+t.fact] = t
	}
	for key, t := range last {
		if t.value != "false" && t.value != "<nil>" {
			s = append(s, key+" "+t.value)
		}
	}
	slices.Sort(s)
	return s
}

// TestMute: a first start on a topic with a past says what stands at its end, once, and then all that follows; with
// speak it says everything.
func TestMute(t *testing.T) {
	t.Parallel()
	now := events.At(time.Now())
	past := history(rand.New(rand.NewPCG(5, 6)), 3000, 150, now-900*events.Instant(day), 700)
	speak := newRig(t, 2, nil)
	speak.send(past...)
	speak.once()
	everything, marks := speak.said()
	for p := range marks {
		if m := marks[p][0]; m.MuteUntil == nil || *m.MuteUntil != -1 {
			t.Errorf("speaking, mark %+v", m)
		}
	}
	mute := newRig(t, 2, func(c *Config) { c.Mute = true })
	mute.send(past...)
	ends := mute.ends(mute.config.Topics.Touchpoints)
	p := mute.start()
	p.settle()
	present, marks := mute.said()
	for p := range marks {
		if m := marks[p][0]; m.MuteUntil == nil || events.Offset(*m.MuteUntil) != ends[p] {
			t.Errorf("mute, input's end %d, mark %+v", ends[p], m)
		}
	}
	if want := standing(everything); len(present) != len(want) || len(everything) <= len(want) || !slices.Equal(standing(present), want) {
		t.Errorf("%d derived events of the present, %d facts stand, %d derived events of everything", len(present), len(want), len(everything))
	}
	for _, x := range present {
		if x.n != 1 || x.effective > now {
			t.Errorf("%+v", x)
		}
	}
	mute.send(order("new", "new1", now, 500), order("c00000", "new2", now, 500))
	p.settle()
	p.stop()
	more, _ := mute.said()
	if n := len(more) - len(present); n < 3 {
		t.Errorf("after the mute: %d derived events more", n)
	}
	mute.once()
	if again, _ := mute.said(); len(again) != len(more) {
		t.Errorf("a second start says %d more", len(again)-len(more))
	}
}

// TestMuteOfNothing: on an empty topic there is nothing to be mute about.
func TestMuteOfNothing(t *testing.T) {
	t.Parallel()
	r := newRig(t, 2, func(c *Config) { c.Mute = true })
	p := r.start()
	p.settle()
	r.send(order("a", "1", events.At(time.Now()), 500))
	p.settle()
	p.stop()
	if all, _ := r.said(); len(all) != 2 { // customer and potential
		t.Errorf("%+v", all)
	}
}

// quiet is a past that ended a year before now: whoever ordered then has lapsed.
func quiet() (past []touchpoint, now events.Instant) {
	past = history(rand.New(rand.NewPCG(7, 8)), 2000, 100, date("2021-01-01T00:00:00Z"), 700)
	return past, past[len(past)-1].append + 365*events.Instant(day)
}

// TestMuteOfTheQuiet: the present is now, not when the last touchpoint came: a past that ended long ago is not told.
func TestMuteOfTheQuiet(t *testing.T) {
	t.Parallel()
	past, now := quiet()
	r := newRig(t, 2, func(c *Config) { c.Mute, c.Topics.CreateTime, c.Now = true, true, newClock(now).Now })
	r.send(past...)
	r.once()
	checkQuiet(t, r, now-ClockMargin)
}

// TestMuteUpToARecord: the same where the past ends not with an empty topic but with a touchpoint of the present, and
// before the horizons up to it have passed.
func TestMuteUpToARecord(t *testing.T) {
	t.Parallel()
	past, now := quiet()
	r := newRig(t, 1, func(c *Config) { c.Mute, c.Topics.CreateTime, c.Now = true, true, newClock(now).Now })
	r.createTopic(r.config.Topics.Events, 1, "message.timestamp.type", createTime)
	r.opened(events.Offset(len(past)))
	r.send(append(past, view("someone", "x", now))...)
	r.once()
	checkQuiet(t, r, now)
	all, _ := r.said()
	for _, x := range all {
		if want := events.Instant(len(past)); x.customer != "someone" && x.position < want {
			t.Fatalf("at position %d, where the mute ended at %d: %+v", x.position, want, x)
		}
	}
}

// opened writes the mark of a first start that ended before its first checkpoint.
func (r *rig) opened(muteUntil events.Offset) {
	r.Helper()
	p := r.owner(0)
	r.mark(p, events.Mark{Kind: events.ShardOpened, MuteUntil: muteUntil})
}

// owner takes a shard over as a processor would.
func (r *rig) owner(shard events.ShardID) *kafka.Producer {
	r.Helper()
	p, err := r.client.NewProducer(r.context(), kafka.ProducerConfig{Topic: r.config.Topics.Events, Partition: shard,
		TransactionalID: fmt.Sprintf("%s-%s-%d", r.config.App, r.config.Topics.Touchpoints, shard)})
	r.must(err)
	return p
}

// mark writes a mark of an owner.
func (r *rig) mark(p *kafka.Producer, m events.Mark) {
	r.Helper()
	var d events.Derived
	m.At, m.Instance, m.ProducerID, m.Epoch, m.Content = 1, "test", p.ID(), p.Epoch(), string(r.config.Rulebook.Text())
	r.must(events.NewEncoder(r.config.App, nil).Mark(&m, &d))
	_, err := p.Append(r.context(), []kafka.Out{{Key: d.Key, Value: d.Value, Headers: d.Headers}})
	r.must(err)
}

func checkQuiet(t *testing.T, r *rig, now events.Instant) {
	t.Helper()
	all, _ := r.said()
	lapsed := 0
	for _, x := range all {
		if x.n != 1 || x.clock < now || x.clock > now+ClockMargin || x.fact == "segment/vip" {
			t.Fatalf("of the past is said: %+v", x)
		}
		if x.word() == "lifecycle=lapsed #1" {
			lapsed++
		}
	}
	if lapsed < 90 {
		t.Errorf("%d of 100 lapsed customers are told", lapsed)
	}
}

// TestStopInTheWalk: a stop in the walk that ends the mute takes effect at once, and the next start goes on with it.
func TestStopInTheWalk(t *testing.T) {
	t.Parallel()
	const walkSlice = 500 // Config.usualLimits
	const customers = 6*walkSlice + 17
	r := newRig(t, 1, func(c *Config) { c.Mute = true })
	asked, stop := 0, func() {}
	r.fold(r.hookedTable(nil, func() {
		if asked++; asked == 3*walkSlice+50 { // it is asked three times of each customer
			stop()
		}
	}))
	var past []touchpoint
	for i := range customers {
		past = append(past, view(fmt.Sprint("c", i), "m", 1))
	}
	r.send(past...)
	var p *run
	begun := make(chan struct{})
	stop = func() { <-begun; p.cancel() }
	p = r.start()
	close(begun)
	if err := p.end(); err != nil {
		t.Fatal(err)
	}
	part, _ := r.said()
	if len(part) == 0 || len(part) >= customers || !r.positions()[0].Walk.Active {
		t.Errorf("stopped after %d of %d customers, not done: %v", len(part), customers, r.positions()[0].Walk.Active)
	}
	r.once()
	all, _ := r.said()
	of := map[string]bool{}
	for _, x := range all {
		of[x.customer] = true
	}
	if len(all) != customers || len(of) != customers {
		t.Errorf("%d derived events of %d customers, there are %d", len(all), len(of), customers)
	}
}
