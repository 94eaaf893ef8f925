package rules

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state"
	"github.com/touchfold/touchfold/state/rules/field"
	"github.com/touchfold/touchfold/state/wire"
)

// Most of what rules say of an instant follows from the pieces. What does not is followed through time: since when a
// condition is true without a break, and what happened. Time is followed instant by instant, as of what was known then:
// before an event is folded up to that event, and for a question up to the instant that is asked of, in a copy.

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
	key     string // behind the trigger's
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

// A happening is what may make a trigger's occurrence.
type happening interface {
	// next is the first instant after one at which it happens if no event comes, or earlier.
	next(v *view, after events.Instant) events.Instant
	// each says what happens at v.at.
	each(v *view, say func(c *candidate))
	canonical() string
}

// candidate is something that happened; whether it stands is the trigger's to say.
type candidate struct {
	mark    state.Mark // the event that decided it
	key     string     // "": that of the mark
	repeats bool       // the same event may decide another, which has a key of its own, and none goes back to an earlier one
	recurs  bool       // the same key may come again at another instant, and does not count then
	order   int        // of the event in its instant, if it happens by one
	because []state.Mark
	payload []string
}

// follow follows time up to and including an instant. All events up to there are folded, and none after it.
func (p *program) follow(v *view, to events.Instant) {
	if !p.follows() {
		return
	}
	r := v.reg
	at := v.state.now.Time
	if r.upto >= at {
		at = p.next(v, r.upto)
	}
	for at <= to {
		v.at, r.upto = at, at
		p.step(v)
		at = p.next(v, at)
	}
	r.upto = max(r.upto, to)
}

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
		l.free = max(l.free, p.Calendar.Add(v.at, t.cooldown))
	}
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

// forget lets go of occurrences that have long been history at an instant.
func (p *program) forget(r *registers, at events.Instant) {
	r.fired = slices.DeleteFunc(r.fired, func(f fired) bool {
		t := p.triggers[f.trigger]
		return p.Calendar.Add(p.Calendar.Add(t.sayAt(p, f.at), t.maxLateness), t.maxLateness) <= at
	})
}

// before follows the time between two events.
func (p *program) before(s *State, k state.Known, to events.Instant) {
	if !p.follows() || s.now.ID == 0 {
		return
	}
	s.prepare(p)
	v := p.views.Get().(*view)
	v.state, v.known, v.reg = s, k, &s.reg
	p.follow(v, to-1)
	p.forget(&s.reg, to)
	s.ahead.upto = 0
	p.free(v)
}

// at is a view of a customer at an instant, with time followed up to there.
func (p *program) view(s *State, k state.Known, at events.Instant) *view {
	s.prepare(p)
	v := p.views.Get().(*view)
	v.state, v.known, v.reg = s, k, &s.ahead
	if p.follows() && s.now.ID != 0 {
		if s.ahead.upto == 0 || s.ahead.upto > at {
			s.reg.copyTo(&s.ahead)
		}
		p.follow(v, at)
	}
	v.at = at
	return v
}

func (p *program) free(v *view) {
	v.state, v.known, v.reg = nil, state.Known{}, nil
	p.views.Put(v)
}

// edge happens when a tracked condition becomes true, or is no longer.
type edge struct {
	tracked int
	of      condition
	rise    bool
}

func (h *edge) next(*view, events.Instant) events.Instant { return events.Never } // the condition is tracked

func (h *edge) each(v *view, say func(*candidate)) {
	t := v.reg.tracked[h.tracked]
	if t.since != v.at || t.is != h.rise {
		return
	}
	c := candidate{repeats: true}
	h.of.because(v, func(m state.Mark) {
		if precedes(c.mark, m) {
			c.mark = m
		}
		if len(c.because) < events.MaxBecause && !slices.Contains(c.because, m) {
			c.because = append(c.because, m)
		}
	})
	if c.mark == (state.Mark{}) {
		c.mark = v.state.now
	}
	say(&c)
}

func (h *edge) canonical() string { return canonical("edge", h.rise, h.of.canonical()) }

// hit is a match of a trigger's event, at the instant of the last event.
type hit struct {
	piece   int32
	mark    state.Mark
	because []state.Mark // nil: mark alone
	payload []string
}

// matches happens with each match of a piece that notes hits.
type matches struct {
	piece int32
	text  string // its meaning
}

func (h *matches) canonical() string { return canonical("matches", h.text) }

func (h *matches) next(*view, events.Instant) events.Instant { return events.Never }

func (h *matches) each(v *view, say func(*candidate)) {
	for i := range v.state.hits {
		if x := &v.state.hits[i]; x.piece == h.piece && x.mark.Time == v.at {
			c := candidate{mark: x.mark, order: i, because: x.because, payload: x.payload}
			if c.because == nil {
				c.because = []state.Mark{x.mark}
			}
			say(&c)
		}
	}
}

// each is the piece of a trigger on each match: it keeps nothing but the hits.
type each struct {
	index   int32
	match   matcher
	payload []field.Path
}

func (p *each) key() string                                { return canonical("each", p.match.canonical, paths(p.payload)) }
func (p *each) names() []string                            { return p.match.events }
func (p *each) zero() any                                  { return nil }
func (p *each) append(b []byte, _ any) []byte              { return b }
func (p *each) parse([]byte, *state.Calendar) (any, error) { return nil, nil }

func (p *each) fold(v *view, _ any, e *events.Event) bool {
	for i := range p.match.count(e) {
		if p.match.holds(v, e, i) {
			v.state.hits = append(v.state.hits, hit{piece: p.index, mark: state.MarkOf(e), payload: capture(v, e, p.payload)})
		}
	}
	return false
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

func (r *registers) parse(f wire.Field, in *wire.Reader) error {
	switch f {
	case stateUpto:
		r.upto = events.Instant(in.Uint())
	case stateTracked:
		return r.parseTracked(in.Bytes())
	case stateLastFired:
		return r.parseLast(in.Bytes())
	case stateFired:
		return r.parseFired(in.Bytes())
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

func (r *registers) parseFired(b []byte) error {
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
	r.fired = append(r.fired, x)
	return nil
}

const (
	hitPiece   wire.Field = 1
	hitMark    wire.Field = 2
	hitPayload wire.Field = 3
	hitBecause wire.Field = 4
)

func (h *hit) append(b []byte) []byte {
	b, m := wire.Begin(b, stateHit)
	b = wire.AppendUint(b, hitPiece, uint64(h.piece))
	b = appendMark(b, hitMark, h.mark)
	b = appendTexts(b, hitPayload, h.payload)
	for _, m := range h.because {
		b = appendMark(b, hitBecause, m)
	}
	return wire.End(b, m)
}

func (s *State) parseHit(b []byte) error {
	var h hit
	in := wire.NewReader(b)
	for f, ok := in.Next(); ok; f, ok = in.Next() {
		switch f {
		case hitPiece:
			h.piece = int32(min(in.Uint(), uint64(len(s.pieces))))
		case hitMark:
			h.mark = parseMark(&in)
		case hitPayload:
			h.payload = append(h.payload, in.String())
		case hitBecause:
			h.because = append(h.because, parseMark(&in))
		}
	}
	s.hits = append(s.hits, h)
	return in.Err()
}
