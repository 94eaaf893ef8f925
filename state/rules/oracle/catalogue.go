package oracle

import (
	"slices"
	"strings"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state/rules"
)

// event is one of the customer's or, behind these, one of the catalogue.
func (r *run) event(i int) *events.Event {
	if i < len(r.list) {
		return &r.list[i]
	}
	return &r.catalogue[i-len(r.list)]
}

// meeting is an event of the catalogue and the interests that it met.
type meeting struct {
	event     int
	interests []int
}

// offered is whether a meeting was not longer ago than For, and the last one.
func (r *run) offered(c *rules.Catalogue, at events.Instant) (bool, []int) {
	all := r.meetings(c, at)
	if len(all) == 0 {
		return false, nil
	}
	last := all[len(all)-1]
	if at >= r.add(r.event(last.event).Time, or(c.For, rules.Duration{N: 1, Unit: "d"})) {
		return false, nil
	}
	return true, append(last.interests, last.event)
}

// meetings are the events of the catalogue up to an instant that met an interest, in order.
func (r *run) meetings(c *rules.Catalogue, at events.Instant) (all []meeting) {
	for i := range r.catalogue {
		e := &r.catalogue[i]
		if e.Time > at || !named(e, &c.Event) {
			continue
		}
		for _, line := range r.linesThat(e, &c.Event, c.Field) {
			v, ok := r.field(e, line, c.Field)
			if !ok {
				continue
			}
			if interests := r.interested(c, v.text, e.Time); len(interests) >= max(1, c.Least) {
				least := interests[len(interests)-max(1, c.Least):]
				all = append(all, meeting{len(r.list) + i, least})
				break
			}
		}
	}
	return all
}

// linesThat are the lines of an event that fit, -1 for the event as a whole.
func (r *run) linesThat(e *events.Event, m *rules.Match, field string) (fit []int) {
	lines := []int{-1}
	if len(e.Items) > 0 && (ofItem(m.Where) || strings.HasPrefix(field, "item.")) {
		lines = nil
		for line := range e.Items {
			lines = append(lines, line)
		}
	}
	return slices.DeleteFunc(lines, func(line int) bool { return !r.fulfils(e, line, m.Where) })
}

// interested are the matches of a value that count at an instant, in order.
func (r *run) interested(c *rules.Catalogue, value string, at events.Instant) (found []int) {
	same := c.Same
	if same == "" {
		same = c.Field
	}
	all := r.hits(&c.Interest, same, at)
	for i, h := range all {
		if !h.ok || h.value.text != value || r.add(r.list[h.event].Time, c.Within) <= at {
			continue
		}
		over := c.Until != nil && slices.ContainsFunc(r.hits(c.Until, same, at), func(u hit) bool {
			return u.ok && u.value.text == value && u.event > h.event
		})
		changed := strings.HasPrefix(same, "traits.") && slices.ContainsFunc(all[i+1:], func(x hit) bool {
			return x.ok && x.value.text != value
		})
		if !over && !changed {
			found = append(found, h.event)
		}
	}
	return found
}
