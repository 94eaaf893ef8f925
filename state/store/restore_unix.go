//go:build unix

package store

import (
	"fmt"
	"syscall"
)

// spare is what a restore leaves free beside what the store takes.
const spare = 64 << 20

// checkSpace refuses to begin what would fill the disk: a full one ends the process, for Badger maps its files.
func checkSpace(dir string, bytes int64) error {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return fmt.Errorf("ask how much of the disk is free: %w", err)
	}
	if free := int64(s.Bavail) * int64(s.Bsize); free < bytes+spare {
		return fmt.Errorf("the disk has %d MiB free, and the store takes about %d: make room first", free>>20, (bytes+spare)>>20)
	}
	return nil
}
