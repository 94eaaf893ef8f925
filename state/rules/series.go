package rules

import (
	"slices"
	"strings"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state"
	"github.com/touchfold/touchfold/state/rules/field"
)

// series is what is kept of matching events for the aggregates over them. What of it is kept follows from the leaves that
// read it; which events it is of, from the key.
type series struct {
	match matcher
	path  field.Path
	of    bool // path is one
	needs needs
}

// needs is what leaves read of a series.
type needs struct {
	rolling  events.Instant // the longest window, 0 without
	calendar state.Day      // the longest window in days, 0 without
	past     []span         // the windows that ended before
	most     int            // entries that are enough, if not all are needed
	all      bool           // all entries in the windows
	texts    bool           // of the entries
	sums     bool           // of the entries
	lifetime bool           // sum, least, most, first, last
	tally    bool           // how often each text
}

type seriesState struct {
	entries []entry  // those that a window may need, in order; of them the first gone are not needed any more
	texts   []string // theirs, if they are needed
	sums    []sum    // of all up to each, if they are needed; not written
	before  sum      // of those before the first
	gone    int
	count   int64
	began   state.Mark // the first match
	now     state.Mark // the latest
	ever    *totals    // nil unless they are needed
}

// entry is a match.
type entry struct {
	mark   state.Mark
	number int64
	is     valueKind
}

// valueKind is whether a match has a value.
type valueKind uint8

const (
	noValue valueKind = iota
	aText
	aNumber
)

// sum is of numbers, and how many they are.
type sum struct {
	of wide
	n  int64
}

// totals are the aggregates over some values.
type totals struct {
	values      int64
	numbers     int64 // how many of them are
	sum         wide
	least, most int64
	first, last field.Value
	tally       []tally // by text
	top         int     // the one that stands most often, of equals the first; not written
}

type tally struct {
	text string
	n    int64
}

func (p *series) key() string {
	if !p.of {
		return canonical("series", p.match.canonical)
	}
	return canonical("series", p.match.canonical, p.path.String())
}

func (p *series) names() []string { return p.match.events }

func (p *series) zero() any { return new(seriesState) }

func (p *series) fold(v *view, s any, e *events.Event) change {
	st := s.(*seriesState)
	n := st.count
	for i := range p.match.count(e) {
		if !p.match.holds(v, e, i) {
			continue
		}
		var x field.Value
		if p.of {
			ok := false
			if x, ok = p.path.Read(&v.subject); !ok {
				continue
			}
		}
		st.take(p, v.state.now, x)
	}
	if st.count == n {
		return same
	}
	st.prune(p, v.program.Calendar, e.Time)
	return told
}

// take adds a match and its value, if the series is of values.
func (s *seriesState) take(p *series, m state.Mark, x field.Value) {
	if p.needs.rolling > 0 || p.needs.calendar > 0 || p.needs.past != nil {
		y := entry{mark: m, number: x.Number}
		if y.is = aText; !p.of {
			y.is = noValue
		} else if x.IsNumber {
			y.is = aNumber
		}
		s.enter(p, y, x.Text)
	}
	if s.count++; s.count == 1 {
		s.began = m
	}
	s.now = latest(s.now, m)
	if p.of && p.needs.lifetime {
		if s.ever == nil {
			s.ever = new(totals)
		}
		s.ever.take(x, p.needs.tally)
	}
}

// enter appends an entry.
func (s *seriesState) enter(p *series, x entry, text string) {
	if p.needs.sums {
		last := s.sumTo(len(s.entries))
		if x.is == aNumber {
			last = sum{last.of.add(x.number), last.n + 1}
		}
		s.sums = append(s.sums, last)
	}
	if p.needs.texts {
		s.texts = append(s.texts, strings.Clone(text))
	}
	if s.entries == nil {
		s.entries = make([]entry, 0, 4)
	}
	s.entries = append(s.entries, x)
}

// since is the first entry that is needed and of an instant or later.
func (s *seriesState) since(first events.Instant) int {
	i, j := s.gone, len(s.entries)
	for i < j {
		if m := (i + j) / 2; s.entries[m].mark.Time < first {
			i = m + 1
		} else {
			j = m
		}
	}
	return i
}

// sumTo is of the first n entries and all before them.
func (s *seriesState) sumTo(n int) sum {
	if n == 0 {
		return s.before
	}
	return s.sums[n-1]
}

// value is that of the i-th entry, as far as it is kept.
func (s *seriesState) value(i int) (x field.Value, has bool) {
	y := &s.entries[i]
	x.Number, x.IsNumber = y.number, y.is == aNumber
	if s.texts != nil {
		x.Text = s.texts[i]
	}
	return x, y.is != noValue
}

// take adds a value.
func (t *totals) take(x field.Value, tallied bool) {
	if tallied {
		x.Text = t.count(x)
	} else if x.Text == t.last.Text {
		x.Text = t.last.Text
	} else {
		x.Text = strings.Clone(x.Text)
	}
	if t.values++; t.values == 1 {
		t.first = x
	}
	t.last = x
	if x.IsNumber {
		n := x.Number
		if t.numbers++; t.numbers == 1 {
			t.least, t.most = n, n
		}
		t.sum, t.least, t.most = t.sum.add(n), min(t.least, n), max(t.most, n)
	}
}

// count counts a value by its text, and returns its Text as it may be kept.
func (t *totals) count(x field.Value) string {
	text := x.String()
	i, found := slices.BinarySearchFunc(t.tally, text, func(t tally, text string) int { return strings.Compare(t.text, text) })
	if !found {
		t.tally = slices.Insert(t.tally, i, tally{text: strings.Clone(text)})
		if i <= t.top && len(t.tally) > 1 {
			t.top++
		}
	}
	t.tally[i].n++
	t.lead(i)
	if x.Text == "" {
		return ""
	}
	return t.tally[i].text
}

// lead makes the i-th text the one that stands most often, if it is.
func (t *totals) lead(i int) {
	if x, y := &t.tally[i], &t.tally[t.top]; x.n > y.n || x.n == y.n && i < t.top {
		t.top = i
	}
}

// prune lets go of what no window can need from an instant on.
func (s *seriesState) prune(p *series, c *state.Calendar, now events.Instant) {
	if len(s.entries) == 0 {
		return
	}
	if !p.needs.all {
		s.gone = max(s.gone, len(s.entries)-p.needs.most)
	}
	first := events.Never // of the windows
	if p.needs.rolling > 0 {
		first = span{rolling: p.needs.rolling}.first(c, now)
	}
	if p.needs.calendar > 0 {
		first = min(first, span{calendar: p.needs.calendar}.first(c, now))
	}
	for _, w := range p.needs.past {
		first = min(first, w.first(c, now))
	}
	for s.gone < len(s.entries) && s.entries[s.gone].mark.Time < first {
		s.gone++
	}
	if s.gone >= 8 && s.gone >= len(s.entries)/2 {
		s.trim()
	}
}

// trim takes away what is gone.
func (s *seriesState) trim() {
	n := s.gone
	if s.entries, s.gone = slices.Delete(s.entries, 0, n), 0; s.texts != nil {
		s.texts = slices.Delete(s.texts, 0, n)
	}
	if s.sums != nil && n > 0 {
		s.before = s.sums[n-1]
		s.sums = slices.Delete(s.sums, 0, n)
	}
}
