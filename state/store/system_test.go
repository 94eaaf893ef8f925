package store

import (
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

func TestSetDamagedAside(t *testing.T) {
	root := t.TempDir()
	dir := filepath.Join(root, "shard-[0]*?")
	if moved, err := SetDamagedAside(dir); err != nil || moved != "" {
		t.Errorf("set aside what is not there: %q, %v", moved, err)
	}
	other := dir + "0.damaged-x"
	must(t, os.Mkdir(other, 0o700))
	var moved []string
	for range 4 {
		s, err := Open(config(t, dir, 1))
		must(t, err)
		if _, err := SetDamagedAside(dir); err == nil {
			t.Fatal("set aside a store in use")
		}
		must(t, s.Close())
		to, err := SetDamagedAside(dir + "/")
		must(t, err)
		if !strings.HasPrefix(to, dir+".damaged-") {
			t.Fatalf("moved to %s", to)
		}
		moved = append(moved, to)
	}
	var left []string
	files, err := os.ReadDir(root)
	must(t, err)
	for _, f := range files {
		left = append(left, filepath.Join(root, f.Name()))
	}
	if want := append([]string{}, moved[2], moved[3], other); !slices.Equal(left, slices.Sorted(slices.Values(want))) {
		t.Errorf("left are %q; want %q", left, want)
	}
}

// What the system lacks is not the store's fault.
func TestTooManyOpenFiles(t *testing.T) {
	dir := filled(t)
	var was syscall.Rlimit
	must(t, syscall.Getrlimit(syscall.RLIMIT_NOFILE, &was))
	opened := false
	for n := 0; n < 60 && !opened; n++ {
		open, err := os.ReadDir("/proc/self/fd") // every time, for Badger leaves some open
		if err != nil {
			t.Skip("cannot count open files")
		}
		must(t, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: uint64(len(open) - 1 + n), Max: was.Max}))
		s, err := Open(config(t, dir, 1))
		must(t, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &was))
		if opened = err == nil; opened {
			must(t, s.Close())
		} else if errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "ulimit") {
			t.Errorf("with %d more files: %v", n, err)
		}
	}
	if !opened {
		t.Error("does not open with 60 more files")
	}
}

// brokenDisk is a disk that fails.
type brokenDisk struct {
	disk
	err error
}

func (d brokenDisk) commit(iter.Seq[write], []byte) error { return fmt.Errorf("write: %w", d.err) }

func TestCommitFails(t *testing.T) {
	for err, want := range map[error]string{syscall.ENOSPC: "make room", syscall.EIO: "replace it", errors.New("pwrite x: input/output error"): "replace it",
		errors.New("something else"): "something else"} {
		s := mustOpen(t, config(t, t.TempDir(), 1))
		s.disk = brokenDisk{s.disk, err}
		touch(t, s, "a", 0, 1000, 0)
		must(t, s.Checkpoint(at(1)))
		if got := s.Wait(); !errors.Is(got, err) || errors.Is(got, ErrDamaged) || !strings.Contains(got.Error(), want) {
			t.Errorf("of %v became %v", err, got)
		}
		if s.Checkpoint(at(2)) == nil {
			t.Error("goes on after a commit that failed")
		}
	}
}
