package state

import (
	"strings"

	"github.com/touchfold/touchfold/events"
)

// An Occurrence is a fact that happens once: it has no value that lasts, but an instant. It is said once, and withdrawn if
// it turns out not to have happened while that is still of use; what comes after is history.
type Occurrence struct {
	Key      string         // trigger/<id>/<which>; nothing in it can a late event move
	At       events.Instant // when it happened; not before 1970
	Old      bool           // it is so, but settled: not said any more, and not withdrawn
	Because  []Mark         // the events that decide it, in order
	Rule     string
	Priority int               // of the rule, for whoever sends it
	Payload  []events.Property // other names than trigger and occurrence, each once
	Expires  events.Instant    // it is not said when the wall clock is later; 0: said whenever
}

// Occurrences says what has happened by an instant that is not before the last event, as its feature does.
func (c *Customer) Occurrences(at events.Instant, say func(o *Occurrence)) {
	if i := c.table.happens; i < len(c.states) {
		c.table.features[i].occurrences(c.states[i], Known{c.states}, at, say)
	}
}

// says: an occurrence that is not said as of a step's instant is to be.
func (sp *Speaker) says(o *Occurrence, at events.Instant) bool {
	now := at
	if sp.Wall != nil {
		now = sp.Wall()
	}
	return !o.Old && o.At > sp.Floor && (o.Expires == 0 || now <= o.Expires)
}

// Mend is Refold, and Settle as of when the late events came: what time has made since is on time, and they are no later
// for having waited. It returns how many events were folded.
func (c *Customer) Mend(at events.Instant, sp *Speaker) (folded int) {
	folded = c.Refold()
	c.Settle(c.came(at, sp), events.ByCorrection, sp)
	c.Pass(at, sp)
	return folded
}

// came is when the events came that wait to be compared: at, unless that is known.
func (c *Customer) came(at events.Instant, sp *Speaker) events.Instant {
	if c.Waits == 0 {
		return at
	}
	return min(at, max(c.Waits, c.line.last(), sp.Said))
}

// Visit is Settle of one who is not stale, on a walk. Where horizons wait at which something may have happened, it looks at
// him as of before them and lets them pass then: what happened meanwhile is on time, however late he is visited.
func (c *Customer) Visit(at events.Instant, cause events.Cause, sp *Speaker) {
	from := c.came(at, sp)
	if c.table.happens < len(c.states) && !c.Outdated() && c.due <= at {
		from = min(at, max(c.due-1, c.line.last(), sp.Floor, sp.Said))
	}
	c.Settle(from, cause, sp)
	c.Pass(at, sp)
}

// happened says an occurrence, or notes that what was said of it has moved.
func (c *Customer) happened(s *said, o *Occurrence, at events.Instant, by origin, sp *Speaker) {
	if s.value != "" {
		s.at = o.At
		return
	}
	if !sp.says(o, at) {
		return
	}
	s.at = o.At
	c.tell(s, &events.Statement{Value: Yes, Effective: o.At, AsOf: at, Because: c.ids(o.Because, sp), Cause: o.cause(by), Rule: o.Rule,
		Priority: o.Priority, Payload: o.Payload}, sp)
}

// cause is that of the step, or, where only history tells, an event that was at the occurrence's instant, else time.
func (o *Occurrence) cause(by origin) events.Cause {
	if by.cause != "" {
		return by.cause
	}
	for _, m := range o.Because {
		if m.Time == o.At {
			return events.ByEvent
		}
	}
	return events.ByTime
}

// withdraw says that an occurrence has not happened after all, unless it is history. That takes effect when it is said.
func (c *Customer) withdraw(s *said, at events.Instant, by origin, sp *Speaker) {
	if c.table.features[s.owner].settled(s.key, s.at, at) {
		s.over, sp.over = true, true
		return
	}
	if s.value == "" {
		return // it was withdrawn
	}
	cause := by.cause
	if cause == "" {
		cause = events.ByCorrection
	}
	id := s.key[strings.IndexByte(s.key, '/')+1:]
	id, _, _ = strings.Cut(id, "/")
	s.at = at
	c.tell(s, &events.Statement{Effective: at, AsOf: at, Because: c.because(s, "", at, by, sp), Cause: cause, Rule: id}, sp)
}
