package processor

import (
	"runtime"
	"time"

	"github.com/touchfold/touchfold/events"
)

// A past of millions of records is folded by few shards at a time, each in its turn. All at once they would not be sooner
// done, for the processors are as many as before; but each would gather less, so read and write its customers more often,
// and every one's Badger would hold buffers for tables of its own. Ten million records of a million customers, 8 shards,
// 1 GiB, 2 processors: all at once 17,000/s in 1.5 GiB, two at a time 38,000/s in 1.0 GiB, one at a time 45,000/s in 0.7.

// longPast is from how many records on a shard waits for its turn. What a restart leaves to be read is far less.
const longPast = 100_000

// turns are taken by sending and given back by receiving.
type turns chan struct{}

// turnBytes is the memory for which one shard more may fold a long past: what it gathers, what changed, and up to 0.4 GiB of
// Badger's buffers.
const turnBytes = 640 << 20

func (c *Config) newTurns() turns {
	return make(turns, max(1, min(runtime.GOMAXPROCS(0), int(c.Memory/turnBytes))))
}

// turn is a shard's part in turns.
type turn struct {
	turns turns
	has   bool
	fed   time.Duration // of terms.boot: when something was read last, or the turn began
}

// turnIdle is how long a turn lasts in which nothing can be read: the others are not to wait for a partition without a leader.
const turnIdle = 10 * time.Second

// waitsForTurn: there is a long past to fold, and it is not this shard's turn. Nothing is to be read then.
func (s *shard) waitsForTurn() bool { return !s.turn.has && s.past() >= longPast }

// past is how many records are still to be gathered.
func (s *shard) past() events.Offset {
	if s.speaking {
		return 0
	}
	return max(0, s.gatherUntil()-s.at.Input)
}

func (s *shard) takeTurn() {
	s.turn.has, s.turn.fed = true, s.terms.boot()
	s.limits.gather = s.gatherBytes()
}

// endTurn gives a turn back once the past is folded, or does not come.
func (s *shard) endTurn() {
	if s.turn.has && (s.past() == 0 && s.gathered.empty() || s.terms.boot()-s.turn.fed > turnIdle) {
		s.giveTurn()
	}
}

func (s *shard) giveTurn() {
	if s.turn.has {
		<-s.turn.turns
		s.turn.has = false
		s.limits.gather = s.gatherBytes()
	}
}
