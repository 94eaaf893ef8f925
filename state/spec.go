package state

import (
	"github.com/touchfold/touchfold/events"
)

// A Spec is one kind of knowledge about a customer, kept as an S. The zero S is that of a customer never seen.
//
// All functions are pure: no clock, no I/O, no logging, no error; bad input was refused before. Fold alone changes an S,
// and sees a customer's events in their order, each once; time changes only what Facts says. What an S keeps of an event
// for long it clones. A Spec belongs to one Table.
type Spec[S any] struct {
	Name    string // key in the store and label in metrics: lower case, never used again for something else
	Version int    // from 1; raised when Fold or the bytes change meaning: timelines are then folded again
	Doc     string // one sentence, shown by `touchfold features`
	// Basis is what beside the events Fold, Facts and Horizon depend on, such as thresholds and the zone. Another Basis is
	// as another Version, and makes the owner look at all customers once.
	Basis string

	Folds []events.Type // the types it reads; nil with a Fold: all of them
	Fold  func(s *S, e *events.Event)
	// Before is called when the next event on the timeline, of whatever type, is at an instant later than that of the one
	// before it, while all states are as that one left them: so s may keep what came of the time between from what was
	// known then. It leaves what Facts, Horizon and Occurrences say as it is. Of an event of the world it is called in any
	// case, and does nothing where s holds an event of that instant.
	Before func(s *S, k Known, to events.Instant)

	World *World[S] // what it makes of events that are of no customer; nil: nothing

	// Needs are the features, earlier in the table, whose state the functions that are given a Known read through Of.
	Needs []Feature
	// Facts says what is true at an instant that is not before the last event folded: every standing fact whose value is
	// not "", each key once.
	Facts func(s *S, k Known, at events.Instant, say func(key string, v Value))
	// Occurrences says what has happened by an instant, as far as it can still be said or withdrawn then; each key once.
	// What is said is copied; the slices in it stay as they are until the next call. At most one feature of a table has
	// occurrences.
	Occurrences func(s *S, k Known, at events.Instant, say func(o *Occurrence))
	// Changes says what Facts and Occurrences say otherwise at an instant than when Compared was called last, or Changes: facts
	// with their value, "" of one that is none any more, and occurrences that have come. What it said counts as compared. It
	// is false, and what it said counts for nothing, if it cannot tell; then all are asked, and Compared is called. Both nil:
	// so it is each time.
	Changes  func(s *S, k Known, at events.Instant, say func(key string, v Value), once func(o *Occurrence)) (all bool)
	Compared func(s *S, k Known, at events.Instant)
	// Settled tells whether at an instant what was said of a key is history, neither said again nor withdrawn: because its
	// rule is gone, or because it was effective too long ago. Asked of keys only that Occurrences does not say then.
	Settled func(key string, effective, at events.Instant) bool

	// Horizon is the first instant after at from which time alone may make Facts or Occurrences say something else; that
	// an occurrence becomes history counts for nothing.
	Horizon func(s *S, k Known, at events.Instant) events.Instant
	// Because names the events that decide that key has its value at that instant, in order; or, where time has just ended
	// it, those that no longer count. Nil: the event at which the value began.
	Because func(s *S, k Known, key string, at events.Instant) []Mark

	// Append writes s so that equal states are equal bytes; Parse reads that into a zero S. Nil for an empty S.
	Append func(b []byte, s *S) []byte
	Parse  func(b []byte, s *S) error

	// Report is what a person is shown of s at an instant, for encoding/json; nil for nothing.
	Report func(s *S, k Known, at events.Instant) any

	index int // place in its table
	table *Table
}

// Value is what a standing fact is: Yes or "" of a yes/no fact, else a text, "" where there is none.
type Value = string

// Yes is the value of a yes/no fact that holds.
const Yes Value = "true"

// A Mark points to an event of a customer's timeline.
type Mark struct {
	Time events.Instant
	ID   uint64 // Fingerprint of source and id; of an event of the world of another source
}

// MarkOf points to e.
func MarkOf(e *events.Event) Mark { return Mark{e.Time, identity(e)} }

// Fingerprint is FNV-1a, 64 bits, of the two texts, with the upper half folded into the lower once more.
func Fingerprint(source, id string) uint64 {
	h := uint64(14695981039346656037)
	for i := 0; i < len(source); i++ {
		h = (h ^ uint64(source[i])) * 1099511628211
	}
	h = (h ^ 0xff) * 1099511628211 // 0xff is in no UTF-8 text: it ends source
	for i := 0; i < len(id); i++ {
		h = (h ^ uint64(id[i])) * 1099511628211
	}
	h ^= h >> 32
	return max(h, 1)
}

// Known is one customer's states, for features that need others'.
type Known struct{ states []any }

// Of is the customer's state of this feature, to be read only.
func (p *Spec[S]) Of(k Known) *S { return k.states[p.index].(*S) }

// A Feature is a *Spec of any state.
type Feature interface {
	about() about
	place(t *Table, index int)

	zero() any
	fold(s any, e *events.Event)
	before(s any, k Known, to events.Instant)
	changes(s any, k Known, at events.Instant, say func(string, Value), once func(*Occurrence)) bool
	compared(s any, k Known, at events.Instant)
	meets(s any, e *events.Event) bool
	facts(s any, k Known, at events.Instant, say func(string, Value))
	occurrences(s any, k Known, at events.Instant, say func(*Occurrence))
	settled(key string, effective, at events.Instant) bool
	horizon(s any, k Known, at events.Instant) events.Instant
	because(s any, k Known, key string, at events.Instant) []Mark
	append(b []byte, s any) []byte
	parse(b []byte) (any, error)
	report(s any, k Known, at events.Instant) any
}

// about is what a table needs to know of a feature.
type about struct {
	name, doc, basis   string
	print              uint64 // of name and basis; 0 without a basis
	version            int
	folds              []events.Type
	hasFold, hasBefore bool
	hasChanges         bool
	world              *Worldly
	hasFacts, hasState bool // facts or occurrences
	happens            bool // has occurrences
	faults             []string
	needs              []Feature
	table              *Table
}

func (p *Spec[S]) about() about {
	a := about{name: p.Name, doc: p.Doc, basis: p.Basis, version: p.Version, folds: p.Folds, hasFold: p.Fold != nil,
		hasBefore: p.Before != nil, hasChanges: p.Changes != nil, hasFacts: p.Facts != nil || p.Occurrences != nil,
		happens: p.Occurrences != nil, hasState: p.Append != nil, needs: p.Needs, table: p.table}
	if a.basis != "" {
		a.print = Fingerprint(a.name, a.basis)
	}
	if (p.Append == nil) != (p.Parse == nil) {
		a.faults = append(a.faults, "has one of Append and Parse")
	}
	if p.Fold != nil && p.Append == nil {
		a.faults = append(a.faults, "folds a state that it cannot write")
	}
	if a.hasFacts != (p.Horizon != nil) {
		a.faults = append(a.faults, "has Horizon without Facts and Occurrences, or one of these without it")
	}
	if (p.Occurrences == nil) != (p.Settled == nil) {
		a.faults = append(a.faults, "has one of Occurrences and Settled")
	}
	if (p.Changes == nil) != (p.Compared == nil) {
		a.faults = append(a.faults, "has one of Changes and Compared")
	}
	if a.hasBefore && !a.hasState {
		a.faults = append(a.faults, "has Before, and a state that it cannot write")
	}
	if w := p.World; w != nil {
		a.world = &w.Worldly
		if w.Interests == nil || w.Offers == nil || w.Meets == nil || w.Remembers == nil || p.Fold == nil {
			a.faults = append(a.faults, "has a World that is not whole")
		}
	}
	if len(p.Folds) > 0 && p.Fold == nil {
		a.faults = append(a.faults, "has Folds without Fold")
	}
	return a
}

func (p *Spec[S]) place(t *Table, index int) { p.table, p.index = t, index }

func (p *Spec[S]) zero() any { return new(S) }

func (p *Spec[S]) fold(s any, e *events.Event) { p.Fold(s.(*S), e) }

func (p *Spec[S]) changes(s any, k Known, at events.Instant, say func(string, Value), once func(*Occurrence)) bool {
	return p.Changes(s.(*S), k, at, say, once)
}

func (p *Spec[S]) compared(s any, k Known, at events.Instant) { p.Compared(s.(*S), k, at) }

func (p *Spec[S]) meets(s any, e *events.Event) bool { return p.World.Meets(s.(*S), e) }

func (p *Spec[S]) before(s any, k Known, to events.Instant) { p.Before(s.(*S), k, to) }

func (p *Spec[S]) facts(s any, k Known, at events.Instant, say func(string, Value)) {
	if p.Facts != nil {
		p.Facts(s.(*S), k, at, say)
	}
}

func (p *Spec[S]) occurrences(s any, k Known, at events.Instant, say func(*Occurrence)) {
	p.Occurrences(s.(*S), k, at, say)
}

func (p *Spec[S]) settled(key string, effective, at events.Instant) bool {
	return p.Settled(key, effective, at)
}

func (p *Spec[S]) horizon(s any, k Known, at events.Instant) events.Instant {
	return p.Horizon(s.(*S), k, at)
}

func (p *Spec[S]) because(s any, k Known, key string, at events.Instant) []Mark {
	if p.Because == nil {
		return nil
	}
	return p.Because(s.(*S), k, key, at)
}

func (p *Spec[S]) append(b []byte, s any) []byte {
	if p.Append == nil {
		return b
	}
	return p.Append(b, s.(*S))
}

func (p *Spec[S]) parse(b []byte) (any, error) {
	s := new(S)
	if p.Parse == nil || len(b) == 0 {
		return s, nil
	}
	return s, p.Parse(b, s)
}

func (p *Spec[S]) report(s any, k Known, at events.Instant) any {
	if p.Report == nil {
		return nil
	}
	return p.Report(s.(*S), k, at)
}
