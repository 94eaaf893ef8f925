package state_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state"
)

// listener checks every statement as it comes.
type listener struct {
	t     *rapid.T
	table *state.Table
	cal   *state.Calendar
	c     *state.Customer
	n     map[string]uint32
	value map[string]state.Value
	clock events.Instant
	heard []string // the statements, for comparison

	last   string         // the last fact spoken of in a step: a step's statements come in order of key
	lastAt events.Instant // as of
}

func (l *listener) hear(s *events.Statement) {
	t := l.t
	if s.N != l.n[s.Fact]+1 || s.Previous != l.value[s.Fact] || s.Value == s.Previous {
		t.Fatalf("%s: statement %d %q → %q after statement %d %q", s.Fact, s.N, s.Previous, s.Value, l.n[s.Fact], l.value[s.Fact])
	}
	if strings.HasPrefix(s.Fact, "segment/") && (s.N%2 == 1) != (s.Value == state.Yes) {
		t.Fatalf("%s: statement %d says %q; odd ones say yes", s.Fact, s.N, s.Value)
	}
	if rule, segment := strings.CutPrefix(s.Fact, "segment/"); segment && s.Rule != rule || !segment && s.Rule != "" {
		t.Fatalf("%s is by rule %q", s.Fact, s.Rule)
	}
	if s.AsOf > l.clock || s.Effective > s.AsOf {
		t.Fatalf("%s: effective %s, as of %s, at %s", s.Fact, s.Effective, s.AsOf, l.clock)
	}
	if want := l.began(s.Fact, s.Value, s.AsOf); s.Effective != want {
		t.Fatalf("%s = %q as of %s (%s): effective %s, but it began %s", s.Fact, s.Value, s.AsOf, s.Cause, s.Effective, want)
	}
	if s.AsOf == l.lastAt && s.Fact <= l.last {
		t.Fatalf("%s is said after %s of the same step", s.Fact, l.last)
	}
	l.last, l.lastAt = s.Fact, s.AsOf
	l.checkBecause(s)
	l.n[s.Fact], l.value[s.Fact] = s.N, s.Value
	l.heard = append(l.heard, fmt.Sprintf("%s %q %q %d %s %s %s %v", s.Fact, s.Previous, s.Value, s.N, s.Effective, s.AsOf, s.Cause, s.Because))
}

// began finds when a fact's present value began, the long way: events folded one by one, and asked at every day's start
// between them.
func (l *listener) began(key string, now state.Value, at events.Instant) (began events.Instant) {
	c := l.table.New("c")
	value, last := state.Value(""), events.Instant(0)
	look := func(at events.Instant) {
		v := state.Value("")
		c.Facts(at, func(k string, x state.Value) {
			if k == key {
				v = x
			}
		})
		if v != value {
			value, began = v, at
		}
	}
	days := func(to events.Instant) {
		if last == 0 {
			return
		}
		for d := l.cal.Of(last) + 1; l.cal.Start(d) <= to; d++ {
			look(l.cal.Start(d))
		}
	}
	first := true
	l.c.Timeline(func(e *events.Event) {
		if first {
			first, began = false, e.Time // a value it always had it has had since the first event
		}
		days(e.Time)
		c.Take(own(e))
		look(e.Time)
		last = e.Time
	})
	days(at)
	if value != now {
		l.t.Fatalf("%s is said to be %q as of %s, but is %q", key, now, at, value)
	}
	return began
}

func (l *listener) checkBecause(s *events.Statement) {
	if len(s.Because) > 10 {
		l.t.Fatalf("%s because of %d events", s.Fact, len(s.Because))
	}
	rest := s.Because
	l.c.Timeline(func(e *events.Event) {
		if len(rest) > 0 && rest[0] == e.ID {
			rest = rest[1:]
		}
	})
	if len(rest) > 0 {
		l.t.Fatalf("%s because of %v, which do not stand so on the timeline", s.Fact, s.Because)
	}
	if s.Fact == "segment/vip" && s.Value == "" && s.Cause == events.ByTime && s.AsOf == s.Effective {
		l.checkGone(s)
	}
}

// checkGone checks that who is vip no more because time passed is so because of what left the window with that day, or with one
// that a zone passed over, such as Apia's 30 December 2011.
func (l *listener) checkGone(s *events.Statement) {
	var ids []string
	l.c.Timeline(func(e *events.Event) {
		if l.cal.Start(l.cal.Of(e.Time)+365) == s.AsOf {
			ids = append(ids, e.ID)
		}
	})
	for _, id := range s.Because {
		if !slices.Contains(ids, id) {
			l.t.Fatalf("%s is gone because of %v; on the day that left stand %v", s.Fact, s.Because, ids)
		}
	}
	if len(s.Because) == 0 {
		l.t.Fatalf("%s is gone because of nothing", s.Fact)
	}
}

// inStep checks that what was said last is what is true.
func (l *listener) inStep() {
	if l.c.Stale() {
		return
	}
	var said []string
	l.c.Said(func(key string, v state.Value, n uint32) {
		if v != l.value[key] || n != l.n[key] {
			l.t.Fatalf("%s: the register has %q, %d; heard were %q, %d", key, v, n, l.value[key], l.n[key])
		}
		if v != "" {
			said = append(said, key+"="+v)
		}
	})
	if got, want := strings.Join(said, " "), factsOf(l.c, l.clock); got != want {
		l.t.Fatalf("at %s: said is %q, true is %q", l.clock, got, want)
	}
}

// Said: one customer through any course of events, late ones, copies, silence, waiting re-folds and restarts, as its owner
// does it. At every moment what was said is what is true, in right order, and each statement tells rightly since when.
func TestSaid(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := drawRules(t)
		list := drawHistory(t, calendar(t, r.zone).Zone())
		if rapid.Bool().Draw(t, "mostly in order") {
			slices.SortStableFunc(list, func(a, b events.Event) int { return int((a.Time - b.Time) / (40 * day)) })
		}
		live(t, r, list)
	})
}

// The same on timelines so long that history begins at savepoints.
func TestSaidOnLongTimelines(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := drawRules(t)
		list := course(rapid.IntRange(40, 160).Draw(t, "events"), rapid.Uint64().Draw(t, "seed"), 8*day)
		live(t, r, delayed(t, list))
	})
}

// live is what an owner does with one customer.
func live(t *rapid.T, r rules, list []events.Event) {
	cal, table := calendar(t, r.zone), r.table(t)
	restarts := rapid.Bool().Draw(t, "restarts")
	l := listen(t, table, cal)
	sp := state.NewSpeaker(l.hear)
	for i := range list {
		l.clock = max(l.clock, list[i].Time+rapid.SampledFrom([]events.Instant{0, 0, 1, hour, 30 * day}).Draw(t, "under way"))
		l.pass(sp)
		l.last = ""
		if l.c.Take(own(&list[i])) == state.Folded {
			l.c.Step(&list[i], l.clock, sp)
		}
		if restarts && rapid.IntRange(0, 3).Draw(t, "restart") == 0 {
			l.c = reloaded(t, table, l.c)
			l.pass(sp)
		}
		if l.c.Stale() && (i == len(list)-1 || rapid.Bool().Draw(t, "refold")) {
			l.c.Refold()
			l.last = ""
			l.c.Settle(l.clock, events.ByCorrection, sp)
		}
		if rapid.IntRange(0, 3).Draw(t, "silence") == 0 {
			l.clock += events.Instant(rapid.Int64Range(0, int64(300*day)).Draw(t, "of"))
			l.pass(sp)
		}
		l.inStep()
	}
}

// pass lets time pass, unless the customer waits for Refold.
func (l *listener) pass(sp *state.Speaker) {
	if l.c.Stale() {
		return
	}
	l.last = ""
	l.c.Pass(l.clock, sp)
	l.inStep()
}

func listen(t *rapid.T, table *state.Table, cal *state.Calendar) *listener {
	return &listener{t: t, table: table, cal: cal, c: table.New("c"), n: map[string]uint32{}, value: map[string]state.Value{}}
}

// A customer read from its row at any moment says the same, word by word, as one who stayed in memory.
func TestSaidAfterReading(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := drawRules(t)
		cal := calendar(t, r.zone)
		table := r.table(t)
		list := drawHistory(t, cal.Zone())
		slices.SortStableFunc(list, func(a, b events.Event) int { return int((a.Time - b.Time) / (40 * day)) })
		a, b := listen(t, table, cal), listen(t, table, cal)
		for i := range list {
			a.clock = max(a.clock, list[i].Time+rapid.SampledFrom([]events.Instant{0, 0, 1, hour, 90 * day}).Draw(t, "under way"))
			b.clock = a.clock
			for _, l := range []*listener{a, b} {
				sp := state.NewSpeaker(l.hear)
				l.pass(sp)
				l.last = ""
				if l.c.Take(own(&list[i])) == state.Folded {
					l.c.Step(&list[i], l.clock, sp)
				} else {
					l.c.Refold()
					l.c.Settle(l.clock, events.ByCorrection, sp)
				}
			}
			if rapid.IntRange(0, 2).Draw(t, "read") == 0 {
				b.c = reloaded(t, table, b.c)
			}
		}
		if !slices.Equal(a.heard, b.heard) {
			t.Fatalf("in memory:\n%s\nread again:\n%s", strings.Join(a.heard, "\n"), strings.Join(b.heard, "\n"))
		}
	})
}
