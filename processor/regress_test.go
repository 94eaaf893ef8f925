package processor

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	fkgo "github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/touchfold/touchfold/events"
)

// alter changes a topic's configuration.
func (r *rig) alter(topic, name, value string) {
	r.Helper()
	c := r.franz()
	defer c.Close()
	res := kmsg.NewIncrementalAlterConfigsRequestResource()
	res.ResourceType, res.ResourceName = kmsg.ConfigResourceTypeTopic, topic
	set := kmsg.NewIncrementalAlterConfigsRequestResourceConfig()
	set.Name, set.Value = name, &value
	res.Configs = append(res.Configs, set)
	req := kmsg.NewPtrIncrementalAlterConfigsRequest()
	req.Resources = append(req.Resources, res)
	resp, err := req.RequestWith(r.context(), c)
	if err != nil || resp.Resources[0].ErrorCode != 0 {
		r.Fatalf("set %s of %s: %v %+v", name, topic, err, resp)
	}
}

// TestMuteMisplacedPast: a past that stands on other partitions than its customers' (producers such as kcat) is as mute
// as one that stands where it belongs.
func TestMuteMisplacedPast(t *testing.T) {
	now := events.At(time.Now())
	past := history(rand.New(rand.NewPCG(5, 6)), 2000, 100, now-900*events.Instant(day), 700)
	var facts [2]int
	for i, misplaced := range []bool{false, true} {
		r := newRig(t, 2, func(c *Config) { c.Mute = true })
		home := r.murmur()
		var recs []*fkgo.Record
		for _, tp := range past {
			rec := tp.record()
			if rec.Partition = home(tp.customer); misplaced {
				rec.Partition = 1 - rec.Partition
			}
			recs = append(recs, rec)
		}
		r.produce(recs...)
		p := r.start()
		p.settle()
		p.stop()
		all, _ := r.said()
		for _, x := range all {
			if x.n > 1 {
				t.Fatalf("misplaced=%v: of the past it said %s %s", misplaced, x.customer, x.word())
			}
		}
		facts[i] = len(all)
	}
	if facts[0] != facts[1] || facts[0] == 0 {
		t.Errorf("%d facts are said where the past stands right, %d where it stands wrong", facts[0], facts[1])
	}
}

// TestFutureRecordInAppendTimeTopic: a topic was CreateTime when a record dated 2087 came, and is LogAppendTime now.
func TestFutureRecordInAppendTimeTopic(t *testing.T) {
	r := newRig(t, 1, nil)
	now := events.At(time.Now())
	r.config.Topics.Touchpoints += "-strange"
	r.createTopic(r.config.Topics.Touchpoints, 1, "message.timestamp.type", createTime, "message.timestamp.after.max.ms", "9223372036854775807")
	future := view("f", "2", 0)
	future.append = date("2087-05-05T00:00:00Z")
	r.send(order("c", "1", now-10*events.Instant(day), 10), future)
	r.alter(r.config.Topics.Touchpoints, "message.timestamp.type", logAppendTime)
	r.send(order("c", "3", now-1000, 10))
	p := r.start()
	p.settle()
	p.stop()
	for _, w := range r.sequences()["c"] {
		if strings.Contains(w, "lapsed") || strings.Contains(w, "churn_risk") {
			t.Errorf("said: %s", w)
		}
	}
	if at := r.positions()[0]; at.Clock > events.At(time.Now())+brokersAhead {
		t.Errorf("the clock is at %v", at.Clock)
	}
}

// TestParkingFails: what was said before a record could not be parked is saved, and when it can be parked again the
// shard goes on with it.
func TestParkingFails(t *testing.T) {
	r := newRig(t, 1, func(c *Config) { c.CheckpointEvery = time.Hour })
	r.createTopic(r.config.Topics.Parked, 1, "message.timestamp.type", logAppendTime, "max.message.bytes", "16777216")
	p := r.start()
	p.settle()
	r.send(order("a", "1", events.At(time.Now()), 10))
	p.settle()
	r.alter(r.config.Topics.Parked, "max.message.bytes", "2000")
	long := make([]byte, 50_000)
	for i := range long {
		long[i] = byte('a' + rand.IntN(26))
	}
	r.produce(&fkgo.Record{Value: append([]byte("not json "), long...)})
	var outside *outsideError
	if err := p.end(); !errors.As(err, &outside) {
		t.Fatalf("Run ended with %v", err)
	}
	r.alter(r.config.Topics.Parked, "max.message.bytes", "16777216")
	q := r.start()
	q.settle()
	q.stop()
	if n := r.ends(r.config.Topics.Parked)[0]; n != 1 {
		t.Errorf("%d records are parked", n)
	}
	all, _ := r.said()
	seen := map[string]bool{}
	for _, x := range all {
		if seen[x.word()] {
			t.Errorf("%s is said twice", x.word())
		}
		seen[x.word()] = true
	}
}

// TestOtherRules: what is true by other rules is said at the next start, without a touchpoint; back under the
// old ones all is as before.
func TestOtherRules(t *testing.T) {
	r := newRig(t, 1, nil)
	now := events.At(time.Now())
	r.send(order("a", "1", now-100*events.Instant(day), 10), order("a", "2", now-99*events.Instant(day), 10))
	r.once()
	before := r.states()
	first := r.config.Rulebook
	r.config.Rulebook = r.churnAfter(30, 0)
	r.once()
	r.config.Rulebook = first // an older configuration does not turn back what came after it
	r.once()
	if !strings.Contains(r.log.String(), "touchfold rules activate") {
		t.Error("an older configuration is not told that it is not in force")
	}
	r.activate(first.Numbered(3))
	r.once()
	r.once() // nothing changes, nothing is said
	var churn []string
	all, _ := r.said()
	for _, x := range all {
		if x.fact == "segment/churn_risk" {
			churn = append(churn, x.word()+" "+string(x.cause))
		}
	}
	want := "[segment/churn_risk=true #1 rules segment/churn_risk=false #2 rules]"
	if got := fmt.Sprint(churn); got != want {
		t.Errorf("said %s instead of %s", got, want)
	}
	if after := r.states(); after["a"] != before["a"] {
		t.Error("the state is another than before")
	}
}

// TestAddedPartitions: the number of shards stays when partitions are added; what stands on the added ones is forwarded,
// once, and a later start goes on behind it.
func TestAddedPartitions(t *testing.T) {
	r := newRig(t, 2, nil)
	p := r.start()
	p.settle()
	c := r.franz()
	defer c.Close()
	topic := kmsg.NewCreatePartitionsRequestTopic()
	topic.Topic, topic.Count = r.config.Topics.Touchpoints, 3
	req := kmsg.NewPtrCreatePartitionsRequest()
	req.Topics = append(req.Topics, topic)
	if resp, err := req.RequestWith(r.context(), c); err != nil || resp.Topics[0].ErrorCode != 0 {
		t.Fatalf("add a partition: %v %+v", err, resp)
	}
	p.await("the warning", func() bool { return strings.Contains(r.log.String(), "partitions were added to the topic") })
	now := events.At(time.Now())
	stray := func(who, id string) {
		tp := order(who, id, now, 10)
		rec := tp.record()
		rec.Partition = 2
		r.produce(rec)
	}
	for i, who := range []string{"a", "b", "c", "d"} {
		stray(who, fmt.Sprint("first", i))
	}
	p.await("they are said", func() bool { _, said := p.sum(); return said == 8 })
	r.restock(2, "w", "p") // of no customer: it goes to all
	p.await("it is copied", func() bool { return r.restocks() >= 3 })
	p.stop()
	if n := r.restocks(); n != 3 {
		t.Errorf("%d copies of an event of the catalogue beside itself, want one for each shard", n-1)
	}
	for i, who := range []string{"a", "b", "c", "d"} {
		stray(who, fmt.Sprint("second", i))
	}
	p = r.start()
	p.await("they are folded", func() bool { folded, _ := p.sum(); return folded == 8+2 })
	if n := p.value("touchfold_touchpoints_total", "type", "Order Completed", "outcome", "forwarded"); n != 4 {
		t.Errorf("the second start forwards %v", n)
	}
	p.stop()
	r.agrees()
}
