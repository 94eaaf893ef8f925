//go:build unix

package store

import (
	"errors"
	"io/fs"
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

// allocated is how many bytes a file takes on disk, which may be fewer than it is long.
func allocated(f fs.FileInfo) int64 {
	if s, ok := f.Sys().(*syscall.Stat_t); ok {
		return int64(s.Blocks) * 512
	}
	return f.Size()
}
