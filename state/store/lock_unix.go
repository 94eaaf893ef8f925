//go:build unix

package store

import (
	"errors"
	"os"
	"syscall"
)

// lock takes a folder for this process, until the file is closed. Badger would do the same, but only after this package
// has had to look at its files.
func lock(dir string) (*os.File, error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err == nil {
		return f, nil
	}
	f.Close()
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, errors.New("another process is using it: stop that one first, or name another store.dir")
	}
	return nil, os.NewSyscallError("flock", err)
}
