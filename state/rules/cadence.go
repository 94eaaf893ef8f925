package rules

import (
	"encoding/binary"
	"math"
	"slices"
	"strings"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state"
	"github.com/touchfold/touchfold/state/lookup"
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

// rhythmState is what came of values that matched. Most values match on few days, and nothing follows from those.
type rhythmState struct {
	seeds seeds
	beats []beat       // of the values that matched on more days, in the order in which they came to that
	index lookup.Index // of beats; not written
}

type beat struct {
	key   uint64 // stands for value
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
		if b := st.on(p, value, day); b != nil {
			b.last, b.payload = v.state.now, capture(v, e, p.payload)
			did = told
		}
	}
	return did
}

// on notes a match of a value on a day, and returns its beat if it has one.
func (s *rhythmState) on(p *rhythm, value string, day state.Day) *beat {
	key := keyOfValue(value)
	if i, found := s.index.Find(key, len(s.beats), func(i int) uint64 { return s.beats[i].key }); found {
		b := &s.beats[i]
		if b.days[len(b.days)-1] != day {
			b.days = append(b.days, day)
		}
		return b
	}
	days := s.seeds.on(key, day, p.days())
	if days == nil {
		return nil
	}
	s.beats = append(s.beats, beat{key: key, value: strings.Clone(value), days: days})
	return &s.beats[len(s.beats)-1]
}

// mostSeedDays bounds what a seed takes, which is the same for each.
const mostSeedDays = 4

// days is on how many a value may match as a seed: without an interval that is of use, as far as a seed has room for them.
func (p *rhythm) days() int { return min(max(p.least, 1), mostSeedDays) }

// seeds is the days of values that matched on few, in order of their first match. As in wants there is not a pointer in it.
type seeds struct {
	keys  []uint64    // what stands for the values
	days  []state.Day // as many for each as it may have, in order; those that it does not have are noDay
	index lookup.Index
}

const noDay state.Day = math.MinInt32

// on notes a match on a day, which is not before any other. A value that has most of its days goes with the next one, and
// these and that one are returned.
func (s *seeds) on(key uint64, day state.Day, most int) []state.Day {
	at, found := s.index.Find(key, len(s.keys), func(i int) uint64 { return s.keys[i] })
	i := int(at)
	if !found {
		s.add(key, most, day)
		return nil
	}
	switch days := s.of(i, most); {
	case days[len(days)-1] == day:
	case len(days) < most:
		s.days[i*most+len(days)] = day
	default:
		days = append(slices.Clone(days), day)
		s.keys, s.days = slices.Delete(s.keys, i, i+1), slices.Delete(s.days, i*most, (i+1)*most)
		if s.index = (lookup.Index{}); len(s.keys) == 0 {
			*s = seeds{}
		}
		return days
	}
	return nil
}

// of is the days of the i-th value.
func (s *seeds) of(i, most int) []state.Day {
	days := s.days[i*most : (i+1)*most]
	if n := slices.Index(days, noDay); n >= 0 {
		return days[:n]
	}
	return days
}

// add appends a value with its days.
func (s *seeds) add(key uint64, most int, days ...state.Day) {
	s.keys, s.days = append(s.keys, key), append(s.days, days...)
	for range most - len(days) {
		s.days = append(s.days, noDay)
	}
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
	s, _ := v.state.pieces.at(l.piece).(*rhythmState)
	if s == nil {
		return
	}
	for i := range s.beats {
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
	rhythmBeat  wire.Field = 1
	rhythmSeeds wire.Field = 2

	beatValue   wire.Field = 1
	beatDays    wire.Field = 2
	beatLast    wire.Field = 3
	beatPayload wire.Field = 4
)

func (p *rhythm) append(b []byte, s any) []byte {
	var m, inner wire.Mark
	st := s.(*rhythmState)
	for _, x := range st.beats {
		b, m = wire.Begin(b, rhythmBeat)
		b = wire.AppendBytes(b, beatValue, x.value)
		b, inner = wire.Begin(b, beatDays)
		b = wire.End(appendDays(b, x.days), inner)
		b = appendMark(b, beatLast, x.last)
		b = appendTexts(b, beatPayload, x.payload)
		b = wire.End(b, m)
	}
	if len(st.seeds.keys) == 0 {
		return b
	}
	b, m = wire.Begin(b, rhythmSeeds)
	return wire.End(st.seeds.append(b, p.days()), m)
}

func (p *rhythm) parse(b []byte, _ *state.Calendar) (any, error) {
	s := new(rhythmState)
	r := wire.NewReader(b)
	for f, ok := r.Next(); ok; f, ok = r.Next() {
		switch f {
		case rhythmBeat:
			x, err := parseBeat(r.Bytes())
			if err != nil {
				return nil, err
			}
			s.beats = append(s.beats, x)
		case rhythmSeeds:
			if err := s.seeds.parse(r.Bytes(), p.days()); err != nil {
				return nil, err
			}
		}
	}
	return s, r.Err()
}

func parseBeat(b []byte) (x beat, err error) {
	r := wire.NewReader(b)
	for f, ok := r.Next(); ok; f, ok = r.Next() {
		switch f {
		case beatValue:
			x.value = r.String()
		case beatDays:
			if x.days, b, ok = cutDays(r.Bytes(), nil); !ok || len(b) > 0 {
				return x, wire.ErrCorrupt
			}
		case beatLast:
			x.last = parseMark(&r)
		case beatPayload:
			x.payload = append(x.payload, r.String())
		}
	}
	if x.key = keyOfValue(x.value); len(x.days) == 0 {
		return x, wire.ErrCorrupt
	}
	return x, r.Err()
}

// append writes each as its key and its days.
func (s *seeds) append(b []byte, most int) []byte {
	for i, key := range s.keys {
		b = appendDays(binary.BigEndian.AppendUint64(b, key), s.of(i, most))
	}
	return b
}

func (s *seeds) parse(b []byte, most int) error {
	var memory [8]state.Day
	for len(b) > 0 {
		key, rest, ok := cutFixed(b)
		if !ok {
			return wire.ErrCorrupt
		}
		days, rest, ok := cutDays(rest, memory[:0])
		if !ok || len(days) > most || slices.Contains(days, noDay) {
			return wire.ErrCorrupt
		}
		s.add(key, most, days...)
		b = rest
	}
	return nil
}

// appendDays writes how many days there are, and how far each lies behind the former, the first behind 1970-01-01.
func appendDays(b []byte, days []state.Day) []byte {
	b = binary.AppendUvarint(b, uint64(len(days)))
	former := state.Day(0)
	for _, d := range days {
		b = binary.AppendVarint(b, int64(d-former))
		former = d
	}
	return b
}

// cutDays appends to days what appendDays wrote, at least one, and returns what stands behind it.
func cutDays(b []byte, days []state.Day) (all []state.Day, rest []byte, ok bool) {
	count, n := binary.Uvarint(b)
	if n <= 0 || count == 0 || count > uint64(len(b)) {
		return nil, nil, false
	}
	b = b[n:]
	former := state.Day(0)
	for range count {
		gap, n := binary.Varint(b)
		if n <= 0 {
			return nil, nil, false
		}
		former += state.Day(gap)
		days, b = append(days, former), b[n:]
	}
	return days, b, true
}
