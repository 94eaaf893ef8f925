package processor

import (
	"math/rand/v2"
	"runtime"
	"testing"
)

// BenchmarkRun is the whole processor over the embedded broker's log, from the first fetch to the last checkpoint: 200,000
// touchpoints of 10,000 customers, two views for each order, on 4 shards. The figures are a touchpoint's; the broker's
// part of them is in there, the producing is not.
func BenchmarkRun(b *testing.B) {
	const n = 200_000
	past := history(rand.New(rand.NewPCG(17, 18)), n, 10_000, date("2021-03-01T00:00:00Z"), 800)
	now := newClock(past[n-1].append + ClockMargin)
	b.ReportAllocs()
	var mallocs, bytes uint64
	for b.Loop() {
		b.StopTimer()
		r := newRig(b, 4, func(c *Config) {
			c.Topics.CreateTime, c.Now, c.CheckpointEvery, c.CacheBytes = true, now.Now, 1e9, 256<<20
		})
		r.send(past...)
		runtime.GC()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		b.StartTimer()
		p := r.start()
		p.await("all is folded", func() bool { folded, _ := p.sum(); return folded == n })
		p.stop()
		b.StopTimer()
		runtime.ReadMemStats(&after)
		mallocs, bytes = mallocs+after.Mallocs-before.Mallocs, bytes+after.TotalAlloc-before.TotalAlloc
		_, said := p.sum()
		b.ReportMetric(float64(said)/n, "said/touchpoint")
		b.StartTimer()
	}
	each := float64(b.N) * n
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/each, "ns/touchpoint")
	b.ReportMetric(float64(mallocs)/each, "allocs/touchpoint")
	b.ReportMetric(float64(bytes)/each, "B/touchpoint")
}
