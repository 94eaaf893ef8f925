package events

import "math/bits"

// Reason says why a record was refused and parked: a closed list, whose names are metric labels and header values.
type Reason uint8

// The reasons, in the order in which the decoder looks for them: a record with several faults has the first. (Of the
// middle three the one whose byte comes first.)
const (
	TooLarge        Reason = iota + 1 // the value is longer than MaxBytes
	InvalidUTF8                       // the value or a CloudEvents header is not UTF-8
	NotJSON                           // no value, or a value (or data_base64) that is not one JSON text
	TooDeep                           // nested deeper than MaxDepth, the outermost object counting 1
	NotObject                         // JSON, but neither it nor a CloudEvent's data is an object
	UnknownEnvelope                   // none of the three shapes: not CloudEvents 1.0, no Segment type, no event name …
	NoID                              // a CloudEvent without id, or an id that cannot serve
	NoCustomer                        // neither userId, subject nor anonymousId, or one that cannot serve
	BadTime                           // a time that is not RFC 3339, or before 1970
	FutureTime                        // more than Ahead later than the append time
	BadAmount                         // money or a quantity of an order that cannot be read, is too large or negative
	BadControl                        // a control record of this app, ControlOf, that this app did not write; no decoder says so
)

// Reasons are all reasons, in order.
var Reasons = []Reason{TooLarge, InvalidUTF8, NotJSON, TooDeep, NotObject, UnknownEnvelope, NoID, NoCustomer, BadTime,
	FutureTime, BadAmount, BadControl}

var reasonNames = [...]string{
	TooLarge: "too large", InvalidUTF8: "invalid UTF-8", NotJSON: "not JSON", TooDeep: "too deep",
	NotObject: "not an object", UnknownEnvelope: "unknown envelope", NoID: "no id", NoCustomer: "no customer",
	BadTime: "bad time", FutureTime: "time in the future", BadAmount: "bad amount", BadControl: "bad control record",
}

// String is the reason's name: "not JSON", "no customer" ...
func (r Reason) String() string { return reasonNames[r] }

// Refusal says why a record is no event. Detail is for a person, one of the decoder's own texts: it holds nothing of
// the record.
type Refusal struct {
	Reason Reason
	Detail string
}

// String is the reason and the detail.
func (r *Refusal) String() string { return r.Reason.String() + ": " + r.Detail }

// Notes are what is counted of an event that was accepted.
type Notes uint16

// The notes.
const (
	NoTime        Notes = 1 << iota // no time was sent: the append time stands in
	NoMessageID                     // no id was sent: the position stands in
	NoCurrency                      // an amount without a currency: the configured one stands in
	Rounded                         // more digits than the currency, or a quantity, has: rounded half up
	Corrected                       // originalTimestamp, corrected by receivedAt - sentAt
	Clamped                         // sent as later than its append time, by Ahead at most: the append time stands in
	UnknownName                     // the table does not have the event's name
	IgnoredAmount                   // money or a quantity that cannot be read, on an event that is no order: left in Rest
)

var noteNames = [...]string{"no time", "no id", "no currency", "rounded", "clock corrected", "clamped", "unknown name",
	"amount ignored"}

// AllNotes are all notes, each alone, for metrics.
var AllNotes = []Notes{NoTime, NoMessageID, NoCurrency, Rounded, Corrected, Clamped, UnknownName, IgnoredAmount}

// Has says whether all notes of m are in n.
func (n Notes) Has(m Notes) bool { return n&m == m }

// String is the name of a single note, "" of none or several.
func (n Notes) String() string {
	if bits.OnesCount16(uint16(n)) != 1 {
		return ""
	}
	return noteNames[bits.TrailingZeros16(uint16(n))]
}
