package rules

import (
	"crypto/sha256"
	"encoding/binary"
	"math/bits"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state"
	"github.com/touchfold/touchfold/state/rules/expr"
	"github.com/touchfold/touchfold/state/rules/field"
	"github.com/touchfold/touchfold/state/wire"
)

// traitLeaf compares what was last said of the customer.
type traitLeaf struct {
	name    string
	compare comparison
}

func (l *traitLeaf) eval(v *view) (bool, events.Instant) {
	x, _, ok := v.trait(l.name)
	return ok && l.compare.value(x), events.Never
}

func (l *traitLeaf) because(v *view, say func(state.Mark)) {
	if _, m, ok := v.trait(l.name); ok {
		say(m)
	}
}

func (l *traitLeaf) canonical() string { return canonical("trait", l.name, l.compare.canonical()) }

// trait is what was last said of a trait, and by which event.
func (v *view) trait(name string) (x field.Value, m state.Mark, ok bool) {
	s, _ := v.state.pieces.at(v.program.traits).(*traitsState)
	return s.value(name)
}

// figureLeaf compares a figure of another feature.
type figureLeaf struct {
	figure  *state.Figure
	days    int
	compare comparison
	least   int64 // more than 0: it is true of so many or more, and figure.Nth is there
	fewer   bool  // it is true of fewer than least instead
}

// bound finds least, if there is one.
func (l *figureLeaf) bound() {
	if l.figure.Nth == nil || !l.compare.numeric || len(l.compare.numbers) != 1 {
		return
	}
	n := l.compare.numbers[0]
	switch l.compare.op {
	case ">", "<=":
		n++
	case ">=", "<":
	default:
		return
	}
	if n > 0 {
		l.least, l.fewer = (n+million-1)/million, l.compare.op[0] == '<'
	}
}

// counted is eval of a figure that counts what was on days.
func (l *figureLeaf) counted(v *view) (is bool, until events.Instant) {
	day, some := l.figure.Nth(v.known, l.least)
	if !some || l.days == 0 {
		return some != l.fewer, events.Never
	}
	if end := v.program.Calendar.Start(day + state.Day(l.days)); end > v.at {
		return !l.fewer, end
	}
	return l.fewer, events.Never
}

func (l *figureLeaf) eval(v *view) (bool, events.Instant) {
	switch {
	case l.figure.Since != nil && l.compare.numeric:
		return l.sinceDay(v)
	case l.least > 0:
		return l.counted(v)
	}
	if l.figure.Turns != nil {
		return l.turned(v)
	}
	return steady(v.at, func(at events.Instant) (bool, events.Instant) {
		q, until := l.figure.At(v.known, l.days, at)
		return l.holds(q), until
	})
}

func (l *figureLeaf) holds(q state.Quantity) bool { return q.Known && l.compare.value(valueOf(q)) }

// turned is eval of a figure that tells all its values.
func (l *figureLeaf) turned(v *view) (is bool, until events.Instant) {
	q, until := l.figure.At(v.known, l.days, v.at)
	if is = l.holds(q); until == events.Never {
		return is, until
	}
	t := &v.turning
	t.leaf, t.is, t.until = l, is, events.Never
	l.figure.Turns(v.known, l.days, v.at, t.turn)
	return is, t.until
}

// turning looks for the first value of a figure with which a comparison is another. It is scratch, as the view it is part of.
type turning struct {
	leaf  *figureLeaf
	is    bool
	until events.Instant
	turn  func(q state.Quantity, from events.Instant) bool // t.take
}

func (t *turning) take(q state.Quantity, from events.Instant) bool {
	if t.leaf.holds(q) != t.is {
		t.until = from
	}
	return t.until == events.Never
}

// sinceDay is of a figure that is the days since a day: the comparison changes where they pass a number.
func (l *figureLeaf) sinceDay(v *view) (is bool, until events.Instant) {
	day, ok := l.figure.Since(v.known)
	if !ok {
		return false, events.Never
	}
	c := v.program.Calendar
	is, until = l.compare.number(int64(c.Of(v.at)-day)*million), events.Never
	for _, x := range l.compare.numbers {
		n := state.Day(min(max(x/million, -1), 1<<20))
		for _, d := range [...]state.Day{day + n, day + n + 1} {
			if at := c.Start(d); at > v.at && l.compare.number(int64(d-day)*million) != is {
				until = min(until, at)
			}
		}
	}
	return is, until
}

func (l *figureLeaf) because(v *view, say func(state.Mark)) {
	if l.figure.Because != nil {
		for _, m := range l.figure.Because(v.known, l.days, v.at) {
			say(m)
		}
	}
}

func (l *figureLeaf) canonical() string {
	return canonical("feature", l.figure.Name, l.days, l.compare.canonical())
}

func valueOf(q state.Quantity) field.Value {
	if q.Text != "" {
		return field.Value{Text: q.Text}
	}
	return field.NumberOf(q.Number)
}

// ifLeaf is a CEL predicate on figures and traits.
type ifLeaf struct {
	predicate *expr.Predicate
	figures   []*state.Figure
	names     []string // of figures
}

func (l *ifLeaf) eval(v *view) (bool, events.Instant) {
	return steady(v.at, func(at events.Instant) (bool, events.Instant) {
		until := events.Never
		is := l.predicate.HoldsOf(func(name string) (field.Value, bool) {
			for i, f := range l.figures {
				if l.names[i] == name {
					q, end := f.At(v.known, 0, at)
					until = min(until, end)
					return valueOf(q), q.Known
				}
			}
			x, _, ok := v.trait(name[len("traits."):])
			return x, ok
		})
		for _, f := range l.figures { // those that were not asked, too: short cuts depend on what was
			_, end := f.At(v.known, 0, at)
			until = min(until, end)
		}
		return is, until
	})
}

func (l *ifLeaf) because(v *view, say func(state.Mark)) {
	for _, f := range l.figures {
		if f.Because != nil {
			for _, m := range f.Because(v.known, 0, v.at) {
				say(m)
			}
		}
	}
}

func (l *ifLeaf) canonical() string { return canonical("if", l.predicate.Canonical()) }

// segmentLeaf is that the customer is in a segment, for so long without a break.
type segmentLeaf struct {
	segment *segment
	inFor   state.Duration
}

func (l *segmentLeaf) eval(v *view) (bool, events.Instant) {
	is, until := v.segment(l.segment)
	if l.inFor == (state.Duration{}) || !is {
		return is, until
	}
	since := v.reg.tracked[l.segment.tracked].since
	if full := v.program.Calendar.Add(since, l.inFor); full > v.at {
		return false, min(until, full)
	}
	return true, until
}

// because says what decides a segment once, however often it is named.
func (l *segmentLeaf) because(v *view, say func(state.Mark)) {
	if i := l.segment.index; !v.asked.has(i) {
		v.asked.put(i, true)
		l.segment.when.because(v, say)
	}
}

func (l *segmentLeaf) canonical() string { return canonical("segment", l.segment.id, l.inFor) }

// bucket is where in a hundred million a customer stands for a salt.
type bucket struct{ salt string }

// Of is where: SHA-256 of the salt, a zero byte and the id, of which the first 8 bytes, big endian, times 10⁸ over 2⁶⁴.
func (p *bucket) of(id events.CustomerID) uint64 {
	sum := sha256.Sum256([]byte(p.salt + "\x00" + string(id)))
	high, _ := bits.Mul64(binary.BigEndian.Uint64(sum[:]), 100_000_000)
	return high
}

func (p *bucket) key() string     { return canonical("bucket", p.salt) }
func (p *bucket) names() []string { return []string{"*"} }
func (p *bucket) zero() any       { return new(bucketState) }

// bucketState is one more than where the customer stands; 0: not known yet.
type bucketState uint64

func (p *bucket) fold(_ *view, s any, e *events.Event) change {
	st := s.(*bucketState)
	if *st != 0 {
		return same
	}
	*st = bucketState(p.of(e.Customer)) + 1
	return told
}

func (p *bucket) append(b []byte, s any) []byte {
	return wire.AppendUint(b, 1, uint64(*s.(*bucketState)))
}

func (p *bucket) parse(b []byte, _ *state.Calendar) (any, error) {
	s := new(bucketState)
	r := wire.NewReader(b)
	for _, ok := r.Next(); ok; _, ok = r.Next() {
		*s = bucketState(r.Uint())
	}
	return s, r.Err()
}

// bucketLeaf is a stable random part of the customers.
type bucketLeaf struct {
	piece int32
	of    *bucket
	below uint64 // of a hundred million
}

func (l *bucketLeaf) eval(v *view) (bool, events.Instant) {
	s, _ := v.state.pieces.at(l.piece).(*bucketState)
	return s != nil && uint64(*s)-1 < l.below, events.Never
}

func (l *bucketLeaf) because(*view, func(state.Mark)) {}

func (l *bucketLeaf) canonical() string { return canonical(l.of.key(), l.below) }
