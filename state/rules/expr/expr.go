// Package expr is the predicates of a book of rules, in CEL: on one event (where), or on figures and traits of a customer
// (if). docs/rulebook.md says what can be named. As against CEL all numbers are decimals with six places, compared exactly,
// and what was sent is a text or a number as its use demands. Its one rule: a predicate that meets an error, or something
// that is not there, is false.
package expr

import (
	"fmt"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"

	"github.com/touchfold/touchfold/state/rules/field"
)

// The bounds of a predicate.
const (
	maxText    = 4 << 10 // bytes
	maxDepth   = 50      // of its nesting
	maxNodes   = 5000    // values and operations, macros written out
	maxPattern = 256     // bytes
	maxProgram = 250     // steps of a compiled pattern
	maxMatched = 8 << 10 // bytes of a text that is matched; that of a longer one is an error
	maxCost    = 10_000  // of one evaluation by CEL, in its units: about a microsecond each
)

// Kind is what a figure is.
type Kind uint8

// The kinds of figure.
const (
	Number Kind = iota + 1
	Text
)

// Predicate is a predicate that was found correct. It is never modified: any number of evaluators may share one.
type Predicate struct {
	canonical string
	slots     []slot
	holds     condition   // nil: program
	program   cel.Program // nil: holds
}

// Where reads a predicate on one event, or on one of its product lines. The error is Faults.
func Where(text string) (*Predicate, error) { return compile(text, eventScope{}) }

// If reads a predicate on these figures, named with dots, and on traits.NAME. The error is Faults.
func If(text string, figures map[string]Kind) (*Predicate, error) {
	return compile(text, figureScope(figures))
}

// Holds says whether the event, or the product line of it, fulfils the predicate.
func (p *Predicate) Holds(s *field.Subject) bool { return p.on(input{subject: s}) }

// HoldsOf says whether the figures and traits do; figure is asked by what Uses lists.
func (p *Predicate) HoldsOf(figure func(name string) (field.Value, bool)) bool {
	return p.on(input{figure: figure})
}

func (p *Predicate) on(in input) bool {
	if p.holds != nil {
		return p.holds(in) == yes
	}
	v, _, err := p.program.Eval(&activation{in: in, slots: p.slots, seen: make([]seen, len(p.slots))})
	return err == nil && v == types.True
}

// Canonical is the same text for predicates that differ only in how they are written down.
func (p *Predicate) Canonical() string { return p.canonical }

// Uses are the paths, or figures and traits, that the predicate reads: each once, in order.
func (p *Predicate) Uses() []string {
	var uses []string
	for i := range p.slots {
		uses = append(uses, p.slots[i].name)
	}
	slices.Sort(uses)
	return slices.Compact(uses)
}

// OfItem says whether the predicate is about a product line.
func (p *Predicate) OfItem() bool {
	return slices.ContainsFunc(p.slots, func(s slot) bool { return s.path.OfItem() })
}

// Fault is one thing that is wrong with a predicate. Line and Column count from 1 within its text, columns in characters.
type Fault struct {
	Line, Column int
	Text         string
}

// Faults are all that is wrong with a predicate, in order of the text.
type Faults []Fault

// Error has a line for each.
func (f Faults) Error() string {
	lines := make([]string, len(f))
	for i, one := range f {
		lines[i] = fmt.Sprintf("%d:%d: %s", one.Line, one.Column, one.Text)
	}
	return strings.Join(lines, "\n")
}

func compile(text string, names scope) (*Predicate, error) {
	checked, canonical, faults := check(text, names)
	if len(faults) > 0 {
		return nil, faults
	}
	l := newLowering(checked, names)
	lowered := l.lower(checked.Expr(), boolean)
	if len(l.faults) > 0 {
		return nil, l.faults.sorted()
	}
	p := &Predicate{canonical: canonical, slots: l.slots}
	if p.holds = closer(p.slots).condition(lowered); p.holds != nil {
		return p, nil
	}
	program, err := l.program(lowered)
	if err != nil {
		return nil, Faults{{1, 1, fmt.Sprintf("the predicate cannot be run: %v", err)}}
	}
	p.program = program
	return p, nil
}
