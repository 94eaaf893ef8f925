package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"

	"github.com/touchfold/touchfold/processor/rehearsal"
)

// outFile is a file that is there when it is whole, and until then as it was. What is no regular file, as a pipe, is
// written to directly.
type outFile struct {
	path  string   // without links; "" if there is nothing to rename
	file  *os.File // nil if nothing is to be written
	close bool     // it is ours
}

// createOut opens a file to write; "" is none.
func createOut(path string) (*outFile, error) {
	if path == "" {
		return &outFile{}, nil
	}
	info, err := os.Stat(path)
	for _, std := range []*os.File{os.Stdout, os.Stderr} { // another file over them would hide what else is written there
		if s, e := std.Stat(); err == nil && e == nil && os.SameFile(info, s) {
			return &outFile{file: std}, nil
		}
	}
	mode := fs.FileMode(0o666)
	if err == nil { // it must be one that we may write to
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil || !info.Mode().IsRegular() {
			return &outFile{file: f, close: true}, err
		}
		f.Close() // nothing was written
		mode = info.Mode().Perm()
	}
	o := &outFile{path: follow(path), close: true}
	o.file, err = os.OpenFile(fmt.Sprintf("%s.%08x.tmp", o.path, rand.Uint32()), os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	return o, err
}

// write calls f with a writer to the file, or to nowhere.
func (o *outFile) write(f func(io.Writer) error) error {
	if o.file == nil {
		return f(io.Discard)
	}
	w := bufio.NewWriterSize(o.file, 256<<10)
	if err := f(w); err != nil {
		return err
	}
	return w.Flush()
}

// keep puts the file, which is whole, into its place.
func (o *outFile) keep() error {
	if !o.close {
		return nil
	}
	o.close = false
	if err := o.file.Close(); err != nil {
		return errors.Join(err, o.remove())
	}
	if o.path == "" {
		return nil
	}
	if err := os.Rename(o.file.Name(), o.path); err != nil {
		return fmt.Errorf("what was to be written is whole in %s, but cannot be put into its place: %w", o.file.Name(), err)
	}
	return nil
}

// drop is for a file that is not kept; after keep it does nothing.
func (o *outFile) drop() {
	if o.close {
		o.close = false
		o.file.Close() // it is not wanted
		o.remove()
	}
}

func (o *outFile) remove() error {
	if o.path == "" {
		return nil
	}
	return os.Remove(o.file.Name())
}

// follow is where a path leads to, although there may be no file yet.
func follow(path string) string {
	for range 40 { // as many links as Linux follows
		to, err := os.Readlink(path)
		if err != nil {
			break
		}
		if !filepath.IsAbs(to) {
			to = filepath.Join(filepath.Dir(path), to)
		}
		path = to
	}
	if dir, err := filepath.EvalSymlinks(filepath.Dir(path)); err == nil {
		path = filepath.Join(dir, filepath.Base(path))
	}
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	return path
}

// same says whether two paths are one file that would be lost if both were used: the same place, or a regular file under
// two names. - is standard input.
func same(a, b string) bool {
	stat := func(path string) (fs.FileInfo, error) {
		if path == "-" {
			return os.Stdin.Stat()
		}
		return os.Stat(path)
	}
	x, errX := stat(a)
	y, errY := stat(b)
	if errX == nil && errY == nil {
		return x.Mode().IsRegular() && os.SameFile(x, y)
	}
	return errX != nil && errY != nil && follow(a) == follow(b)
}

// results are the files that a replay writes.
type results struct{ customers, derived *outFile }

// createResults opens them before the work begins, so that a wrong path costs nothing.
func createResults(customers, derived string) (*results, error) {
	c, err := createOut(customers)
	if err != nil {
		return nil, err
	}
	d, err := createOut(derived)
	if err != nil {
		c.drop()
		return nil, err
	}
	return &results{c, d}, nil
}

func (r *results) drop() {
	r.customers.drop()
	r.derived.drop()
}

// write fills the files, puts them into their places and counts the customers.
func (r *results) write(ctx context.Context, rh *rehearsal.Rehearsal, sum *summary) error {
	err := r.customers.write(func(w io.Writer) (err error) {
		sum.customers, err = rh.WriteCustomers(w, sum.end)
		return err
	})
	if err != nil {
		return err
	}
	if r.derived.file != nil {
		if err := r.derived.write(func(w io.Writer) error { return rh.WriteDerived(ctx, w) }); err != nil {
			return err
		}
	}
	return errors.Join(r.customers.keep(), r.derived.keep())
}
