package state

import "github.com/touchfold/touchfold/events"

// AppendPacked packs an event, but for its customer: as much of it as a timeline keeps. It may shorten e.Rest and e.Traits.
func AppendPacked(b []byte, e *events.Event) []byte { return appendEntry(b, e) }

// Unpack reads what AppendPacked packed into e, but for its customer. The strings of e are parts of b.
func Unpack(b []byte, e *events.Event) error { return parseEntry(b, e) }

// TakePacked takes an event that AppendPacked packed, as Take does, and keeps nothing of b. e is scratch; its Type and Time
// are the event's afterwards.
func (c *Customer) TakePacked(b []byte, e *events.Event) (Outcome, error) {
	e.Customer = c.id
	if err := parseHead(b, e); err != nil {
		return 0, err
	}
	return c.take(e, b), nil
}
