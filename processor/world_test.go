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
	"github.com/touchfold/touchfold/state/features"
)

const stock = `version: 1
triggers:
  - id: back
    on: {catalogue: {event: Product Restocked, match: item.product_id, interest: {event: Order Completed}, within: 30d}}
`

// restock writes an event of the catalogue to a partition.
func (r *rig) restock(partition int32, id, product string) {
	r.Helper()
	value := fmt.Sprintf(`{"type":"track","event":"Product Restocked","messageId":%q,"properties":{"product_id":%q}}`, id, product)
	r.produce(&fkgo.Record{Partition: partition, Value: []byte(value)})
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
