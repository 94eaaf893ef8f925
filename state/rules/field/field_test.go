package field_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math/big"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state/rules/field"
)

var hkd = events.Currency{'H', 'K', 'D'}

// decode reads a track message as the processor does.
func decode(tb testing.TB, name, properties string) *events.Event {
	tb.Helper()
	r := events.Record{Append: 1_800_000_000_000, Value: []byte(`{"type":"track","event":"` + name +
		`","messageId":"m1","userId":"c","timestamp":"2026-01-01T00:00:00Z","properties":{` + properties + `}}`)}
	var e events.Event
	if refusal := events.NewDecoder(events.DecoderConfig{Currency: hkd}).Decode(&r, &e); refusal != nil {
		tb.Fatalf("%s: %v", r.Value, refusal)
	}
	return &e
}

// read is the text of a field, of a number "#" before it, "-" where there is none.
func read(tb testing.TB, e *events.Event, item int, path string) string {
	tb.Helper()
	p, err := field.Parse(path)
	if err != nil {
		tb.Fatal(err)
	}
	s := field.Subject{Currency: hkd}
	s.Reset(e, item)
	v, ok := p.Read(&s)
	switch {
	case !ok:
		return "-"
	case v.IsNumber && v.Text == "":
		return "#" + v.String()
	case v.IsNumber:
		return "#" + string(field.AppendNumber(nil, v.Number)) + " " + v.Text
	}
	return v.String()
}

const sale = `"order_id":"o1","total":139.12,"currency":"HKD","store":{"id":7,"city":"Hong Kong","a.b":"dot"},"gift":true,"vip":false,"note":null,
	"tags":["x"],"score":"4.50","ref":12345678901234567890,"big":1e14,"half":0.0000005,"odd":0.0000015,"zip":"0123","esc":"a\"\u00e9\\",
	"dup":1,"dup":2,"empty":"","products":[{"product_id":"p1","category":"tv","quantity":0.65,"price":100,"serial_number":"s1","warranty_months":24,
	"colour":"red","size":{"cm":120}},{"sku":"p2","colour":"blue"}]`

// TestRead is docs/rulebook.md on fields, by hand.
func TestRead(t *testing.T) {
	one := `"order_id":"o1","colour":"green","products":[{"product_id":"p1"}]`
	for _, c := range []struct {
		event, properties string
		item              int
		path, want        string
	}{
		{"Order Completed", sale, -1, "name", "Order Completed"},
		{"Order Completed", sale, -1, "id", "m1"},
		{"Order Completed", sale, -1, "source", "-"},
		{"Order Completed", sale, -1, "channel", "web"},
		{"Email Opened", ``, -1, "channel", "email"},
		{"Order Completed", sale, -1, "order_id", "o1"},
		{"Order Completed", sale, -1, "currency", "HKD"},
		{"Order Completed", sale, -1, "value", "#139.12"},
		{"Order Completed", sale, -1, "units", "-"},
		{"Order Completed", `"units":3`, -1, "units", "#3"},
		{"Order Completed", `"total":0`, -1, "value", "#0"},
		{"Order Completed", `"order_id":"12"`, -1, "order_id", "#12 12"},
		{"Order Completed", `"units":0`, -1, "units", "-"},
		{"Order Completed", ``, -1, "value", "-"},
		{"Order Completed", `"code":"1e3","total":1`, -1, "properties.code", "#1000 1e3"},
		{"Order Completed", ``, -1, "units", "-"},
		{"Order Completed", `"total":5,"currency":"EUR"`, -1, "value", "-"},
		{"Order Completed", `"total":5,"currency":"EUR"`, -1, "currency", "EUR"},
		{"Page Looked At", `"a":1`, -1, "value", "-"},
		{"Page Looked At", `"a":1`, -1, "currency", "-"},

		{"Order Completed", sale, -1, "properties.store.id", "#7"},
		{"Order Completed", sale, -1, "properties.store.city", "Hong Kong"},
		{"Order Completed", sale, -1, `properties.store.a\.b`, "dot"},
		{"Order Completed", sale, -1, "properties.store", "-"},
		{"Order Completed", sale, -1, "properties.store.city.x", "-"},
		{"Order Completed", sale, -1, "properties.gift", "true"},
		{"Order Completed", sale, -1, "properties.vip", "false"},
		{"Order Completed", sale, -1, "properties.note", "-"},
		{"Order Completed", sale, -1, "properties.tags", "-"},
		{"Order Completed", sale, -1, "properties.score", "#4.5 4.50"},
		{"Order Completed", sale, -1, "properties.ref", "#9000000000000 12345678901234567890"},
		{"Order Completed", sale, -1, "properties.big", "#9000000000000 1e14"},
		{"Order Completed", sale, -1, "properties.half", "#0 0.0000005"},
		{"Order Completed", sale, -1, "properties.odd", "#0.000002 0.0000015"},
		{"Order Completed", sale, -1, "properties.zip", "0123"},
		{"Order Completed", sale, -1, "properties.esc", `a"é\`},
		{"Order Completed", sale, -1, "properties.dup", "#2"},
		{"Order Completed", sale, -1, "properties.empty", ""},
		{"Order Completed", sale, -1, "properties.order_id", "-"},
		{"Order Completed", sale, -1, "properties.nothing", "-"},
		{"Page Looked At", ``, -1, "properties.nothing", "-"},

		{"Order Completed", sale, 0, "item.product_id", "p1"},
		{"Order Completed", sale, 0, "item.category", "tv"},
		{"Order Completed", sale, 0, "item.quantity", "#0.65"},
		{"Order Completed", sale, 0, "item.price", "#100"},
		{"Order Completed", sale, 0, "item.serial", "s1"},
		{"Order Completed", sale, 0, "item.warranty_months", "#24"},
		{"Order Completed", sale, 0, "item.colour", "red"},
		{"Order Completed", sale, 0, "item.size.cm", "#120"},
		{"Order Completed", sale, 1, "item.product_id", "p2"},
		{"Order Completed", sale, 1, "item.colour", "blue"},
		{"Order Completed", sale, 1, "item.category", "-"},
		{"Order Completed", sale, 1, "item.quantity", "#1"},
		{"Order Completed", sale, 1, "item.price", "-"},
		{"Order Completed", sale, 1, "item.warranty_months", "-"},
		{"Order Completed", sale, 2, "item.product_id", "-"},
		{"Order Completed", sale, -1, "item.product_id", "-"},
		{"Order Completed", sale, -1, "item.colour", "-"},
		{"Order Completed", sale, 0, "value", "#139.12"},
		{"Order Completed", one, 0, "item.colour", "-"},
		{"purchase", `"value":1,"items":[{"item_id":"a","colour":"red"}]`, 0, "item.colour", "red"},
		{"Order Completed", `"total":1,"currency":"EUR","products":[{"price":1}]`, 0, "item.price", "-"},
		{"Product Viewed", `"product_id":"p","price":9.9,"colour":"green"`, 0, "item.colour", "green"},
		{"Product Viewed", `"product_id":"p","price":9.9,"colour":"green"`, 0, "item.price", "#9.9"},
		{"Product Viewed", `"product_id":"p","price":9.9,"colour":"green"`, -1, "properties.colour", "green"},
	} {
		if got := read(t, decode(t, c.event, c.properties), c.item, c.path); got != c.want {
			t.Errorf("%s of item %d of %s {%.60s}: %q, want %q", c.path, c.item, c.event, c.properties, got, c.want)
		}
	}
}

func TestAmounts(t *testing.T) {
	for _, c := range []struct{ code, total, want string }{
		{"JPY", "1500", "#1500"}, {"BHD", "1.234", "#1.234"}, {"CLF", "0.0001", "#0.0001"}, {"HKD", "10000000000", "#10000000000"},
		{"JPY", "1000000000000", "#1000000000000"},
	} {
		code, _ := events.ParseCurrency(c.code)
		s := field.Subject{Currency: code}
		s.Reset(decode(t, "Order Completed", `"total":`+c.total+`,"currency":"`+c.code+`"`), -1)
		p, _ := field.Parse("value")
		if v, ok := p.Read(&s); !ok || "#"+v.String() != c.want {
			t.Errorf("%s %s: %v, want %s", c.total, c.code, v, c.want)
		}
	}
}

// TestTurns: one Subject reads one event and line after the other.
func TestTurns(t *testing.T) {
	colour, city := field.Item("colour"), field.Property("city")
	var s field.Subject
	for _, c := range []struct{ rest, want string }{
		{`{"city":"x","products":[{"colour":"red"},{"colour":"blue"}]}`, "x red blue"},
		{`{"city":"y","products":[{},{"colour":"green"}]}`, "y  green"},
		{`{"city":"z","products":[{"colour":"of three"},{"colour":"of three"},{}]}`, "z  "},
	} {
		s.Reset(&events.Event{Rest: []byte(c.rest), Items: make([]events.Item, 2)}, 0)
		a, _ := city.Read(&s)
		b, _ := colour.Read(&s)
		s.Turn(1)
		d, _ := colour.Read(&s)
		if got := a.Text + " " + b.Text + " " + d.Text; got != c.want {
			t.Errorf("%s: %q, want %q", c.rest, got, c.want)
		}
	}
}

func TestTraits(t *testing.T) {
	e := &events.Event{Traits: []events.Trait{{Name: "a.b", Value: []byte(`"dotted"`)}, {Name: "age", Value: []byte(`41`)}, {Name: "city", Value: []byte(`"Kowloon"`)}}}
	for path, want := range map[string]string{"traits.city": "Kowloon", "traits.age": "#41", "traits.a.b": "dotted", `traits.a\.b`: "dotted", "traits.no": "-"} {
		if got := read(t, e, -1, path); got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
}

func TestParse(t *testing.T) {
	for path, want := range map[string]string{
		"item.prodct_id": "", "order_di": "did you mean order_id?", "vlaue": "did you mean value?", "propertys.city": "did you mean properties.city?",
		"trait.city": "did you mean traits.city?", "": "has no name", "properties.": "has no name", "properties": "there is no field", "a..b": "has no name",
		"item": "there is no field", "properties.a\x00b": "has no name",
	} {
		p, err := field.Parse(path)
		if want == "" {
			if err != nil || p.String() != path {
				t.Errorf("Parse(%q) is %v, %v", path, p, err)
			}
		} else if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Parse(%q): %v, want %q", path, err, want)
		}
	}
	for _, n := range field.Names() {
		if p, err := field.Parse(n); err != nil || p.String() != n || p.OfItem() != strings.HasPrefix(n, "item.") {
			t.Errorf("%s: %v, %v", n, p, err)
		}
	}
}

// TestPathText: a path's text means the path.
func TestPathText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		names := rapid.SliceOfN(rapid.StringMatching(`[a-z.\\ é]{1,4}`), 1, 3).Draw(t, "names")
		p := rapid.SampledFrom([]field.Path{field.Property(names...), field.Item(names...), field.Trait(names[0])}).Draw(t, "path")
		if again, err := field.Parse(p.String()); err != nil || again != p {
			t.Fatalf("%q of %q is %q, %v", p, names, again, err)
		}
	})
}

// exact is what a decimal is in millionths, by math/big.
func exact(text string) int64 {
	r, _ := new(big.Rat).SetString(text)
	r.Mul(r, big.NewRat(field.One, 1))
	n, rest := new(big.Int).DivMod(r.Num(), r.Denom(), new(big.Int))
	switch twice := rest.Lsh(rest, 1).Cmp(r.Denom()); {
	case twice > 0, twice == 0 && n.Bit(0) == 1:
		n.Add(n, big.NewInt(1))
	}
	if most := big.NewInt(field.Most); n.CmpAbs(most) > 0 {
		return int64(n.Sign()) * field.Most
	}
	return n.Int64()
}

func TestNumbers(t *testing.T) {
	for text, want := range map[string]int64{
		"0": 0, "-0": 0, "1e3": 1e9, "-1E-6": -1, "1e999999999999999999999": field.Most, "0e999999999": 0, "1e-99999999999999": 0, "1": 1e6, "4.5": 4_500_000, "-0.05": -50_000, "0.0000005": 0, "0.0000015": 2, "0.00000050001": 1, "-0.0000025": -2,
		"9000000000000": field.Most, "9000000000000.000001": field.Most, "9000000000000.0000005": field.Most, "9000000000001": field.Most, "-99999999999999999999999": -field.Most,
		"8999999999999.9999996": field.Most, "0.00000000000000000000000000001": 0,
	} {
		if n, ok := field.ParseNumber(text); !ok || n != want {
			t.Errorf("%s is %d, %v; want %d", text, n, ok, want)
		}
	}
	for _, text := range []string{"", "-", "+1", ".5", "5.", "01", "1e", "1e+", "1,5", " 1", "1 ", "0x1", "NaN", "Infinity", "--1", "1.2.3", "٣"} {
		if n, ok := field.ParseNumber(text); ok {
			t.Errorf("%q is %d", text, n)
		}
	}
}

func TestNumbersProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`-?(0|[1-9][0-9]{0,15})(\.[05-9][0-9]{0,8}5{0,1}0{0,4})?`).Draw(t, "text")
		if n, ok := field.ParseNumber(text); !ok || n != exact(text) {
			t.Fatalf("%s is %d, %v; want %d", text, n, ok, exact(text))
		}
		sent := text + rapid.StringMatching(`([eE][+-]?[0-9]{1,2})?`).Draw(t, "exponent")
		v, ok := readSent(sent)
		if !ok || v.Number != exact(sent) {
			t.Fatalf("%s is %v, %v; want %d", sent, v, ok, exact(sent))
		}
		if again, ok := field.ParseNumber(string(field.AppendNumber(nil, v.Number))); !ok || again != v.Number {
			t.Fatalf("%d is written %s", v.Number, field.AppendNumber(nil, v.Number))
		}
	})
}

func readSent(value string) (field.Value, bool) {
	var s field.Subject
	s.Reset(&events.Event{Rest: []byte(`{"x":` + value + `}`)}, -1)
	return field.Property("x").Read(&s)
}

// oracle is what a property is by encoding/json and math/big.
func oracle(object []byte, names []string) (text string, number int64, isNumber, ok bool) {
	d := json.NewDecoder(bytes.NewReader(object))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil {
		return
	}
	for _, n := range names {
		m, _ := v.(map[string]any)
		v = m[n]
	}
	switch v := v.(type) {
	case string:
		plain := len(v) > 0 && json.Valid([]byte(v)) && strings.Trim(v, "-+.0123456789eE") == ""
		if plain && large(v) {
			return "", 0, true, false
		}
		if plain {
			number = exact(v)
		}
		return v, number, plain, true
	case bool:
		return map[bool]string{true: "true", false: "false"}[v], 0, false, true
	case json.Number:
		if large(string(v)) {
			return "", 0, true, false
		}
		if x, _ := new(big.Rat).SetString(string(v)); x.Cmp(big.NewRat(exact(string(v)), field.One)) != 0 {
			text = string(v)
		}
		return text, exact(string(v)), true, true
	}
	return
}

// same says whether the text of a number is its number.
func same(v field.Value) bool {
	x, _ := new(big.Rat).SetString(v.String())
	return x.Cmp(big.NewRat(v.Number, field.One)) == 0
}

// large is beyond what math/big should be asked.
func large(n string) bool {
	_, exponent, _ := strings.Cut(strings.ToLower(n), "e")
	return len(n) > 100 || len(exponent) > 4
}

func agree(tb rapid.TB, object []byte, names ...string) {
	var s field.Subject
	s.Reset(&events.Event{Rest: object}, -1)
	v, ok := field.Property(names...).Read(&s)
	text, number, isNumber, has := oracle(object, names)
	if isNumber && !has {
		return
	}
	if ok != has || v.IsNumber != isNumber || v.Number != number || v.Text != text || v.IsNumber && v.Exact() != same(v) {
		tb.Fatalf("%q of %s: %+v, %v; want %q %d %v %v", names, object, v, ok, text, number, isNumber, has)
	}
}

// TestReadProperty: what is read in place is what encoding/json reads, of equal names the last.
func TestReadProperty(t *testing.T) {
	leaf := []string{`1`, `-2.5`, `"t"`, `"4.5"`, `true`, `false`, `null`, `[1,{"a":2}]`, `"\u0061\n"`, `1e3`, `""`, `12345678901234567`, `1.50`, `1.23456789`, `-1e13`, `"9000000000000.0000001"`}
	var value func(t *rapid.T, depth int) string
	value = func(t *rapid.T, depth int) string {
		if depth == 0 || rapid.Bool().Draw(t, "leaf") {
			return rapid.SampledFrom(leaf).Draw(t, "value")
		}
		var b strings.Builder
		for i := range rapid.IntRange(0, 4).Draw(t, "members") {
			b.WriteString(strings.Repeat(",", min(i, 1)) + rapid.SampledFrom([]string{`"a"`, ` "b" `, `"\u0061"`, `"c"`}).Draw(t, "name") + ":" + value(t, depth-1))
		}
		return "{" + b.String() + "}"
	}
	rapid.Check(t, func(t *rapid.T) {
		name := func(plain, escaped string) string { return rapid.SampledFrom([]string{plain, escaped}).Draw(t, "top") }
		object := "{" + name(`"a"`, `"\u0061"`) + ":" + value(t, 3) + "," + name(`"b"`, `"\u0062"`) + ":" + value(t, 3) + "," + name(`"a"`, `"\u0061"`) + ":" + value(t, 3) + "}"
		agree(t, []byte(object), rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c"}), 1, 3).Draw(t, "path")...)
	})
}

// FuzzRead: whatever bytes stand there, reading ends, and of JSON it is what encoding/json reads.
func FuzzRead(f *testing.F) {
	f.Add([]byte(`{"a":{"b":"x\u00e9"},"a":{"b":1e5}}`), "a", "b")
	f.Add([]byte(`{"a":[{}`), "a", "")
	f.Fuzz(func(t *testing.T, object []byte, a, b string) {
		if a == "" || strings.Contains(a+b, "\x00") {
			return
		}
		var d any
		err := json.NewDecoder(bytes.NewReader(object)).Decode(&d)
		if err != nil || !json.Valid(object) || !utf8.Valid(object) || errors.Is(err, io.EOF) {
			var s field.Subject
			s.Reset(&events.Event{Rest: object, Items: make([]events.Item, 1)}, 0)
			field.Property(a, b).Read(&s)
			field.Item(a).Read(&s)
			return
		}
		agree(t, object, a)
		agree(t, object, a, b)
	})
}

func paths(tb testing.TB, names ...string) (all []field.Path) {
	for _, n := range names {
		p, err := field.Parse(n)
		if err != nil {
			tb.Fatal(err)
		}
		all = append(all, p)
	}
	return all
}

// TestNoAllocation: neither the fixed fields nor a text without escapes cost memory.
func TestNoAllocation(t *testing.T) {
	s := field.Subject{Currency: hkd}
	e := decode(t, "Order Completed", sale)
	all := paths(t, append(field.Names(), "properties.store.city", "properties.score", "item.colour", "item.size.cm")...)
	if n := testing.AllocsPerRun(100, func() {
		s.Reset(e, 0)
		for _, p := range all {
			p.Read(&s)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkRead(b *testing.B) {
	s := field.Subject{Currency: hkd}
	s.Reset(decode(b, "Order Completed", sale), 0)
	for _, p := range paths(b, "order_id", "value", "item.category", "properties.store.city", "properties.score", "item.colour") {
		b.Run(p.String(), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				p.Read(&s)
			}
		})
	}
}
