package snapshot

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// folder is a Place on a file system, which several machines may share. The folder itself must be there: one that is
// missing may be a disk that is not mounted.
type folder string

// unfinished is how the names of files begin that are being written, and abandoned after how long one is of a process
// that was killed.
const (
	unfinished = ".put-"
	abandoned  = 24 * time.Hour
)

func (f folder) path(name string) string { return filepath.Join(string(f), filepath.FromSlash(name)) }

// there makes sure that the folder is.
func (f folder) there() error {
	info, err := os.Stat(string(f))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("snapshots.place: there is no folder %s: make it, or mount the disk that it is on", string(f))
	case err == nil && !info.IsDir():
		return fmt.Errorf("snapshots.place: %s is not a folder", string(f))
	}
	return err
}

// Put writes a file beside, and gives it its name when it is on disk.
func (f folder) Put(ctx context.Context, name string, r io.Reader) error {
	if err := f.there(); err != nil {
		return err
	}
	to := f.path(name)
	dir := filepath.Dir(to)
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return err
	}
	f.tidy(dir)
	temporary := filepath.Join(dir, fmt.Sprintf("%s%016x", unfinished, rand.Uint64()))
	file, err := os.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o640)
	if err != nil {
		return err
	}
	defer os.Remove(temporary)
	_, err = io.Copy(file, ending{ctx, r})
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return err
	}
	if err := publish(temporary, to); err != nil {
		return err
	}
	return syncDir(dir)
}

// publish gives a file a name that nothing has. A file system without links checks and renames, which two at once could
// both do; but what has the same name holds the same.
func publish(temporary, to string) error {
	err := os.Link(temporary, to)
	if err == nil || errors.Is(err, fs.ErrExist) {
		return exists(err)
	}
	if _, err := os.Lstat(to); err == nil {
		return ErrExists
	}
	return os.Rename(temporary, to)
}

func exists(err error) error {
	if err != nil {
		return ErrExists
	}
	return nil
}

// tidy removes what killed processes left. What cannot be removed is no harm.
func (f folder) tidy(dir string) {
	files, _ := os.ReadDir(dir)
	for _, file := range files {
		if info, err := file.Info(); err == nil && strings.HasPrefix(file.Name(), unfinished) && time.Since(info.ModTime()) > abandoned {
			os.Remove(filepath.Join(dir, file.Name()))
		}
	}
}

func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}

func (f folder) List(ctx context.Context, under string) (all []Object, err error) {
	if err := f.there(); err != nil {
		return nil, err
	}
	err = filepath.WalkDir(f.path(under), func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return ctx.Err() // deleted meanwhile, or nothing was put yet
		}
		if err != nil || entry.IsDir() || strings.HasPrefix(entry.Name(), unfinished) {
			return errors.Join(err, ctx.Err())
		}
		info, err := entry.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		name, err := filepath.Rel(string(f), path)
		all = append(all, Object{filepath.ToSlash(name), info.Size(), info.ModTime().UTC()})
		return err
	})
	return all, err
}

func (f folder) Open(ctx context.Context, name string) (io.ReadCloser, error) {
	file, err := os.Open(f.path(name))
	if err != nil {
		return nil, err
	}
	return struct {
		io.Reader
		io.Closer
	}{ending{ctx, file}, file}, nil
}

func (f folder) Delete(_ context.Context, name string) error {
	if err := os.Remove(f.path(name)); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// ending is a reader that ends with a context.
type ending struct {
	ctx context.Context
	r   io.Reader
}

func (e ending) Read(b []byte) (int, error) {
	if err := e.ctx.Err(); err != nil {
		return 0, err
	}
	return e.r.Read(b)
}
