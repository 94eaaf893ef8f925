// Package events is the vocabulary of touchfold: touchpoints, which come in, and derived events, which go out; how
// either is read and written, named and identified. It knows neither Kafka nor what is known of a customer. Its one
// rule: bytes that a stranger wrote become either an Event that every feature may trust, or a Refusal with a reason
// from a closed list; never a guess, an error or a panic.
package events

import (
	"strconv"
	"time"
)

// Instant is a moment in Unix milliseconds UTC. Touchpoints before 1970 are refused, so none is negative.
type Instant int64

// Never is later than every instant: the horizon of what time alone cannot change.
const Never Instant = 1<<63 - 1

// At is the instant of t, cut to milliseconds.
func At(t time.Time) Instant { return Instant(t.UnixMilli()) }

// Time is t in UTC.
func (t Instant) Time() time.Time { return time.UnixMilli(int64(t)).UTC() }

// String is t as RFC 3339 in UTC, with as many fraction digits as are needed (none for whole seconds).
func (t Instant) String() string {
	if t == Never {
		return "never"
	}
	return t.Time().Format("2006-01-02T15:04:05.999Z")
}

// CustomerID names a customer: a userId, a CloudEvents subject, or "anon:" and an anonymousId.
type CustomerID string

// Offset is a record's place in its partition.
type Offset int64

// ShardID is the number of a partition of the touchpoint topic, with its customers.
type ShardID int32

// Position is where a record stood when it was first read.
type Position struct {
	Topic     string
	Partition ShardID
	Offset    Offset
}

// Header is a record's header.
type Header struct {
	Key   string
	Value []byte
}

// Record is what a topic holds of one touchpoint. No Event refers to its bytes; a decoder does until its next Decode.
type Record struct {
	Position
	Append     Instant // when the broker appended it
	Key, Value []byte
	Headers    []Header
}

// Event is a touchpoint that was accepted. Its strings and byte slices are never modified and share a buffer of 16 KiB or
// more with those of others: they may be kept for ever, but one kept alone keeps the whole buffer, so what lives long is
// cloned.
type Event struct {
	Customer CustomerID // at most MaxID bytes, without control characters, as are Source, ID and Sequence; "" of the catalogue's
	Type     Type       // Unknown for a name that the table does not have
	Name     string     // the name as it was sent; for an event in the table its name there

	Source   string // CloudEvents source; of a Segment message "", of a POS line "pos", of one without id "position"
	ID       string // unique within Source and customer
	Sequence string // CloudEvents sequence, "" without

	Time Instant // when it happened, never later than Append
	// Content is a fingerprint of what was sent: the first 8 bytes, big endian, of SHA-256 over the value (for a binary
	// CloudEvent: over its ce_ headers sorted by name, then the value). Of copies that differ the one with the smallest
	// (Time, Content) counts.
	Content uint64

	Channel string // context.channel, else the table's channel for the name, else ""

	Links Links
	// Order and Items are read of the types whose Body is Basket or Sale; of the others all stays in Rest. Of a Basket
	// without products the properties themselves are the one Item, if they name a product.
	Order Order
	Items []Item

	// Traits are those of an identify (traits) or group (group traits), in order of name, of equal names the last.
	Traits []Trait
	// Rest is a JSON object of all other properties, as sent and in that order, or nil: later rules may read it. Of
	// products that were read it has an array of the same length with what is left of each, if anything is; of
	// revenue and value what did not become Order.Value. context.campaign stands last as "campaign". Of equal names the
	// last counts. An identify has none.
	Rest []byte
	// Cut: for its length, something of Traits or Rest was left out where the event was kept.
	Cut bool
}

// Links are the names by which one customer is also known.
type Links struct {
	Anonymous string // anonymousId, where a userId or subject names the customer
	Previous  string // previousId of an alias
	Group     string // groupId
}

// Order is what an order event says of the order as a whole.
type Order struct {
	ID       string   // order_id; GA4: transaction_id; of any length, unlike Event.ID
	Currency Currency // never zero on an order, nor on an event with an amount; the default where Defaulted
	// Value is the amount in minor units: total, else revenue, else value, else the sum over products of price ×
	// quantity; never negative (of a refund it is the absolute value). Stated is false if none of them was there.
	Value     int64
	Stated    bool
	Defaulted bool  // no currency was named and the configured default stands in
	Units     Milli // the property units, for orders without products
}

// Item is one product of an order, a view, a cart.
type Item struct {
	ProductID string // product_id, else sku; GA4: item_id
	Category  string // GA4: item_category
	Quantity  Milli  // of a line without quantity 1; of a refund the absolute value
	Price     int64  // of one piece, in minor units of the order's currency
	Serial    string
	Warranty  int32 // months, 0 without
}

// Milli is a quantity in thousandths: 0.65 kg is 650.
type Milli int64

// String is m as a decimal: 650 is 0.65, 6000 is 6.
func (m Milli) String() string {
	return strconv.FormatFloat(float64(m)/1000, 'f', -1, 64)
}

// Trait is one thing that a customer is said to be or have. Value is its JSON as sent.
type Trait struct {
	Name  string
	Value []byte
}
