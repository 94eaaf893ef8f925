package processor

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/touchfold/touchfold/events"
)

// TestTurns: who has a long past waits until it is his turn, gathers more then, and gives it back when the past is folded or he
// ends; who has a short one, or speaks, never waits.
func TestTurns(t *testing.T) {
	const shards = 8
	c := Config{Memory: 1 << 30, MaxBytes: 1 << 20, App: "test"}
	one := c.newTurns()
	if cap(one) != 1 {
		t.Fatalf("%d turns in 1 GiB", cap(one))
	}
	m := newMetrics(prometheus.NewRegistry())
	begin := func(id events.ShardID, past events.Offset) *shard {
		s := newShard(&c, m, nil, id, layout{shards, shards, brokersAhead}, "test")
		s.turn.turns, s.at.Speaking, s.at.SaidPosition = one, true, past
		return s
	}
	try := func(s *shard) bool {
		if !s.waitsForTurn() {
			return false
		}
		select {
		case s.turn.turns <- struct{}{}:
			s.takeTurn()
			return true
		default:
			return false
		}
	}
	a, b, short := begin(0, longPast), begin(1, 2*longPast), begin(2, longPast-1)
	small := a.limits.gather
	if !try(a) || try(b) || !b.waitsForTurn() || short.waitsForTurn() || a.waitsForTurn() {
		t.Error("a long past is not folded by one at a time")
	}
	if a.limits.gather != int(c.Memory/4) || b.limits.gather != small {
		t.Errorf("gathers %d in its turn, %d beside it", a.limits.gather, b.limits.gather)
	}
	a.at.Input = longPast - 1
	if a.endTurn(); try(b) {
		t.Error("the turn was over before the past was folded")
	}
	a.at.Input = longPast
	if a.endTurn(); !try(b) || a.limits.gather != small {
		t.Error("the turn is not over though the past is folded")
	}
	b.turn.fed -= turnIdle + 1
	d := begin(3, longPast)
	if b.endTurn(); !try(d) {
		t.Error("who cannot read keeps his turn")
	}
	if b.speaking = true; b.waitsForTurn() {
		t.Error("one that speaks waits")
	}
	if d.giveTurn(); len(one) != 0 {
		t.Error("one that ended keeps its turn")
	}
}
