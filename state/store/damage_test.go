package store

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/dgraph-io/badger/v4"
	"github.com/rs/zerolog"

	"github.com/touchfold/touchfold/events"
)

// filled is the folder of a closed store with three customers, each with sealed blocks.
func filled(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	s := mustOpen(t, config(t, dir, 1<<20))
	for n := range 200 {
		touch(t, s, events.CustomerID(fmt.Sprint("customer ", n%3)), n, events.Instant(1000+n), 5000)
	}
	must(t, s.Checkpoint(at(200)))
	must(t, s.Close())
	return dir
}

// refused opens a store that cannot be opened; the error must tell all of want.
func refused(t *testing.T, c Config, want ...string) error {
	t.Helper()
	s, err := Open(c)
	if err == nil {
		s.Close()
		t.Fatalf("opened; want an error with %q", want)
	}
	for _, w := range append(want, "open the store of shard 3 in "+c.Dir) {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("the error lacks %q: %v", w, err)
		}
	}
	return err
}

func damagedSays(t *testing.T, c Config, want string) {
	t.Helper()
	if err := refused(t, c, want); !errors.Is(err, ErrDamaged) {
		t.Errorf("it is no damage: %v", err)
	}
}

func only(t *testing.T, dir, pattern string) string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil || len(names) != 1 {
		t.Fatalf("%d files are %s", len(names), pattern)
	}
	return names[0]
}

func TestTableCutOff(t *testing.T) {
	dir := filled(t)
	name := only(t, dir, "*.sst")
	whole, err := os.ReadFile(name)
	must(t, err)
	for n := 0; n < len(whole); n += 1 + n/15 {
		must(t, os.WriteFile(name, whole[:n], 0o600))
		damagedSays(t, config(t, dir, 1<<20), "check 000001.sst")
	}
	must(t, os.WriteFile(name, whole, 0o600))
	mustOpen(t, config(t, dir, 1<<20))
}

func TestTableFlipped(t *testing.T) {
	dir := filled(t)
	name := only(t, dir, "*.sst")
	whole, err := os.ReadFile(name)
	must(t, err)
	for i := 0; i < len(whole); i += 1 + len(whole)/97 {
		broken := bytes.Clone(whole)
		broken[i] ^= 0x10
		must(t, os.WriteFile(name, broken, 0o600))
		damagedSays(t, config(t, dir, 1<<20), "check 000001.sst")
	}
}

func TestManifestMissing(t *testing.T) {
	dir := filled(t)
	must(t, os.Remove(filepath.Join(dir, badger.ManifestFilename)))
	damagedSays(t, config(t, dir, 1<<20), "MANIFEST is missing")
	_, err := OpenReadOnly(config(t, dir, 1<<20))
	if !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "MANIFEST is missing; it is a cache of the topics: touchfold run sets it aside") {
		t.Errorf("opened to look at, without MANIFEST: %v", err)
	}
}

func TestManifestDamaged(t *testing.T) {
	dir := filled(t)
	must(t, os.WriteFile(filepath.Join(dir, badger.ManifestFilename), []byte("nonsense"), 0o600))
	damagedSays(t, config(t, dir, 1<<20), "MANIFEST")
}

func TestEmptyFilesOfAKilledProcess(t *testing.T) {
	dir := filled(t)
	for _, name := range []string{"00007.mem", "000007.vlog"} {
		must(t, os.WriteFile(filepath.Join(dir, name), nil, 0o600))
	}
	s := mustOpen(t, config(t, dir, 1<<20))
	if len(rows(t, s)) != 3 {
		t.Error("customers are missing")
	}
}

func TestInUse(t *testing.T) {
	dir := filled(t)
	s := mustOpen(t, config(t, dir, 1<<20))
	refused(t, config(t, dir, 1<<20), "another process is using it")
	if _, err := OpenReadOnly(config(t, dir, 1<<20)); err == nil || !strings.Contains(err.Error(), "another process is using it") {
		t.Errorf("opened to look at while in use: %v", err)
	}
	must(t, s.Close())
	mustOpen(t, config(t, dir, 1<<20))
}

func TestOpenReadOnly(t *testing.T) {
	strange := t.TempDir()
	must(t, os.WriteFile(filepath.Join(strange, "file"), nil, 0o600))
	for _, dir := range []string{t.TempDir(), strange, filepath.Join(strange, "none"), filepath.Join(strange, "file")} {
		if _, err := OpenReadOnly(config(t, dir, 1)); !errors.Is(err, ErrNone) || !strings.Contains(err.Error(), "is this the store.dir that run uses?") {
			t.Errorf("opened a store that is not there: %v", err)
		}
	}
	s, err := OpenReadOnly(config(t, filled(t), 1))
	must(t, err)
	if len(rows(t, s)) != 3 {
		t.Error("customers are missing")
	}
	if s.Checkpoint(at(201)) == nil {
		t.Error("took a checkpoint")
	}
	must(t, s.Close())
}

func TestAnotherStore(t *testing.T) {
	dir := filled(t)
	c := config(t, dir, 1)
	c.Shard = 4
	if _, err := Open(c); err == nil || !strings.Contains(err.Error(), "the store of shard 3") {
		t.Errorf("opened as another shard's: %v", err)
	}
	p := at(200)
	for _, format := range []int{Format - 1, Format + 1} {
		other := filled(t)
		s := mustOpen(t, config(t, other, 1))
		p.Format = format
		must(t, s.Checkpoint(p))
		must(t, s.Close())
		refused(t, config(t, other, 1), fmt.Sprint("it has format ", format))
	}

	wanted := p.Genesis
	for _, change := range []func(*Genesis){
		func(g *Genesis) { g.Format++ }, func(g *Genesis) { g.App = "x" }, func(g *Genesis) { g.Input = "x" },
		func(g *Genesis) { g.Output = "x" }, func(g *Genesis) { g.Shard++ }, func(g *Genesis) { g.Shards++ },
	} {
		stored := wanted
		change(&stored)
		if wanted.Check(stored) == nil {
			t.Errorf("%+v passes for %+v", stored, wanted)
		}
	}
	must(t, wanted.Check(wanted))
}

// No error and no line of the log shows what Badger was to store.
func TestNothingIsTold(t *testing.T) {
	var log bytes.Buffer
	c := config(t, t.TempDir(), 1<<20)
	c.Log = zerolog.New(&log)
	s := mustOpen(t, c)
	secret := strings.Repeat("secret", 20_000)
	touch(t, s, events.CustomerID(secret), 0, 1000, 0)
	must(t, s.Checkpoint(at(1)))
	err := s.Wait()
	if err == nil || strings.Contains(err.Error(), "secret") || len(err.Error()) > 500 {
		t.Errorf("an id too long for a key: %.600v", err)
	}
	txn := s.disk.(*badgerDisk).db.NewTransaction(true)
	err = quiet(txn.Set([]byte(secret), nil))
	txn.Discard()
	if err == nil || strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), "73 65 63") {
		t.Errorf("a key too long: %.600v", err)
	}
	if s.Close() == nil {
		t.Error("Close does not tell of the failed commit")
	}
	if _, exists := mustOpen(t, c).Positions(); exists {
		t.Error("the positions are there, and not what they stand for")
	}
	badgerLog{c.Log}.Errorf("while writing %q: %v", []byte("secret"), fmt.Errorf("secret: %w", syscall.ENOSPC))
	if got := log.String(); strings.Contains(got, "secret") || !strings.Contains(got, "no space left") {
		t.Errorf("the log has: %s", got)
	}
}

// Whatever stands in a row, reading it gives a customer or an error that tells what to do.
func TestDamagedRow(t *testing.T) {
	dir := t.TempDir()
	c := config(t, dir, 1) // nothing is kept
	c.Table = featureTable(t)
	s := mustOpen(t, c)
	fullCustomer(t, s)
	must(t, s.Checkpoint(at(1)))
	must(t, s.Wait())
	for _, key := range [][]byte{customerKey(nil, fullID), blockKey(nil, fullID, 0, 1)} {
		whole, err := s.disk.view().get(key)
		must(t, err)
		put := func(row []byte) {
			put(t, s, write{key: key, value: row})
			e, err := s.read(fullID)
			if err != nil && (!errors.Is(err, ErrDamaged) && !errors.Is(err, ErrNewer) || !strings.Contains(err.Error(), "read a customer from the store of shard 3")) {
				t.Errorf("another error: %v", err)
			}
			if err == nil && e.customer == nil {
				t.Error("neither customer nor error")
			}
		}
		for i := range whole {
			put(whole[:i])
			for _, bit := range []byte{0x01, 0x08, 0x80} {
				row := bytes.Clone(whole)
				row[i] ^= bit
				put(row)
			}
		}
		put(whole)
	}
}

// removeAll removes a folder in which files come meanwhile.
func removeAll(dir string) (err error) {
	for range 1000 {
		if err = os.RemoveAll(dir); err == nil {
			return nil
		}
	}
	return err
}

// strangeFolder puts one in the place of another that has so many empty tables, of the next names of that: Badger tries one
// after the other, a second each.
func strangeFolder(dir string, tables int) error {
	err := os.Mkdir(dir+".new", 0o750)
	for i := range tables {
		err = errors.Join(err, os.WriteFile(filepath.Join(dir+".new", fmt.Sprintf("%06d%s", i+1, tableSuffix)), nil, 0o600))
	}
	return errors.Join(err, os.Rename(dir, dir+".moved"), os.Rename(dir+".new", dir))
}

// A store whose folder goes while it is open says so at the next checkpoint, and closes, whatever it has not written yet;
// nothing of it comes into what is there then.
func TestFolderGone(t *testing.T) {
	for name, c := range map[string]struct {
		take   func(dir string) error // away
		closes bool
		left   string // of the folder: what stands beside it
	}{
		"removed":             {removeAll, true, ""},
		"removed with parent": {func(dir string) error { return removeAll(filepath.Dir(dir)) }, true, ""},
		"its copy in its place": {func(dir string) error {
			return errors.Join(os.Rename(dir, dir+".moved"), os.CopyFS(dir+".new", os.DirFS(dir+".moved")), os.Rename(dir+".new", dir))
		}, true, "shard.damaged-*"},
		"another in its place": {func(dir string) error { return strangeFolder(dir, 1000) }, true, "shard.damaged-*"},
		"a file in its parent's place": {func(dir string) error {
			return errors.Join(removeAll(filepath.Dir(dir)), os.WriteFile(filepath.Dir(dir), nil, 0o600))
		}, false, ""},
	} {
		for _, when := range []string{"between checkpoints", "in one"} {
			t.Run(name+" "+when, func(t *testing.T) {
				t.Parallel()
				conf := config(t, filepath.Join(t.TempDir(), "stores", "shard"), 1<<20)
				s := mustOpen(t, conf)
				touch(t, s, "a", 0, 1000, 0)
				must(t, s.Checkpoint(at(1)))
				must(t, s.Wait())
				gone := make(chan error, 1)
				if when == "between checkpoints" {
					gone <- c.take(conf.Dir)
					touch(t, s, "b", 1, 1000, 0)
					must(t, s.Checkpoint(at(2)))
				} else { // with more than Badger keeps in memory
					read := make(chan error, 1)
					err := s.disk.commit(func(yield func(write) bool) {
						for i := range 200_000 {
							if i == 20_000 {
								gone <- c.take(conf.Dir)
								if c.closes { // who reads meanwhile waits until the commit has ended
									go func() { _, err := s.disk.view().get(positionsKey); read <- err }()
								}
							}
							if !yield(write{key: fmt.Append(nil, "k", i), value: make([]byte, 1000)}) {
								return
							}
						}
					}, nil)
					if !c.closes {
						_, err := s.disk.view().get(positionsKey)
						read <- err
					}
					if err := <-read; err != nil && !errors.Is(err, ErrDamaged) {
						t.Errorf("reading meanwhile: %v", err)
					}
					s.land(err)
				}
				must(t, <-gone)
				if err := s.Wait(); !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "its folder was removed") {
					t.Errorf("the checkpoint: %v", err)
				}
				err := s.Close()
				if errors.Is(err, ErrUnclosed) == c.closes {
					t.Errorf("Close: %v", err)
				}
				if !c.closes {
					must(t, os.Remove(filepath.Dir(conf.Dir)))
					if err := s.Close(); errors.Is(err, ErrUnclosed) {
						t.Errorf("Close with room for a folder: %v", err)
					}
				}
				if c.left != "" {
					if aside, _ := filepath.Glob(filepath.Join(filepath.Dir(conf.Dir), c.left)); len(aside) != 1 {
						t.Errorf("set aside: %q", aside)
					}
				}
				if _, exists := mustOpen(t, conf).Positions(); exists {
					t.Error("something is left in the folder")
				}
			})
		}
	}
}
