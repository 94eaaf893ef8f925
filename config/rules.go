package config

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// maxRules bounds the file of rules: a rulebook goes through the log as one record, with what else belief depends on.
const maxRules = 192 << 10

// readRules reads the file that rulebook names. What it means is another's to say.
func (l *loader) readRules() {
	path := l.c.Rulebook
	if path == "" {
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
		l.fault(l.from["rulebook"], "rulebook: %s is empty; leave the key out for no rules", path)
	default:
		l.c.Rules = strings.ReplaceAll(string(text), "\r\n", "\n")
	}
}

// RulesName is what faults of the rules call their file.
func (c *Config) RulesName() string {
	if c.Rulebook == "" {
		return "rulebook"
	}
	return c.Rulebook
}
