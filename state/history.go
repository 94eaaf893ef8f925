package state

import "github.com/touchfold/touchfold/events"

// since tells when the fact took the value that it has at an instant, and by what: it folds the timeline again, stopping
// at every event and every horizon on the way. It begins at the newest savepoint, and earlier if nothing changed since.
// A fact that has always had its value has had it since the first event, and without any since now.
func (c *Customer) since(s *said, at events.Instant) origin {
	if c.line.count() == 0 {
		return origin{time: at, cause: events.ByTime}
	}
	for n := c.line.count(); ; {
		states, from := c.restore(n, false)
		if c.line.count() == 0 { // it could not be read: see Blocks
			return origin{time: at, cause: events.ByTime}
		}
		if o := c.changed(states, from, s, at); o.time != 0 || from == 0 {
			if o.time == 0 {
				o = origin{time: c.line.at(0).time, cause: events.ByEvent}
			}
			return o
		}
		n = max(0, 2*from-c.line.count()-1) // twice as far back
	}
}

// changed is the last change of a fact's value after the first from events, up to an instant; zero if there is none.
func (c *Customer) changed(states []any, from int, s *said, at events.Instant) (last origin) {
	if int(s.owner) >= len(c.table.features) {
		return origin{} // no feature says it any more
	}
	own := c.table.features[s.owner] // no other's horizons change its fact
	var now events.Instant
	var e events.Event
	if from > 0 {
		now = c.line.before(from)
	}
	var heard Value
	hear := func(key string, v Value) {
		if key == s.key {
			heard = v
		}
	}
	value := func() Value {
		heard = ""
		own.facts(states[s.owner], Known{states}, now, hear)
		return heard
	}
	was := value()
	look := func(o origin) {
		if v := value(); v != was {
			was, last = v, o
		}
	}
	pass := func(to events.Instant) {
		for h := own.horizon(states[s.owner], Known{states}, now); h <= to; h = own.horizon(states[s.owner], Known{states}, now) {
			now = h
			look(origin{time: h, cause: events.ByTime})
		}
	}
	e.Customer = c.id
	for i := from; i < c.line.count(); i++ {
		x := c.line.at(i)
		if i > 0 {
			pass(x.time)
		}
		c.line.event(i, &e)
		c.table.fold(states, c.line.before(i), &e)
		now = x.time
		look(origin{time: now, cause: events.ByEvent, mark: Mark{x.time, x.id}})
	}
	pass(at)
	return last
}
