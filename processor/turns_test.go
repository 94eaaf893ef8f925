package processor

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/touchfold/touchfold/events"
)

// tryTurn takes a turn if the shard waits for one and there is one.
func tryTurn(s *shard) bool {
	if !s.waitsForTurn() {
		return false
	}
	select {
	case s.toTake() <- struct{}{}:
		s.takeTurn(s.toTake())
		return true
	default:
		return false
	}
}

// TestTurns: who has a long past waits until it is his turn, gathers more then, and gives it back when the past is folded or he
// ends; who has a short one never waits.
func TestTurns(t *testing.T) {
	const shards = 8
	c := Config{Memory: 1 << 30, MaxBytes: 1 << 20, App: "test"}
	one := c.newTurns()
	if cap(one.mute) != 1 || cap(one.speaking) != 1 {
		t.Fatalf("%d and %d turns in 1 GiB", cap(one.mute), cap(one.speaking))
	}
	m, shared := newMetrics(prometheus.NewRegistry()), &shares{}
	shared.shards.Store(shards)
	begin := func(id events.ShardID, past events.Offset) *shard {
		s := newShard(&c, m, nil, id, layout{shards, shards, brokersAhead}, "test")
		s.turn.turns, s.shares, s.at.Speaking, s.at.SaidPosition = one, shared, true, past
		return s
	}
	a, b, short := begin(0, longPast), begin(1, 2*longPast), begin(2, longPast-1)
	small := a.limits.gather
	if !tryTurn(a) || tryTurn(b) || !b.waitsForTurn() || short.waitsForTurn() || a.waitsForTurn() {
		t.Error("a long past is not folded by one at a time")
	}
	if a.limits.gather != int(c.Memory/4) || b.limits.gather != small {
		t.Errorf("gathers %d in its turn, %d beside it", a.limits.gather, b.limits.gather)
	}
	a.at.Input = longPast - 1
	if a.endTurn(); tryTurn(b) {
		t.Error("the turn was over before the past was folded")
	}
	a.at.Input = longPast
	if a.endTurn(); !tryTurn(b) || a.limits.gather != small {
		t.Error("the turn is not over though the past is folded")
	}
	b.turn.fed -= turnIdle + 1
	d := begin(3, longPast)
	if b.endTurn(); !tryTurn(d) {
		t.Error("who cannot read keeps his turn")
	}
	if d.leaveTurns(); len(one.mute) != 0 {
		t.Error("one that ended keeps its turn")
	}
}

// TestTurnsOfSpeakers: of shards that are far behind as many fold as there are turns, with the memory of those that wait, and
// after a while others do.
func TestTurnsOfSpeakers(t *testing.T) {
	const shards, memory = 8, 1 << 30
	c := Config{Memory: memory, CacheBytes: memory / 4, MaxBytes: 1 << 20, App: "test"}
	m, shared, all := newMetrics(prometheus.NewRegistry()), &shares{}, turns{make(chan struct{}, 1), make(chan struct{}, 2)}
	shared.shards.Store(shards)
	var list []*shard
	for id := range events.ShardID(shards) {
		s := newShard(&c, m, nil, id, layout{shards, shards, brokersAhead}, "test")
		s.turn.turns, s.shares, s.speaking, s.end = all, shared, true, longPast
		list = append(list, s)
	}
	took := 0
	for range 2 { // in the second round all know how many wait
		for _, s := range list {
			if tryTurn(s) {
				took++
			}
			s.share()
		}
	}
	sum := int64(0)
	for _, s := range list {
		sum += s.cacheBytes()
	}
	if took != 2 || sum > c.CacheBytes || sum < c.CacheBytes*9/10 || list[0].cacheBytes() < 3*c.CacheBytes/shards || list[0].limits.dirty < 2*list[7].limits.dirty {
		t.Errorf("%d have a turn; the first has %d bytes of cache, all %d", took, list[0].cacheBytes(), sum)
	}
	if list[0].endTurn(); tryTurn(list[7]) {
		t.Error("a turn is over at once")
	}
	list[0].turn.began -= turnLong + 1
	if list[0].endTurn(); !tryTurn(list[7]) || tryTurn(list[0]) {
		t.Error("a turn lasts though others wait")
	}
	for _, s := range list {
		s.end = 0
		s.endTurn()
		s.waitsForTurn()
	}
	if _, waiting := shared.get(); waiting != 0 || len(all.speaking) != 0 || tryTurn(list[3]) {
		t.Errorf("%d wait and %d have a turn when nobody is behind", waiting, len(all.speaking))
	}
}
