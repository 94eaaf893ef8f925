package processor

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/touchfold/touchfold/events"
)

// TestSilence: of a customer who sends nothing more is said, when the clock comes there, what time has changed, with the
// instant since which it holds.
func TestSilence(t *testing.T) {
	t.Parallel()
	const ordered, risky = "2026-01-10T12:00:00Z", "2026-07-13T00:00:00+08:00" // more than 183 days in Hong Kong
	now := newClock(date(ordered) + 1000)
	r := newRig(t, 2, func(c *Config) { c.Topics.CreateTime, c.Now = true, now.Now })
	r.send(order("silent", "1", date(ordered), 500))
	shard := events.ShardID(r.murmur()("silent"))
	p := r.start()
	p.settle()
	if got, want := r.sequences()["silent"], []string{"lifecycle=customer #1", "segment/potential=true #1"}; !slices.Equal(got, want) {
		t.Fatalf("%q", got)
	}
	now.set(date(risky) + ClockMargin - 1) // the clock stays the margin behind: a millisecond is missing
	p.await("the clock has come there", func() bool { return p.at(shard).Clock == now.Now()-ClockMargin && p.at(shard).Settled })
	if got := r.sequences()["silent"]; len(got) != 2 {
		t.Fatalf("too early: %q", got)
	}
	now.set(date(risky) + ClockMargin)
	p.await("it is said", func() bool { return p.at(shard).Said == 4 })
	now.set(date("2030-01-01T00:00:00Z"))
	p.await("the clock has come there", func() bool { return p.at(shard).Clock == now.Now()-ClockMargin && p.at(shard).Settled })
	p.stop()
	all, _ := r.said()
	if len(all) != 4 {
		t.Fatalf("%+v", all)
	}
	for _, x := range all[2:] {
		if x.effective != date(risky) || x.clock != date(risky) || x.cause != "time" || x.position != 1 ||
			!slices.Contains([]string{"lifecycle=lapsed #2", "segment/churn_risk=true #1"}, x.word()) {
			t.Errorf("%+v", x)
		}
	}
	if n := p.value("touchfold_horizons_passed_total"); n < 1 {
		t.Errorf("%v horizons are counted as passed", n)
	}
}

// TestUnreadHoldsTheClock: while records wait the clock does not pass them, whatever the wall says: a customer whose
// order waits behind others in the log has not lapsed.
func TestUnreadHoldsTheClock(t *testing.T) {
	t.Parallel()
	first, again := date("2024-01-01T00:00:00Z"), date("2024-06-01T00:00:00Z")
	r := newRig(t, 1, func(c *Config) {
		c.Topics.CreateTime, c.Now, c.Batch = true, newClock(again+100*events.Instant(day)).Now, 1
		c.CheckpointEvery = 20 * time.Millisecond // its ticks are rounds without a batch
	})
	tps := []touchpoint{order("c", "1", first, 10)}
	big := strings.Repeat("x", 100_000)
	for i := range 100 { // more than a fetch brings
		tp := view("other", "v"+strings.Repeat("i", i), first+events.Instant(i))
		tp.value = strings.Replace(tp.value, "A page", big, 1)
		tps = append(tps, tp)
	}
	r.send(append(tps, order("c", "2", again, 10))...)
	early := false
	r.once(func(c *Config) {
		c.Watch = func(at Progress) {
			early = early || at.Position < 102 && at.Clock > again
		}
	})
	for _, w := range r.sequences()["c"] {
		if strings.Contains(w, "lapsed") || strings.Contains(w, "churn_risk") {
			t.Errorf("said: %s", w)
		}
	}
	if early {
		t.Error("the clock passed a record that was not read")
	}
}

// TestFarFuture: a record that its producer dates 2087 moves the clock no further than the wall, and nobody lapses.
func TestFarFuture(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1, nil)
	now := events.At(time.Now())
	// The input is as strangers made it, not as Topics.CreateTime says of ours.
	r.config.Topics.Touchpoints += "-strange"
	r.createTopic(r.config.Topics.Touchpoints, 1, "message.timestamp.type", createTime, "message.timestamp.after.max.ms", "9223372036854775807")
	future := view("f", "2", 0)
	future.append = date("2087-05-05T00:00:00Z")
	last := order("c", "3", now-1000, 10)
	r.send(order("c", "1", now-10*events.Instant(day), 10), future, last)
	p := r.start()
	p.settle()
	p.stop()
	for _, w := range r.sequences()["c"] {
		if strings.Contains(w, "lapsed") || strings.Contains(w, "churn_risk") {
			t.Errorf("said: %s", w)
		}
	}
	if at := r.positions()[0]; at.Clock > events.At(time.Now()) || at.Log > events.At(time.Now()) {
		t.Errorf("the clock is at %v", at.Clock)
	}
	if got := r.sequences()["f"]; len(got) != 1 {
		t.Errorf("of the one from the future: %q", got)
	}
	if !strings.Contains(r.log.String(), "message.timestamp.type=LogAppendTime time is exact") {
		t.Error("there is no warning")
	}
}
