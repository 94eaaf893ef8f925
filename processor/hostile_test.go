package processor

import (
	"fmt"
	"slices"
	"strconv"
	"testing"

	fkgo "github.com/twmb/franz-go/pkg/kgo"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/events/hostile"
	"github.com/touchfold/touchfold/state"
	"github.com/touchfold/touchfold/state/store"
)

// TestHostile sends each hostile record between two good ones. The input keeps the producers' times, so that each is
// appended when its case says.
func TestHostile(t *testing.T) {
	t.Parallel()
	cases := hostile.Cases()
	if len(cases) < 60 {
		t.Fatalf("%d hostile records", len(cases))
	}
	r := newRig(t, 2, func(c *Config) {
		c.Topics.CreateTime, c.Now = true, newClock(hostile.Append+ClockMargin).Now
	})
	var recs []*fkgo.Record
	for i := range cases {
		recs = append(recs, good(i), sentAs(cases[i]))
	}
	recs = append(recs, good(len(cases)))
	r.produce(recs...)
	p := r.start()
	p.settle()
	p.stop()

	parked := map[int64]*fkgo.Record{}
	for _, rec := range r.read(r.config.Topics.Parked)[0] {
		at := header(rec, HeaderParkedOffset)
		n, err := strconv.ParseInt(at, 10, 64)
		if _, twice := parked[n]; err != nil || twice {
			t.Errorf("parked from offset %q, twice: %v", at, twice)
		}
		parked[n] = rec
	}
	accepted := 0
	for i, c := range cases {
		got, offset := parked[int64(2*i+1)], int64(2*i+1)
		delete(parked, offset)
		want := c.Reason
		if c.Raised {
			want = events.TooLarge
		}
		if want == 0 {
			if accepted++; got != nil {
				t.Errorf("%s: parked as %s", c.Name, header(got, HeaderParkedReason))
			}
			continue
		}
		if err := checkParked(got, sentAs(c), want, r.config.Topics.Touchpoints, offset); err != nil {
			t.Errorf("%s: %v", c.Name, err)
		}
	}
	if len(parked) != 0 {
		t.Errorf("%d good records are parked", len(parked))
	}
	known := r.timelines()
	for i := range cases {
		if n := known[fmt.Sprint("good", i)]; n != 1 {
			t.Errorf("the good record before %q is folded %d times", cases[i].Name, n)
		}
	}
	// Nothing is lost: what was read is parked, folded, a copy, of the catalogue, or forwarded and then read again.
	total := map[string]float64{}
	for _, m := range p.metric("touchfold_touchpoints_total") {
		total[m.labels["outcome"]] += m.value
	}
	forwarded := int(total["forwarded"])
	if got := int(total["parked"]); got != len(cases)-accepted {
		t.Errorf("%d counted as parked, %d are", got, len(cases)-accepted)
	}
	sum := 0
	for _, n := range total {
		sum += int(n)
	}
	if sum != len(recs)+forwarded || forwarded == 0 || total["catalogue"] != 1 {
		t.Errorf("of %d records is counted %v", len(recs), total)
	}
}

// sentAs is the case as it is sent to partition 0.
func sentAs(c hostile.Case) *fkgo.Record {
	rec := &fkgo.Record{Key: c.Record.Key, Value: c.Record.Value, Timestamp: hostile.Append.Time()}
	for _, h := range c.Record.Headers {
		rec.Headers = append(rec.Headers, fkgo.RecordHeader{Key: h.Key, Value: h.Value})
	}
	return rec
}

// good is a good record of partition 0.
func good(i int) *fkgo.Record {
	rec := view(fmt.Sprint("good", i), fmt.Sprint("good", i), 0).record()
	rec.Timestamp = hostile.Append.Time()
	return rec
}

// timelines are how many events of each customer are folded.
func (r *rig) timelines() map[string]int {
	r.Helper()
	n := map[string]int{}
	r.stores(func(s *store.Store) {
		r.must(s.Customers("", func(c *state.Customer) (bool, error) {
			n[string(c.ID())] += c.Events()
			return true, nil
		}))
	})
	return n
}

func header(rec *fkgo.Record, key string) (value string) {
	for _, h := range rec.Headers {
		if h.Key == key {
			value = string(h.Value)
		}
	}
	return value
}

// checkParked: the bytes and headers are the original ones, and the new headers say why and from where.
func checkParked(got, sent *fkgo.Record, why events.Reason, topic string, offset int64) error {
	if got == nil {
		return fmt.Errorf("not parked, though %s", why)
	}
	n := len(sent.Headers)
	switch {
	case string(got.Value) != string(sent.Value) || (got.Value == nil) != (sent.Value == nil):
		return fmt.Errorf("%d bytes instead of %d, or others", len(got.Value), len(sent.Value))
	case string(got.Key) != string(sent.Key):
		return fmt.Errorf("key %q", got.Key)
	case len(got.Headers) != n+5 || !slices.EqualFunc(got.Headers[:n], sent.Headers, func(a, b fkgo.RecordHeader) bool {
		return a.Key == b.Key && string(a.Value) == string(b.Value)
	}):
		return fmt.Errorf("headers %v", got.Headers)
	case header(got, "tf_parked_reason") != why.String():
		return fmt.Errorf("reason %q instead of %q", header(got, "tf_parked_reason"), why)
	case header(got, "tf_parked_detail") == "" || header(got, "tf_parked_topic") != topic || header(got, "tf_parked_partition") != "0" ||
		header(got, "tf_parked_offset") != fmt.Sprint(offset):
		return fmt.Errorf("headers %v", got.Headers)
	}
	return nil
}
