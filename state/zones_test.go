package state_test

import (
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state"
	"github.com/touchfold/touchfold/state/tzdata"
)

// Every embedded zone can be asked for, by many at once, and all get the same calendar.
func TestZones(t *testing.T) {
	z := state.NewZones()
	names := tzdata.Names()
	if len(names) < 590 {
		t.Errorf("%d zones are embedded", len(names))
	}
	var got [4][]*state.Calendar
	var all sync.WaitGroup
	for i := range got {
		all.Go(func() {
			for _, name := range names {
				c, _ := z.Calendar(name)
				got[i] = append(got[i], c)
			}
		})
	}
	all.Wait()
	for i, name := range names {
		c := got[0][i]
		if c == nil || c != got[1][i] || c != got[2][i] || c != got[3][i] || c.Zone().String() != name {
			t.Errorf("%s is %p, %p, %p and %p", name, got[0][i], got[1][i], got[2][i], got[3][i])
		}
	}
}

// What is on some machines only, or is another zone on each, is no zone; nor does the machine's own data count.
func TestZonesStrange(t *testing.T) {
	t.Setenv("ZONEINFO", "/nowhere")
	for _, name := range []string{"", "Local", "posix/UTC", "../UTC", "/etc/localtime", "europe/berlin", "Mars/Olympus", "Europe/"} {
		if c, ok := named.Calendar(name); ok || c != nil {
			t.Errorf("%q is a zone", name)
		}
		if _, err := tzdata.Load(name); err == nil {
			t.Errorf("%q is loaded", name)
		}
	}
}

// A calendar without a table answers as one with: whenever a customer's zone is the business zone too.
func TestLazyCalendar(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.SampledFrom(oddZones).Draw(t, "zone")
		table := calendar(t, name)
		lazy, _ := named.Calendar(name)
		at := max(0, drawInstant(t, table.Zone()))
		if rapid.Bool().Draw(t, "near a midnight") {
			d := state.Day(rapid.IntRange(1, 90_000).Draw(t, "day"))
			at = max(0, table.Start(d)+events.Instant(rapid.Int64Range(-120, 120).Draw(t, "off"))*minute)
		}
		d := table.Of(at)
		if got := lazy.Of(at); got != d {
			t.Fatalf("%s: %s is of %s, without a table of %s", name, at, d, got)
		}
		if got := lazy.Start(d); got != table.Start(d) {
			t.Fatalf("%s: %s begins at %s, without a table at %s", name, d, table.Start(d), got)
		}
	})
}

// In St. John's clocks were put back from a minute past midnight until 2011: the day had begun, and does not begin twice.
func TestLazyCalendarBack(t *testing.T) {
	table := calendar(t, "America/St_Johns")
	lazy, _ := named.Calendar("America/St_Johns")
	for d := state.Day(6200); d < 15500; d++ {
		for _, off := range []events.Instant{-hour, -1, 0, 30 * second, minute, 59 * minute, 2 * hour} {
			if at := table.Start(d) + off; lazy.Of(at) != table.Of(at) {
				t.Fatalf("%s is of %s, without a table of %s", at, table.Of(at), lazy.Of(at))
			}
		}
	}
}

func BenchmarkLazyCalendar(b *testing.B) {
	c, _ := named.Calendar("Europe/Berlin")
	at := events.Instant(1_780_000_000_000)
	b.Run("of", func(b *testing.B) {
		for b.Loop() {
			at = max(at, events.Instant(c.Of(at)))
		}
	})
	b.Run("add", func(b *testing.B) {
		for b.Loop() {
			c.Add(at, state.Duration{N: 7, Unit: state.Days})
		}
	})
	b.Run("add by table", func(b *testing.B) {
		c := calendar(b, "Europe/Berlin")
		for b.Loop() {
			c.Add(at, state.Duration{N: 7, Unit: state.Days})
		}
	})
	b.Run("zones", func(b *testing.B) {
		for b.Loop() {
			state.NewZones()
		}
	})
	b.Run("load", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := tzdata.Load("Europe/Berlin"); err != nil {
				b.Fatal(err)
			}
		}
	})
}
