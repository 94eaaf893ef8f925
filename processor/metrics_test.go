package processor

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/rs/zerolog"
	fkgo "github.com/twmb/franz-go/pkg/kgo"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/processor/kafka"
)

// sample is one value of a metric; of a histogram the count.
type sample struct {
	labels map[string]string
	value  float64
}

func (p *run) metric(name string) (all []sample) {
	p.Helper()
	families, err := p.registry.Gather()
	if err != nil {
		p.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			s := sample{map[string]string{}, m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())}
			for _, l := range m.GetLabel() {
				s.labels[l.GetName()] = l.GetValue()
			}
			all = append(all, s)
		}
	}
	return all
}

// value is the value of a metric where its labels are label, value, label, value …
func (p *run) value(name string, labels ...string) float64 {
	p.Helper()
	for _, s := range p.metric(name) {
		same := len(labels) == 2*len(s.labels)
		for i := 0; i < len(labels); i += 2 {
			same = same && s.labels[labels[i]] == labels[i+1]
		}
		if same {
			return s.value
		}
	}
	return 0
}

// secret is what no log and no metric may hold.
var secret = []string{"Zaphod", "zaphod@beeblebrox.example", "424242", "Betelgeuse", "sku-of-shame", "https://secret.example"}

// TestMetrics: each figure after a scenario that has one of everything, and nothing of a customer in metrics and log.
func TestMetrics(t *testing.T) {
	t.Parallel()
	log := &lines{}
	r := newRig(t, 2, func(c *Config) { c.Log = zerolog.New(log).Level(zerolog.TraceLevel) })
	now := events.At(time.Now())
	home := r.murmur()
	msg := func(who, rest string) *fkgo.Record {
		return &fkgo.Record{Partition: home(who), Key: []byte(who), Value: fmt.Appendf(nil, `{"userId":%q,%s}`, who, rest)}
	}
	ordered := func(id string, at events.Instant) string {
		return fmt.Sprintf(`"type":"track","event":"Order Completed","messageId":%q,"properties":{"order_id":"o-%s","total":4242.42,"currency":"HKD",`+
			`"products":[{"product_id":"sku-of-shame","price":4242.42}],"url":"https://secret.example"}%s`, id, id, stamp(at))
	}
	who := "Zaphod"
	misplaced := msg(who, `"type":"page","messageId":"m4"`)
	misplaced.Partition = 1 - misplaced.Partition
	copied := ordered("m1", now-200*events.Instant(day))
	r.produce(
		msg(who, copied), msg(who, copied),
		msg(who, ordered("m2", now-300*events.Instant(day))), // late
		msg(who, `"type":"identify","messageId":"m3","traits":{"email":"zaphod@beeblebrox.example","city":"Betelgeuse","points":424242}`),
		misplaced,
		msg("Ford", ordered("m5", now)),
		msg(who, `"type":"track","event":"Teleported by Zaphod","messageId":"m6"`),
		msg(who, `"type":"page","timestamp":"zaphod@beeblebrox.example"`),
		msg(who, `"type":"page","timestamp":"2087-01-01T00:00:00Z","messageId":"Zaphod"`),
		&fkgo.Record{Value: []byte("Zaphod 424242 {")},
		&fkgo.Record{Value: []byte(`{"type":"track","event":"Product Restocked","properties":{"product_id":"sku-of-shame"}}`)},
		&fkgo.Record{Value: []byte(`{"type":"track","event":"Order Completed","userId":"Zaphod","properties":{"total":"424242x"}}`)})
	p := r.start()
	p.settle()
	p.await("a horizon has passed or waits", func() bool { return p.value("touchfold_horizons_pending", "shard", fmt.Sprint(home("Ford"))) > 0 })
	p.stop()
	all, _ := r.said()

	shard := fmt.Sprint(home(who))
	for _, c := range []struct {
		name   string
		labels string
		want   float64
	}{
		{"touchpoints_total", "type=Order Completed outcome=folded", 2},
		{"touchpoints_total", "type=Order Completed outcome=duplicate", 1},
		{"touchpoints_total", "type=Order Completed outcome=late", 1},
		{"touchpoints_total", "type=unknown outcome=parked", 4},
		{"parked_total", "reason=not JSON", 1},
		{"parked_total", "reason=bad time", 1},
		{"parked_total", "reason=time in the future", 1},
		{"parked_total", "reason=bad amount", 1},
		{"parked_total", "reason=too deep", 0},
		{"touchpoints_noted_total", "note=unknown name", 1},
		{"lag_records", "shard=" + shard, 0},
		{"lag_seconds", "shard=" + shard, 0},
	} {
		labels := strings.FieldsFunc(c.labels, func(r rune) bool { return r == '=' })
		if len(labels) == 3 { // type=X outcome=Y
			i := strings.LastIndex(labels[1], " ")
			labels = []string{labels[0], labels[1][:i], labels[1][i+1:], labels[2]}
		}
		if got := p.value("touchfold_"+c.name, labels...); got != c.want {
			t.Errorf("%s{%s} is %v instead of %v", c.name, c.labels, got, c.want)
		}
	}
	if p.value("touchfold_refolded_events_total") < 2 {
		t.Error("a late event is not folded again")
	}
	derived := 0.0
	for _, m := range p.metric("touchfold_derived_total") {
		derived += m.value
	}
	if int(derived) != len(all) || p.value("touchfold_derived_total", "type", "crm.segment.entered.v1") < 2 {
		t.Errorf("%v derived events are counted, %d were said", derived, len(all))
	}
	for _, name := range []string{"fold_seconds", "say_seconds", "checkpoint_seconds"} {
		if p.value("touchfold_"+name) == 0 {
			t.Errorf("%s counts nothing", name)
		}
	}
	for _, name := range []string{"clock_seconds", "horizons_pending", "store_bytes", "store_tables", "store_cache_bytes", "store_cache_hits_total",
		"store_cache_misses_total", "store_checkpoint_seconds", "store_checkpoint_rows_total", "horizons_passed_total", "touchpoints_total"} {
		if len(p.metric("touchfold_"+name)) == 0 {
			t.Errorf("there is no %s", name)
		}
	}
	checkRegistry(t, p)
	checkNoCustomer(t, "the log", log.String())
	checkNoCustomer(t, "the log", r.log.String())
}

func checkRegistry(t *testing.T, p *run) {
	t.Helper()
	problems, err := testutil.GatherAndLint(p.registry)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range problems {
		t.Errorf("%s: %s", x.Metric, x.Text)
	}
	families, err := p.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				if !slices.Contains([]string{"type", "outcome", "reason", "note", "shard", "state", "level"}, l.GetName()) {
					t.Errorf("%s has the label %s", f.GetName(), l.GetName())
				}
			}
			checkNoCustomer(t, f.GetName(), m.String())
		}
	}
}

func checkNoCustomer(t *testing.T, where, text string) {
	t.Helper()
	for _, s := range append(secret, "Ford", "m1", "4242.42", "Teleported") {
		if strings.Contains(text, s) {
			t.Errorf("%s holds %q: %s", where, s, text)
		}
	}
}

// TestNoCustomerInErrors: nor does a fault that stops the shards name one.
func TestNoCustomerInErrors(t *testing.T) {
	t.Parallel()
	log := &lines{}
	r := newRig(t, 1, func(c *Config) { c.Log = zerolog.New(log).Level(zerolog.TraceLevel) })
	r.createTopic(r.config.Topics.Events, 1, "message.timestamp.type", logAppendTime)
	r.produce(&fkgo.Record{Topic: r.config.Topics.Events, Key: []byte("Zaphod"), Value: []byte(`{"email":"zaphod@beeblebrox.example"}`)})
	r.once()
	p := r.owner(0)
	r.mark(p, events.Mark{Kind: events.ShardOpened, MuteUntil: -1})
	_, err := p.Append(r.context(), []kafka.Out{{Key: []byte("Zaphod"), Value: []byte(`{"email":"zaphod@beeblebrox.example"}`)}})
	r.must(err)
	if err = r.start().end(); err == nil {
		t.Fatal("an owner's record that cannot be read is no fault")
	}
	checkNoCustomer(t, "the error", err.Error())
	checkNoCustomer(t, "the log", log.String()+r.log.String())
}
