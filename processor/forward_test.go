package processor

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"time"

	fkgo "github.com/twmb/franz-go/pkg/kgo"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/processor/kafka"
	"github.com/touchfold/touchfold/state"
	"github.com/touchfold/touchfold/state/store"
)

// TestForward: touchpoints on any partition are folded by their customer's shard as if they had been sent there.
func TestForward(t *testing.T) {
	t.Parallel()
	const shards = 4
	now := events.At(time.Now())
	rng := rand.New(rand.NewPCG(9, 10))
	past := history(rng, 2000, 100, now-400*events.Instant(day), 300)
	direct := newRig(t, shards, nil)
	direct.send(past...)
	direct.once()

	r := newRig(t, shards, nil)
	home, misplaced, copies := r.murmur(), 0, 0
	var recs []*fkgo.Record
	for _, tp := range past {
		rec := tp.record()
		if rec.Partition = int32(rng.IntN(shards)); rec.Partition != home(tp.customer) {
			misplaced++
		}
		recs = append(recs, rec)
		if rng.IntN(10) == 0 { // a copy where it belongs
			again := tp.record()
			again.Partition = home(tp.customer)
			recs, copies = append(recs, again), copies+1
		}
	}
	r.produce(recs...)
	p := r.start()
	p.settle()
	p.stop()
	if n := r.checkOrigins(); n != misplaced {
		t.Errorf("%d records were forwarded, %d were misplaced", n, misplaced)
	}
	want, got := direct.states(), r.states()
	for c := range want {
		if want[c] != got[c] {
			t.Fatalf("what is known of %s depends on the partition", c)
		}
	}
	all, _ := r.said()
	once, _ := direct.said()
	if !slices.Equal(standing(all), standing(once)) {
		t.Error("other facts stand")
	}
	total := map[string]float64{}
	for _, m := range p.metric("touchfold_touchpoints_total") {
		total[m.labels["outcome"]] += m.value
	}
	if n := total["forwarded"]; int(n) != misplaced {
		t.Errorf("%v counted as forwarded, %d are", n, misplaced)
	}
	if n := int(total["duplicate"] + total["late"] + total["folded"] + total["corrected"]); n != len(recs) {
		t.Errorf("%d records, %v", len(recs), total)
	}
	if int(total["duplicate"]) < copies {
		t.Errorf("%v duplicates of %d copies at least", total["duplicate"], copies)
	}
}

// checkOrigins counts the records that were forwarded: each must be where it belongs and name an original that stands
// where its headers say.
func (r *rig) checkOrigins() (n int) {
	r.Helper()
	topic, home := r.config.Topics.Touchpoints, r.murmur()
	all := map[string]*fkgo.Record{}
	var forwarded []*fkgo.Record
	for _, recs := range r.read(topic) {
		for _, rec := range recs {
			all[fmt.Sprintf("%s/%d/%d", rec.Topic, rec.Partition, rec.Offset)] = rec
			if header(rec, "tf_origin_append") != "" {
				forwarded = append(forwarded, rec)
			}
		}
	}
	from := map[string]bool{}
	for _, rec := range forwarded {
		at := fmt.Sprintf("%s/%s/%s", header(rec, "tf_origin_topic"), header(rec, "tf_origin_partition"), header(rec, "tf_origin_offset"))
		if from[at] {
			r.Errorf("%s is forwarded twice", at)
		}
		from[at] = true
		o := all[at]
		appended, err := strconv.ParseInt(header(rec, "tf_origin_append"), 10, 64)
		if o == nil || err != nil || string(o.Value) != string(rec.Value) || rec.Partition != home(string(rec.Key)) || o.Partition == rec.Partition ||
			len(rec.Headers) != len(o.Headers)+5 || appended < o.Timestamp.UnixMilli() || appended > rec.Timestamp.UnixMilli() {
			r.Errorf("%s/%d/%d: %v from %s %+v", rec.Topic, rec.Partition, rec.Offset, rec.Headers, at, o)
		}
	}
	return len(forwarded)
}

// TestForwardWithoutID: a touchpoint without an id keeps the identity of the place where it first stood, so that a copy
// that is forwarded again is known; whatever origin it claims to have, if the claim cannot be read.
func TestForwardWithoutID(t *testing.T) {
	t.Parallel()
	r := newRig(t, 2, nil)
	who := "x"
	wrong := 1 - r.murmur()(who)
	value := []byte(`{"type":"page","userId":"x"}`)
	r.produce(&fkgo.Record{Partition: wrong, Value: value},
		&fkgo.Record{Partition: wrong, Value: value, Headers: []fkgo.RecordHeader{{Key: "trace", Value: []byte("7")},
			{Key: events.HeaderOriginTopic, Value: []byte("elsewhere")}, {Key: events.HeaderOriginOffset, Value: []byte("-5")}}})
	r.once()
	var again []*fkgo.Record
	for _, rec := range r.read(r.config.Topics.Touchpoints)[1-wrong] {
		again = append(again, &fkgo.Record{Partition: 1 - wrong, Key: rec.Key, Value: rec.Value, Headers: rec.Headers})
	}
	r.produce(again...) // as if the shard had ended before its checkpoint
	r.once()
	var ids []string
	r.stores(func(s *store.Store) {
		if err := s.Customers("", func(c *state.Customer) (bool, error) {
			c.Timeline(func(e *events.Event) { ids = append(ids, e.Source+" "+e.ID) })
			return true, nil
		}); err != nil {
			t.Fatal(err)
		}
	})
	place := fmt.Sprintf("position %s/%d/", r.config.Topics.Touchpoints, wrong)
	if slices.Sort(ids); !slices.Equal(ids, []string{place + "0", place + "1"}) {
		t.Errorf("events %q", ids)
	}
}

// TestForwardOfTwoApps: apps that share an input and part it into different numbers of shards each have all touchpoints at home,
// also those without an id, and do not carry each other's copies to and fro.
func TestForwardOfTwoApps(t *testing.T) {
	t.Parallel()
	const partitions, n = 5, 300
	var log [partitions][]*events.Record
	rng := rand.New(rand.NewPCG(91, 92))
	put := func(p events.ShardID, out kafka.Out) {
		log[p] = append(log[p], &events.Record{Position: events.Position{Topic: "in", Partition: p, Offset: events.Offset(len(log[p]))},
			Append: 1, Key: out.Key, Value: out.Value, Headers: out.Headers})
	}
	for i := range n {
		put(events.ShardID(rng.IntN(partitions)), kafka.Out{Key: fmt.Append(nil, "c", rng.IntN(50)), Value: fmt.Append(nil, i)})
	}
	apps := map[string]int{"three": 3, "four": 4, "five": 5}
	next := map[string]*[partitions]int{"three": {}, "four": {}, "five": {}}
	folded := map[string]map[string]bool{"three": {}, "four": {}, "five": {}} // value: its identity is the origin
	for moved := true; moved; {
		moved = false
		for app, shards := range apps {
			for p := range log {
				if next[app][p] == len(log[p]) {
					continue
				}
				r := log[p][next[app][p]]
				next[app][p]++
				moved = true
				who := events.CustomerID(r.Key)
				to := events.ShardOf(who, shards)
				if to == r.Partition {
					o, _ := events.OriginOf(r)
					folded[app][fmt.Sprint(o.Partition, "/", o.Offset)] = true
					continue
				}
				var a asides
				if a.forward(app, r, who, to, 1) == forwarded {
					put(to, a.forwarded[to][0])
				}
			}
		}
		if all := len(slices.Concat(log[:]...)); all > 20*n {
			t.Fatalf("%d records were made of %d", all, n)
		}
	}
	for app, ids := range folded {
		if len(ids) != n {
			t.Errorf("%q has folded %d touchpoints of %d", app, len(ids), n)
		}
	}
}
