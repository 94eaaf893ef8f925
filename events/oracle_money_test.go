package events_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/big"
	"regexp"
	"slices"
	"strings"

	. "github.com/touchfold/touchfold/events"
)

func (o *oracle) body(m, context, p map[string]any) {
	p = clone(p)
	if o.e.Type.About().Body != Plain {
		if reason := o.tryMoney(p, true); reason != 0 {
			if o.e.Type.About().Body == Sale {
				refuse(reason)
			}
			o.notes |= IgnoredAmount
			o.tryMoney(p, false)
		}
	}
	traits := map[string]any{}
	if o.e.Type == Identify {
		for k, v := range asObject(context["traits"]) {
			traits[k] = v
		}
	}
	if o.e.Type == Identify || o.e.Type == Group {
		for k, v := range asObject(m["traits"]) {
			traits[k] = v
		}
	}
	for k, v := range traits {
		b, _ := json.Marshal(v)
		o.e.Traits = append(o.e.Traits, Trait{k, b})
	}
	slices.SortFunc(o.e.Traits, func(a, b Trait) int { return strings.Compare(a.Name, b.Name) })
	if context["campaign"] != nil {
		p["campaign"] = context["campaign"]
	}
	if o.e.Type != Identify && len(p) > 0 {
		o.rest = p
	}
}

func clone(m map[string]any) map[string]any {
	b, _ := json.Marshal(m)
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var c map[string]any
	d.Decode(&c)
	return c
}

// tryMoney takes out of p what it reads, nothing if it refuses.
func (o *oracle) tryMoney(p map[string]any, amounts bool) (reason Reason) {
	copied, before := clone(p), *o
	defer func() {
		if r := recover(); r != nil {
			clear(p)
			for k, v := range copied {
				p[k] = v
			}
			*o = before
			reason = Reason(r.(refused))
		}
	}()
	o.money(p, amounts)
	return 0
}

func (o *oracle) money(p map[string]any, amounts bool) {
	order := &o.e.Order
	order.ID = takeText(p, "order_id", "transaction_id")
	unit := o.config.Currency
	if amounts && p["currency"] != nil {
		s, _ := p["currency"].(string)
		c, err := ParseCurrency(s)
		if err != nil {
			refuse(BadAmount)
		}
		delete(p, "currency")
		unit, order.Currency = c, c
	}
	sale := o.e.Type.About().Body == Sale
	total, priced := new(big.Rat), false
	add := func(product map[string]any) {
		it, line := o.item(product, unit, amounts)
		o.e.Items = append(o.e.Items, it)
		if line != nil {
			total.Add(total, line)
			priced = true
		}
	}
	list := "products"
	if p[list] == nil {
		list = "items"
	}
	if p[list] != nil {
		o.list(p, list, amounts, add)
	} else if !sale && (has(p, "product_id") || has(p, "sku") || has(p, "item_id")) {
		add(p)
	}
	if !amounts {
		return
	}
	for _, f := range []string{"total", "revenue", "value"} {
		if p[f] != nil {
			order.Value, _ = o.amount(p[f], unit.Digits())
			order.Stated = true
			delete(p, f)
			break
		}
	}
	if !order.Stated && priced {
		order.Value, order.Stated = o.round(total, unit.Digits(), false), true
	}
	if sale && p["units"] != nil {
		n, _ := o.amount(p["units"], 3)
		order.Units = Milli(n)
		delete(p, "units")
	}
	if (order.Stated || priced || sale) && order.Currency == (Currency{}) {
		order.Currency, order.Defaulted = unit, true
		if order.Stated || priced {
			o.notes |= NoCurrency
		}
	}
}

func (o *oracle) list(p map[string]any, list string, amounts bool, add func(map[string]any)) {
	elements, ok := p[list].([]any)
	for _, v := range elements {
		_, is := v.(map[string]any)
		ok = ok && is
	}
	if !ok && !amounts {
		return
	}
	if !ok {
		refuse(BadAmount)
	}
	left := 0
	for _, v := range elements {
		product := v.(map[string]any)
		add(product)
		left += len(product)
	}
	if left == 0 {
		delete(p, list)
	}
}

func has(p map[string]any, name string) bool {
	s, ok := text(p[name])
	return ok && strings.TrimSpace(s) != ""
}

func takeText(p map[string]any, names ...string) string {
	for _, name := range names {
		if has(p, name) {
			s, _ := text(p[name])
			delete(p, name)
			return s
		}
	}
	return ""
}

func (o *oracle) item(p map[string]any, unit Currency, amounts bool) (it Item, line *big.Rat) {
	it = Item{
		ProductID: takeText(p, "product_id", "sku", "item_id"),
		Category:  takeText(p, "category", "item_category"),
		Serial:    takeText(p, "serial_number"),
		Quantity:  1000,
	}
	if n, _, ok := number(p["warranty_months"]); ok && n.IsInt() && n.Sign() >= 0 && n.Cmp(big.NewRat(1200, 1)) <= 0 {
		it.Warranty = int32(n.Num().Int64())
		delete(p, "warranty_months")
	}
	if !amounts {
		return it, nil
	}
	exact := big.NewRat(1, 1)
	if p["quantity"] != nil {
		var milli int64
		milli, exact = o.amount(p["quantity"], 3)
		it.Quantity = Milli(milli)
		delete(p, "quantity")
	}
	if p["price"] != nil {
		minor, price := o.amount(p["price"], unit.Digits())
		it.Price = minor
		line = new(big.Rat).Mul(price, exact)
		delete(p, "price")
	}
	return it, line
}

func (o *oracle) amount(v any, digits int) (int64, *big.Rat) {
	n, cut, ok := number(v)
	if !ok {
		refuse(BadAmount)
	}
	if strings.HasPrefix(fmt.Sprint(v), "-") && (n.Sign() != 0 || cut) && !o.e.Type.About().Negative {
		refuse(BadAmount)
	}
	return o.round(n, digits, cut), n
}

func (o *oracle) round(n *big.Rat, digits int, cut bool) int64 {
	scaled := new(big.Rat).Mul(new(big.Rat).Abs(n), new(big.Rat).SetInt(power(digits)))
	half := new(big.Rat).Add(scaled, big.NewRat(1, 2))
	q := new(big.Int).Quo(half.Num(), half.Denom())
	if q.Cmp(big.NewInt(1_000_000_000_000)) > 0 {
		refuse(BadAmount)
	}
	if !scaled.IsInt() || cut {
		o.notes |= Rounded
	}
	return q.Int64()
}

func power(n int) *big.Int { return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil) }

var grammar = regexp.MustCompile(`^(-?)(0|[1-9][0-9]*)(?:\.([0-9]+))?(?:[eE]([+-]?[0-9]+))?$`)

// number is a JSON number, or a string that is one, cut to 19 significant digits and 40 decimal places; what is far
// beyond all limits is 10^100.
func number(v any) (n *big.Rat, cut, ok bool) {
	s, isString := v.(string)
	if j, is := v.(json.Number); is {
		s, isString = j.String(), true
	}
	g := grammar.FindStringSubmatch(s)
	if !isString || g == nil {
		return new(big.Rat), false, false
	}
	digits := strings.TrimLeft(g[2]+g[3], "0")
	if digits == "" {
		return new(big.Rat), false, true
	}
	e := new(big.Int)
	if g[4] != "" {
		e.SetString(strings.TrimPrefix(g[4], "+"), 10)
	}
	e.Sub(e, big.NewInt(int64(len(g[3]))))
	if len(digits) > 19 {
		e.Add(e, big.NewInt(int64(len(digits)-19)))
		cut = strings.Trim(digits[19:], "0") != ""
		digits = digits[:19]
	}
	if e.Cmp(big.NewInt(100)) > 0 {
		e.SetInt64(100)
	}
	if e.Cmp(big.NewInt(-100)) < 0 {
		return new(big.Rat), true, true
	}
	m, _ := new(big.Int).SetString(digits, 10)
	exponent := int(e.Int64())
	n = new(big.Rat).SetInt(m)
	if exponent >= 0 {
		n.Mul(n, new(big.Rat).SetInt(power(exponent)))
	} else {
		n.Quo(n, new(big.Rat).SetInt(power(-exponent)))
	}
	at := new(big.Rat).Mul(n, new(big.Rat).SetInt(power(40)))
	if !at.IsInt() {
		cut = true
		n.SetFrac(new(big.Int).Quo(at.Num(), at.Denom()), power(40))
	}
	if g[1] == "-" {
		n.Neg(n)
	}
	return n, cut, true
}
