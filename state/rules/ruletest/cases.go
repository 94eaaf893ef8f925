package ruletest

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state"
	"github.com/touchfold/touchfold/state/rules"
)

// Segment and Trigger are the ids of what a case asks about.
const (
	Segment = "s"
	Trigger = "t"
)

// Case is one sentence of docs/rulebook.md, and what follows from it for one customer, worked out by hand.
type Case struct {
	Name   string
	Zone   *time.Location
	Book   *rules.Book
	Events []events.Event // in the order of a timeline
	Truths []Truth        // of Segment
	// Occurrences are all of Trigger with T0 up to Until, unless the book has no trigger.
	Occurrences []Occurrence
	Until       events.Instant
	Since       events.Instant // from when on Trigger is in force
}

// Truth is whether the customer is in the segment at an instant.
type Truth struct {
	At events.Instant
	Is bool
}

// Occurrence is one time that a trigger happened and stands.
type Occurrence struct {
	Key      string
	T0, Said events.Instant
}

// Cases are all cases.
func Cases() []Case {
	var all []Case
	for _, w := range slices.Concat(aggregates, fields, windows, past, conditions, absences, sequences, dates, products, happened,
		kept, offers) {
		all = append(all, w.read())
	}
	return all
}

// row is a case as it is written down. Times are local to the zone, or RFC 3339. The ids of events are e1, e2 … as they
// stand here; {e1} in a key is the digits that stand for one.
type row struct {
	name   string
	zone   string // Asia/Hong_Kong if left out
	when   rules.Condition
	other  []rules.Segment // besides
	on     *rules.Trigger
	events []string // time, name, and what event.set reads
	no     []string // instants at which when is false
	yes    []string // at which it is true
	happen []string // key, T0, and if it differs when it is said
	until  string   // 2030 if left out
	since  string
}

func (w row) read() Case {
	if w.zone == "" {
		w.zone = "Asia/Hong_Kong"
	}
	c := Case{Name: w.name, Zone: Load(w.zone), Book: &rules.Book{Segments: w.other}}
	at := func(text string) events.Instant { return readTime(text, c.Zone) }
	for i, line := range w.events {
		c.Events = append(c.Events, readEvent(line, i+1, c.Zone))
	}
	Sort(c.Events)
	if w.when != nil {
		c.Book.Segments = append(c.Book.Segments, rules.Segment{About: rules.About{ID: Segment}, When: w.when})
	}
	for _, t := range w.no {
		c.Truths = append(c.Truths, Truth{at(t), false})
	}
	for _, t := range w.yes {
		c.Truths = append(c.Truths, Truth{at(t), true})
	}
	if w.on == nil {
		return c
	}
	t := *w.on
	t.ID = Trigger
	c.Book.Triggers = []rules.Trigger{t}
	c.Until = at("2030-01-01 00:00")
	if w.until != "" {
		c.Until = at(w.until)
	}
	if w.since != "" {
		c.Since = at(w.since)
	}
	for _, text := range w.happen {
		key, t0, _ := strings.Cut(text, " ")
		t0, said, ok := strings.Cut(t0, " said ")
		if !ok {
			said = t0
		}
		c.Occurrences = append(c.Occurrences, Occurrence{named.ReplaceAllStringFunc(key, mark), at(t0), at(said)})
	}
	return c
}

var named = regexp.MustCompile(`\{e\d+\}`)

func mark(name string) string {
	return fmt.Sprintf("%016x", state.Fingerprint("", strings.Trim(name, "{}")))
}

func readTime(text string, zone *time.Location) events.Instant {
	// A fraction may follow the seconds.
	for _, layout := range []string{time.RFC3339, "2006-01-02 15:04:05", "2006-01-02 15:04"} {
		if t, err := time.ParseInLocation(layout, text, zone); err == nil {
			return events.At(t)
		}
	}
	panic(fmt.Sprintf("ruletest: %q is no time such as 2024-02-29 10:00", text))
}

var eventLine = regexp.MustCompile(`^(\S+T\S+|\S+ \S+) ([A-Za-z* ]+?)((?: [a-z.]+=\S*)*)$`)

// readEvent reads a time, a name, and words=values.
func readEvent(line string, n int, zone *time.Location) events.Event {
	parts := eventLine.FindStringSubmatch(line)
	if parts == nil {
		panic(fmt.Sprintf("ruletest: %q is no event", line))
	}
	e := events.Event{Customer: Customer, ID: fmt.Sprintf("e%d", n), Content: uint64(n)}
	e.Time, e.Name = readTime(parts[1], zone), parts[2]
	if e.Type = events.TypeOf(e.Name); e.Type.OfWorld() {
		e.Customer = ""
	}
	e.Channel = e.Type.About().Channel
	if e.Type.About().Body == events.Sale {
		e.Order.Currency = HKD
	}
	var rest, lines []string
	for _, word := range strings.Fields(parts[3]) {
		name, text, _ := strings.Cut(word, "=")
		head, tail, _ := strings.Cut(name, ".")
		switch head {
		case "p": // a property
			rest = append(rest, `"`+tail+`":`+text)
		case "t": // a trait
			e.Traits = append(e.Traits, events.Trait{Name: tail, Value: []byte(text)})
		case "i": // a line: product:category:quantity:price:serial:months:other properties
			fields := append(strings.SplitN(text, ":", 7), "", "", "", "", "", "", "")
			e.Items = append(e.Items, readItem(fields))
			lines = append(lines, "{"+fields[6]+"}")
		default:
			set(&e, name, text)
		}
	}
	if strings.Trim(strings.Join(lines, ""), "{}") != "" {
		rest = append(rest, `"products":[`+strings.Join(lines, ",")+"]")
	}
	if len(rest) > 0 {
		e.Rest = []byte("{" + strings.Join(rest, ",") + "}")
	}
	return e
}

func set(e *events.Event, name, text string) {
	switch name {
	case "sequence":
		e.Sequence = text
	case "channel":
		e.Channel = text
	case "order":
		e.Order.ID = text
	case "currency":
		copy(e.Order.Currency[:], text)
	case "value":
		e.Order.Value, e.Order.Stated = readDecimal(text, 100), true
	case "units":
		e.Order.Units = events.Milli(readDecimal(text, 1000))
	default:
		panic("ruletest: an event has no " + name)
	}
}

func readItem(f []string) events.Item {
	it := events.Item{ProductID: f[0], Category: f[1], Quantity: 1000, Serial: f[4]}
	if f[2] != "" {
		it.Quantity = events.Milli(readDecimal(f[2], 1000))
	}
	it.Price = readDecimal("0"+f[3], 100)
	it.Warranty = int32(readDecimal("0"+f[5], 1))
	return it
}

// readDecimal reads a decimal in so many parts of one.
func readDecimal(text string, parts float64) int64 {
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		panic(err)
	}
	return int64(f*parts + 0.5)
}
