package expr

import (
	"bytes"
	"cmp"
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"

	"github.com/touchfold/touchfold/state/rules/field"
)

// matchesID is CEL's own, so that CEL charges for the length of the text.
const matchesID = "matches_string"

// pattern is a text that was compiled as one.
type pattern struct {
	types.String
	compiled *regexp.Regexp
}

// match is false, false of a text that would take too long: time grows with text and pattern.
func (p pattern) match(t string) (found, ok bool) {
	if len(t) > maxMatched {
		return false, false
	}
	return p.compiled.MatchString(t), true
}

// functions are those that CEL does not have, or has otherwise.
func functions() []cel.EnvOption {
	list, mapping := cel.ListType(cel.TypeParamType("A")), cel.MapType(cel.TypeParamType("A"), cel.TypeParamType("B"))
	sizes := []cel.FunctionOpt{cel.SingletonUnaryBinding(size)}
	for name, t := range map[string]*cel.Type{"string": cel.StringType, "list": list, "map": mapping} {
		sizes = append(sizes, cel.Overload("size_"+name, []*cel.Type{t}, cel.DoubleType),
			cel.MemberOverload(name+"_size", []*cel.Type{t}, cel.DoubleType))
	}
	options := []cel.EnvOption{
		cel.Function("size", sizes...),
		cel.Function("matches",
			cel.Overload(matchesID, []*cel.Type{cel.StringType, cel.StringType}, cel.BoolType, cel.BinaryBinding(matches)),
			cel.MemberOverload("string_matches", []*cel.Type{cel.StringType, cel.StringType}, cel.BoolType)),
	}
	for _, v := range []view{number, text, boolean} {
		name := v.conversion()
		options = append(options, cel.Function(name, cel.Overload(name, []*cel.Type{cel.DynType}, v.types(),
			cel.UnaryBinding(func(sent ref.Val) ref.Val { return v.of(fieldOf(sent)) }))))
	}
	for _, op := range []string{operators.Equals, operators.NotEquals, operators.Less, operators.LessEquals, operators.Greater,
		operators.GreaterEquals} {
		options = append(options, cel.Function("@"+op, cel.Overload("@"+op, []*cel.Type{cel.DynType, cel.DynType}, cel.BoolType,
			cel.BinaryBinding(func(a, b ref.Val) ref.Val {
				x, ok := fieldOf(a)
				y, too := fieldOf(b)
				if !ok || !too {
					return types.NoSuchOverloadErr()
				}
				return types.Bool(fulfils(op, compareSent(x, y)))
			}))))
	}
	return options
}

func size(of ref.Val) ref.Val {
	switch v := of.(type) {
	case types.String:
		return decimal(utf8.RuneCountInString(string(v))) * field.One
	case traits.Sizer:
		n, _ := v.Size().(types.Int)
		return decimal(n) * field.One
	}
	return types.NoSuchOverloadErr()
}

func matches(s, p ref.Val) ref.Val {
	t, ok := s.(types.String)
	compiled, is := p.(pattern)
	if !ok || !is {
		return types.NoSuchOverloadErr()
	}
	found, ok := compiled.match(string(t))
	if !ok {
		return types.NewErr("the text is too long to be matched")
	}
	return types.Bool(found)
}

// compareSent compares numbers if both are such, else texts: also of two numbers that differ only in what neither can hold.
func compareSent(a, b field.Value) int {
	switch {
	case a.IsNumber && b.IsNumber && a.Number != b.Number:
		return cmp.Compare(a.Number, b.Number)
	case a.IsNumber && b.IsNumber && a.Exact() && b.Exact():
		return 0
	}
	return strings.Compare(a.String(), b.String())
}

// fulfils says whether two values that compare so fulfil the operator.
func fulfils(op string, compared int) bool {
	switch op {
	case operators.Equals:
		return compared == 0
	case operators.NotEquals:
		return compared != 0
	case operators.Less:
		return compared < 0
	case operators.LessEquals:
		return compared <= 0
	case operators.Greater:
		return compared > 0
	}
	return compared >= 0
}

// fieldOf is what field.Path.Read makes of the same value.
func fieldOf(sent ref.Val) (field.Value, bool) {
	switch v := sent.(type) {
	case types.String:
		return field.ValueOf(string(v)), true
	case decimal:
		return field.NumberOf(int64(v)), true
	case precise:
		return field.Value{Text: v.text, Number: int64(v.decimal), IsNumber: true, Digits: true}, true
	case types.Bool:
		return field.Value{Text: strconv.FormatBool(bool(v))}, true
	}
	return field.Value{}, false
}

// of is a value under a view, an error if it has none.
func (v view) of(sent field.Value, ok bool) ref.Val {
	switch {
	case v == present:
		return types.Bool(ok)
	case !ok:
	case v == number && sent.IsNumber:
		return decimal(sent.Number)
	case v == text:
		return types.String(sent.String())
	case v == boolean && (sent.Text == "true" || sent.Text == "false"):
		return types.Bool(sent.Text == "true")
	case v == raw && sent.Digits:
		return precise{decimal(sent.Number), sent.Text}
	case v == raw && sent.AsNumber():
		return decimal(sent.Number)
	case v == raw:
		return types.String(sent.Text)
	}
	return types.NewErr("not there")
}

// activation gives CEL the slots, each read once. It serves one evaluation.
type activation struct {
	in    input
	slots []slot
	seen  []seen
}

type seen struct {
	value ref.Val
	error bool
}

// ResolveName is the slot called #n.
func (a *activation) ResolveName(name string) (any, bool) {
	i, ok := slotNumber(name)
	if !ok || i >= len(a.slots) {
		return nil, false
	}
	if a.seen[i].value == nil {
		v := a.slots[i].ref(a.in)
		a.seen[i] = seen{v, types.IsError(v)}
	}
	return a.seen[i].value, !a.seen[i].error
}

// Parent is none.
func (a *activation) Parent() cel.Activation { return nil }

// ref is the slot's value for CEL.
func (s *slot) ref(in input) ref.Val {
	switch {
	case s.view == present:
		return types.Bool(s.has(in))
	case s.view == raw && in.subject != nil:
		return decode(s.path.Sent(in.subject))
	}
	return s.view.of(s.value(in))
}

// decode is what JSON says; members that are null are not there.
func decode(sent []byte) ref.Val {
	d := json.NewDecoder(bytes.NewReader(sent))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil {
		return types.NewErr("not there")
	}
	return refOf(v)
}

func refOf(v any) ref.Val {
	switch v := v.(type) {
	case bool:
		return types.Bool(v)
	case string:
		return types.String(v)
	case json.Number:
		return raw.of(field.ValueOfJSON([]byte(v)))
	case []any:
		list := make([]ref.Val, len(v))
		for i := range v {
			list[i] = refOf(v[i])
		}
		return types.NewRefValList(types.DefaultTypeAdapter, list)
	case map[string]any:
		members := make(map[ref.Val]ref.Val, len(v))
		for name, value := range v {
			if value != nil {
				members[types.String(name)] = refOf(value)
			}
		}
		return types.NewRefValMap(types.DefaultTypeAdapter, members)
	}
	return types.NullValue
}

// program is the predicate run by CEL itself.
func (l *lowering) program(lowered ast.Expr) (cel.Program, error) {
	e, err := newEnv(l.scope)
	if err != nil {
		return nil, err
	}
	a := ast.NewCheckedAST(ast.NewAST(lowered, l.checked.SourceInfo()), l.types, l.refs)
	return e.PlanProgram(a, cel.CostLimit(maxCost))
}
