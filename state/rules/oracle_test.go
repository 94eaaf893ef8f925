package rules_test

import (
	"encoding/json"
	"fmt"
	"regexp"
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
	rapid.Check(t, func(t *rapid.T) {
		w := &world{zone: ruletest.Zone(t)}
		w.book = ruletest.Book(t, ruletest.Options{})
		for i := range w.book.Triggers {
			w.book.Triggers[i].MaxLateness = rules.Duration{N: 100, Unit: "y"} // so that nothing becomes history
		}
		w.past = ruletest.Timeline(t, w.zone)
		w.table = tableOf(t, w)
		if len(w.past) > 0 {
			agrees(t, w)
		}
	})
}

// describe is a world as few lines.
func (w *world) describe() string {
	book, _ := json.Marshal(w.book)
	text := regexp.MustCompile(`,?"(At|WhereAt)":\{"Line":0,"Column":0\},?|,?"[A-Za-z]+":(""|0|null|false)`).ReplaceAllString(string(book), "")
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s\n", w.zone, text)
	for _, e := range w.past {
		fmt.Fprintf(&b, "%s %s %s order %+v items %+v traits %s rest %s\n", e.ID, e.Time, e.Name, e.Order, e.Items, e.Traits, e.Rest)
	}
	return b.String()
}

func agrees(t *rapid.T, w *world) {
	o := &oracle.World{Zone: w.zone, Currency: ruletest.HKD, Book: w.book}
	end := w.past[len(w.past)-1].Time + 100*day
	stays := map[string][]oracle.Stay{}
	for _, s := range w.book.Segments {
		stays[s.ID] = oracle.Stays(o, w.past, s.ID, end)
	}
	edges := oracle.Edges(o, w.past, end)
	next := 0
	c := w.table.New(ruletest.Customer)
	ask := func(at events.Instant) {
		for ; next < len(w.past) && w.past[next].Time <= at; next++ {
			e := w.past[next]
			c.Take(&e)
		}
		is := map[string]bool{}
		c.Facts(at, func(key string, _ state.Value) { is[key] = true })
		for _, s := range w.book.Segments {
			want := false
			for _, x := range stays[s.ID] {
				want = want || x.From <= at && at < x.To
			}
			if is["segment/"+s.ID] != want {
				t.Fatalf("segment %s at %s is %t, want %t: %v\n%s", s.ID, at, is["segment/"+s.ID], want, stays[s.ID], w.describe())
			}
		}
	}
	for _, at := range edges {
		if at > w.past[0].Time {
			ask(at - 1)
		}
		ask(at)
	}
	ask(end)
	for _, x := range w.book.Triggers {
		var got, want []string
		c.Occurrences(end, func(o *state.Occurrence) {
			if strings.HasPrefix(o.Key, "trigger/"+x.ID+"/") {
				got = append(got, fmt.Sprint(strings.TrimPrefix(o.Key, "trigger/"+x.ID+"/"), " ", o.At))
			}
		})
		for _, o := range oracle.Occurrences(o, w.past, x.ID, end) {
			if o.Said <= end {
				want = append(want, fmt.Sprint(o.Key, " ", o.T0))
			}
		}
		if strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Fatalf("trigger %s\n%s\nwant\n%s\n%s", x.ID, strings.Join(got, "\n"), strings.Join(want, "\n"), w.describe())
		}
	}
}
