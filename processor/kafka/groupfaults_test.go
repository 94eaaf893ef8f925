package kafka

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/processor/localkafka"
)

// shortSession is the shortest that a Kafka admits; kfake admits any.
func shortSession() time.Duration {
	if os.Getenv("KAFKA_ADDR") != "" {
		return 6 * time.Second
	}
	return 3 * time.Second
}

// TestGroupMemberDies: a member that says nothing any more is out when its session ends, its shards go to the others,
// who keep theirs; when it is back it gets its share, and the first it hears of it is a generation.
func TestGroupMemberDies(t *testing.T) {
	t.Parallel()
	addrs := brokers(t)
	topic := newTopic(t, testClient(t, addrs), 9)
	cfg := GroupConfig{Group: "g" + topic, Topic: topic, Shards: 9, Session: shortSession()}
	w := newWire(t)
	a, b := joinAs(t, testClient(t, addrs), cfg, "a"), joinAs(t, testClient(t, addrs), cfg, "b")
	c := joinAs(t, w.client(addrs, time.Second), cfg, "c")
	settle(t, 9, a, b, c)
	beforeA, beforeB, lost := a.last().Shards, b.last().Shards, c.last()

	w.sever()
	took := settle(t, 9, a, b)
	if took > shortSession()+3*time.Second {
		t.Errorf("the others have its shards after %v", took)
	}
	if n := moved(beforeA, a.last().Shards) + moved(beforeB, b.last().Shards); n != 0 {
		t.Errorf("%d shards of those who stayed moved", n)
	}
	if c.last() != lost {
		t.Errorf("who is cut off was assigned %v", c.last())
	}
	members, err := testClient(t, addrs).Members(testContext(t), cfg.Group, topic)
	if err != nil || len(members) != 2 {
		t.Errorf("members are %v, %v", members, err)
	}

	w.heal()
	back := settle(t, 9, a, b, c)
	if n := len(c.last().Shards); n != 3 {
		t.Errorf("who is back gets %d of 9 shards", n)
	}
	t.Logf("two of three after %v, three again after %v", took, back)
}

// TestGroupBlackhole: also a member whose connections swallow all is out in time, and comes back.
func TestGroupBlackhole(t *testing.T) {
	t.Parallel()
	addrs := brokers(t)
	topic := newTopic(t, testClient(t, addrs), 4)
	cfg := GroupConfig{Group: "g" + topic, Topic: topic, Shards: 4, Session: shortSession()}
	w := newWire(t)
	a, b := joinAs(t, testClient(t, addrs), cfg, "a"), joinAs(t, w.client(addrs, 10*time.Second), cfg, "b")
	settle(t, 4, a, b)
	w.worsen(blackhole, "downstream")
	t.Logf("alone after %v", settle(t, 4, a))
	w.heal()
	t.Logf("two again after %v", settle(t, 4, a, b))
	b.leave()
	t.Logf("alone again after %v", settle(t, 4, a))
	if took := a.leave(); took > time.Second {
		t.Errorf("leaving took %v", took)
	}
	members, err := testClient(t, addrs).Members(testContext(t), cfg.Group, topic)
	if err != nil || len(members) != 0 {
		t.Errorf("all left, and members are %v, %v", members, err)
	}
}

// TestGroupLeaveOverBlackhole: the time for leaving holds when nothing comes through, and longer timeouts do not matter.
func TestGroupLeaveOverBlackhole(t *testing.T) {
	t.Parallel()
	addrs := brokers(t)
	topic := newTopic(t, testClient(t, addrs), 4)
	cfg := GroupConfig{Group: "g" + topic, Topic: topic, Shards: 4, Session: time.Minute}
	w := newWire(t)
	a := joinAs(t, w.client(addrs, 20*time.Second), cfg, "a")
	settle(t, 4, a)
	w.worsen(blackhole, "upstream")
	if took := a.leave(); took > leaveWithin+500*time.Millisecond {
		t.Errorf("leaving took %v", took)
	}
}

// TestGroupLeaveAnytime: a member leaves in time also before it is one, while it joins, and where no broker is.
func TestGroupLeaveAnytime(t *testing.T) {
	t.Parallel()
	addrs := brokers(t)
	topic := newTopic(t, testClient(t, addrs), 4)
	cfg := GroupConfig{Group: "g" + topic, Topic: topic, Shards: 4, Session: shortSession()}
	nowhere := testClient(t, []string{"127.0.0.1:1"})
	for i := range 12 {
		c := testClient(t, addrs)
		if i%4 == 3 {
			c = nowhere
		}
		m := joinAs(t, c, cfg, fmt.Sprint("m", i))
		time.Sleep(time.Duration(i) * 7 * time.Millisecond)
		if took := m.leave(); took > leaveWithin+500*time.Millisecond {
			t.Errorf("member %d left after %v", i, took)
		}
	}
	// Whoever left while joining may be waited for, until the session ends.
	a := joinAs(t, testClient(t, addrs), cfg, "a")
	if took := settle(t, 4, a); took > shortSession()+2*time.Second {
		t.Errorf("the next member gets its shards after %v", took)
	}
}

// TestGroupBrokerRestarts: members keep their shards while the broker is away, and have the same afterwards; the log
// says once that there is trouble and once that it is over.
func TestGroupBrokerRestarts(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "kafka")
	start := func(listen string) *localkafka.Broker {
		t.Helper()
		b, err := localkafka.Start(localkafka.Config{Listen: listen, Dir: dir, Log: testLog(t)})
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	broker := start("127.0.0.1:0")
	t.Cleanup(func() { broker.Close() })
	var log lines
	client := func() *Client {
		c, err := New(Config{Brokers: []string{broker.Addr()}, Log: zerolog.New(&log)})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Close)
		return c
	}
	topic := newTopic(t, client(), 5)
	cfg := GroupConfig{Group: "g", Topic: topic, Shards: 5, Session: 6 * time.Second} // longer than the broker is away: else who is back first gets all
	a, b := joinAs(t, client(), cfg, "a"), joinAs(t, client(), cfg, "b")
	settle(t, 5, a, b)
	before, last := [2]*Generation{a.last(), b.last()}, a.count()+b.count()
	if err := broker.Close(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "both know that they are not members", func() bool { return log.count("not a member of the group for now") == 2 })
	time.Sleep(5 * joinPause) // they try, and say no more about it
	if n := a.count() + b.count(); n != last {
		t.Errorf("without a broker there are %d generations", n)
	}
	broker = start(broker.Addr())
	eventually(t, "a new generation", func() bool { return a.last() != before[0] && b.last() != before[1] })
	settle(t, 5, a, b)
	if !slices.Equal(a.last().Shards, before[0].Shards) || !slices.Equal(b.last().Shards, before[1].Shards) {
		t.Errorf("after the restart %v and %v, before it %v and %v", a.last().Shards, b.last().Shards, before[0].Shards, before[1].Shards)
	}
	if n := log.count("not a member of the group for now"); n != 2 {
		t.Errorf("%d lines about a restart:\n%s", n, strings.Join(log.all, ""))
	}
}

// TestGroupPartitionsAdded: partitions that were added are assigned to nobody, and nothing moves.
func TestGroupPartitionsAdded(t *testing.T) {
	t.Parallel()
	addrs := brokers(t)
	c := testClient(t, addrs)
	topic := newTopic(t, c, 4)
	cfg := GroupConfig{Group: "g" + topic, Topic: topic, Shards: 4, Session: shortSession()}
	a := joinAs(t, testClient(t, addrs), cfg, "a")
	settle(t, 4, a)
	addPartitions(t, c, topic, 7)
	cfg.Shards = 7 // one that is newer, and does not know the pinned number; the leader's counts
	b := joinAs(t, testClient(t, addrs), cfg, "b")
	settle(t, 4, a, b)
	if x, y := a.last().Shards, b.last().Shards; len(x) != 2 || len(y) != 2 || slices.Max(append(x, y...)) > events.ShardID(3) {
		t.Errorf("assigned %v and %v", x, y)
	}
}

// TestGroupConfig: what cannot be is refused with a sentence.
func TestGroupConfig(t *testing.T) {
	t.Parallel()
	c := testClient(t, []string{"127.0.0.1:1"})
	about := func() About { return About{} }
	for _, cfg := range []GroupConfig{{}, {Group: "g", Topic: "t", Shards: 1}, {Group: "g", Topic: "t", About: about},
		{Topic: "t", Shards: 1, About: about}, {Group: "g", Topic: "t", Shards: 1, About: about, Session: time.Second}} {
		if err := c.RunGroup(context.Background(), cfg, nil); err == nil || !strings.HasPrefix(err.Error(), "join group ") {
			t.Errorf("%+v: %v", cfg, err)
		}
	}
}

// TestGroupRefused: what the broker never admits is an error, not tried for ever.
func TestGroupRefused(t *testing.T) {
	t.Parallel()
	addrs := brokers(t)
	c := testClient(t, addrs)
	cfg := GroupConfig{Group: "g", Topic: newTopic(t, c, 1), Shards: 1, Session: 24 * time.Hour, About: func() About { return About{} }}
	if err := c.RunGroup(testContext(t), cfg, nil); err == nil || !strings.Contains(err.Error(), "group.max.session.timeout.ms") {
		t.Errorf("a session of a day: %v", err)
	}
}
