package config

import (
	"bytes"
	"errors"
	"strings"
	"unicode/utf8"
)

// maxRules bounds the file of rules: a rulebook goes through the log as one record, with what else belief depends on.
const maxRules = 192 << 10

// The rulebooks that are no file. A file of such a name is written ./none.
const (
	DefaultRulebook = "default" // the one that comes with the program
	NoRulebook      = "none"
)

func rulebookName(text string) (string, error) {
	if text == "" {
		return "", errors.New("is empty; write the path of a file, or default, or none for no rules")
	}
	return text, nil
}

// readRules reads the file that rulebook names. What it means is another's to say.
func (l *loader) readRules() {
	path := l.c.Rulebook
	if path == "" || path == DefaultRulebook || path == NoRulebook { // "" was refused
		return
	}
	text, err := readFile(path, maxRules)
	text = bytes.TrimPrefix(text, []byte(byteOrderMark))
	switch {
	case err != nil:
		l.fault(l.from["rulebook"], "rulebook: %w", err)
	case !utf8.Valid(text):
		l.fault(l.from["rulebook"], "rulebook: %s is not text in UTF-8", path)
	case len(bytes.TrimSpace(text)) == 0:
		l.fault(l.from["rulebook"], "rulebook: %s is empty; write rulebook: none for no rules", path)
	default:
		l.c.Rules = strings.ReplaceAll(string(text), "\r\n", "\n")
	}
}

// RulesName is what faults of the rules call their file.
func (c *Config) RulesName() string {
	if c.Rulebook == DefaultRulebook {
		return "the default rulebook"
	}
	return c.Rulebook
}
