package store

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"time"
)

// What is open survives its folder: files that were removed are read and written on, and nobody is told. So a checkpoint
// looks whether the folder is still there.

// goneEvery is how often a commit that has not ended looks whether the folder is still there.
const goneEvery = time.Second

var errGone = damage{errors.New("its folder was removed, or another one is in its place")}

// ErrUnclosed is, by errors.Is, the error of a Close that has to be called again.
var ErrUnclosed = errors.New("the store cannot be closed")

// gone: the folder that is locked is no longer the one of that name.
func (d *badgerDisk) gone() bool {
	was, err := d.lock.Stat()
	if err != nil {
		return false
	}
	now, err := os.Stat(d.dir)
	return err != nil && noFolder(err) || err == nil && !os.SameFile(was, now)
}

// goneView is a view of what cannot be read any more.
type goneView struct{}

func (goneView) get([]byte) ([]byte, error)                                        { return nil, errGone }
func (goneView) ascend(_, _ []byte, _ func(key, value []byte) (bool, error)) error { return errGone }
func (goneView) discard()                                                          {}

// spares is the folder that was made in the place of one that is gone.
type spares struct {
	mu   sync.Mutex
	made os.FileInfo // nil: none was
	over bool        // none is to be made any more
}

func (s *spares) any() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.made != nil
}

// makeSpare has an empty folder in the place of the one that is gone. What is in that place is set aside.
func (d *badgerDisk) makeSpare() error {
	s := &d.spares
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		return nil
	}
	if now, err := os.Stat(d.dir); err == nil && s.made != nil && os.SameFile(s.made, now) {
		return nil
	}
	_, err := SetDamagedAside(d.dir)
	if err == nil {
		err = os.MkdirAll(d.dir, 0o750)
	}
	if err == nil {
		s.made, err = os.Stat(d.dir)
	}
	return err
}

// unstick goes on trying to make a spare folder until the commit has landed that could not end without: who had begun to
// take a view before waits for that.
func (d *badgerDisk) unstick(landed <-chan error) {
	again := time.NewTicker(goneEvery)
	defer again.Stop()
	for {
		select {
		case <-landed:
			return
		case <-again.C:
			_ = d.makeSpare() // else the next time
		}
	}
}

// closeGone closes a DB of which the folder is gone. Badger tries for ever to write down what it holds, even into the folder
// of another store, so it gets a folder for that, of which nothing is left.
func (d *badgerDisk) closeGone() error {
	if err := d.makeSpare(); err != nil {
		return fmt.Errorf("%w, whose folder is gone, because another one cannot be made: %w", ErrUnclosed, advised(err))
	}
	defer d.lock.Close()
	d.db.Close() // there is nothing that it could have lost
	d.spares.mu.Lock()
	defer d.spares.mu.Unlock()
	d.spares.over = true
	return errors.Join(d.mark.File.Close(), os.RemoveAll(d.dir))
}
