package kafka

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/touchfold/touchfold/events"
)

// ownCluster skips unless KAFKA_FAILOVER=1 says that the cluster at KAFKA_ADDR and in KAFKA_DATA, made by
// scripts/kafka.sh, is the tests' own to kill.
func ownCluster(t *testing.T) {
	if os.Getenv("KAFKA_FAILOVER") == "" {
		t.Skip("needs a cluster of its own to kill: see KAFKA_FAILOVER above")
	}
}

func kafkaSh(t testing.TB, args ...string) {
	t.Helper()
	if out, err := exec.Command("../../scripts/kafka.sh", args...).CombinedOutput(); err != nil {
		t.Fatalf("kafka.sh %v: %v %s", args, err, out)
	}
}

// TestBrokerAway kills all brokers, and starts them again KAFKA_AWAY seconds later (5): nothing grows meanwhile, that
// they are away is told, and reading, writing and the group go on by themselves.
func TestBrokerAway(t *testing.T) {
	ownCluster(t)
	away := 5 * time.Second
	if s, err := strconv.Atoi(os.Getenv("KAFKA_AWAY")); err == nil {
		away = time.Duration(s) * time.Second
	}
	addrs := brokers(t)
	c := testClient(t, addrs)
	const partitions = 8
	topic := newTopic(t, c, partitions, "message.timestamp.type", "LogAppendTime")
	f := runFetcher(t, c, FetchConfig{Topic: topic})
	var ins []<-chan Batch
	var ps []*Producer
	for p := range events.ShardID(partitions) {
		ins = append(ins, f.Read(p, 0))
		w, err := c.NewProducer(t.Context(), ProducerConfig{Topic: topic, Partition: p, TransactionalID: fmt.Sprint(topic, p)})
		if err != nil {
			t.Fatal(err)
		}
		ps = append(ps, w)
		mustAppend(t, w, "0", 0)
		next(t, ins[p])
	}
	cfg := GroupConfig{Group: "g" + topic, Topic: topic, Shards: partitions}
	a, b := joinAs(t, testClient(t, addrs), cfg, "a"), joinAs(t, testClient(t, addrs), cfg, "b")
	settle(t, partitions, a, b)
	before := [2]*Generation{a.last(), b.last()}

	kafkaSh(t, "kill")
	heldBefore := heap()
	wrote := make(chan error, partitions)
	for _, w := range ps {
		go func() {
			_, err := w.Append(t.Context(), out("1"))
			wrote <- err
		}()
	}
	time.Sleep(away)
	if n := len(f.Stalled(away / 2)); n != partitions || c.Silent() < away/2 {
		t.Errorf("%d of %d partitions are told to stall, silent for %v", n, partitions, c.Silent())
	}
	c.open.mu.Lock()
	open := len(c.open.all)
	c.open.mu.Unlock()
	grown := heap() - heldBefore
	if open > 4 || grown > 4<<20 {
		t.Errorf("after %v there are %d connections, and %d bytes more", away, open, grown)
	}
	kafkaSh(t, "start")
	start := time.Now()
	for range ps {
		if err := <-wrote; err != nil {
			t.Error(err)
		}
	}
	written := time.Since(start)
	for p, in := range ins {
		if b := next(t, in); values(b.Records) != "1" {
			t.Errorf("partition %d: %+v", p, b)
		}
	}
	read := time.Since(start)
	eventually(t, "a new generation", func() bool { return a.last() != before[0] && b.last() != before[1] })
	settle(t, partitions, a, b)
	grouped := time.Since(start)
	if n := moved(before[0].Shards, a.last().Shards) + moved(before[1].Shards, b.last().Shards); n != 0 {
		t.Errorf("%d shards moved", n)
	}
	eventually(t, "nothing stalls", func() bool { return len(f.Stalled(time.Second)) == 0 && c.Silent() < time.Second })
	t.Logf("after %v away (%d KiB more): all written after %v, all read after %v, the group again after %v",
		away, grown>>10, written, read, grouped)
}
