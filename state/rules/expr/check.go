package expr

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/env"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"

	"github.com/touchfold/touchfold/state/rules/field"
)

// standard are the functions of CEL that predicates have, of some only these overloads: what works on texts, numbers, yes and
// no, and lists. There are no integers, bytes, times or conversions.
var standard = map[string][]string{
	operators.LogicalAnd: nil, operators.LogicalOr: nil, operators.LogicalNot: nil, operators.Conditional: nil,
	operators.Equals: nil, operators.NotEquals: nil, operators.In: nil, operators.Index: nil, operators.NotStrictlyFalse: nil,
	operators.Less: {"less_double", "less_string"}, operators.LessEquals: {"less_equals_double", "less_equals_string"},
	operators.Greater:       {"greater_double", "greater_string"},
	operators.GreaterEquals: {"greater_equals_double", "greater_equals_string"},
	operators.Add:           {"add_double", "add_string", "add_list"}, operators.Subtract: {"subtract_double"},
	operators.Multiply: {"multiply_double"}, operators.Divide: {"divide_double"}, operators.Negate: {"negate_double"},
	"startsWith": nil, "endsWith": nil, "contains": nil,
}

func newEnv(names scope) (*cel.Env, error) {
	subset := env.NewLibrarySubset()
	for name, ids := range standard {
		var overloads []*env.Overload
		for _, id := range ids {
			overloads = append(overloads, &env.Overload{ID: id})
		}
		subset.AddIncludedFunctions(env.NewFunction(name, overloads...))
	}
	options := []cel.EnvOption{
		cel.StdLib(cel.StdLibSubset(subset)), cel.EnableMacroCallTracking(),
		cel.ParserRecursionLimit(maxDepth), cel.ParserErrorRecoveryLimit(4), cel.ExpressionNodeLimit(maxNodes),
	}
	options = append(options, functions()...)
	return cel.NewCustomEnv(append(options, names.variables()...)...)
}

// check reads and type-checks a predicate. In the result every number is a double.
func check(text string, names scope) (*ast.AST, string, Faults) {
	switch {
	case len(text) > maxText:
		return nil, "", Faults{{1, 1, fmt.Sprintf("the predicate has %d bytes; write it in at most %d", len(text), maxText)}}
	case !utf8.ValidString(text):
		return nil, "", Faults{{1, 1, "the predicate is not UTF-8; save the file as UTF-8"}}
	case strings.TrimSpace(text) == "":
		return nil, "", Faults{{1, 1, "the predicate is empty; leave it out, or write one such as event.value > 100"}}
	}
	e, err := newEnv(names)
	if err != nil {
		panic(err) // the scopes are ours
	}
	parsed, issues := e.Parse(text)
	if issues.Err() != nil {
		return nil, "", faultsOf(text, issues, names)
	}
	if faults := toDoubles(parsed.NativeRep()); len(faults) > 0 {
		return nil, "", faults.sorted()
	}
	checked, issues := e.Check(parsed)
	if issues.Err() != nil {
		return nil, "", faultsOf(text, issues, names)
	}
	if t := checked.OutputType(); t.Kind() != types.BoolKind && t.Kind() != types.DynKind {
		return nil, "", Faults{{1, 1, fmt.Sprintf("the predicate is %s; write a condition, such as a comparison", article(t.String()))}}
	}
	canonical, err := cel.AstToString(checked)
	if err != nil {
		return nil, "", Faults{{1, 1, fmt.Sprintf("the predicate cannot be written down again: %v", err)}}
	}
	return checked.NativeRep(), canonical, nil
}

// toDoubles makes every number a double, and refuses literals that are of no use here.
func toDoubles(a *ast.AST) (faults Faults) {
	factory := ast.NewExprFactory()
	places := map[int64]bool{} // of lists: they stay integers
	visit := ast.NewExprVisitor(func(e ast.Expr) {
		if e.Kind() == ast.CallKind && e.AsCall().FunctionName() == operators.Index {
			places[e.AsCall().Args()[1].ID()] = true
		}
		if e.Kind() != ast.LiteralKind || places[e.ID()] {
			return
		}
		var n float64
		digits := 0
		switch v := e.AsLiteral().(type) {
		case types.Bool, types.String:
			return
		case types.Int:
			n, digits = float64(v), significant(strconv.FormatInt(int64(v), 10))
		case types.Uint:
			n, digits = float64(v), significant(strconv.FormatUint(uint64(v), 10))
		case types.Double:
			n, digits = float64(v), significant(strconv.FormatFloat(float64(v), 'f', -1, 64))
		default:
			faults = append(faults, at(a, e, "null and bytes are no values here; ask has(NAME) whether something is there"))
			return
		}
		const most = field.Most / field.One
		if digits > 15 || n > most || n < -most {
			faults = append(faults, at(a, e, "the number is too long; write at most 15 digits, and none beyond 9000000000000"))
		}
		e.SetKindCase(factory.NewLiteral(e.ID(), types.Double(n)))
	})
	ast.PreOrderVisit(a.Expr(), visit)
	found := len(faults)
	for _, call := range a.SourceInfo().MacroCalls() {
		ast.PreOrderVisit(call, visit)
	}
	return faults[:found]
}

// significant counts the digits without zeros before and after.
func significant(text string) int {
	return len(strings.Trim(strings.ReplaceAll(strings.TrimPrefix(text, "-"), ".", ""), "0"))
}

// at is a fault where an expression begins.
func at(a *ast.AST, e ast.Expr, text string) Fault {
	for first := e; first != nil; {
		e, first = first, leftmost(first)
	}
	place := a.SourceInfo().GetStartLocation(e.ID())
	column := place.Column()
	if e.Kind() == ast.IdentKind { // the place of a.b is that of its dot
		column -= max(strings.LastIndexByte(e.AsIdent(), '.'), 0)
	}
	return Fault{max(place.Line(), 1), max(column, 0) + 1, text}
}

// leftmost is the part of an expression that stands before its operator, nil without.
func leftmost(e ast.Expr) ast.Expr {
	switch {
	case e.Kind() == ast.SelectKind:
		return e.AsSelect().Operand()
	case e.Kind() == ast.CallKind && e.AsCall().IsMemberFunction():
		return e.AsCall().Target()
	case e.Kind() == ast.CallKind && len(e.AsCall().Args()) > 1:
		return e.AsCall().Args()[0]
	}
	return nil
}

func (f Faults) sorted() Faults {
	slices.SortStableFunc(f, func(a, b Fault) int { return cmp.Or(a.Line-b.Line, a.Column-b.Column) })
	return slices.Compact(f)
}

// faultsOf puts CEL's complaints in our words.
func faultsOf(text string, issues *cel.Issues, names scope) Faults {
	var faults Faults
	lines := strings.Split(text, "\n")
	told := map[string]bool{}
	for _, e := range issues.Errors() {
		if strings.HasPrefix(e.Message, "error recovery") && len(issues.Errors()) > 1 {
			continue // says only that the others are not all
		}
		line, column := max(e.Location.Line(), 1), max(e.Location.Column(), 0)
		if quoted := strings.Split(e.Message, "'"); strings.HasPrefix(e.Message, "undeclared") && len(quoted) > 1 {
			column = max(column-before(text, e, quoted[1]), 0)
		}
		letters := []rune(lines[min(line, len(lines))-1])
		from := min(column, len(letters))
		said := sentence(e.Message, string(letters[from:]), names)
		if strings.HasPrefix(e.Message, "Syntax error: ") {
			meant := slip(string(letters[:from]), string(letters[from:]))
			if meant == "" && len(told) > 0 || told[meant] {
				continue // it follows from what was written before
			}
			if meant != "" {
				said, told[meant] = "the predicate cannot be read here: "+meant, true
			}
		}
		faults = append(faults, Fault{line, column + 1, said})
	}
	return faults.sorted()
}

// slips are what comes from other languages, by what stands before and behind the place where CEL stops.
var slips = []struct {
	before, behind *regexp.Regexp
	meant          string
}{
	{nil, regexp.MustCompile(`^(?i:and\b|&)`), "write && for and"},
	{nil, regexp.MustCompile(`^(?i:or\b|\|)`), "write || for or"},
	{regexp.MustCompile(`(?i)(^|[^a-z0-9_.])not\s*$`), nil, "write ! for not, as in !(a == b)"},
	{regexp.MustCompile(`<$`), regexp.MustCompile(`^>`), "write != for <>"},
	{nil, regexp.MustCompile(`^=>`), "write >= for =>"},
	{nil, regexp.MustCompile(`^=<`), "write <= for =<"},
	{nil, regexp.MustCompile(`^(=|(?i:is)\b)`), "write == where two things are compared"},
	{nil, regexp.MustCompile(`^[“”„‟‘’‚‛«»]`), "curly quotes are none; write 'straight' ones around a text"},
	{nil, regexp.MustCompile(`^('[^']*|"[^"]*)$`), "a quote that is never closed"},
}

// slip is what was probably meant, "" if that is not known.
func slip(before, behind string) string {
	for _, s := range slips {
		if (s.before == nil || s.before.MatchString(before)) && (s.behind == nil || s.behind.MatchString(behind)) {
			return s.meant
		}
	}
	return ""
}

// before is how many characters of a name stand before the place that CEL gives it: a dot, or the parenthesis of a function.
func before(text string, e *cel.Error, name string) int {
	lines := strings.Split(text, "\n")
	if n := e.Location.Line(); n >= 1 && n <= len(lines) {
		if line := []rune(lines[n-1]); e.Location.Column() < len(line) && line[e.Location.Column()] == '(' {
			return len(name)
		}
	}
	return max(strings.LastIndexByte(name, '.'), 0)
}

// sentence puts a complaint about what stands at the begin of rest in our words.
func sentence(message, rest string, names scope) string {
	quoted := strings.Split(message, "'")
	switch {
	case strings.HasPrefix(message, "undeclared reference to") && len(quoted) > 1:
		known := append(names.known(), "startsWith", "endsWith", "contains", "matches", "size", "has")
		hint := field.Meant(quoted[1], append(known, names.roots()...))
		if behind, named := strings.CutPrefix(rest, quoted[1]); hint == "" && named && !strings.HasPrefix(behind, ".") &&
			!strings.HasPrefix(behind, "(") {
			hint = whole(quoted[1], names)
		}
		return fmt.Sprintf("there is no %.80s%s", quoted[1], hint)
	case strings.HasPrefix(message, "found no matching overload for") && len(quoted) > 3:
		return fmt.Sprintf("%s cannot be used with %s", strings.Trim(quoted[1], "_@"), kinds(quoted[3]))
	case strings.Contains(message, "recursion"):
		return fmt.Sprintf("the predicate is nested deeper than %d; write it flatter", maxDepth)
	case strings.HasPrefix(message, "expected type"), strings.HasPrefix(message, "unsupported"):
		return kinds(message)
	}
	message = strings.TrimPrefix(message, "Syntax error: ")
	message, _, _ = strings.Cut(message, " expecting ")
	return fmt.Sprintf("the predicate cannot be read here: %.200s", strings.ReplaceAll(message, "'<EOF>'", "the end"))
}

// whole is a hint at what a name stands in.
func whole(name string, names scope) string {
	for _, known := range names.known() {
		if strings.HasSuffix(known, "."+name) {
			return "; did you mean " + known + "?"
		}
	}
	if slices.Contains(names.roots(), "properties") {
		return fmt.Sprintf("; did you mean properties.%.80s or traits.%.80s?", name, name)
	}
	return fmt.Sprintf("; did you mean traits.%.80s?", name)
}

// kinds says number for double, and so on.
func kinds(text string) string {
	return strings.NewReplacer("map(string, dyn)", "object", "double", "number", "string", "text", "bool", "yes or no",
		"dyn", "anything").Replace(text)
}

func article(kind string) string { return "a " + kinds(kind) }
