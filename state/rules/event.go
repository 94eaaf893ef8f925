package rules

import (
	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state"
	"github.com/touchfold/touchfold/state/rules/field"
)

// eventLeaf compares an aggregate over a series.
type eventLeaf struct {
	nothing   *seriesState // to be read where there is none
	series    *series
	piece     int32
	aggregate string
	compare   comparison
	window    span
}

// span is a window: of milliseconds, of days, or of all time.
type span struct {
	rolling  events.Instant
	calendar state.Day
	ago      state.Duration // how long before today the days end, 0 if they do not
}

// leaves is the instant at which an event of time t leaves the window.
func (w span) leaves(c *state.Calendar, t events.Instant) events.Instant {
	if w.calendar > 0 {
		return c.Start(w.reaches(c.Of(t) + w.calendar))
	}
	return t + w.rolling
}

// enters is the instant at which an event of time t comes into a window of days that ended before.
func (w span) enters(c *state.Calendar, t events.Instant) events.Instant {
	return c.Start(w.reaches(c.Of(t)))
}

// reaches is the first day before which, as long as ago says, lies d or a later day.
func (w span) reaches(d state.Day) state.Day {
	today := d.Add(w.ago)
	if today.Back(w.ago) < d {
		today++ // the last of a month that lacks d's day: with the next month E is beyond d
	}
	return today
}

// first is the first instant of the window as it stands at an instant.
func (w span) first(c *state.Calendar, at events.Instant) events.Instant {
	if w.calendar > 0 {
		return c.Start(c.Of(at).Back(w.ago) - w.calendar + 1)
	}
	return at - w.rolling + 1
}

// last is the last instant of the window as it stands at an instant.
func (w span) last(c *state.Calendar, at events.Instant) events.Instant {
	if w.ago.N > 0 {
		return c.End(c.Of(at).Back(w.ago))
	}
	return at
}

// in is the entries that stand in the window at an instant: those from i on, without j.
func (l *eventLeaf) in(s *seriesState, c *state.Calendar, at events.Instant) (i, j int) {
	w := &l.window
	if w.ago.N == 0 {
		return s.since(w.first(c, at)), len(s.entries)
	}
	end := c.Of(at).Back(w.ago) + 1
	return s.since(c.Start(end - w.calendar)), s.since(c.Start(end))
}

func (l *eventLeaf) eval(v *view) (is bool, until events.Instant) {
	s, _ := v.state.pieces.at(l.piece).(*seriesState)
	if s == nil {
		s = l.nothing
	}
	if l.window == (span{}) {
		return l.ever(s.count, s.ever), events.Never
	}
	c := v.program.Calendar
	from, to := l.in(s, c, v.at)
	if l.aggregate == Count && l.window.ago.N == 0 {
		return l.counted(s, c, from)
	}
	for n := 0; ; n++ {
		now := l.within(s, from, to)
		if n == 0 {
			is = now
		} else if now != is {
			return is, until
		}
		if until = l.changes(s, c, from, to); until == events.Never || n == mostSteps {
			return is, until
		}
		from, to = l.in(s, c, until)
	}
}

// changes is when the next entry leaves the window in which those from one on stand, without to, or comes into it.
func (l *eventLeaf) changes(s *seriesState, c *state.Calendar, from, to int) events.Instant {
	next := events.Never
	if from < len(s.entries) {
		next = l.window.leaves(c, s.entries[from].mark.Time)
	}
	if to < len(s.entries) {
		next = min(next, l.window.enters(c, s.entries[to].mark.Time))
	}
	return next
}

// counted is eval of a count: from now on it falls, and the next number at which the comparison is another is known.
func (l *eventLeaf) counted(s *seriesState, c *state.Calendar, from int) (is bool, until events.Instant) {
	n := len(s.entries) - from
	is = l.compare.number(int64(n) * million)
	next := -1
	for _, x := range l.compare.numbers {
		for k := min(int(max(x, 0)/million), n-1); k > next && k >= int(x/million)-1; k-- {
			if l.compare.number(int64(k)*million) != is {
				next = k
			}
		}
	}
	if next < 0 {
		return is, events.Never
	}
	return is, l.window.leaves(c, s.entries[len(s.entries)-1-next].mark.Time)
}

// ever is the comparison over a count and totals.
func (l *eventLeaf) ever(count int64, t *totals) bool {
	k := &l.compare
	if l.aggregate == Count {
		return k.number(count * million)
	}
	if t == nil {
		t = l.nothing.ever
	}
	switch l.aggregate {
	case Sum:
		return k.number(t.sum.bounded())
	case Avg:
		return t.numbers > 0 && k.average(t.sum, t.numbers)
	case Min:
		return t.numbers > 0 && k.number(t.least)
	case Max:
		return t.numbers > 0 && k.number(t.most)
	case Distinct:
		return k.number(int64(len(t.tally)) * million)
	case First:
		return t.values > 0 && k.value(t.first)
	case Last:
		return t.values > 0 && k.value(t.last)
	}
	text, some := t.frequent()
	return some && k.value(text)
}

const million = field.One

// within is the comparison over the entries from one on, without to.
func (l *eventLeaf) within(s *seriesState, from, to int) bool {
	switch l.aggregate {
	case Count:
		return l.ever(int64(to-from), nil)
	case Sum, Avg:
		before, all := s.sumTo(from), s.sumTo(to)
		return l.ever(0, &totals{numbers: all.n - before.n, sum: all.of.less(before.of)})
	}
	t := s.totals(from, to, l.aggregate == Distinct || l.aggregate == MostFrequent)
	return l.ever(0, &t)
}

// totals are of the entries from one on, without to.
func (s *seriesState) totals(from, to int, tallied bool) (t totals) {
	for i := from; i < to; i++ {
		if x, has := s.value(i); has {
			t.take(x, tallied)
		}
	}
	return t
}

// frequent is the text that stands most often, of equals the smallest.
func (t *totals) frequent() (v field.Value, some bool) {
	if len(t.tally) == 0 {
		return v, false
	}
	return field.ValueOf(t.tally[t.top].text), true
}

// because says all matches in the window where the past is remembered, else those that are kept.
func (l *eventLeaf) because(v *view, say func(state.Mark)) {
	if v.past != nil {
		marks, _ := l.recall(v)
		if l.aggregate == First {
			marks = marks[:min(len(marks), 1)]
		}
		for _, m := range marks {
			say(m)
		}
		return
	}
	s, _ := v.state.pieces.at(l.piece).(*seriesState)
	switch {
	case s == nil || s.count == 0:
	case l.window == (span{}):
		say(s.began)
		if l.aggregate != First {
			say(s.now)
		}
	default:
		c := v.program.Calendar
		from, to := l.in(s, c, v.at)
		for _, x := range s.entries[from:to] {
			if say(x.mark); l.aggregate == First {
				return
			}
		}
		if l.window.ago.N == 0 && s.now.Time >= l.window.first(c, v.at) {
			say(s.now) // which may not be among the entries that are kept
		}
	}
}

func (l *eventLeaf) canonical() string {
	return canonical("event", l.series.key(), l.aggregate, l.compare.canonical(), l.window)
}
