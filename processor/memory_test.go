package processor

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/touchfold/touchfold/events"
)

// TestShares: whatever shards an instance is given, they part the cache and what may change before a checkpoint evenly,
// within the bounds; and one alone has all.
func TestShares(t *testing.T) {
	t.Parallel()
	const shards, cache, memory = 6, 100 << 10, 256 << 20
	r := newRig(t, shards, func(c *Config) {
		c.CacheBytes, c.Memory, c.CheckpointEvery = cache, memory, 40*time.Millisecond
	})
	rng := rand.New(rand.NewPCG(31, 32))
	r.send(history(rng, 3000, 600, events.At(time.Now())-200*events.Instant(day), 199)...) // about 1.5 MB of customers
	type part struct {
		parts, dirty int
		position     events.Offset
	}
	var mu sync.Mutex
	have := map[events.ShardID]part{}
	var p *run
	begun := make(chan struct{})
	p = r.start(func(c *Config) {
		c.Watch = func(at Progress) {
			<-begun
			m := &p.processor.members
			m.mu.Lock()
			s := m.owned[at.Shard].shard.Load()
			m.mu.Unlock()
			if s == nil {
				return // of an ownership that has just been followed by another
			}
			mu.Lock()
			defer mu.Unlock()
			have[at.Shard] = part{s.part.shards, s.limits.dirty, at.Position}
		}
	})
	close(begun)
	p.settle()
	all := []events.ShardID{0, 1, 2, 3, 4, 5}
	for n := range 12 {
		want := all
		switch n % 4 {
		case 0:
			want = all[n/2:][:1]
		case 2:
			want = slices.DeleteFunc(slices.Clone(all), func(events.ShardID) bool { return rng.IntN(2) == 0 })
		}
		p.processor.members.assign(nil, want)
		p.await("the shards have their part", func() bool {
			mu.Lock()
			defer mu.Unlock()
			return p.owned() == len(want) && !slices.ContainsFunc(want, func(id events.ShardID) bool { return have[id].parts != len(want) })
		})
		r.send(history(rng, 2000, 600, events.At(time.Now())-events.Instant(day), 1)...) // with which the caches are full
		ends := r.ends(r.config.Topics.Touchpoints)
		p.await("the shards have folded it and part the memory", func() bool {
			mu.Lock()
			defer mu.Unlock()
			dirty, cached := 0, 0.0
			for _, id := range want {
				h := have[id]
				if h.parts != len(want) || h.position < ends[id] {
					return false
				}
				dirty += h.dirty
				cached += p.value("touchfold_store_cache_bytes", "shard", strconv.Itoa(int(id)))
			}
			return p.owned() == len(want) && dirty <= memory/4 && cached <= cache && (len(want) > 1 || cached > cache/4)
		})
		mu.Lock()
		if len(want) == 1 && (have[want[0]].parts != 1 || have[want[0]].dirty != memory/4) {
			t.Errorf("alone it has %+v", have[want[0]])
		}
		mu.Unlock()
	}
	p.stop()
}

// TestTighter: whatever the rest of the process takes, what is left for customers comes to where the collector has room, or to
// its least, and stays there; and comes back once there is room.
func TestTighter(t *testing.T) {
	t.Parallel()
	const limit, customers = 819, 500
	for rest := int64(0); rest < limit; rest++ {
		settle := func(tight int64) (int64, int64) {
			for range 100 {
				tight = tighter(tight, rest+customers*(allTight-tight)/allTight, limit)
			}
			return tight, rest + customers*(allTight-tight)/allTight
		}
		for _, from := range []int64{0, mostTight} {
			tight, live := settle(from)
			if again, _ := settle(tight); again != tight {
				t.Errorf("beside %d it does not stay at %d", rest, tight)
			}
			if live > limit*15/16 && tight < mostTight || live < limit*13/16-8 && tight > 0 {
				t.Errorf("beside %d, from %d: %d sixteenths less, %d live", rest, from, tight, live)
			}
		}
	}
}
