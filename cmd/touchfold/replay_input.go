package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"

	"github.com/touchfold/touchfold/config"
	"github.com/touchfold/touchfold/processor/rehearsal"
)

// lines reads files, plain or gzip, line by line, one after the other.
type lines struct {
	files []*os.File
	size  int64        // of all files in bytes as they lie on disk, 0 if one of them is none
	read  atomic.Int64 // of it
	at    int          // the file being read
	line  int          // of it, from 1 on
	in    *bufio.Reader
}

// openLines opens all of them, so that a wrong name is told before the work begins.
func openLines(names []string) (*lines, error) {
	l := &lines{}
	all := true
	for _, name := range names {
		f := os.Stdin
		if name != "-" {
			var err error
			if f, err = config.Open(name); err != nil {
				l.close()
				return nil, err
			}
		}
		l.files = append(l.files, f)
		info, err := f.Stat()
		if err == nil && info.IsDir() {
			l.close()
			return nil, fmt.Errorf("%s is a folder; name the files in it", name)
		}
		if err != nil || !info.Mode().IsRegular() {
			all = false
			continue
		}
		l.size += info.Size()
	}
	if !all {
		l.size = 0
	}
	return l, nil
}

func (l *lines) close() {
	for _, f := range l.files {
		f.Close() // read only
	}
}

// Read counts what is read of the file.
func (l *lines) Read(b []byte) (int, error) {
	n, err := l.files[l.at].Read(b)
	l.read.Add(int64(n))
	return n, err
}

// fraction is how much of the files was read; ok is false if that cannot be known.
func (l *lines) fraction() (part float64, ok bool) {
	return float64(l.read.Load()) / float64(max(1, l.size)), l.size > 0
}

// place is where the last line stood.
func (l *lines) place() string { return fmt.Sprintf("%s, line %d", l.files[l.at].Name(), l.line) }

// next is the next line that is not empty, without its end, in memory of its own. The error is io.EOF after the last.
func (l *lines) next() ([]byte, error) {
	for ; l.at < len(l.files); l.at, l.line, l.in = l.at+1, 0, nil {
		if l.in == nil {
			if err := l.open(); err != nil {
				return nil, fmt.Errorf("read %s: %w", l.files[l.at].Name(), err)
			}
		}
		for {
			line, err := l.readLine()
			if err != nil && err != io.EOF {
				return nil, fmt.Errorf("read %s: %w", l.place(), err)
			}
			if len(line) > 0 {
				return line, nil
			}
			if err == io.EOF {
				break
			}
		}
	}
	return nil, io.EOF
}

// byteOrderMark is what some editors begin a file of UTF-8 with.
const byteOrderMark = "\xef\xbb\xbf"

// open begins the file at, unpacking it if it begins as gzip does, whatever its name is.
func (l *lines) open() error {
	in := bufio.NewReaderSize(l, 256<<10)
	if head, err := in.Peek(2); err == nil && head[0] == 0x1f && head[1] == 0x8b {
		z, err := gzip.NewReader(in)
		if err != nil {
			return fmt.Errorf("it begins as gzip does, but is none: %w", err)
		}
		in = bufio.NewReaderSize(z, 256<<10)
	}
	if head, _ := in.Peek(len(byteOrderMark)); string(head) == byteOrderMark {
		in.Discard(len(head)) // they are there
	}
	l.in = in
	return nil
}

// readLine is one line of any length up to the largest that can be fed. An io.EOF comes without a line.
func (l *lines) readLine() ([]byte, error) {
	l.line++
	var line []byte
	for {
		part, err := l.in.ReadSlice('\n')
		line = append(line, part...)
		switch {
		case len(line) > rehearsal.MaxValue:
			return nil, fmt.Errorf("it is longer than %d bytes, which no Kafka would take; remove it", rehearsal.MaxValue)
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, gzip.ErrChecksum), errors.Is(err, gzip.ErrHeader):
			return nil, fmt.Errorf("the gzip data is damaged or cut off: %w", err)
		case err == io.EOF && len(line) > 0:
			err = nil // the last line has no end; the next call says so
		}
		return bytes.TrimRight(line, "\r\n"), err
	}
}
