package snapshot

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/touchfold/touchfold/events"
)

type metrics struct {
	bytes, last *prometheus.GaugeVec
	failures    *prometheus.CounterVec
	putting     prometheus.Histogram
	restoring   prometheus.Histogram
}

func newMetrics(reg prometheus.Registerer) *metrics {
	with := promauto.With(reg)
	shard := []string{"shard"}
	seconds := func(name, help string) prometheus.Histogram {
		return with.NewHistogram(prometheus.HistogramOpts{Name: name, Help: help, Buckets: prometheus.ExponentialBuckets(0.05, 2, 15)})
	}
	return &metrics{
		bytes: with.NewGaugeVec(prometheus.GaugeOpts{Name: "touchfold_snapshot_bytes",
			Help: "How long the last snapshot is that this instance put."}, shard),
		last: with.NewGaugeVec(prometheus.GaugeOpts{Name: "touchfold_snapshot_last_timestamp_seconds",
			Help: "When this instance last put a snapshot, in Unix time; its age is time() less that."}, shard),
		failures: with.NewCounterVec(prometheus.CounterOpts{Name: "touchfold_snapshot_failures_total",
			Help: "Snapshots that could not be put or not be read back."}, shard),
		putting:   seconds("touchfold_snapshot_put_seconds", "How long it took to put a snapshot and to read it back, beside the fold."),
		restoring: seconds("touchfold_snapshot_restore_seconds", "How long it took to restore a store from a snapshot."),
	}
}

func label(shard events.ShardID) string { return strconv.Itoa(int(shard)) }

func (m *metrics) put(s Meta, took time.Duration) {
	m.bytes.WithLabelValues(label(s.Shard)).Set(float64(s.Bytes))
	m.last.WithLabelValues(label(s.Shard)).Set(float64(s.Put.Unix()))
	m.putting.Observe(took.Seconds())
}

// Forget takes a shard out of the metrics, for it is another instance's now.
func (a *Archive) Forget(shard events.ShardID) {
	a.metrics.bytes.DeleteLabelValues(label(shard))
	a.metrics.last.DeleteLabelValues(label(shard))
}
