package rules

import (
	"cmp"
	"math/bits"
	"slices"
	"strings"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state/rules/expr"
	"github.com/touchfold/touchfold/state/rules/field"
)

// matcher is a Match compiled.
type matcher struct {
	events    []string // in order, each once
	where     *expr.Predicate
	lines     bool // each product line is matched by itself
	canonical string
}

// matcher compiles m, of customers' events; paths are what is read of what matches.
func (c *compiler) matcher(m *Match, paths ...field.Path) matcher {
	for _, name := range m.Names {
		if events.TypeOf(name).OfWorld() {
			c.fault(m.At, "%s is an event of no customer; write catalogue: {event: %s, …}", name, name)
		}
	}
	return c.match(m, paths...)
}

func (c *compiler) match(m *Match, paths ...field.Path) matcher {
	var x matcher
	for _, name := range m.Names {
		if t := events.TypeOf(name); t != events.Unknown {
			name = t.Name()
		}
		x.events = append(x.events, name)
	}
	slices.Sort(x.events)
	x.events = slices.Compact(x.events)
	if slices.Contains(x.events, "*") {
		x.events = []string{"*"}
	}
	where := ""
	if m.Where != "" {
		p, err := expr.Where(m.Where)
		if err != nil {
			c.expression(m.WhereAt, err)
			return x
		}
		x.where, where, x.lines = p, p.Canonical(), p.OfItem()
	}
	for _, p := range paths {
		x.lines = x.lines || p.OfItem()
	}
	x.canonical = canonical(texts(x.events), where, x.lines)
	return x
}

// takes reports whether events of e's name are looked at.
func (m *matcher) takes(e *events.Event) bool {
	return m.events[0] == "*" || slices.Contains(m.events, e.Name)
}

// count is how often e is to be looked at.
func (m *matcher) count(e *events.Event) int {
	if m.lines {
		return max(1, len(e.Items))
	}
	return 1
}

// holds reports whether the i-th look at e fits, and leaves it as v's subject.
func (m *matcher) holds(v *view, e *events.Event, i int) bool {
	if !m.lines || len(e.Items) == 0 {
		i = -1
	}
	v.subject.Reset(e, i)
	return m.where == nil || m.where.Holds(&v.subject)
}

// comparison is a Compare compiled.
type comparison struct {
	op      string
	numeric bool
	numbers []int64
	texts   []string
}

func (c *compiler) comparison(k *Compare) comparison {
	x := comparison{op: k.Op}
	for _, v := range k.Values {
		x.numeric = v.IsNumber
		x.numbers = append(x.numbers, int64(v.Number))
		x.texts = append(x.texts, v.Text)
	}
	return x
}

func (k *comparison) canonical() string {
	if k.numeric {
		return canonical(k.op, k.numbers)
	}
	return canonical(k.op, texts(k.texts))
}

// number compares a number.
func (k *comparison) number(x int64) bool {
	switch k.op {
	case "exists":
		return true
	case "in":
		return slices.Contains(k.numbers, x)
	}
	return k.ordered(cmp.Compare(x, k.numbers[0]))
}

func (k *comparison) ordered(c int) bool {
	switch k.op {
	case "==":
		return c == 0
	case "!=":
		return c != 0
	case "<":
		return c < 0
	case "<=":
		return c <= 0
	case ">":
		return c > 0
	}
	return k.op == ">=" && c >= 0
}

// value compares a value that is there.
func (k *comparison) value(v field.Value) bool {
	switch {
	case k.op == "exists":
		return true
	case k.numeric:
		return v.IsNumber && k.number(v.Number)
	case k.op == "in":
		return slices.Contains(k.texts, v.String())
	case k.op == "contains":
		return strings.Contains(v.String(), k.texts[0])
	case k.op == "starts_with":
		return strings.HasPrefix(v.String(), k.texts[0])
	}
	return k.ordered(strings.Compare(v.String(), k.texts[0]))
}

// average compares sum ÷ n, n above 0, exactly.
func (k *comparison) average(sum wide, n int64) bool {
	switch k.op {
	case "exists":
		return true
	case "in":
		return slices.ContainsFunc(k.numbers, func(x int64) bool { return sum.compare(product(x, n)) == 0 })
	}
	return k.ordered(sum.compare(product(k.numbers[0], n)))
}

// wide is an integer of 128 bits, in two's complement.
type wide struct {
	high int64
	low  uint64
}

func (a wide) add(n int64) wide {
	low, carry := bits.Add64(a.low, uint64(n), 0)
	return wide{a.high + n>>63 + int64(carry), low}
}

// less is a − b.
func (a wide) less(b wide) wide {
	low, borrow := bits.Sub64(a.low, b.low, 0)
	return wide{a.high - b.high - int64(borrow), low}
}

// product is a × n, n above 0.
func product(a, n int64) wide {
	high, low := bits.Mul64(uint64(a), uint64(n))
	if a < 0 {
		high -= uint64(n)
	}
	return wide{int64(high), low}
}

func (a wide) compare(b wide) int {
	return cmp.Or(cmp.Compare(a.high, b.high), cmp.Compare(a.low, b.low))
}

// bounded is a, or the bound of numbers that it lies beyond.
func (a wide) bounded() int64 {
	switch {
	case a.compare(wide{0, field.Most}) > 0:
		return field.Most
	case a.compare(wide{}.add(-field.Most)) < 0:
		return -field.Most
	}
	return int64(a.low)
}
