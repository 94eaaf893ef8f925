package processor

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"github.com/touchfold/touchfold/config"
	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/processor/kafka"
	"github.com/touchfold/touchfold/state/features"
)

// BenchmarkFold is one shard of eight over records in memory and a store on disk: all that a touchpoint costs but fetching
// it and the broker's part of saying. 12,500 customers (Zipf), 250,000 touchpoints of a shop in 45 days; the memory is
// that of an eighth of 1 GiB. cpu-ns is the whole process's, the collector and Badger's goroutines included.
func BenchmarkFold(b *testing.B) {
	for _, late := range []int{0, 20} {
		b.Run(fmt.Sprintf("late=%d%%", late), func(b *testing.B) { benchFold(b, 250_000, late) })
	}
}

func benchFold(b *testing.B, n, late int) {
	records := shopRecords(rand.New(rand.NewPCG(1, 2)), n, 12_500, late)
	var cpu time.Duration
	var said uint64
	var disk int64
	var mallocs uint64
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		s := benchShard(b, records)
		runtime.GC()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		began := cpuTime()
		b.StartTimer()
		ctx := context.Background()
		must(b, s.takeOver(ctx))
		must(b, s.begin(ctx))
		for rest := records; len(rest) > 0; {
			k := min(len(rest), 1500)
			must(b, s.batch(ctx, &kafka.Batch{Records: rest[:k], Next: rest[k-1].Offset + 1, End: events.Offset(n), Sent: s.config.Now()}))
			must(b, s.round(ctx))
			select {
			case a := <-s.voice.acks:
				must(b, s.acked(ctx, a))
			default:
			}
			rest = rest[k:]
		}
		must(b, s.checkpoint(ctx, true))
		b.StopTimer()
		cpu += cpuTime() - began
		runtime.ReadMemStats(&after)
		mallocs += after.Mallocs - before.Mallocs
		said += s.said
		disk = s.store.Size()
		must(b, s.store.Close())
		b.StartTimer()
	}
	each := float64(b.N) * float64(n)
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/each, "ns/touchpoint")
	b.ReportMetric(float64(cpu.Nanoseconds())/each, "cpu-ns/touchpoint")
	b.ReportMetric(float64(mallocs)/each, "allocs/touchpoint")
	b.ReportMetric(float64(said)/each, "said/touchpoint")
	b.ReportMetric(float64(disk)/float64(n), "disk-B/touchpoint")
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

func cpuTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// benchShard is shard 0 of eight, which speaks from the first record on.
func benchShard(b *testing.B, records []events.Record) *shard {
	now := records[len(records)-1].Append + 1000
	c := &Config{App: "bench", Dir: b.TempDir(), Rulebook: features.Propose(config.Default()), Believe: belief, Batch: 1024,
		Topics: Topics{Touchpoints: "in", Events: "out", Parked: "parked", Partitions: 8}, CheckpointEvery: 2 * time.Second,
		Memory: 1 << 30, CacheBytes: 256 << 20, StopWithin: time.Minute, Log: zerolog.Nop(), Now: func() events.Instant { return now }}
	s := newShard(c, newMetrics(prometheus.NewRegistry()), &deafBroker{end: events.Offset(len(records))}, 0, layout{8, 8, brokersAhead}, "bench")
	s.stop = make(chan struct{})
	s.voice.post = func(recs []kafka.Out) {
		base, err := s.producer.Append(context.Background(), recs)
		s.voice.acks <- ack{base, err}
	}
	return s
}

// deafBroker takes everything and keeps the first record only, the opened mark.
type deafBroker struct {
	end, out events.Offset
	mark     kafka.Out
}

func (d *deafBroker) Range(_ context.Context, topic string, _ events.ShardID) (kafka.Range, error) {
	if topic == "in" {
		return kafka.Range{End: d.end}, nil
	}
	return kafka.Range{End: d.out}, nil
}

func (d *deafBroker) ReadBatches(_ context.Context, _ string, _ events.ShardID, _, _ events.Offset,
	f func(kafka.Head, []events.Record) error) error {
	return f(kafka.Head{ProducerID: 1}, []events.Record{{Key: d.mark.Key, Value: d.mark.Value, Headers: d.mark.Headers}})
}

func (d *deafBroker) NewProducer(context.Context, kafka.ProducerConfig) (producer, error) {
	return deafProducer{d}, nil
}

func (d *deafBroker) Retire(context.Context, string, events.ShardID, int64, kafka.Out) (events.Offset, error) {
	return 0, nil
}

func (d *deafBroker) Append(_ context.Context, _ string, _ events.ShardID, recs []kafka.Out) (events.Offset, error) {
	return 0, nil
}

type deafProducer struct{ *deafBroker }

func (deafProducer) ID() int64    { return 1 }
func (deafProducer) Epoch() int16 { return 0 }

func (d deafProducer) Append(_ context.Context, recs []kafka.Out) (events.Offset, error) {
	base := d.out
	if base == 0 {
		d.mark = recs[0]
	}
	d.out += events.Offset(len(recs))
	return base, nil
}

// shopRecords is touchpoints of a shop as Segment messages, as their mix is in docs/performance.md: 48 % pages, 22 % products
// viewed, 10 % added, 10 % orders of three products, 10 % e-mail and tickets; of each hundred so many come up to 3 days late.
func shopRecords(rng *rand.Rand, n, customers, late int) []events.Record {
	ids := make([]string, 0, customers)
	for i := 0; len(ids) < customers; i++ {
		if id := fmt.Sprintf("c-%08d", i); events.ShardOf(events.CustomerID(id), 8) == 0 {
			ids = append(ids, id)
		}
	}
	rng.Shuffle(len(ids), func(i, j int) { ids[i], ids[j] = ids[j], ids[i] })
	zipf := rand.NewZipf(rng, 1.05, 30, uint64(customers-1))
	start := date("2026-01-01T00:00:00Z")
	out := make([]events.Record, n)
	for i := range out {
		id := ids[zipf.Uint64()]
		at := start + events.Instant(int64(i)*45*86_400_000/int64(n)) - events.Instant(rng.Int64N(5000))
		append := at + 5000
		if rng.IntN(100) < late {
			at -= events.Instant(rng.Int64N(3 * 86_400_000))
		}
		kind, name, properties := shopEvent(rng)
		value := fmt.Sprintf(`{"messageId":"m-%010d","type":"%s","event":"%s","userId":"%s","anonymousId":"a-%08x","timestamp":"%s","context":{"ip":"10.%d.%d.7","userAgent":"Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Mobile Safari/537.36","locale":"en-US","campaign":{"source":"referral","medium":"none","name":"spring-%d"},"library":{"name":"analytics.js","version":"4.2.1"}},"properties":%s}`,
			i, kind, name, id, rng.Uint32(), at, rng.IntN(256), rng.IntN(256), rng.IntN(50), properties)
		out[i] = events.Record{Position: events.Position{Topic: "in", Offset: events.Offset(i)}, Append: append, Key: []byte(id), Value: []byte(value)}
	}
	return out
}

func shopEvent(rng *rand.Rand) (kind, name, properties string) {
	product := func() string {
		return fmt.Sprintf(`{"product_id":"p-%d","name":"Hose %dm","category":"%s","price":%d.%02d,"quantity":%d}`, rng.IntN(5000), rng.IntN(50),
			[]string{"grocery", "electronics", "toys", "books", "garden"}[rng.IntN(5)], 1+rng.IntN(200), rng.IntN(100), 1+rng.IntN(3))
	}
	switch x := rng.IntN(100); {
	case x < 48:
		return "page", "Page Viewed", fmt.Sprintf(`{"path":"/c/toys/%d","title":"Shop the best of toys | Example Store","referrer":"https://www.example.com/search?q=%d","scroll_depth":%d}`,
			rng.IntN(100_000), rng.Uint32(), rng.IntN(100))
	case x < 70:
		return "track", "Product Viewed", fmt.Sprintf(`{"list":"catalog","currency":"EUR","url":"https://shop.example.com/p/%d","products":[%s]}`, rng.IntN(5000), product())
	case x < 80:
		return "track", "Product Added", fmt.Sprintf(`{"list":"catalog","currency":"EUR","url":"https://shop.example.com/p/%d","products":[%s]}`, rng.IntN(5000), product())
	case x < 90:
		return "track", "Order Completed", fmt.Sprintf(`{"order_id":"o-%d","currency":"EUR","total":%d.%02d,"products":[%s,%s,%s]}`, rng.Uint32(), 10+rng.IntN(500),
			rng.IntN(100), product(), product(), product())
	default:
		return "track", []string{"Email Opened", "Email Link Clicked", "Ticket Created"}[rng.IntN(3)],
			fmt.Sprintf(`{"path":"/c/grocery/%d","title":"Shop the best of pets | Example Store","scroll_depth":%d}`, rng.IntN(100_000), rng.IntN(100))
	}
}
