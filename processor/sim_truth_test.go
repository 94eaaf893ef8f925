package processor

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state"
)

// The facts of the simulation, with windows of minutes so that time makes and unmakes them within a seed:
//
//	lifecycle          how many orders and refunds there ever were, their sum, and the last one's id: whatever is lost,
//	                   doubled or out of order changes it
//	segment/vip        the sum over the last 30 min is above what the rulebook says
//	segment/quiet      there was an order, none in the last 20 min
//	segment/care/<id>  12 min after an order of 80 or more without a refund since, if the rulebook knows of it
//	trigger/care/<id>  the same as an occurrence
//	trigger/big/<id>   an order of 100 or more
//	trigger/offer/<id> a product that is the order's amount modulo 4 is there again within 40 min of it
//	segment/offered    that was so in the last 10 min
const (
	simBigFrom   = 100
	simVIPWindow = 30 * simMinute
	simQuiet     = 20 * simMinute
	simCare      = 12 * simMinute
	simCareFrom  = 80
	simWanted    = 40 * simMinute
	simOffered   = 10 * simMinute
	simProducts  = 4

	simMinute events.Instant = 60_000
	simHour                  = 60 * simMinute
	simDay                   = 24 * simHour
)

// simMove is one order or refund, of which the amount is negative.
type simMove struct {
	at     events.Instant
	id     string
	amount int64
}

// simAsks is how the simulation's feature asks for events of the world.
const simAsks = 7

// simRules are what a rulebook says.
type simRules struct {
	vipOver  int64
	care     bool
	lateness events.Instant // of occurrences
}

// simTrigger is an occurrence's key and instant.
type simTrigger struct {
	key    string
	at     events.Instant
	amount int64
}

// simMet: an event of the world meets an order, of moves in order.
func simMet(o simMove, moves []simMove) bool {
	return slices.ContainsFunc(moves, func(m simMove) bool {
		return m.amount > 0 && m.amount%simProducts == o.amount && m.at <= o.at && o.at < m.at+simWanted
	})
}

// simHappened is what has happened by an instant, of moves in order, none of them later; offers are the events of the world.
func simHappened(rules simRules, moves, offers []simMove, at events.Instant) (all []simTrigger) {
	for _, o := range offers {
		if o.at <= at && simMet(o, moves) {
			all = append(all, simTrigger{"trigger/offer/" + o.id, o.at, o.amount})
		}
	}
	for i, m := range moves {
		if m.amount >= simBigFrom {
			all = append(all, simTrigger{"trigger/big/" + m.id, m.at, m.amount})
		}
		if t := m.at + simCare; rules.care && m.amount >= simCareFrom && t <= at && !refundedBetween(moves[i:], m.at, t) {
			all = append(all, simTrigger{"trigger/care/" + m.id, t, m.amount})
		}
	}
	return all
}

// ruled: the rules know of the occurrence's trigger.
func (r simRules) ruled(key string) bool { return r.care || !strings.HasPrefix(key, "trigger/care/") }

// simFacts calls say with what is true at an instant of moves in order, none of them later.
func simFacts(rules simRules, moves, offers []simMove, at events.Instant, say func(key string, v state.Value)) {
	if len(moves) == 0 {
		return
	}
	var sum, recent int64
	last := events.Instant(-1)
	for i, m := range moves {
		sum += m.amount
		if m.at > at-simVIPWindow {
			recent += m.amount
		}
		if m.amount < 0 {
			continue
		}
		last = m.at
		if rules.care && m.amount >= simCareFrom && m.at+simCare <= at && !refundedBetween(moves[i:], m.at, m.at+simCare) {
			say("segment/care/"+m.id, state.Yes)
		}
	}
	say("lifecycle", fmt.Sprintf("%d, %d, %s", len(moves), sum, moves[len(moves)-1].id))
	if recent > rules.vipOver {
		say("segment/vip", state.Yes)
	}
	if slices.ContainsFunc(offers, func(o simMove) bool { return o.at <= at && at < o.at+simOffered && simMet(o, moves) }) {
		say("segment/offered", state.Yes)
	}
	if last >= 0 && last+simQuiet <= at {
		say("segment/quiet", state.Yes)
	}
}

func refundedBetween(moves []simMove, from, to events.Instant) bool {
	return slices.ContainsFunc(moves, func(m simMove) bool { return m.amount < 0 && m.at > from && m.at <= to })
}

// simHorizon is the next instant at which one of the windows ends.
func simHorizon(moves, offers []simMove, at events.Instant) events.Instant {
	next := events.Never
	for _, o := range offers {
		if t := o.at + simOffered; t > at {
			next = min(next, t)
		}
	}
	for _, m := range moves {
		for _, t := range [...]events.Instant{m.at + simVIPWindow, m.at + simQuiet, m.at + simCare} {
			if t > at {
				next = min(next, t)
			}
		}
	}
	return next
}

// simState is what the simulation's one feature keeps.
type simState struct{ moves, offers []simMove }

// simBelief is what the rulebooks of the simulation mean: a table with that feature for each.
var simBelief = sync.OnceValue(func() map[simRules]*state.Table {
	tables := map[simRules]*state.Table{}
	for _, rules := range simRulebooks {
		t, err := state.NewTable(simFeature(rules))
		if err != nil {
			panic(err)
		}
		tables[rules] = t
	}
	return tables
})

func simFeature(rules simRules) state.Feature {
	return &state.Spec[simState]{
		Name: "sim", Version: 1, Doc: "orders and refunds within minutes", Basis: fmt.Sprint(rules),
		Folds: []events.Type{events.OrderCompleted, events.OrderRefunded, events.ProductRestocked},
		World: simWorldOf(),
		Fold: func(s *simState, e *events.Event) {
			if e.Type == events.ProductRestocked {
				s.offers = append(s.offers, simOffer(e))
				return
			}
			amount := e.Order.Value
			if e.Type == events.OrderRefunded {
				amount = -amount
			}
			s.moves = append(s.moves, simMove{e.Time, string([]byte(e.ID)), amount})
		},
		Facts: func(s *simState, _ state.Known, at events.Instant, say func(string, state.Value)) {
			simFacts(rules, s.moves, s.offers, at, say)
		},
		Occurrences: func(s *simState, _ state.Known, at events.Instant, say func(o *state.Occurrence)) {
			for _, x := range simHappened(rules, s.moves, s.offers, at) {
				say(&state.Occurrence{Key: x.key, At: x.at, Old: x.at+rules.lateness < at,
					Payload: []events.Property{{Name: "amount", Value: strconv.FormatInt(x.amount, 10)}}})
			}
		},
		Settled: func(key string, effective, at events.Instant) bool {
			return !rules.ruled(key) || effective+rules.lateness < at
		},
		Horizon: func(s *simState, _ state.Known, at events.Instant) events.Instant {
			return simHorizon(s.moves, s.offers, at)
		},
		Append: appendSimState,
		Parse:  parseSimState,
	}
}

// simOffer is an event of the world.
func simOffer(e *events.Event) simMove {
	n, _ := strconv.Atoi(strings.TrimPrefix(e.Items[0].ProductID, "p"))
	return simMove{e.Time, strings.Clone(e.ID), int64(n)}
}

func simWorldOf() *state.World[simState] {
	return &state.World[simState]{
		Meets: func(s *simState, e *events.Event) bool { return simMet(simOffer(e), s.moves) },
		Worldly: state.Worldly{
			Asks: []uint64{simAsks},
			Interests: func(e *events.Event, say func(state.Interest, events.Instant)) {
				if e.Type == events.OrderCompleted {
					say(state.Interest{Asks: simAsks, Value: uint64(e.Order.Value % simProducts)}, e.Time+simWanted)
				}
			},
			Offers: func(e *events.Event, say func(state.Interest)) {
				if e.Type == events.ProductRestocked {
					say(state.Interest{Asks: simAsks, Value: uint64(simOffer(e).amount)})
				}
			},
			Remembers: func(at events.Instant) events.Instant { return at + simYear },
		},
	}
}

func appendSimState(b []byte, s *simState) []byte {
	b = binary.AppendUvarint(b, uint64(len(s.moves)))
	for _, m := range slices.Concat(s.moves, s.offers) {
		b = binary.AppendVarint(b, int64(m.at))
		b = binary.AppendVarint(b, m.amount)
		b = append(binary.AppendUvarint(b, uint64(len(m.id))), m.id...)
	}
	return b
}

func parseSimState(b []byte, s *simState) error {
	moves, n := binary.Uvarint(b)
	for b = b[n:]; len(b) > 0; {
		at, n := binary.Varint(b)
		amount, k := binary.Varint(b[n:])
		size, l := binary.Uvarint(b[n+k:])
		b = b[n+k+l:]
		list := &s.moves
		if uint64(len(s.moves)) == moves {
			list = &s.offers
		}
		*list = append(*list, simMove{events.Instant(at), string(b[:size]), amount})
		b = b[size:]
	}
	return nil
}

// simTouch is what a driver meant by a value that it wrote. Not one of a customer: what is to be parked, or nothing.
type simTouch struct {
	customer events.CustomerID
	id       string
	time     events.Instant
	content  uint64 // the value's fingerprint
	amount   int64  // 0: neither order nor refund; of an event of the world the product
	world    bool   // of no customer
}

// simCopy is one of the copies of an event: when it is, by one record of it.
type simCopy struct {
	touch *simTouch
	time  events.Instant // as it counts
}

// simRead is a record as it counts: ok is false if it is to be parked.
func simRead(t *simTouch, appended events.Instant) (c simCopy, ok bool) {
	if t == nil || t.time > appended+5*simMinute {
		return c, false
	}
	return simCopy{t, min(t.time, appended)}, true
}

// simMoves is a customer's orders and refunds, or the events of the world, in order, each once: of copies the smallest.
func simMoves(copies []simCopy) []simMove {
	least := map[string]simCopy{}
	for _, c := range copies {
		old, ok := least[c.touch.id]
		if !ok || cmp.Or(cmp.Compare(c.time, old.time), cmp.Compare(c.touch.content, old.touch.content)) < 0 {
			least[c.touch.id] = c
		}
	}
	var moves []simMove
	for id, c := range least {
		if c.touch.amount != 0 || c.touch.world {
			moves = append(moves, simMove{c.time, id, c.touch.amount})
		}
	}
	slices.SortFunc(moves, func(a, b simMove) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.id, b.id)) })
	return moves
}
