package field

import (
	"fmt"
	"slices"
	"strings"
)

// Path names a field. Equal paths are equal by ==; the zero Path names none.
type Path struct {
	kind  kind
	names string // of property, trait and other: the names, one inside the other, with separators
}

// separator stands between the names of a Path, and in none.
const separator = "\x00"

type kind uint8

const (
	none kind = iota
	name
	channel
	source
	id
	orderID
	currency
	value
	units
	property // properties.
	trait    // traits.
	productID
	category
	quantity
	price
	serial
	warranty
	other // item.
)

// fixed are the paths of the fields that all have, by kind.
var fixed = [...]string{name: "name", channel: "channel", source: "source", id: "id", orderID: "order_id", currency: "currency",
	value: "value", units: "units", productID: "item.product_id", category: "item.category", quantity: "item.quantity",
	price: "item.price", serial: "item.serial", warranty: "item.warranty_months"}

// Names are the fields that have a name of their own. The others begin with properties., traits. or item.
func Names() []string {
	return slices.DeleteFunc(slices.Clone(fixed[:]), func(n string) bool { return n == "" })
}

// Property is the path to what else was sent of an event: a name, or names one inside the other; without names to all of
// it. No name is empty or has a zero byte.
func Property(names ...string) Path { return Path{property, strings.Join(names, separator)} }

// Trait is the path of a trait of the event.
func Trait(name string) Path { return Path{trait, name} }

// Item is the path of a field of a product line.
func Item(names ...string) Path {
	if len(names) == 1 {
		if i := slices.Index(fixed[:], "item."+names[0]); i > 0 {
			return Path{kind: kind(i)}
		}
	}
	return Path{other, strings.Join(names, separator)}
}

// Near is a hint at the field that was meant by what is none, "" if none is near.
func Near(path string) string {
	names, _ := parts(path)
	end := last(names)
	switch hint := Meant(path, append(Names(), "properties."+end, "traits."+end)); {
	case hint != "" || len(names) != 1 || slices.Contains([]string{"properties", "traits", "item"}, path):
		return hint
	case slices.Contains(Names(), "item."+path):
		return fmt.Sprintf("; did you mean item.%.80s?", path)
	}
	return fmt.Sprintf("; did you mean properties.%.80s or traits.%.80s?", path, path)
}

// Parse reads the path of a field as a rule names it. A dot or backslash that is part of a name has a backslash before it;
// the name of a trait may have bare dots.
func Parse(path string) (Path, error) {
	if i := slices.Index(fixed[:], path); i > 0 && path != "" {
		return Path{kind: kind(i)}, nil
	}
	names, ok := parts(path)
	if !ok {
		return Path{}, fmt.Errorf("field %.80q: a part of it has no name; write it as properties.NAME, traits.NAME or item.NAME", path)
	}
	head, names := names[0], names[1:]
	if len(names) > 0 {
		switch head {
		case "properties":
			return Property(names...), nil
		case "traits":
			return Trait(strings.Join(names, ".")), nil
		case "item":
			return Item(names...), nil
		}
	}
	return Path{}, fmt.Errorf("there is no field %.80q; write one of %s, or properties.NAME, traits.NAME, item.NAME%s",
		path, strings.Join(Names(), ", "), Near(path))
}

func last(names []string) string {
	if len(names) == 0 {
		return "NAME"
	}
	return names[len(names)-1]
}

// parts are the names between the dots; ok is false if one is empty or cannot be.
func parts(path string) (names []string, ok bool) {
	var name []byte
	for i := 0; i < len(path); i++ {
		switch c := path[i]; {
		case c == '.':
			names, name = append(names, string(name)), nil
		case c == '\\' && i+1 < len(path):
			i++
			name = append(name, path[i])
		default:
			name = append(name, c)
		}
	}
	names = append(names, string(name))
	bad := func(n string) bool { return n == "" || strings.Contains(n, separator) }
	return names, !slices.ContainsFunc(names, bad)
}

// String is the path as Parse reads it.
func (p Path) String() string {
	head := "properties"
	switch p.kind {
	case property:
	case trait:
		head = "traits"
	case other:
		head = "item"
	default:
		return fixed[p.kind]
	}
	if p.names == "" {
		return head
	}
	escape := strings.NewReplacer(".", `\.`, `\`, `\\`, separator, ".")
	return head + "." + escape.Replace(p.names)
}

// OfItem says whether the field is one of a product line.
func (p Path) OfItem() bool { return p.kind >= productID }

// IsNumber says whether the field is always a number, IsText whether it is always a text; of others what was sent decides.
func (p Path) IsNumber() bool {
	return p.kind == value || p.kind == units || p.kind == quantity || p.kind == price || p.kind == warranty
}

// IsText says whether the field is always a text.
func (p Path) IsText() bool {
	return p.kind >= name && p.kind <= currency || p.kind == productID || p.kind == category || p.kind == serial
}

// Name is the name of the trait that the path reads, "" if it reads none.
func (p Path) Name() string {
	if p.kind != trait {
		return ""
	}
	return p.names
}
