package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/touchfold/touchfold/events"
)

// grouped is a member of a group in a test: it holds what it was assigned last, and what it held before stays on its
// disk, as an instance does.
type grouped struct {
	t    testing.TB
	name string
	stop context.CancelFunc
	done chan error

	mu   sync.Mutex
	gens []*Generation
	held map[events.ShardID]events.Offset
	news chan struct{} // room for one: gens is longer

	leaving bool
	anew    chan struct{}
}

func joinAs(t testing.TB, c *Client, cfg GroupConfig, name string) *grouped {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	m := &grouped{t: t, name: name, stop: cancel, done: make(chan error, 1), held: map[events.ShardID]events.Offset{},
		news: make(chan struct{}, 1), anew: make(chan struct{}, 1)}
	cfg.About, cfg.Anew = m.about, m.anew
	go func() { m.done <- c.RunGroup(ctx, cfg, m.assigned) }()
	t.Cleanup(func() { m.leave() })
	return m
}

func (m *grouped) about() About {
	m.mu.Lock()
	defer m.mu.Unlock()
	a := About{Instance: m.name, Address: m.name + ":1", Version: "v1", Leaving: m.leaving}
	for s, p := range m.held {
		a.Held = append(a.Held, Held{Shard: s, Position: p})
	}
	return a
}

func (m *grouped) assigned(g *Generation) {
	m.mu.Lock()
	m.gens = append(m.gens, g)
	for _, s := range g.Shards {
		m.held[s] = events.Offset(100 + g.ID)
	}
	m.mu.Unlock()
	select {
	case m.news <- struct{}{}:
	default:
	}
}

func (m *grouped) last() *Generation {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.gens) == 0 {
		return &Generation{}
	}
	return m.gens[len(m.gens)-1]
}

func (m *grouped) count() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.gens)
}

// leave ends the membership in order, and says how long that took.
func (m *grouped) leave() time.Duration {
	start := time.Now()
	m.stop()
	if m.done == nil {
		return 0
	}
	if err := <-m.done; err != nil {
		m.t.Error(err)
	}
	m.done = nil
	return time.Since(start)
}

// settle waits until the members are in one generation and each shard is dealt to one of them, and says how long that
// took.
func settle(t testing.TB, shards int, ms ...*grouped) time.Duration {
	t.Helper()
	start := time.Now()
	for time.Since(start) < 40*time.Second {
		seen := make([]bool, shards)
		n, same := 0, true
		for _, m := range ms {
			g := m.last()
			same = same && g.ID == ms[0].last().ID && g.ID > 0
			for _, s := range g.Shards {
				n++
				seen[s] = true
			}
		}
		if same && n == shards && !slices.Contains(seen, false) {
			return time.Since(start)
		}
		select { // anybody's next generation
		case <-ms[0].news:
		case <-time.After(10 * time.Millisecond):
		}
	}
	for _, m := range ms {
		t.Errorf("%s: %+v", m.name, m.last())
	}
	t.Fatal("the members do not agree")
	return 0
}

func moved(before, after []events.ShardID) (n int) {
	for _, s := range before {
		if !slices.Contains(after, s) {
			n++
		}
	}
	return n
}

// TestGroup: members come and go, and only the shards move that must.
func TestGroup(t *testing.T) {
	t.Parallel()
	addrs := brokers(t)
	topic := newTopic(t, testClient(t, addrs), 8)
	cfg := GroupConfig{Group: "g" + topic, Topic: topic, Shards: 8, Session: 6 * time.Second}
	ctx := testContext(t)

	a := joinAs(t, testClient(t, addrs), cfg, "a")
	t.Logf("one member after %v", settle(t, 8, a))
	b := joinAs(t, testClient(t, addrs), cfg, "b")
	t.Logf("two after %v", settle(t, 8, a, b))
	if a4, b4 := a.last().Shards, b.last().Shards; len(a4) != 4 || len(b4) != 4 {
		t.Fatalf("dealt %v and %v", a4, b4)
	}
	beforeA, beforeB := a.last().Shards, b.last().Shards
	c := joinAs(t, testClient(t, addrs), cfg, "c")
	t.Logf("three after %v", settle(t, 8, a, b, c))
	if n := moved(beforeA, a.last().Shards) + moved(beforeB, b.last().Shards); n != 2 || len(c.last().Shards) != 2 {
		t.Errorf("for the third member %d shards moved, and it got %v", n, c.last().Shards)
	}

	members, err := testClient(t, addrs).Members(ctx, cfg.Group, topic)
	if err != nil || len(members) != 3 {
		t.Fatal(members, err)
	}
	for i, m := range []*grouped{a, b, c} {
		got := members[i]
		if got.Instance != m.name || got.Address != m.name+":1" || got.Version != "v1" || got.ID != m.last().Member ||
			!slices.Equal(got.Shards, m.last().Shards) {
			t.Errorf("%s is described as %+v and has %+v", m.name, got, m.last())
		}
	}

	if err := a.last().Commit(ctx, map[events.ShardID]events.Offset{0: 7}); err != nil {
		t.Error(err)
	}
	old := a.last()
	beforeA, beforeB = a.last().Shards, b.last().Shards
	took := c.leave()
	if took > 2*time.Second {
		t.Errorf("leaving took %v", took)
	}
	again := settle(t, 8, a, b)
	if t.Logf("left after %v, two again after %v", took, again); again > 3*time.Second {
		t.Errorf("the others waited %v for a member that left", again)
	}
	if n := moved(beforeA, a.last().Shards) + moved(beforeB, b.last().Shards); n != 0 {
		t.Errorf("%d shards moved between those who stayed", n)
	}
	if err := old.Commit(ctx, map[events.ShardID]events.Offset{0: 9}); !errors.Is(err, ErrGenerationOver) {
		t.Errorf("a commit of a former generation: %v", err)
	}
	next, err := testClient(t, addrs).CommittedOffsets(ctx, cfg.Group, topic)
	if err != nil || fmt.Sprint(next) != "map[0:7]" {
		t.Errorf("committed is %v, %v", next, err)
	}
}

// TestGroupLeaving: when a member says that it is leaving, its shards go to the others, who keep theirs, while it still is one
// and says what it holds; when it has left nothing changes.
func TestGroupLeaving(t *testing.T) {
	t.Parallel()
	addrs := brokers(t)
	topic := newTopic(t, testClient(t, addrs), 9)
	cfg := GroupConfig{Group: "g" + topic, Topic: topic, Shards: 9, Session: shortSession()}
	a, b := joinAs(t, testClient(t, addrs), cfg, "a"), joinAs(t, testClient(t, addrs), cfg, "b")
	settle(t, 9, a, b)
	c := joinAs(t, testClient(t, addrs), cfg, "c")
	settle(t, 9, a, b, c)
	for _, leaver := range []*grouped{c, a} { // a leads the group
		before := map[*grouped]*Generation{a: a.last(), b: b.last(), c: c.last()}
		leaver.mu.Lock()
		leaver.leaving = true
		leaver.mu.Unlock()
		leaver.anew <- struct{}{}
		others := slices.DeleteFunc([]*grouped{a, b, c}, func(m *grouped) bool { return m.leaving })
		took := settle(t, 9, others...)
		eventually(t, "the leaver has no shards", func() bool { return len(leaver.last().Shards) == 0 })
		if took > 2*time.Second || leaver.last().ID != b.last().ID || leaver.last().Member != before[leaver].Member {
			t.Errorf("%s is leaving: after %v it is %+v, another %+v", leaver.name, took, leaver.last(), b.last())
		}
		members, err := testClient(t, addrs).Members(testContext(t), cfg.Group, topic)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range members {
			if m.Leaving != (m.Instance == leaver.name) || m.Leaving && (len(m.Held) < 3 || len(m.Shards) > 0) {
				t.Errorf("%s is leaving, %s is described as %+v", leaver.name, m.Instance, m)
			}
		}
		given := b.last()
		t.Logf("%s left after %v", leaver.name, leaver.leave())
		eventually(t, "a generation without it", func() bool { return b.last().ID > given.ID })
		settle(t, 9, others...)
		for _, m := range others {
			if n := moved(before[m].Shards, m.last().Shards); n != 0 {
				t.Errorf("%d shards of %s moved", n, m.name)
			}
		}
		if !slices.Equal(b.last().Shards, given.Shards) {
			t.Errorf("b had %v, and has %v when the leaver is gone", given.Shards, b.last().Shards)
		}
	}
}
