package rules_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state"
	"github.com/touchfold/touchfold/state/rules"
	"github.com/touchfold/touchfold/state/rules/oracle"
	"github.com/touchfold/touchfold/state/rules/ruletest"
)

// TestOracle: what an evaluator says that shares no code with this one and asks again and again.
func TestOracle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) { agrees(t, drawWith(t, ruletest.Options{})) })
}

// TestLeaves is TestOracle for one kind of leaf at a time.
func TestLeaves(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		kind := rapid.SampledFrom(ruletest.Leaves[:10]).Draw(t, "kind")
		agrees(t, drawWith(t, ruletest.Options{Leaves: []string{kind, "segment"}}))
	})
}

// drawWith is a world in which nothing becomes history.
func drawWith(t *rapid.T, o ruletest.Options) *world {
	w := &world{zone: ruletest.Zone(t), book: ruletest.Book(t, o)}
	for i := range w.book.Triggers {
		w.book.Triggers[i].MaxLateness = rules.Duration{N: 100, Unit: "y"}
	}
	w.past = ruletest.Timeline(t, w.zone)
	w.table = tableOf(t, w)
	return w
}

// nothing is what of a book as JSON says nothing.
var nothing = regexp.MustCompile(`,?"At":\{"Line":0,"Column":0\},?|,?"[A-Za-z]+":(""|0|null|false)`)

// describe is a world as few lines.
func (w *world) describe() string {
	book, _ := json.Marshal(w.book)
	text := nothing.ReplaceAllString(string(book), "")
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s\n", w.zone, text)
	for _, e := range w.past {
		fmt.Fprintf(&b, "%s %s %s order %+v items %+v traits %s rest %s\n", e.ID, e.Time, e.Name, e.Order, e.Items, e.Traits,
			e.Rest)
	}
	return b.String()
}

// agrees asks one customer at every edge that the oracle knows of, and the millisecond before, then for what happened.
func agrees(t *rapid.T, w *world) {
	if len(w.past) == 0 {
		return
	}
	o := w.oracle()
	end := w.past[len(w.past)-1].Time + rapid.SampledFrom([]events.Instant{100, 400}).Draw(t, "days after")*day
	stays := map[string][]oracle.Stay{}
	for _, s := range w.book.Segments {
		stays[s.ID] = oracle.Stays(o, w.past, s.ID, end)
	}
	next := 0
	c := w.table.New(ruletest.Customer)
	ask := func(at events.Instant) {
		for ; next < len(w.past) && w.past[next].Time <= at; next++ {
			e := w.past[next]
			c.Take(&e)
			if next%3 > 0 {
				segments(c, e.Time) // who is asked in the midst of an instant says the same later
			}
		}
		is := segments(c, at)
		for _, s := range w.book.Segments {
			want := slices.ContainsFunc(stays[s.ID], func(x oracle.Stay) bool { return x.From <= at && at < x.To })
			if is["segment/"+s.ID] != want {
				t.Fatalf("segment %s at %s is %t, want %t: %v\n%s", s.ID, at, !want, want, stays[s.ID], w.describe())
			}
		}
	}
	for _, at := range oracle.Edges(o, w.past, end) {
		if at > w.past[0].Time {
			ask(at - 1)
		}
		ask(at)
	}
	ask(end)
	for i := range w.book.Triggers {
		x := &w.book.Triggers[i]
		compare(t, w, x, happened(c, x.ID, end), oracle.Occurrences(o, w.past, x.ID, end),
			func(s oracle.Occurrence) bool { return s.Said <= end })
	}
}

// compare holds what is said to have happened to those occurrences that are to be listed.
func compare(t *rapid.T, w *world, x *rules.Trigger, got []string, all []oracle.Occurrence,
	listed func(oracle.Occurrence) bool) {
	var want []string
	for _, o := range all {
		if listed(o) {
			want = append(want, fmt.Sprint(o.Key, " ", o.T0))
		}
	}
	if !slices.Equal(got, want) {
		t.Fatalf("trigger %s\n%s\nwant\n%s\n%s", x.ID, strings.Join(got, "\n"), strings.Join(want, "\n"), w.describe())
	}
}

// TestLate: whatever the order in which events came and however often the customer was read again meanwhile, what can still
// be said or withdrawn at an instant is exactly what the oracle says.
func TestLate(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := &world{zone: ruletest.Zone(t), book: ruletest.Book(t, ruletest.Options{})}
		for i := range w.book.Triggers {
			w.book.Triggers[i].MaxLateness = rapid.SampledFrom(ruletest.Durations).Draw(t, "max lateness")
		}
		w.past = ruletest.Timeline(t, w.zone)
		if len(w.past) == 0 || len(w.book.Triggers) == 0 {
			return
		}
		w.table = tableOf(t, w)
		for i := range w.book.Triggers {
			x := &w.book.Triggers[i]
			instants, history := w.moments(x)
			at := rapid.SampledFrom(instants).Draw(t, "at") + events.Instant(rapid.IntRange(-1, 1).Draw(t, "beside"))
			c := w.arrive(t, until(w.past, at))
			compare(t, w, x, happened(c, x.ID, at), oracle.Occurrences(w.oracle(), w.past, x.ID, at),
				func(s oracle.Occurrence) bool { return s.Said <= at && at < history(s) })
		}
	})
}

// moments are instants at which a trigger's list changes, and when an occurrence becomes history.
func (w *world) moments(x *rules.Trigger) (all []events.Instant, history func(oracle.Occurrence) events.Instant) {
	late, err := state.ParseDuration(fmt.Sprint(x.MaxLateness.N, x.MaxLateness.Unit))
	if err != nil {
		panic(err)
	}
	history = func(o oracle.Occurrence) events.Instant { return calendarOf(w.zone).Add(o.Said, late) }
	last := w.past[len(w.past)-1].Time
	for _, o := range oracle.Occurrences(w.oracle(), w.past, x.ID, last+30*day) {
		all = append(all, o.T0, o.Said, history(o))
	}
	if all == nil {
		all = []events.Instant{last}
	}
	return all, history
}

// arrive folds events in some order, and reads the customer again now and then.
func (w *world) arrive(t *rapid.T, list []events.Event) *state.Customer {
	c := w.table.New(ruletest.Customer)
	for _, e := range rapid.Permutation(list).Draw(t, "arrival") {
		c.Take(&e)
		if rapid.IntRange(0, 3).Draw(t, "refold") == 0 {
			c.Refold()
		}
		if rapid.IntRange(0, 5).Draw(t, "restart") == 0 {
			c.Refold()
			c = w.restart(t, c)
		}
	}
	c.Refold()
	return c
}
