package state_test

import (
	"bytes"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state"
)

var rowRules = rules{zone: "Asia/Hong_Kong", vipOver: 30000, atLeast: 3, potential: 20000, churnOver: 183}

// use does with a customer what an owner does, after a row was read.
func use(c *state.Customer) {
	at := events.Instant(4_000_000_000_000)
	sp := state.NewSpeaker(func(*events.Statement) {})
	if c.Due() < at && c.Due() >= 0 {
		c.Settle(at, "", sp)
	}
	c.Facts(at, func(string, state.Value) {})
	c.Report(at)
	c.Timeline(func(*events.Event) {})
	e := course(1, 1, day)[0]
	e.ID = "another"
	c.Take(&e)
	c.Refold()
	c.Settle(at, events.ByCorrection, sp)
	c.AppendRow(nil)
	c.Bytes()
}

// parseBoth reads a row whose timeline has one sealed block at most.
func parseBoth(table *state.Table, row, block []byte) (*state.Customer, error) {
	return table.Parse("c", row, func(_ events.CustomerID, n int, _ uint64, use func([]byte) error) bool {
		return n == 0 && len(block) > 0 && use(block) == nil
	})
}

// A damaged row or block is an error or a customer, never a panic.
func FuzzParse(f *testing.F) {
	table := rowRules.table(f)
	c := table.New("c")
	sp := state.NewSpeaker(func(*events.Statement) {})
	for i, e := range course(60, 7, 8*day) {
		e.Links.Anonymous, e.Rest = "a", rest(300, uint64(i))
		if i%7 == 0 {
			e.Type, e.Traits = events.Identify, []events.Trait{{Name: "age", Value: []byte("41")}}
		}
		if i%11 == 0 {
			e.Type = events.OrderRefunded
		}
		c.Pass(e.Time, sp)
		c.Take(&e)
		c.Step(&e, e.Time, sp)
		if i == 12 {
			f.Add(slices.Clone(c.AppendRow(nil)), []byte{})
		}
	}
	f.Add(c.AppendRow(nil), slices.Clone(c.Block(0)))
	f.Add([]byte{}, []byte{})
	f.Fuzz(func(t *testing.T, row, block []byte) {
		if c, err := parseBoth(table, row, block); err == nil {
			use(c)
		}
	})
}

// The same with single bytes changed and tails cut, at every place of a real row.
func TestDamagedRows(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		table := rowRules.table(t)
		c := folded(table, drawEvents(t, calendar(t, rowRules.zone).Zone(), 20))
		c.Settle(events.Instant(1_400_000_000_000), "", state.NewSpeaker(func(*events.Statement) {}))
		var block []byte
		if c.Sealed() > 0 {
			block = slices.Clone(c.Block(0))
		}
		row := c.AppendRow(nil)
		for range 20 {
			b, d := slices.Clone(row), block
			if len(block) > 0 && rapid.Bool().Draw(t, "block") {
				d = slices.Clone(block)
				d[rapid.IntRange(0, len(d)-1).Draw(t, "at")] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
			} else {
				b[rapid.IntRange(0, len(b)-1).Draw(t, "at")] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
			}
			if rapid.IntRange(0, 3).Draw(t, "cut") == 0 {
				b = b[:rapid.IntRange(0, len(b)).Draw(t, "to")]
			}
			if c, err := parseBoth(table, b, d); err == nil {
				use(c)
			}
		}
	})
}

// Writing and reading again, and again, changes nothing of a row.
func TestRowsAreStable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		table := rowRules.table(t)
		list := drawEvents(t, calendar(t, rowRules.zone).Zone(), 30)
		c := folded(table, list)
		c.Applied = events.Offset(rapid.Int64Range(0, 1<<40).Draw(t, "applied"))
		c.Settle(lastOf(list), "", state.NewSpeaker(func(*events.Statement) {}))
		row := c.AppendRow(nil)
		back := reloaded(t, table, c)
		if !bytes.Equal(row, back.AppendRow(nil)) || back.Applied != c.Applied || back.Due() != c.Due() {
			t.Fatal("a row that was read is written otherwise")
		}
	})
}

// A row of other features, or of other versions of them, is folded again, is due at once and then says what differs.
func TestOtherFeatures(t *testing.T) {
	r := rowRules
	old := r.table(t)
	list := course(100, 3, 8*day)
	c := folded(old, list)
	at := list[99].Time
	c.Settle(at, "", state.NewSpeaker(func(*events.Statement) {}))

	feature := counter(1)
	table, err := state.NewTable(feature)
	if err != nil {
		t.Fatal(err)
	}
	c = reloaded(t, table, c)
	if c.Due() != 0 {
		t.Errorf("due %s, want at once", c.Due())
	}
	heard := map[string]string{}
	c.Pass(at, state.NewSpeaker(func(s *events.Statement) { heard[s.Fact] = s.Value }))
	if heard["count"] != "100" {
		t.Errorf("said was %v; the new feature counts 100", heard)
	}
	for fact, v := range heard {
		if fact != "count" && v != "" {
			t.Errorf("%s = %q is said, though no feature says it any more", fact, v)
		}
	}
	if heard["lifecycle"] != "" || len(heard) < 2 {
		t.Errorf("said was %v; what the old features held true should have ended", heard)
	}

	next, err := state.NewTable(counter(2))
	if err != nil {
		t.Fatal(err)
	}
	if c = reloaded(t, next, c); c.Due() != 0 {
		t.Error("a new version of a feature is not due at once")
	}
}

// What a feature kept under another Basis is folded again: under one, another, and none.
func TestOtherBasis(t *testing.T) {
	list := course(20, 3, 8*day)
	for _, old := range []string{"", "a"} {
		for _, basis := range []string{"", "a", "b"} {
			folds := 0
			at := func(basis string) *state.Table {
				feature := counter(1)
				feature.Basis = basis
				feature.Fold = func(s *int, _ *events.Event) { *s++; folds++ }
				table, err := state.NewTable(feature)
				if err != nil {
					t.Fatal(err)
				}
				return table
			}
			c := folded(at(old), list)
			folds = 0
			want := 0
			if old != basis {
				want = len(list)
			}
			if reloaded(t, at(basis), c); folds != want {
				t.Errorf("from basis %q to %q %d events are folded; want %d", old, basis, folds, want)
			}
		}
	}
}

// A customer whose row another table wrote says so until he is settled, though all his states are in the row; also where
// that row is written again meanwhile. Under v1, v2 and v1 again the states stay and the last words are those of v1.
func TestOutdated(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		first, second := rowRules, rowRules
		second.churnOver, second.vipOver = rapid.IntRange(1, 400).Draw(t, "churn"), rapid.Int64Range(0, 60000).Draw(t, "vip")
		v1, v2 := first.table(t), second.table(t)
		list := drawEvents(t, calendar(t, rowRules.zone).Zone(), 30)
		at := lastOf(list) + events.Instant(rapid.IntRange(0, 400).Draw(t, "days"))*day
		heard := map[string]string{}
		sp := state.NewSpeaker(func(s *events.Statement) { heard[s.Fact] = s.Value })
		c := folded(v1, list)
		c.Settle(at, "", sp)
		row, said := slices.Clone(c.AppendState(nil)), maps.Clone(heard)
		for _, table := range []*state.Table{v2, v1} {
			other := table.Fingerprint() != v1.Fingerprint() || v2.Fingerprint() != v1.Fingerprint()
			if c = reloaded(t, table, c); c.Outdated() != other || other && c.Due() != 0 {
				t.Fatalf("outdated %v, due %s", c.Outdated(), c.Due())
			}
			if c = reloaded(t, table, c); c.Outdated() != other {
				t.Fatal("written again without being settled it no longer says so")
			}
			if c.Settle(at, events.ByRules, sp); c.Outdated() || c.Due() <= at {
				t.Fatal("settled, and still outdated or due")
			}
			if c = reloaded(t, table, c); c.Outdated() {
				t.Fatal("settled and written it is outdated")
			}
			facts := map[string]string{}
			c.Facts(at, func(key string, v state.Value) { facts[key] = v })
			for key, v := range heard {
				if v != facts[key] {
					t.Fatalf("said is %s=%q, true is %q", key, v, facts[key])
				}
			}
		}
		maps.DeleteFunc(heard, func(key, v string) bool { return v == "" && said[key] == "" })
		if !bytes.Equal(c.AppendState(nil), row) || !maps.Equal(heard, said) {
			t.Fatalf("ends as %v, want %v", heard, said)
		}
	})
}

// counter is a feature that counts events.
func counter(version int) *state.Spec[int] {
	return &state.Spec[int]{Name: "counter", Version: version, Doc: "counts",
		Fold: func(s *int, _ *events.Event) { *s++ },
		Facts: func(s *int, _ state.Known, _ events.Instant, say func(string, state.Value)) {
			say("count", text100[*s])
		},
		Horizon: func(*int, state.Known, events.Instant) events.Instant { return events.Never },
		Append: func(b []byte, s *int) []byte {
			if *s > 0 {
				b = append(b, byte(*s))
			}
			return b
		},
		Parse: func(b []byte, s *int) error {
			*s = int(b[0])
			return nil
		},
	}
}

var text100 = [256]string{100: "100"}
