package store

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"testing"

	"github.com/dgraph-io/badger/v4"
	"github.com/rs/zerolog"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state"
	"github.com/touchfold/touchfold/state/wire"
)

// alarm is a feature whose horizon a test can put where it likes: the last event's Order.Value.
type alarm struct{ at events.Instant }

func alarmTable(t testing.TB, version int) *state.Table {
	t.Helper()
	table, err := state.NewTable(&state.Spec[alarm]{Name: "alarm", Version: version, Doc: "rings at an instant",
		Fold: func(s *alarm, e *events.Event) { s.at = events.Instant(e.Order.Value) },
		Facts: func(s *alarm, _ state.Known, at events.Instant, say func(string, state.Value)) {
			if s.at > 0 && at >= s.at {
				say("rung", state.Yes)
			}
		},
		Horizon: func(s *alarm, _ state.Known, at events.Instant) events.Instant {
			if s.at > at {
				return s.at
			}
			return events.Never
		},
		Append: func(b []byte, s *alarm) []byte { return wire.AppendUint(b, 1, uint64(s.at)) },
		Parse: func(b []byte, s *alarm) error {
			r := wire.NewReader(b)
			for _, ok := r.Next(); ok; _, ok = r.Next() {
				s.at = events.Instant(r.Uint())
			}
			return r.Err()
		}})
	if err != nil {
		t.Fatal(err)
	}
	return table
}

var speaker = state.NewSpeaker(func(*events.Statement) {})

// at is the positions of a test's checkpoints.
func at(input events.Offset) Positions {
	return Positions{Genesis: Genesis{Format: Format, App: "shop", Input: "in", Output: "out", Shard: 3, Shards: 8}, Input: input}
}

func config(t testing.TB, dir string, cacheBytes int64) Config {
	return Config{Dir: dir, Shard: 3, Table: alarmTable(t, 1), CacheBytes: cacheBytes, Log: zerolog.Nop()}
}

func mustOpen(t testing.TB, c Config) *Store {
	t.Helper()
	s, err := Open(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// tb is what the helpers need of *testing.T and *rapid.T alike.
type tb interface {
	Helper()
	Fatal(args ...any)
}

func must(t tb, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// touch is a step as the shard's loop does it: an event at an instant that sets the alarm, of about 100 bytes.
func touch(t tb, s *Store, id events.CustomerID, n int, now, alarm events.Instant) state.Outcome {
	t.Helper()
	c, err := s.Customer(id)
	must(t, err)
	e := events.Event{Customer: id, Type: events.OrderCompleted, Source: "test", ID: fmt.Sprint("event ", n), Time: now,
		Content: uint64(n) + 1, Order: events.Order{Value: int64(alarm)}, Channel: "a channel with quite a long name, to be a hundred bytes"}
	speaker := state.NewSpeaker(func(*events.Statement) {}) // of its own, for tests that run beside one another
	c.Pass(now, speaker)
	did := c.Take(&e)
	if did == state.Folded {
		c.Step(&e, now, speaker)
	}
	c.Applied = max(c.Applied, events.Offset(n+1))
	s.Changed(c)
	return did
}

// rows is what is known of every customer, wherever it lies.
func rows(t testing.TB, s *Store) map[events.CustomerID]string {
	t.Helper()
	all := map[events.CustomerID]string{}
	must(t, s.Customers("", func(c *state.Customer) (bool, error) {
		b := fmt.Appendf(c.AppendState(nil), "|%d %d %d %v %v", c.Due(), c.Applied, c.Waits, c.Stale(), c.Outdated())
		c.Said(func(key string, v state.Value, n uint32) { b = fmt.Appendf(b, "|%q %q %d", key, v, n) })
		c.Timeline(func(e *events.Event) { b = fmt.Appendf(b, "|%+v", *e) })
		all[c.ID()] = string(b)
		return true, s.Err()
	}))
	return all
}

// crash copies a store's files as they are: what SIGKILL would leave. If Badger changes them meanwhile it copies again.
func crash(t testing.TB, s *Store) string {
	t.Helper()
	for {
		to, err := os.MkdirTemp(t.TempDir(), "crashed")
		must(t, err)
		before := listing(t, s.Dir())
		for name := range before {
			if err = copyFile(filepath.Join(s.Dir(), name), filepath.Join(to, name)); err != nil {
				break
			}
		}
		if maps.Equal(before, listing(t, s.Dir())) {
			must(t, err)
			return to
		}
	}
}

// listing is the files of a folder; of the list of tables its contents.
func listing(t testing.TB, dir string) map[string]string {
	files, err := os.ReadDir(dir)
	must(t, err)
	all := map[string]string{}
	for _, f := range files {
		all[f.Name()] = ""
	}
	manifest, err := os.ReadFile(filepath.Join(dir, badger.ManifestFilename))
	must(t, err)
	all[badger.ManifestFilename] = string(manifest)
	return all
}

// copyFile copies what is not zero: Badger's files are mapped and mostly hole.
func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	defer out.Close()
	if filepath.Ext(from) == valueSuffix { // nothing but its header
		_, err = io.Copy(out, io.LimitReader(in, 1<<16))
	} else {
		buf, zero := make([]byte, 1<<20), make([]byte, 1<<20)
		for off := int64(0); err == nil && off < info.Size(); {
			var n int
			if n, err = in.ReadAt(buf, off); n > 0 && !bytes.Equal(buf[:n], zero[:n]) {
				_, err = out.WriteAt(buf[:n], off)
			}
			if off += int64(n); off == info.Size() {
				err = nil
			}
		}
	}
	if err == nil {
		err = out.Truncate(info.Size())
	}
	return err
}

func TestReopen(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, config(t, dir, 1<<20))
	for n := range 300 {
		touch(t, s, events.CustomerID(fmt.Sprint("customer ", n%7)), n, events.Instant(1000+n), events.Instant(5000+n))
	}
	want := at(300)
	want.Output, want.Clock, want.Log, want.SaidPosition, want.SaidClock, want.MuteUntil = 1, 2, 3, -1, 5, 6
	want.Speaking, want.ProducerIDs = true, []int64{0, 9, -1}
	want.InputCRC, want.OutputCRC, want.InputBatch, want.OutputBatch = 1<<31, 7, 8, 9
	want.Producer, want.Epoch, want.Walk, want.PastsSeen = 1<<40, 32767, Walk{true, "customer 3", events.ByRules}, []events.ShardID{0, 7}
	want.Rulebook, want.RulebookSerial, want.RulebookHistory = []byte("rules"), 2, []uint64{1 << 63, 0}
	must(t, s.Checkpoint(want))
	must(t, s.Wait())
	before := rows(t, s)
	if len(before) != 7 || s.HorizonsPending() != 7 {
		t.Fatalf("%d customers, %d horizons; want 7 of each", len(before), s.HorizonsPending())
	}
	crashed := crash(t, s)
	must(t, s.Close())
	must(t, s.Close())
	for _, dir := range []string{dir, crashed} {
		s = mustOpen(t, config(t, dir, 1<<20))
		if p, ok := s.Positions(); !ok || fmt.Sprintf("%+v", p) != fmt.Sprintf("%+v", want) {
			t.Errorf("positions %+v, %v\nwant      %+v", p, ok, want)
		}
		if got := rows(t, s); fmt.Sprint(got) != fmt.Sprint(before) {
			t.Error("rows differ after opening again")
		}
		if s.HorizonsPending() != 7 {
			t.Errorf("%d horizons pending", s.HorizonsPending())
		}
	}
}

// A process that dies between the rows and the positions folds events again; they are duplicates.
func TestPartialCheckpoint(t *testing.T) {
	type step struct {
		id         events.CustomerID
		now, alarm events.Instant
	}
	var steps []step
	for n := range 400 {
		id := events.CustomerID(fmt.Sprint("customer ", n*7%13))
		steps = append(steps, step{id, events.Instant(1000 + n), events.Instant(5000 - n)})
	}
	play := func(s *Store, from, to int) (duplicates int) {
		for n := from; n < to; n++ {
			if touch(t, s, steps[n].id, n, steps[n].now, steps[n].alarm) == state.Duplicate {
				duplicates++
			}
		}
		return duplicates
	}
	straight := mustOpen(t, config(t, t.TempDir(), 1<<20))
	play(straight, 0, 400)
	must(t, straight.Checkpoint(at(400)))
	must(t, straight.Wait())
	for _, written := range []int{0, 1, 6, 13} {
		s := mustOpen(t, config(t, t.TempDir(), 1))
		play(s, 0, 150)
		must(t, s.Checkpoint(at(150)))
		play(s, 150, 300)
		must(t, s.Wait())
		s.commit = func(changes []change, _ []byte) error {
			return cutOff(s, written, changes)
		}
		must(t, s.Checkpoint(at(300)))
		if s.Wait() == nil || s.Checkpoint(at(300)) == nil {
			t.Fatal("a commit's error does not come out")
		}
		s = mustOpen(t, config(t, crash(t, s), 1))
		p, _ := s.Positions()
		if p.Input != 150 {
			t.Fatalf("position %d; want that of the whole checkpoint", p.Input)
		}
		duplicates := play(s, int(p.Input), 400)
		if written == 13 && duplicates != 150 || written == 0 && duplicates != 0 {
			t.Errorf("%d customers written: %d duplicates", written, duplicates)
		}
		must(t, s.Checkpoint(at(400)))
		must(t, s.Wait())
		if fmt.Sprint(rows(t, s)) != fmt.Sprint(rows(t, straight)) {
			t.Errorf("%d customers written: another state than without a crash", written)
		}
	}
}

// cutOff commits so many of the changes, and dies.
func cutOff(s *Store, written int, changes []change) error {
	d := s.disk.(*badgerDisk)
	b := &batch{disk: d, txn: d.db.NewTransaction(true)}
	for i := range changes[:written] {
		changes[i].write(func(w write) bool { return b.do(w) == nil })
	}
	return fmt.Errorf("died: %w", b.commit())
}

// One checkpoint may be larger than a transaction.
func TestLargeCheckpoint(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, config(t, dir, 1<<30))
	for n := range 60_000 {
		touch(t, s, events.CustomerID(fmt.Sprint("customer ", n%3)), n, events.Instant(1000+n), 0)
	}
	if got := s.DirtyBytes(); got < 6<<20 || got > 60<<20 {
		t.Errorf("%d dirty bytes after 60,000 events of 100", got)
	}
	want := rows(t, s)
	must(t, s.Checkpoint(at(60_000)))
	must(t, s.Close())
	s = mustOpen(t, config(t, dir, 1))
	for id := range want {
		c, err := s.Customer(id)
		must(t, err)
		if c.Events() != 20_000 {
			t.Errorf("%s has %d events", id, c.Events())
		}
	}
	if len(rows(t, s)) != 3 {
		t.Error("a customer is missing")
	}
}

// A customer read with another version of a feature is due at once, though the index says otherwise.
func TestOtherVersion(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, config(t, dir, 1<<20))
	touch(t, s, "a", 0, 1000, 5000)
	must(t, s.Checkpoint(at(1)))
	must(t, s.Close())
	c := config(t, dir, 1<<20)
	c.Table = alarmTable(t, 2)
	s = mustOpen(t, c)
	if _, _, ok, err := s.NextDue(4999); ok || err != nil {
		t.Fatal("due before anybody looked", err)
	}
	x, err := s.Customer("a")
	must(t, err)
	if id, due, ok, _ := s.NextDue(4999); !ok || id != "a" || due != 0 {
		t.Fatalf("NextDue says %v %v %v", id, due, ok)
	}
	x.Pass(4999, speaker)
	s.Changed(x)
	if _, _, ok, _ := s.NextDue(4999); ok {
		t.Fatal("still due")
	}
	must(t, s.Checkpoint(at(1)))
	must(t, s.Wait())
	if id, due, ok, _ := s.NextDue(5000); !ok || id != "a" || due != 5000 {
		t.Fatalf("NextDue says %v %v %v", id, due, ok)
	}
}
