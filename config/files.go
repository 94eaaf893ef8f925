package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// Open is os.Open whose error says what to do.
func Open(path string) (*os.File, error) {
	if path == "" {
		return nil, errors.New("no file is named")
	}
	f, err := os.Open(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR):
		where := ""
		if dir, err := os.Getwd(); err == nil && !filepath.IsAbs(path) {
			where = " in " + dir
		}
		err = told{fmt.Sprintf("there is no file %s%s; is the name right?", path, where), err}
	case errors.Is(err, fs.ErrPermission):
		err = told{fmt.Sprintf("%s may not be read by this user (%d); let him read it, or run as another", path, os.Getuid()), err}
	}
	return f, err
}

// told is an error in other words.
type told struct {
	text  string
	cause error
}

func (t told) Error() string { return t.text }
func (t told) Unwrap() error { return t.cause }

// readFile reads a regular file of at most so many bytes: a pipe or a device could be read for ever.
func readFile(path string, most int64) ([]byte, error) {
	f, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if stat, err := f.Stat(); err != nil {
		return nil, err
	} else if !stat.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a file", path)
	}
	text, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(text)) > most {
		err = fmt.Errorf("%s has more than %d bytes", path, most)
	}
	return text, err
}
