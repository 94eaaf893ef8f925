package kafka

import (
	"fmt"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/touchfold/touchfold/events"
)

// TestLag reads a lag of KAFKA_LAG records of about 500 bytes, over 8 partitions, with readers that are slow at first.
// For figures: 10 million take 5 GB of the broker's disk and a few minutes.
func TestLag(t *testing.T) {
	n, err := strconv.Atoi(os.Getenv("KAFKA_LAG"))
	if err != nil {
		t.Skip("for figures: see KAFKA_LAG above")
	}
	c := testClient(t, brokers(t))
	const partitions, memory = 8, 64 << 20
	topic := newTopic(t, c, partitions)
	recs := make([]Out, 1000)
	for i := range recs {
		recs[i] = Out{Key: fmt.Append(nil, "customer-", i), Value: make([]byte, 480)}
	}
	each := n / partitions / len(recs) * len(recs)
	start := time.Now()
	var all sync.WaitGroup
	for p := range events.ShardID(partitions) {
		all.Go(func() {
			for range each / len(recs) {
				if _, err := c.Append(t.Context(), topic, p, recs); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	t.Logf("%d records written in %v", each*partitions, time.Since(start))

	before := heap()
	f := runFetcher(t, c, FetchConfig{Topic: topic, Memory: memory})
	begin := make(chan struct{})
	for p := range events.ShardID(partitions) {
		in := f.Read(p, 0)
		all.Go(func() {
			<-begin
			for got := 0; got < each; {
				b := <-in
				if b.Err != nil {
					t.Error(b.Err)
					return
				}
				got += len(b.Records)
			}
		})
	}
	time.Sleep(3 * time.Second) // nobody takes anything
	idle := heap() - before
	close(begin)
	start = time.Now()
	stop, most := make(chan struct{}), make(chan int64)
	go func() {
		m := int64(0)
		for {
			select {
			case <-stop:
				most <- m
				return
			case <-time.After(500 * time.Millisecond):
				m = max(m, heap()-before)
			}
		}
	}()
	all.Wait()
	took := time.Since(start)
	close(stop)
	m := <-most
	t.Logf("%d records read in %v, %.0f a second; %d MiB held with nobody reading, at most %d MiB meanwhile, %d are to be kept to",
		each*partitions, took, float64(each*partitions)/took.Seconds(), idle>>20, m>>20, memory>>20)
	if bound := int64(memory + 2*16<<20); idle > bound || m > bound {
		t.Errorf("more than %d MiB", bound>>20)
	}
}
