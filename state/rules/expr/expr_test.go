package expr_test

import (
	"strings"
	"testing"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state/rules/expr"
	"github.com/touchfold/touchfold/state/rules/field"
)

var hkd = events.Currency{'H', 'K', 'D'}

// sale is an order with two lines.
func sale() *events.Event {
	return &events.Event{
		Type: events.OrderCompleted, Name: "Order Completed", Source: "pos", ID: "e1", Channel: "pos",
		Order: events.Order{ID: "o1", Currency: hkd, Value: 13912, Stated: true, Units: 3000},
		Items: []events.Item{{ProductID: "p1", Category: "tv", Quantity: 650, Price: 10000, Warranty: 24}, {ProductID: "p2", Quantity: 1000}},
		Rest: []byte(`{"city":"Hong Kong","gift":true,"score":"4.50","n":7,"tiny":0.1,"long":1745012345678901248,"other":1745012345678909999,"text":"1745012345678909999","third":0.33333333333,"ids":[1745012345678901248,7],"note":null,"tags":["a","b"],"nums":[1,2.5],"store":{"id":7,"dept":{"name":"tv"}},` +
			`"odd name":"x","a.b":"dot","also":"Hong Kong","seven":"7","products":[{"colour":"red"},{"colour":"blue","size":3}]}`),
		Traits: []events.Trait{{Name: "age", Value: []byte("41")}, {Name: "home.city", Value: []byte(`"Kowloon"`)}},
	}
}

func holds(t *testing.T, text string, e *events.Event, item int) bool {
	t.Helper()
	p, err := expr.Where(text)
	if err != nil {
		t.Errorf("%s: %v", text, err)
		return false
	}
	s := field.Subject{Currency: hkd}
	s.Reset(e, item)
	return p.Holds(&s)
}

// TestWhere is the language by hand: each predicate with what it says of the sale's first line.
func TestWhere(t *testing.T) {
	for text, want := range map[string]bool{
		`event.name == "Order Completed"`: true, `event.name != "Order Completed"`: false, `event.channel == 'pos' && event.source == 'pos'`: true,
		`event.value > 139`: true, `event.value == 139.12`: true, `event.value >= 139.120001`: false, `139.12 == event.value`: true, `event.value > 100u`: true,
		`event.units == 3`: true, `event.order_id == "o1"`: true, `event.currency == "HKD"`: true, `event.id == "e1"`: true,
		`event.value * 2 == 278.24`: true, `event.value / 3 == 46.373333`: true, `event.value - 0.02 + 1 == 140.1`: true, `-event.value < 0`: true, `event.value / 0 > 1`: false,
		`event.value + properties.n == 146.12`: true, `0.1 + 0.2 == 0.3`: true, `event["value"] > 1`: true,

		`event.value > 139.12`: false, `event.value < 139.12`: false, `event.value <= 139.12`: true, `event.value >= 139.12`: true, `event.value != 139.12`: false,
		`0.000003 * 0.5 == 0.000002`: true, `0.000001 * 0.5 == 0`: true, `0.000005 / 2 == 0.000002`: true, `event.value + 9000000000000 == 9000000000000`: true,
		`-9000000000000 - event.value == -9000000000000`: true, `9000000000000 * event.value == 9000000000000`: true, `1 / 0.000001 == 1000000`: true,
		`!(properties.nothing == true)`: false, `properties.nothing == false`: false, `!(properties.city == true)`: false,

		`properties.city == "Hong Kong"`: true, `properties["city"] == "Hong Kong"`: true, `properties["odd name"] == "x"`: true, `properties["a.b"] == "dot"`: true,
		`properties.score == 4.5`: true, `properties.score == "4.50"`: true, `properties.score == "4.5"`: false, `properties.n == 7`: true, `properties.n == "7"`: true,
		`properties.n > "6"`: true, `properties.tiny == 0.1`: true, `properties.tiny * 3 == 0.3`: true,
		`properties.gift`: true, `properties.gift == true`: true, `properties.gift && event.value > 1`: true, `!properties.gift`: false, `properties.gift == "true"`: true,
		`properties.city`: false, `!properties.city`: false, `properties.city == true`: false, `properties.city > 5`: false, `!(properties.city > 5)`: false,
		`properties.nothing == "x"`: false, `properties.nothing != "x"`: false, `!(properties.nothing == "x")`: false, `properties.nothing == "x" || properties.n == 7`: true,
		`properties.n == 7 || properties.nothing == "x"`: true, `!(properties.nothing == "x" && properties.n == 8)`: true, `properties.nothing == "x" && true`: false,
		`properties.store.id == 7`: true, `properties.store.dept.name == "tv"`: true, `properties["store"].dept["name"] == "tv"`: true, `properties.store == "x"`: false,
		`properties.city == properties.also`: true, `properties.n == properties.seven`: true, `properties.n < properties.score`: false, `properties.n != properties.nothing`: false,

		`has(properties.city)`: true, `has(properties.note)`: false, `has(properties.store)`: true, `has(properties.tags)`: true, `!has(properties.nothing.deep)`: true,
		`has(properties.store.id)`: true, `has(event.value)`: true, `has(item.category)`: true, `has(item.serial)`: false, `has(traits.age)`: true, `has(item.colour)`: true,
		`traits.age > 40`: true, `traits["home.city"] == "Kowloon"`: true, `traits.none > 40`: false,

		`item.product_id == "p1"`: true, `item.category in ["tv", "radio"]`: true, `item.category in ["radio"]`: false, `item.quantity == 0.65`: true, `item.price == 100`: true,
		`item.warranty_months >= 24`: true, `item.colour == "red"`: true, `item["colour"] == "red"`: true, `item["category"] == "tv"`: true, `item.serial == "s"`: false, `item.serial != "s"`: false,
		`properties.n in [1, 7]`: true, `properties.n in ["7"]`: true, `event.value in [139.12]`: true, `properties.nothing in [1]`: false, `!(event.channel in ["web"])`: true,
		`event.channel in []`: false, `event.channel in [properties.city, "pos"]`: true,

		`properties.city.startsWith("Hong")`: true, `properties.city.endsWith("ong")`: true, `properties.city.contains("g K")`: true, `properties.city.contains("x")`: false,
		`properties.city.matches("^H.*g$")`: true, `matches(properties.city, "k")`: false, `properties.city.startsWith(event.channel)`: false, `properties.n.startsWith("7")`: true,
		`size(event.channel) == 3`: true, `event.channel.size() > 2`: true, `size(properties.city) == 9`: true, `size(properties.tags) == 2`: true, `size(properties.store) == 2`: true,
		`event.value > 100 ? properties.n == 7 : properties.n == 8`: true, `properties.nothing > 1 ? true : true`: false, `(properties.gift ? 1 : 2) == 1`: true,
		`(properties.gift ? properties.n : properties.score) == 7`: true, `true`: true, `false`: false, `(event.value > 1) == true`: true,

		`properties.tags.exists(t, t == "a")`: true, `properties.tags.all(t, t == "a")`: false, `properties.tags.exists_one(t, t == "a")`: true, `properties.nums.exists(x, x == 2.5)`: true,
		`properties.nums.all(x, x >= 1)`: true, `properties.nums.filter(x, x > 1).size() == 1`: true, `properties.nums.map(x, x * 2)[1] == 5`: true, `"a" in properties.tags`: true,
		`properties.nums.exists(x, x == "1")`: true, `2.5 in properties.nums`: true, `"city" in properties`: true, `"note" in properties`: false, `properties.tags[0] == "a"`: true,
		`properties.tags[2] == "a"`: false, `properties.exists(k, k == "city")`: true, `event.channel + "x" == "posx"`: true, `properties.city + "!" == "Hong Kong!"`: true,
		`properties.long == "1745012345678901248"`: true, `properties.long == properties.other`: false, `properties.long < properties.other`: true,
		`properties.other == properties.text`: true, `properties.long in properties.ids`: true, `properties.other in properties.ids`: false,
		`properties.ids.exists(x, x == properties.other)`: false, `properties.ids.exists(x, x == "1745012345678901248")`: true, `properties.long >= 9000000000000`: true,
		`properties.third == 0.333333`: true, `(properties.third + properties.third) == 0.666666`: true, `properties.third + properties.n == 7.333333`: true,
		`properties.third == properties.third`: true, `properties.ids.exists(x, x + properties.third == 7.333333)`: true,
		`[1, 2].exists(x, x == properties.n - 5)`: true, `properties[event.channel] == 1`: false, `properties.tags == ["a", "b"]`: true, `properties.nothing.exists(x, x == 1)`: false,
		`properties.tags.exists(t, t == event.channel || item.colour == "red")`: true, `properties.tags.exists(t, has(t.x))`: false,
	} {
		if got := holds(t, text, sale(), 0); got != want {
			t.Errorf("%s: %v, want %v", text, got, want)
		}
	}
}

// TestCompiled: what should not need CEL does not.
func TestCompiled(t *testing.T) {
	for text, want := range map[string]bool{
		`properties.gift ? properties.gift : properties.city`: true, `event.value > 1 ? properties.gift : true`: true, `properties.a == properties.b && size(event.name) > 3`: true,
		`properties.gift == true || false`: true, `properties.tags.exists(t, t == "a")`: false,
	} {
		if p, err := expr.Where(text); err != nil || expr.Compiled(p) != want {
			t.Errorf("%s: %v, compiled %v", text, err, !want)
		}
	}
}

// TestLongText: a text too long to be matched is an error.
func TestLongText(t *testing.T) {
	e := sale()
	for n, want := range map[int]bool{8 << 10: true, 8<<10 + 1: false} {
		e.Rest = []byte(`{"long":"` + strings.Repeat("a", n) + `","list":[1]}`)
		for _, text := range []string{`properties.long.matches("a")`, `properties.list.exists(x, properties.long.matches("a"))`} {
			if holds(t, text, e, -1) != want || holds(t, "!"+text, e, -1) {
				t.Errorf("%s of %d bytes", text, n)
			}
		}
	}
}

func TestItem(t *testing.T) {
	for _, c := range []struct {
		text string
		item int
		want bool
	}{{`item.colour == "blue"`, 1, true}, {`item.size == 3`, 1, true}, {`item.size == 3`, 0, false}, {`item.colour == "red"`, -1, false}, {`event.value > 1`, 1, true}} {
		if got := holds(t, c.text, sale(), c.item); got != c.want {
			t.Errorf("%s of line %d: %v", c.text, c.item, got)
		}
	}
}

var figures = map[string]expr.Kind{"purchases.net": expr.Number, "purchases.orders": expr.Number, "lifecycle.stage": expr.Text, "tier": expr.Text}

func TestIf(t *testing.T) {
	known := map[string]field.Value{"purchases.net": field.NumberOf(139_120_000), "purchases.orders": field.NumberOf(4_000_000), "lifecycle.stage": {Text: "active"},
		"traits.city": {Text: "Hong Kong"}, "traits.age": field.ValueOf("41"), "traits.vip": {Text: "true"}}
	for text, want := range map[string]bool{
		`purchases.orders > 3 && traits.city == "Hong Kong"`: true, `purchases.net == 139.12`: true, `lifecycle.stage in ["active", "new"]`: true, `tier == "gold"`: false,
		`tier != "gold"`: false, `has(purchases.net)`: true, `has(traits.nothing)`: false, `traits.age >= 41`: true, `traits.vip`: true, `purchases.net / purchases.orders > 34.7`: true,
		`traits["city"].startsWith("Hong")`: true, `traits.age == purchases.orders + 37`: true, `[traits.city, tier].exists(x, x == "Hong Kong")`: false,
		`[traits.city].exists(x, x == "Hong Kong")`: true,
	} {
		p, err := expr.If(text, figures)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := p.HoldsOf(func(name string) (field.Value, bool) { v, ok := known[name]; return v, ok }); got != want {
			t.Errorf("%s: %v, want %v", text, got, want)
		}
	}
}

// TestFaults: each is one sentence at its place.
func TestFaults(t *testing.T) {
	for text, want := range map[string]string{
		`event.nmae == "x"`:                         `1:1: there is no event.nmae; did you mean event.name?`,
		`evnt.value == 1`:                           `1:1: there is no evnt.value; did you mean event.value?`,
		`event.value == "x"`:                        `1:13: == cannot be used with (number, text)`,
		"event.name == 'x' &&\n  event.valu > 3":    `2:3: there is no event.valu; did you mean event.value?`,
		"event.name == 'é' && foo":                  `1:22: there is no foo`,
		`event.value > 1 and event.units > 2`:       "1:17: the predicate cannot be read here: write && for and",
		`event.value > 1 OR event.units > 2`:        "1:17: the predicate cannot be read here: write || for or",
		`(true) & (false)`:                          "1:8: the predicate cannot be read here: write && for and",
		`not event.value > 1`:                       "1:5: the predicate cannot be read here: write ! for not, as in !(a == b)",
		`event.name = "x" and true`:                 "1:12: the predicate cannot be read here: write == where two things are compared",
		`event.name <> "x"`:                         "1:13: the predicate cannot be read here: write != for <>",
		`event.value => 3`:                          "1:13: the predicate cannot be read here: write >= for =>",
		`event.name == “x y”`:                       "1:15: the predicate cannot be read here: curly quotes are none; write 'straight' ones around a text",
		`event.name == 'x`:                          "1:15: the predicate cannot be read here: a quote that is never closed",
		`birthday == 'x'`:                           "1:1: there is no birthday; did you mean properties.birthday or traits.birthday?",
		`product_id == 'x'`:                         "1:1: there is no product_id; did you mean item.product_id?",
		`birthday.day == 'x'`:                       "1:1: there is no birthday",
		`event.value ==`:                            `1:15: the predicate cannot be read here: mismatched input the end`,
		`event.value`:                               `the predicate is a number`,
		``:                                          `1:1: the predicate is empty`,
		`timestamp("x") == timestamp("y")`:          `1:1: there is no timestamp`,
		`event.name.startWith("x")`:                 `did you mean startsWith?`,
		`event.name.matches("(")`:                   `1:20: the pattern cannot be read: missing closing )`,
		`event.name.matches(event.channel)`:         `1:20: the pattern of matches is not a text written here`,
		`event.name.matches("(((a{99}){10}){10})")`: `the pattern cannot be read`,
		`event.name.matches("` + strings.Repeat("a", 257) + `")`:     `the pattern has 257 bytes; write it in at most 256`,
		`event.name.matches("(a{999}b{999})")`:                       `the pattern repeats too much`,
		`item.prodct_id == "x" && item.categry > 1`:                  ``,
		`item["category"] > 5`:                                       `1:20: here stands a number where a text is needed`,
		`properties.a in [1, "x"]`:                                   `1:21: here stands a text where a number is needed`,
		`properties.a == null`:                                       `1:17: null and bytes are no values here`,
		`properties.a == b"x"`:                                       `null and bytes are no values here`,
		`properties.a == 12345678901234567`:                          `1:17: the number is too long`,
		`properties.a == 1e15`:                                       `the number is too long`,
		`properties[""] == 1`:                                        `a name is empty`,
		`properties["a\u0000b"] == 1`:                                `a name is empty or has a zero byte`,
		`traits.a.b == 1`:                                            `1:1: a trait has no parts`,
		`item == 1`:                                                  `cannot be used with`,
		`has(item)`:                                                  `1:5: the predicate cannot be read here: invalid argument to has() macro`,
		`properties.tags.exists(event, event == 1)`:                  `hides`,
		`{"a": 1}.a == 1`:                                            `objects cannot be made here`,
		`event.name + 1 == "x"`:                                      `+ cannot be used with (text, number)`,
		"event.name == \"\xff\"":                                     `not UTF-8`,
		strings.Repeat("(", 200) + "true" + strings.Repeat(")", 200): `nested deeper than 50`,
	} {
		_, err := expr.Where(text)
		if want == "" {
			if err != nil {
				t.Errorf("%s: %v", text, err)
			}
		} else if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60q: %v; want %q", text, err, want)
		}
	}
	for text, want := range map[string]string{
		`purchases.nett > 3`: `1:1: there is no purchases.nett; did you mean purchases.net?`, `purchase.net > 3`: `did you mean purchases.net?`,
		`lifecycle.stage > 3`: `> cannot be used with (text, number)`, `traits.a.b == 1`: `a trait has no parts`, `event.name == "x"`: `there is no event`,
	} {
		if _, err := expr.If(text, figures); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v; want %q", text, err, want)
		}
	}
}

func TestUses(t *testing.T) {
	p, err := expr.Where(`event.value > 1 && (item.colour == "red" || has(item.colour)) && properties.tags.exists(t, t == properties.a.b)`)
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(p.Uses(), " "); got != "item.colour properties.a.b properties.tags value" || !p.OfItem() {
		t.Errorf("%s, %v", got, p.OfItem())
	}
	if p, err := expr.Where(`event.value > 1`); err != nil || p.OfItem() {
		t.Errorf("%v of an item, %v", p, err)
	}
	if p, err := expr.If(`purchases.net > 1 && traits.city == "x"`, figures); err != nil || strings.Join(p.Uses(), " ") != "purchases.net traits.city" {
		t.Errorf("%v, %v", p.Uses(), err)
	}
}

// TestCanonical: what differs only in how it is written down has one text, and that text means the same.
func TestCanonical(t *testing.T) {
	for text, same := range map[string]string{
		`event.value>100`: ` ( event.value  >  100.0 ) // much`, `event.name == "x"`: `event.name == 'x'`, `a && b`: ``,
		`properties.tags.exists(t, t == 1) && has(item.a)`: "properties.tags.exists( t,\n t == 1.0) && has(item.a)", `event.name == "\u00e9"`: `event.name == "é"`,
	} {
		if same == "" {
			continue
		}
		a, err := expr.Where(text)
		b, again := expr.Where(same)
		if err != nil || again != nil || a.Canonical() != b.Canonical() {
			t.Errorf("%s and %s: %v, %v", text, same, err, again)
			continue
		}
		if c, err := expr.Where(a.Canonical()); err != nil || c.Canonical() != a.Canonical() {
			t.Errorf("%s is written %s: %v", text, a.Canonical(), err)
		}
	}
}
