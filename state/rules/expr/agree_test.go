package expr_test

import (
	"encoding/json"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state/rules/expr"
	"github.com/touchfold/touchfold/state/rules/field"
)

// writer draws predicates of the subset that closures run.
type writer struct {
	*rapid.T
	numbers, texts, sent []string // names of what is always a number, always a text, and whatever was sent
}

func (w writer) of(from ...string) string { return rapid.SampledFrom(from).Draw(w.T, "of") }

func (w writer) number(depth int) string {
	constants := []string{"0", "1", "7", "4.5", "0.000001", "-2", "139.12", "9000000000000", "2"}
	switch k := rapid.IntRange(0, 8).Draw(w.T, "number"); {
	case k < 3 || depth == 0 && k > 5:
		return w.of(w.numbers...)
	case k < 6:
		return w.of(constants...)
	case k == 6:
		return "size(" + w.of(w.texts...) + ")"
	case k == 7:
		return "(-" + w.of(w.numbers...) + ")"
	}
	return "(" + w.number(depth-1) + w.of(" + ", " - ", " * ", " / ") + w.of(w.numbers...) + ")"
}

func (w writer) text() string {
	return w.of(append(w.texts, `"pos"`, `"7"`, `"4.50"`, `"4.5"`, `"true"`, `"tv"`, `""`, `"Hong Kong"`)...)
}

func (w writer) leaf(depth int) string {
	compare := func() string { return w.of(" == ", " != ", " < ", " <= ", " > ", " >= ") }
	switch rapid.IntRange(0, 13).Draw(w.T, "leaf") {
	case 0, 1:
		return w.number(depth) + compare() + w.number(depth)
	case 2:
		return w.of(w.sent...) + compare() + w.number(depth)
	case 3:
		return w.number(depth) + compare() + w.of(w.sent...)
	case 4:
		return w.of(w.sent...) + compare() + w.text()
	case 5:
		return w.text() + compare() + w.of(w.sent...)
	case 6:
		return w.of(w.sent...) + compare() + w.of(w.sent...)
	case 7:
		return w.of(w.sent...) + " in " + w.of(`["pos", "7", "4.50"]`, `[7, 4.5, 1]`, `["true"]`)
	case 8:
		return w.text() + " in " + w.of(`["pos", "7"]`, `["Hong Kong", "tv", "web"]`)
	case 9:
		return w.of(w.sent...) + "." + w.of("startsWith", "endsWith", "contains") + "(" + w.text() + ")"
	case 10:
		return w.of(append(w.sent, w.texts...)...) + ".matches(" + w.of(`"^[0-9.]+$"`, `"o"`, `"(?i)HONG"`) + ")"
	case 13:
		return w.of(w.sent...) + w.of(" == ", " != ") + w.of("true", "false", "("+w.numbers[0]+" > 5)")
	case 11:
		return "has(" + w.of(append(w.sent, w.numbers...)...) + ")"
	}
	return w.of(append(w.sent, "true", "false")...)
}

func (w writer) predicate(depth int) string {
	if depth == 0 {
		return w.leaf(1)
	}
	a, b := func() string { return w.predicate(depth - 1) }, func() string { return w.predicate(rapid.IntRange(0, depth-1).Draw(w.T, "depth")) }
	switch rapid.IntRange(0, 6).Draw(w.T, "kind") {
	case 0, 1:
		return "(" + a() + " && " + b() + ")"
	case 2, 3:
		return "(" + a() + " || " + b() + ")"
	case 4:
		return "!(" + a() + ")"
	case 5:
		return "(" + a() + " ? " + b() + " : " + b() + ")"
	}
	return w.leaf(1)
}

// values are what may be sent.
var values = []string{`7`, `"7"`, `4.5`, `"4.50"`, `true`, `false`, `"true"`, `null`, `"Hong Kong"`, `""`, `[1,"a"]`, `{"b":7}`, `-2`, `1e20`, `0.0000005`, `12345678901234567`, `"12345678901234568"`, `4.5000001`}

func drawEvent(t *rapid.T) *events.Event {
	e := sale()
	var members []string
	for range rapid.IntRange(0, 5).Draw(t, "members") {
		members = append(members, fmt.Sprintf("%q:%s", rapid.SampledFrom([]string{"a", "c", "d"}).Draw(t, "name"), rapid.SampledFrom(values).Draw(t, "sent")))
	}
	e.Rest = []byte("{" + strings.Join(members, ",") + "}")
	e.Order.Stated = rapid.Bool().Draw(t, "stated")
	e.Order.Value = rapid.SampledFrom([]int64{0, 13912, 700, 1e12}).Draw(t, "value")
	e.Channel = rapid.SampledFrom([]string{"pos", "web", ""}).Draw(t, "channel")
	e.Traits = []events.Trait{{Name: "x", Value: []byte(rapid.SampledFrom(values).Draw(t, "trait"))}}
	return e
}

// TestAgreement: closures and CEL say the same of any predicate on any event.
func TestAgreement(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := writer{t, []string{"event.value", "event.units", "item.price", "item.warranty_months"}, []string{"event.channel", "event.name", "item.category", "item.serial"},
			[]string{"properties.a", "properties.a.b", "properties.c", `properties.d`, "traits.x", "item.a"}}
		written := w.predicate(3)
		p, err := expr.Where(written)
		if err != nil {
			t.Fatalf("%s: %v", written, err)
		}
		if !expr.Compiled(p) {
			t.Fatalf("%s was not compiled", written)
		}
		q, err := expr.ByCEL(written, nil)
		if err != nil {
			t.Fatalf("%s: %v", written, err)
		}
		again, err := expr.Where(p.Canonical())
		if err != nil || again.Canonical() != p.Canonical() {
			t.Fatalf("%s is written %s: %v", written, p.Canonical(), err)
		}
		s := field.Subject{Currency: hkd}
		for range 5 {
			e := drawEvent(t)
			s.Reset(e, rapid.IntRange(-1, 1).Draw(t, "item"))
			if a, b, c := p.Holds(&s), q.Holds(&s), again.Holds(&s); a != b || a != c {
				t.Fatalf("%s of %s %v: closures %v, CEL %v, closures of the canonical text %v", written, e.Rest, e.Order, a, b, c)
			}
		}
	})
}

func TestAgreementOfFigures(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := writer{t, []string{"purchases.net", "purchases.orders"}, []string{"lifecycle.stage", "tier"}, []string{"traits.a", "traits.b"}}
		written := w.predicate(3)
		p, err := expr.If(written, figures)
		q, again := expr.ByCEL(written, figures)
		if err != nil || again != nil || !expr.Compiled(p) {
			t.Fatalf("%s: %v, %v", written, err, again)
		}
		known := map[string]field.Value{}
		for _, name := range p.Uses() {
			v, ok := field.ValueOfJSON([]byte(rapid.SampledFrom(values).Draw(t, name)))
			switch {
			case !ok:
			case figures[name] == expr.Number:
				known[name] = field.NumberOf(v.Number)
			default:
				known[name] = v
			}
		}
		figure := func(name string) (field.Value, bool) { v, ok := known[name]; return v, ok }
		if a, b := p.HoldsOf(figure), q.HoldsOf(figure); a != b {
			t.Fatalf("%s of %v: closures %v, CEL %v", written, known, a, b)
		}
	})
}

// TestArithmetic: each step of arithmetic is exact to six places, by math/big, in both evaluators.
func TestArithmetic(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		number := rapid.StringMatching(`-?(0|[1-9][0-9]{0,8})(\.[0-9]{1,6})?`)
		a, b, op := number.Draw(t, "a"), number.Draw(t, "b"), rapid.SampledFrom([]string{"+", "-", "*", "/"}).Draw(t, "op")
		x, _ := new(big.Rat).SetString(a)
		y, _ := new(big.Rat).SetString(b)
		switch op {
		case "+":
			x.Add(x, y)
		case "-":
			x.Sub(x, y)
		case "*":
			x.Mul(x, y)
		case "/":
			if y.Sign() == 0 {
				return
			}
			x.Quo(x, y)
		}
		want := roundEven(x)
		written := fmt.Sprintf("properties.a %s properties.b == properties.want + 0", op)
		e := &events.Event{Rest: []byte(fmt.Sprintf(`{"a":%s,"b":%s,"want":%s}`, a, b, want))}
		var s field.Subject
		s.Reset(e, -1)
		for _, text := range []string{strings.Replace(written, "properties.a ", "(properties.a + 0) ", 1), strings.Replace(written, "properties.a ", "(0 + properties.a) ", 1)} {
			p, err := expr.Where(text)
			q, again := expr.ByCEL(text, nil)
			if err != nil || again != nil || !p.Holds(&s) || !q.Holds(&s) {
				t.Fatalf("%s of %s: %v %v %v %v", text, e.Rest, err, again, p.Holds(&s), q.Holds(&s))
			}
		}
	})
}

// roundEven is a number with six places, half to even, at most field.Most.
func roundEven(x *big.Rat) json.Number {
	n := new(big.Rat).Mul(x, big.NewRat(field.One, 1))
	q, r := new(big.Int).DivMod(n.Num(), n.Denom(), new(big.Int))
	if c := r.Lsh(r, 1).Cmp(n.Denom()); c > 0 || c == 0 && q.Bit(0) == 1 {
		q.Add(q, big.NewInt(1))
	}
	if q.CmpAbs(big.NewInt(field.Most)) > 0 {
		q = big.NewInt(int64(q.Sign()) * field.Most)
	}
	return json.Number(field.AppendNumber(nil, q.Int64()))
}

// TestHostile: what would take long or much is refused, or false, in milliseconds.
func TestHostile(t *testing.T) {
	e := sale()
	list := "[" + strings.Repeat("1,", 500) + "1]"
	e.Rest = []byte(`{"long":"` + strings.Repeat("a", 100_000) + `","list":` + "[" + strings.Repeat("1,", 100_000) + "1]" + `}`)
	var s field.Subject
	s.Reset(e, -1)
	for name, text := range map[string]string{
		"10 MB":          strings.Repeat("a", 10<<20),
		"parentheses":    strings.Repeat("(", 2000) + "true" + strings.Repeat(")", 2000),
		"brackets":       strings.Repeat("[", 4000),
		"nots":           strings.Repeat("!", 4000) + "true",
		"minus":          strings.Repeat("-", 4000) + "1 == 1",
		"ternaries":      strings.Repeat("true?", 800) + "true",
		"ternary ends":   strings.Repeat("true?true:", 400) + "true",
		"ors":            strings.TrimSuffix(strings.Repeat("false||", 580), "||"),
		"sums":           strings.Repeat("1+", 2000) + "1 == 1",
		"selects":        "properties" + strings.Repeat(".a", 2000) + " == 1",
		"indexes":        "properties" + strings.Repeat(`["a"]`, 800) + " == 1",
		"comprehensions": list + ".all(a, " + list + ".all(b, " + list[:900] + "1].all(c, a + b + c > 0)))",
		"growing":        `["aaaaaaaaaa"].map(a, a+a+a+a+a+a+a+a).map(a, a+a+a+a+a+a+a+a).map(a, a+a+a+a+a+a+a+a).map(a, a+a+a+a+a+a+a+a).map(a, a+a+a+a+a+a+a+a).map(a, a+a+a+a+a+a+a+a).map(a, a+a+a+a+a+a+a+a).map(a, a+a+a+a+a+a+a+a).exists(a, a == "")`,
		"long list":      "properties.list.exists(x, [1,2,3,4].exists(y, [1,2,3,4].exists(z, x + y == 300)))",
		"regex":          `event.name.matches("` + strings.Repeat("(a*)*", 40) + `")`,
		"regex counts":   `event.name.matches("((a{30}){30}){30}")`,
		"regex on much":  `properties.long.matches("(a?){200}b")`,
		"regex in loop":  `properties.list.exists(x, properties.long.matches("(a|aa)+$b"))`,
		"macros":         strings.Repeat("[1].all(x, ", 40) + "true" + strings.Repeat(")", 40),
	} {
		began := time.Now()
		p, err := expr.Where(text)
		read := time.Since(began)
		began = time.Now()
		held := err == nil && p.Holds(&s)
		ran := time.Since(began)
		t.Logf("%s: read in %v, run in %v: %v, %.100v", name, read, ran, held, err)
		if read > 20*time.Second || ran > 20*time.Second { // alone on a machine 40 ms; what is not bounded takes hours
			t.Errorf("%s: read in %v, run in %v", name, read, ran)
		}
	}
}

// FuzzWhere: whatever is written, it is refused or it can be run, and its canonical text means itself.
func FuzzWhere(f *testing.F) {
	for _, text := range []string{`event.value > 1`, `properties.a in [1, "b"] && !has(item.x)`, `properties.tags.exists(t, t == "a")`, `matches("a", "(")`, `{1: 2}[1] == 2`, `size("a") == 1 ? true : false`} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := expr.Where(text)
		if err != nil {
			if err.Error() == "" {
				t.Fatal("an empty error")
			}
			return
		}
		s := field.Subject{Currency: hkd}
		s.Reset(sale(), 0)
		held := p.Holds(&s)
		if q, err := expr.ByCEL(text, nil); err != nil || q.Holds(&s) != held {
			t.Fatalf("%q: %v, by CEL not so: %v", text, held, err)
		}
		again, err := expr.Where(p.Canonical())
		if len(p.Canonical()) <= 4<<10 && (err != nil || again.Holds(&s) != held) {
			t.Fatalf("%q is written %q: %v", text, p.Canonical(), err)
		}
	})
}

const twenty = `event.name == "Order Completed" && event.channel == "pos" && event.value > 100 && event.value <= 500.50 && event.units >= 1 && event.currency == "HKD" &&
	event.order_id != "x" && event.source == "pos" && item.product_id != "z" && item.category in ["tv", "radio", "phone"] && item.quantity < 10 && item.price >= 99.5 &&
	item.warranty_months == 24 && has(item.category) && (item.category == "radio" || item.category == "tv") && !(event.value == 7) && event.id.startsWith("e") &&
	event.name.contains("Order") && event.name.endsWith("Completed") && event.channel != "web"`

func BenchmarkTwenty(b *testing.B) {
	p, err := expr.Where(twenty)
	if err != nil || !expr.Compiled(p) {
		b.Fatal(err)
	}
	s := field.Subject{Currency: hkd}
	s.Reset(sale(), 0)
	b.ReportAllocs()
	for b.Loop() {
		if !p.Holds(&s) {
			b.Fatal("not")
		}
	}
}

func BenchmarkTwentyByCEL(b *testing.B) {
	p, err := expr.ByCEL(twenty, nil)
	if err != nil {
		b.Fatal(err)
	}
	s := field.Subject{Currency: hkd}
	s.Reset(sale(), 0)
	b.ReportAllocs()
	for b.Loop() {
		p.Holds(&s)
	}
}

func BenchmarkProperties(b *testing.B) {
	p, err := expr.Where(`properties.city == "Hong Kong" && properties.store.id == 7 && properties.gift && item.colour == "red"`)
	if err != nil {
		b.Fatal(err)
	}
	s, e := field.Subject{Currency: hkd}, sale()
	b.ReportAllocs()
	for b.Loop() {
		s.Reset(e, 0)
		if !p.Holds(&s) {
			b.Fatal("not")
		}
	}
}

func BenchmarkWhere(b *testing.B) {
	for b.Loop() {
		if _, err := expr.Where(`event.value > 100 && properties.city == "Hong Kong"`); err != nil {
			b.Fatal(err)
		}
	}
}

// TestNoAllocation: what is compiled costs no memory.
func TestNoAllocation(t *testing.T) {
	s := field.Subject{Currency: hkd}
	s.Reset(sale(), 0)
	for _, text := range []string{twenty, `properties.city == "Hong Kong" && properties.n == "7" && item.colour == "red" && properties.score > 4`} {
		p, err := expr.Where(text)
		if err != nil || !p.Holds(&s) {
			t.Fatalf("%s: %v", text, err)
		}
		if n := testing.AllocsPerRun(100, func() { p.Holds(&s) }); n != 0 {
			t.Errorf("%s: %v allocations", text, n)
		}
	}
}
