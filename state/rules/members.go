package rules

import "github.com/touchfold/touchfold/events"

// members is which segments a customer is in, as far as it was asked. Nothing of it is written.
type members struct {
	is     set
	stale  set              // to be asked again: something that they depend on is another
	told   set              // what is was when it was compared
	untils []events.Instant // by segment: what it is holds from since on, until then
	since  events.Instant   // the last instant at which one was asked
	due    events.Instant   // not after the least of untils
	search bool             // due may be earlier than that
}

// certain: no segment needs to be asked at an instant.
func (m *members) certain(at events.Instant) bool {
	return m.stale.empty() && at >= m.since && at < m.due
}

// segment is whether the customer is in a segment at v.at, and until when.
func (v *view) segment(g *segment) (bool, events.Instant) {
	m := &v.state.members
	if v.at < m.since {
		m.stale.fill(len(m.untils))
		m.since = v.at
	}
	if i := g.index; m.stale.has(i) || m.untils[i] <= v.at {
		is, until := g.when.eval(v)
		m.search = m.search || m.untils[i] <= m.due && until > m.untils[i]
		m.is.put(i, is)
		m.stale.put(i, false)
		m.untils[i], m.since, m.due = until, v.at, min(m.due, until)
	}
	return m.is.has(g.index), m.untils[g.index]
}

// segments asks all that may be otherwise at v.at.
func (v *view) segments() {
	m := &v.state.members
	if m.certain(v.at) {
		return
	}
	all := v.program.segments
	if v.at < m.since {
		m.stale.fill(len(all))
	}
	if v.at >= m.due {
		m.search = true
		for i, until := range m.untils {
			if until <= v.at {
				m.stale.put(i, true)
			}
		}
	}
	for i := m.stale.next(0); i >= 0; i = m.stale.next(i + 1) {
		v.segment(all[i])
	}
	if !m.search {
		return
	}
	m.search, m.due = false, events.Never
	for _, until := range m.untils {
		m.due = min(m.due, until)
	}
}
