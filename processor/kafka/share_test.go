package kafka

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"time"

	fkgo "github.com/twmb/franz-go/pkg/kgo"

	"github.com/touchfold/touchfold/events"
)

// TestComeAndGo: partitions come and go, are read far behind or without records, and neither they nor those that stay
// wait for one another's long polls: nothing is held up for a fraction of MaxWait.
func TestComeAndGo(t *testing.T) {
	addrs := brokers(t)
	c := testClient(t, addrs)
	const partitions, stay, maxWait, late = 6, 2, 4 * time.Second, time.Second
	topic := newTopic(t, c, partitions)
	for p := range events.ShardID(partitions - 1) { // the last one stays empty
		if p >= stay {
			write(t, c, topic, p, "0", "1", "2")
		}
	}
	f := runFetcher(t, c, FetchConfig{Topic: topic, MaxWait: maxWait})
	stop := make(chan struct{})
	var flow sync.WaitGroup
	for p := range events.ShardID(stay) {
		in := f.Read(p, 0)
		flow.Go(func() { // a record now and then, each awaited
			worst, n := time.Duration(0), 0
			for ; ; n++ {
				select {
				case <-stop:
					t.Logf("partition %d: the latest of %d records took %v", p, n, worst)
					return
				case <-time.After(20 * time.Millisecond):
				}
				start := time.Now()
				if _, err := c.Append(testContext(t), topic, p, out("x")); err != nil {
					t.Error(err)
					return
				}
				b := next(t, in)
				worst = max(worst, time.Since(start))
				if len(b.Records) != 1 || b.Err != nil || worst > late {
					t.Errorf("partition %d waits %v while others come and go: %+v", p, worst, b)
					return
				}
			}
		})
	}
	rng := rand.New(rand.NewPCG(1, 2))
	worst := time.Duration(0)
	for range 60 {
		p := events.ShardID(stay + rng.IntN(partitions-stay))
		start := time.Now()
		in := f.Read(p, 0)
		for got := events.Offset(0); ; {
			b := <-in
			if b.Err != nil {
				t.Fatal(b.Err)
			}
			got += events.Offset(len(b.Records))
			if b.Next == b.End {
				if want := map[bool]events.Offset{true: 0, false: 3}[p == partitions-1]; got != want {
					t.Fatalf("partition %d: %d records", p, got)
				}
				break
			}
		}
		worst = max(worst, time.Since(start))
		if rng.IntN(3) > 0 {
			f.Stop(p)
		}
	}
	close(stop)
	flow.Wait()
	if t.Logf("the latest of 60 that came was read after %v", worst); worst > late {
		t.Errorf("a partition that comes waits %v", worst)
	}
}

// TestComesBesideQuietOnes: a partition that comes is read at once, and goes on to be, though all others of its broker
// wait for records.
func TestComesBesideQuietOnes(t *testing.T) {
	t.Parallel()
	c := testClient(t, brokers(t))
	topic := newTopic(t, c, 3)
	write(t, c, topic, 2, "0")
	const maxWait, late = 2 * time.Second, time.Second
	f := runFetcher(t, c, FetchConfig{Topic: topic, MaxWait: maxWait})
	for p := range events.ShardID(2) {
		<-f.Read(p, 0) // an empty one: from now on a request waits
	}
	for range 3 {
		start := time.Now()
		in := f.Read(2, 0)
		next(t, in)
		for i := range 3 {
			if took := time.Since(start); took > late {
				t.Errorf("record %d comes after %v", i, took)
			}
			start = time.Now()
			write(t, c, topic, 2, "new")
			next(t, in)
		}
		f.Stop(2)
	}
}

// TestPartitionAdded: partitions that are added while others are read disturb nobody, and can be read.
func TestPartitionAdded(t *testing.T) {
	t.Parallel()
	c := testClient(t, brokers(t))
	topic := newTopic(t, c, 1)
	write(t, c, topic, 0, "0")
	f := runFetcher(t, c, FetchConfig{Topic: topic, MaxWait: 50 * time.Millisecond})
	in, early := f.Read(0, 0), f.Read(2, 0) // the latter is not there yet
	next(t, in)
	addPartitions(t, c, topic, 3)
	write(t, c, topic, 0, "1")
	write(t, c, topic, 2, "new")
	if b := next(t, in); values(b.Records) != "1" {
		t.Errorf("%+v", b)
	}
	if b := next(t, early); values(b.Records) != "new" {
		t.Errorf("%+v", b)
	}
}

// TestFloodIsBounded: however much waits in the log, and however small it was compressed, what is read ahead of readers
// that take nothing, or little, stays within the bound that FetchConfig.Memory and share state.
func TestFloodIsBounded(t *testing.T) {
	addrs := brokers(t)
	c := testClient(t, addrs)
	const partitions, batches, value = 4, 100, 1 << 10
	const memory, largest = 8 << 20, 512 << 10 // bytes: ahead in all; of a record batch, uncompressed
	topic := newTopic(t, c, partitions)
	w := franz(t, addrs, fkgo.ProducerBatchCompression(fkgo.ZstdCompression()), fkgo.ProducerLinger(0),
		fkgo.ProducerBatchMaxBytes(1<<20))
	for p := range int32(partitions) {
		for range batches {
			recs := make([]*fkgo.Record, largest/value)
			for i := range recs {
				recs[i] = &fkgo.Record{Topic: topic, Partition: p, Value: bytes.Repeat([]byte("flood "), value/6)}
			}
			if err := w.ProduceSync(testContext(t), recs...).FirstErr(); err != nil {
				t.Fatal(err)
			}
		}
	}
	w.Close() // what it holds is not to be counted as ours when it lets go of it
	before := heap()
	f := runFetcher(t, c, FetchConfig{Topic: topic, Memory: memory, MaxWait: 50 * time.Millisecond})
	var ins []<-chan Batch
	for p := range events.ShardID(partitions) {
		ins = append(ins, f.Read(p, 0))
	}
	const bound = memory + partitions*(readAhead+3)*largest*3/2 // of a batch also its records' heads
	most, total := int64(0), 0
	for round := range 30 {
		eventually(t, "all channels are full", func() bool {
			for _, in := range ins {
				if len(in) < cap(in) {
					return false
				}
			}
			return true
		})
		most = max(most, heap()-before)
		for p, in := range ins {
			if p == 0 && round > 3 {
				continue // takes no more
			}
			b := <-in
			if b.Err != nil {
				t.Fatal(b.Err)
			}
			total += len(b.Records)
		}
	}
	t.Logf("%d of %d MiB in the log are read, and at most %.1f MiB wait; the bound is %.1f", total*value>>20,
		partitions*batches*largest>>20, float64(most)/(1<<20), float64(bound)/(1<<20))
	if most > bound {
		t.Errorf("%d bytes are read ahead, more than %d", most, bound)
	}
	if most < memory/4 {
		t.Errorf("only %d bytes are read ahead: nothing was tested", most)
	}
}

func heap() int64 {
	runtime.GC()
	runtime.GC() // what pools held at the first
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// TestShare: the more partitions, the less of each, but something.
func TestShare(t *testing.T) {
	for _, c := range []struct{ memory, reads, want int }{{100 << 20, 1, 20 << 20}, {100 << 20, 20, 1 << 20}, {1 << 10, 20, minShare}} {
		l := loop{f: &Fetcher{limits: limits{memory: c.memory}}, reads: make([]*reading, c.reads)}
		if got := l.share(); got != c.want {
			t.Errorf("%s: %d", fmt.Sprint(c), got)
		}
	}
}
