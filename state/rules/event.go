package rules

import (
	"slices"
	"sort"
	"strings"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state"
	"github.com/touchfold/touchfold/state/rules/field"
	"github.com/touchfold/touchfold/state/wire"
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
	most     int            // entries that are enough, if not all are needed
	all      bool           // all entries in the windows
	texts    bool           // of the entries
	lifetime bool           // count, sum, least, most, first, last
	tally    bool           // how often each text
}

type seriesState struct {
	entries     []entry // those that a window may need, in order
	count       int64   // ever; what follows is of all time too
	values      int64   // how many had a value
	numbers     int64   // how many had a number
	sum         wide
	least, most int64
	first, last field.Value
	began, now  state.Mark // the first match and the latest
	tally       []tally    // by text
}

type entry struct {
	mark  state.Mark
	value field.Value
	has   bool // a value
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
	matched := false
	st := s.(*seriesState)
	for i := range p.match.count(e) {
		if !p.match.holds(v, e, i) {
			continue
		}
		x := entry{mark: state.MarkOf(e)}
		if p.of {
			if x.value, x.has = p.path.Read(&v.subject); !x.has {
				continue
			}
		}
		st.take(p, &x)
		matched = true
	}
	if matched {
		st.prune(p, v.program.Calendar, e.Time)
	}
	return toldIf(matched)
}

func (s *seriesState) take(p *series, x *entry) {
	x.value.Text = strings.Clone(x.value.Text)
	if p.needs.rolling > 0 || p.needs.calendar > 0 {
		w := *x
		if !p.needs.texts {
			w.value.Text = ""
		}
		s.entries = append(s.entries, w)
	}
	if s.count++; s.count == 1 {
		s.began = x.mark
	}
	s.now = latest(s.now, x.mark)
	if !x.has || !p.needs.lifetime {
		return
	}
	if s.values++; s.values == 1 {
		s.first = x.value
	}
	s.last = x.value
	if x.value.IsNumber {
		n := x.value.Number
		if s.numbers++; s.numbers == 1 {
			s.least, s.most = n, n
		}
		s.sum, s.least, s.most = s.sum.add(n), min(s.least, n), max(s.most, n)
	}
	if p.needs.tally {
		text := x.value.String()
		i, found := slices.BinarySearchFunc(s.tally, text, func(t tally, text string) int { return strings.Compare(t.text, text) })
		if !found {
			s.tally = slices.Insert(s.tally, i, tally{text: text})
		}
		s.tally[i].n++
	}
}

// prune lets go of what no window can need from an instant on.
func (s *seriesState) prune(p *series, c *state.Calendar, now events.Instant) {
	n := 0
	if !p.needs.all && len(s.entries) > p.needs.most {
		n = len(s.entries) - p.needs.most
	}
	day := c.Of(now)
	for n < len(s.entries) {
		t := s.entries[n].mark.Time
		if p.needs.rolling > 0 && t > now-p.needs.rolling || p.needs.calendar > 0 && c.Of(t) > day-p.needs.calendar {
			break
		}
		n++
	}
	s.entries = slices.Delete(s.entries, 0, n)
}

// eventLeaf compares an aggregate over a series.
type eventLeaf struct {
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
}

// leaves is the instant at which an event of time t leaves the window.
func (w span) leaves(c *state.Calendar, t events.Instant) events.Instant {
	if w.calendar > 0 {
		return c.Start(c.Of(t) + w.calendar)
	}
	return t + w.rolling
}

func (l *eventLeaf) eval(v *view) (is bool, until events.Instant) {
	s, _ := v.state.pieces[l.piece].(*seriesState)
	if s == nil {
		s = &seriesState{}
	}
	if l.window == (span{}) {
		return l.ever(s), events.Never
	}
	c := v.program.Calendar
	from := sort.Search(len(s.entries), func(i int) bool { return l.window.leaves(c, s.entries[i].mark.Time) > v.at })
	for n := 0; ; n++ {
		now := l.within(s.entries[from:])
		if n == 0 {
			is = now
		} else if now != is {
			return is, until
		}
		if from == len(s.entries) {
			return is, events.Never
		}
		until = l.window.leaves(c, s.entries[from].mark.Time)
		if n == mostSteps {
			return is, until
		}
		for from < len(s.entries) && l.window.leaves(c, s.entries[from].mark.Time) <= until {
			from++
		}
	}
}

// ever is the comparison over all time.
func (l *eventLeaf) ever(s *seriesState) bool {
	k := &l.compare
	switch l.aggregate {
	case Count:
		return k.number(s.count * million)
	case Sum:
		return k.number(s.sum.bounded())
	case Avg:
		return s.numbers > 0 && k.average(s.sum, s.numbers)
	case Min:
		return s.numbers > 0 && k.number(s.least)
	case Max:
		return s.numbers > 0 && k.number(s.most)
	case Distinct:
		return k.number(int64(len(s.tally)) * million)
	case First:
		return s.values > 0 && k.value(s.first)
	case Last:
		return s.values > 0 && k.value(s.last)
	}
	text, some := frequent(s.tally)
	return some && k.value(text)
}

const million = field.One

// within is the comparison over the entries that stand in the window.
func (l *eventLeaf) within(entries []entry) bool {
	if l.aggregate == Count {
		return l.compare.number(int64(len(entries)) * million)
	}
	var s seriesState
	p := series{needs: needs{lifetime: true, tally: l.aggregate == Distinct || l.aggregate == MostFrequent}}
	for i := range entries {
		s.take(&p, &entries[i])
	}
	return l.ever(&s)
}

// frequent is the text that stands most often, of equals the smallest.
func frequent(all []tally) (v field.Value, some bool) {
	var most int64
	for _, t := range all {
		if t.n > most {
			most, some = t.n, true
			v = field.ValueOf(t.text)
		}
	}
	return v, some
}

func (l *eventLeaf) because(v *view, say func(state.Mark)) {
	s, _ := v.state.pieces[l.piece].(*seriesState)
	switch {
	case s == nil || s.count == 0:
	case l.window == (span{}):
		say(s.began)
		if l.aggregate != First {
			say(s.now)
		}
	default:
		c := v.program.Calendar
		for i := range s.entries {
			if x := &s.entries[i]; l.window.leaves(c, x.mark.Time) > v.at {
				if say(x.mark); l.aggregate == First {
					return
				}
			}
		}
		if l.window.leaves(c, s.now.Time) > v.at {
			say(s.now) // which may not be among the entries that are kept
		}
	}
}

const (
	seriesEntry wire.Field = iota + 1
	seriesCount
	seriesValues
	seriesNumbers
	seriesSum
	seriesSumHigh
	seriesLeast
	seriesMost
	seriesFirst
	seriesLast
	seriesBegan
	seriesNow
	seriesTally

	entryMark  wire.Field = 1
	entryValue wire.Field = 2

	tallyText wire.Field = 1
	tallyN    wire.Field = 2
)

func (p *series) append(b []byte, s any) []byte {
	st := s.(*seriesState)
	var m wire.Mark
	for i := range st.entries {
		x := &st.entries[i]
		b, m = wire.Begin(b, seriesEntry)
		b = appendMark(b, entryMark, x.mark)
		if x.has {
			b = appendValue(b, entryValue, x.value)
		}
		b = wire.End(b, m)
	}
	b = wire.AppendInt(b, seriesCount, st.count)
	b = wire.AppendInt(b, seriesValues, st.values)
	b = wire.AppendInt(b, seriesNumbers, st.numbers)
	b = wire.AppendInt(b, seriesSum, int64(st.sum.low))
	b = wire.AppendInt(b, seriesSumHigh, st.sum.high)
	b = wire.AppendInt(b, seriesLeast, st.least)
	b = wire.AppendInt(b, seriesMost, st.most)
	if st.values > 0 {
		b = appendValue(b, seriesFirst, st.first)
		b = appendValue(b, seriesLast, st.last)
	}
	b = appendMark(b, seriesBegan, st.began)
	b = appendMark(b, seriesNow, st.now)
	for i := range st.tally {
		b, m = wire.Begin(b, seriesTally)
		b = wire.AppendBytes(b, tallyText, st.tally[i].text)
		b = wire.AppendInt(b, tallyN, st.tally[i].n)
		b = wire.End(b, m)
	}
	return b
}

func (p *series) parse(b []byte, _ *state.Calendar) (any, error) {
	s := new(seriesState)
	r := wire.NewReader(b)
	for f, ok := r.Next(); ok; f, ok = r.Next() {
		switch f {
		case seriesEntry:
			x, err := parseEntry(r.Bytes())
			if err != nil {
				return nil, err
			}
			s.entries = append(s.entries, x)
		case seriesCount:
			s.count = r.Int()
		case seriesValues:
			s.values = r.Int()
		case seriesNumbers:
			s.numbers = r.Int()
		case seriesSum:
			s.sum.low = uint64(r.Int())
		case seriesSumHigh:
			s.sum.high = r.Int()
		case seriesLeast:
			s.least = r.Int()
		case seriesMost:
			s.most = r.Int()
		case seriesFirst:
			s.first = parseValue(&r)
		case seriesLast:
			s.last = parseValue(&r)
		case seriesBegan:
			s.began = parseMark(&r)
		case seriesNow:
			s.now = parseMark(&r)
		case seriesTally:
			t, err := parseTally(r.Bytes())
			if err != nil {
				return nil, err
			}
			s.tally = append(s.tally, t)
		}
	}
	return s, r.Err()
}

func parseEntry(b []byte) (x entry, err error) {
	r := wire.NewReader(b)
	for f, ok := r.Next(); ok; f, ok = r.Next() {
		switch f {
		case entryMark:
			x.mark = parseMark(&r)
		case entryValue:
			x.value, x.has = parseValue(&r), true
		}
	}
	return x, r.Err()
}

func parseTally(b []byte) (t tally, err error) {
	r := wire.NewReader(b)
	for f, ok := r.Next(); ok; f, ok = r.Next() {
		switch f {
		case tallyText:
			t.text = r.String()
		case tallyN:
			t.n = r.Int()
		}
	}
	return t, r.Err()
}

func (l *eventLeaf) canonical() string {
	return canonical("event", l.series.key(), l.aggregate, l.compare.canonical(), l.window)
}
