package oracle

import (
	"encoding/json"
	"fmt"
	"math/big"
	"regexp"

	"cel.dev/cel-go/cel"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state/rules"
)

var (
	quoted    = regexp.MustCompile(`"[^"]*"|'[^']*'`)
	itemNamed = regexp.MustCompile(`(^|[^.\w])item\b`)
	dotted    = regexp.MustCompile(`\b([a-z_]\w*)\.([a-z_]\w*)`)
)

// ofItem says whether a predicate names item.
func ofItem(where string) bool { return itemNamed.MatchString(quoted.ReplaceAllString(where, `""`)) }

// program compiles a predicate over variables that are maps.
func (w *World) program(text string, variables ...string) cel.Program {
	if p, ok := w.programs[text]; ok {
		return p
	}
	var declared []cel.EnvOption
	for _, v := range variables {
		declared = append(declared, cel.Variable(v, cel.MapType(cel.StringType, cel.DynType)))
	}
	env, err := cel.NewEnv(declared...)
	if err != nil {
		panic(err)
	}
	ast, issues := env.Compile(text)
	if issues.Err() != nil {
		panic(fmt.Sprintf("oracle: %q: %v", text, issues.Err()))
	}
	p, err := env.Program(ast)
	if err != nil {
		panic(err)
	}
	w.programs[text] = p
	return p
}

// isTrue is whether a program says so; one that meets an error does not.
func isTrue(p cel.Program, variables map[string]any) bool {
	out, _, err := p.Eval(variables)
	return err == nil && out.Value() == true
}

// fulfils is whether a predicate holds of an event or of one of its lines.
func (r *run) fulfils(e *events.Event, line int, where string) bool {
	if where == "" {
		return true
	}
	fixed := func(prefix string, names ...string) map[string]any {
		m := map[string]any{}
		for _, name := range names {
			if v, ok := r.field(e, line, prefix+name); ok {
				m[name] = native(v, name)
			}
		}
		return m
	}
	traits := map[string]any{}
	for _, t := range e.Traits {
		traits[t.Name] = plain(decode(t.Value))
	}
	properties, _ := plain(decode(e.Rest)).(map[string]any)
	variables := map[string]any{
		"event":      fixed("", "name", "channel", "source", "id", "order_id", "currency", "value", "units"),
		"properties": properties,
		"traits":     traits,
	}
	if line >= 0 {
		item, _ := plain(lineRest(e, line)).(map[string]any)
		if item == nil {
			item = map[string]any{}
		}
		for name, v := range fixed("item.", "product_id", "category", "quantity", "price", "serial", "warranty_months") {
			item[name] = v
		}
		variables["item"] = item
	}
	return isTrue(r.w.program(where, "event", "properties", "traits", "item"), variables)
}

// native is a value for CEL: of the fields that are numbers a double.
func native(v value, name string) any {
	switch name {
	case "value", "units", "quantity", "price", "warranty_months":
		return double(v.number)
	}
	return v.text
}

func double(millionths *big.Int) float64 {
	f, _ := new(big.Rat).SetFrac(millionths, million).Float64()
	return f
}

// plain is JSON for CEL: without nulls, its numbers as doubles.
func plain(v any) any {
	switch v := v.(type) {
	case json.Number:
		return double(parseNumber(v.String()))
	case []any:
		list := []any{}
		for _, x := range v {
			list = append(list, plain(x))
		}
		return list
	case map[string]any:
		m := map[string]any{}
		for name, x := range v {
			if x != nil {
				m[name] = plain(x)
			}
		}
		return m
	}
	return v
}

// figuresHold is whether a predicate on figures and traits holds.
func (r *run) figuresHold(text string, at events.Instant) bool {
	variables, names := map[string]any{}, []string{}
	for _, m := range dotted.FindAllStringSubmatch(quoted.ReplaceAllString(text, `""`), -1) {
		if variables[m[1]] == nil {
			variables[m[1]] = map[string]any{}
			names = append(names, m[1])
		}
		if m[1] == "traits" {
			if said, _ := r.said(m[2], at); said != nil {
				variables["traits"].(map[string]any)[m[2]] = plain(said)
			}
			continue
		}
		if v, ok := r.figure(m[1]+"."+m[2], rules.Window{}, at); ok {
			variables[m[1]].(map[string]any)[m[2]] = v.text
			if v.number != nil {
				variables[m[1]].(map[string]any)[m[2]] = double(v.number)
			}
		}
	}
	return isTrue(r.w.program(text, names...), variables)
}

func (r *run) figure(name string, window rules.Window, at events.Instant) (value, bool) {
	v, ok := r.w.Figures(name, window, r.list[:r.upTo(at)], at)
	if v.IsNumber {
		return numberValue(big.NewInt(int64(v.Number))), ok
	}
	return value{text: v.Text}, ok
}
