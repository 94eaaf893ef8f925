package config

import (
	"errors"
	"fmt"
	"io"
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

// readSecretFile reads the file that a key names into the secret that it is for, unless the environment gave that. Line
// ends after the secret do not belong to it.
func (l *loader) readSecretFile(key, path string, secret *Secret, most int64, check func(string) (Secret, error)) {
	if path == "" || len(*secret) > 0 {
		return
	}
	text, err := readFile(path, most+2)
	if err == nil {
		*secret, err = check(strings.TrimRight(string(text), "\r\n"))
		if err == nil && *secret == nil {
			err = errors.New("is empty")
		}
		if err != nil {
			err = fmt.Errorf("%s %w", path, err)
		}
	}
	if err != nil {
		l.fault(l.from[key], "%s: %w", key, err)
	}
}
