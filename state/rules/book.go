// Package rules is the feature that a marketer writes: segments and triggers, out of a book of rules. docs/rulebook.md says
// what each leaf means, to the instant. As against the other features its facts are data, not code. Its one rule: what a
// rule says is a function of the customer's events, of the book and of the instant, whatever was asked before.
package rules

import "github.com/touchfold/touchfold/events"

// A Book is the rules, as written and not yet compiled. It is never modified once it is in use.
type Book struct {
	Segments []Segment
	Triggers []Trigger
}

// A Place is where in the file something stands, from 1; zero if it was in none. It has no meaning.
type Place struct{ Line, Column int }

// An Origin is where in the file the letters of a text stand: from each of these on one beside the other. It has no meaning.
type Origin []Letter

// A Letter is a letter's place in a text, from 1:1, and in the file.
type Letter struct{ In, At Place }

// Of is where in the file a letter stands.
func (o Origin) Of(in Place) (at Place) {
	for _, l := range o {
		if l.In.Line > in.Line || l.In.Line == in.Line && l.In.Column > in.Column {
			break
		}
		if at = l.At; l.In.Line == in.Line {
			at.Column += in.Column - l.In.Column
		}
	}
	return at
}

// About is what a rule says of itself. Only ID has a meaning.
type About struct {
	ID, Name, Owner, Description string
	At                           Place
}

// A Segment is a group of customers: those of whom When is true.
type Segment struct {
	About
	When Condition
}

// A Trigger is something that happens to a customer at an instant, and is told once.
type Trigger struct {
	About
	On          Condition // Happens, or a leaf that is one: see docs/rulebook.md
	When        Condition // nil: always
	Payload     []Field
	Priority    int
	MaxLateness Duration // zero: 24h
	Expires     Duration // zero: never
	Settle      Duration
	Cooldown    Duration
}

// Field is one thing that a trigger carries: a path into the event that matched, for an absence after.PATH into the one
// after which it counts, for an item into its product line.
type Field struct {
	Name, Path string
	At         Place
}

// A Condition is All, Any, Not, Broken or a pointer to a leaf.
type Condition interface{ Where() Place }

type (
	// All is true if all of Of are.
	All struct {
		Of []Condition
		At Place
	}
	// Any is true if at least one of Of is.
	Any struct {
		Of []Condition
		At Place
	}
	// Not is true if Of is not.
	Not struct {
		Of Condition
		At Place
	}
)

// Broken is a condition or happening of which not all could be read: Of, nil if nothing could. What stands in it is looked
// at, and nothing is said of what it lacks. No book that is compiled has one.
type Broken struct {
	Of Condition
	At Place
}

// Match selects events: of one of these names ("*": any), that fulfil a CEL predicate ("": all).
type Match struct {
	Names   []string
	Where   string
	At      Place
	WhereAt Origin
}

// The aggregates of an Event leaf.
const (
	Count        = "count"
	Sum          = "sum"
	Avg          = "avg"
	Min          = "min"
	Max          = "max"
	Distinct     = "distinct"
	First        = "first"
	Last         = "last"
	MostFrequent = "most_frequent"
)

// Event compares an aggregate over the matching events in a window.
type Event struct {
	Match
	Aggregate string // one of the above; "" of one that names no comparison: then Count >= 1, and as a happening each match
	Field     string // of all but Count
	Compare
	Window Window
	Ago    Duration // how long before today a calendar window ends; zero: it ends now
}

// Compare is an operator and what it compares with.
type Compare struct {
	Op     string // == != < <= > >= in contains starts_with exists
	Values []Value
	At     Place
}

// Value is a text or a number, as it was written.
type Value struct {
	Text     string
	Number   Number
	IsNumber bool
}

// Number is a decimal in millionths.
type Number int64

// Window is a span of time that ends now, or with an Event's Ago before.
type Window struct {
	Kind string // "rolling", "calendar", or "" for lifetime
	Duration
}

// Duration is a number and a unit: s m h d w mo y. Zero is none.
type Duration struct {
	N    int
	Unit string
	At   Place
}

// Absence is that something did not happen for so long.
type Absence struct {
	Of        Match
	After     *Match // nil: after the last one
	For       Duration
	Correlate string
	Buyers    bool // else everyone seen
	Everyone  bool // that was said. It has no meaning
	At        Place
}

// Sequence is steps one after the other.
type Sequence struct {
	Steps     []Match
	Within    Duration
	Strict    bool
	Correlate string
	At        Place
}

// Trait compares what was last said of the customer.
type Trait struct {
	Name string
	Compare
}

// Feature compares a figure of another feature.
type Feature struct {
	Name   string
	Window Window
	Compare
}

// If is a CEL predicate on figures and traits.
type If struct {
	Text   string
	At     Place
	TextAt Origin
}

// InSegment is that the customer is in a segment, for so long without a break.
type InSegment struct {
	ID    string
	InFor Duration
	At    Place
}

// Date is that a date has come.
type Date struct {
	Field  string // traits.NAME, or with Of a field of the last such event
	Of     *Match
	Offset Offset
	Recur  string         // "", yearly, monthly
	Clock  events.Instant // the time of day, milliseconds since midnight
	Zone   string         // business, customer, UTC
	For    Duration       // zero: 1d
	At     Place
}

// Offset is a duration with a sign.
type Offset struct {
	Before bool
	Duration
}

// Item is that a date of something owned has come.
type Item struct {
	Of     Match
	Field  string // a field that is a date, or item.warranty_months; "": the day of purchase
	Offset Offset
	Clock  events.Instant
	For    Duration
	At     Place
}

// Cadence is that the customer's own interval is exceeded.
type Cadence struct {
	By        string // customer, category, product
	Of        Match
	Tolerance Number
	Least     int // intervals
	At        Place
}

// Catalogue is that an event of the catalogue meets an interest.
type Catalogue struct {
	Event    Match
	Field    string // of the catalogue's event
	Interest Match
	Same     string // the field of the interest's event; of traits.NAME what was last said counts
	Within   Duration
	Least    int      // how many interests; 0: 1
	Until    *Match   // what ends the interest, by the same field; nil: nothing
	For      Duration // how long it is true; zero: 1d
	At       Place
}

// Bucket is a stable random part of the customers.
type Bucket struct {
	Salt    string
	Percent Number
	At      Place
}

// Entered, Left and Becomes are happenings of a trigger only.
type (
	// Entered happens when the customer enters a segment.
	Entered struct {
		Segment string
		At      Place
	}
	// Left happens when he leaves it.
	Left struct {
		Segment string
		At      Place
	}
	// Becomes happens when a condition becomes true.
	Becomes struct {
		Of Condition
		At Place
	}
)

// Where is the place of the condition.
func (c *All) Where() Place       { return c.At }
func (c *Any) Where() Place       { return c.At }
func (c *Not) Where() Place       { return c.At }
func (c *Broken) Where() Place    { return c.At }
func (c *Event) Where() Place     { return c.Match.At }
func (c *Absence) Where() Place   { return c.At }
func (c *Sequence) Where() Place  { return c.At }
func (c *Trait) Where() Place     { return c.Compare.At }
func (c *Feature) Where() Place   { return c.Compare.At }
func (c *If) Where() Place        { return c.At }
func (c *InSegment) Where() Place { return c.At }
func (c *Date) Where() Place      { return c.At }
func (c *Item) Where() Place      { return c.At }
func (c *Cadence) Where() Place   { return c.At }
func (c *Catalogue) Where() Place { return c.At }
func (c *Bucket) Where() Place    { return c.At }
func (c *Entered) Where() Place   { return c.At }
func (c *Left) Where() Place      { return c.At }
func (c *Becomes) Where() Place   { return c.At }

// A Fault is one thing that is wrong with a book.
type Fault struct {
	At   Place
	Rule string // whose; "" of the book as a whole
	Text string
}
