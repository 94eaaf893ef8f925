package rules

import (
	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state"
	"github.com/touchfold/touchfold/state/rules/field"
)

// view is what a condition is asked of: a customer at an instant. It is scratch, of one call at a time.
type view struct {
	program *program
	state   *State
	known   state.Known
	at      events.Instant
	reg     *course // how far the customer's time was followed: the state's, or another
	past    *past   // of explanations, else nil
	subject field.Subject
	zeros   []any // by piece: one of nobody's yet, or nil

	asked      set // segments that have said why
	candidates []candidate
	marks      []state.Mark
	mark       func(m state.Mark) // appends to marks
	turning    turning
}

// decides says the events that decide a condition at v.at.
func (v *view) decides(c condition, say func(state.Mark)) {
	clear(v.asked)
	c.because(v, say)
}

// A condition is true or false at every instant that is not before the last event folded.
type condition interface {
	// eval is what it is at v.at, and the first instant after that from which time alone may make it another.
	eval(v *view) (is bool, until events.Instant)
	// because says the events that decide it. Who is asked first is asked by view.decides.
	because(v *view, say func(state.Mark))
	// canonical is its meaning: equal texts are equal conditions.
	canonical() string
}

type (
	allOf []condition
	anyOf []condition
	notOf struct{ of condition }
)

func (c allOf) eval(v *view) (bool, events.Instant) { return fold(c, v, true) }
func (c anyOf) eval(v *view) (bool, events.Instant) { return fold(c, v, false) }

// fold is true of all, or of any. One child that decides it decides it until it changes: the last of these to do so.
func fold(children []condition, v *view, all bool) (bool, events.Instant) {
	decided := events.Instant(-1)
	until := events.Never
	for _, c := range children {
		is, end := c.eval(v)
		if is != all {
			decided = max(decided, end)
			if decided == events.Never {
				break
			}
		}
		until = min(until, end)
	}
	if decided >= 0 {
		return !all, decided
	}
	return all, until
}

func (c notOf) eval(v *view) (bool, events.Instant) {
	is, until := c.of.eval(v)
	return !is, until
}

func (c allOf) because(v *view, say func(state.Mark)) { decisive(c, v, true, say) }
func (c anyOf) because(v *view, say func(state.Mark)) { decisive(c, v, false, say) }

// decisive says the events of the children that make it what it is.
func decisive(children []condition, v *view, all bool, say func(state.Mark)) {
	whole, _ := fold(children, v, all)
	for _, c := range children {
		if is, _ := c.eval(v); is == whole {
			c.because(v, say)
		}
	}
}

func (c notOf) because(v *view, say func(state.Mark)) { c.of.because(v, say) }

func (c allOf) canonical() string { return list("all", c) }
func (c anyOf) canonical() string { return list("any", c) }
func (c notOf) canonical() string { return canonical("not", c.of.canonical()) }

func list(word string, children []condition) string {
	words := []any{word}
	for _, c := range children {
		words = append(words, c.canonical())
	}
	return canonical(words...)
}

// steady is how far a value whose comparison is is stays so: it is asked again whenever it may change, a bounded number of
// times. next is what it is at an instant, and until when.
func steady(at events.Instant, next func(at events.Instant) (bool, events.Instant)) (is bool, until events.Instant) {
	is, until = next(at)
	for n := 0; until != events.Never && n < mostSteps; n++ {
		now, end := next(until)
		if now != is {
			break
		}
		until = end
	}
	return is, until
}

// mostSteps is how far a horizon is looked for before one is taken at which nothing may change.
const mostSteps = 4
