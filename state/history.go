package state

import (
	"math"

	"github.com/touchfold/touchfold/events"
)

// since tells when the fact took the value that it has at an instant, and by what: it folds the timeline again, stopping
// at every event and every horizon on the way. It begins at the newest savepoint, and earlier if nothing changed since.
// A fact that has always had its value has had it since the first event, and without any since now.
func (c *Customer) since(key string, at events.Instant) origin {
	if len(c.line.index) == 0 {
		return origin{time: at, cause: events.ByTime}
	}
	for n := len(c.line.index); ; {
		states, from := c.restore(n, false)
		if o := c.changed(states, from, key, at); o.time != 0 || from == 0 {
			if o.time == 0 {
				o = origin{time: c.line.index[0].time, cause: events.ByEvent}
			}
			return o
		}
		n = from - 1
	}
}

// changed is the last change of a fact's value after the first from events, up to an instant; zero if there is none.
func (c *Customer) changed(states []any, from int, key string, at events.Instant) (last origin) {
	var now events.Instant
	var e events.Event
	if from > 0 {
		now = c.line.index[from-1].time
	}
	value := c.table.value(states, key, now)
	look := func(o origin) {
		if v := c.table.value(states, key, now); v != value {
			value, last = v, o
		}
	}
	pass := func(to events.Instant) {
		for h := c.table.horizon(states, now); h <= to; h = c.table.horizon(states, now) {
			now = h
			look(origin{time: h, cause: events.ByTime})
		}
	}
	e.Customer = c.id
	for i := from; i < len(c.line.index); i++ {
		x := &c.line.index[i]
		if i > 0 {
			pass(x.time)
		}
		c.line.event(i, &e)
		c.table.fold(states, &e)
		now = x.time
		look(origin{time: now, cause: events.ByEvent, mark: Mark{x.time, x.id}})
	}
	pass(at)
	return last
}

// value is what one fact is at an instant.
func (t *Table) value(states []any, key string, at events.Instant) (v Value) {
	t.facts(states, math.MaxUint64&t.timed, at, func(k string, x Value) {
		if k == key {
			v = x
		}
	})
	return v
}
