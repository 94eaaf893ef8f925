package store

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/touchfold/touchfold/events"
)

// Metrics are those of all stores of a process.
type Metrics struct {
	hits, misses, blocks, rows *prometheus.CounterVec
	cacheBytes, storeBytes     *prometheus.GaugeVec
	tables                     *prometheus.GaugeVec
	checkpoint                 *prometheus.HistogramVec
}

// NewMetrics registers them.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	with := promauto.With(reg)
	shard := []string{"shard"}
	counter := func(name, help string) *prometheus.CounterVec {
		return with.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, shard)
	}
	gauge := func(name, help string) *prometheus.GaugeVec {
		return with.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, shard)
	}
	return &Metrics{
		hits:       counter("touchfold_store_cache_hits_total", "Customers asked for that were in memory."),
		misses:     counter("touchfold_store_cache_misses_total", "Customers asked for that were not in memory."),
		blocks:     counter("touchfold_store_block_reads_total", "Blocks of timelines read back for customers in memory."),
		rows:       counter("touchfold_store_checkpoint_rows_total", "Rows written or deleted by checkpoints."),
		cacheBytes: gauge("touchfold_store_cache_bytes", "Memory that decoded customers take, about."),
		storeBytes: gauge("touchfold_store_bytes", "Disk that the sorted tables and the value log take, as of the last checkpoint."),
		tables: with.NewGaugeVec(prometheus.GaugeOpts{Name: "touchfold_store_tables",
			Help: "Sorted tables by level, as of the last checkpoint; compaction keeps up while those of level 0 are fewer than 20, else writing waits."},
			[]string{"shard", "level"}),
		checkpoint: with.NewHistogramVec(prometheus.HistogramOpts{Name: "touchfold_store_checkpoint_seconds",
			Help:    "How long it took to commit a checkpoint, beside the fold.",
			Buckets: prometheus.ExponentialBuckets(0.001, 2, 15)}, shard),
	}
}

// shardMetrics are those of one store, bound once.
type shardMetrics struct {
	hits, misses, blocks, rows prometheus.Counter
	cacheBytes, storeBytes     prometheus.Gauge
	checkpoint                 prometheus.Observer
	tables                     func(level int) prometheus.Gauge
}

// shard binds the metrics of one store. Of nil they are kept nowhere.
func (m *Metrics) shard(id events.ShardID) shardMetrics {
	if m == nil {
		return shardMetrics{nowhere{}, nowhere{}, nowhere{}, nowhere{}, nowhere{}, nowhere{}, nowhere{},
			func(int) prometheus.Gauge { return nowhere{} }}
	}
	shard := strconv.Itoa(int(id))
	return shardMetrics{m.hits.WithLabelValues(shard), m.misses.WithLabelValues(shard), m.blocks.WithLabelValues(shard), m.rows.WithLabelValues(shard),
		m.cacheBytes.WithLabelValues(shard), m.storeBytes.WithLabelValues(shard), m.checkpoint.WithLabelValues(shard),
		func(level int) prometheus.Gauge { return m.tables.WithLabelValues(shard, strconv.Itoa(level)) }}
}

// nowhere is a metric of any kind that is not kept: a simulation opens stores by the million. What a store does not call
// of them is not there.
type nowhere struct{ prometheus.Gauge }

func (nowhere) Inc()            {}
func (nowhere) Add(float64)     {}
func (nowhere) Set(float64)     {}
func (nowhere) Observe(float64) {}
