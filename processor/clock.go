package processor

import (
	"time"

	"github.com/touchfold/touchfold/events"
)

// ClockMargin is how far the clock stays behind the time at which an empty fetch was sent, in milliseconds.
const ClockMargin events.Instant = 2000

// brokerClock is what a shard knows of the broker's clock.
type brokerClock struct {
	brokerTime events.Instant // of the last mark that was read,
	brokerBoot time.Duration  // and before it was sent
	doubted    bool           // this machine's clock
}

// present is when an empty fetch was sent, by our clock, which is believed as far as it agrees with the broker's: with that
// of the last mark read and the time that has passed since. A clock that is a year ahead would have customers lapse, and
// later owners follow what was said.
func (s *shard) present(sent events.Instant) events.Instant {
	if s.config.Topics.CreateTime { // the clock is the caller's
		return sent
	}
	latest := s.brokerTime + events.Instant((s.terms.boot() - s.brokerBoot).Milliseconds()) + brokersAhead
	if sent > latest && !s.doubted {
		s.doubted = true
		s.log.Error().Dur("ahead", time.Duration(sent-latest+brokersAhead)*time.Millisecond).
			Msg("this machine's clock is far ahead of the broker's and is not believed: set it")
	}
	return min(sent, latest)
}

// advance moves the clock, never back.
func (s *shard) advance(to events.Instant) {
	if to > s.at.Clock {
		s.at.Clock, s.due = to, true
	}
}
