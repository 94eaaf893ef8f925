package oracle

import (
	"bytes"
	"encoding/json"
	"math/big"
	"regexp"
	"strconv"
	"strings"

	"github.com/touchfold/touchfold/events"
)

// value is a text that may be a number too, in millionths.
type value struct {
	text   string
	number *big.Int // nil: none
}

var million = big.NewInt(1_000_000)

func textValue(s string) value { return value{s, parseNumber(s)} }

// present is a text of an event's own, which is none if it is empty.
func present(s string) (value, bool) { return textValue(s), s != "" }

// scaled is a number of so many units of which places tenths of tenths make one.
func scaled(n int64, places int) value {
	x := new(big.Rat).SetFrac(big.NewInt(n), new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(places)), nil))
	return numberValue(round(x))
}

func numberValue(n *big.Int) value { return value{decimal(n), n} }

var grammar = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?$`)

// parseNumber reads a decimal as JSON writes one; nil if it is none.
func parseNumber(text string) *big.Int {
	if !grammar.MatchString(text) {
		return nil
	}
	mantissa, exponent, _ := strings.Cut(strings.ToLower(text), "e")
	x, _ := new(big.Rat).SetString(mantissa)
	n, err := strconv.Atoi(strings.TrimPrefix(exponent, "+"))
	if exponent != "" && (err != nil || n > 2000 || n < -2000) { // far beyond all bounds
		n = 2000
		if strings.HasPrefix(exponent, "-") {
			n = -2000
		}
	}
	power := new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(max(n, -n))), nil))
	if n < 0 {
		power.Inv(power)
	}
	return round(x.Mul(x, power))
}

// exactly says whether two decimals are one number.
func exactly(a, b string) bool {
	if _, exponent, _ := strings.Cut(strings.ToLower(a), "e"); len(exponent) > 4 {
		return strings.Trim(a[:strings.IndexAny(a, "eE")], "-0.") == "" // far beyond all bounds, but for 0
	}
	x, _ := new(big.Rat).SetString(a)
	y, _ := new(big.Rat).SetString(b)
	return x.Cmp(y) == 0
}

// round is x in millionths, half to even, within the bounds.
func round(x *big.Rat) *big.Int {
	x = new(big.Rat).Mul(x, new(big.Rat).SetInt(million))
	q, m := new(big.Int).DivMod(x.Num(), x.Denom(), new(big.Int)) // rounded down
	switch half := new(big.Int).Mul(m, big.NewInt(2)).Cmp(x.Denom()); {
	case half > 0, half == 0 && q.Bit(0) == 1:
		q.Add(q, big.NewInt(1))
	}
	return bound(q)
}

func bound(n *big.Int) *big.Int {
	most := new(big.Int).Mul(big.NewInt(9_000_000_000_000), million)
	if n.CmpAbs(most) <= 0 {
		return n
	}
	return most.Mul(most, big.NewInt(int64(n.Sign())))
}

// decimal is the shortest decimal of so many millionths.
func decimal(n *big.Int) string {
	s := new(big.Rat).SetFrac(n, million).FloatString(6)
	return strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
}

// jsonValue is what a value of JSON is for a rule.
func jsonValue(v any) (value, bool) {
	switch v := v.(type) {
	case string:
		return textValue(v), true
	case json.Number:
		n := numberValue(parseNumber(v.String()))
		if !exactly(v.String(), n.text) {
			n.text = v.String()
		}
		return n, true
	case bool:
		return value{text: strconv.FormatBool(v)}, true
	}
	return value{}, false
}

func decode(text []byte) (v any) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if d.Decode(&v) != nil {
		return nil
	}
	return v
}

// field reads a field of an event or, where it names item, of one of its lines.
func (r *run) field(e *events.Event, line int, path string) (value, bool) {
	head, rest, _ := strings.Cut(path, ".")
	switch head {
	case "properties":
		return walkTo(decode(e.Rest), strings.Split(rest, "."))
	case "traits":
		for _, t := range e.Traits {
			if t.Name == rest {
				return jsonValue(decode(t.Value))
			}
		}
		return value{}, false
	case "item":
		if line < 0 {
			return value{}, false
		}
		return r.itemField(e, line, rest)
	case "name":
		return present(e.Name)
	case "channel":
		return present(e.Channel)
	case "source":
		return present(e.Source)
	case "id":
		return present(e.ID)
	case "order_id":
		return present(e.Order.ID)
	case "currency":
		return present(e.Order.Currency.String())
	case "value":
		return scaled(e.Order.Value, e.Order.Currency.Digits()), e.Order.Stated && e.Order.Currency == r.w.Currency
	case "units":
		return scaled(int64(e.Order.Units), 3), e.Order.Units != 0
	}
	panic("oracle: there is no field " + path)
}

func (r *run) itemField(e *events.Event, line int, name string) (value, bool) {
	i := &e.Items[line]
	switch name {
	case "product_id":
		return present(i.ProductID)
	case "category":
		return present(i.Category)
	case "quantity":
		return scaled(int64(i.Quantity), 3), true
	case "price":
		return scaled(i.Price, e.Order.Currency.Digits()), i.Price != 0 && e.Order.Currency == r.w.Currency
	case "serial":
		return present(i.Serial)
	case "warranty_months":
		return scaled(int64(i.Warranty), 0), i.Warranty != 0
	}
	return walkTo(lineRest(e, line), strings.Split(name, "."))
}

// lineRest is what was sent of a line besides: of products or items the line's; else the properties are the line.
func lineRest(e *events.Event, line int) any {
	all, _ := decode(e.Rest).(map[string]any)
	for _, name := range []string{"products", "items"} {
		if lines, ok := all[name].([]any); ok {
			if line < len(lines) {
				return lines[line]
			}
			return nil
		}
	}
	if len(e.Items) == 1 && e.Type.About().Body == events.Basket {
		return all
	}
	return nil
}

func walkTo(v any, path []string) (value, bool) {
	for _, name := range path {
		m, ok := v.(map[string]any)
		if !ok {
			return value{}, false
		}
		v = m[name]
	}
	return jsonValue(v)
}
