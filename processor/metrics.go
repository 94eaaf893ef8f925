package processor

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state"
	"github.com/touchfold/touchfold/state/store"
)

// outcome says what became of a touchpoint.
type outcome int

const (
	folded outcome = iota
	late
	corrected
	duplicate
	catalogue
	parked
	forwarded
	outcomes
)

func (o outcome) String() string {
	return [outcomes]string{"folded", "late", "corrected", "duplicate", "catalogue", "parked", "forwarded"}[o]
}

// outcomeOf is what a customer made of one.
var outcomeOf = [...]outcome{state.Folded: folded, state.Queued: folded, state.Late: late, state.Corrected: corrected, state.Duplicate: duplicate}

// metrics are those of all shards.
type metrics struct {
	touchpoints *prometheus.CounterVec // type, outcome
	parked      *prometheus.CounterVec // reason
	noted       *prometheus.CounterVec // note
	derived     *prometheus.CounterVec // type
	lagRecords  *prometheus.GaugeVec   // shard
	lagSeconds  *prometheus.GaugeVec   // shard
	clock       *prometheus.GaugeVec   // shard
	pending     *prometheus.GaugeVec   // shard
	speaking    *prometheus.GaugeVec   // shard
	passed      prometheus.Counter
	refolded    prometheus.Counter
	fold        prometheus.Histogram
	say         prometheus.Histogram
	checkpoint  prometheus.Histogram
	takeovers   prometheus.Counter
	absorbed    prometheus.Counter
	foreign     prometheus.Counter
	walked      prometheus.Counter
	walk        *prometheus.GaugeVec // shard, state
	store       *store.Metrics
}

// countShards registers how many shards there are here, by what is the matter with them.
func countShards(reg prometheus.Registerer, count func() (open, opening, stopped int)) {
	with := promauto.With(reg)
	for state, pick := range map[string]func() int{
		"open":    func() int { n, _, _ := count(); return n },
		"opening": func() int { _, n, _ := count(); return n },
		"stopped": func() int { _, _, n := count(); return n },
	} {
		with.NewGaugeFunc(prometheus.GaugeOpts{Name: "touchfold_shards", ConstLabels: prometheus.Labels{"state": state},
			Help: "Shards that are this instance's: open, opening, or stopped until somebody sees to them."},
			func() float64 { return float64(pick()) })
	}
}

func newMetrics(reg prometheus.Registerer) *metrics {
	with := promauto.With(reg)
	counter := func(name, help string) prometheus.Counter {
		return with.NewCounter(prometheus.CounterOpts{Name: "touchfold_" + name, Help: help})
	}
	counters := func(name, help string, labels ...string) *prometheus.CounterVec {
		return with.NewCounterVec(prometheus.CounterOpts{Name: "touchfold_" + name, Help: help}, labels)
	}
	gauges := func(name, help string) *prometheus.GaugeVec {
		return with.NewGaugeVec(prometheus.GaugeOpts{Name: "touchfold_" + name, Help: help}, []string{"shard"})
	}
	seconds := func(name, help string) prometheus.Histogram {
		return with.NewHistogram(prometheus.HistogramOpts{Name: "touchfold_" + name, Help: help,
			Buckets: prometheus.ExponentialBuckets(0.0001, 2.5, 14)})
	}
	return &metrics{
		touchpoints: counters("touchpoints_total", "Touchpoints read, by type and by what became of them.", "type", "outcome"),
		parked:      counters("parked_total", "Touchpoints that could not be read and were parked, by reason.", "reason"),
		noted:       counters("touchpoints_noted_total", "Touchpoints accepted with something missing or mended, by what.", "note"),
		derived:     counters("derived_total", "Derived events said, by type.", "type"),
		lagRecords:  gauges("lag_records", "Touchpoints in the partition that are not folded yet."),
		lagSeconds:  gauges("lag_seconds", "Age of the last touchpoint folded while others wait; 0 at the end."),
		clock:       gauges("clock_seconds", "The shard's clock, Unix time."),
		pending:     gauges("horizons_pending", "Customers whose facts time alone will change, about."),
		speaking:    gauges("speaking", "1 while the shard is owned here and speaks; 0 while it is folded mute, up to where its last word was said."),
		passed:      counter("horizons_passed_total", "Instants at which time alone could change a customer's facts, and did or not."),
		refolded:    counter("refolded_events_total", "Events folded again because another came late."),
		fold:        seconds("fold_seconds", "Time to fold one slice of touchpoints."),
		say:         seconds("say_seconds", "Time from sending a batch of derived events to its acknowledgement."),
		checkpoint:  seconds("checkpoint_seconds", "Time that a shard stood still to hand a checkpoint over."),
		takeovers:   counter("takeovers_total", "Shards taken over, or taken again by their owner."),
		absorbed:    counter("absorbed_total", "Derived events read back at take-overs, which the store did not know of."),
		foreign:     counter("foreign_total", "Records in the topic of derived events that no owner of a shard wrote."),
		walked:      counter("walked_total", "Customers looked at because all were."),
		walk: with.NewGaugeVec(prometheus.GaugeOpts{Name: "touchfold_walk_customers",
			Help: "Customers of the pass over all of a shard that is under way, because a rulebook changed or the past was read: done, and left, which is 0 until they are counted. Both 0 without one."},
			[]string{"shard", "state"}),
		store: store.NewMetrics(reg),
	}
}

// shardMetrics are those of one shard, bound once. Counts by type are gathered in an array and handed on after each
// slice: a look-up by label costs more than the fold of a page view.
type shardMetrics struct {
	*metrics
	lagRecords, lagSeconds, clock, pending, speaking prometheus.Gauge
	walkDone, walkLeft                               prometheus.Gauge

	tally   [][outcomes]uint32 // by type
	bound   [][outcomes]prometheus.Counter
	notes   map[events.Notes]prometheus.Counter
	refused map[events.Reason]prometheus.Counter
	types   map[events.DerivedType]prometheus.Counter
}

func (m *metrics) shard(id events.ShardID) *shardMetrics {
	label := strconv.Itoa(int(id))
	types := len(events.Types()) + 1
	s := &shardMetrics{metrics: m,
		lagRecords: m.lagRecords.WithLabelValues(label), lagSeconds: m.lagSeconds.WithLabelValues(label),
		clock: m.clock.WithLabelValues(label), pending: m.pending.WithLabelValues(label), speaking: m.speaking.WithLabelValues(label),
		walkDone: m.walk.WithLabelValues(label, "done"), walkLeft: m.walk.WithLabelValues(label, "left"),
		tally: make([][outcomes]uint32, types), bound: make([][outcomes]prometheus.Counter, types),
		notes: map[events.Notes]prometheus.Counter{}, refused: map[events.Reason]prometheus.Counter{},
		types: map[events.DerivedType]prometheus.Counter{}}
	for _, n := range events.AllNotes {
		s.notes[n] = m.noted.WithLabelValues(n.String())
	}
	for _, r := range events.Reasons {
		s.refused[r] = m.parked.WithLabelValues(r.String())
	}
	return s
}

func (m *shardMetrics) count(t events.Type, o outcome) { m.tally[t][o]++ }

// closed forgets what is true only while the shard is owned here.
func (m *shardMetrics) closed() {
	for _, g := range []prometheus.Gauge{m.lagRecords, m.lagSeconds, m.pending, m.speaking, m.walkDone, m.walkLeft} {
		g.Set(0)
	}
}

// tell counts a statement.
func (m *shardMetrics) tell(s *events.Statement) {
	f := events.FamilyOf(s.Fact)
	t := f.On
	if s.Value == "" {
		t = f.Off
	}
	c, ok := m.types[t]
	if !ok {
		c = m.derived.WithLabelValues(string(t))
		m.types[t] = c
	}
	c.Inc()
}

func (m *shardMetrics) note(notes events.Notes) {
	if notes == 0 {
		return
	}
	for _, n := range events.AllNotes {
		if notes.Has(n) {
			m.notes[n].Inc()
		}
	}
}

// publish hands the tally on.
func (m *shardMetrics) publish() {
	for t := range m.tally {
		for o, n := range m.tally[t] {
			if n == 0 {
				continue
			}
			c := &m.bound[t][o]
			if *c == nil {
				*c = m.touchpoints.WithLabelValues(events.Type(t).String(), outcome(o).String())
			}
			(*c).Add(float64(n))
			m.tally[t][o] = 0
		}
	}
}
