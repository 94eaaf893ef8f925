package events_test

import (
	"fmt"
	"math/rand"
	"strings"
	"testing"

	. "github.com/touchfold/touchfold/events"
)

// accept decodes a value that must be an event.
func accept(t *testing.T, r Record) (Event, Notes) {
	t.Helper()
	if r.Append == 0 {
		r.Append = appended
	}
	d := NewDecoder(DecoderConfig{Currency: money("HKD")})
	var e Event
	if refusal := d.Decode(&r, &e); refusal != nil {
		t.Fatalf("%s: %v", r.Value, refusal)
	}
	return e, d.Notes()
}

func segment(value string) Record { return Record{Value: []byte(value)} }

// order is an Order Completed with these properties.
func order(name, properties string) Record {
	return segment(`{"type":"track","event":"` + name + `","messageId":"m","userId":"c","timestamp":"2026-01-01T00:00:00Z","properties":{` + properties + `}}`)
}

// TestOrderFields is the contract's rows on amounts, by hand.
func TestOrderFields(t *testing.T) {
	eur, jpy := money("EUR"), money("JPY")
	for _, c := range []struct {
		event, properties string
		want              Order
		items             string
		notes             Notes
	}{
		{"Order Completed", `"order_id":"o","total":139.12,"currency":"EUR","units":3`, Order{ID: "o", Currency: eur, Value: 13912, Stated: true, Units: 3000}, "[]", 0},
		{"Order Completed", `"total":0,"revenue":5,"currency":"EUR"`, Order{Currency: eur, Stated: true}, "[]", 0},
		{"Order Completed", `"total":null,"revenue":"5","value":7,"currency":"eur"`, Order{Currency: eur, Value: 500, Stated: true}, "[]", 0},
		{"purchase", `"transaction_id":7,"value":7.005,"currency":"EUR"`, Order{ID: "7", Currency: eur, Value: 701, Stated: true}, "[]", Rounded},
		{"Order Completed", `"total":7.4999,"currency":"JPY"`, Order{Currency: jpy, Value: 7, Stated: true}, "[]", Rounded},
		{"Order Completed", `"total":1.5`, Order{Currency: money("HKD"), Value: 150, Stated: true, Defaulted: true}, "[]", NoCurrency},
		{"Order Completed", `"order_id":"o"`, Order{ID: "o", Currency: money("HKD"), Defaulted: true}, "[]", 0},
		{"Order Refunded", `"total":"-12.345","currency":"EUR"`, Order{Currency: eur, Value: 1235, Stated: true}, "[]", Rounded},
		{"Order Completed", `"currency":"EUR","products":[{"product_id":"a","price":0.333,"quantity":3},{"sku":"b","price":1.005},{"item_id":3,"quantity":0.65}]`,
			Order{Currency: eur, Value: 200, Stated: true}, "[{a  3 33  0} {b  1 101  0} {3  0.65 0  0}]", Rounded},
		{"Order Refunded", `"currency":"EUR","products":[{"product_id":"a","price":2,"quantity":-3},{"product_id":"b","price":1,"quantity":1}]`,
			Order{Currency: eur, Value: 500, Stated: true}, "[{a  3 200  0} {b  1 100  0}]", 0},
		{"Order Completed", `"total":1,"currency":"EUR","products":[{"product_id":"w","category":"tv","serial_number":"s","warranty_months":"24","quantity":"1.23456"}]`,
			Order{Currency: eur, Value: 100, Stated: true}, "[{w tv 1.235 0 s 24}]", Rounded},
		{"Order Completed", `"currency":"JPY","products":[{"price":4e9},{"price":4e9},{"price":4e9}]`,
			Order{Currency: jpy, Value: 12_000_000_000, Stated: true}, "[{  1 4000000000  0} {  1 4000000000  0} {  1 4000000000  0}]", 0},
		{"Product Viewed", `"product_id":"p","price":9.99,"currency":"EUR","category":"tv"`,
			Order{Currency: eur, Value: 999, Stated: true}, "[{p tv 1 999  0}]", 0},
		{"Product Viewed", `"product_id":"p","price":"€9","quantity":2`, Order{}, "[{p  1 0  0}]", IgnoredAmount},
		{"Email Opened", `"total":"x","products":7,"currency":7`, Order{}, "[]", 0},
		{"Product Viewed", `"products":[{"product_id":"p"}],"items":[{"product_id":"q"},{"product_id":"r"}]`, Order{}, "[{p  1 0  0}]", 0},
		{"Product Viewed", `"products":null,"items":[{"product_id":"q"}],"products":[]`, Order{}, "[]", 0},
	} {
		e, notes := accept(t, order(c.event, c.properties))
		if e.Order != c.want || fmt.Sprint(e.Items) != c.items || notes != c.notes {
			t.Errorf("%s {%s}\ngot  %+v %v notes %b\nwant %+v %v notes %b", c.event, c.properties, e.Order, e.Items, notes, c.want, c.items, c.notes)
		}
	}
}

// TestRest: what was not taken, as it was sent and in that order.
func TestRest(t *testing.T) {
	for _, c := range []struct{ value, want string }{
		{`{"type":"page","userId":"c","properties":{"b": 1.0,"a":{"x" : [1, 2]}}}`, `{"b":1.0,"a":{"x" : [1, 2]}}`},
		{`{"type":"page","userId":"c","properties":{}}`, ``},
		{`{"type":"page","userId":"c","properties":{ "a":1, "b":2,"c" :3,"d":4 ,"e": 5,"f":6,"g":7 }}`, `{"a":1,"b":2,"c":3,"d":4,"e":5,"f":6,"g":7}`},
		{`{"type":"page","userId":"c","context":{"campaign":{"source":"mail"},"ip":"1"}}`, `{"campaign":{"source":"mail"}}`},
		{`{"type":"page","userId":"c","properties":{"campaign":"x"},"context":{"campaign":{"name":"y"}}}`, `{"campaign":"x","campaign":{"name":"y"}}`},
		{`{"type":"identify","userId":"c","properties":{"a":1},"context":{"campaign":{"name":"y"}}}`, ``},
		{`{"type":"track","event":"Order Completed","userId":"c","properties":{"coupon":"x","total":5,"revenue":4,"order_id":"o","tax":1}}`,
			`{"coupon":"x","revenue":4,"tax":1}`},
		{`{"type":"track","event":"Order Completed","userId":"c","properties":{"a":1,"products":[{"product_id":"p","name":"N","price":1},{"sku":"q","brand":"B"}],"z":2}}`,
			`{"a":1,"products":[{"name":"N"},{"brand":"B"}],"z":2}`},
		{`{"type":"track","event":"Order Completed","userId":"c","properties":{"products":[{"product_id":"p"},{"product_id":"q","sku":"r"}]}}`,
			`{"products":[{},{"sku":"r"}]}`},
		{`{"type":"track","event":"Order Completed","userId":"c","properties":{"products":[{"a":1}],"b":1,"products":[{"a":2}],"b":2}}`,
			`{"b":1,"products":[{"a":2}],"b":2}`},
		{`{"type":"page","userId":"c","properties":{"a":1},"properties":null}`, ``},
		{`{"type":"page","userId":"c","properties":{"a":1},"properties":{"b":1}}`, `{"b":1}`},
		{`{"type":"track","event":"Site Visited","userId":"c","properties":{"total":5,"products":[{"price":1}]}}`,
			`{"total":5,"products":[{"price":1}]}`},
	} {
		e, _ := accept(t, segment(c.value))
		if string(e.Rest) != c.want || c.want == "" && e.Rest != nil {
			t.Errorf("%s\ngot  %s\nwant %s", c.value, e.Rest, c.want)
		}
	}
}

// TestIdentity: where ids, customers and links come from.
func TestIdentity(t *testing.T) {
	till := `"store_id":"S/1","workstation_id":2,"business_date":"2026-01-01","sequence_number":17`
	ce := func(value string, more ...string) Record {
		r := segment(value)
		for i, h := range append([]string{"ce_specversion", "1.0", "ce_id", "e", "ce_source", "/s", "ce_type", "order.completed", "ce_subject", "sub"}, more...) {
			if i%2 == 0 {
				r.Headers = append(r.Headers, Header{Key: h})
			} else {
				r.Headers[i/2].Value = []byte(h)
			}
		}
		return r
	}
	at := func(r Record) Record {
		r.Position = Position{"touchpoints", 3, 99}
		return r
	}
	forwarded := at(segment(`{"type":"page","userId":"c"}`))
	forwarded.Headers = AppendOrigin(nil, Origin{Position{"touchpoints", 1, 5}, appended - 7})
	for _, c := range []struct {
		r    Record
		want string // customer, source, id, sequence, links
	}{
		{segment(`{"type":"page","userId":"c","anonymousId":"a","messageId":"m"}`), "c||m||a//"},
		{segment(`{"type":"page","anonymousId":"a","messageId":5}`), "anon:a||5||//"},
		{segment(`{"type":"alias","userId":"c","previousId":"p","messageId":"m"}`), "c||m||/p/"},
		{segment(`{"type":"group","userId":"c","groupId":"g","messageId":"m"}`), "c||m||//g"},
		{segment(`{"type":"track","event":"Order Completed","userId":"c","properties":{` + till + `}}`), "c|pos|S%2F1/2/2026-01-01/17||//"},
		{at(segment(`{"type":"track","event":"Order Completed","userId":"c","properties":{"store_id":"\u0001",` + till[17:] + `}}`)), "c|position|touchpoints/3/99||//"},
		{at(segment(`{"type":"track","event":"Order Completed","userId":"c","properties":{` + till[17:] + `}}`)), "c|position|touchpoints/3/99||//"},
		{segment(`{"type":"track","event":"Order Completed","userId":"c","messageId":"m","properties":{` + till + `}}`), "c||m||//"},
		{at(segment(`{"type":"page","userId":"c"}`)), "c|position|touchpoints/3/99||//"},
		{forwarded, "c|position|touchpoints/1/5||//"},
		{ce(`{"userId":"no","order_id":"o"}`), "sub|/s|e||//"},
		{ce(`{"type":"page","userId":"yes","messageId":"m"}`, "ce_sequence", "007"), "yes|/s|e|007|//"},
		{ce(`{"type":"page","anonymousId":"a"}`), "sub|/s|e||a//"},
		{segment(`{"type":"track","event":"Product Restocked","userId":"c","messageId":"m"}`), "||m||//"},
	} {
		e, _ := accept(t, c.r)
		got := fmt.Sprintf("%s|%s|%s|%s|%s/%s/%s", e.Customer, e.Source, e.ID, e.Sequence, e.Links.Anonymous, e.Links.Previous, e.Links.Group)
		if got != c.want {
			t.Errorf("%s %v\ngot  %s\nwant %s", c.r.Value, c.r.Headers, got, c.want)
		}
	}
}

// TestOrigin: a forwarded record keeps its instants; the origin's append time is believed up to the record's own.
func TestOrigin(t *testing.T) {
	own := Origin{Position{"touchpoints", 3, 99}, appended}
	for _, c := range []struct {
		headers   []Header
		want      Origin
		forwarded bool
	}{
		{nil, own, false},
		{AppendOrigin(nil, Origin{Position{"touchpoints", 1, 5}, 17}), Origin{Position{"touchpoints", 1, 5}, 17}, true},
		{AppendOrigin(nil, Origin{Position{"touchpoints", 1, 5}, appended + 9}), Origin{Position{"touchpoints", 1, 5}, appended}, true},
		{AppendOrigin(nil, Origin{Position{"touchpoints", 1, 5}, 17})[1:], own, false},
		{AppendOrigin(nil, Origin{Position{"", 1, 5}, 17}), own, false},
		{AppendOrigin(nil, Origin{Position{"another", 1, 5}, 17}), own, false},
		{AppendOrigin(nil, Origin{Position{"touchpoints", 3, 5}, 17}), own, false},
		{AppendOrigin(nil, Origin{Position{"touchpoints", -1, 5}, 17}), own, false},
		{append(AppendOrigin(nil, Origin{Position{"touchpoints", 1, 5}, 17}), Header{HeaderOriginOffset, []byte("5x")}), own, false},
	} {
		r := Record{Position: own.Position, Append: appended, Headers: c.headers, Value: []byte(`{"type":"page","userId":"c"}`)}
		if got, forwarded := OriginOf(&r); got != c.want || forwarded != c.forwarded {
			t.Errorf("%q: %v %v, want %v %v", c.headers, got, forwarded, c.want, c.forwarded)
		}
		if e, notes := accept(t, r); e.Time != c.want.Append || !notes.Has(NoTime) {
			t.Errorf("%q: time %v, want that of the origin, %v", c.headers, e.Time, c.want.Append)
		}
	}
	early := Record{Position: own.Position, Append: appended, Headers: AppendOrigin(nil, Origin{Position{"touchpoints", 1, 5}, appended - 600_000}),
		Value: []byte(`{"type":"page","userId":"c","timestamp":"` + (appended - 1000).String() + `"}`)}
	var e Event
	if refusal := NewDecoder(DecoderConfig{}).Decode(&early, &e); refusal == nil || refusal.Reason != FutureTime {
		t.Errorf("%v, want it to be in the future of its first append", refusal)
	}
}

// TestForwardedCopyIsTheSame: headers of ours do not change what an event is.
func TestForwardedCopyIsTheSame(t *testing.T) {
	r := Record{Position: Position{"t", 1, 5}, Append: appended, Value: []byte(`{"a":1}`), Headers: []Header{
		{"ce_type", []byte("x")}, {"ce_specversion", []byte("1.0")}, {"ce_id", []byte("1")}, {"ce_source", []byte("s")}, {"ce_subject", []byte("c")}}}
	first, _ := accept(t, r)
	moved := r
	moved.Position, moved.Append = Position{"t", 2, 8}, appended+1000
	moved.Headers = AppendOrigin(append([]Header{r.Headers[4], r.Headers[2]}, r.Headers[0], r.Headers[1], r.Headers[3]), Origin{r.Position, r.Append})
	second, _ := accept(t, moved)
	if show(&first) != show(&second) {
		t.Errorf("got  %s\nwant %s", show(&second), show(&first))
	}
	changed := r
	changed.Headers = append([]Header{}, r.Headers...)
	changed.Headers[4] = Header{"ce_subject", []byte("d")}
	if third, _ := accept(t, changed); third.Content == first.Content {
		t.Error("another subject, the same content")
	}
}

// TestContent holds fingerprints to what Python's hashlib says.
func TestContent(t *testing.T) {
	binary := Record{Value: []byte(`{"a":1}`), Headers: []Header{{"ce_type", []byte("x")}, {"ce_specversion", []byte("1.0")},
		{"ce_id", []byte("1")}, {"content-type", []byte("application/json")}, {"ce_source", []byte("s")}, {"ce_subject", []byte("c")}}}
	for _, c := range []struct {
		record Record
		want   uint64
	}{
		{segment(`{"type":"page","userId":"c"}`), 0xf1c49fabf13f4927},
		{binary, 0x0b26e0e8e30d09d8},
	} {
		if e, _ := accept(t, c.record); e.Content != c.want {
			t.Errorf("%s: %#x, want %#x", c.record.Value, e.Content, c.want)
		}
	}
}

// TestStringsStay: what an event holds outlives the record's bytes and the decoder's next events.
func TestStringsStay(t *testing.T) {
	w := writer{rand.New(rand.NewSource(5))}
	d := NewDecoder(testConfig)
	var kept []Event
	var shown []string
	for len(kept) < 300 {
		r := w.record()
		var e Event
		if d.Decode(r, &e) != nil {
			continue
		}
		kept, shown = append(kept, e), append(shown, show(&e)+string(e.Rest))
		clear(r.Value)
		for _, h := range r.Headers {
			clear(h.Value)
		}
	}
	for i := range kept {
		if got := show(&kept[i]) + string(kept[i].Rest); got != shown[i] {
			t.Fatalf("event %d changed\ngot  %s\nwant %s", i, got, shown[i])
		}
	}
}

// TestDecodeOverwrites: nothing of the former event is left in the next.
func TestDecodeOverwrites(t *testing.T) {
	w := writer{rand.New(rand.NewSource(6))}
	used, fresh := NewDecoder(testConfig), NewDecoder(testConfig)
	var again Event
	for range 3000 {
		r := w.record()
		var e Event
		first, second := fresh.Decode(r, &e), used.Decode(r, &again)
		if (first == nil) != (second == nil) || first == nil && show(&e)+string(e.Rest) != show(&again)+string(again.Rest) {
			t.Fatalf("%s\ngot  %s\nwant %s", r.Value, show(&again), show(&e))
		}
		fresh = NewDecoder(testConfig)
	}
}

// TestDetailsHoldNoCustomer: a refusal is logged, and names nothing of the record.
func TestDetailsHoldNoCustomer(t *testing.T) {
	const secret = "Xq7"
	for _, v := range []string{
		`{"type":"Xq7"}`, `{"type":"track","event":{"Xq7":1}}`, `{"type":"page","userId":{"Xq7":1}}`, `{"type":"page","userId":"c","timestamp":"Xq7"}`,
		`{"type":"track","event":"Order Completed","userId":"c","properties":{"total":"Xq7"}}`, `Xq7`, `"Xq7"`, `{"Xq7"`,
		`{"type":"track","event":"Order Completed","userId":"c","properties":{"currency":"Xq7x"}}`, `{"type":"page","userId":"Xq7\u0000"}`,
	} {
		var e Event
		refusal := NewDecoder(DecoderConfig{}).Decode(&Record{Value: []byte(v), Append: appended}, &e)
		if refusal == nil || refusal.Detail == "" || strings.Contains(refusal.String(), secret) {
			t.Errorf("%s: %v", v, refusal)
		}
	}
}
