package rules

import (
	"slices"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state"
)

// A Question is which rules of a customer are to be explained.
type Question struct {
	Table    *state.Table // with the rules, and the customer's
	Customer *state.Customer
	Rules    []string       // by id; none: all
	At       events.Instant // what came later counts for nothing
	Floor    events.Instant // occurrences up to here are not said: when his shard began, if it was mute then
}

// An Explanation is why a rule is what it is of a customer at an instant, as of the events up to there.
type Explanation struct {
	Rule    About
	Trigger bool
	On      *Node // of a trigger: what makes it happen, as it is now
	When    *Node // nil of a trigger without

	Is    bool           // of a segment: he is in it
	Since events.Instant // of a segment: when he entered it, or left it; 0: he never did
	Until events.Instant // of a segment: when that changes if no event comes

	InForce       events.Instant // of a trigger: nothing is said of what happened before
	Happened      int            // how often
	Stood         int            // how often it was an occurrence
	Past          []Attempt      // the last ten of all that happened, and the last one that stands
	Free          events.Instant // the cooldown ends then; 0: there is none
	Next          events.Instant // the next occurrence if no event comes
	EndsUnknown   bool           // Next or Until was not found by then: it is that or later
	FirstEvent    events.Instant // of the customer
	LastEvent     events.Instant // up to At
	EventsFolded  int            // the customer's own
	trigger, rule int
}

// A Node is a condition and what it is at an instant.
type Node struct {
	Of       Condition // as it was written
	Happens  bool      // it is no condition, and Is and Until mean nothing
	Is       bool
	Until    events.Instant // when that changes if no event comes
	Value    string         // what is compared; "": nothing is there
	Note     string         // why there is nothing, or why what there is does not do; "": nothing is to be said
	From, To events.Instant // the window's first instant and last, or what it counts from and when that is long enough; 0: none
	Because  []state.Mark   // the latest ten events that decide it, in order
	Events   int            // how many they are
	Parts    []*Node        // of all, any, not; of a segment its condition, once; of a sequence without a run its steps
}

// A Verdict is what became of something that happened to a trigger.
type Verdict string

// The first six stand; the others do not.
const (
	Told      Verdict = "said"
	Withdrawn Verdict = "withdrawn"
	Waiting   Verdict = "waiting"      // its settle time has not passed
	Early     Verdict = "not in force" // it happened before its rule was
	Mute      Verdict = "mute"         // it happened before a first start that was mute
	Missed    Verdict = "missed"       // when it came to be known it was history, or had expired
	Unmet     Verdict = "when"         // When did not hold
	Cooling   Verdict = "cooldown"
	Again     Verdict = "again" // one of the same key stands
)

// Stands reports whether it is an occurrence.
func (v Verdict) Stands() bool { return v != Unmet && v != Cooling && v != Again }

// An Attempt is one time that a trigger's happening happened.
type Attempt struct {
	At      events.Instant
	Key     string // of its fact
	Verdict Verdict
	When    *Node          // of Unmet: why
	Free    events.Instant // of Cooling: when the next may stand
	Due     events.Instant // when it is said
	Old     events.Instant // from then on it is history
	Expires events.Instant // 0: never
	Because []state.Mark   // the latest ten
}

// mostPast is how much of what happened is shown, and mostAhead how many instants are looked at for what comes next.
const (
	mostPast  = 10
	mostAhead = 2000
)

// Explain answers a question, in the order of the book. Nothing is known of a customer without events up to then, and
// unknown ids are left out.
func Explain(q Question) (all []Explanation) {
	x := &explainer{question: q}
	past := q.Table.New(q.Customer.ID())
	var first, last, own events.Instant
	n := 0 // of the customer's own
	q.Customer.Timeline(func(e *events.Event) {
		if e.Time > q.At || e.Type.OfWorld() && (x.report == nil || !x.report.program.meets(x.report.state, e)) {
			return // or of the world, and does not meet him
		}
		if !e.Type.OfWorld() {
			own, n = e.Time, n+1
		}
		if x.report != nil && e.Time > last {
			x.watch(e.Time - 1)
		}
		copied := *e
		past.Take(&copied)
		if last = e.Time; x.report == nil {
			first = e.Time
			if x.report, _ = past.Report(e.Time)[Name].(*Report); x.report != nil {
				x.begin()
			}
		}
		x.remember(e)
	})
	if x.report == nil {
		return nil
	}
	x.watch(q.At)
	for i := range x.all {
		e := &x.all[i]
		e.FirstEvent, e.LastEvent, e.EventsFolded = first, own, n
		x.finish(e)
	}
	return x.all
}

// explainer follows a customer of its own through the past.
type explainer struct {
	question Question
	report   *Report
	all      []Explanation
	said     map[string]state.Value
}

// begin finds the rules that are asked for.
func (x *explainer) begin() {
	p := x.report.program
	x.report.past = &past{map[int32]*matched{}, map[int32]tries{}}
	wanted := func(id string) bool { return len(x.question.Rules) == 0 || slices.Contains(x.question.Rules, id) }
	for i := range p.Book.Segments {
		if s := &p.Book.Segments[i]; wanted(s.ID) {
			x.all = append(x.all, Explanation{Rule: s.About, rule: i, trigger: -1})
		}
	}
	for i := range p.Book.Triggers {
		if t := &p.Book.Triggers[i]; wanted(t.ID) {
			x.all = append(x.all, Explanation{Rule: t.About, Trigger: true, rule: i, trigger: i, InForce: p.triggers[i].since})
		}
	}
	x.said = map[string]state.Value{}
	x.question.Customer.Said(func(key string, v state.Value, _ uint32) { x.said[key] = v })
}

// watch follows the time from the last event to an instant before the next.
func (x *explainer) watch(to events.Instant) {
	r := x.report
	for i := range x.all {
		if e := &x.all[i]; !e.Trigger {
			x.watchSegment(e, to)
		}
	}
	r.follow(to, -1, func(v *view) bool {
		for i := range x.all {
			if e := &x.all[i]; e.Trigger {
				x.look(v, e)
			}
		}
		return true
	})
}

func (x *explainer) watchSegment(e *Explanation, to events.Instant) {
	r := x.report
	g := r.program.segmentOf(e.Rule.ID)
	for at := r.state.now.Time; at <= to; {
		is, until := r.ask(&segmentLeaf{segment: g}, at)
		if is != e.Is {
			e.Is, e.Since = is, at
		}
		at = until
	}
}

// remember has the past have an event that was folded.
func (x *explainer) remember(e *events.Event) {
	if r := x.report; r != nil {
		v := r.program.views.Get().(*view)
		v.state = r.state
		r.past.take(r.program, v, e)
		r.program.free(v)
	}
}

// look notes what has happened to a trigger at v.at, where time was followed up to.
func (x *explainer) look(v *view, e *Explanation) {
	t := v.program.triggers[e.trigger]
	v.candidates = v.candidates[:0]
	t.on.each(v)
	used := map[string]bool{}
	for _, c := range slices.Clone(v.candidates) {
		c.name()
		key := c.key
		if c.because == nil {
			c.because = []state.Mark{c.mark}
		}
		if c.repeats {
			key = v.reg.of(int32(e.trigger)).key() // there is no other one at that instant
		}
		if used[key] {
			continue // once is enough
		}
		a := Attempt{At: v.at, Key: triggerPrefix + t.id + "/" + key, Because: newest(c.because)}
		stands := slices.ContainsFunc(v.reg.fired, func(f fired) bool {
			return int(f.trigger) == e.trigger && f.at == v.at && f.key == key
		})
		if stands {
			used[key] = true
			e.Stood++
		}
		x.judge(v, t, e, &a, stands)
		e.Happened++
		e.remember(a)
	}
}

// judge finds out what became of an attempt.
func (x *explainer) judge(v *view, t *trigger, e *Explanation, a *Attempt, stands bool) {
	p := v.program
	a.Due = t.sayAt(p, a.At)
	a.Old = p.Calendar.Add(a.Due, t.maxLateness)
	if t.expires.N > 0 {
		a.Expires = p.Calendar.Add(a.At, t.expires)
	}
	value, spoken := x.said[a.Key]
	switch {
	case !stands:
		is := true
		if t.when != nil {
			is, _ = t.when.eval(v)
		}
		switch free := v.reg.of(int32(e.trigger)).free; {
		case !is:
			b := builder{report: x.report, view: v}
			a.Verdict, a.When = Unmet, b.node(p.Book.Triggers[e.trigger].When, t.when)
		case free > v.at:
			a.Verdict, a.Free = Cooling, free
		default:
			a.Verdict = Again
		}
	case spoken && value != "":
		a.Verdict = Told
	case spoken:
		a.Verdict = Withdrawn
	case a.At < t.since:
		a.Verdict = Early
	case a.At <= x.question.Floor:
		a.Verdict = Mute
	case a.Due > x.question.At:
		a.Verdict = Waiting
	default:
		a.Verdict = Missed
	}
}

// remember keeps the last attempts, and of older ones the last that stands.
func (e *Explanation) remember(a Attempt) {
	e.Past = append(e.Past, a)
	if len(e.Past) <= mostPast {
		return
	}
	if e.Past[0].Verdict.Stands() && !slices.ContainsFunc(e.Past[1:], func(a Attempt) bool { return a.Verdict.Stands() }) {
		e.Past = slices.Delete(e.Past, 1, 2)
		return
	}
	e.Past = slices.Delete(e.Past, 0, 1)
}

// finish says how a rule is at the instant, and what comes next.
func (x *explainer) finish(e *Explanation) {
	r, p := x.report, x.report.program
	r.at = x.question.At
	v := p.view(r.state, r.known, r.at)
	own := course{registers: v.reg.clone()}
	v.reg, v.past = &own, r.past
	b := builder{report: r, view: v, ahead: true, seen: map[string]bool{e.Rule.ID: !e.Trigger}}
	if !e.Trigger {
		g := p.segmentOf(e.Rule.ID)
		e.When = b.node(p.Book.Segments[e.rule].When, g.when)
		e.Until, e.EndsUnknown = e.When.Until, b.unsure
		p.free(v)
		return
	}
	t := p.triggers[e.trigger]
	e.On = b.node(p.Book.Triggers[e.rule].On, t.on)
	e.On.Happens = true
	if t.when != nil {
		e.When = b.node(p.Book.Triggers[e.rule].When, t.when)
	}
	if free := own.of(int32(e.trigger)).free; free > r.at {
		e.Free = free
	}
	p.free(v)
	e.Next = events.Never
	steps, most := 0, p.Calendar.Add(r.at, state.Duration{N: 100, Unit: state.Years})
	r.follow(events.Never-1, e.trigger, func(v *view) bool {
		if v.at <= r.at {
			return true
		}
		for _, f := range v.reg.fired {
			if int(f.trigger) == e.trigger && f.at == v.at {
				e.Next = v.at
				return false
			}
		}
		if steps++; steps == mostAhead || v.at > most {
			e.Next, e.EndsUnknown = v.at, true
			return false
		}
		return true
	})
}

// newest is the last ten of marks, in order and each once.
func newest(marks []state.Mark) []state.Mark {
	all := inTime(slices.Clone(marks))
	return all[max(0, len(all)-events.MaxBecause):]
}
