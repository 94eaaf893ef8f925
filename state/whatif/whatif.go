// Package whatif compares two rulebooks over the same customers: who is in which segment at an instant under either, what
// happened under either in the days before, and how the segments of the second overlap. As against a run nothing is said,
// and every trigger counts as in force from the beginning. Its one rule: it keeps counts, never a customer.
package whatif

import (
	"slices"
	"strings"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state"
)

// The two sides of a comparison, as indices.
const (
	Present = iota
	Next
)

// Side is a rulebook that is compared.
type Side struct {
	Table *state.Table // every trigger in force from the beginning
	Rules []string     // segment/ID and trigger/ID of all that it has
}

// Config is what is compared, and when.
type Config struct {
	Sides    [2]Side
	At       events.Instant  // events after it count for nothing
	Days     int             // whose occurrences are counted: that of At and those before it, at least 1
	Calendar *state.Calendar // of these days
	Each     func(Change)    // told of each difference, by customer; nil: nobody
}

// A Change is a difference that the second rulebook would make to one customer.
type Change struct {
	Customer events.CustomerID
	Rule     string // segment/ID or trigger/ID
	More     bool   // he would enter, or it would happen; else he would leave, or it would not have happened
	Key      string // of an occurrence's fact, "" of a segment
	At       events.Instant
}

// Segment is how many are in a segment.
type Segment struct {
	Rule               string
	Has                [2]bool // the rulebook has it
	Size               [2]int
	Enter, Leave, Stay int
	index              int
}

// Trigger is how often a trigger happened in the days that are counted.
type Trigger struct {
	Rule        string
	Has         [2]bool
	Total       [2]int
	Days        [2][]int // of it, the earliest first
	Customers   [2]int   // to whom it happened
	More, Fewer int      // occurrences that the second rulebook would add and leave out
}

// Pair is how many customers are in two segments of the second rulebook.
type Pair struct {
	A, B *Segment
	Both int
}

// Comparison is a comparison under way.
type Comparison struct {
	Customers   int // who are known at At
	Approximate int // of them, of whom something was too long to be kept

	config   Config
	from     events.Instant // the first instant that is counted
	first    state.Day
	segments map[string]*Segment
	listed   []*Segment // by index
	pairs    [][]int    // by the larger index and the smaller
	triggers map[string]*Trigger
	asked    [2]answer // scratch
}

// New begins a comparison.
func New(c Config) *Comparison {
	x := &Comparison{config: c, segments: map[string]*Segment{}, triggers: map[string]*Trigger{}}
	x.first = c.Calendar.Of(c.At) - state.Day(c.Days-1)
	x.from = c.Calendar.Start(x.first)
	for i, s := range c.Sides {
		for _, rule := range s.Rules {
			if strings.HasPrefix(rule, triggerPrefix) {
				x.trigger(rule).Has[i] = true
			} else {
				x.segment(rule).Has[i] = true
			}
		}
	}
	return x
}

const (
	segmentPrefix = "segment/"
	triggerPrefix = "trigger/"
)

func (x *Comparison) segment(rule string) *Segment {
	s := x.segments[rule]
	if s == nil {
		s = &Segment{Rule: rule, index: len(x.listed)}
		x.segments[rule] = s
		x.listed = append(x.listed, s)
		x.pairs = append(x.pairs, make([]int, s.index))
	}
	return s
}

func (x *Comparison) trigger(rule string) *Trigger {
	t := x.triggers[rule]
	if t == nil {
		t = &Trigger{Rule: rule, Days: [2][]int{make([]int, x.config.Days), make([]int, x.config.Days)}}
		x.triggers[rule] = t
	}
	return t
}

// Add counts a customer, of whom only id and timeline are read. Each customer is to be added once.
func (x *Comparison) Add(c *state.Customer) {
	for i := range x.config.Sides {
		s := &x.config.Sides[i]
		if i == Next && s.Table.Fingerprint() == x.config.Sides[Present].Table.Fingerprint() {
			x.asked[Next] = x.asked[Present]
			break
		}
		if !x.ask(s.Table, c, &x.asked[i]) {
			return
		}
	}
	x.Customers++
	if c.Approximate() {
		x.Approximate++
	}
	x.countSegments(c.ID())
	x.countTriggers(c.ID())
}

// answer is what a table says of a customer: the segments that he is in, by key, and what happened, by instant and key.
type answer struct {
	in       []*Segment
	happened []occurrence
}

type occurrence struct {
	at   events.Instant
	key  string
	rule string // trigger/ID
}

// ask folds a customer's events by a table. Between two of them everything is known that happens there. It is false if
// there were none.
func (x *Comparison) ask(t *state.Table, of *state.Customer, a *answer) bool {
	a.in, a.happened = nil, nil
	c := t.New(of.ID())
	seen := map[string]bool{}
	listen := func(at events.Instant) {
		c.Occurrences(at, func(o *state.Occurrence) {
			if o.At >= x.from && !seen[o.Key] {
				seen[o.Key] = true
				a.happened = append(a.happened, occurrence{o.At, o.Key, triggerPrefix + o.Rule})
			}
		})
	}
	var last events.Instant
	of.Timeline(func(e *events.Event) {
		if e.Time > x.config.At {
			return
		}
		if c.Events() > 0 && e.Time > last && e.Time > x.from {
			listen(e.Time - 1)
		}
		last = e.Time
		taken := *e
		c.Take(&taken)
	})
	if c.Events() == 0 {
		return false
	}
	listen(x.config.At)
	c.Facts(x.config.At, func(key string, v state.Value) {
		if v == state.Yes && strings.HasPrefix(key, segmentPrefix) {
			a.in = append(a.in, x.segment(key))
		}
	})
	return true
}

func (x *Comparison) countSegments(id events.CustomerID) {
	was, is := x.asked[Present].in, x.asked[Next].in
	for _, s := range was {
		s.Has[Present] = true // of one that is built in, too
		s.Size[Present]++
		if slices.Contains(is, s) {
			s.Stay++
			continue
		}
		s.Leave++
		x.tell(Change{Customer: id, Rule: s.Rule})
	}
	for i, s := range is {
		s.Has[Next] = true
		s.Size[Next]++
		if !slices.Contains(was, s) {
			s.Enter++
			x.tell(Change{Customer: id, Rule: s.Rule, More: true})
		}
		for _, o := range is[:i] {
			x.pairs[max(s.index, o.index)][min(s.index, o.index)]++
		}
	}
}

func (x *Comparison) countTriggers(id events.CustomerID) {
	was, is := x.asked[Present].happened, x.asked[Next].happened
	if len(was)+len(is) == 0 {
		return
	}
	for i, all := range [2][]occurrence{was, is} {
		to := map[*Trigger]bool{}
		for _, o := range all {
			t := x.trigger(o.rule)
			t.Total[i]++
			t.Days[i][x.config.Calendar.Of(o.at)-x.first]++
			if !to[t] {
				to[t] = true
				t.Customers[i]++
			}
		}
	}
	both := map[occurrence]bool{}
	for _, o := range is {
		both[o] = false
	}
	for _, o := range was {
		if _, ok := both[o]; ok {
			both[o] = true
			continue
		}
		x.trigger(o.rule).Fewer++
		x.tell(Change{Customer: id, Rule: o.rule, Key: o.key, At: o.at})
	}
	for _, o := range is {
		if !both[o] {
			x.trigger(o.rule).More++
			x.tell(Change{Customer: id, Rule: o.rule, More: true, Key: o.key, At: o.at})
		}
	}
}

func (x *Comparison) tell(c Change) {
	if x.config.Each != nil {
		x.config.Each(c)
	}
}
