package main

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/touchfold/touchfold/config"
	"github.com/touchfold/touchfold/events"
)

// heard is what the demo knows without asking touchfold's store: what it fed, and what it heard.
type heard struct {
	config *config.Config
	now    events.Instant // where live begins
	live   atomic.Bool
	fed    atomic.Int64 // touchpoints

	decoder *events.Decoder // with event the feeder's
	event   events.Event

	mu    sync.Mutex
	at    events.Instant
	notes map[moment]note
	said  map[events.CustomerID][]*events.Statement // in order of N of each fact
	known map[word]bool
	kinds map[string]int
	fresh []*events.Statement // not shown yet
}

// moment is when a customer did something.
type moment struct {
	customer events.CustomerID
	at       events.Instant
}

// note is what it was.
type note struct {
	kind     events.Type
	name     string
	channel  string
	value    int64
	currency events.Currency
}

// word is one statement.
type word struct {
	customer events.CustomerID
	fact     string
	n        uint32
}

func newHeard(c *config.Config, now events.Instant) *heard {
	return &heard{config: c, now: now, decoder: events.NewDecoder(events.DecoderConfig{Currency: c.Business.Currency}),
		notes: map[moment]note{}, said: map[events.CustomerID][]*events.Statement{}, known: map[word]bool{}, kinds: map[string]int{}}
}

// note remembers a touchpoint that will be fed.
func (h *heard) note(touchpoint []byte, at events.Instant) {
	h.fed.Add(1)
	e := &h.event
	if h.decoder.Decode(&events.Record{Append: at, Value: touchpoint}, e) != nil || e.Customer == "" {
		return
	}
	m := moment{events.CustomerID(strings.Clone(string(e.Customer))), e.Time}
	h.mu.Lock()
	defer h.mu.Unlock()
	if old, ok := h.notes[m]; !ok || old.value == 0 {
		h.notes[m] = noteOf(e)
	}
}

func noteOf(e *events.Event) note {
	n := note{kind: e.Type, name: strings.Clone(e.Name), channel: strings.Clone(e.Channel)}
	if e.Type.About().Body == events.Sale {
		n.value, n.currency = e.Order.Value, e.Order.Currency
	}
	return n
}

// hear takes a statement; one that was heard before changes nothing.
func (h *heard) hear(s *events.Statement) {
	h.mu.Lock()
	defer h.mu.Unlock()
	w := word{s.Customer, s.Fact, s.N}
	if h.known[w] {
		return
	}
	h.known[w] = true
	h.said[s.Customer] = append(h.said[s.Customer], s)
	h.kinds[kindOf(s)]++
	h.fresh = append(h.fresh, s)
}

// take is what was heard since the last call, in order of the time from which it holds.
func (h *heard) take() []*events.Statement {
	h.mu.Lock()
	defer h.mu.Unlock()
	fresh := h.fresh
	h.fresh = nil
	slices.SortStableFunc(fresh, func(a, b *events.Statement) int { return cmp.Compare(a.Clock, b.Clock) })
	return fresh
}

func (h *heard) counts() map[string]int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return maps.Clone(h.kinds)
}

func (h *heard) move(to events.Instant) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.at = to
}

// clock is how far the touchpoints were fed.
func (h *heard) clock() events.Instant {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.at
}

// trigger is the touchpoint with which a statement became true, if it was one.
func (h *heard) trigger(s *events.Statement) (note, bool) {
	if s.Cause == events.ByTime {
		return note{}, false
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	n, ok := h.notes[moment{s.Customer, s.Effective}]
	return n, ok
}

// central is the customer of whom the most different things were said, of equals the first.
func (h *heard) central() (events.CustomerID, []*events.Statement) {
	h.mu.Lock()
	defer h.mu.Unlock()
	var best events.CustomerID
	most := 0
	for id, said := range h.said {
		kinds := map[string]bool{}
		for _, s := range said {
			kinds[kindOf(s)] = true
		}
		if n := len(kinds); n > most || n == most && id < best {
			best, most = id, n
		}
	}
	said := slices.Clone(h.said[best])
	slices.SortStableFunc(said, func(a, b *events.Statement) int { return cmp.Compare(a.Effective, b.Effective) })
	return best, said
}
