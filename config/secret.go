package config

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

const (
	minIDKey = 16
	maxIDKey = 4096
)

// Secret is bytes that fmt, loggers and encoders do not show.
type Secret []byte

// Format writes what stands for every secret, whatever the verb.
func (s Secret) Format(f fmt.State, _ rune) { io.WriteString(f, "(secret)") }

// MarshalText is what Format writes.
func (s Secret) MarshalText() ([]byte, error) { return []byte("(secret)"), nil }

func idKey(text string) (Secret, error) {
	if text == "" {
		return nil, nil
	}
	if n := len(text); n < minIDKey || n > maxIDKey {
		return nil, fmt.Errorf("has %d bytes; %d to %d are needed", n, minIDKey, maxIDKey)
	}
	return Secret(text), nil
}

// readIDKey reads the key file unless the environment gave the key. Line ends after the key do not belong to it.
func (l *loader) readIDKey() {
	if l.c.IDKeyFile == "" || len(l.c.IDKey) > 0 {
		return
	}
	text, err := readFile(l.c.IDKeyFile, maxIDKey+2)
	if err == nil {
		l.c.IDKey, err = idKey(strings.TrimRight(string(text), "\r\n"))
		if err == nil && l.c.IDKey == nil {
			err = errors.New("is empty")
		}
		if err != nil {
			err = fmt.Errorf("%s %w", l.c.IDKeyFile, err)
		}
	}
	if err != nil {
		l.fault(l.from["id_key_file"], "id_key_file: %w", err)
	}
}

// readFile reads a regular file of at most so many bytes: a pipe or a device could be read for ever.
func readFile(path string, most int64) ([]byte, error) {
	f, err := os.Open(path)
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
