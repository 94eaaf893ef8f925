package processor

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	fkgo "github.com/twmb/franz-go/pkg/kgo"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/processor/kafka"
	"github.com/touchfold/touchfold/state/features"
)

const stock = `version: 1
triggers:
  - id: back
    on: {catalogue: {event: Product Restocked, match: item.product_id, interest: {event: Order Completed}, within: 30d}}
`

// restock writes an event of the catalogue to a partition, at an instant where topics have CreateTime.
func (r *rig) restock(partition int32, id, product string, at ...events.Instant) {
	r.Helper()
	value := fmt.Sprintf(`{"type":"track","event":"Product Restocked","messageId":%q,"properties":{"product_id":%q}}`,
		id, product)
	rec := &fkgo.Record{Partition: partition, Value: []byte(value)}
	for _, t := range at {
		rec.Timestamp = t.Time()
	}
	r.produce(rec)
}

// restocks is how many records of such events there are.
func (r *rig) restocks() (n int) {
	r.Helper()
	for _, recs := range r.read(r.config.Topics.Touchpoints) {
		for _, rec := range recs {
			if strings.HasPrefix(string(rec.Value), `{"type":"track","event":"Product Restocked"`) {
				n++
			}
		}
	}
	return n
}

// offered are the triggers said, by customer.
func (r *rig) offered() (list []string) {
	r.Helper()
	for _, recs := range r.read(r.config.Topics.Events) {
		for _, rec := range recs {
			x := events.Record{Key: rec.Key, Value: rec.Value}
			for _, h := range rec.Headers {
				x.Headers = append(x.Headers, events.Header{Key: h.Key, Value: h.Value})
			}
			s, _, err := events.ParseDerived(&x)
			r.must(err)
			if s != nil && strings.HasPrefix(s.Fact, "trigger/") {
				list = append(list, fmt.Sprint(s.Customer, " ", s.Fact, " ", s.Value))
			}
		}
	}
	slices.Sort(list)
	return list
}

// TestWorldUnderNewRules: a rulebook that is the first to ask for events of the catalogue knows of the interests that were
// shown before, on whichever partition such an event stands; folding all of it again from nothing says nothing else.
func TestWorldUnderNewRules(t *testing.T) {
	t.Parallel()
	const shards = 3
	r := newRig(t, shards, nil)
	now := events.At(time.Now())
	for i := range 12 {
		r.send(order(fmt.Sprint("c", i), fmt.Sprint(i), now-10*events.Instant(day), 7+i%2))
	}
	r.send(order("old", "old", now-40*events.Instant(day), 7))
	p := r.start()
	p.settle()
	r.setup.Rules = stock
	r.activate(features.Propose(r.setup).Numbered(1))
	p.settle()
	r.restock(2, "w1", "p7")
	r.restock(1, "w2", "p9")
	p.await("what was restocked is told", func() bool { return len(r.offered()) >= 6 })
	p.settle()
	p.stop()
	var want []string
	for i := 0; i < 12; i += 2 {
		want = append(want, fmt.Sprintf("c%d trigger/back/w1 true", i))
	}
	slices.Sort(want)
	if got := r.offered(); !slices.Equal(got, want) {
		t.Errorf("said is\n%q, want\n%q", got, want)
	}
	if n := r.restocks(); n != 2*shards {
		t.Errorf("%d records of two events of the catalogue, want one for each of %d shards", n, shards)
	}
	r.must(os.RemoveAll(r.config.Dir))
	r.restock(0, "w3", "p8")
	p = r.start()
	p.await("what was restocked is told", func() bool { return len(r.offered()) >= 12 })
	p.settle()
	p.stop()
	for i := 1; i < 12; i += 2 {
		want = append(want, fmt.Sprintf("c%d trigger/back/w3 true", i))
	}
	slices.Sort(want)
	if got := r.offered(); !slices.Equal(got, want) {
		t.Errorf("said is\n%q, want\n%q", got, want)
	}
}

// TestMuteWorldUnderNewRules: who folds all of it again knows of the interests that were shown before a rulebook asked for
// them when what met them comes, and not only when a walk comes by and what happened is forgotten.
func TestMuteWorldUnderNewRules(t *testing.T) {
	t.Parallel()
	begin := events.At(time.Now()) - 20*events.Instant(day)
	now := newClock(begin)
	r := newRig(t, 1, func(c *Config) { c.Topics.CreateTime, c.Now = true, now.Now })
	step := func(days int) events.Instant {
		now.set(begin + events.Instant(days)*events.Instant(day))
		return now.Now()
	}
	r.send(order("a", "1", begin, 7), order("b", "2", begin, 8))
	first := r.config.Rulebook
	p := r.start()
	p.settle()
	r.setup.Rules = strings.Replace(stock, "within: 30d", "within: 30d, for: 1h", 1)
	c := features.Propose(r.setup).Numbered(1).Control(step(1))
	value, headers := c.Record(r.config.App)
	out := kafka.Out{Value: value, Headers: headers, Time: c.At}
	_, err := r.client.Append(r.context(), r.config.Topics.Touchpoints, 0, []kafka.Out{out})
	r.must(err)
	p.settle()
	r.restock(0, "w1", "p7", step(2))
	p.await("what was restocked is told", func() bool { return len(r.offered()) == 1 })
	r.send(order("c", "3", step(9), 9))
	p.settle()
	p.stop()
	r.config.Rulebook = features.Propose(r.setup) // by which states are read
	before := r.states()
	r.must(os.RemoveAll(r.config.Dir))
	r.config.Rulebook = first
	r.once()
	r.config.Rulebook = features.Propose(r.setup)
	if after := r.states(); after["a"] != before["a"] || after["b"] != before["b"] {
		t.Error("what is known is another than before")
	}
	if got := r.offered(); len(got) != 1 {
		t.Errorf("said is %q", got)
	}
}
