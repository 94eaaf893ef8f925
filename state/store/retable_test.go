package store

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state"
	"github.com/touchfold/touchfold/state/wire"
)

// shiftedTable is the alarm, ringing so much later. It keeps no state of its own if lazy: rows are then whole under any
// shift, and only the table's fingerprint says that another one wrote them.
func shiftedTable(t testing.TB, shift events.Instant, lazy bool) *state.Table {
	t.Helper()
	keep := &state.Spec[alarm]{Name: "alarm", Version: 1, Doc: "keeps an instant",
		Fold:   func(s *alarm, e *events.Event) { s.at = events.Instant(e.Order.Value) },
		Append: func(b []byte, s *alarm) []byte { return wire.AppendUint(b, 1, uint64(s.at)) },
		Parse: func(b []byte, s *alarm) error {
			r := wire.NewReader(b)
			for _, ok := r.Next(); ok; _, ok = r.Next() {
				s.at = events.Instant(r.Uint())
			}
			return r.Err()
		}}
	if !lazy {
		keep.Basis = fmt.Sprint(shift)
	}
	ring := &state.Spec[struct{}]{Name: "ring", Version: 1, Doc: "rings", Basis: fmt.Sprint(shift), Needs: []state.Feature{keep},
		Facts: func(_ *struct{}, k state.Known, at events.Instant, say func(string, state.Value)) {
			if s := keep.Of(k); s.at > 0 && at >= s.at+shift {
				say("rung", state.Yes)
			}
		},
		Horizon: func(_ *struct{}, k state.Known, at events.Instant) events.Instant {
			if s := keep.Of(k); s.at > 0 && s.at+shift > at {
				return s.at + shift
			}
			return events.Never
		}}
	table, err := state.NewTable(keep, ring)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

// retabled is a store whose features change, and what is known of its customers: when the alarm was set to ring.
type retabled struct {
	t     *rapid.T
	s     *Store
	shift events.Instant
	clock events.Instant
	n     int
	rings map[events.CustomerID]events.Instant
}

func (r *retabled) touch() {
	r.clock++
	id := events.CustomerID(fmt.Sprint("c", rapid.IntRange(0, 19).Draw(r.t, "customer")))
	r.rings[id] = r.clock + events.Instant(rapid.IntRange(-20, 60).Draw(r.t, "alarm"))
	touch(r.t, r.s, id, r.n, r.clock, r.rings[id])
	r.n++
}

// settle is what the owner does with a customer before anything else.
func (r *retabled) settle(c *state.Customer) {
	if c.Outdated() {
		c.Settle(r.clock, events.ByRules, speaker)
		r.s.Changed(c)
	}
	c.Pass(r.clock, speaker)
	r.s.Changed(c)
}

// drain takes what is due and returns it.
func (r *retabled) drain(most int) (due []hint) {
	for range most {
		id, at, ok, err := r.s.NextDue(r.clock)
		must(r.t, err)
		if !ok {
			break
		}
		c, err := r.s.Customer(id)
		must(r.t, err)
		if c.Due() != at {
			continue
		}
		due = append(due, hint{at, id})
		r.settle(c)
	}
	return due
}

func (r *retabled) save() {
	must(r.t, r.s.Checkpoint(at(events.Offset(r.n))))
}

// walk looks at everybody, in parts, between which other things happen.
func (r *retabled) walk() {
	var after events.CustomerID
	for more := true; more; {
		more = false
		left := rapid.IntRange(1, 8).Draw(r.t, "part")
		must(r.t, r.s.Customers(after, func(c *state.Customer) (bool, error) {
			after = c.ID()
			r.settle(c)
			left--
			more = left == 0
			return !more, nil
		}))
		r.save()
		must(r.t, r.s.Wait()) // so that also who was met first by a touch is found
		r.something(2)
	}
}

func (r *retabled) something(most int) {
	for range rapid.IntRange(0, most).Draw(r.t, "things") {
		switch rapid.IntRange(0, 3).Draw(r.t, "thing") {
		case 0:
			r.touch()
		case 1:
			r.clock += events.Instant(rapid.IntRange(0, 20).Draw(r.t, "wait"))
			r.drain(3)
		case 2:
			r.save()
		case 3:
			_, err := r.s.Customer(events.CustomerID(fmt.Sprint("c", rapid.IntRange(0, 19).Draw(r.t, "customer"))))
			must(r.t, err)
		}
	}
}

// Whatever the features were before, and whatever happens until all customers were looked at, then every horizon is that
// of the features of now: it comes up at its instant, in order, none is lost and none comes up for nothing.
func TestRetable(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		lazy := rapid.Bool().Draw(rt, "lazy")
		c := config(t, "", 4<<10) // room for few
		c.Table = shiftedTable(t, 0, lazy)
		s, err := OpenOn(NewMemory(), c)
		must(rt, err)
		defer s.Close()
		s.slab = rapid.SampledFrom([]int{1, 4, 1 << 10}).Draw(rt, "slab")
		r := &retabled{t: rt, s: s, clock: 1000, rings: map[events.CustomerID]events.Instant{}}
		for range rapid.IntRange(1, 3).Draw(rt, "tables") {
			r.something(30)
			r.save()
			r.shift = events.Instant(rapid.SampledFrom([]int{0, 5, 40, -15}).Draw(rt, "shift"))
			table := shiftedTable(t, r.shift, lazy)
			must(rt, s.Retable(table))
			if s.Table() != table || len(s.customers) != 0 || s.bytes != 0 {
				rt.Fatal("something of the former features is left")
			}
			r.something(10)
			r.walk()
			r.drain(1000)
			r.check()
		}
	})
}

// check lets all horizons that are left come up.
func (r *retabled) check() {
	var want []hint
	for id, at := range r.rings {
		if at += r.shift; at > r.clock {
			want = append(want, hint{at, id})
		}
	}
	slices.SortFunc(want, func(a, b hint) int { return cmp.Or(cmp.Compare(a.due, b.due), cmp.Compare(a.id, b.id)) })
	var got []hint
	for len(want) > 0 && r.clock < want[len(want)-1].due {
		r.clock = want[len(got)].due
		got = append(got, r.drain(1000)...)
		if len(got) > len(want) || !slices.Equal(got, want[:len(got)]) || len(got) < len(want) && want[len(got)].due <= r.clock {
			r.t.Fatalf("at %d has come up %v, want %v", r.clock, got, want)
		}
	}
	for id := range maps.Keys(r.rings) {
		c, err := r.s.Customer(id)
		must(r.t, err)
		if c.Outdated() || c.Due() != events.Never {
			r.t.Fatalf("%s is outdated (%v) or due %s", id, c.Outdated(), c.Due())
		}
	}
}

// TestRetableRefuses: what is not on disk would be lost.
func TestRetableRefuses(t *testing.T) {
	s := mustOpen(t, config(t, t.TempDir(), 1<<20))
	touch(t, s, "a", 0, 1000, 5000)
	if err := s.Retable(alarmTable(t, 2)); err == nil || !strings.Contains(err.Error(), "1 customers were changed since") {
		t.Errorf("%v", err)
	}
	gate := make(chan struct{})
	write := s.commit
	s.commit = func(changes []change, positions []byte) error {
		<-gate
		return write(changes, positions)
	}
	must(t, s.Checkpoint(at(1)))
	close(gate) // Retable waits for it
	must(t, s.Retable(alarmTable(t, 2)))
	c, err := s.Customer("a")
	must(t, err)
	if !c.Outdated() || c.Events() != 1 {
		t.Errorf("outdated %v, %d events", c.Outdated(), c.Events())
	}
}

// TestRetableCounts: customers who had no horizon and have one by other features are counted, and again not.
func TestRetableCounts(t *testing.T) {
	const n = 50
	c := config(t, "", 4<<10)
	c.Table = shiftedTable(t, 0, true)
	s, err := OpenOn(NewMemory(), c)
	must(t, err)
	for i := range n {
		touch(t, s, events.CustomerID(fmt.Sprint("c", i)), i, 1000, 900)
	}
	for i, want := range []int{0, n, 0} {
		must(t, s.Checkpoint(at(events.Offset(n+i))))
		must(t, s.Retable(shiftedTable(t, events.Instant(i%2*1000), true)))
		must(t, s.Customers("", func(c *state.Customer) (bool, error) {
			c.Settle(1000, events.ByRules, speaker)
			s.Changed(c)
			return true, nil
		}))
		if got := s.HorizonsPending(); got != want {
			t.Errorf("%d. table: %d horizons are counted, want %d", i+1, got, want)
		}
	}
}
