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
// before an event is folded up to that event, and for a question up to the instant that is asked of, in a copy.

func (p *program) follows() bool { return len(p.tracked) > 0 || len(p.triggers) > 0 }

// next is the first instant after one, which is followed, at which something may change by time alone.
func (p *program) next(v *view, after events.Instant) events.Instant {
	v.at = after
	least := events.Never
	for _, t := range p.tracked {
		_, until := t.eval(v)
		least = min(least, until)
	}
	for _, t := range p.triggers {
		least = min(least, t.on.next(v, after))
	}
	return least
}

// step follows the instant v.at.
func (p *program) step(v *view) {
	r := v.reg
	for i, t := range p.tracked {
		if is, _ := t.eval(v); is != r.tracked[i].is {
			r.tracked[i] = tracked{is, v.at}
		}
	}
	for i, t := range p.triggers {
		v.candidates = v.candidates[:0]
		t.on.each(v, func(c *candidate) {
			if c.key == "" {
				c.key = keyOf(c.mark)
			}
			v.candidates = append(v.candidates, *c)
		})
		slices.SortStableFunc(v.candidates, func(a, b candidate) int {
			return cmp.Or(cmp.Compare(a.order, b.order), strings.Compare(a.key, b.key))
		})
		for j := range v.candidates {
			p.judge(v, int32(i), t, &v.candidates[j])
		}
	}
}

// judge makes an occurrence of what happened at v.at if it stands.
func (p *program) judge(v *view, i int32, t *trigger, c *candidate) {
	l := &v.reg.last[i]
	f := fired{trigger: i, at: v.at, key: c.key, because: c.because, payload: c.payload}
	if c.repeats {
		f.key = l.decides(c.mark)
	}
	if t.when != nil {
		if is, _ := t.when.eval(v); !is {
			return
		}
	}
	if v.at < l.free || v.reg.stands(&f) || c.recurs && l.has(f.key) {
		return
	}
	if t.cooldown.N > 0 {
		l.free = p.Calendar.Add(v.at, t.cooldown)
	}
	p.tell(&f)
	v.reg.fired = append(v.reg.fired, f)
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
func (l *last) key() string {
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

// stands: one of the same trigger, key and instant does.
func (r *registers) stands(f *fired) bool {
	for i := len(r.fired) - 1; i >= 0 && r.fired[i].at == f.at; i-- {
		if r.fired[i].trigger == f.trigger && r.fired[i].key == f.key {
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

// course is how far the time of a customer was followed beyond the registers: until an event comes that rules read, it needs
// not be followed again.
type course struct {
	registers
	valid   bool
	stepped bool           // since occurrences were asked for
	moved   bool           // figures may have, since
	last    events.Instant // the last instant that was followed
	next    events.Instant // the next one: nothing changes before
}

// view is a view of a customer at an instant, with time followed up to there. All events up to there are folded, and none
// after it.
func (p *program) view(s *State, k state.Known, at events.Instant) *view {
	s.prepare(p)
	v := p.views.Get().(*view)
	v.state, v.known, v.reg = s, k, &s.ahead.registers
	if p.follows() && s.now.ID != 0 {
		p.follow(v, &s.ahead, at)
	}
	v.at = at
	return v
}

func (p *program) follow(v *view, c *course, to events.Instant) {
	s := v.state
	if c.valid && c.moved {
		c.valid = p.unmoved(v, c)
	}
	if !c.valid || c.last > to {
		s.reg.copyTo(&c.registers)
		c.valid, c.moved, c.stepped, c.last, c.next = true, false, true, 0, s.now.Time
		if s.reg.upto >= s.now.Time {
			c.next = p.next(v, s.reg.upto)
		}
	}
	for c.next <= to {
		v.at = c.next
		p.step(v)
		c.stepped, c.last = true, c.next
		if c.next = p.next(v, c.next); c.next <= c.last {
			c.next = c.last + 60_000 // a bug of ours; who goes round in it for ever stops a whole shard
		}
	}
}

// unmoved reports whether nothing that is tracked is another after an event that only figures know of.
func (p *program) unmoved(v *view, c *course) bool {
	c.moved = false
	v.at = v.state.now.Time
	for _, i := range p.moody {
		is, until := p.tracked[i].eval(v)
		if is != c.tracked[i].is {
			return false
		}
		c.next = min(c.next, until)
	}
	return true
}

// tell makes what is said of an occurrence.
func (p *program) tell(f *fired) {
	t := p.triggers[f.trigger]
	f.once = state.Occurrence{Key: triggerPrefix + t.id + "/" + f.key, At: f.at, Because: f.because, Rule: t.id}
	if t.expires.N > 0 {
		f.once.Expires = p.Calendar.Add(f.at, t.expires)
	}
	for i, value := range f.payload {
		if value != "" {
			f.once.Payload = append(f.once.Payload, events.Property{Name: t.payload[i].Name, Value: value})
		}
	}
}

// before follows the time between two events for good.
func (p *program) before(s *State, k state.Known, to events.Instant) {
	if !p.follows() || s.now.ID == 0 || s.now.Time >= to {
		return
	}
	v := p.view(s, k, to-1)
	if c := &s.ahead; c.last > s.reg.upto {
		c.registers.copyTo(&s.reg)
	}
	s.reg.upto = to - 1
	if len(s.reg.fired) > 0 && p.forget(&s.reg, to) {
		s.ahead.valid = false
	}
	p.free(v)
}

// forget lets go of occurrences that have long been history at an instant, and reports whether there were any.
func (p *program) forget(r *registers, at events.Instant) bool {
	n := len(r.fired)
	r.fired = slices.DeleteFunc(r.fired, func(f fired) bool {
		t := p.triggers[f.trigger]
		return p.Calendar.Add(p.Calendar.Add(t.sayAt(p, f.at), t.maxLateness), t.maxLateness) <= at
	})
	return len(r.fired) < n
}

func (p *program) free(v *view) {
	v.state, v.known, v.reg = nil, state.Known{}, nil
	p.views.Put(v)
}
