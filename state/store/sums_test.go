package store

import (
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/dgraph-io/badger/v4/table"

	"github.com/touchfold/touchfold/events"
)

// flip changes a byte of the file's first block, which nothing reads when a store is opened.
func flip(t *testing.T, name string) {
	t.Helper()
	b, err := os.ReadFile(name)
	must(t, err)
	b[20] ^= 0x10
	must(t, os.WriteFile(name, b, 0o600))
}

// knownTables is what the folder's sums know, which must be its tables as they are.
func knownTables(t *testing.T, dir string) sums {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*"+tableSuffix))
	must(t, err)
	want := sums{}
	for _, name := range names {
		id, _ := table.ParseFileID(name)
		want[id], err = sumFile(name)
		must(t, err)
	}
	if got := readSums(dir); len(want) == 0 || !maps.Equal(got, want) {
		t.Fatalf("known are %v; the tables are %v", got, want)
	}
	return want
}

// A table is not read to its checksums again if it has the sum it had, and only then.
func TestSums(t *testing.T) {
	for _, x := range []struct {
		what   string
		change func(dir, table string)
		opens  bool
	}{
		{"nothing", func(dir, table string) {}, true},
		{"flipped", func(dir, table string) { flip(t, table) }, false},
		{"flipped, with the sum of that", func(dir, table string) {
			flip(t, table)
			now, err := sumFile(table)
			must(t, err)
			sums{1: now}.keep(dir)
		}, true},
		{"flipped, with the sum of another number", func(dir, table string) {
			flip(t, table)
			now, err := sumFile(table)
			must(t, err)
			sums{2: now}.keep(dir)
		}, false},
		{"the sum of another table", func(dir, table string) { sums{1: {20, 7}}.keep(dir) }, true},
		{"no sums", func(dir, table string) { must(t, os.Remove(filepath.Join(dir, sumsName))) }, true},
		{"flipped, no sums", func(dir, table string) { flip(t, table); must(t, os.Remove(filepath.Join(dir, sumsName))) }, false},
		{"empty, no sums", func(dir, table string) {
			must(t, errors.Join(os.Truncate(table, 0), os.Remove(filepath.Join(dir, sumsName))))
		}, false},
		{"sums cannot be written", func(dir, table string) {
			must(t, errors.Join(os.Remove(filepath.Join(dir, sumsName)), os.MkdirAll(filepath.Join(dir, sumsName, "x"), 0o700)))
		}, true},
	} {
		t.Run(x.what, func(t *testing.T) {
			dir := filled(t)
			x.change(dir, only(t, dir, "*.sst"))
			if !x.opens {
				damagedSays(t, config(t, dir, 1), "check 000001.sst")
				return
			}
			must(t, mustOpen(t, config(t, dir, 1)).Close())
		})
	}
}

// Sums that are not what was written say nothing.
func TestSumsDamaged(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, sumsName)
	want := sums{1: {4096, 7}, 300: {1 << 33, 1<<32 - 1}}
	want.keep(dir)
	if got := readSums(dir); !maps.Equal(got, want) {
		t.Fatalf("read %v; want %v", got, want)
	}
	whole, err := os.ReadFile(name)
	must(t, err)
	for i := range whole {
		must(t, os.WriteFile(name, whole[:i], 0o600))
		if got := readSums(dir); len(got) > 0 {
			t.Errorf("cut to %d: %v", i, got)
		}
		for bit := range 8 {
			whole[i] ^= 1 << bit
			must(t, os.WriteFile(name, whole, 0o600))
			if got := readSums(dir); len(got) > 0 {
				t.Errorf("bit %d of byte %d: %v", bit, i, got)
			}
			whole[i] ^= 1 << bit
		}
	}
}

// Close knows every table, also those that it writes, but none that is damaged.
func TestSumsOfClose(t *testing.T) {
	c := config(t, filled(t), 1)
	if n := len(knownTables(t, c.Dir)); n != 1 {
		t.Fatalf("%d tables are known; want 1", n)
	}
	must(t, os.Remove(filepath.Join(c.Dir, sumsName)))
	c.Restored = true // so that it is not read
	s := mustOpen(t, c)
	touch(t, s, "another", 0, 1000, 5000)
	must(t, s.Checkpoint(at(201)))
	must(t, s.Wait())
	flip(t, filepath.Join(c.Dir, "000001.sst"))
	must(t, s.Close())
	if known := readSums(c.Dir); len(known) != 1 || known[1] != (sum{}) {
		t.Errorf("known are %v; want that of the new table only", known)
	}
	c.Restored = false
	refused(t, c, "check 000001.sst")
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if newScrub(c, nil).finish(over); len(readSums(c.Dir)) != 0 {
		t.Error("Close goes on when its time is over")
	}
}

// What was checked beside the work a kill leaves known.
func TestScrub(t *testing.T) {
	c := config(t, filled(t), 1)
	must(t, os.Remove(filepath.Join(c.Dir, sumsName)))
	c.Restored, c.scrub = true, time.Millisecond
	s := mustOpen(t, c)
	for len(readSums(c.Dir)) == 0 {
		must(t, s.Wait())
	}
	knownTables(t, crash(t, s))
}

// A table that was whole and is damaged while the store is open is found, whichever it is.
func TestScrubGoesRound(t *testing.T) {
	for i := range 3 {
		dir := filled(t)
		c := config(t, dir, 1)
		for n := range 2 {
			s := mustOpen(t, c)
			touch(t, s, events.CustomerID("more"+strconv.Itoa(n)), 0, 300, 1000)
			must(t, s.Checkpoint(at(events.Offset(301+n))))
			must(t, s.Close())
		}
		known := slices.Sorted(maps.Keys(knownTables(t, dir)))
		if len(known) < 3 {
			t.Fatalf("%d tables are known", len(known))
		}
		c.scrub = time.Millisecond
		s := mustOpen(t, c)
		flip(t, table.NewFilename(known[i], dir))
		var err error
		for n := events.Offset(401); err == nil; n++ {
			must(t, s.Checkpoint(at(n)))
			err = s.Wait()
		}
		if !errors.Is(err, ErrDamaged) {
			t.Errorf("another error: %v", err)
		}
		_ = s.Close()
	}
}

// A store with a table that is damaged takes no more checkpoints. One that Badger has removed is not damaged, and forgotten.
func TestScrubFindsDamage(t *testing.T) {
	c := config(t, filled(t), 1)
	must(t, os.Remove(filepath.Join(c.Dir, sumsName)))
	name := only(t, c.Dir, "*.sst")
	flip(t, name)
	c.Restored, c.scrub = true, time.Millisecond
	s := mustOpen(t, c)
	var err error
	for n := events.Offset(201); err == nil; n++ {
		must(t, s.Checkpoint(at(n)))
		err = s.Wait()
	}
	if !errors.Is(err, ErrDamaged) {
		t.Errorf("another error: %v", err)
	}
	_ = s.Close()
	if readSums(c.Dir)[1] != (sum{}) {
		t.Error("the damaged table is known as whole")
	}
	idle := newScrub(c, nil)
	if idle.check(1, idle.unknown()[1]) == nil {
		t.Error("the damaged table is whole")
	}
	must(t, os.Rename(name, filepath.Join(c.Dir, "000099.sst")))
	if err := idle.check(99, idle.unknown()[1]); err != nil {
		t.Errorf("a table that is in no list: %v", err)
	}
	idle.whole = sums{1: {}, 99: {}}
	_, again := idle.unknown()[1]
	if _, kept := idle.whole[99]; again || kept {
		t.Errorf("the known table is checked again: %v; the one that is gone is known: %v", again, kept)
	}
}
