package events

import (
	"slices"
	"strings"
)

// body fills in what the event says besides who, what and when.
func (d *Decoder) body(e *Event) *Refusal {
	about, m := e.Type.About(), &d.message
	e.Channel = about.Channel
	if channel := d.peek(m.channel); !blank(channel) && string(channel) != about.Channel {
		e.Channel = d.keep(channel)
	}
	if refusal := d.money(e, about); refusal != nil {
		return refusal
	}
	switch e.Type {
	case Identify:
		if refusal := d.traits(e, "context.traits", m.contextTraits); refusal != nil {
			return refusal
		}
		if refusal := d.traits(e, "traits", m.traits); refusal != nil {
			return refusal
		}
		sortTraits(e)
		return nil
	case Group:
		if refusal := d.traits(e, "traits", m.traits); refusal != nil {
			return refusal
		}
		sortTraits(e)
	}
	d.rest(e)
	return nil
}

// traits adds the members of v; a later one of the same name will count.
func (d *Decoder) traits(e *Event, where string, v raw) *Refusal {
	if v.absent() {
		return nil
	}
	if !v.object() {
		return &Refusal{UnknownEnvelope, where + " is not an object"}
	}
	s := &d.inner
	s.start(v, d.config.MaxDepth)
	for more := s.enter(); more; more = s.next() {
		name := d.keep(s.key)
		e.Traits = append(e.Traits, Trait{Name: name, Value: d.keepBytes(s.value())})
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
	at := len(d.arena)
	write := func(name, value []byte) {
		if len(d.arena) == at {
			d.arena = append(d.arena, '{')
		} else {
			d.arena = append(d.arena, ',')
		}
		d.arena = append(append(append(d.arena, name...), ':'), value...)
	}
	for i := range d.props.members {
		m := &d.props.members[i]
		switch {
		case d.props.left(m):
			write(m.name, m.value)
		case (m.field == products || m.field == items) && d.anyRest && &m.value[0] == &d.props.fields[m.field][0]:
			write(m.name, d.rests)
		}
	}
	if !d.message.campaign.absent() {
		write([]byte(`"campaign"`), d.message.campaign)
	}
	if len(d.arena) == at {
		return
	}
	d.arena = append(d.arena, '}')
	e.Rest = d.arena[at:len(d.arena):len(d.arena)]
}
