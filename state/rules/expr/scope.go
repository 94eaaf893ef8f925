package expr

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"

	"github.com/touchfold/touchfold/state/rules/field"
)

// scope is what can be named.
type scope interface {
	variables() []cel.EnvOption
	roots() []string // names before a first dot, which no variable of a macro may hide
	known() []string // all names there are, for hints
	// resolve is what root.names means; the complaint is "" if it means something.
	resolve(root string, names []string) (s slot, complaint string)
}

var object = cel.MapType(cel.StringType, cel.DynType)

// eventScope is one event, or one of its product lines.
type eventScope struct{}

// path is the field that CEL calls root.names.
func (eventScope) path(root string, names []string) (p field.Path, ok bool) {
	switch {
	case root == "properties":
		return field.Property(names...), true
	case root == "traits" && len(names) == 1:
		return field.Trait(names[0]), true
	case root == "item" && len(names) > 0:
		p = field.Item(names...)
		return p, len(names) == 1 || !slices.Contains(field.Names(), "item."+names[0])
	case root == "event" && len(names) == 1 && slices.Contains(field.Names(), names[0]):
		p, err := field.Parse(names[0])
		return p, err == nil
	}
	return p, false
}

func (e eventScope) variables() []cel.EnvOption {
	var options []cel.EnvOption
	for _, root := range e.roots() {
		options = append(options, cel.Variable(root, object))
	}
	for _, name := range e.known() {
		root, rest, _ := strings.Cut(name, ".")
		p, _ := e.path(root, []string{rest})
		t := cel.StringType
		if p.IsNumber() {
			t = cel.DoubleType
		}
		options = append(options, cel.Variable(name, t))
	}
	return options
}

func (eventScope) roots() []string { return []string{"event", "item", "properties", "traits"} }

func (eventScope) known() []string {
	names := field.Names()
	for i, name := range names {
		if !strings.HasPrefix(name, "item.") {
			names[i] = "event." + name
		}
	}
	return names
}

func (e eventScope) resolve(root string, names []string) (slot, string) {
	p, ok := e.path(root, names)
	switch {
	case ok && p.IsNumber():
		return slot{path: p, name: p.String(), kind: number}, ""
	case ok && p.IsText():
		return slot{path: p, name: p.String(), kind: text}, ""
	case ok:
		return slot{path: p, name: p.String()}, ""
	}
	return slot{}, unknown(root, names, e.known())
}

// figureScope is the figures of a customer, and his traits.
type figureScope map[string]Kind

func (f figureScope) variables() []cel.EnvOption {
	options := []cel.EnvOption{}
	for _, root := range f.roots() {
		options = append(options, cel.Variable(root, object))
	}
	for _, name := range f.known() {
		t := cel.StringType
		if f[name] == Number {
			t = cel.DoubleType
		}
		options = append(options, cel.Variable(name, t))
	}
	return options
}

// roots are also the parts of names: has(purchases.net) is asked of purchases.
func (f figureScope) roots() []string {
	roots := []string{"traits"}
	for name := range f {
		for i, letter := range name {
			if letter == '.' {
				roots = append(roots, name[:i])
			}
		}
	}
	slices.Sort(roots)
	return slices.DeleteFunc(slices.Compact(roots), func(r string) bool { return f[r] != 0 })
}

func (f figureScope) known() []string { return slices.Sorted(maps.Keys(f)) }

func (f figureScope) resolve(root string, names []string) (slot, string) {
	name := strings.Join(append([]string{root}, names...), ".")
	switch {
	case f[name] == Number:
		return slot{name: name, kind: number}, ""
	case f[name] == Text:
		return slot{name: name, kind: text}, ""
	case root == "traits" && len(names) == 1:
		return slot{name: name}, ""
	}
	return slot{}, unknown(root, names, f.known())
}

func unknown(root string, names, known []string) string {
	switch {
	case root == "traits" && len(names) > 1:
		return "a trait has no parts; write traits.NAME, or traits[\"NAME\"] of a name with dots"
	case len(names) == 0:
		return fmt.Sprintf("%s alone is no value; write %[1]s.NAME", root)
	}
	name := root + "." + strings.Join(names, ".")
	return fmt.Sprintf("there is no %.80s%s", name, field.Meant(name, known))
}
