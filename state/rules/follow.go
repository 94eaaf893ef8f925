package rules

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state"
)

// Most of what rules say of an instant follows from the pieces. What does not is followed through time: since when a
// condition is true without a break, and what happened. Time is followed instant by instant, as of what was known then:
// before an event is folded up to that event, for good, and for a question up to the instant that is asked of.

func (p *program) follows() bool { return p.followed() > 0 }

// followed is how much is followed.
func (p *program) followed() int { return len(p.tracked) + len(p.triggers) }

// step follows the instant v.at: of all that is followed what may be another then.
func (p *program) step(v *view) {
	c := v.reg
	for i, t := range p.tracked {
		if c.dues[i] > v.at {
			continue
		}
		is, until := t.eval(v)
		c.dues[i] = until
		if is != c.tracked[i].is {
			c.undo = append(c.undo, undone{index: int32(i), tracked: c.tracked[i]})
			c.tracked[i] = tracked{is, v.at}
			for _, e := range p.edges[i] {
				c.dues[e] = 0
			}
		}
	}
	for i, t := range p.triggers {
		due, after := &c.dues[len(p.tracked)+i], v.at
		if *due > v.at {
			continue
		}
		_, edged := t.on.(*edge)
		if edged || c.every || c.of(int32(i)).free <= v.at {
			p.happens(v, int32(i), t)
		}
		if !edged && !c.every { // nothing comes of what happens before, and it leaves no trace
			after = max(after, c.of(int32(i)).free-1)
		}
		*due = t.on.next(v, after)
	}
	c.here, c.next = v.at, slices.Min(c.dues)
	if c.next <= c.here {
		c.next = c.here + 60_000 // a bug of ours; who goes round in it for ever stops a whole shard
	}
}

// happens judges what happens to a trigger at v.at.
func (p *program) happens(v *view, i int32, t *trigger) {
	v.candidates = v.candidates[:0]
	t.on.each(v)
	if all := v.candidates; len(all) > 1 {
		for j := range all {
			all[j].name()
		}
		slices.SortStableFunc(all, func(a, b candidate) int {
			return cmp.Or(cmp.Compare(a.order, b.order), strings.Compare(a.key, b.key))
		})
	}
	for j := range v.candidates {
		p.judge(v, i, t, &v.candidates[j])
	}
}

// judge makes an occurrence of what happened at v.at if it stands.
func (p *program) judge(v *view, i int32, t *trigger, x *candidate) {
	c := v.reg
	l := c.of(i)
	was := undone{index: int32(len(p.tracked)) + i, last: l}
	if x.repeats {
		c.undo = append(c.undo, was)
		x.key = l.decides(x.mark)
		c.remember(l)
	}
	if t.when != nil {
		if is, _ := t.when.eval(v); !is {
			return
		}
	}
	if v.at < l.free {
		return
	}
	x.name()
	if c.stands(i, v.at, x.key) {
		return
	}
	c.undo = append(c.undo, was)
	if x.recurs && l.has(x.key) {
		return
	}
	if t.cooldown.N > 0 {
		l.free = p.Calendar.Add(v.at, t.cooldown)
	}
	c.remember(l)
	if x.because == nil {
		x.because = []state.Mark{x.mark}
	}
	c.fire(p, fired{trigger: i, at: v.at, key: x.key, because: x.because, payload: x.payload})
}

// decides is the key of what an event decided: of that event, or of a later one that decided something before.
func (l *last) decides(m state.Mark) string {
	if l.n == 0 || precedes(l.mark, m) {
		l.mark, l.n = m, 0
	}
	l.n++
	return l.key()
}

// key is the last one that decides gave.
func (l last) key() string {
	if l.n == 1 {
		return keyOf(l.mark)
	}
	return keyOf(l.mark) + "/" + strconv.Itoa(l.n)
}

// precedes orders events where what decides is the latest of them: by their ids if they are of one instant.
func precedes(a, b state.Mark) bool { return a.Time < b.Time || a.Time == b.Time && a.ID < b.ID }

// has reports whether a key that may come again has stood, and notes it.
func (l *last) has(key string) bool {
	print := state.Fingerprint("key", key)
	i, found := slices.BinarySearch(l.stood, print)
	if !found {
		l.stood = slices.Insert(slices.Clone(l.stood), i, print)
	}
	return found
}

// stands: one of the same trigger, instant and key does.
func (r *registers) stands(trigger int32, at events.Instant, key string) bool {
	for i := len(r.fired) - 1; i >= 0 && r.fired[i].at == at; i-- {
		if r.fired[i].trigger == trigger && r.fired[i].key == key {
			return true
		}
	}
	return false
}

// latest is the later of two.
func latest(a, b state.Mark) state.Mark {
	if precedes(a, b) {
		return b
	}
	return a
}

// keyOf stands for an event.
func keyOf(m state.Mark) string {
	const digits = "0123456789abcdef"
	var b [16]byte
	for i := range b {
		b[i] = digits[m.ID>>(60-4*i)&15]
	}
	return string(b[:])
}

// view is a view of a customer at an instant, with time followed up to there. All events up to there are folded, and none
// after it.
func (p *program) view(s *State, k state.Known, at events.Instant) *view {
	s.prepare(p)
	v := p.views.Get().(*view)
	v.state, v.known, v.reg = s, k, &s.reg
	if s.moved {
		s.restamp(p, k)
	}
	if p.follows() && s.now.ID != 0 {
		p.follow(v, at)
	}
	v.at = at
	return v
}

func (p *program) follow(v *view, to events.Instant) {
	c := v.reg
	if c.here > to {
		c.rewind()
		v.state.members.stale.fill(len(p.segments))
	}
	if c.next == 0 { // all is looked at
		clear(c.dues)
		c.next = max(v.state.now.Time, c.upto+1)
	}
	for c.next <= to {
		v.at = c.next
		p.step(v)
	}
}

// occurrence is what is said of one at an instant.
func (p *program) occurrence(f *fired, at events.Instant) state.Occurrence {
	t := p.triggers[f.trigger]
	o := state.Occurrence{Key: triggerPrefix + t.id + "/" + f.key, At: f.at, Because: f.because, Rule: t.id,
		Priority: t.priority, Old: at >= p.Calendar.Add(f.due, t.maxLateness)}
	if t.expires.N > 0 {
		o.Expires = p.Calendar.Add(f.at, t.expires)
	}
	for i, value := range f.payload {
		if value != "" {
			o.Payload = append(o.Payload, events.Property{Name: t.payload[i].Name, Value: value})
		}
	}
	return o
}

// before follows the time between two events for good.
func (p *program) before(s *State, k state.Known, to events.Instant) {
	if !p.follows() || s.now.ID == 0 || s.now.Time >= to {
		return
	}
	c := &s.reg
	if s.moved {
		s.restamp(p, k)
	}
	if c.next < to || c.here >= to {
		p.free(p.view(s, k, to-1))
	}
	c.keep(to - 1)
	c.forget(to)
}

func (p *program) free(v *view) {
	v.state, v.known, v.reg, v.past = nil, state.Known{}, nil, nil
	p.views.Put(v)
}
