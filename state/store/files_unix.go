//go:build unix

package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// ErrInUse says that another process, or another store of this one, is open in the folder.
var ErrInUse = errors.New("another process is using it: stop that one first, or name another store.dir")

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
		return nil, ErrInUse
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

// DiskFree is how many bytes of the disk with a folder are free for this process, and how many it has in all.
func DiskFree(dir string) (free, total uint64, err error) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return 0, 0, fmt.Errorf("ask how much of the disk with %s is free: %w", dir, err)
	}
	free = s.Bavail * uint64(s.Bsize)
	return free, free + (s.Blocks-s.Bfree)*uint64(s.Bsize), nil
}

// room makes sure that a checkpoint fits onto the disk, if the disk can tell: where Badger maps what there is no room for
// the process dies.
func room(dir string) error {
	if free, _, err := DiskFree(dir); err == nil && free < spare {
		return fmt.Errorf("the disk has %d MiB free, and %d are needed at least: %w", free>>20, spare>>20, syscall.ENOSPC)
	}
	return nil
}
