package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"pgregory.net/rapid"

	"github.com/touchfold/touchfold/events"
)

// exported is the snapshot of what is on disk.
func exported(t testing.TB, s *Store) ([]byte, *Snapshot) {
	t.Helper()
	v, err := s.View()
	must(t, err)
	defer v.Close()
	var b bytes.Buffer
	snapshot, err := v.Export(t.Context(), &b)
	must(t, err)
	return b.Bytes(), snapshot
}

// stocked is a store with customers of all kinds: of a few events, of sealed blocks, of parts, with an entry in the value
// log.
func stocked(t testing.TB, c Config) *Store {
	t.Helper()
	s := mustOpen(t, c)
	s.partSize = 1000
	for i := range 300 {
		touch(t, s, events.CustomerID(fmt.Sprint("customer ", i)), i, 1000, events.Instant(5000+i))
	}
	for i := range 100 {
		touch(t, s, "long", 1000+i, events.Instant(1000+i), 9000)
	}
	giant, err := s.Customer("giant")
	must(t, err)
	giant.Take(&events.Event{Customer: "giant", Type: events.OrderCompleted, ID: "1", Time: 1000, Content: 1, Channel: strings.Repeat("long ", 1<<18)})
	s.Changed(giant)
	p := at(1100)
	p.Output, p.Producer, p.Epoch, p.Rulebook, p.Speaking = 77, 4001, 7, []byte("a rulebook"), true
	must(t, s.Checkpoint(p))
	must(t, s.Wait())
	return s
}

func restoreConfig(dir string) RestoreConfig {
	return RestoreConfig{Dir: dir, Genesis: at(0).Genesis, Log: zerolog.Nop()}
}

func TestExportRestore(t *testing.T) {
	t.Parallel()
	s := stocked(t, config(t, t.TempDir(), 1<<20))
	b, made := exported(t, s)
	at, _ := s.Positions()

	head, err := ReadSnapshot(bytes.NewReader(b[:min(len(b), 4096)]))
	must(t, err)
	if got, want := fmt.Sprintf("%+v", head.Positions), fmt.Sprintf("%+v", at); got != want {
		t.Errorf("the header has %s, want %s", got, want)
	}
	if !head.Made.Equal(made.Made) || time.Since(head.Made) > time.Hour {
		t.Errorf("the header has %+v", head)
	}
	checked, err := Verify(t.Context(), bytes.NewReader(b), nil)
	must(t, err)
	if checked.Rows != made.Rows || checked.RowBytes != made.RowBytes || checked.Bytes != int64(len(b)) || checked.Sum != made.Sum || made.Rows < 600 {
		t.Errorf("verified %+v, made %+v", checked, made)
	}

	dir := filepath.Join(t.TempDir(), "deep", "shard")
	told := int64(0)
	c := restoreConfig(dir)
	c.Progress = func(done int64) {
		if done < told {
			t.Errorf("progress goes back from %d to %d", told, done)
		}
		told = done
	}
	done, err := Restore(t.Context(), c, bytes.NewReader(b))
	must(t, err)
	if told != int64(len(b)) || done.Aside != "" || done.Rows != made.Rows {
		t.Errorf("restored %+v, progress ends at %d of %d", done, told, len(b))
	}
	opened := config(t, dir, 1<<20)
	opened.Restored = true
	again := mustOpen(t, opened)
	same(t, again, s)
	b2, _ := exported(t, again)
	if !bytes.Equal(bodyOf(t, b), bodyOf(t, b2)) {
		t.Error("exported again it has other rows")
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(dir), "*")); len(left) != 1 {
		t.Errorf("left beside the store: %v", left)
	}
}

// same compares all that two stores know.
func same(t testing.TB, got, want *Store) {
	t.Helper()
	a, _ := got.Positions()
	b, _ := want.Positions()
	if fmt.Sprintf("%+v", a) != fmt.Sprintf("%+v", b) {
		t.Errorf("positions %+v, want %+v", a, b)
	}
	rowsGot, rowsWant := rows(t, got), rows(t, want)
	if len(rowsGot) != len(rowsWant) || len(rowsGot) == 0 {
		t.Errorf("%d customers, want %d", len(rowsGot), len(rowsWant))
	}
	for id, row := range rowsWant {
		if rowsGot[id] != row {
			t.Errorf("customer %q differs", id)
		}
	}
}

// bodyOf is a snapshot without its header, which has the time, and its trailer, which has a sum of all.
func bodyOf(t testing.TB, b []byte) []byte {
	t.Helper()
	frames := framesOf(t, b)
	return b[frames[1]:frames[len(frames)-1]]
}

// framesOf is where each frame begins.
func framesOf(t testing.TB, b []byte) (at []int) {
	t.Helper()
	for i := len(snapshotMagic); i < len(b); i += 8 + int(binary.BigEndian.Uint32(b[i:])) {
		at = append(at, i)
	}
	return at
}

// TestFirstFormat restores a snapshot that was made when the format was new.
func TestFirstFormat(t *testing.T) {
	t.Parallel()
	const path = "testdata/format4.snap"
	if *update {
		b, _ := exported(t, stocked(t, config(t, t.TempDir(), 1<<20)))
		must(t, os.WriteFile(path, b, 0o644))
	}
	f, err := os.Open(path)
	must(t, err)
	defer f.Close()
	dir := filepath.Join(t.TempDir(), "store")
	done, err := Restore(t.Context(), restoreConfig(dir), f)
	must(t, err)
	s := mustOpen(t, config(t, dir, 1<<20))
	if at, _ := s.Positions(); at.Input != 1100 || at.Output != 77 || at.Epoch != 7 || string(at.Rulebook) != "a rulebook" || done.Rows != 606 {
		t.Errorf("restored %+v, %d rows", at, done.Rows)
	}
	same(t, s, stocked(t, config(t, t.TempDir(), 1<<20)))
}

// TestViewStands: what comes after the view is not in it, and Close waits for it.
func TestViewStands(t *testing.T) {
	t.Parallel()
	s := stocked(t, config(t, t.TempDir(), 1<<20))
	want, _ := exported(t, s)
	v, err := s.View()
	must(t, err)
	for i := range 300 {
		touch(t, s, events.CustomerID(fmt.Sprint("customer ", i)), 5000+i, 2000, events.Instant(7000+i))
	}
	must(t, s.Checkpoint(at(6000)))
	must(t, s.Wait())
	closed := make(chan error)
	go func() { closed <- s.Close() }()
	var b bytes.Buffer
	_, err = v.Export(t.Context(), &b)
	must(t, err)
	select {
	case <-closed:
		t.Error("the store was closed under a view")
	default:
	}
	v.Close()
	v.Close()
	must(t, <-closed)
	if !bytes.Equal(bodyOf(t, b.Bytes()), bodyOf(t, want)) {
		t.Error("the view has other rows than when it was taken")
	}
}

// TestExportRot: what a disk changed under the store does not become a snapshot.
func TestExportRot(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := stocked(t, config(t, dir, 1<<20))
	must(t, s.Close()) // so that there is a table
	s = mustOpen(t, config(t, dir, 1<<20))
	tables, err := filepath.Glob(filepath.Join(dir, "*"+tableSuffix))
	if err != nil || len(tables) == 0 {
		t.Fatal(tables, err)
	}
	f, err := os.OpenFile(tables[0], os.O_RDWR, 0)
	must(t, err)
	b := make([]byte, 1)
	_, err = f.ReadAt(b, 300)
	must(t, err)
	_, err = f.WriteAt([]byte{b[0] ^ 1}, 300)
	must(t, errors.Join(err, f.Close()))
	v, err := s.View()
	must(t, err)
	defer v.Close()
	if _, err := v.Export(t.Context(), &bytes.Buffer{}); err == nil || strings.Contains(err.Error(), "\n") {
		t.Errorf("exported with a rotten byte: %v", err)
	} else {
		t.Log(err)
	}
}

// TestViewWaits: a checkpoint that is in flight is in the view.
func TestViewWaits(t *testing.T) {
	t.Parallel()
	s := stocked(t, config(t, t.TempDir(), 1<<20))
	for i := range 300 {
		touch(t, s, events.CustomerID(fmt.Sprint("customer ", i)), 5000+i, 2000, events.Instant(7000+i))
	}
	commit := s.commit
	s.commit = func(changes []change, positions []byte) error {
		runtime.Gosched() // to whoever does not wait
		return commit(changes, positions)
	}
	must(t, s.Checkpoint(at(6000)))
	v, err := s.View()
	must(t, err)
	defer v.Close()
	if got := v.Positions().Input; got != 6000 {
		t.Errorf("the view is of %d", got)
	}
}

func TestViewRefuses(t *testing.T) {
	t.Parallel()
	s := mustOpen(t, config(t, t.TempDir(), 1<<20))
	if _, err := s.View(); err == nil || !strings.Contains(err.Error(), "nothing was ever saved there") {
		t.Errorf("of an empty store: %v", err)
	}
	must(t, s.Close()) // which would wait for a view that was forgotten

	s = stocked(t, config(t, t.TempDir(), 1<<20))
	v, err := s.View()
	must(t, err)
	defer v.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := v.Export(ctx, &bytes.Buffer{}); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
	full := errors.New("full")
	if _, err := v.Export(t.Context(), failing{full}); !errors.Is(err, full) {
		t.Errorf("a writer that fails: %v", err)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

// refusals is what happens to a damaged snapshot: it is refused with a sentence, and nothing is left.
func refusals(t testing.TB, b []byte, c RestoreConfig, want string) {
	t.Helper()
	_, err := Restore(t.Context(), c, bytes.NewReader(b))
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %q", err, want)
	}
	if left, _ := os.ReadDir(filepath.Dir(c.Dir)); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestRestoreRefuses(t *testing.T) {
	t.Parallel()
	b, _ := exported(t, stocked(t, config(t, t.TempDir(), 1<<20)))
	frames := framesOf(t, b)
	last := frames[len(frames)-1]
	fresh := func() RestoreConfig { return restoreConfig(filepath.Join(t.TempDir(), "store")) }

	for _, cut := range []int{0, 3, 8, 12, frames[1], frames[1] + 20, last - 8, last, last + 9, len(b) - 1} {
		want := "cut off"
		if cut < len(snapshotMagic) {
			want = "no snapshot"
		}
		refusals(t, b[:cut], fresh(), want)
	}
	refusals(t, append(bytes.Clone(b), 0), fresh(), "makes no sense")
	refusals(t, []byte(strings.Repeat("something else", 100)), fresh(), "no snapshot")

	flipped := bytes.Clone(b)
	flipped[frames[1]+100] ^= 4
	refusals(t, flipped, fresh(), "a checksum does not fit")

	withoutBlock := append(bytes.Clone(b[:frames[1]]), b[frames[2]:]...) // all checksums fit but the last
	refusals(t, withoutBlock, fresh(), "damaged")

	older := bytes.Clone(b) // the header says another time, and has a checksum for it
	header := older[frames[0]+8 : frames[1]]
	header[len(header)-2] ^= 1
	copy(older[frames[0]:], appendFrameHead(nil, header))
	if head, err := ReadSnapshot(bytes.NewReader(older)); err != nil || head == nil {
		t.Fatal(err)
	}
	refusals(t, older, fresh(), "a checksum does not fit")

	newer := append([]byte(snapshotMagic), appendFrameHead(nil, []byte{1 << 3, 4})...)
	refusals(t, append(newer, 1<<3, 4), fresh(), "has format 2, and this program knows format 1")

	for _, g := range []func(*Genesis){
		func(g *Genesis) { g.App = "other" }, func(g *Genesis) { g.Input = "other" }, func(g *Genesis) { g.Output = "other" },
		func(g *Genesis) { g.Shard = 4 }, func(g *Genesis) { g.Shards = 9 },
	} {
		c := fresh()
		g(&c.Genesis)
		refusals(t, b, c, "give the process the configuration that it was made with")
	}
	c := fresh()
	c.Genesis.Shards = 0
	if _, err := Restore(t.Context(), c, bytes.NewReader(b)); err != nil {
		t.Errorf("of any number of shards: %v", err)
	}
}

// TestRestoreRefusesDisorder: with checksums that fit, rows out of order are still an error and not Badger's panic.
func TestRestoreRefusesDisorder(t *testing.T) {
	t.Parallel()
	for name, keys := range map[string][]string{"out of order": {"b", "a", "p"}, "twice": {"a", "a", "p"}, "empty": {"", "p"}, "no positions": {"a"}} {
		var b bytes.Buffer
		e, err := newExport(&b, &Snapshot{})
		must(t, err)
		row := appendPositions(nil, new(at(1)), 0)
		e.frame(appendHeader(nil, e.snapshot, row))
		for _, k := range keys {
			e.row([]byte(k), row)
		}
		e.end()
		must(t, e.err)
		t.Run(name, func(t *testing.T) {
			refusals(t, b.Bytes(), restoreConfig(filepath.Join(t.TempDir(), "store")), "makes no sense")
		})
	}
}

// TestRestoreNeedsRoom: nothing is begun that the disk has no room for.
func TestRestoreNeedsRoom(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	e, err := newExport(&b, &Snapshot{StoreBytes: 1 << 60})
	must(t, err)
	e.frame(appendHeader(nil, e.snapshot, appendPositions(nil, new(at(1)), 0)))
	refusals(t, b.Bytes(), restoreConfig(filepath.Join(t.TempDir(), "store")), "make room")
}

// TestRestoreKeeps: what is in the folder stays until another store is whole, and is not lost then.
func TestRestoreKeeps(t *testing.T) {
	t.Parallel()
	first := stocked(t, config(t, t.TempDir(), 1<<20))
	b, _ := exported(t, first)
	dir := filepath.Join(t.TempDir(), "shard")
	old := mustOpen(t, config(t, dir, 1<<20))
	touch(t, old, "old", 1, 1000, 0)
	must(t, old.Checkpoint(at(3)))
	must(t, old.Wait())

	c := restoreConfig(dir)
	c.Replace = true
	if _, err := Restore(t.Context(), c, bytes.NewReader(b)); err == nil || !strings.Contains(err.Error(), "another process is using it") {
		t.Errorf("over a store in use: %v", err)
	}
	must(t, old.Close())
	c.Replace = false
	if _, err := Restore(t.Context(), c, bytes.NewReader(b)); err == nil || !strings.Contains(err.Error(), "a store is there already") {
		t.Errorf("over a store: %v", err)
	}
	c.Replace = true
	if _, err := Restore(t.Context(), c, bytes.NewReader(b[:len(b)-1])); err == nil || !strings.Contains(err.Error(), "cut off") {
		t.Errorf("cut off: %v", err)
	}
	old = mustOpen(t, config(t, dir, 1<<20))
	if got, _ := old.Positions(); got.Input != 3 {
		t.Errorf("what failed has changed the store: %+v", got)
	}
	must(t, old.Close())

	must(t, os.MkdirAll(dir+".restoring/left/over", 0o750)) // of a process that was killed
	c.Keep = true
	done, err := Restore(t.Context(), c, bytes.NewReader(b))
	must(t, err)
	same(t, mustOpen(t, config(t, dir, 1<<20)), first)
	if _, err := os.Lstat(filepath.Join(dir, "left")); err == nil {
		t.Error("what a killed process left is part of the store")
	}
	aside := mustOpen(t, config(t, done.Aside, 1<<20))
	if got, _ := aside.Positions(); got.Input != 3 || !strings.HasPrefix(done.Aside, dir+".aside-") {
		t.Errorf("set aside in %s: %+v", done.Aside, got)
	}
	must(t, aside.Close())

	dir = done.Aside
	c.Dir, c.Keep = dir, false
	done, err = Restore(t.Context(), c, bytes.NewReader(b))
	must(t, err)
	same(t, mustOpen(t, config(t, dir, 1<<20)), first)
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(dir), "*")); len(left) != 2 || done.Aside != "" {
		t.Errorf("%q was not removed: %v", done.Aside, left)
	}
}

// TestSnapshotDamage: whichever byte is changed, it is noticed.
func TestSnapshotDamage(t *testing.T) {
	t.Parallel()
	b, _ := exported(t, stocked(t, config(t, t.TempDir(), 1<<20)))
	rapid.Check(t, func(t *rapid.T) {
		damaged := bytes.Clone(b)
		damaged[rapid.IntRange(0, len(b)-1).Draw(t, "at")] ^= byte(rapid.IntRange(1, 255).Draw(t, "by"))
		if _, err := Verify(context.Background(), bytes.NewReader(damaged), nil); err == nil {
			t.Fatal("not noticed")
		}
	})
}

// FuzzVerify: whatever the bytes are, they are refused or make sense; checksums are put right first, to get behind them.
func FuzzVerify(f *testing.F) {
	b, _ := exported(f, stocked(f, config(f, f.TempDir(), 1<<20)))
	f.Add(b[:len(b)/8])
	f.Add([]byte(snapshotMagic))
	f.Fuzz(func(t *testing.T, b []byte) {
		b = bytes.Clone(b)
		for i := len(snapshotMagic); i+8 <= len(b); {
			n := int(binary.BigEndian.Uint32(b[i:]))
			if n > len(b)-i-8 {
				break
			}
			binary.BigEndian.PutUint32(b[i+4:], crc32.Checksum(b[i+8:i+8+n], castagnoli))
			i += 8 + n
		}
		if _, err := Verify(t.Context(), bytes.NewReader(b), nil); err != nil && strings.Contains(err.Error(), "\n") {
			t.Errorf("%q is no sentence", err)
		}
	})
}
