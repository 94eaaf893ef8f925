package rules

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state"
	"github.com/touchfold/touchfold/state/rules/field"
	"github.com/touchfold/touchfold/state/wire"
)

// silence is the last event that matches, for an absence that is after nothing else.
type silence struct{ match matcher }

func (p *silence) key() string     { return canonical("silence", p.match.canonical) }
func (p *silence) names() []string { return p.match.events }
func (p *silence) zero() any       { return new(state.Mark) }

func (p *silence) fold(v *view, s any, e *events.Event) change {
	for i := range p.match.count(e) {
		if p.match.holds(v, e, i) {
			*s.(*state.Mark) = v.state.now
			return told
		}
	}
	return same
}

func (p *silence) append(b []byte, s any) []byte { return appendMark(b, 1, *s.(*state.Mark)) }

func (p *silence) parse(b []byte, _ *state.Calendar) (any, error) {
	m := new(state.Mark)
	r := wire.NewReader(b)
	for _, ok := r.Next(); ok; _, ok = r.Next() {
		*m = parseMark(&r)
	}
	return m, r.Err()
}

// absenceLeaf is that nothing matched for so long. It is a happening too.
type absenceLeaf struct {
	piece  int32
	of     *silence
	length state.Duration
	buyers bool
}

// from is the event from which the time counts.
func (l *absenceLeaf) from(v *view) (m state.Mark, ok bool) {
	first := l.began(v)
	if first.ID == 0 {
		return m, false
	}
	if m, _ := v.state.pieces.at(l.piece).(*state.Mark); m != nil {
		return *m, true
	}
	return first, true
}

// began is the event with which he came into the population.
func (l *absenceLeaf) began(v *view) state.Mark {
	if l.buyers {
		return v.state.bought
	}
	return v.state.first
}

func (l *absenceLeaf) eval(v *view) (bool, events.Instant) {
	m, ok := l.from(v)
	if !ok {
		return false, events.Never
	}
	if full := v.program.Calendar.Add(m.Time, l.length); full > v.at {
		return false, full
	}
	return true, events.Never
}

func (l *absenceLeaf) because(v *view, say func(state.Mark)) {
	if m, ok := l.from(v); ok {
		say(m)
	}
}

func (l *absenceLeaf) canonical() string {
	return canonical("absence", l.of.key(), l.length, l.buyers)
}

func (l *absenceLeaf) next(v *view, after events.Instant) events.Instant {
	m, ok := l.from(v)
	if !ok {
		return events.Never
	}
	if full := v.program.Calendar.Add(m.Time, l.length); full > after {
		return full
	}
	return events.Never
}

func (l *absenceLeaf) each(v *view) {
	if m, ok := l.from(v); ok && max(v.program.Calendar.Add(m.Time, l.length), l.began(v).Time) == v.at {
		v.happens(candidate{mark: m})
	}
}

// pending is the events after which something has not come yet, the last one of each value of the correlate field.
type pending struct {
	of, after matcher
	correlate field.Path
	by        bool // correlate is one
	length    state.Duration
	payload   []field.Path // of the event after which
	stays     bool         // a condition asks for it after it happened
}

type pendingState struct {
	waits []wait     // in order of value
	now   state.Mark // the latest match of either
}

type wait struct {
	value   string
	mark    state.Mark
	full    events.Instant // when it has been absent for so long; not written
	payload []string
}

// mostValues bounds how many values of a correlate field wait at a time; a further one takes the place of the oldest.
const mostValues = 256

func (p *pending) key() string {
	return canonical("pending", p.of.canonical, p.after.canonical, p.correlate.String(), p.length, paths(p.payload))
}

func paths(all []field.Path) string {
	var words []string
	for _, p := range all {
		words = append(words, p.String())
	}
	return texts(words)
}

func (p *pending) names() []string {
	return slices.Compact(slices.Sorted(slices.Values(slices.Concat(p.of.events, p.after.events))))
}

func (p *pending) zero() any { return new(pendingState) }

func (p *pending) fold(v *view, s any, e *events.Event) change {
	changed := false
	st := s.(*pendingState)
	if !p.stays {
		n := len(st.waits)
		st.waits = slices.DeleteFunc(st.waits, func(w wait) bool { return w.full < e.Time })
		changed = len(st.waits) < n
	}
	for i := range p.of.count(e) {
		if !p.of.takes(e) || !p.of.holds(v, e, i) {
			continue
		}
		if value, ok := p.value(v); ok {
			if j, found := st.find(value); found {
				st.waits = slices.Delete(st.waits, j, j+1)
			}
			st.now, changed = latest(st.now, v.state.now), true
		}
	}
	for i := range p.after.count(e) {
		if !p.after.takes(e) || !p.after.holds(v, e, i) {
			continue
		}
		if value, ok := p.value(v); ok {
			st.put(wait{strings.Clone(value), v.state.now, v.program.Calendar.Add(e.Time, p.length), capture(v, e, p.payload)})
			st.now, changed = latest(st.now, v.state.now), true
		}
	}
	return toldIf(changed)
}

// value is that of the correlate field of v's subject.
func (p *pending) value(v *view) (string, bool) {
	if !p.by {
		return "", true
	}
	x, ok := p.correlate.Read(&v.subject)
	return x.String(), ok
}

// capture reads fields of v's subject, as JSON.
func capture(v *view, e *events.Event, fields []field.Path) (texts []string) {
	if len(fields) == 0 {
		return nil
	}
	if v.subject.Item() < 0 {
		v.subject.Reset(e, 0) // of an event that is matched as a whole the first line
	}
	texts = make([]string, 0, len(fields))
	for _, p := range fields {
		x, ok := p.Read(&v.subject)
		if !ok {
			texts = append(texts, "")
			continue
		}
		texts = append(texts, jsonOf(x))
	}
	return texts
}

// jsonOf is a value as JSON: a number if it was sent as one.
func jsonOf(v field.Value) string {
	if v.AsNumber() {
		return v.String()
	}
	if plain(v.Text) {
		return `"` + v.Text + `"`
	}
	text, err := json.Marshal(v.Text)
	if err != nil {
		return "" // no text does that
	}
	return string(text)
}

// plain: the text stands in JSON as it is.
func plain(text string) bool {
	for i := range len(text) {
		if b := text[i]; b < ' ' || b > '~' || strings.IndexByte(`"\\<>&`, b) >= 0 {
			return false
		}
	}
	return true
}

func (s *pendingState) find(value string) (int, bool) {
	return slices.BinarySearchFunc(s.waits, value, func(w wait, value string) int { return strings.Compare(w.value, value) })
}

func (s *pendingState) put(w wait) {
	i, found := s.find(w.value)
	if found {
		s.waits[i] = w
		return
	}
	s.waits = slices.Insert(s.waits, i, w)
	if len(s.waits) <= mostValues {
		return
	}
	oldest := 0
	for j := range s.waits {
		if s.waits[j].mark.Time < s.waits[oldest].mark.Time {
			oldest = j
		}
	}
	s.waits = slices.Delete(s.waits, oldest, oldest+1)
}

// afterLeaf is that something did not come for so long after something else. It is a happening too.
type afterLeaf struct {
	piece int32
	of    *pending
}

func (l *afterLeaf) waits(v *view) []wait {
	if s, _ := v.state.pieces.at(l.piece).(*pendingState); s != nil {
		return s.waits
	}
	return nil
}

func (l *afterLeaf) eval(v *view) (bool, events.Instant) {
	until := events.Never
	for _, w := range l.waits(v) {
		if w.full <= v.at {
			return true, events.Never
		}
		until = min(until, w.full)
	}
	return false, until
}

func (l *afterLeaf) because(v *view, say func(state.Mark)) {
	some := false
	for _, w := range l.waits(v) {
		if w.full <= v.at {
			some = true
			say(w.mark)
		}
	}
	if s, _ := v.state.pieces.at(l.piece).(*pendingState); !some && s != nil {
		say(s.now)
	}
}

func (l *afterLeaf) canonical() string { return canonical("after", l.of.key()) }

func (l *afterLeaf) next(v *view, after events.Instant) events.Instant {
	least := events.Never
	for _, w := range l.waits(v) {
		if w.full > after {
			least = min(least, w.full)
		}
	}
	return least
}

func (l *afterLeaf) each(v *view) {
	for _, w := range l.waits(v) {
		if w.full == v.at {
			v.happens(candidate{mark: w.mark, payload: w.payload})
		}
	}
}

const (
	pendingWait wire.Field = 1
	pendingNow  wire.Field = 2

	waitValue   wire.Field = 1
	waitMark    wire.Field = 2
	waitPayload wire.Field = 3
)

func (p *pending) append(b []byte, s any) []byte {
	var m wire.Mark
	for _, w := range s.(*pendingState).waits {
		b, m = wire.Begin(b, pendingWait)
		b = wire.AppendBytes(b, waitValue, w.value)
		b = appendMark(b, waitMark, w.mark)
		b = appendTexts(b, waitPayload, w.payload)
		b = wire.End(b, m)
	}
	return appendMark(b, pendingNow, s.(*pendingState).now)
}

func (p *pending) parse(b []byte, c *state.Calendar) (any, error) {
	s := new(pendingState)
	r := wire.NewReader(b)
	for f, ok := r.Next(); ok; f, ok = r.Next() {
		if f == pendingNow {
			s.now = parseMark(&r)
			continue
		}
		var w wait
		in := wire.NewReader(r.Bytes())
		for f, ok := in.Next(); ok; f, ok = in.Next() {
			switch f {
			case waitValue:
				w.value = in.String()
			case waitMark:
				w.mark = parseMark(&in)
			case waitPayload:
				w.payload = append(w.payload, in.String())
			}
		}
		if in.Err() != nil {
			return nil, in.Err()
		}
		w.full = c.Add(w.mark.Time, p.length)
		s.waits = append(s.waits, w)
	}
	return s, r.Err()
}
