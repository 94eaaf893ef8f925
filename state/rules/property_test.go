package rules_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state"
	"github.com/touchfold/touchfold/state/rules"
	"github.com/touchfold/touchfold/state/rules/ruletest"
)

// world is a random book and a random past.
type world struct {
	zone  *time.Location
	book  *rules.Book
	past  []events.Event
	since events.Instant // of the triggers; 0: always
	table *state.Table
}

func draw(t *rapid.T) *world {
	w := &world{zone: ruletest.Zone(t)}
	w.book = ruletest.Book(t, ruletest.Options{})
	w.past = ruletest.Timeline(t, w.zone)
	w.table = tableOf(t, w)
	return w
}

func tableOf(t interface{ Fatalf(string, ...any) }, w *world) *state.Table {
	shop, figure := orders(calendarOf(w.zone), len(w.past)%2 == 0)
	f, _, faults := rules.New(rules.Config{Book: w.book, Calendar: calendarOf(w.zone), Zones: zones, Currency: ruletest.HKD,
		Figures: []state.Figure{figure}, Now: w.since})
	if len(faults) > 0 {
		t.Fatalf("%v", faults)
	}
	table, err := state.NewTable(shop, f)
	if err != nil {
		t.Fatalf("%v", err)
	}
	return table
}

var (
	zones     = state.NewZones()
	calendars = map[string]*state.Calendar{}
)

func calendarOf(zone *time.Location) *state.Calendar {
	if calendars[zone.String()] == nil {
		calendars[zone.String()] = state.NewCalendar(zone)
	}
	return calendars[zone.String()]
}

// fold takes the events in this order of arrival.
func (w *world) fold(list []events.Event) *state.Customer {
	c := w.table.New(ruletest.Customer)
	for i := range list {
		e := list[i]
		c.Take(&e)
		c.Refold()
	}
	return c
}

// told is all that is true at an instant. (Of an occurrence also that it is history: that comes without a horizon.)
func told(c *state.Customer, at events.Instant) string {
	var lines []string
	c.Facts(at, func(key string, v state.Value) { lines = append(lines, key+" "+v) })
	c.Occurrences(at, func(o *state.Occurrence) {
		lines = append(lines, fmt.Sprintf("%s at %s old %t because %v with %v", o.Key, o.At, o.Old, o.Because, o.Payload))
	})
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// lasting is what of that stays up to the next horizon.
func lasting(c *state.Customer, at events.Instant) string {
	return strings.ReplaceAll(told(c, at), "old true", "old false")
}

// restart writes the customer and reads him again.
func (w *world) restart(t *rapid.T, c *state.Customer) *state.Customer {
	x, err := w.table.Parse(c.ID(), c.AppendRow(nil), func(_ events.CustomerID, n int, _ uint64, use func([]byte) error) bool { return use(c.Block(n)) == nil })
	if err != nil {
		t.Fatal(err)
	}
	return x
}

const (
	minute = events.Instant(60_000)
	hour   = 60 * minute
	day    = 24 * hour
)

// TestOrder: whatever the order in which events come, and however often the customer is written and read again, the bytes of
// the state are the same, and so is all that is true at any instant.
func TestOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := draw(t)
		a := w.fold(w.past)
		shuffled := rapid.Permutation(w.past).Draw(t, "arrival")
		b := w.fold(shuffled)
		if !bytes.Equal(a.AppendState(nil), b.AppendState(nil)) {
			t.Fatal("states differ")
		}
		c := w.table.New(ruletest.Customer)
		for i := range w.past {
			e := w.past[i]
			c.Take(&e)
			if rapid.IntRange(0, 3).Draw(t, "restart") == 0 {
				c = w.restart(t, c)
			}
		}
		if !bytes.Equal(a.AppendState(nil), c.AppendState(nil)) {
			t.Fatal("states differ after restarts")
		}
		if len(w.past) == 0 {
			return
		}
		last := w.past[len(w.past)-1].Time
		for range 5 {
			at := last + events.Instant(rapid.Int64Range(0, int64(400*day)).Draw(t, "at"))
			x := told(a, at)
			for _, y := range []*state.Customer{b, c, w.restart(t, a)} {
				if y := told(y, at); x != y {
					t.Fatalf("at %s\n%s\nbut\n%s", at, x, y)
				}
			}
		}
	})
}

// TestTime: what is true changes at horizons only, and asking changes nothing.
func TestTime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := draw(t)
		c := w.table.New(ruletest.Customer)
		sp := state.NewSpeaker(func(*events.Statement) {})
		for i := range w.past {
			e := w.past[i]
			c.Pass(e.Time-1, sp)
			c.Take(&e)
			c.Step(&e, e.Time, sp)
			end := e.Time + 60*day
			if i+1 < len(w.past) {
				end = w.past[i+1].Time
				if end == e.Time {
					continue
				}
			}
			bytesBefore := c.AppendState(nil)
			quiet(t, w, c, e.Time, end)
			if !bytes.Equal(bytesBefore, c.AppendState(nil)) {
				t.Fatal("time changed the state")
			}
		}
	})
}

// quiet looks at the time between two instants in which no event comes.
func quiet(t *rapid.T, w *world, c *state.Customer, from, to events.Instant) {
	sp := state.NewSpeaker(func(*events.Statement) {})
	now := from
	other := w.restart(t, c) // who is asked only now and then
	other.Settle(from, "", sp)
	for n := 0; now < to && n < 40; n++ {
		is := lasting(c, now)
		due := min(c.Due(), to)
		if due <= now {
			t.Fatalf("the horizon at %s is %s", now, due)
		}
		ask := []events.Instant{now + 1, now + minute, now + hour, due - 1, due - minute, due - hour, now + (due-now)/2,
			now + events.Instant(rapid.Int64Range(0, int64(due-now)-1).Draw(t, "ask"))}
		for _, at := range ask {
			if at <= now || at >= due {
				continue
			}
			if x := lasting(w.restart(t, c), at); x != is {
				t.Fatalf("at %s, before the horizon %s and after %s, is\n%s\nbut was\n%s", at, due, now, x, is)
			}
		}
		if c.Due() > to {
			return
		}
		c.Pass(due, sp)
		now = due
		if x := lasting(other, now); x != lasting(c, now) {
			t.Fatalf("at %s is\n%s\nbut who was not asked before says\n%s", now, lasting(c, now), x)
		}
	}
}
