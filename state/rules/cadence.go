package rules

import (
	"slices"
	"strings"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state"
	"github.com/touchfold/touchfold/state/rules/field"
	"github.com/touchfold/touchfold/state/wire"
)

// rhythm is the days on which events matched, of all or by a field of their product lines.
type rhythm struct {
	match   matcher
	group   field.Path
	by      bool
	least   int          // no leaf needs fewer intervals
	payload []field.Path // of the last match
}

type rhythmState struct {
	beats []beat // in order of their first match

	// Not written.
	places map[uint64]int32 // of the beats by print, once they are many
	ripe   []int32          // the beats of which a leaf may need the interval, in order
}

type beat struct {
	print uint64 // of value; not written
	value string
	days  []state.Day // each once, in order
	last  state.Mark

	payload []string // of last
}

func (p *rhythm) key() string {
	words := []any{"rhythm", p.match.canonical, p.group.String()}
	if len(p.payload) > 0 {
		words = append(words, paths(p.payload))
	}
	return canonical(words...)
}

func (p *rhythm) names() []string { return p.match.events }
func (p *rhythm) zero() any       { return new(rhythmState) }

func (p *rhythm) fold(v *view, s any, e *events.Event) change {
	did := same
	st := s.(*rhythmState)
	day := v.program.Calendar.Of(e.Time)
	for i := range p.match.count(e) {
		if !p.match.holds(v, e, i) {
			continue
		}
		value := ""
		if p.by {
			x, ok := p.group.Read(&v.subject)
			if !ok {
				continue
			}
			value = x.String()
		}
		did = max(did, kept)
		b := st.on(p, value, day)
		b.last, b.payload = v.state.now, capture(v, e, p.payload)
		if p.ripe(b) { // an interval of it is of use
			did = told
		}
	}
	return did
}

// on notes a match of a value on a day.
func (s *rhythmState) on(p *rhythm, value string, day state.Day) *beat {
	i := s.find(value)
	if i < 0 {
		i = s.add(p, beat{value: strings.Clone(value)})
	}
	b := &s.beats[i]
	if n := len(b.days); n == 0 || b.days[n-1] != day {
		b.days = append(b.days, day)
		s.ripen(p, i)
	}
	return b
}

func (p *rhythm) ripe(b *beat) bool { return len(b.days) > max(p.least, 1) }

// ripen notes that a beat has one more day.
func (s *rhythmState) ripen(p *rhythm, i int) {
	if j, found := slices.BinarySearch(s.ripe, int32(i)); !found && p.ripe(&s.beats[i]) {
		s.ripe = slices.Insert(s.ripe, j, int32(i))
	}
}

// fewBeats are looked at one by one.
const fewBeats = 16

// find is the place of a value, -1 if there is none.
func (s *rhythmState) find(value string) int {
	print := state.Fingerprint("", value)
	if i, known := s.places[print]; known && s.beats[i].value == value {
		return int(i)
	} else if s.places != nil && !known {
		return -1
	}
	return slices.IndexFunc(s.beats, func(b beat) bool { return b.print == print && b.value == value })
}

// add appends a beat, and returns its place.
func (s *rhythmState) add(p *rhythm, b beat) int {
	b.print = state.Fingerprint("", b.value)
	i := len(s.beats)
	s.beats = append(s.beats, b)
	s.ripen(p, i)
	switch {
	case s.places != nil:
		s.places[b.print] = int32(i)
	case i >= fewBeats:
		s.places = make(map[uint64]int32, 2*i)
		for j := range s.beats {
			s.places[s.beats[j].print] = int32(j)
		}
	}
	return i
}

// cadenceLeaf is that the customer's own interval, with a tolerance, has passed. It is a happening too.
type cadenceLeaf struct {
	piece     int32
	of        *rhythm
	tolerance int64 // millionths
	least     int   // intervals
}

// over calls f with what has a rhythm and the instant at which its interval is over.
func (l *cadenceLeaf) over(v *view, f func(b *beat, at events.Instant)) {
	s, _ := v.state.pieces[l.piece].(*rhythmState)
	if s == nil {
		return
	}
	for _, i := range s.ripe {
		b := &s.beats[i]
		if n := len(b.days) - 1; n < l.least || n < 1 {
			continue
		}
		f(b, v.program.Calendar.Start(b.days[len(b.days)-1]+l.span(b.days)))
	}
}

// span is the median interval times the tolerance, in whole days, rounded up: twice the median is a whole number of days.
func (l *cadenceLeaf) span(days []state.Day) state.Day {
	gaps := make([]state.Day, len(days)-1)
	for i := range gaps {
		gaps[i] = days[i+1] - days[i]
	}
	slices.Sort(gaps)
	n := len(gaps)
	twice := int64(gaps[(n-1)/2] + gaps[n/2])
	return state.Day((twice*l.tolerance + 2*million - 1) / (2 * million))
}

func (l *cadenceLeaf) eval(v *view) (is bool, until events.Instant) {
	until = events.Never
	l.over(v, func(_ *beat, at events.Instant) {
		if at <= v.at {
			is = true
		} else {
			until = min(until, at)
		}
	})
	if is {
		return true, events.Never
	}
	return false, until
}

func (l *cadenceLeaf) because(v *view, say func(state.Mark)) {
	l.over(v, func(b *beat, at events.Instant) {
		if at <= v.at {
			say(b.last)
		}
	})
}

func (l *cadenceLeaf) next(v *view, after events.Instant) events.Instant {
	least := events.Never
	l.over(v, func(_ *beat, at events.Instant) {
		if at > after {
			least = min(least, at)
		}
	})
	return least
}

func (l *cadenceLeaf) each(v *view) {
	l.over(v, func(b *beat, at events.Instant) {
		if at != v.at {
			return
		}
		key := keyOf(b.last)
		if l.of.by {
			key = b.value + "/" + key
		}
		v.happens(candidate{mark: b.last, key: short(key), payload: b.payload})
	})
}

func (l *cadenceLeaf) canonical() string {
	return canonical("cadence", l.of.key(), l.tolerance, l.least)
}

const (
	rhythmBeat wire.Field = 1

	beatValue   wire.Field = 1
	beatDay     wire.Field = 2
	beatLast    wire.Field = 3
	beatPayload wire.Field = 4
)

func (p *rhythm) append(b []byte, s any) []byte {
	var m wire.Mark
	for _, x := range s.(*rhythmState).beats {
		b, m = wire.Begin(b, rhythmBeat)
		b = wire.AppendBytes(b, beatValue, x.value)
		former := state.Day(-1)
		for _, d := range x.days {
			b = wire.AppendUint(b, beatDay, uint64(d-former))
			former = d
		}
		b = appendMark(b, beatLast, x.last)
		b = appendTexts(b, beatPayload, x.payload)
		b = wire.End(b, m)
	}
	return b
}

func (p *rhythm) parse(b []byte, _ *state.Calendar) (any, error) {
	s := new(rhythmState)
	r := wire.NewReader(b)
	for _, ok := r.Next(); ok; _, ok = r.Next() {
		var x beat
		day := state.Day(-1)
		in := wire.NewReader(r.Bytes())
		for f, ok := in.Next(); ok; f, ok = in.Next() {
			switch f {
			case beatValue:
				x.value = in.String()
			case beatDay:
				day += state.Day(in.Uint())
				x.days = append(x.days, day)
			case beatLast:
				x.last = parseMark(&in)
			case beatPayload:
				x.payload = append(x.payload, in.String())
			}
		}
		if in.Err() != nil {
			return nil, in.Err()
		}
		s.add(p, x)
	}
	return s, r.Err()
}
