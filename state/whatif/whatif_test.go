package whatif_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state"
	"github.com/touchfold/touchfold/state/rules"
	"github.com/touchfold/touchfold/state/rules/oracle"
	"github.com/touchfold/touchfold/state/rules/ruletest"
	"github.com/touchfold/touchfold/state/whatif"
)

const day = events.Instant(24 * 60 * 60_000)

// side is a book as a side of a comparison.
func side(t *rapid.T, book *rules.Book, calendar *state.Calendar) whatif.Side {
	f, _, faults := rules.New(rules.Config{Book: book, Calendar: calendar, Zones: state.NewZones(), Currency: ruletest.HKD})
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	table, err := state.NewTable(f)
	if err != nil {
		t.Fatal(err)
	}
	s := whatif.Side{Table: table}
	for _, x := range book.Segments {
		s.Rules = append(s.Rules, "segment/"+x.ID)
	}
	for _, x := range book.Triggers {
		s.Rules = append(s.Rules, "trigger/"+x.ID)
	}
	return s
}

// truth is what the oracle says of a timeline by a book: the segments at an instant, and what was said by then of what
// happened from an earlier one on.
func truth(book *rules.Book, zone *time.Location, past []events.Event, from, at events.Instant) (in, happened []string) {
	w := &oracle.World{Zone: zone, Currency: ruletest.HKD, Book: book}
	for _, s := range book.Segments {
		if oracle.Truth(w, past, s.ID, at) {
			in = append(in, "segment/"+s.ID)
		}
	}
	for _, x := range book.Triggers {
		for _, o := range oracle.Occurrences(w, past, x.ID, at) {
			if o.T0 >= from && o.Said <= at {
				happened = append(happened, fmt.Sprintf("trigger/%s trigger/%[1]s/%s %d", x.ID, o.Key, o.T0))
			}
		}
	}
	return in, happened
}

// TestOracle: of random books, customers and instants, what is compared is the difference of what the oracle says of each.
func TestOracle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		zone := ruletest.Zone(t)
		calendar := state.NewCalendar(zone)
		books := [2]*rules.Book{ruletest.Book(t, ruletest.Options{}), ruletest.Book(t, ruletest.Options{})}
		if rapid.IntRange(0, 5).Draw(t, "alike") == 0 {
			books[1] = books[0]
		}
		one := rapid.Custom(func(t *rapid.T) []events.Event { return ruletest.Timeline(t, zone) })
		pasts := rapid.SliceOfN(one, 1, 3).Draw(t, "pasts")
		at := 400 * day
		if last := pasts[0]; len(last) > 0 {
			at = last[rapid.IntRange(0, len(last)-1).Draw(t, "at")].Time +
				rapid.SampledFrom([]events.Instant{0, 1, day, 20 * day, -1}).Draw(t, "beside")
		}
		days := rapid.SampledFrom([]int{1, 2, 30, 1000}).Draw(t, "days")
		var told []string
		x := whatif.New(whatif.Config{Sides: [2]whatif.Side{side(t, books[0], calendar), side(t, books[1], calendar)},
			At: at, Days: days, Calendar: calendar, Each: func(c whatif.Change) { told = append(told, changed(c)) }})
		empty, err := state.NewTable()
		if err != nil {
			t.Fatal(err)
		}
		want := wanted{days: calendar}
		for i, past := range pasts {
			id := events.CustomerID(fmt.Sprint("c", i))
			c := empty.New(id)
			for n := range past {
				past[n].Customer = id
			}
			for _, e := range rapid.Permutation(past).Draw(t, "arrival") {
				c.Take(&e)
			}
			x.Add(c)
			for n, book := range books {
				want.in[n], want.happened[n] = truth(book, zone, past, calendar.Start(x.First()), at)
			}
			if len(past) > 0 && past[0].Time <= at {
				want.customers++
			}
			want.add(string(id))
		}
		slices.Sort(told)
		slices.Sort(want.told)
		got := summary(x) + strings.Join(told, "\n")
		if want := want.summary(books, x.First(), days) + strings.Join(want.told, "\n"); got != want {
			t.Fatalf("got\n%s\n\nwant\n%s", got, want)
		}
	})
}

func changed(c whatif.Change) string {
	word := map[bool]string{true: "more", false: "fewer"}[c.More]
	if c.Key == "" {
		return fmt.Sprint(c.Customer, " ", word, " ", c.Rule)
	}
	return fmt.Sprint(c.Customer, " ", word, " ", c.Rule, " ", c.Key, " ", int64(c.At))
}

// summary is all that a comparison counts, as text.
func summary(x *whatif.Comparison) string {
	var b strings.Builder
	fmt.Fprintln(&b, x.Customers, "customers")
	for _, s := range x.Segments() {
		fmt.Fprintln(&b, s.Rule, s.Has, s.Size, s.Enter, s.Leave, s.Stay)
	}
	for _, t := range x.Triggers() {
		fmt.Fprintln(&b, t.Rule, t.Has, t.Total, t.Customers, t.More, t.Fewer, t.Days)
	}
	var pairs []string
	for _, p := range x.Overlap() {
		pairs = append(pairs, fmt.Sprintln(p.A.Rule, p.B.Rule, p.Both, p.Either()))
	}
	slices.Sort(pairs)
	return b.String() + strings.Join(pairs, "")
}

// wanted is the same, counted from what the oracle said of each customer, by looking through lists again and again.
type wanted struct {
	days         *state.Calendar
	in, happened [2][]string // of one customer
	customers    int
	all          [][2][2][]string // of all: in and happened
	told         []string
}

func (w *wanted) add(id string) {
	w.all = append(w.all, [2][2][]string{w.in, w.happened})
	for i := range 2 {
		lists := [2][2][]string{w.in, w.happened}[i]
		for n, word := range []string{"fewer", "more"} {
			for _, k := range lists[n] {
				if !slices.Contains(lists[1-n], k) {
					w.told = append(w.told, id+" "+word+" "+k)
				}
			}
		}
	}
}

// count is of how many customers something holds.
func (w *wanted) count(f func(in, happened [2][]string) int) (n int) {
	for _, c := range w.all {
		n += f(c[0], c[1])
	}
	return n
}

func one(is bool) int {
	if is {
		return 1
	}
	return 0
}

func (w *wanted) summary(books [2]*rules.Book, first state.Day, days int) string {
	var b strings.Builder
	fmt.Fprintln(&b, w.customers, "customers")
	var segments, triggers []string
	var has [2][]string
	for n, book := range books {
		for _, s := range book.Segments {
			segments, has[n] = append(segments, "segment/"+s.ID), append(has[n], "segment/"+s.ID)
		}
		for _, t := range book.Triggers {
			triggers, has[n] = append(triggers, "trigger/"+t.ID), append(has[n], "trigger/"+t.ID)
		}
	}
	segments = slices.Compact(slices.Sorted(slices.Values(segments)))
	triggers = slices.Compact(slices.Sorted(slices.Values(triggers)))
	is := func(n int, s string) int {
		return w.count(func(in, _ [2][]string) int { return one(slices.Contains(in[n], s)) })
	}
	for _, s := range segments {
		stay := w.count(func(in, _ [2][]string) int { return one(slices.Contains(in[0], s) && slices.Contains(in[1], s)) })
		fmt.Fprintln(&b, s, [2]bool{slices.Contains(has[0], s), slices.Contains(has[1], s)}, [2]int{is(0, s), is(1, s)},
			is(1, s)-stay, is(0, s)-stay, stay)
	}
	for _, t := range triggers {
		fmt.Fprintln(&b, t, [2]bool{slices.Contains(has[0], t), slices.Contains(has[1], t)}, w.trigger(t, first, days))
	}
	var pairs []string
	for i, a := range segments {
		for _, o := range segments[i+1:] {
			both := w.count(func(in, _ [2][]string) int { return one(slices.Contains(in[1], a) && slices.Contains(in[1], o)) })
			if both > 0 {
				pairs = append(pairs, fmt.Sprintln(a, o, both, is(1, a)+is(1, o)-both))
			}
		}
	}
	slices.Sort(pairs)
	return b.String() + strings.Join(pairs, "")
}

// trigger is the rest of a trigger's line.
func (w *wanted) trigger(rule string, first state.Day, days int) string {
	var total, customers [2]int
	byDay := [2][]int{make([]int, days), make([]int, days)}
	var only [2]int
	for _, c := range w.all {
		for n, list := range c[1] {
			found := false
			for _, k := range list {
				var name, key string
				var at events.Instant
				if fmt.Sscan(k, &name, &key, &at); name != rule {
					continue
				}
				found = true
				total[n]++
				byDay[n][w.days.Of(at)-first]++
				only[n] += one(!slices.Contains(c[1][1-n], k))
			}
			customers[n] += one(found)
		}
	}
	return strings.TrimSuffix(fmt.Sprintln(total, customers, only[1], only[0], byDay), "\n")
}
