package state_test

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state"
)

// visited draws what a customer does within a day, in order of arrival, with copies that differ.
func visited(t *rapid.T, copies bool) (list []events.Event) {
	for i := range rapid.IntRange(1, 14).Draw(t, "events") {
		e := events.Event{ID: fmt.Sprint("e", i), Source: "s", Customer: "c", Content: uint64(i),
			Type: rapid.SampledFrom([]events.Type{events.CartViewed, events.CartViewed, events.OrderCompleted, events.ProductViewed}).Draw(t, "type"),
			Time: 1_000_000*second + events.Instant(rapid.IntRange(0, 96).Draw(t, "time"))*15*minute}
		list = append(list, e)
		if copies && rapid.IntRange(0, 4).Draw(t, "copy") == 0 {
			e.Time += events.Instant(rapid.IntRange(-12, 12).Draw(t, "by")) * 15 * minute
			e.Content += 100
			list = append(list, e)
		}
	}
	list = rapid.Permutation(list).Draw(t, "arrival")
	if rapid.Bool().Draw(t, "mostly in order") {
		slices.SortStableFunc(list, func(a, b events.Event) int { return int((a.Time - b.Time) / (3 * hour)) })
	}
	return list
}

// happened is every occurrence of these events, naively: by key when it happened.
func happened(list []events.Event) map[string]events.Instant {
	all := map[string]events.Instant{}
	list = smallest(list)
	slices.SortFunc(list, func(a, b events.Event) int { return strings.Compare(orderOf(&a), orderOf(&b)) })
	n := 0
	for i := range list {
		e := &list[i]
		key := state.MarkOf(e).ID
		if n += order(e); n == 3 && order(e) == 1 {
			all[fmt.Sprintf("trigger/third/%016x", key)] = e.Time
		}
		by, ordered := n, false
		for j := i + 1; j < len(list) && list[j].Time <= e.Time+cartFor; j++ {
			by += order(&list[j])
			ordered = ordered || order(&list[j]) == 1
		}
		if e.Type == events.CartViewed && !ordered && by%2 == 0 {
			all[fmt.Sprintf("trigger/left/%016x", key)] = e.Time + cartFor
		}
	}
	return all
}

func order(e *events.Event) int {
	if e.Type == events.OrderCompleted {
		return 1
	}
	return 0
}

// orderOf is a text that sorts as a timeline does events of one source without a sequence.
func orderOf(e *events.Event) string { return fmt.Sprintf("%020d %s", e.Time, e.ID) }

// model is what is to be said, by the book: a register for each occurrence, moved as time passes and events come.
type model struct {
	list  []events.Event
	clock events.Instant
	floor events.Instant
	n     map[string]uint32
	at    map[string]events.Instant
	moved bool // something moved after it was said
}

// pass lets time pass: what happens meanwhile is on time.
func (m *model) pass(to events.Instant) {
	for key, at := range happened(m.list) {
		if at > m.clock && at <= to && m.n[key]%2 == 0 && at > m.floor {
			m.n[key]++
			m.at[key] = at
		}
	}
	m.clock = to
	m.look()
}

// look compares all that is so now with what was said.
func (m *model) look() {
	all := happened(m.list)
	for key, at := range all {
		switch {
		case at > m.clock:
			delete(all, key)
		case m.n[key]%2 == 1:
			m.moved = m.moved || m.at[key] != at
			m.at[key] = at
		case at > m.floor && at+lateness >= m.clock:
			m.n[key]++
			m.at[key] = at
		}
	}
	for key, n := range m.n {
		if _, so := all[key]; n%2 == 1 && !so && m.at[key]+lateness >= m.clock {
			m.n[key]++
		}
	}
}

// visit is one customer through a course of events as its owner does it, compared with the model at every step.
type visit struct {
	*rapid.T
	model
	table *state.Table
	c     *state.Customer
	sp    *state.Speaker
	said  []events.Statement
}

func newVisit(t *rapid.T, floor events.Instant) *visit {
	v := &visit{T: t, table: shop(), model: model{floor: floor, n: map[string]uint32{}, at: map[string]events.Instant{}}}
	v.c = v.table.New("c")
	n := map[string]uint32{}
	v.sp = state.NewSpeaker(func(s *events.Statement) {
		if n[s.Fact]++; s.N != n[s.Fact] || (s.N%2 == 1) != (s.Value == state.Yes) || s.Value == s.Previous || s.Effective > s.AsOf {
			t.Fatalf("%+v as the %d. statement", s, n[s.Fact])
		}
		if _, rest, _ := strings.Cut(s.Fact, "/"); !strings.HasPrefix(rest, s.Rule+"/") {
			t.Fatalf("%s is of rule %q", s.Fact, s.Rule)
		}
		v.said = append(v.said, *s)
	})
	v.sp.Floor = floor
	return v
}

func (v *visit) live(list []events.Event, restarts bool) {
	for i := range list {
		e := &list[i]
		v.time(max(v.clock, e.Time+rapid.SampledFrom([]events.Instant{0, 0, 1, hour, 6 * hour}).Draw(v.T, "under way")))
		v.model.list = append(v.model.list, *e)
		waited := v.c.Stale()
		if v.c.Take(own(e)) == state.Folded {
			v.c.Step(e, v.clock, v.sp)
			v.look()
		}
		if v.c.Stale() && !waited {
			v.c.Waits = v.clock
		}
		if rapid.IntRange(0, 3).Draw(v.T, "silence") == 0 {
			v.time(v.clock + rapid.SampledFrom([]events.Instant{1, hour, 6 * hour}).Draw(v.T, "of"))
		}
		if restarts && rapid.IntRange(0, 3).Draw(v.T, "restart") == 0 {
			waits := v.c.Waits
			if v.c = reloaded(v.T, v.table, v.c); waits > 0 {
				v.mended(waits, v.c.Pass)
			}
		}
		if v.c.Stale() && (i == len(list)-1 || rapid.Bool().Draw(v.T, "mend")) {
			v.mended(v.c.Waits, v.c.Mend)
		}
		v.check()
	}
	v.time(v.clock + events.Instant(rapid.IntRange(0, 10).Draw(v.T, "hours after"))*hour)
}

// mended looks at one whose late events came when he began to wait, or at the last event.
func (v *visit) mended(waits events.Instant, mend func(events.Instant, *state.Speaker) int) {
	clock := v.clock
	mend(clock, v.sp)
	v.clock = min(clock, max(waits, lastOf(smallest(v.list))))
	v.look()
	v.model.pass(clock)
}

func (v *visit) time(to events.Instant) {
	if v.c.Stale() {
		v.clock = to
		return
	}
	v.c.Pass(to, v.sp)
	v.model.pass(to)
	v.check()
}

// check wants the registers to be the model's, and what was said to be what is so.
func (v *visit) check() {
	if v.c.Stale() {
		return
	}
	got := map[string]uint32{}
	v.c.Said(func(key string, _ state.Value, n uint32) { got[key] = n })
	if a, b := fmt.Sprint(got), fmt.Sprint(v.n); a != b {
		v.Fatalf("at %s said %s, want %s", v.clock, a, b)
	}
}

// Occurrences: through any course of events, late ones, copies, silence and restarts, each is said once more than withdrawn
// if it is so, as often if it is not, by turns; and what came too late is neither.
func TestOccurrences(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		floor := events.Instant(0)
		if rapid.IntRange(0, 3).Draw(t, "floor") == 0 {
			floor = 1_000_000*second + events.Instant(rapid.IntRange(0, 96).Draw(t, "at"))*15*minute
		}
		newVisit(t, floor).live(visited(t, true), rapid.Bool().Draw(t, "restarts"))
	})
}

// Whatever order events come in, the states and what has happened are the same, though some of it was kept by Before.
func TestOccurrencesInAnyOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		list := visited(t, true)
		table := shop()
		a, b := folded(table, list), table.New("c")
		for i := range list {
			b.Take(own(&list[i]))
			if b.Refold(); rapid.IntRange(0, 3).Draw(t, "read") == 0 {
				b = reloaded(t, table, b)
			}
		}
		if x, y := hex.EncodeToString(a.AppendState(nil)), hex.EncodeToString(b.AppendState(nil)); x != y {
			t.Fatalf("states\n%s\n%s", x, y)
		}
		for at := lastOf(list); at < lastOf(list)+4*hour; at += 30 * minute {
			got, want := map[string]events.Instant{}, happened(list)
			a.Occurrences(at, func(o *state.Occurrence) { got[o.Key] = o.At })
			for key, so := range want {
				if so > at {
					delete(want, key)
				}
			}
			if x, y := fmt.Sprint(got), fmt.Sprint(want); x != y {
				t.Fatalf("at %s %s, want %s", at, x, y)
			}
		}
	})
}

// An owner who has lost its disk, folds on mute and absorbs what stands in the output has nothing to add.
func TestOccurrencesFromNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := newVisit(t, 0)
		v.live(visited(t, true), false)
		if v.moved {
			return // how far is not in the output, so what is history by now is not the same for sure
		}
		c := v.table.New("c")
		for i := range v.said {
			c.Absorb(&v.said[i])
		}
		mute := state.NewSpeaker(nil)
		for i := range v.list {
			if c.Take(own(&v.list[i])) == state.Folded {
				c.Step(&v.list[i], v.list[i].Time, mute)
			}
		}
		c.Refold()
		c.Pass(v.clock, mute)
		c.Settle(v.clock, "", state.NewSpeaker(func(s *events.Statement) { t.Fatalf("%+v is said again", s) }))
	})
}

// told lets a table whose occurrences are what now holds look at a customer, and returns what is said.
func told(t *testing.T) (now *[]state.Occurrence, look func(at events.Instant) string, sp *state.Speaker) {
	now = new([]state.Occurrence)
	table, err := state.NewTable(&state.Spec[int]{Name: "told", Version: 1, Doc: "as it is told",
		Occurrences: func(_ *int, _ state.Known, _ events.Instant, say func(o *state.Occurrence)) {
			for i := range *now {
				say(&(*now)[i])
			}
		},
		Settled: func(_ string, effective, at events.Instant) bool { return effective+100 < at },
		Horizon: func(*int, state.Known, events.Instant) events.Instant { return events.Never }})
	if err != nil {
		t.Fatal(err)
	}
	var said []string
	sp = state.NewSpeaker(func(s *events.Statement) {
		said = append(said, fmt.Sprintf("%s %q %d at %d as of %d %s %s %v", s.Fact, s.Value, s.N, s.Effective, s.AsOf, s.Cause, s.Rule, s.Payload))
	})
	c := table.New("c")
	return now, func(at events.Instant) string {
		said = nil
		c.Settle(at, "", sp)
		return strings.Join(said, "; ")
	}, sp
}

// What an occurrence carries is said with it; a withdrawal carries nothing.
func TestOccurrenceIsSaidWhole(t *testing.T) {
	now, look, _ := told(t)
	*now = []state.Occurrence{
		{Key: "trigger/b/1", At: 7, Rule: "b", Payload: []events.Property{{Name: "cart", Value: `"x"`}}},
		{Key: "trigger/a/1", At: 5, Because: []state.Mark{{Time: 5, ID: 1}}, Rule: "a"}}
	if got, want := look(10), `trigger/a/1 "true" 1 at 5 as of 10 event a []; trigger/b/1 "true" 1 at 7 as of 10 time b [{cart "x"}]`; got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	if got := look(11); got != "" {
		t.Errorf("%s, and nothing has changed", got)
	}
	*now = (*now)[:1]
	if got, want := look(20), `trigger/a/1 "" 2 at 20 as of 20 correction a []`; got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
}

// An occurrence that moved after it was said is history by its new instant.
func TestOccurrenceMoves(t *testing.T) {
	for _, c := range []struct {
		moved events.Instant
		want  string
	}{{60, `trigger/a/1 "" 2 at 155 as of 155 correction a []`}, {40, ""}} {
		now, look, _ := told(t)
		*now = []state.Occurrence{{Key: "trigger/a/1", At: 50}}
		look(60)
		(*now)[0].At = c.moved
		if got := look(61); got != "" {
			t.Errorf("moved to %d: %s", c.moved, got)
		}
		*now = nil
		if got := look(155); got != c.want {
			t.Errorf("moved to %d: %q, want %q", c.moved, got, c.want)
		}
	}
}

// An occurrence that has expired by the wall clock is not said, but one that was said is withdrawn all the same.
func TestOccurrenceExpires(t *testing.T) {
	wall := events.Instant(30)
	now, look, sp := told(t)
	sp.Wall = func() events.Instant { return wall }
	*now = []state.Occurrence{{Key: "trigger/a/1", At: 5, Expires: 30}, {Key: "trigger/a/2", At: 5, Expires: 29}, {Key: "trigger/a/3", At: 5}}
	if got, want := look(10), `trigger/a/1 "true" 1 at 5 as of 10 time  []; trigger/a/3 "true" 1 at 5 as of 10 time  []`; got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	wall, *now = 1000, nil
	if got, want := strings.Count(look(20), `"" 2`), 2; got != want {
		t.Errorf("%d withdrawn, want %d", got, want)
	}
}

// Before sees, before each instant's first event, what the one before it left.
func TestBefore(t *testing.T) {
	var calls []string
	counted := orders()
	table, err := state.NewTable(counted, &state.Spec[int]{Name: "b", Version: 1, Doc: "listens", Needs: []state.Feature{counted},
		Before: func(_ *int, k state.Known, to events.Instant) { calls = append(calls, fmt.Sprint(to, *counted.Of(k))) },
		Append: func(b []byte, _ *int) []byte { return b }, Parse: func([]byte, *int) error { return nil }})
	if err != nil {
		t.Fatal(err)
	}
	list := []events.Event{{ID: "1", Type: events.OrderCompleted, Time: 10}, {ID: "2", Type: events.OrderCompleted, Time: 20},
		{ID: "3", Type: events.OrderCompleted, Time: 20}, {ID: "4", Type: events.ProductViewed, Time: 30}}
	want := fmt.Sprint(events.Instant(20), 1, events.Instant(30), 3)
	folded(table, list)
	if got := strings.Join(calls, " "); got != want {
		t.Errorf("in order: %s, want %s", got, want)
	}
	calls = nil
	slices.Reverse(list)
	folded(table, list)
	if got := strings.Join(calls, " "); !strings.HasSuffix(got, want) {
		t.Errorf("folded again: %s, want %s at the end", got, want)
	}
}

// Of two features with occurrences nobody could tell whose a register is.
func TestOneFeatureHasOccurrences(t *testing.T) {
	feature := func(name string) state.Feature {
		return &state.Spec[int]{Name: name, Version: 1, Doc: "x", Occurrences: func(*int, state.Known, events.Instant, func(*state.Occurrence)) {},
			Settled: func(string, events.Instant, events.Instant) bool { return true },
			Horizon: func(*int, state.Known, events.Instant) events.Instant { return events.Never }}
	}
	if _, err := state.NewTable(feature("a"), feature("b")); err == nil || !strings.Contains(err.Error(), `so has "a"`) {
		t.Errorf("two features with occurrences: %v", err)
	}
}

// Who is visited long after something happened by time alone hears of it, unless it lies below the floor; what an event
// made too long ago is history.
func TestVisit(t *testing.T) {
	for _, c := range []struct {
		floor events.Instant
		want  string
	}{{0, "trigger/third 1; trigger/left 1; "}, {hour, "trigger/left 1; "}, {hour + cartFor, ""}} {
		table, said := shop(), ""
		mute, sp := state.NewSpeaker(nil), state.NewSpeaker(func(s *events.Statement) { said += fmt.Sprintf("trigger/%s %d; ", s.Rule, s.N) })
		sp.Floor = c.floor
		cart := table.New("c")
		for i, ty := range []events.Type{events.OrderCompleted, events.OrderCompleted, events.OrderCompleted, events.OrderCompleted, events.CartViewed} {
			cart.Take(&events.Event{ID: fmt.Sprint(i), Type: ty, Time: hour})
		}
		cart.Settle(hour, "", mute)
		cart.Visit(30*hour, events.ByRules, sp)
		if said != c.want {
			t.Errorf("floor %s: %q, want %q", c.floor, said, c.want)
		}
	}
}
