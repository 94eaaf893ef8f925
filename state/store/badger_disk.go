package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/dgraph-io/badger/v4"
)

// badgerDisk is a Badger DB in a folder that is locked.
type badgerDisk struct {
	db    *database
	dir   string
	lock  *os.File
	mark  *markFile
	scrub *scrub

	spares spares
	stuck  atomic.Bool // a commit does not end, and views would wait for it

	rolledBack bool // what was saved last may be missing: the machine stopped without a close
}

// openDisk opens the folder of c, or makes a new one.
func openDisk(c Config) (*badgerDisk, error) {
	if err := os.MkdirAll(c.Dir, 0o750); err != nil {
		return nil, err
	}
	lock, err := lock(c.Dir)
	if err != nil {
		return nil, err
	}
	d := &badgerDisk{dir: c.Dir, lock: lock}
	if err := d.open(c); err != nil {
		if d.db != nil {
			err = errors.Join(err, d.db.Close())
		}
		lock.Close()
		return nil, err
	}
	return d, nil
}

func (d *badgerDisk) open(c Config) error {
	was, marked, err := readMark(c.Dir)
	if err != nil {
		return damaged(err)
	}
	var whole sums
	if d.db, whole, err = openBadger(c, marked, was.List); err != nil {
		return err
	}
	v := d.view()
	defer v.discard()
	row, err := v.get(positionsKey)
	if err != nil && !errors.Is(err, errNoRow) {
		return damaged(err)
	}
	number, boot := checkpointNumber(row), cmp.Or(c.boot, bootID())
	sameBoot := boot != "" && was.Boot == boot
	if number < was.Saved && (was.Clean || sameBoot) {
		return damaged(fmt.Errorf("checkpoint %d was saved, and it is at %d", was.Saved, number))
	}
	d.rolledBack = marked && !was.Clean && !sameBoot && was.Boot != "" && boot != ""
	if d.mark, err = openMark(c.Dir, mark{Boot: boot, Saved: number, Input: was.Input}); err != nil {
		return damaged(err)
	}
	d.scrub = startScrub(c, whole)
	return nil
}

func (d *badgerDisk) close() error {
	d.scrub.stop()
	if d.gone() {
		return d.closeGone()
	}
	defer d.lock.Close()
	err := d.db.Close()
	soon, cancel := context.WithTimeout(context.Background(), scrubFinish)
	defer cancel()
	d.scrub.finish(soon)
	return errors.Join(err, d.mark.close(err == nil))
}

// badgerView is a transaction that reads.
type badgerView struct{ txn *badger.Txn }

func (d *badgerDisk) view() view {
	if d.stuck.Load() {
		return goneView{}
	}
	return badgerView{d.db.NewTransaction(false)}
}

func (v badgerView) discard() { v.txn.Discard() }

func (v badgerView) get(key []byte) (value []byte, err error) {
	defer guard(&err)
	defer faults()()
	item, err := v.txn.Get(key)
	if errors.Is(err, badger.ErrKeyNotFound) {
		return nil, errNoRow
	}
	if err != nil {
		return nil, damaged(quiet(err))
	}
	value, err = item.ValueCopy(nil)
	return value, damaged(quiet(err))
}

func (v badgerView) ascend(prefix, from []byte, f func(key, value []byte) (bool, error)) (err error) {
	reading := true
	defer func() {
		if reading && recover() != nil { // else it is f that panics, if anything does
			err = errUnreadable
		}
	}()
	defer faults()()
	it := v.txn.NewIterator(badger.IteratorOptions{Prefix: prefix})
	defer it.Close()
	for it.Seek(from); it.Valid(); it.Next() {
		more, failed := false, error(nil)
		err := it.Item().Value(func(value []byte) error {
			reading = false
			more, failed = f(it.Item().Key(), value)
			reading = true
			return nil
		})
		if err != nil {
			return damaged(quiet(err))
		}
		if failed != nil || !more {
			return failed
		}
	}
	return nil
}

// commit is over when Badger has the checkpoint; the system writes it to the disk when it likes.
func (d *badgerDisk) commit(writes iter.Seq[write], positions []byte) error {
	// gofail: var commitError string
	// return errors.New(commitError)
	if err := room(d.dir); err != nil {
		return err
	}
	if err := d.scrub.damage(); err != nil && !d.gone() {
		return err
	}
	err := quiet(d.write(writes, positions))
	if err == nil {
		err = d.mark.saved(positions)
	}
	if d.gone() {
		return errGone
	}
	return err
}

// write takes as few transactions as the writes fit into, which become durable in order, and one for the positions.
func (d *badgerDisk) write(writes iter.Seq[write], positions []byte) error {
	b := &batch{disk: d, txn: d.db.NewTransaction(true)}
	defer func() { b.txn.Discard() }()
	for w := range writes {
		if err := b.do(w); err != nil {
			return err
		}
	}
	if err := b.commit(); err != nil {
		return err
	}
	// gofail: var duringCheckpoint struct{}
	if err := b.do(write{key: positionsKey, value: positions}); err != nil {
		return err
	}
	return b.commit()
}

// batch is a sequence of writes in transactions.
type batch struct {
	disk *badgerDisk
	txn  *badger.Txn
}

func (b *batch) do(w write) error {
	err := b.try(w)
	if errors.Is(err, badger.ErrTxnTooBig) {
		if err = b.commit(); err == nil {
			err = b.try(w)
		}
	}
	return err
}

func (b *batch) try(w write) error {
	if w.delete {
		return b.txn.Delete(w.key)
	}
	return b.txn.Set(w.key, w.value)
}

// commit waits until Badger has the transaction. It tries that without end where the folder is gone, and whoever takes a view
// meanwhile waits too, so it gets a folder in which it can end. Where none can be made no view is taken any more.
func (b *batch) commit() error {
	landed := make(chan error, 1)
	b.txn.CommitWith(func(err error) { landed <- err })
	look := time.NewTicker(goneEvery)
	defer look.Stop()
	for {
		select {
		case err := <-landed:
			b.txn = b.disk.db.NewTransaction(true)
			if err == nil && b.disk.spares.any() {
				return errGone
			}
			return err
		case <-look.C:
			if b.disk.gone() && b.disk.makeSpare() != nil {
				b.disk.stuck.Store(true)
				go b.disk.unstick(landed) // it ends at the latest when the store is closed
				return errGone
			}
		}
	}
}

// size leaves out what was written last, up to 16 MiB, which lies beside the tables.
func (d *badgerDisk) size() (bytes int64) {
	files, err := os.ReadDir(d.dir)
	if err != nil {
		return 0
	}
	for _, f := range files {
		if x := filepath.Ext(f.Name()); x != tableSuffix && x != valueSuffix {
			continue
		}
		if info, err := f.Info(); err == nil { // else it was compacted away meanwhile
			bytes += allocated(info) // an open value log is longer than what it takes
		}
	}
	return bytes
}

func (d *badgerDisk) tables() (all []int) {
	for _, l := range d.db.Levels() {
		all = append(all, l.NumTables)
	}
	return all
}
