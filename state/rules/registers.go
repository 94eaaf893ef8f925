package rules

import (
	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state"
	"github.com/touchfold/touchfold/state/wire"
)

// registers are what following time left, up to an instant.
type registers struct {
	upto    events.Instant
	tracked []tracked // by the program's index
	last    []last    // by trigger
	fired   []fired   // in order of their instants
}

// tracked is whether a condition is true, and since when. A zero since: it never changed.
type tracked struct {
	is    bool
	since events.Instant
}

// last is what a trigger remembers of what happened.
type last struct {
	free  events.Instant // from when on the next one may stand
	mark  state.Mark     // the latest event that decided one
	n     int            // how many it has the key of
	stood []uint64       // what stands of keys that may come again, as Fingerprint has them, in order
}

// fired is an occurrence.
type fired struct {
	trigger int32
	at      events.Instant
	key     string           // behind the trigger's
	once    state.Occurrence // what is said of it; not written
	because []state.Mark
	payload []string // JSON, by the trigger's fields; "" for nothing
}

func (r *registers) prepare(p *program) {
	if r.tracked == nil && len(p.tracked) > 0 {
		r.tracked = make([]tracked, len(p.tracked))
	}
	if r.last == nil && len(p.triggers) > 0 {
		r.last = make([]last, len(p.triggers))
	}
}

func (r *registers) copyTo(to *registers) {
	to.upto = r.upto
	to.tracked = append(to.tracked[:0], r.tracked...)
	to.last = append(to.last[:0], r.last...)
	to.fired = append(to.fired[:0], r.fired...)
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
	for i, l := range r.last {
		if l.free == 0 && l.n == 0 && l.stood == nil {
			continue
		}
		b, m = wire.Begin(b, stateLastFired)
		b = wire.AppendUint(b, lastTrigger, uint64(i))
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

func (r *registers) parse(p *program, f wire.Field, in *wire.Reader) error {
	switch f {
	case stateUpto:
		r.upto = events.Instant(in.Uint())
	case stateTracked:
		return r.parseTracked(in.Bytes())
	case stateLastFired:
		return r.parseLast(in.Bytes())
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

func (r *registers) parseLast(b []byte) error {
	var i uint64
	var l last
	in := wire.NewReader(b)
	for f, ok := in.Next(); ok; f, ok = in.Next() {
		switch f {
		case lastTrigger:
			i = in.Uint()
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
	if in.Err() != nil || i >= uint64(len(r.last)) {
		return wire.ErrCorrupt
	}
	r.last[i] = l
	return nil
}

func (r *registers) parseFired(p *program, b []byte) error {
	var x fired
	in := wire.NewReader(b)
	for f, ok := in.Next(); ok; f, ok = in.Next() {
		switch f {
		case firedTrigger:
			x.trigger = int32(min(in.Uint(), uint64(len(r.last))))
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
	if in.Err() != nil || int(x.trigger) >= len(r.last) {
		return wire.ErrCorrupt
	}
	p.tell(&x)
	r.fired = append(r.fired, x)
	return nil
}
