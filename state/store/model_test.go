package store

import (
	"cmp"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state"
)

// known is what the model knows of a customer.
type known struct {
	events int
	due    events.Instant
}

// model is a store as one would first write it: a map, and a copy of it for each checkpoint.
type model struct {
	memory  *Memory // or it has files
	t       *rapid.T
	outer   testing.TB
	s       *Store
	all     map[events.CustomerID]known
	durable map[events.CustomerID]known
	input   events.Offset // of durable
	clock   events.Instant
	n       int           // events
	gate    chan struct{} // a commit waits for it to be closed
}

func (m *model) open(dir string) {
	const room = 8 << 10 // for about eight
	var s *Store
	var err error
	if m.memory != nil {
		s, err = OpenOn(m.memory, config(m.outer, dir, room))
	} else {
		s, err = Open(config(m.outer, dir, room))
	}
	must(m.t, err)
	s.slab = 4
	s.partSize = 120 // so that a customer grows into parts soon
	m.s, m.gate = s, nil
}

// commit lets what is in flight arrive. The store learns of it when it looks.
func (m *model) commit() {
	if m.gate == nil {
		return
	}
	close(m.gate)
	m.gate = nil
	for len(m.s.flight) == 0 {
		runtime.Gosched()
	}
}

func (m *model) wait() {
	m.commit()
	must(m.t, m.s.Wait())
}

func (m *model) id() events.CustomerID {
	return events.CustomerID(rapid.SampledFrom([]string{"", "a", "a\x00", "a\x00\x00\x00\x00\x01", "b", "é"}).Draw(m.t, "prefix") +
		fmt.Sprint(rapid.IntRange(0, 9).Draw(m.t, "id")))
}

func (m *model) touch(id events.CustomerID) {
	m.clock++
	due := m.clock + events.Instant(rapid.IntRange(0, 30).Draw(m.t, "alarm"))
	touch(m.t, m.s, id, m.n, m.clock, due)
	m.n++
	if due == m.clock {
		due = events.Never
	}
	m.all[id] = known{m.all[id].events + 1, due}
}

// least is what NextDue must say.
func (m *model) least(to events.Instant) (id events.CustomerID, due events.Instant, ok bool) {
	ids := slices.Collect(maps.Keys(m.all))
	slices.SortFunc(ids, func(a, b events.CustomerID) int {
		return cmp.Or(cmp.Compare(m.all[a].due, m.all[b].due), cmp.Compare(a, b))
	})
	if len(ids) == 0 || m.all[ids[0]].due > to {
		return "", 0, false
	}
	return ids[0], m.all[ids[0]].due, true
}

func (m *model) pass() {
	m.clock += events.Instant(rapid.IntRange(0, 12).Draw(m.t, "wait"))
	for range rapid.IntRange(1, 20).Draw(m.t, "slice") {
		wantID, wantDue, wantOK := m.least(m.clock)
		id, due, ok, err := m.s.NextDue(m.clock)
		must(m.t, err)
		if id != wantID || due != wantDue || ok != wantOK {
			m.t.Fatalf("NextDue(%d) is %q %d %v; want %q %d %v", m.clock, id, due, ok, wantID, wantDue, wantOK)
		}
		if !ok {
			return
		}
		c, err := m.s.Customer(id)
		must(m.t, err)
		c.Pass(m.clock, speaker)
		m.s.Changed(c)
		m.all[id] = known{m.all[id].events, events.Never}
	}
}

func (m *model) look(id events.CustomerID) {
	c, err := m.s.Customer(id)
	must(m.t, err)
	want, ok := m.all[id]
	if !ok {
		want.due = events.Never
	}
	if c.Events() != want.events || c.Due() != want.due || c.ID() != id {
		m.t.Fatalf("%q is %q with %d events, due %d; want %d, %d", id, c.ID(), c.Events(), c.Due(), want.events, want.due)
	}
}

func (m *model) checkpoint() {
	m.commit()
	must(m.t, m.s.Wait()) // so that the commit that is held up is the new one
	gate := make(chan struct{})
	if m.memory != nil {
		close(gate)
	} else {
		m.gate = gate
	}
	m.s.commit = func(changes []change, positions []byte) error {
		<-gate
		return m.s.write(changes, positions)
	}
	must(m.t, m.s.Checkpoint(at(events.Offset(m.n))))
	m.durable, m.input = maps.Clone(m.all), events.Offset(m.n)
}

// walk visits everybody in parts, and touches some.
func (m *model) walk() {
	m.checkpoint()
	m.wait()
	want := slices.Sorted(maps.Keys(m.all))
	var after events.CustomerID
	var got []events.CustomerID
	for more := true; more; {
		more = false
		left := rapid.IntRange(1, 20).Draw(m.t, "part")
		must(m.t, m.s.Customers(after, func(c *state.Customer) (bool, error) {
			got, after = append(got, c.ID()), c.ID()
			if w := m.all[c.ID()]; c.Events() != w.events || c.Due() != w.due {
				m.t.Fatalf("the walk's %q has %d events, due %d; want %d, %d", c.ID(), c.Events(), c.Due(), w.events, w.due)
			}
			if rapid.Bool().Draw(m.t, "change") {
				c.Pass(m.clock, speaker)
				m.s.Changed(c)
				if w := m.all[c.ID()]; w.due <= m.clock {
					m.all[c.ID()] = known{w.events, events.Never}
				}
			}
			left--
			more = left == 0
			return !more, nil
		}))
		if rapid.Bool().Draw(m.t, "checkpoint") {
			m.checkpoint()
		}
	}
	if !slices.Equal(got, want) {
		m.t.Fatalf("the walk visited %q; want %q", got, want)
	}
}

func (m *model) check(*rapid.T) {
	pinned, idle := 0, 0
	var bytes, decoded int64
	for id, e := range m.s.customers {
		if e.customer != nil {
			decoded += int64(e.bytes)
		}
		if bytes += int64(e.bytes); e.pinned() {
			pinned++
		}
		if e.id != id || !e.cached || (e.customer == nil) == (e.frozenRow == nil) {
			m.t.Fatalf("%q is not what the cache holds under its name", id)
		}
	}
	for _, r := range []*ring{&m.s.idle, &m.s.frozen} {
		for e := r.newer; e != &r.entry; e = e.newer {
			if idle++; e.pinned() || (e.customer == nil) != (r == &m.s.frozen) {
				m.t.Fatal("a pinned customer may be evicted, or one is in the wrong ring")
			}
		}
	}
	if pinned+idle != len(m.s.customers) || bytes != m.s.bytes || decoded != m.s.decoded {
		m.t.Fatalf("%d customers and %d bytes, of which %d are pinned and %d idle, %d bytes", len(m.s.customers), m.s.bytes, pinned, idle, bytes)
	}
	if n := len(m.s.near); n > 4*m.s.slab+1 {
		m.t.Fatalf("%d horizons in memory", n)
	}
	horizons := 0
	for _, k := range m.all {
		if k.due != events.Never {
			horizons++
		}
	}
	if m.s.HorizonsPending() != horizons {
		m.t.Fatalf("%d horizons pending; want %d", m.s.HorizonsPending(), horizons)
	}
}

// Whatever is done to a store, it knows what a map would know, through crashes and restarts.
func TestModel(t *testing.T) {
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		if n++; n <= 30 { // files take long
			runModel(t, rt, nil)
		}
	})
}

func TestModelInMemory(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) { runModel(t, rt, NewMemory()) })
}

func runModel(t *testing.T, rt *rapid.T, memory *Memory) {
	m := &model{t: rt, outer: t, memory: memory, all: map[events.CustomerID]known{}, durable: map[events.CustomerID]known{}, clock: 1000}
	m.open(t.TempDir())
	defer func() { m.commit(); m.s.Close() }()
	reopens := 0
	rt.Repeat(map[string]func(*rapid.T){
		"":     m.check,
		"some": func(*rapid.T) { m.touch(m.id()) },
		"many": func(*rapid.T) {
			for range 10 {
				m.touch(m.id())
			}
		},
		"pass":       func(*rapid.T) { m.pass() },
		"look":       func(*rapid.T) { m.look(m.id()) },
		"checkpoint": func(*rapid.T) { m.checkpoint() },
		"commit":     func(*rapid.T) { m.commit() },
		"wait":       func(*rapid.T) { m.wait() },
		"walk":       func(*rapid.T) { m.walk() },
		"reopen": func(*rapid.T) {
			if reopens++; reopens > 1 && memory == nil {
				rt.Skip("takes long")
			}
			m.reopen(rapid.Bool().Draw(rt, "crash"))
		},
	})
	for id := range m.all {
		m.look(id)
	}
}

func (m *model) reopen(crashed bool) {
	m.wait()
	dir := m.s.Dir()
	if crashed && m.memory == nil {
		dir = crash(m.outer, m.s)
	}
	if !crashed || m.memory == nil {
		must(m.t, m.s.Close())
	}
	m.open(dir)
	m.all = maps.Clone(m.durable)
	if p, _ := m.s.Positions(); p.Input != m.input {
		m.t.Fatalf("position %d; want %d", p.Input, m.input)
	}
}
