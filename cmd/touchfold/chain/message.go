package chain

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/touchfold/touchfold/events"
)

// props are a message's properties or traits. They are written in the order of their names.
type props = map[string]any

// message is a Segment message.
type message struct {
	Type              string `json:"type"`
	Event             string `json:"event,omitempty"`
	MessageID         string `json:"messageId,omitempty"`
	UserID            string `json:"userId,omitempty"`
	AnonymousID       string `json:"anonymousId,omitempty"`
	PreviousID        string `json:"previousId,omitempty"`
	Timestamp         string `json:"timestamp,omitempty"`
	OriginalTimestamp string `json:"originalTimestamp,omitempty"`
	SentAt            string `json:"sentAt,omitempty"`
	ReceivedAt        string `json:"receivedAt,omitempty"`
	Context           props  `json:"context,omitempty"`
	Properties        props  `json:"properties,omitempty"`
	Traits            props  `json:"traits,omitempty"`

	till bool           // the till's numbers are its id
	skew events.Instant // by which the clock of the sending phone is wrong
}

const stamp = "2006-01-02T15:04:05.000Z07:00"

// utc is how the web says an instant, shopTime how a till says it.
func utc(t events.Instant) string      { return t.Time().Format(stamp) }
func shopTime(t events.Instant) string { return t.Time().In(local).Format(time.RFC3339) }

// send queues a message that happened at t: it arrives a moment later, but not before the line that it comes by is up.
// One in two hundred arrives twice, one in a thousand is damaged on the way.
func (c *Chain) send(t events.Instant, m *message, lineUp events.Instant) {
	arrives := max(t+events.Instant(c.between(50, 900)), lineUp)
	if m.OriginalTimestamp != "" {
		m.SentAt = utc(arrives - second/20 + m.skew)
		m.ReceivedAt = utc(arrives)
	} else if m.Timestamp == "" {
		m.Timestamp = utc(t)
	}
	if !m.till {
		m.MessageID = fmt.Sprintf("%016x", c.rng.Uint64())
	}
	text := m.text()
	switch {
	case c.chance(0.001):
		c.push(entry{at: arrives, touchpoint: pick(c, damage)(text, *m), broken: true})
		return
	case c.chance(0.005):
		c.push(entry{at: arrives + events.Instant(c.between(1, 600))*second, touchpoint: text})
	}
	c.push(entry{at: arrives, touchpoint: text})
}

// text is the message as JSON.
func (m *message) text() []byte {
	text, err := json.Marshal(m)
	if err != nil {
		panic(fmt.Sprintf("write a message: %v", err)) // it holds nothing but texts and numbers
	}
	return text
}

// damage is how a customer's message can be spoilt so that nobody can read it.
var damage = []func(text []byte, m message) []byte{
	func(text []byte, _ message) []byte { return text[:len(text)*2/3] }, // the line broke
	func([]byte, message) []byte { return []byte("<html><body>502 Bad Gateway</body></html>") },
	func(text []byte, _ message) []byte { return append(text[:len(text)-1], ",\"note\":\"\xa4\xa4\"}"...) }, // Big5
	func(_ []byte, m message) []byte {
		m.UserID, m.AnonymousID = "", ""
		return m.text()
	},
	func(_ []byte, m message) []byte {
		m.Timestamp, m.OriginalTimestamp = "yesterday", ""
		return m.text()
	},
	func(_ []byte, m message) []byte {
		m.Type = "beacon"
		return m.text()
	},
	func(_ []byte, m message) []byte {
		m.Type, m.Event, m.Properties = "track", "Order Completed", props{"order_id": "T-0", "total": "12,90O"}
		return m.text()
	},
}

// decimal is an amount in minor units as JSON has it.
func decimal(minor int64, currency string) json.Number {
	code, err := events.ParseCurrency(currency)
	if err != nil {
		panic(fmt.Sprintf("the table of markets: %v", err))
	}
	return json.Number(events.FormatMinor(minor, code))
}

// slug is a name as it stands in an address.
func slug(name string) string { return strings.ReplaceAll(strings.ToLower(name), " ", "-") }
