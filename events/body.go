package events

import (
	"slices"
	"strings"
)

// body fills in what the event says besides who, what and when.
func (d *Decoder) body(e *Event) *Refusal {
	about, m := e.Type.About(), &d.message
	e.Channel = about.Channel
	if channel := d.peek(m.part(channel)); !blank(channel) && string(channel) != about.Channel {
		e.Channel = d.keep(channel)
	}
	if refusal := d.money(e, about); refusal != nil {
		return refusal
	}
	switch e.Type {
	case Identify:
		if refusal := d.traits(e, "context.traits", m.part(contextTraits), int(m.parts[contextTraits].at)); refusal != nil {
			return refusal
		}
		if refusal := d.traits(e, "traits", m.part(traits), int(m.parts[traits].at)); refusal != nil {
			return refusal
		}
		sortTraits(e)
		return nil
	case Group:
		if refusal := d.traits(e, "traits", m.part(traits), int(m.parts[traits].at)); refusal != nil {
			return refusal
		}
		sortTraits(e)
	}
	d.rest(e)
	return nil
}

// traits adds the members of v; a later one of the same name will count.
func (d *Decoder) traits(e *Event, where string, v raw, i int) *Refusal {
	if v.absent() {
		return nil
	}
	if !v.object() {
		return &Refusal{UnknownEnvelope, where + " is not an object"}
	}
	s := &d.scan
	s.depth = 0
	i, more := s.enter(i)
	for more {
		name, at := d.keep(s.name()), i
		i = s.value(i)
		e.Traits = append(e.Traits, Trait{Name: name, Value: d.keepBytes(s.b[at:i])})
		i, more = s.next(i)
	}
	return nil
}

// sortTraits puts the traits in order of name and drops all of a name but the last.
func sortTraits(e *Event) {
	slices.SortStableFunc(e.Traits, func(a, b Trait) int { return strings.Compare(a.Name, b.Name) })
	kept := e.Traits[:0]
	for i, t := range e.Traits {
		if i+1 == len(e.Traits) || e.Traits[i+1].Name != t.Name {
			kept = append(kept, t)
		}
	}
	e.Traits = kept
}

// rest writes e.Rest: the properties that were not taken, of products what was not taken of each, and last
// context.campaign (so that it counts before a property of that name).
func (d *Decoder) rest(e *Event) {
	o, at := &d.props, len(d.arena)
	b := append(d.arena, '{')
	for i := 0; i < len(o.members); {
		m := &o.members[i]
		if (m.field == products || m.field == items) && d.anyRest && !o.left(m) && o.fields[m.field].at == m.value {
			b = append(append(append(comma(b), o.text[m.name:m.nameEnd]...), ':'), d.rests...)
			i++
			continue
		}
		b, i = o.appendLeft(b, i)
	}
	if c := d.message.part(campaign); !c.absent() {
		b = append(append(comma(b), `"campaign":`...), c...)
	}
	if len(b) == at+1 {
		return
	}
	d.arena = append(b, '}')
	e.Rest = d.arena[at:len(d.arena):len(d.arena)]
}

// comma appends one unless b ends where an object begins.
func comma(b []byte) []byte {
	if b[len(b)-1] == '{' {
		return b
	}
	return append(b, ',')
}
