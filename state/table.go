package state

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/touchfold/touchfold/events"
)

// A Table is the features of a program, in order. It is checked whole and never modified; every shard may use it.
type Table struct {
	features []Feature
	abouts   []about
	folds    [][]int // by event type: the features that fold it
	moved    []Set   // by event type: the features whose facts it may change
	timed    Set     // the features that have facts or occurrences
	befores  []int   // the features that have a Before
	changing Set     // the features that say what they say otherwise
	worlds   []int   // the features that read events of the world
	happens  int     // the feature that has occurrences; len(features) if none has
	print    uint64
}

// typeCount is one more than the largest type.
var typeCount = len(events.Types()) + 1

// A Set is some features of a table, one bit each.
type Set uint64

func (s Set) has(i int) bool { return s>>i&1 == 1 }

var featureName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,31}$`)

// NewTable checks the features and puts them into one table. The error names every fault.
func NewTable(features ...Feature) (*Table, error) {
	t := &Table{features: features, happens: len(features)}
	var faults []error
	if len(features) > 64 {
		faults = append(faults, fmt.Errorf("%d features; a table holds at most 64", len(features)))
	}
	for i, f := range features {
		a := f.about()
		faults = append(faults, t.check(a)...)
		f.place(t, i)
		t.abouts = append(t.abouts, a)
		if a.hasFacts {
			t.timed |= 1 << i
		}
		if a.hasChanges {
			t.changing |= 1 << i
		}
		if a.world != nil {
			t.worlds = append(t.worlds, i)
		}
		if a.hasBefore {
			t.befores = append(t.befores, i)
		}
		if a.happens {
			t.happens = i
		}
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	t.route()
	t.print = t.fingerprint()
	return t, nil
}

func (t *Table) check(a about) (faults []error) {
	fault := func(format string, args ...any) {
		faults = append(faults, fmt.Errorf("feature %q: %s", a.name, fmt.Sprintf(format, args...)))
	}
	if !featureName.MatchString(a.name) {
		fault("its name must be lower case letters, digits and _")
	}
	for _, b := range t.abouts {
		if a.name == b.name {
			fault("stands twice in the table")
		}
	}
	if a.version < 1 {
		fault("its version must be 1 or more")
	}
	if a.happens && t.happens < len(t.features) {
		fault("has occurrences, and so has %q: make them one feature", t.abouts[t.happens].name)
	}
	if a.doc == "" {
		fault("its doc is empty")
	}
	if a.table != nil {
		fault("belongs to another table")
	}
	for _, text := range a.faults {
		fault("%s", text)
	}
	for _, n := range a.needs {
		if !slices.Contains(t.features[:len(t.abouts)], n) {
			fault("needs %q, which does not stand before it", n.about().name)
		}
	}
	return faults
}

// route computes which features an event of each type reaches.
func (t *Table) route() {
	t.folds = make([][]int, typeCount)
	t.moved = make([]Set, typeCount)
	for ty := range typeCount {
		var reached Set
		for i, a := range t.abouts {
			if events.Type(ty).OfWorld() && a.world == nil {
				continue
			}
			if a.hasFold && (a.folds == nil || slices.Contains(a.folds, events.Type(ty))) {
				t.folds[ty] = append(t.folds[ty], i)
				reached |= 1 << i
			}
			for _, n := range a.needs {
				if reached.has(slices.Index(t.features, n)) {
					reached |= 1 << i
				}
			}
		}
		t.moved[ty] = reached & t.timed
	}
}

// About describes one line of a table to a person.
type About struct {
	Name    string
	Version int
	Doc     string
	Folds   []events.Type // nil: every type, or none if Facts come from other features alone
	Needs   []string
}

// About lists the features.
func (t *Table) About() []About {
	list := make([]About, len(t.features))
	for i, f := range t.features {
		list[i] = Describe(f)
	}
	return list
}

// Describe describes a feature that stands in a table, or may.
func Describe(f Feature) About {
	a := f.about()
	x := About{Name: a.name, Version: a.version, Doc: a.doc, Folds: a.folds}
	for _, n := range a.needs {
		x.Needs = append(x.Needs, n.about().name)
	}
	return x
}

// Fingerprint tells tables apart whose features, versions or bases differ.
func (t *Table) Fingerprint() uint64 { return t.print }

func (t *Table) fingerprint() uint64 {
	var all strings.Builder
	for i := range t.abouts {
		a := &t.abouts[i]
		fmt.Fprintf(&all, "%s %d %q\n", a.name, a.version, a.basis)
	}
	return Fingerprint("table", all.String())
}

func (t *Table) zero() []any {
	states := make([]any, len(t.features))
	for i, f := range t.features {
		states[i] = f.zero()
	}
	return states
}

// fold folds e into states, which hold all up to an event at last; events.Never if none was before.
func (t *Table) fold(states []any, last events.Instant, e *events.Event) {
	world := e.Type.OfWorld()
	if world && !t.meets(states, e) {
		return
	}
	if e.Time > last || world { // last may be one that met nobody
		for _, i := range t.befores {
			t.features[i].before(states[i], Known{states}, e.Time)
		}
	}
	for _, i := range t.folds[e.Type] {
		t.features[i].fold(states[i], e)
	}
}

// facts says what the features of only say at that instant.
func (t *Table) facts(states []any, only Set, at events.Instant, say func(string, Value)) {
	for i, f := range t.features {
		if only.has(i) {
			f.facts(states[i], Known{states}, at, say)
		}
	}
}
