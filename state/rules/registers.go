package rules

import (
	"cmp"
	"slices"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state"
	"github.com/touchfold/touchfold/state/wire"
)

// registers are what following time left.
type registers struct {
	upto    events.Instant // for good
	tracked []tracked      // by the program's index
	last    []last         // of the triggers that something happened to, in order
	fired   []fired        // in order of their instants
}

// tracked is whether a condition is true, and since when. A zero since: it never changed.
type tracked struct {
	is    bool
	since events.Instant
}

// last is what a trigger remembers of what happened.
type last struct {
	trigger int32
	free    events.Instant // from when on the next one may stand
	mark    state.Mark     // the latest event that decided one
	n       int            // how many it has the key of
	stood   []uint64       // what stands of keys that may come again, as Fingerprint has them, in order
}

func (r *registers) find(trigger int32) (int, bool) {
	return slices.BinarySearchFunc(r.last, trigger, func(l last, t int32) int { return cmp.Compare(l.trigger, t) })
}

// of is what is remembered of a trigger.
func (r *registers) of(trigger int32) last {
	if i, found := r.find(trigger); found {
		return r.last[i]
	}
	return last{trigger: trigger}
}

// remember puts it in the place of what was.
func (r *registers) remember(l last) {
	i, found := r.find(l.trigger)
	switch nothing := l.free == 0 && l.n == 0 && l.stood == nil; {
	case found && nothing:
		r.last = slices.Delete(r.last, i, i+1)
	case found:
		r.last[i] = l
	case !nothing:
		r.last = slices.Insert(r.last, i, l)
	}
}

// fired is an occurrence.
type fired struct {
	trigger int32
	at      events.Instant
	key     string // behind the trigger's
	because []state.Mark
	payload []string // JSON, by the trigger's fields; "" for nothing

	// Not written.
	due  events.Instant // when it is said
	gone events.Instant // when it has long been history
	told bool           // it was compared since it is due, or never will be
}

// course is how far the time of a customer was followed, and what came of it: the registers are as of here. What they were
// as of upto can be had again, for after it another event may come.
type course struct {
	registers
	undo []undone // of what is otherwise than it was as of upto, the earliest last
	kept int      // how many of fired stood then

	here events.Instant   // the last instant that was followed since; 0: none
	next events.Instant   // the next one; 0: not known, and nothing of dues is
	dues []events.Instant // by what is tracked, then by trigger: not before this instant does time alone make it another

	every  bool           // what happens during a cooldown is looked at too
	fresh  int            // how many of fired are not told
	late   events.Instant // no fired is due later
	least  events.Instant // no fired is gone earlier
	unsure bool           // some of fired that was told is not there any more
}

// undone is what something that is followed was.
type undone struct {
	index   int32 // as in dues
	tracked tracked
	last    last
}

// touch has something be looked at again at an instant that was not followed yet.
func (c *course) touch(all []int32, at events.Instant) {
	if c.next == 0 {
		return
	}
	for _, i := range all {
		c.dues[i], c.next = 0, min(c.next, at)
	}
}

// keep makes for good what came of an instant and those before.
func (c *course) keep(upto events.Instant) {
	clear(c.undo)
	c.upto, c.undo, c.kept = upto, c.undo[:0], len(c.fired)
}

// rewind goes back to upto.
func (c *course) rewind() {
	for i := len(c.undo) - 1; i >= 0; i-- {
		c.undo[i].restore(&c.registers)
	}
	for i := c.kept; i < len(c.fired); i++ {
		if c.fired[i].told {
			c.unsure = true
		} else {
			c.fresh--
		}
	}
	clear(c.fired[c.kept:])
	c.fired = c.fired[:c.kept]
	c.here, c.next = 0, 0
	c.keep(c.upto)
}

func (u *undone) restore(r *registers) {
	if i := int(u.index); i < len(r.tracked) {
		r.tracked[i] = u.tracked
	} else {
		r.remember(u.last)
	}
}

// settled is the registers as of upto, to be read only.
func (c *course) settled() registers {
	r := c.registers
	if len(c.undo) > 0 {
		r = c.registers.clone()
		for i := len(c.undo) - 1; i >= 0; i-- {
			c.undo[i].restore(&r)
		}
	}
	r.fired = r.fired[:c.kept]
	return r
}

func (r *registers) clone() registers {
	return registers{r.upto, slices.Clone(r.tracked), slices.Clone(r.last), slices.Clone(r.fired)}
}

// fire adds an occurrence.
func (c *course) fire(p *program, f fired) {
	t := p.triggers[f.trigger]
	f.due = t.sayAt(p, f.at)
	f.gone = p.Calendar.Add(p.Calendar.Add(f.due, t.maxLateness), t.maxLateness)
	if f.told = f.at < t.since; !f.told {
		c.fresh++
	}
	if len(c.fired) == 0 {
		c.late, c.least = f.due, f.gone
	}
	c.late, c.least = max(c.late, f.due), min(c.least, f.gone)
	c.fired = append(c.fired, f)
}

// forget lets go of occurrences that have long been history at an instant, all of which are for good.
func (c *course) forget(at events.Instant) {
	if len(c.fired) == 0 || c.least > at {
		return
	}
	c.least = events.Never
	c.fired = slices.DeleteFunc(c.fired, func(f fired) bool {
		if f.gone > at {
			c.least = min(c.least, f.gone)
			return false
		}
		if !f.told {
			c.fresh--
		}
		return true
	})
	c.kept = len(c.fired)
}

const (
	trackedIndex wire.Field = 1
	trackedIs    wire.Field = 2
	trackedSince wire.Field = 3

	firedTrigger wire.Field = 1
	firedAt      wire.Field = 2
	firedKey     wire.Field = 3
	firedMark    wire.Field = 4
	firedPayload wire.Field = 5

	lastTrigger wire.Field = 1
	lastFree    wire.Field = 2
	lastMark    wire.Field = 3
	lastTimes   wire.Field = 4
	lastStood   wire.Field = 5
)

// append writes r; what is zero is left out.
func (r *registers) append(b []byte) []byte {
	b = wire.AppendUint(b, stateUpto, uint64(r.upto))
	var m wire.Mark
	for i, t := range r.tracked {
		if t == (tracked{}) {
			continue
		}
		b, m = wire.Begin(b, stateTracked)
		b = wire.AppendUint(b, trackedIndex, uint64(i))
		b = wire.AppendBool(b, trackedIs, t.is)
		b = wire.AppendUint(b, trackedSince, uint64(t.since))
		b = wire.End(b, m)
	}
	for i := range r.last {
		l := &r.last[i]
		b, m = wire.Begin(b, stateLastFired)
		b = wire.AppendUint(b, lastTrigger, uint64(l.trigger))
		b = wire.AppendUint(b, lastFree, uint64(l.free))
		b = appendMark(b, lastMark, l.mark)
		b = wire.AppendUint(b, lastTimes, uint64(l.n))
		for _, print := range l.stood {
			b = wire.AppendFixed(b, lastStood, print)
		}
		b = wire.End(b, m)
	}
	for i := range r.fired {
		f := &r.fired[i]
		b, m = wire.Begin(b, stateFired)
		b = wire.AppendUint(b, firedTrigger, uint64(f.trigger))
		b = wire.AppendUint(b, firedAt, uint64(f.at))
		b = wire.AppendBytes(b, firedKey, f.key)
		for _, m := range f.because {
			b = appendMark(b, firedMark, m)
		}
		b = appendTexts(b, firedPayload, f.payload)
		b = wire.End(b, m)
	}
	return b
}

// appendTexts writes a list of texts, empty ones too.
func appendTexts(b []byte, f wire.Field, texts []string) []byte {
	var m wire.Mark
	for _, t := range texts {
		b, m = wire.Begin(b, f)
		b = append(b, t...)
		b = wire.End(b, m)
	}
	return b
}

func (r *course) parse(p *program, f wire.Field, in *wire.Reader) error {
	switch f {
	case stateUpto:
		r.upto = events.Instant(in.Uint())
	case stateTracked:
		return r.parseTracked(in.Bytes())
	case stateLastFired:
		return r.parseLast(p, in.Bytes())
	case stateFired:
		return r.parseFired(p, in.Bytes())
	}
	return nil
}

func (r *registers) parseTracked(b []byte) error {
	var i uint64
	var t tracked
	in := wire.NewReader(b)
	for f, ok := in.Next(); ok; f, ok = in.Next() {
		switch f {
		case trackedIndex:
			i = in.Uint()
		case trackedIs:
			t.is = in.Bool()
		case trackedSince:
			t.since = events.Instant(in.Uint())
		}
	}
	if in.Err() != nil || i >= uint64(len(r.tracked)) {
		return wire.ErrCorrupt
	}
	r.tracked[i] = t
	return nil
}

func (r *registers) parseLast(p *program, b []byte) error {
	var l last
	in := wire.NewReader(b)
	for f, ok := in.Next(); ok; f, ok = in.Next() {
		switch f {
		case lastTrigger:
			l.trigger = int32(min(in.Uint(), uint64(len(p.triggers))))
		case lastFree:
			l.free = events.Instant(in.Uint())
		case lastMark:
			l.mark = parseMark(&in)
		case lastTimes:
			l.n = int(in.Uint())
		case lastStood:
			l.stood = append(l.stood, in.Uint())
		}
	}
	if in.Err() != nil || int(l.trigger) >= len(p.triggers) {
		return wire.ErrCorrupt
	}
	r.remember(l)
	return nil
}

func (r *course) parseFired(p *program, b []byte) error {
	var x fired
	in := wire.NewReader(b)
	for f, ok := in.Next(); ok; f, ok = in.Next() {
		switch f {
		case firedTrigger:
			x.trigger = int32(min(in.Uint(), uint64(len(p.triggers))))
		case firedAt:
			x.at = events.Instant(in.Uint())
		case firedKey:
			x.key = in.String()
		case firedMark:
			x.because = append(x.because, parseMark(&in))
		case firedPayload:
			x.payload = append(x.payload, in.String())
		}
	}
	if in.Err() != nil || int(x.trigger) >= len(p.triggers) {
		return wire.ErrCorrupt
	}
	r.fire(p, x)
	r.kept++
	return nil
}
