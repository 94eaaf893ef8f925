package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// A Fault is one thing that is wrong with a configuration.
type Fault struct {
	place
	Text string // the key, what is wrong with it, and what was meant
}

// Error is the fault as one line: place, colon, text.
func (f Fault) Error() string { return f.place.String() + ": " + f.Text }

// Faults are all that is wrong with a configuration, at least one: those of the file in its order, then those of the
// environment, then those of flags.
type Faults []Fault

// Error is one fault a line.
func (fs Faults) Error() string {
	lines := make([]string, len(fs))
	for i, f := range fs {
		lines[i] = f.Error()
	}
	return strings.Join(lines, "\n")
}

// A place is where something was written. The zero place is the table of defaults.
type place struct {
	layer        layer
	name         string // of the file, the variable or the flag
	line, column int    // in the file, from 1, columns counting characters; else line is only the order in which it was given
}

// The layers, each overriding those before it.
type layer int

const (
	fromDefaults layer = iota
	fromFile
	fromEnv
	fromFlag
)

func (p place) String() string {
	if p.layer != fromFile || p.line == 0 { // no line: the file as a whole
		return p.name
	}
	return fmt.Sprintf("%s:%d:%d", p.name, p.line, p.column)
}

// compare orders places as they override each other: by layer, then by position.
func (p place) compare(q place) int {
	return cmp.Or(cmp.Compare(p.layer, q.layer), cmp.Compare(p.line, q.line), cmp.Compare(p.column, q.column))
}

func (fs Faults) sort() {
	slices.SortStableFunc(fs, func(a, b Fault) int { return a.place.compare(b.place) })
}
