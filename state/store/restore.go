package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/pb"
	"github.com/dgraph-io/ristretto/v2/z"
	"github.com/rs/zerolog"
)

// RestoreConfig says where a snapshot is to become a store again.
type RestoreConfig struct {
	Dir      string  // the shard's folder, which is not there or empty
	Replace  bool    // or it holds a store, which is removed when the new one stands
	Keep     bool    // it is not removed but set aside
	Genesis  Genesis // what the store is wanted for; Shards of 0: as many as the snapshot says
	Progress func(done int64)
	Log      zerolog.Logger
}

// Restored is what Restore did.
type Restored struct {
	*Snapshot
	Aside string // the folder to which the store went that was there and is kept, else ""
}

// ErrOccupied says that a store is where one is to be restored to, and RestoreConfig.Replace is not set.
var ErrOccupied = errors.New("a store is there already")

// Verify reads a snapshot to its end and checks all of it. progress, which may be nil, is told how many of its bytes were
// read.
func Verify(ctx context.Context, r io.Reader, progress func(done int64)) (*Snapshot, error) {
	s, err := newSnapshotReader(ctx, r, progress)
	if err != nil {
		return nil, err
	}
	return &s.snapshot, s.rows(func([]byte, []byte) error { return nil }, func() error { return nil })
}

// Restore makes a store from a snapshot. It is written to a folder beside c.Dir and put into its place when it is whole
// and was checked; whatever happens before leaves what was there. Open opens it.
func Restore(ctx context.Context, c RestoreConfig, r io.Reader) (*Restored, error) {
	s, err := newSnapshotReader(ctx, r, c.Progress)
	if err != nil {
		return nil, fmt.Errorf("restore a store to %s: %w", c.Dir, err)
	}
	done, err := c.restore(s)
	if err != nil {
		return nil, fmt.Errorf("restore shard %d to %s: %w", s.snapshot.Shard, c.Dir, advised(err))
	}
	return done, nil
}

func (c *RestoreConfig) restore(s *snapshotReader) (done *Restored, err error) {
	want := c.Genesis
	if want.Shards == 0 {
		want.Shards = s.snapshot.Shards
	}
	if err := want.checkSnapshot(s.snapshot.Genesis); err != nil {
		return nil, err
	}
	there, held, err := c.claim()
	if err != nil {
		return nil, err
	}
	if held != nil {
		defer held.Close()
	}
	building, held, err := c.building()
	if err != nil {
		return nil, err
	}
	defer held.Close()
	if err = roomFor(building, s.snapshot.StoreBytes); err == nil {
		err = build(building, c.Log, s)
	}
	done = &Restored{Snapshot: &s.snapshot}
	if err == nil {
		done.Aside, err = c.swap(building, there)
	}
	if err != nil {
		os.RemoveAll(building) // what is left is removed by the next one
		return nil, err
	}
	return done, nil
}

// checkSnapshot is Check, of a snapshot.
func (g Genesis) checkSnapshot(of Genesis) error {
	g.Format = of.Format // was looked at
	if g == of {
		return nil
	}
	return fmt.Errorf("the snapshot is of shard %d of %d of app %s, from topic %s to topic %s; wanted is shard %d of %d of app %s, from topic %s to topic %s: "+
		"give the process the configuration that it was made with, or name another snapshot",
		of.Shard, of.Shards, of.App, of.Input, of.Output, g.Shard, g.Shards, g.App, g.Input, g.Output)
}

// claim makes sure that nobody uses the folder and that nothing is lost. there says that it holds something.
func (c *RestoreConfig) claim() (there bool, held *os.File, err error) {
	held, err = lock(c.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil, os.MkdirAll(filepath.Dir(c.Dir), 0o750)
	}
	if err != nil {
		return false, nil, err
	}
	files, err := os.ReadDir(c.Dir)
	if err == nil && len(files) > 0 && !c.Replace {
		err = ErrOccupied
	}
	if err != nil {
		held.Close()
		return false, nil, err
	}
	return len(files) > 0, held, nil
}

// building is the folder in which the store is built, empty and locked: what a killed process left there is removed.
func (c *RestoreConfig) building() (dir string, held *os.File, err error) {
	dir = filepath.Clean(c.Dir) + ".restoring"
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return "", nil, err
	}
	if held, err = lock(dir); err != nil {
		return "", nil, err
	}
	files, err := os.ReadDir(dir)
	for _, f := range files {
		err = errors.Join(err, os.RemoveAll(filepath.Join(dir, f.Name())))
	}
	if err != nil {
		held.Close()
		return "", nil, err
	}
	return dir, held, nil
}

// swap puts what was built into its place.
func (c *RestoreConfig) swap(building string, there bool) (aside string, err error) {
	if there {
		if aside, err = SetAside(c.Dir); err != nil {
			return "", err
		}
	}
	if err := os.Rename(building, c.Dir); err != nil {
		if there {
			err = errors.Join(err, os.Rename(aside, c.Dir))
		}
		return "", err
	}
	if err := syncDir(filepath.Dir(c.Dir)); err != nil || c.Keep || !there {
		return aside, err
	}
	return "", os.RemoveAll(aside)
}

// SetAside gives a store's folder another name, and returns it. Nobody may use the store.
func SetAside(dir string) (aside string, err error) {
	dir = filepath.Clean(dir)
	for n := range 1000 { // more than one in a second
		aside = fmt.Sprintf("%s.aside-%s-%d", dir, time.Now().UTC().Format("20060102T150405"), n)
		if _, err = os.Lstat(aside); errors.Is(err, fs.ErrNotExist) {
			return aside, os.Rename(dir, aside)
		}
	}
	return "", fmt.Errorf("set %s aside: no name is free", dir)
}

func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}

// spare is what is left free at least, beside what a restore is about to write.
const spare = 64 << 20

// roomFor refuses to begin what would fill the disk, if the disk can tell: see room.
func roomFor(dir string, bytes int64) error {
	need := uint64(max(0, bytes)) + spare
	if free, _, err := DiskFree(dir); err == nil && free < need {
		return fmt.Errorf("the disk has %d MiB free, and the store takes about %d: %w", free>>20, need>>20, syscall.ENOSPC)
	}
	return nil
}

// build fills an empty folder. Whatever goes wrong in Badger becomes an error.
func build(dir string, log zerolog.Logger, s *snapshotReader) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = errors.New("its files cannot be written")
		}
	}()
	defer faults()()
	db, err := openDatabase(badgerOptions(Config{Dir: dir, Log: log}).WithBaseTableSize(restoredTable))
	if err != nil {
		return err
	}
	w := &restoring{writer: db.NewStreamWriter(), rows: z.NewBuffer(4*blockBytes, "restore")}
	defer w.rows.Release()
	if err = w.writer.Prepare(); err == nil {
		if err = s.rows(w.row, w.flush); err == nil {
			err = w.writer.Flush()
		} else {
			w.writer.Cancel()
		}
	}
	return quiet(errors.Join(err, db.Close()))
}

// restoredTable is Badger's measure for tables; those of the last level, to which a restore writes, are 32 times as long.
// Of tables that are being written there may be 16, which with all else take about 250 MiB of memory.
const restoredTable = 128 << 10

// restoring is a DB that is being filled.
type restoring struct {
	writer *badger.StreamWriter
	rows   *z.Buffer
}

func (w *restoring) row(key, value []byte) error {
	badger.KVToBuffer(&pb.KV{Key: key, Value: value, Version: 1, StreamId: 1}, w.rows)
	return nil
}

func (w *restoring) flush() error {
	err := w.writer.Write(w.rows)
	w.rows.Reset()
	return err
}

// rows calls f with every row, which must be in order, for Badger would panic, and flush after those of a block.
func (s *snapshotReader) rows(f func(key, value []byte) error, flush func() error) error {
	var last []byte
	positions := false
	err := s.blocks(func(rows []byte) error {
		s.snapshot.RowBytes += int64(len(rows))
		for len(rows) > 0 {
			key, value, ok := cutRow(&rows)
			if !ok || bytes.Compare(key, last) <= 0 || len(key) > maxKey {
				return errNonsense
			}
			if bytes.Equal(key, positionsKey) {
				positions = bytes.Equal(value, s.row)
			}
			s.snapshot.Rows++
			last = append(last[:0], key...)
			if err := f(key, value); err != nil {
				return err
			}
		}
		return flush()
	})
	if err == nil && !positions {
		err = errNonsense
	}
	return err
}

// cutRow takes the first row off.
func cutRow(b *[]byte) (key, value []byte, ok bool) {
	for _, part := range []*[]byte{&key, &value} {
		n, used := binary.Uvarint(*b)
		if used <= 0 || n > uint64(len(*b)-used) {
			return nil, nil, false
		}
		end := used + int(n)
		*part, *b = (*b)[used:end:end], (*b)[end:]
	}
	return key, value, true
}
