package rules

import (
	"fmt"
	"strings"
	"time"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state"
	"github.com/touchfold/touchfold/state/rules/field"
	"github.com/touchfold/touchfold/state/wire"
)

// lastWord is what the last event that matches says in a field, if anything.
type lastWord struct {
	match matcher
	path  field.Path
}

type lastWordState struct {
	mark  state.Mark
	value field.Value
	has   bool
}

func (p *lastWord) key() string     { return canonical("last word", p.match.canonical, p.path.String()) }
func (p *lastWord) names() []string { return p.match.events }
func (p *lastWord) zero() any       { return new(lastWordState) }

func (p *lastWord) fold(v *view, s any, e *events.Event) change {
	matched := false
	st := s.(*lastWordState)
	for i := range p.match.count(e) {
		if p.match.holds(v, e, i) {
			st.mark = v.state.now
			st.value, st.has = p.path.Read(&v.subject)
			st.value.Text = strings.Clone(st.value.Text)
			matched = true
		}
	}
	return toldIf(matched)
}

func (p *lastWord) append(b []byte, s any) []byte {
	st := s.(*lastWordState)
	b = appendMark(b, 1, st.mark)
	if st.has {
		b = appendValue(b, 2, st.value)
	}
	return b
}

func (p *lastWord) parse(b []byte, _ *state.Calendar) (any, error) {
	s := new(lastWordState)
	r := wire.NewReader(b)
	for f, ok := r.Next(); ok; f, ok = r.Next() {
		switch f {
		case 1:
			s.mark = parseMark(&r)
		case 2:
			s.value, s.has = parseValue(&r), true
		}
	}
	return s, r.Err()
}

// dateLeaf is that a date has come, for a while. It is a happening too.
type dateLeaf struct {
	trait  string // or, if it is "", the last word of events
	piece  int32
	of     *lastWord
	offset state.Duration
	before bool
	recur  string
	clock  events.Instant
	zone   string
	length state.Duration
}

// word is what was said of the date last, and the event that said it.
func (l *dateLeaf) word(v *view) (x field.Value, m state.Mark, ok bool) {
	if l.trait != "" {
		return v.trait(l.trait)
	}
	if s, _ := v.state.pieces.at(l.piece).(*lastWordState); s != nil {
		return s.value, s.mark, s.has
	}
	return x, m, false
}

// base is the date, the calendar by which it counts, and the event that told it.
func (l *dateLeaf) base(v *view) (d state.Day, c *state.Calendar, m state.Mark, ok bool) {
	x, m, ok := l.word(v)
	if !ok {
		return d, c, m, false
	}
	c = v.calendar(l.zone)
	d, ok = dayOf(x.Text, c)
	return d, c, m, ok
}

// dayOf reads a date: 2006-01-02, or an instant as of RFC 3339.
func dayOf(text string, c *state.Calendar) (state.Day, bool) {
	if d, err := state.ParseDay(text); err == nil {
		return d, true
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return 0, false
	}
	return c.Of(events.At(t)), true
}

// calendar is that of the business, of UTC or, where his trait timezone names a zone, of the customer.
func (v *view) calendar(zone string) *state.Calendar {
	switch zone {
	case "UTC":
		if c, ok := v.program.Zones.Calendar("UTC"); ok {
			return c
		}
	case "customer":
		if x, _, ok := v.trait("timezone"); ok {
			if c, ok := v.program.Zones.Calendar(x.Text); ok {
				return c
			}
		}
	}
	return v.program.Calendar
}

// turn is the n-th return of a date, counted in years or months; the 0th is the date itself.
func (l *dateLeaf) turn(d state.Day, n int) state.Day {
	y, m, day := d.Date()
	switch l.recur {
	case "yearly":
		return state.DayOf(y+n, m, day)
	case "monthly":
		return state.DayOf(y, m+n, day)
	}
	return d
}

// around is the number of a return whose instant lies before t, but not by many.
func (l *dateLeaf) around(d state.Day, c *state.Calendar, t events.Instant) int {
	target := c.Of(t)
	if l.before {
		target = target.Add(l.offset)
	} else {
		target = target.Back(l.offset)
	}
	y, m, _ := d.Date()
	ty, tm, _ := target.Date()
	switch l.recur {
	case "yearly":
		return ty - y - 2
	case "monthly":
		return 12*(ty-y) + tm - m - 2
	}
	return 0
}

// first is the number of the first return: that in the year of the customer's first event.
func (l *dateLeaf) first(v *view, d state.Day) int {
	if l.recur == "" {
		return 0
	}
	y, m, _ := d.Date()
	began, month, _ := v.calendar(l.zone).Of(v.state.first.Time).Date()
	if l.recur == "yearly" {
		return began - y
	}
	return 12*(began-y) + month - m
}

// each return around an instant, in order, until f is false.
func (l *dateLeaf) returns(v *view, t events.Instant, f func(at events.Instant, day state.Day, m state.Mark) bool) {
	d, c, m, ok := l.base(v)
	if !ok {
		return
	}
	from, most := max(l.around(d, c, t), l.first(v, d)), 8
	if l.recur == "" {
		from, most = 0, 1
	}
	for n := from; n < from+most; n++ {
		day := l.turn(d, n)
		if !f(shifted(c, day, l.offset, l.before, l.clock), day, m) {
			return
		}
	}
}

func (l *dateLeaf) eval(v *view) (is bool, until events.Instant) {
	until = events.Never
	l.returns(v, v.at, func(at events.Instant, _ state.Day, _ state.Mark) bool {
		end := v.program.Calendar.Add(at, l.length)
		switch {
		case at > v.at:
			if until = min(until, at); is { // it may begin again before it ends
				return true
			}
			return false
		case end > v.at:
			is, until = true, min(until, end)
		}
		return true
	})
	return is, until
}

func (l *dateLeaf) because(v *view, say func(state.Mark)) {
	if is, _ := l.eval(v); is {
		_, _, m, _ := l.base(v)
		say(m)
	}
}

func (l *dateLeaf) next(v *view, after events.Instant) events.Instant {
	least := events.Never
	l.returns(v, after, func(at events.Instant, _ state.Day, _ state.Mark) bool {
		if at > after {
			least = min(least, at)
		}
		return at <= after
	})
	return least
}

func (l *dateLeaf) each(v *view) {
	var c candidate // the last that has come
	var since events.Instant
	l.returns(v, v.at, func(at events.Instant, day state.Day, m state.Mark) bool {
		if at <= v.at {
			c, since = candidate{mark: m, key: l.key(day), recurs: true}, at
		}
		return at <= v.at
	})
	if max(since, c.mark.Time) == v.at && v.program.Calendar.Add(since, l.length) > v.at {
		v.happens(c)
	}
}

func (l *dateLeaf) key(day state.Day) string {
	y, m, _ := day.Date()
	switch l.recur {
	case "yearly":
		return fmt.Sprintf("%04d", y)
	case "monthly":
		return fmt.Sprintf("%04d-%02d", y, m)
	}
	return day.String()
}

func (l *dateLeaf) canonical() string {
	of := l.trait
	if l.of != nil {
		of = l.of.key()
	}
	return canonical("date", l.of != nil, of, l.offset, l.before, l.recur, l.clock, l.zone, l.length)
}
