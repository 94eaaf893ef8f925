// Package rulefile reads a rulebook out of its file, as against config, which reads what one process is told, and
// state/rules, which knows no file. Its one rule: whatever is wrong with a text is told all at once, each fault with its
// place; a book that Parse gives has no fault left but of predicates, figures and payloads, which state/rules finds.
package rulefile

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/touchfold/touchfold/state/rules"
)

// Faults are all that is wrong with a rulebook, in the order of the text; more: so many further ones.
type Faults struct {
	Name string // of the file
	All  []rules.Fault
	More int
	Read *rules.Book // what could be read; nil: nothing
}

// Add puts further faults among them.
func (f *Faults) Add(more []rules.Fault) {
	f.All = append(f.All, more...)
	slices.SortStableFunc(f.All, func(a, b rules.Fault) int {
		return cmp.Or(cmp.Compare(a.At.Line, b.At.Line), cmp.Compare(a.At.Column, b.At.Column))
	})
	if over := len(f.All) - maxFaults; over > 0 {
		f.All, f.More = f.All[:maxFaults], f.More+over
	}
}

// Error is one fault a line: file:line:column: sentence.
func (f *Faults) Error() string {
	lines := make([]string, 0, len(f.All)+1)
	for _, fault := range f.All {
		at := f.Name
		if fault.At.Line > 0 {
			at = fmt.Sprintf("%s:%d:%d", f.Name, fault.At.Line, fault.At.Column)
		}
		lines = append(lines, at+": "+fault.Text)
	}
	if f.More > 0 {
		lines = append(lines, fmt.Sprintf("%s: and %d more faults; correct these first", f.Name, f.More))
	}
	return strings.Join(lines, "\n")
}

// Parse is the book that a text says; an error is a *Faults. Name is that of the file, for the faults.
func Parse(name string, text []byte) (*rules.Book, error) {
	tree, fault := scan(text)
	if fault != nil {
		return nil, &Faults{Name: name, All: []rules.Fault{*fault}}
	}
	r := &reader{language: newLanguage()}
	f, _ := r.book.read(r, tree)
	r.checkBook(&f.Book)
	if len(r.faults) == 0 {
		return &f.Book, nil
	}
	faults := &Faults{Name: name, More: r.more, Read: r.remains(&f.Book)}
	faults.Add(r.faults)
	return nil, faults
}

// remains is what was read of a faulty book, with Broken where there is nothing.
func (r *reader) remains(b *rules.Book) *rules.Book {
	for i := range b.Segments {
		if s := &b.Segments[i]; s.When == nil {
			s.When = &rules.Broken{At: s.At}
		}
	}
	for i := range b.Triggers {
		if t := &b.Triggers[i]; t.On == nil {
			t.On = &rules.Broken{At: t.At}
		}
	}
	return b
}
