package store

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state"
)

// hoard is a feature whose state is as long as the last event's Order.Value says, and no two are alike.
type hoard struct{ bytes []byte }

func hoardTable(t testing.TB) *state.Table {
	t.Helper()
	table, err := state.NewTable(&state.Spec[hoard]{Name: "hoard", Version: 1, Doc: "takes room",
		Fold: func(s *hoard, e *events.Event) {
			s.bytes = make([]byte, e.Order.Value)
			_, _ = rand.NewChaCha8(sha256.Sum256([]byte(e.ID))).Read(s.bytes)
		},
		Append: func(b []byte, s *hoard) []byte { return append(b, s.bytes...) },
		Parse:  func(b []byte, s *hoard) error { s.bytes = slices.Clone(b); return nil }})
	must(t, err)
	return table
}

func hoardConfig(t testing.TB, dir string, cacheBytes int64) Config {
	c := config(t, dir, cacheBytes)
	c.Table = hoardTable(t)
	return c
}

// grow gives a customer a state of that many bytes.
func grow(t testing.TB, s *Store, id events.CustomerID, n, bytes int) {
	t.Helper()
	touch(t, s, id, n, events.Instant(1000+n), events.Instant(bytes))
	must(t, s.Checkpoint(at(events.Offset(n+1))))
	must(t, s.Wait())
}

// digest is rows, for rows that are too long to be shown.
func digest(t testing.TB, s *Store) string {
	t.Helper()
	all := map[events.CustomerID]string{}
	for id, row := range rows(t, s) {
		all[id] = fmt.Sprintf("%d bytes, %x", len(row), sha256.Sum256([]byte(row)))
	}
	return fmt.Sprint(all)
}

// keys is how many keys of a kind there are.
func keys(t testing.TB, s *Store, kind byte) (n int) {
	t.Helper()
	must(t, s.disk.view().ascend([]byte{kind}, nil, func(_, _ []byte) (bool, error) {
		n++
		return true, nil
	}))
	return n
}

// A row may be larger than anything that Badger takes as one value.
func TestGiant(t *testing.T) {
	t.Parallel()
	const bytes = 100 << 20
	dir := t.TempDir()
	s := mustOpen(t, hoardConfig(t, dir, 1<<30)) // they stay in memory, for comparison
	grow(t, s, "before", 0, 10)
	grow(t, s, "giant", 1, bytes)
	grow(t, s, "giant\x00\x00\x00\x00\x00", 2, 10) // whose key is like that of a part
	want := digest(t, s)
	must(t, s.Close())
	s = mustOpen(t, hoardConfig(t, dir, 1))
	if got := digest(t, s); got != want {
		t.Errorf("opened again there are %s; want %s", got, want)
	}
	if keys(t, s, kindPart) < bytes/partSize {
		t.Error("it does not lie in parts")
	}
	if got := s.Size(); got < bytes {
		t.Errorf("a size of %d", got)
	}
}

// put sets or deletes one row of a store on disk.
func put(t testing.TB, s *Store, w write) {
	t.Helper()
	d := s.disk.(*badgerDisk)
	b := &batch{disk: d, txn: d.db.NewTransaction(true)}
	defer func() { b.txn.Discard() }()
	must(t, errors.Join(b.do(w), b.commit()))
}

// cutMemory is a disk that remembers what it was before each write.
type cutMemory struct {
	*memoryDisk
	cuts *[]*node
}

func (d cutMemory) commit(writes iter.Seq[write], positions []byte) error {
	return d.memoryDisk.commit(func(yield func(write) bool) {
		for w := range writes {
			*d.cuts = append(*d.cuts, d.now)
			if !yield(w) {
				return
			}
		}
		*d.cuts = append(*d.cuts, d.now) // before the positions
	}, positions)
}

// Cut anywhere, a checkpoint leaves each customer as he was or as he is to be.
func TestPartsAreCut(t *testing.T) {
	t.Parallel()
	const size, old = 1 << 10, 5 // lengths of a part, and of the old row in parts
	for name, length := range map[string]int{"as long": old * size, "longer": 8 * size, "shorter": 2 * size, "short": 100} {
		t.Run(name, func(t *testing.T) {
			on := func(m *Memory) *Store {
				s, err := OpenOn(m, hoardConfig(t, "", 1))
				must(t, err)
				s.partSize = size
				return s
			}
			s := on(NewMemory())
			grow(t, s, "giant", 0, 3*size)
			grow(t, s, "giant", 1, old*size)
			was := digest(t, s)
			var cuts []*node
			s.disk = cutMemory{s.disk.(*memoryDisk), &cuts}
			grow(t, s, "giant", 2, length)
			now := digest(t, s)
			found := map[string]int{}
			for i, cut := range cuts {
				m := NewMemory()
				m.now = cut
				s := on(m)
				got := digest(t, s)
				if found[got]++; got != was && (got != now || found[was] == 0) {
					t.Fatalf("cut before write %d it holds %s; was %s, is to be %s", i, got, was, now)
				}
				grow(t, s, "giant", 2, length)
				if got := digest(t, s); got != now {
					t.Errorf("cut before write %d and gone on it holds %s; want %s", i, got, now)
				}
				must(t, s.Close())
			}
			if found[was] == 0 || found[now] == 0 {
				t.Errorf("of %d cuts %d are old and %d new", len(cuts), found[was], found[now])
			}
			want := 0
			if e, err := s.read("giant"); err != nil || e.row > size {
				want = (e.row + size - 1) / size
			}
			if got := keys(t, s, kindPart); got != want {
				t.Errorf("%d parts; want %d", got, want)
			}
		})
	}
}

// A part that is not of its row is noticed.
func TestPartsOfAnotherRow(t *testing.T) {
	s := mustOpen(t, hoardConfig(t, t.TempDir(), 1))
	s.partSize = 1 << 10
	grow(t, s, "giant", 0, 5000)
	key := partKey(nil, "giant", 0, 2)
	whole, err := s.disk.view().get(key)
	must(t, err)
	for _, damaged := range [][]byte{whole[1:], append([]byte{whole[0] ^ 1}, whole[1:]...), nil} {
		put(t, s, write{key: key, value: damaged, delete: damaged == nil})
		if _, err := s.read("giant"); !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "part") {
			t.Errorf("read from damaged parts: %v", err)
		}
	}
}

// What was replaced does not stay on disk for ever.
func TestReplacedRowsGo(t *testing.T) {
	t.Parallel()
	const bytes, times = 1_100_000, 150
	dir := t.TempDir()
	s := mustOpen(t, hoardConfig(t, dir, 1<<30))
	for n := range times {
		grow(t, s, "giant", n, bytes)
	}
	size := s.Size()
	must(t, s.Close())
	var all, values int64
	must(t, filepath.WalkDir(dir, func(name string, f fs.DirEntry, err error) error {
		if err != nil || f.IsDir() {
			return err
		}
		info, err := f.Info()
		if all += info.Size(); filepath.Ext(name) == valueSuffix {
			values += info.Size()
		}
		return err
	}))
	t.Logf("after %d MB were written, %d MB on disk, of these %d bytes in value logs; the size was %d MB", times*bytes>>20, all>>20, values, size>>20)
	if all > 80<<20 || values > 1<<10 || size > 110<<20 {
		t.Error("that is too much")
	}
}
