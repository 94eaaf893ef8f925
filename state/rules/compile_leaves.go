package rules

import (
	"cmp"
	"slices"
	"strings"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state"
	"github.com/touchfold/touchfold/state/rules/field"
)

// matches compiles the happening of each match.
func (c *compiler) matches(m *Match, payload []Field) happening {
	p := &each{payload: c.carried(payload, "event.")}
	p.match = c.matcher(m)
	i := c.piece(p)
	p = c.pieces[i].(*each)
	p.index = i
	return &matches{i, p.key()}
}

// absence compiles both kinds.
func (c *compiler) absence(x *Absence, payload []Field, stays bool) happening {
	length := duration(x.For)
	if x.After == nil {
		p := &silence{c.matcher(&x.Of)}
		i := c.piece(p)
		c.uses.everybody = true
		return &absenceLeaf{i, c.pieces[i].(*silence), length, x.Buyers}
	}
	p := &pending{length: length}
	if x.Correlate != "" {
		p.by, p.correlate = true, c.path(x.Correlate, x.At)
	}
	p.payload = c.carried(payload, "after.")
	p.of = c.matcher(&x.Of, p.correlate)
	p.after = c.matcher(x.After, p.correlate)
	i := c.piece(p)
	p = c.pieces[i].(*pending)
	p.stays = p.stays || stays
	return &afterLeaf{i, p}
}

// carried is the fields that a trigger carries, of the event that goes by a name.
func (c *compiler) carried(payload []Field, of string) (all []field.Path) {
	for _, f := range payload {
		all = append(all, c.path(strings.TrimPrefix(f.Path, of), f.At))
	}
	return all
}

func (c *compiler) sequence(x *Sequence) *runs {
	p := &runs{within: duration(x.Within), strict: x.Strict}
	if x.Correlate != "" {
		p.by, p.correlate = true, c.path(x.Correlate, x.At)
	}
	for i := range x.Steps {
		p.steps = append(p.steps, c.matcher(&x.Steps[i], p.correlate))
	}
	i := c.piece(p)
	p = c.pieces[i].(*runs)
	p.index = i
	return p
}

func (c *compiler) date(x *Date) *dateLeaf {
	l := &dateLeaf{offset: duration(x.Offset.Duration), before: x.Offset.Before, recur: x.Recur, clock: x.Clock, zone: x.Zone, length: duration(x.For)}
	if x.For.N == 0 {
		l.length = state.Duration{N: 1, Unit: state.Days}
	}
	if x.Zone == "customer" {
		c.trait("timezone")
	}
	if name, ok := strings.CutPrefix(x.Field, "traits."); ok && x.Of == nil {
		c.trait(name)
		l.trait = name
		return l
	}
	if x.Of == nil {
		c.fault(x.At, "%s is no trait, so it must say of which event: add of: {event: …}", x.Field)
		return l
	}
	p := &lastWord{path: c.path(x.Field, x.At)}
	p.match = c.matcher(x.Of, p.path)
	l.piece = c.piece(p)
	l.of = c.pieces[l.piece].(*lastWord)
	return l
}

func (c *compiler) item(x *Item, payload []Field) *itemLeaf {
	l := &itemLeaf{offset: duration(x.Offset.Duration), before: x.Offset.Before, clock: x.Clock, length: duration(x.For)}
	if x.For.N == 0 {
		l.length = state.Duration{N: 1, Unit: state.Days}
	}
	p := &owned{payload: c.carried(payload, "")}
	if x.Field != "" {
		p.of, p.path = true, c.path(x.Field, x.At)
	}
	p.match = c.matcher(&x.Of, field.Item("product_id"), p.path)
	p.months = x.Field == "item.warranty_months"
	l.piece = c.piece(p)
	l.of = c.pieces[l.piece].(*owned)
	return l
}

func (c *compiler) cadence(x *Cadence) *cadenceLeaf {
	l := &cadenceLeaf{tolerance: cmp.Or(int64(x.Tolerance), 1_500_000), least: cmp.Or(x.Least, 3)}
	p := &rhythm{}
	switch x.By {
	case "category":
		p.by, p.group = true, field.Item("category")
	case "product":
		p.by, p.group = true, field.Item("product_id")
	}
	p.match = c.matcher(&x.Of, p.group)
	l.piece = c.piece(p)
	l.of = c.pieces[l.piece].(*rhythm)
	return l
}

// inTime is marks in order, each once.
func inTime(marks []state.Mark) []state.Mark {
	slices.SortFunc(marks, func(a, b state.Mark) int {
		return cmp.Or(cmp.Compare(a.Time, b.Time), cmp.Compare(a.ID, b.ID))
	})
	return slices.Compact(marks)
}

// shifted is an instant of a day that is moved, at a time of day.
func shifted(c *state.Calendar, d state.Day, by state.Duration, before bool, clock events.Instant) events.Instant {
	if before {
		d = d.Back(by)
	} else {
		d = d.Add(by)
	}
	return c.Local(d, clock)
}
