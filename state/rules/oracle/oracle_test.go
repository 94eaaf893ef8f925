package oracle_test

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state/rules"
	"github.com/touchfold/touchfold/state/rules/oracle"
	"github.com/touchfold/touchfold/state/rules/ruletest"
)

// orders counts orders of the last days: a figure of the tests' own.
func orders(zone *time.Location) func(string, rules.Window, []events.Event, events.Instant) (rules.Value, bool) {
	day := func(at events.Instant) int64 {
		y, m, d := at.Time().In(zone).Date()
		return time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix() / (24 * 60 * 60)
	}
	return func(_ string, w rules.Window, list []events.Event, at events.Instant) (rules.Value, bool) {
		var n rules.Number
		for i := range list {
			if list[i].Type == events.OrderCompleted && (w.Kind == "" || day(list[i].Time) > day(at)-int64(w.N)) {
				n++
			}
		}
		return rules.Value{Number: n * 1e6, IsNumber: true}, true
	}
}

func drawWorld(t *rapid.T) (*oracle.World, []events.Event, events.Instant) {
	zone := ruletest.Zone(t)
	w := &oracle.World{Zone: zone, Currency: ruletest.HKD, Figures: orders(zone),
		Book: ruletest.Book(t, ruletest.Options{Numbers: []string{"purchases.orders"}})}
	list := ruletest.Timeline(t, zone)
	until := events.Instant(1.8e12)
	if len(list) > 0 {
		until = list[len(list)-1].Time + 40*24*3600*1000
	}
	return w, list, until
}

// TestStays: asking at any instant says the same as the stays; if an edge were missing it would not.
func TestStays(t *testing.T) {
	flips, inside := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		w, list, until := drawWorld(t)
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		for _, s := range w.Book.Segments {
			stays := oracle.Stays(w, list, s.ID, until)
			flips += len(stays)
			for range 20 {
				at := until - events.Instant(random.Int64N(90*24*3600*1000))
				within := false
				for _, stay := range stays {
					within = within || stay.From <= at && at < stay.To
				}
				if within {
					inside++
				}
				if is := oracle.Truth(w, list, s.ID, at); is != within {
					t.Fatalf("%s at %v is %v, its stays say %v", s.ID, at, is, within)
				}
			}
		}
	})
	t.Logf("%d stays, %d answers inside", flips, inside)
}

// TestOccurrences: what happened by an instant is not changed by what happened later.
func TestOccurrences(t *testing.T) {
	n := 0
	rapid.Check(t, func(t *rapid.T) {
		w, list, until := drawWorld(t)
		for _, r := range w.Book.Triggers {
			all := oracle.Occurrences(w, list, r.ID, until)
			n += len(all)
			keys := map[string]bool{}
			for i, o := range all {
				if keys[o.Key] || len(o.Key) > 96 || o.Said < o.T0 || i > 0 && o.T0 < all[i-1].T0 {
					t.Fatalf("%s: %v", r.ID, all)
				}
				keys[o.Key] = true
			}
			if len(list) == 0 {
				continue
			}
			at := list[len(list)/2].Time
			early := oracle.Occurrences(w, list, r.ID, at)
			for i, o := range early {
				if o != all[i] {
					t.Fatalf("%s: by %v %v, later %v", r.ID, at, o, all[i])
				}
			}
			if len(all) > len(early) && all[len(early)].T0 <= at {
				t.Fatalf("%s: %v was not known at %v", r.ID, all[len(early)], at)
			}
		}
	})
	t.Logf("%d occurrences", n)
}

// TestCases asks the oracle what was worked out by hand.
func TestCases(t *testing.T) {
	truths, occurrences := 0, 0
	names := map[string]bool{}
	for _, c := range ruletest.Cases() {
		if names[c.Name] {
			t.Errorf("two cases are called %q", c.Name)
		}
		names[c.Name] = true
		truths, occurrences = truths+len(c.Truths), occurrences+len(c.Occurrences)
		t.Run(c.Name, func(t *testing.T) {
			w := &oracle.World{Zone: c.Zone, Currency: ruletest.HKD, Book: c.Book, Figures: orders(c.Zone),
				Since: map[string]events.Instant{ruletest.Trigger: c.Since}}
			for _, x := range c.Truths {
				if is := oracle.Truth(w, c.Events, ruletest.Segment, x.At); is != x.Is {
					t.Errorf("at %v it is %v, want %v", x.At, is, x.Is)
				}
			}
			if len(c.Book.Triggers) == 0 {
				return
			}
			var got []ruletest.Occurrence
			for _, o := range oracle.Occurrences(w, c.Events, ruletest.Trigger, c.Until) {
				got = append(got, ruletest.Occurrence(o))
			}
			if !slices.Equal(got, c.Occurrences) {
				t.Errorf("happened\n%v, want\n%v", got, c.Occurrences)
			}
		})
	}
	t.Logf("%d cases: %d truths, %d occurrences", len(names), truths, occurrences)
}
