package rules

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state"
	"github.com/touchfold/touchfold/state/rules/field"
	"github.com/touchfold/touchfold/state/wire"
)

// owned is the product lines that a customer bought and that have a date, in order of key; those of an order that was
// cancelled or refunded as a whole are not.
type owned struct {
	match   matcher
	path    field.Path
	of      bool // path is one; else the day of purchase counts
	months  bool // path is a number of months from the purchase on, else a date
	payload []field.Path
}

type ownedState struct{ things []thing }

type thing struct {
	key     string
	order   string
	mark    state.Mark
	day     state.Day // the date
	payload []string
}

func (p *owned) key() string {
	return canonical("owned", p.match.canonical, p.path.String(), paths(p.payload))
}

func (p *owned) names() []string {
	more := []string{events.OrderRefunded.Name(), events.OrderCancelled.Name()}
	return slices.Compact(slices.Sorted(slices.Values(slices.Concat(p.match.events, more))))
}

func (p *owned) zero() any { return new(ownedState) }

func (p *owned) fold(v *view, s any, e *events.Event) change {
	changed := false
	st := s.(*ownedState)
	whole := e.Type == events.OrderCancelled || e.Type == events.OrderRefunded && !e.Order.Stated && len(e.Items) == 0
	if whole && e.Order.ID != "" {
		n := len(st.things)
		st.things = slices.DeleteFunc(st.things, func(t thing) bool { return t.order == e.Order.ID })
		changed = len(st.things) < n
	}
	if !p.match.takes(e) {
		return toldIf(changed)
	}
	for i := range p.match.count(e) {
		if !p.match.holds(v, e, i) {
			continue
		}
		if i >= len(e.Items) {
			break // it has no product lines
		}
		day, dated := p.day(v, e)
		if !dated && len(st.things) == 0 {
			continue
		}
		key := thingKeyOf(v, e, &e.Items[i])
		j, found := st.find(key)
		if found {
			st.things, changed = slices.Delete(st.things, j, j+1), true
		}
		if dated {
			t := thing{strings.Clone(key), strings.Clone(e.Order.ID), v.state.now, day, capture(v, e, p.payload)}
			st.things, changed = slices.Insert(st.things, j, t), true
		}
	}
	return toldIf(changed)
}

// thingKeyOf is the key of a line.
func thingKeyOf(v *view, e *events.Event, it *events.Item) string {
	switch {
	case it.Serial != "":
		return it.Serial
	case e.Order.ID != "":
		return e.Order.ID + "/" + it.ProductID
	}
	return keyOf(v.state.now) + "/" + it.ProductID
}

// day is the date of v's subject, a product line.
func (p *owned) day(v *view, e *events.Event) (day state.Day, ok bool) {
	bought := v.program.Calendar.Of(e.Time)
	if !p.of {
		return bought, true
	}
	x, ok := p.path.Read(&v.subject)
	switch {
	case !ok:
		return 0, false
	case p.months:
		return bought.Add(state.Duration{N: int(min(max(x.Number/million, 0), 1200)), Unit: state.Months}), true
	}
	return dayOf(x.Text, v.program.Calendar)
}

func (s *ownedState) find(key string) (int, bool) {
	return slices.BinarySearchFunc(s.things, key, func(t thing, key string) int { return strings.Compare(t.key, key) })
}

// itemLeaf is that a date of something owned has come, for a while. It is a happening too.
type itemLeaf struct {
	piece  int32
	of     *owned
	offset state.Duration
	before bool
	clock  events.Instant
	length state.Duration
}

func (l *itemLeaf) dates(v *view, f func(t *thing, at events.Instant)) {
	s, _ := v.state.pieces.at(l.piece).(*ownedState)
	if s == nil {
		return
	}
	for i := range s.things {
		t := &s.things[i]
		f(t, shifted(v.program.Calendar, t.day, l.offset, l.before, l.clock))
	}
}

func (l *itemLeaf) eval(v *view) (is bool, until events.Instant) {
	until = events.Never
	l.dates(v, func(_ *thing, at events.Instant) {
		switch end := v.program.Calendar.Add(at, l.length); {
		case at > v.at:
			until = min(until, at)
		case end > v.at:
			is, until = true, min(until, end)
		}
	})
	return is, until
}

func (l *itemLeaf) because(v *view, say func(state.Mark)) {
	l.dates(v, func(t *thing, at events.Instant) {
		if at <= v.at && v.program.Calendar.Add(at, l.length) > v.at {
			say(t.mark)
		}
	})
}

func (l *itemLeaf) next(v *view, after events.Instant) events.Instant {
	least := events.Never
	l.dates(v, func(_ *thing, at events.Instant) {
		if at > after {
			least = min(least, at)
		}
	})
	return least
}

func (l *itemLeaf) each(v *view) {
	l.dates(v, func(t *thing, at events.Instant) {
		if max(at, t.mark.Time) == v.at && v.program.Calendar.Add(at, l.length) > v.at {
			v.happens(candidate{mark: t.mark, key: short(t.key), recurs: true, payload: t.payload})
		}
	})
}

// short is a key of at most 96 bytes: of a longer one the beginning, whole characters, and 16 digits of its SHA-256.
func short(key string) string {
	if len(key) <= 96 {
		return key
	}
	sum := sha256.Sum256([]byte(key))
	n := 80
	for n > 76 && !utf8.RuneStart(key[n]) {
		n--
	}
	return key[:n] + hex.EncodeToString(sum[:8])
}

func (l *itemLeaf) canonical() string {
	return canonical("item", l.of.key(), l.offset, l.before, l.clock, l.length)
}

const (
	ownedThing wire.Field = 1

	thingKey     wire.Field = 1
	thingOrder   wire.Field = 2
	thingMark    wire.Field = 3
	thingDay     wire.Field = 4
	thingPayload wire.Field = 5
)

func (p *owned) append(b []byte, s any) []byte {
	var m wire.Mark
	for _, t := range s.(*ownedState).things {
		b, m = wire.Begin(b, ownedThing)
		b = wire.AppendBytes(b, thingKey, t.key)
		b = wire.AppendBytes(b, thingOrder, t.order)
		b = appendMark(b, thingMark, t.mark)
		b = wire.AppendInt(b, thingDay, int64(t.day))
		b = appendTexts(b, thingPayload, t.payload)
		b = wire.End(b, m)
	}
	return b
}

func (p *owned) parse(b []byte, _ *state.Calendar) (any, error) {
	s := new(ownedState)
	r := wire.NewReader(b)
	for _, ok := r.Next(); ok; _, ok = r.Next() {
		var t thing
		in := wire.NewReader(r.Bytes())
		for f, ok := in.Next(); ok; f, ok = in.Next() {
			switch f {
			case thingKey:
				t.key = in.String()
			case thingOrder:
				t.order = in.String()
			case thingMark:
				t.mark = parseMark(&in)
			case thingDay:
				t.day = state.Day(in.Int())
			case thingPayload:
				t.payload = append(t.payload, in.String())
			}
		}
		if in.Err() != nil {
			return nil, in.Err()
		}
		s.things = append(s.things, t)
	}
	return s, r.Err()
}
