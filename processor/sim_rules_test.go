package processor

import (
	"cmp"
	"fmt"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state"
	"github.com/touchfold/touchfold/state/rulebook"
)

// simRulebooks are what processes of the simulation would believe by, the older ones first.
var simRulebooks = []simRules{{200, true, simYear}, {120, true, simYear}, {200, false, simYear}, {200, true, 20 * simMinute}}

const simYear = 365 * simDay

// rulebook is the rules as a rulebook that stands in no log.
func (r simRules) rulebook() *rulebook.Rulebook {
	return &rulebook.Rulebook{Features: map[string]int{"sim": 1},
		Settings: map[string]string{"vip_over": fmt.Sprint(r.vipOver), "care": fmt.Sprint(r.care),
			"lateness": fmt.Sprint(int64(r.lateness))}}
}

// simRulesOf is what a rulebook says.
func simRulesOf(b *rulebook.Rulebook) simRules {
	for _, r := range simRulebooks {
		if r.rulebook().Digest() == b.Digest() {
			return r
		}
	}
	panic("a rulebook that nobody wrote")
}

func simBelieve(b *rulebook.Rulebook, _ state.Since, _ events.Instant) (Belief, error) {
	return Belief{Table: simBelief()[simRulesOf(b)], Currency: events.Currency{'J', 'P', 'Y'}}, nil
}

// simRuled is a rulebook in the log.
type simRuled struct {
	offset events.Offset
	book   *rulebook.Rulebook
}

// simInForce is what a partition goes by where it is folded up to a position: the greatest rulebook before that, by
// serial and digest, or else the one that the partition's first owner began with.
func simInForce(first *rulebook.Rulebook, log []simRuled, position events.Offset) simRules {
	best := first
	for _, r := range log {
		if r.offset < position && cmp.Or(cmp.Compare(r.book.Serial, best.Serial), cmp.Compare(r.book.Digest(), best.Digest())) > 0 {
			best = r.book
		}
	}
	return simRulesOf(best)
}
