package expr

import (
	"slices"
	"strconv"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"

	"github.com/touchfold/touchfold/state/rules/field"
)

// numberIs compares a slot with a constant: what most predicates are made of, so it has a closure for each operator.
func numberIs(s *slot, op string, c int64) condition {
	switch op {
	case operators.Equals:
		return func(in input) truth { n, ok := s.number(in); return verdict(ok, n == c) }
	case operators.NotEquals:
		return func(in input) truth { n, ok := s.number(in); return verdict(ok, n != c) }
	case operators.Less:
		return func(in input) truth { n, ok := s.number(in); return verdict(ok, n < c) }
	case operators.LessEquals:
		return func(in input) truth { n, ok := s.number(in); return verdict(ok, n <= c) }
	case operators.Greater:
		return func(in input) truth { n, ok := s.number(in); return verdict(ok, n > c) }
	}
	return func(in input) truth { n, ok := s.number(in); return verdict(ok, n >= c) }
}

// textIs compares a slot with a constant without writing numbers down on the heap.
func textIs(s *slot, equal bool, t string) condition {
	if s.path.IsText() {
		return func(in input) truth {
			read, ok := s.path.Text(in.subject)
			return verdict(ok, (read == t) == equal)
		}
	}
	return func(in input) truth {
		v, ok := s.value(in)
		if v.IsNumber && v.Text == "" {
			var room [32]byte
			return verdict(ok, (string(field.AppendNumber(room[:0], v.Number)) == t) == equal)
		}
		return verdict(ok, (v.Text == t) == equal)
	}
}

// in is membership in a list of constants.
func (c closer) in(e, list ast.Expr) condition {
	if list.Kind() != ast.ListKind {
		return nil
	}
	var numbers []int64
	var texts []string
	for _, element := range list.AsList().Elements() {
		if n := literal[decimal](element); n != nil {
			numbers = append(numbers, int64(*n))
		} else if t := literal[types.String](element); t != nil {
			texts = append(texts, string(*t))
		}
	}
	n := len(list.AsList().Elements())
	switch x, s := c.numeric(e), c.textual(e); {
	case x != nil && len(numbers) == n:
		slices.Sort(numbers)
		return func(in input) truth {
			m, ok := x(in)
			_, found := slices.BinarySearch(numbers, m)
			return verdict(ok, found)
		}
	case s != nil && len(texts) == n:
		set := make(map[string]bool, n)
		for _, t := range texts {
			set[t] = true
		}
		return func(in input) truth { t, ok := s(in); return verdict(ok, set[t]) }
	}
	return nil
}

// slotNumber is n of #n.
func slotNumber(name string) (int, bool) {
	if name == "" || name[0] != '#' {
		return 0, false
	}
	n, err := strconv.Atoi(name[1:])
	return n, err == nil && n >= 0
}
