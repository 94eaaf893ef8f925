package expr

import (
	"fmt"
	"regexp"
	"regexp/syntax"
	"slices"
	"strconv"
	"strings"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"

	"github.com/touchfold/touchfold/state/rules/field"
)

// view is as what a value is looked at. What was sent is no more than JSON: its use decides, and so 5 == "5" never arises.
type view uint8

const (
	raw view = iota // whatever it is
	number
	text
	boolean
	present // whether it is there
)

// slot is one thing read of the subject, in one view.
type slot struct {
	path field.Path // of an event
	name string     // of the path, or of a figure or trait
	kind view       // what it always is; raw of what was sent
	view view
}

// lowering writes a checked predicate anew, for closures and for CEL alike: what is read of the subject becomes an identifier
// #n, n the number of its slot; numbers become decimals; and every value has the one view under which it is used.
type lowering struct {
	ast.ExprFactory
	scope   scope
	checked *ast.AST
	types   map[int64]*types.Type
	refs    map[int64]*ast.ReferenceInfo
	slots   []slot
	local   []string // variables of the macros around
	faults  Faults
}

func newLowering(checked *ast.AST, names scope) *lowering {
	return &lowering{ExprFactory: ast.NewExprFactory(), scope: names, checked: checked,
		types: map[int64]*types.Type{}, refs: map[int64]*ast.ReferenceInfo{}}
}

// id is that of a new expression with a type and, unless nil, a reference.
func (l *lowering) id(t *types.Type, ref *ast.ReferenceInfo) int64 {
	id := int64(len(l.types) + 1)
	l.types[id] = t
	if ref != nil {
		l.refs[id] = ref
	}
	return id
}

// like is a new id with type and reference of an expression.
func (l *lowering) like(e ast.Expr) int64 {
	return l.id(l.checked.GetType(e.ID()), l.checked.ReferenceMap()[e.ID()])
}

func (l *lowering) fault(e ast.Expr, format string, values ...any) {
	l.faults = append(l.faults, at(l.checked, e, fmt.Sprintf(format, values...)))
}

// lower is e anew, looked at as want.
func (l *lowering) lower(e ast.Expr, want view) ast.Expr {
	if root, names, ok := l.chain(e); ok {
		return l.read(e, root, names, want)
	}
	is := l.kind(e)
	if want != raw && is != raw && is != want {
		l.fault(e, "here stands a %s where a %s is needed", is, want)
	}
	lowered := l.lowered(e, want)
	if want == raw || is != raw || conditional(e) {
		return lowered
	}
	return l.NewCall(l.id(want.types(), ast.NewFunctionReference(want.conversion())), want.conversion(), lowered)
}

func (l *lowering) lowered(e ast.Expr, want view) ast.Expr {
	switch e.Kind() {
	case ast.LiteralKind:
		v := e.AsLiteral()
		if d, ok := v.(types.Double); ok {
			n, _ := field.ParseNumber(strconv.FormatFloat(float64(d), 'f', -1, 64))
			v = decimal(n)
		}
		return l.NewLiteral(l.like(e), v)
	case ast.CallKind:
		return l.call(e, want)
	case ast.SelectKind:
		return l.sel(e)
	case ast.ListKind:
		return l.list(e, raw)
	case ast.ComprehensionKind:
		return l.comprehension(e)
	case ast.IdentKind:
		return l.NewIdent(l.like(e), e.AsIdent())
	}
	l.fault(e, "objects cannot be made here; compare single values")
	return e
}

// kind is what an expression always is; raw if that depends on what was sent.
func (l *lowering) kind(e ast.Expr) view {
	if root, names, ok := l.chain(e); ok {
		s, _ := l.scope.resolve(root, names)
		return s.kind
	}
	switch l.checked.GetType(e.ID()).Kind() {
	case types.DoubleKind:
		return number
	case types.StringKind:
		return text
	case types.BoolKind:
		return boolean
	}
	if conditional(e) {
		return l.common(e.AsCall().Args()[1:]...)
	}
	return raw
}

// conditional says whether e is a ? b : c, which is looked at as b and c are.
func conditional(e ast.Expr) bool {
	return e.Kind() == ast.CallKind && e.AsCall().FunctionName() == operators.Conditional
}

// chain takes apart what names something of the subject: root.a.b, or root.a["b"].
func (l *lowering) chain(e ast.Expr) (root string, names []string, ok bool) {
	switch e.Kind() {
	case ast.IdentKind:
		if slices.Contains(l.local, e.AsIdent()) {
			return "", nil, false
		}
		parts := strings.Split(e.AsIdent(), ".")
		return parts[0], parts[1:], true
	case ast.SelectKind:
		if s := e.AsSelect(); !s.IsTestOnly() {
			root, names, ok = l.chain(s.Operand())
			return root, append(names, s.FieldName()), ok
		}
	case ast.CallKind:
		if c := e.AsCall(); c.FunctionName() == operators.Index && c.Args()[1].Kind() == ast.LiteralKind {
			if key, is := c.Args()[1].AsLiteral().(types.String); is {
				root, names, ok = l.chain(c.Args()[0])
				return root, append(names, string(key)), ok
			}
		}
	}
	return "", nil, false
}

// read is the slot of what root.names is.
func (l *lowering) read(e ast.Expr, root string, names []string, want view) ast.Expr {
	s, complaint := l.scope.resolve(root, names)
	if slices.ContainsFunc(names, func(n string) bool { return n == "" || strings.Contains(n, "\x00") }) {
		complaint = "a name is empty or has a zero byte; write the name that is sent"
	}
	switch {
	case complaint != "":
		l.fault(e, "%s", complaint)
	case want == present:
	case want == raw && s.kind != raw:
		want = s.kind
	case want != raw && s.kind != raw && s.kind != want:
		l.fault(e, "%s is a %s where a %s is needed", s.name, s.kind, want)
	}
	s.view = want
	i := slices.Index(l.slots, s)
	if i < 0 {
		i = len(l.slots)
		l.slots = append(l.slots, s)
	}
	name := "#" + strconv.Itoa(i)
	return l.NewIdent(l.id(want.types(), ast.NewIdentReference(name, nil)), name)
}

// sel is a part of something that is not of the subject itself, or has() of a name.
func (l *lowering) sel(e ast.Expr) ast.Expr {
	s := e.AsSelect()
	if !s.IsTestOnly() {
		return l.NewSelect(l.like(e), l.lower(s.Operand(), raw), s.FieldName())
	}
	if root, names, ok := l.chain(s.Operand()); ok {
		return l.read(e, root, append(names, s.FieldName()), present)
	}
	return l.NewPresenceTest(l.like(e), l.lower(s.Operand(), raw), s.FieldName())
}

func (l *lowering) list(e ast.Expr, want view) ast.Expr {
	var elements []ast.Expr
	if want == raw {
		want = l.common(e.AsList().Elements()...)
	}
	for _, element := range e.AsList().Elements() {
		elements = append(elements, l.lower(element, want))
	}
	return l.NewList(l.like(e), elements, nil)
}

func (l *lowering) comprehension(e ast.Expr) ast.Expr {
	c := e.AsComprehension()
	id, over, start := l.like(e), l.lower(c.IterRange(), raw), l.lower(c.AccuInit(), raw)
	if slices.Contains(l.scope.roots(), c.IterVar()) {
		l.fault(e, "the variable %s hides what has that name; call it otherwise, such as x", c.IterVar())
	}
	depth := len(l.local)
	l.local = append(l.local, c.IterVar(), c.AccuVar())
	going, step, result := l.lower(c.LoopCondition(), raw), l.lower(c.LoopStep(), raw), l.lower(c.Result(), raw)
	l.local = l.local[:depth]
	return l.NewComprehension(id, over, c.IterVar(), c.AccuVar(), start, going, step, result)
}

// call chooses the views of a function's arguments.
func (l *lowering) call(e ast.Expr, want view) ast.Expr {
	c := e.AsCall()
	args := c.Args()
	switch name := c.FunctionName(); name {
	case operators.LogicalAnd, operators.LogicalOr, operators.LogicalNot:
		return l.function(e, boolean)
	case operators.Conditional:
		return l.NewCall(l.like(e), name, l.lower(args[0], boolean), l.lower(args[1], want), l.lower(args[2], want))
	case operators.Equals, operators.NotEquals, operators.Less, operators.LessEquals, operators.Greater, operators.GreaterEquals:
		return l.comparison(e)
	case operators.In:
		return l.in(e)
	case operators.Subtract, operators.Multiply, operators.Divide, operators.Negate:
		return l.function(e, number)
	case operators.Add:
		return l.function(e, l.common(args...))
	case "startsWith", "endsWith", "contains":
		return l.function(e, text)
	case "matches":
		return l.pattern(e)
	}
	return l.function(e, raw)
}

// function is the same call with its arguments looked at as want.
func (l *lowering) function(e ast.Expr, want view) ast.Expr {
	c := e.AsCall()
	var args []ast.Expr
	for _, arg := range c.Args() {
		args = append(args, l.lower(arg, want))
	}
	if c.IsMemberFunction() {
		return l.NewMemberCall(l.like(e), c.FunctionName(), l.lower(c.Target(), want), args...)
	}
	return l.NewCall(l.like(e), c.FunctionName(), args...)
}

// common is the view under which values of which one at least has a kind meet.
func (l *lowering) common(all ...ast.Expr) view {
	for _, e := range all {
		if k := l.kind(e); k != raw {
			return k
		}
	}
	return raw
}

// comparison of two things that were sent compares numbers if both are such, else texts.
func (l *lowering) comparison(e ast.Expr) ast.Expr {
	args := e.AsCall().Args()
	dynamic := func(e ast.Expr) bool { return l.checked.GetType(e.ID()).Kind() == types.DynKind }
	if want := l.common(args...); want != raw || !dynamic(args[0]) || !dynamic(args[1]) {
		return l.function(e, want)
	}
	name := "@" + e.AsCall().FunctionName()
	return l.NewCall(l.id(types.BoolType, ast.NewFunctionReference(name)), name, l.lower(args[0], raw), l.lower(args[1], raw))
}

func (l *lowering) in(e ast.Expr) ast.Expr {
	args := e.AsCall().Args()
	if args[1].Kind() != ast.ListKind {
		return l.function(e, raw)
	}
	want := l.common(append(slices.Clone(args[1].AsList().Elements()), args[0])...)
	return l.NewCall(l.like(e), operators.In, l.lower(args[0], want), l.list(args[1], want))
}

// pattern compiles the pattern once and for all.
func (l *lowering) pattern(e ast.Expr) ast.Expr {
	c := e.AsCall()
	subject, arg := c.Target(), c.Args()[0]
	if !c.IsMemberFunction() {
		subject, arg = c.Args()[0], c.Args()[1]
	}
	subject = l.lower(subject, text)
	if arg.Kind() != ast.LiteralKind {
		l.fault(arg, "the pattern of matches is not a text written here; write it in quotes")
		return subject
	}
	compiled, complaint := compilePattern(string(arg.AsLiteral().(types.String)))
	if complaint != "" {
		l.fault(arg, "%s", complaint)
	}
	id := l.id(types.BoolType, ast.NewFunctionReference(matchesID))
	return l.NewCall(id, "matches", subject, l.NewLiteral(l.id(types.StringType, nil), compiled))
}

func compilePattern(source string) (p pattern, complaint string) {
	p.String = types.String(source)
	if len(source) > maxPattern {
		return p, fmt.Sprintf("the pattern has %d bytes; write it in at most %d", len(source), maxPattern)
	}
	parsed, err := syntax.Parse(source, syntax.Perl)
	if err != nil {
		reason := strings.TrimPrefix(err.Error(), "error parsing regexp: ")
		return p, fmt.Sprintf("the pattern cannot be read: %s; write it in RE2's syntax", reason)
	}
	program, err := syntax.Compile(parsed.Simplify())
	if err != nil || len(program.Inst) > maxProgram {
		return p, fmt.Sprintf("the pattern repeats too much: it takes more than %d steps; lower its {counts}", maxProgram)
	}
	if p.compiled, err = regexp.Compile(source); err != nil {
		return p, fmt.Sprintf("the pattern cannot be compiled: %v", err)
	}
	return p, ""
}

// String is how faults call it.
func (v view) String() string {
	return [...]string{"value", "number", "text", "yes or no", "yes or no"}[v]
}

func (v view) types() *types.Type {
	return [...]*types.Type{types.DynType, types.DoubleType, types.StringType, types.BoolType, types.BoolType}[v]
}

// conversion is the function that looks at a value so.
func (v view) conversion() string { return "@" + v.types().String() }
