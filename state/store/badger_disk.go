package store

import (
	"errors"
	"iter"
	"os"
	"path/filepath"

	"github.com/dgraph-io/badger/v4"
)

// badgerDisk is a Badger DB in a folder that is locked.
type badgerDisk struct {
	db   *badger.DB
	dir  string
	lock *os.File
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
	db, err := openBadger(c)
	if err != nil {
		lock.Close()
		return nil, err
	}
	return &badgerDisk{db, c.Dir, lock}, nil
}

func (d *badgerDisk) close() error {
	defer d.lock.Close()
	return quiet(d.db.Close())
}

// badgerView is a transaction that reads.
type badgerView struct{ txn *badger.Txn }

func (d *badgerDisk) view() view { return badgerView{d.db.NewTransaction(false)} }

func (v badgerView) discard() { v.txn.Discard() }

func (v badgerView) get(key []byte) ([]byte, error) {
	item, err := v.txn.Get(key)
	if errors.Is(err, badger.ErrKeyNotFound) {
		return nil, errNoRow
	}
	if err != nil {
		return nil, quiet(err)
	}
	value, err := item.ValueCopy(nil)
	return value, quiet(err)
}

func (v badgerView) ascend(prefix, from []byte, f func(key, value []byte) (bool, error)) error {
	it := v.txn.NewIterator(badger.IteratorOptions{Prefix: prefix})
	defer it.Close()
	for it.Seek(from); it.Valid(); it.Next() {
		more, failed := false, error(nil)
		err := it.Item().Value(func(value []byte) error {
			more, failed = f(it.Item().Key(), value)
			return nil
		})
		if err != nil {
			return quiet(err)
		}
		if failed != nil || !more {
			return failed
		}
	}
	return nil
}

// commit takes as few transactions as the writes fit into, which become durable in order, and one for the positions.
func (d *badgerDisk) commit(writes iter.Seq[write], positions []byte) error {
	// gofail: var commitError string
	// return errors.New(commitError)
	b := &batch{db: d.db, txn: d.db.NewTransaction(true)}
	defer func() { b.txn.Discard() }()
	for w := range writes {
		if err := b.do(w); err != nil {
			return quiet(err)
		}
	}
	if err := b.commit(); err != nil {
		return quiet(err)
	}
	// gofail: var duringCheckpoint struct{}
	if err := b.do(write{key: positionsKey, value: positions}); err != nil {
		return quiet(err)
	}
	return quiet(b.commit())
}

// batch is a sequence of writes in transactions.
type batch struct {
	db  *badger.DB
	txn *badger.Txn
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

func (b *batch) commit() error {
	err := b.txn.Commit()
	b.txn = b.db.NewTransaction(true)
	return err
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
