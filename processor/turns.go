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
//
// Those that speak, and are as far behind, take turns too, as many: each has the memory of those that wait, so its customers
// fit. Six million touchpoints of 100,000 customers, 8 shards, 1 GiB, 2 processors: two at a time 30 to 60 µs of CPU a
// touchpoint, a third of them the collector's, one at a time 20 to 30, a tenth. Where others wait a turn lasts ten seconds, for
// those who wait come no nearer.

// longPast is from how many records on a shard waits for its turn. What a restart leaves to be read is far less.
const longPast = 100_000

// turns are taken by sending and given back by receiving.
type turns struct{ mute, speaking chan struct{} }

// turnBytes is the memory for which one shard more may fold a long past: what it gathers or has of customers, what changed, and
// what Badger needs to write it.
const turnBytes = 640 << 20

func (c *Config) newTurns() turns {
	n := max(1, min(runtime.GOMAXPROCS(0), int(c.Memory/turnBytes)))
	return turns{mute: make(chan struct{}, n), speaking: make(chan struct{}, n)}
}

// turn is a shard's part in turns.
type turn struct {
	turns turns
	held  chan struct{} // what is to be given back; nil: it is not this shard's turn
	waits bool          // and is counted as one that does
	began time.Duration // of terms.boot
	fed   time.Duration // when something was read last, or the turn began
}

// turnIdle is how long a turn lasts in which nothing can be read: the others are not to wait for a partition without a leader.
// turnLong is how long one lasts that speaks, if others wait.
const turnIdle, turnLong = 10 * time.Second, 10 * time.Second

// waitsForTurn: there is much to fold, and it is not this shard's turn. Nothing is to be read then.
func (s *shard) waitsForTurn() bool {
	waits := s.turn.held == nil && s.behind() >= longPast
	if waits != s.turn.waits {
		s.turn.waits = waits
		s.shares.wait(waits)
		s.share()
	}
	return waits
}

// toTake is where a turn is taken.
func (s *shard) toTake() chan struct{} {
	if s.speaking {
		return s.turn.turns.speaking
	}
	return s.turn.turns.mute
}

// behind is how many records are to be folded, if mute of those that are gathered.
func (s *shard) behind() events.Offset {
	if s.speaking {
		return max(0, s.end-s.at.Input)
	}
	return max(0, s.gatherUntil()-s.at.Input)
}

// takeTurn comes after a turn was taken.
func (s *shard) takeTurn(held chan struct{}) {
	s.turn.held, s.turn.began, s.turn.fed = held, s.terms.boot(), s.terms.boot()
	s.waitsForTurn() // not any more
	s.share()
}

// endTurn gives a turn back once all is folded, or does not come, or it has been long.
func (s *shard) endTurn() {
	if s.turn.held == nil {
		return
	}
	now := s.terms.boot()
	over := s.behind() == 0 && s.gathered.empty()
	if _, waiting := s.shares.get(); s.speaking {
		over = s.behind() < longPast/100 || waiting > 0 && now-s.turn.began > turnLong
	}
	if over || now-s.turn.fed > turnIdle {
		s.giveTurn()
	}
}

func (s *shard) giveTurn() {
	if s.turn.held != nil {
		<-s.turn.held
		s.turn.held = nil
		s.share()
		if s.gathered.empty() {
			s.gathered.clear() // the memory is another's now
		}
	}
}

// leaveTurns comes when the shard ends.
func (s *shard) leaveTurns() {
	s.giveTurn()
	if s.turn.waits {
		s.turn.waits = false
		s.shares.wait(false)
	}
}
