package expr

import (
	"cmp"
	"slices"
	"strings"
	"unicode/utf8"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"

	"github.com/touchfold/touchfold/state/rules/field"
)

// input is whose fields or figures are read: one of the two.
type input struct {
	subject *field.Subject
	figure  func(name string) (field.Value, bool)
}

func (s *slot) value(in input) (field.Value, bool) {
	if in.subject != nil {
		return s.path.Read(in.subject)
	}
	return in.figure(s.name)
}

func (s *slot) number(in input) (int64, bool) {
	v, ok := s.value(in)
	return v.Number, ok && v.IsNumber
}

func (s *slot) text(in input) (string, bool) {
	if in.subject != nil {
		return s.path.Text(in.subject)
	}
	v, ok := in.figure(s.name)
	return v.String(), ok
}

func (s *slot) has(in input) bool {
	if in.subject != nil {
		return s.path.Has(in.subject)
	}
	_, ok := in.figure(s.name)
	return ok
}

// truth is what a condition comes to; dark is that of an error, as in CEL's logic of three values.
type truth uint8

const (
	dark truth = iota
	no
	yes
)

func verdict(ok, holds bool) truth {
	switch {
	case !ok:
		return dark
	case holds:
		return yes
	}
	return no
}

type (
	condition func(input) truth
	numeric   func(input) (int64, bool)
	textual   func(input) (string, bool)
)

// closer compiles a lowered predicate to closures. All its methods return nil for what only CEL can run.
type closer []slot

// slot is what an identifier stands for, nil of anything else.
func (c closer) slot(e ast.Expr) *slot {
	if e.Kind() != ast.IdentKind {
		return nil
	}
	i, ok := slotNumber(e.AsIdent())
	if !ok || i >= len(c) {
		return nil
	}
	return &c[i]
}

func (c closer) condition(e ast.Expr) condition {
	switch e.Kind() {
	case ast.LiteralKind:
		b, ok := e.AsLiteral().(types.Bool)
		is := verdict(true, bool(b))
		return orNil(ok, func(input) truth { return is })
	case ast.IdentKind:
		return c.sent(c.slot(e))
	case ast.CallKind:
		return c.call(e.AsCall())
	}
	return nil
}

func orNil(ok bool, then condition) condition {
	if ok {
		return then
	}
	return nil
}

// sent is a yes or no that was sent, or whether something was.
func (c closer) sent(s *slot) condition {
	switch {
	case s == nil:
		return nil
	case s.view == present:
		return func(in input) truth { return verdict(true, s.has(in)) }
	case s.view == boolean:
		return func(in input) truth {
			v, ok := s.value(in)
			return verdict(ok && (v.Text == "true" || v.Text == "false"), v.Text == "true")
		}
	}
	return nil
}

func (c closer) call(call ast.CallExpr) condition {
	args := call.Args()
	switch name := call.FunctionName(); name {
	case operators.LogicalAnd, operators.LogicalOr:
		return c.connected(name, args)
	case operators.LogicalNot:
		of := c.condition(args[0])
		return orNil(of != nil, func(in input) truth { return opposite[of(in)] })
	case operators.Conditional:
		return c.conditional(args)
	case operators.Equals, operators.NotEquals, operators.Less, operators.LessEquals, operators.Greater, operators.GreaterEquals:
		return c.comparison(name, args[0], args[1])
	case operators.In:
		return c.in(args[0], args[1])
	case "matches":
		return c.matches(args[0], args[1].AsLiteral().(pattern))
	case "startsWith":
		return c.texts(call, strings.HasPrefix)
	case "endsWith":
		return c.texts(call, strings.HasSuffix)
	case "contains":
		return c.texts(call, strings.Contains)
	default:
		return c.bothSent(name, args)
	}
}

var opposite = [...]truth{dark: dark, no: yes, yes: no}

// connected is a chain of && or ||: one side alone can decide, and if none does a dark one darkens the whole.
func (c closer) connected(name string, args []ast.Expr) condition {
	var all []condition
	for _, arg := range flat(name, args) {
		all = append(all, c.condition(arg))
	}
	if slices.ContainsFunc(all, func(one condition) bool { return one == nil }) {
		return nil
	}
	decides, neither := yes, no
	if name == operators.LogicalAnd {
		decides, neither = no, yes
	}
	return func(in input) truth {
		result := neither
		for _, one := range all {
			switch one(in) {
			case decides:
				return decides
			case dark:
				result = dark
			}
		}
		return result
	}
}

// flat are the sides of a && (b && c), in order.
func flat(name string, args []ast.Expr) (all []ast.Expr) {
	for _, arg := range args {
		if arg.Kind() == ast.CallKind && arg.AsCall().FunctionName() == name {
			all = append(all, flat(name, arg.AsCall().Args())...)
		} else {
			all = append(all, arg)
		}
	}
	return all
}

func (c closer) conditional(args []ast.Expr) condition {
	which, then, otherwise := c.condition(args[0]), c.condition(args[1]), c.condition(args[2])
	return orNil(which != nil && then != nil && otherwise != nil, func(in input) truth {
		switch which(in) {
		case yes:
			return then(in)
		case no:
			return otherwise(in)
		}
		return dark
	})
}

// comparison of numbers, of texts, or of yes and no.
func (c closer) comparison(op string, a, b ast.Expr) condition {
	if x, y := c.numeric(a), c.numeric(b); x != nil && y != nil {
		if s, n := c.slot(a), literal[decimal](b); s != nil && n != nil {
			return numberIs(s, op, int64(*n))
		}
		return func(in input) truth {
			m, ok := x(in)
			n, too := y(in)
			return verdict(ok && too, fulfils(op, cmp.Compare(m, n)))
		}
	}
	if x, y := c.textual(a), c.textual(b); x != nil && y != nil {
		if s, t := c.slot(a), literal[types.String](b); s != nil && t != nil && (op == operators.Equals || op == operators.NotEquals) {
			return textIs(s, op == operators.Equals, string(*t))
		}
		return func(in input) truth {
			s, ok := x(in)
			t, too := y(in)
			return verdict(ok && too, fulfils(op, strings.Compare(s, t)))
		}
	}
	x, y := c.condition(a), c.condition(b)
	return orNil(x != nil && y != nil && (op == operators.Equals || op == operators.NotEquals), func(in input) truth {
		m, n := x(in), y(in)
		return verdict(m != dark && n != dark, (m == n) == (op == operators.Equals))
	})
}

// literal is the value of a literal of that type, nil of anything else.
func literal[T any](e ast.Expr) *T {
	if e.Kind() != ast.LiteralKind {
		return nil
	}
	if v, ok := e.AsLiteral().(T); ok {
		return &v
	}
	return nil
}

// bothSent compares two things of which neither has a kind.
func (c closer) bothSent(name string, args []ast.Expr) condition {
	op, ours := strings.CutPrefix(name, "@")
	if !ours || len(args) != 2 {
		return nil
	}
	a, b := c.slot(args[0]), c.slot(args[1])
	return orNil(a != nil && b != nil, func(in input) truth {
		x, ok := a.value(in)
		y, too := b.value(in)
		return verdict(ok && too, fulfils(op, compareSent(x, y)))
	})
}

func (c closer) texts(call ast.CallExpr, holds func(s, part string) bool) condition {
	s, part := c.textual(call.Target()), c.textual(call.Args()[0])
	return orNil(s != nil && part != nil, func(in input) truth {
		t, ok := s(in)
		p, too := part(in)
		return verdict(ok && too, holds(t, p))
	})
}

func (c closer) matches(e ast.Expr, p pattern) condition {
	s := c.textual(e)
	return orNil(s != nil, func(in input) truth {
		t, ok := s(in)
		if !ok {
			return dark
		}
		found, ok := p.match(t)
		return verdict(ok, found)
	})
}

func (c closer) textual(e ast.Expr) textual {
	if t := literal[types.String](e); t != nil {
		constant := string(*t)
		return func(input) (string, bool) { return constant, true }
	}
	if s := c.slot(e); s != nil && s.view == text {
		return s.text
	}
	return nil
}

func (c closer) numeric(e ast.Expr) numeric {
	if n := literal[decimal](e); n != nil {
		constant := int64(*n)
		return func(input) (int64, bool) { return constant, true }
	}
	if s := c.slot(e); s != nil && s.view == number {
		return s.number
	}
	if e.Kind() == ast.CallKind {
		return c.arithmetic(e.AsCall())
	}
	return nil
}

func (c closer) arithmetic(call ast.CallExpr) numeric {
	args, of := call.Args(), add
	switch call.FunctionName() {
	case operators.Add:
	case operators.Subtract:
		of = subtract
	case operators.Multiply:
		of = multiply
	case operators.Divide:
		of = divide
	case operators.Negate:
		if x := c.numeric(args[0]); x != nil {
			return func(in input) (int64, bool) { n, ok := x(in); return -n, ok }
		}
		return nil
	case "size":
		return c.length(call)
	default:
		return nil
	}
	x, y := c.numeric(args[0]), c.numeric(args[1])
	if x == nil || y == nil {
		return nil
	}
	return func(in input) (int64, bool) {
		m, ok := x(in)
		n, too := y(in)
		if !ok || !too {
			return 0, false
		}
		return of(m, n)
	}
}

// length is the size of a text, in characters.
func (c closer) length(call ast.CallExpr) numeric {
	e := call.Target()
	if !call.IsMemberFunction() {
		e = call.Args()[0]
	}
	s := c.textual(e)
	if s == nil {
		return nil
	}
	return func(in input) (int64, bool) { t, ok := s(in); return int64(utf8.RuneCountInString(t)) * field.One, ok }
}
