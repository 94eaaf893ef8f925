package store

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/dgraph-io/badger/v4"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state"
	"github.com/touchfold/touchfold/state/wire"
)

var hazards = flag.Int("hazards", 40, "how many files are damaged in each test of damage")

// past is a store with a history: at each checkpoint all rows were all[input].
type past struct {
	dir string
	all map[events.Offset]string
	end events.Offset
}

// lived is the folder of a store that lived through closes, and died with logs that are in no table yet.
func lived(t *testing.T) past {
	t.Helper()
	p := past{t.TempDir(), map[events.Offset]string{}, 0}
	big := strings.Repeat("a long value, ", 20_000) // over a part
	for life := range 3 {
		s := mustOpen(t, configOf(t, p.dir, "boot 1"))
		for range 4 {
			for range 25 {
				n := int(p.end)
				touch(t, s, events.CustomerID(fmt.Sprint("customer ", n/9)), n, events.Instant(1000+n), events.Instant(5000+n%50)) // other ones than before
				p.end++
			}
			if life < 2 {
				fat(t, s, int(p.end), big)
			}
			p.end++
			must(t, s.Checkpoint(at(p.end)))
			must(t, s.Wait())
			p.all[p.end] = content(t, s)
		}
		crashed := crash(t, s)
		must(t, s.Close())
		if life == 2 {
			p.dir = crashed
		}
	}
	return p
}

func configOf(t testing.TB, dir, boot string) Config {
	c := config(t, dir, 1<<20)
	c.boot = boot
	return c
}

// fat makes a customer long enough to lie in parts.
func fat(t *testing.T, s *Store, n int, text string) {
	c, err := s.Customer("fat")
	must(t, err)
	e := events.Event{Customer: "fat", Type: events.Unknown, Name: text[:100_000+n], ID: fmt.Sprint(n), Time: events.Instant(1000 + n), Content: uint64(n)}
	c.Pass(e.Time, speaker)
	c.Take(&e)
	c.Step(&e, e.Time, speaker)
	s.Changed(c)
}

func content(t testing.TB, s *Store) string {
	all := rows(t, s)
	var b strings.Builder
	for _, id := range slices.Sorted(maps.Keys(all)) {
		fmt.Fprintf(&b, "%s %x\n", id, all[id])
	}
	return b.String()
}

// copyDir copies a folder as it is.
func copyDir(t testing.TB, from string) string {
	to := t.TempDir()
	files, err := os.ReadDir(from)
	must(t, err)
	for _, f := range files {
		must(t, copyFile(filepath.Join(from, f.Name()), filepath.Join(to, f.Name())))
	}
	return to
}

// survive opens a damaged store: an error, ErrDamaged, or what it was at a checkpoint not before the one at least. Badger
// must not end the process.
func (p *past) survive(t *testing.T, what string, c Config, least events.Offset) (opened bool) {
	t.Helper()
	s, err := Open(c)
	if err != nil {
		if !errors.Is(err, ErrDamaged) || errors.Is(err, ErrNewer) {
			t.Errorf("%s: another error: %v", what, err)
		}
		return false
	}
	defer s.Close()
	at, _ := s.Positions()
	all := map[events.CustomerID]string{}
	if err := s.Customers("", func(c *state.Customer) (bool, error) { all[c.ID()] = ""; return true, nil }); err != nil {
		if !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: another error: %v", what, err)
		}
		return false
	}
	got := content(t, s)
	if at.Input < least {
		t.Errorf("%s: it went back to %d, and %d was saved", what, at.Input, least)
	}
	if got != p.all[at.Input] && got != p.all[at.Input+26] { // a checkpoint, or the rows of the next one too
		t.Errorf("%s: it holds at %d what it never was", what, at.Input)
	}
	return true
}

// damageFiles calls f with copies of p of which one file is damaged.
func (p *past) damageFiles(t *testing.T, f func(what, dir string)) {
	random := rand.New(rand.NewPCG(1, uint64(*hazards)))
	files, err := os.ReadDir(p.dir)
	must(t, err)
	for range *hazards {
		name := files[random.IntN(len(files))].Name()
		dir := copyDir(t, p.dir)
		file, err := os.OpenFile(filepath.Join(dir, name), os.O_RDWR, 0)
		must(t, err)
		b, err := io.ReadAll(io.LimitReader(file, 4<<20)) // of a log all but zeros
		must(t, err)
		if len(b) == 0 {
			continue
		}
		what, at := "", random.Int64N(int64(max(1, len(bytes.TrimRight(b, "\x00")))))
		switch random.IntN(6) {
		case 0:
			what = fmt.Sprintf("%s cut to %d bytes", name, at)
			err = file.Truncate(at)
		case 1:
			what = fmt.Sprintf("%s, page at %d zero", name, at)
			_, err = file.WriteAt(make([]byte, min(4096, int64(len(b))-at)), at)
		default:
			what = fmt.Sprintf("%s, byte %d flipped", name, at)
			_, err = file.WriteAt([]byte{b[at] ^ 1<<random.IntN(8)}, at)
		}
		must(t, errors.Join(err, file.Close()))
		f(what, dir)
	}
}

// Whatever happens to one file: as long as the machine runs nothing that was saved goes, or it is an error.
func TestDamagedFiles(t *testing.T) {
	p := lived(t)
	if !p.survive(t, "as it was", configOf(t, copyDir(t, p.dir), "boot 1"), p.end) {
		t.Fatal("what was not damaged does not open")
	}
	p.damageFiles(t, func(what, dir string) {
		if strings.HasPrefix(what, markName) {
			p.survive(t, what, configOf(t, dir, "boot 1"), 0)
		} else {
			p.survive(t, what, configOf(t, dir, "boot 1"), p.end)
		}
	})
}

// After the machine stopped a store may have gone back, but never to what it never was.
func TestDamagedFilesAfterReboot(t *testing.T) {
	p := lived(t)
	p.damageFiles(t, func(what, dir string) { p.survive(t, what, configOf(t, dir, "boot 2"), 0) })
}

// All of a cleanly closed store is there, on any boot.
func TestDamagedFilesAfterClose(t *testing.T) {
	p := lived(t)
	s := mustOpen(t, configOf(t, p.dir, "boot 1"))
	must(t, s.Close())
	p.damageFiles(t, func(what, dir string) {
		if strings.HasPrefix(what, markName) {
			return
		}
		p.survive(t, what, configOf(t, dir, "boot 2"), p.end)
	})
}

// splitLog makes two logs of one, as they are when a full one was not yet written to a table.
func splitLog(t *testing.T, dir string) (first string) {
	t.Helper()
	first = only(t, dir, "*"+walSuffix)
	b, err := os.ReadFile(first)
	must(t, err)
	at, _ := wholeTransactions(b[walHeader : walHeader+len(bytes.TrimRight(b, "\x00"))/2])
	at += walHeader
	must(t, os.WriteFile(filepath.Join(dir, "99999.mem"), append(b[:walHeader:walHeader], b[at:]...), 0o600))
	clear(b[at:])
	must(t, os.WriteFile(first, b, 0o600))
	return first
}

// Of two logs the first must be whole: else what the second one has would stand without what came before it.
func TestDamagedFirstLog(t *testing.T) {
	p := lived(t)
	first := splitLog(t, p.dir)
	if !p.survive(t, "two logs", configOf(t, copyDir(t, p.dir), "boot 2"), p.end) {
		t.Fatal("what was not damaged does not open")
	}
	b, err := os.ReadFile(first)
	must(t, err)
	used := len(bytes.TrimRight(b, "\x00"))
	for n := range 20 {
		broken := bytes.Clone(b)
		broken[walHeader+(used-walHeader)*n/20] ^= 0x10
		must(t, os.WriteFile(first, broken, 0o600))
		if p.survive(t, fmt.Sprint("flip ", n), configOf(t, copyDir(t, p.dir), "boot 2"), p.end) {
			t.Errorf("flip %d was not noticed", n)
		}
	}
}

// A list of tables that was cut off would forget those, and the log would still have what came after them.
func TestManifestCutOff(t *testing.T) {
	p := lived(t)
	whole, err := os.ReadFile(filepath.Join(p.dir, badger.ManifestFilename))
	must(t, err)
	for n := range len(whole) {
		dir := copyDir(t, p.dir)
		must(t, os.WriteFile(filepath.Join(dir, badger.ManifestFilename), whole[:n], 0o600))
		p.survive(t, fmt.Sprint("cut to ", n), configOf(t, dir, "boot 2"), p.end)
	}
}

// An earlier list of tables, or none of a folder that had a store, is noticed.
func TestStoreIsGone(t *testing.T) {
	dir := filled(t)
	for _, pattern := range []string{"MANIFEST", "*.sst", "*.vlog"} {
		names, _ := filepath.Glob(filepath.Join(dir, pattern))
		for _, name := range names {
			must(t, os.Remove(name))
		}
	}
	refused(t, config(t, dir, 1), "MANIFEST is missing")
	must(t, os.RemoveAll(dir))
	s := mustOpen(t, config(t, dir, 1))
	if _, exists := s.Positions(); exists {
		t.Error("a lost folder has positions")
	}
}

// A checkpoint that was noted as saved and is not there is damage, unless the machine stopped.
func TestCheckpointLost(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, configOf(t, dir, "boot 1"))
	touch(t, s, "a", 0, 1000, 0)
	must(t, s.Checkpoint(at(1)))
	must(t, s.Wait())
	early := crash(t, s)
	touch(t, s, "a", 1, 1001, 0)
	must(t, s.Checkpoint(at(2)))
	must(t, s.Wait())
	must(t, copyFile(filepath.Join(dir, markName), filepath.Join(early, markName)))
	for _, x := range []struct {
		boot             string
		opens, mayBeBack bool
	}{{"boot 1", false, false}, {"boot 2", true, true}, {"boot 2", true, false}, {"", true, false}} {
		s, err := Open(configOf(t, early, x.boot))
		if (err == nil) != x.opens || err != nil && !errors.Is(err, ErrDamaged) {
			t.Fatalf("%+v: %v", x, err)
		}
		if err != nil {
			continue
		}
		if s.MayHaveRolledBack() != x.mayBeBack {
			t.Errorf("%+v: says %v", x, s.MayHaveRolledBack())
		}
		must(t, s.Close())
	}
}

// A row that a newer program wrote is not damage.
func TestNewerEvents(t *testing.T) {
	entry := wire.AppendUint(wire.AppendUint(nil, 1, 1000), 2, uint64(len(events.Types())+1))
	block := wire.AppendBytes(nil, 1, entry)
	for id, want := range map[events.CustomerID]error{"tail": ErrNewer, "sealed": ErrNewer, "damaged": ErrDamaged} {
		s := mustOpen(t, config(t, t.TempDir(), 1))
		put(t, s, write{key: customerKey(nil, "tail"), value: appendRow(nil, events.Never, wire.AppendBytes(nil, 5, block), parts{})})
		put(t, s, write{key: customerKey(nil, "sealed"), value: appendRow(nil, events.Never, wire.AppendBytes(wire.AppendUint(nil, 4, 1), 16, []byte{1}), parts{})})
		put(t, s, write{key: blockKey(nil, "sealed", 0, 1), value: packBlock(block)})
		put(t, s, write{key: customerKey(nil, "damaged"), value: appendRow(nil, events.Never, wire.AppendBytes(nil, 5, block[:len(block)-1]), parts{})})
		_, err := s.Customer(id)
		if !errors.Is(err, want) || errors.Is(err, ErrNewer) && errors.Is(err, ErrDamaged) {
			t.Errorf("%s: %v", id, err)
		}
	}
}

// A log may be larger than what another configuration has room for.
func TestSmallerMemory(t *testing.T) {
	c := config(t, t.TempDir(), 1<<20)
	c.DiskBytes = 224 << 20
	s := mustOpen(t, c)
	all := ids(15_000)
	for i, id := range all {
		touch(t, s, id, i, 1000, 5000)
	}
	for n := range 7 {
		for _, id := range all[:9000] {
			c, err := s.Customer(id)
			must(t, err)
			s.Changed(c)
		}
		must(t, s.Checkpoint(at(events.Offset(n))))
	}
	must(t, s.Wait())
	c.Dir = crash(t, s)
	name := only(t, c.Dir, "*"+walSuffix)
	if memory, err := checkLog(name, true); err != nil || memory < 12<<20 { // 8 MiB have 10.4 of room
		t.Fatalf("the log takes %d bytes of memory: %v", memory, err)
	}
	c.DiskBytes = 112 << 20
	if got := len(rows(t, mustOpen(t, c))); got != len(all) {
		t.Errorf("%d customers are there; want %d", got, len(all))
	}
}
