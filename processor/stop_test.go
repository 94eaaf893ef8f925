package processor

import (
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"
	fkgo "github.com/twmb/franz-go/pkg/kgo"

	"github.com/touchfold/touchfold/events"
)

// TestStopAndStart: what was folded is said once, kept over a stop, and not said again.
func TestStopAndStart(t *testing.T) {
	t.Parallel()
	r := newRig(t, 3, nil)
	now := events.At(time.Now())
	rng := rand.New(rand.NewPCG(1, 2))
	past := history(rng, 600, 50, now-300*86_400_000, 200)
	r.send(past[:400]...)
	p := r.start()
	p.settle()
	if err := p.processor.Ready(); err != nil {
		t.Errorf("running: %v", err)
	}
	p.stop()
	if err := p.processor.Ready(); err == nil {
		t.Error("ready after the stop")
	}
	first, marks := r.said()
	if len(first) < 50 {
		t.Fatalf("%d derived events", len(first))
	}
	r.checkSaved(len(first))
	states := r.states()

	r.once()
	second, again := r.said()
	if !reflect.DeepEqual(words(first), words(second)) {
		t.Errorf("%d derived events, and after a second start %d", len(first), len(second))
	}
	if !maps.Equal(states, r.states()) {
		t.Error("a start and a stop change what is known")
	}
	for i := range again {
		if len(marks[i]) != 2 || len(again[i]) != 4 || again[i][2].Epoch <= again[i][0].Epoch || again[i][2].ProducerID != again[i][0].ProducerID ||
			again[i][1].Kind != "touchfold.shard.released.v1" || again[i][2].Kind != "touchfold.shard.opened.v1" || again[i][2].Instance == "" || *again[i][2].MuteUntil != -1 {
			t.Errorf("marks of shard %d: %+v, then %+v", i, marks[i], again[i])
		}
	}

	r.send(past[400:]...)
	r.once()
	all, _ := r.said()
	if len(all) <= len(first) || !reflect.DeepEqual(words(all[:0:0]), words(nil)) {
		t.Errorf("%d derived events after more touchpoints", len(all))
	}
	r.checkSaved(len(all))
}

// checkSaved: after a clean stop the checkpoints and the group's offsets stand at the ends of the topics.
func (r *rig) checkSaved(said int) {
	r.Helper()
	in, out := r.ends(r.config.Topics.Touchpoints), r.ends(r.config.Topics.Events)
	group, err := r.committed()
	if err != nil {
		r.Fatal(err)
	}
	all, _ := r.said()
	last := map[int]told{}
	for _, t := range all {
		last[t.shard] = t
	}
	for i, at := range r.positions() {
		if at.Input != in[i] || at.Output != out[i]-1 || !at.Speaking { // behind it stands that the shard was released
			r.Errorf("shard %d: checkpoint at %d and %d, the topics end at %d and %d", i, at.Input, at.Output, in[i], out[i])
		}
		if group[events.ShardID(i)] != in[i] {
			r.Errorf("shard %d: the group is at %d, the topic ends at %d", i, group[events.ShardID(i)], in[i])
		}
		if l := last[i]; events.Instant(at.SaidPosition) != l.position || at.SaidClock != l.clock || at.Clock < l.clock {
			r.Errorf("shard %d: last said at (%d, %d), the output says (%d, %d)", i, at.SaidPosition, at.SaidClock, l.position, l.clock)
		}
	}
	if len(all) != said {
		r.Errorf("%d derived events, not %d", len(all), said)
	}
}

// words are the derived events without what a second reading may change.
func words(all []told) (w []string) {
	for _, t := range all {
		w = append(w, t.id+" "+t.customer+" "+t.word())
	}
	return w
}

// TestStopsAnywhere: stopped at any places in a backlog and started again, the output and the states are those of a run
// that was not. Time is injected, so horizons pass in the backlog too.
func TestStopsAnywhere(t *testing.T) {
	t.Parallel()
	const n = 50_000 / slowly
	rng := rand.New(rand.NewPCG(3, 4))
	past := history(rng, n, n/50, date("2021-03-01T00:00:00Z"), 800)
	now := newClock(past[len(past)-1].append + ClockMargin)
	replay := func(c *Config) {
		c.Topics.CreateTime, c.Now, c.Batch = true, now.Now, 100
		c.CheckpointEvery = 50 * time.Millisecond
	}
	whole := newRig(t, 4, replay)
	whole.send(past...)
	whole.once()
	want := whole.sequences()
	if len(want) < n/100 {
		t.Fatalf("%d customers were spoken of", len(want))
	}

	broken := newRig(t, 4, replay)
	broken.send(past...)
	stops := 0
	for at := 0; at < n; stops++ {
		at = broken.stopAfter(at + 1 + rng.IntN(n/5))
	}
	broken.once()
	if t.Logf("%d stops in %d touchpoints", stops, n); stops < 3 {
		t.Error("the shards are hardly ever stopped within the backlog")
	}
	if got := broken.sequences(); !reflect.DeepEqual(got, want) {
		differ(t, got, want)
	}
	if !maps.Equal(broken.states(), whole.states()) {
		t.Error("the states differ")
	}
}

// differ tells the first customer of whom something else was said.
func differ(t testing.TB, got, want map[string][]string) {
	t.Helper()
	for _, c := range slices.Sorted(maps.Keys(want)) {
		if !slices.Equal(got[c], want[c]) {
			t.Errorf("of %s was said\n%q\ninstead of\n%q", c, got[c], want[c])
			return
		}
	}
	t.Errorf("%d customers were spoken of instead of %d", len(got), len(want))
}

// stopAfter runs a processor until its shards together are at so many touchpoints, or at the end, and says where they
// stopped: at the end of the batches they are in.
func (r *rig) stopAfter(n int) (at int) {
	r.Helper()
	var p *run
	begun := make(chan struct{})
	p = r.start(func(c *Config) {
		c.Watch = func(Progress) {
			<-begun
			if folded, _ := p.sum(); folded >= n {
				p.cancel()
			}
		}
	})
	close(begun)
	all := 0
	for _, end := range r.ends(r.config.Topics.Touchpoints) {
		all += int(end)
	}
	p.await("enough is folded", func() bool { folded, _ := p.sum(); return folded >= min(n, all) })
	p.stop()
	at, _ = p.sum()
	return at
}

// TestStopSaysWhatIsSaved: the log says of each shard that all is saved, and only if it is.
func TestStopSaysWhatIsSaved(t *testing.T) {
	t.Parallel()
	const saved = "all that was folded is said and saved"
	r := newRig(t, 2, together)
	p := r.start()
	p.settle()
	p.stop()
	if n := strings.Count(r.log.String(), saved); n != 2 {
		t.Errorf("it is said %d times of 2 shards", n)
	}
	r = newRig(t, 1, together)
	begun := make(chan struct{})
	p = r.start(func(c *Config) {
		c.Log = c.Log.Hook(zerolog.HookFunc(func(_ *zerolog.Event, _ zerolog.Level, message string) {
			if strings.HasPrefix(message, "the shard was lost") {
				<-begun
				p.cancel()
			}
		}))
	})
	close(begun)
	p.settle()
	r.produce(&fkgo.Record{Topic: r.config.Topics.Events, Key: []byte("k"), Value: []byte("{}")})
	r.send(order("a", "1", events.At(time.Now()), 10))
	if err := p.end(); err != nil || strings.Contains(r.log.String(), saved) {
		t.Errorf("stopped while a shard that was lost waits: %v", err)
	}
}

// TestJoinRefused: the broker's word that this instance is no member is the error of Run, once.
func TestJoinRefused(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1, together)
	r.config.Session = time.Second
	if err := r.start().end(); err == nil || strings.Count(err.Error(), "join group") != 1 {
		t.Error(err)
	}
}

// TestStopWhileOpening: a stop before all shards are open is no fault either, and nothing is in the next start's way.
func TestStopWhileOpening(t *testing.T) {
	t.Parallel()
	const shards = 12
	r := newRig(t, shards, nil)
	for _, when := range []string{"topic created", "shard taken over"} {
		var p *run
		begun := make(chan struct{})
		p = r.start(func(c *Config) {
			c.Log = c.Log.Hook(zerolog.HookFunc(func(_ *zerolog.Event, _ zerolog.Level, message string) {
				if message == when {
					<-begun
					p.cancel()
				}
			}))
		})
		close(begun)
		if err := p.end(); err != nil {
			t.Errorf("stopped when %q: %v", when, err)
		}
	}
	r.send(order("a", "1", events.At(time.Now()), 10))
	r.once()
	if all, _ := r.said(); len(all) != 2 {
		t.Errorf("%+v", all)
	}
}
