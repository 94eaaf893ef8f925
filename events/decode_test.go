package events_test

import (
	"encoding/base64"
	"fmt"
	"math/rand"
	"strings"
	"testing"
	"time"

	. "github.com/touchfold/touchfold/events"
)

const appended Instant = 1_780_000_000_000 // 2026-05-28T20:26:40Z

var testConfig = DecoderConfig{Currency: Currency{'H', 'K', 'D'}, MaxBytes: 4000, MaxDepth: 12, Ahead: 5 * time.Minute}

// writer writes records at random, mostly almost right.
type writer struct{ *rand.Rand }

func (w writer) one(of ...string) string { return of[w.Intn(len(of))] }

// rarely is true once in n times.
func (w writer) rarely(n int) bool { return w.Intn(n) == 0 }

func (w writer) space() string {
	if w.rarely(12) {
		return w.one(" ", "\n", "\t ", "\r\n")
	}
	return ""
}

// name writes a member's name, sometimes escaped.
func (w writer) name(s string) string {
	if w.rarely(25) {
		i := w.Intn(len(s))
		s = s[:i] + fmt.Sprintf(`\u%04X`, s[i]) + s[i+1:]
	}
	return `"` + s + `"`
}

// object writes about most of the members offered, in any order, some twice.
func (w writer) object(members ...func() (string, string)) string {
	var out []string
	for _, i := range w.Perm(len(members)) {
		for range [...]int{0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2}[w.Intn(21)] {
			k, v := members[i]()
			out = append(out, w.space()+w.name(k)+w.space()+":"+w.space()+v+w.space())
		}
	}
	return "{" + strings.Join(out, ",") + "}"
}

func (w writer) array(n int, element func() string) string {
	out := make([]string, n)
	for i := range out {
		out[i] = w.space() + element() + w.space()
	}
	return "[" + strings.Join(out, ",") + "]"
}

func (w writer) junk() string {
	if w.rarely(60) {
		return w.one(`01`, `+1`, `.5`, `1.`, `1e`, `-`, `NaN`, `"\x"`, `"\u12G4"`, `'a'`, `tru`, `"a`, "\"\n\"", `[1,]`, `{"a":1,}`, `{a:1}`, ``,
			`[[[[[[[[[[[[[1]]]]]]]]]]]]]`)
	}
	return w.one(`null`, `true`, `{}`, `[]`, `""`, `"  "`, `0`, `-0`, `12`, `1.5`, `1e3`, `"x"`, `{"a":{"b":[1,2,{"c":null}]}}`,
		`"\ud800"`, `"\udc00\ud800\udc00"`, `"\u0000"`, `"é€😀"`, `"\"\\\/\b\f\n\r\t"`,
		`"`+strings.Repeat("long ", 210)+`"`)
}

func (w writer) id() string {
	if w.rarely(40) {
		return w.junk()
	}
	return w.one(`"c-1"`, `"c-2"`, `"a/b%c"`, `"\u00e9"`, `17`, `"anon:x"`)
}

func (w writer) amount() string {
	switch w.Intn(60) {
	case 0:
		return w.junk()
	case 1:
		return w.one(`"NaN"`, `"-1.5"`, `-2`, `1e400`, `1e-400`, `"1e2147483648"`, `10000000000.00`, `10000000000.01`, `"12,5"`, `""`, `-1e-50`)
	case 2:
		return fmt.Sprintf("0.%0*d", 1+w.Intn(45), w.Int63())
	}
	s := fmt.Sprintf("%d.%0*d", w.Intn(1000), 1+w.Intn(3), w.Intn(10))
	if w.rarely(3) {
		s = fmt.Sprint(w.Intn(1000))
	}
	if w.rarely(8) {
		s += fmt.Sprintf("%s%s%d", w.one("e", "E"), w.one("", "+", "-"), w.Intn(6))
	}
	if w.rarely(6) {
		s = fmt.Sprint(w.Float64() * 100) // of many digits
	}
	if w.rarely(5) {
		return `"` + s + `"`
	}
	return s
}

func (w writer) time() string {
	switch w.Intn(30) {
	case 0:
		return w.junk()
	case 1:
		return w.one(`"1969-12-31T23:59:59Z"`, `"1970-01-01T00:00:00Z"`, `"0000-01-01T00:00:00Z"`, `"9999-12-31T23:59:59Z"`,
			`"2016-12-31T23:59:60Z"`, `"2017-01-01T07:59:60.5+08:00"`, `"2016-12-31T22:59:60Z"`, `"2024-02-30T00:00:00Z"`,
			`"2024-02-29T24:00:00Z"`, `"2024-02-29 10:00:00Z"`, `"2024-02-29T10:00:00"`, `"2024-02-29T10:00:00,5Z"`,
			`"2024-02-29T10:00:00.Z"`, `"2024-02-29T10:00:00+0800"`, `"2024-02-29T10:00:00+24:00"`, `1700000000000`, `"2023-02-29T10:00:00Z"`)
	}
	t := appended.Time().Add(time.Duration(w.Int63n(int64(800*time.Second))) - 400*time.Second)
	if w.rarely(2) {
		t = t.Add(-time.Duration(w.Int63n(int64(50 * 365 * 24 * time.Hour))))
	}
	layout := w.one(time.RFC3339, time.RFC3339Nano, "2006-01-02T15:04:05.000Z07:00", "2006-01-02t15:04:05.123456789z")
	if w.rarely(3) {
		t = t.In(time.FixedZone("", 60*(w.Intn(1600)-800)))
	}
	return `"` + t.Format(layout) + `"`
}

func (w writer) product() string {
	if w.rarely(80) {
		return w.junk()
	}
	return w.object(w.productMembers()...)
}

func member(name string, value func() string) func() (string, string) {
	return func() (string, string) { return name, value() }
}

func (w writer) productMembers() []func() (string, string) {
	return []func() (string, string){
		member(w.one("product_id", "sku", "item_id"), w.id),
		member(w.one("category", "item_category"), w.id),
		member("price", w.amount), member("quantity", w.amount),
		member(w.one("name", "serial_number", "brand"), w.id),
		member(w.one("warranty_months", "unit_cost"), func() string { return w.one(`12`, `"24"`, `1.5`, `-1`, `1e2`, `9999`, `true`) }),
	}
}

func (w writer) properties() string {
	if w.rarely(60) {
		return w.junk()
	}
	members := []func() (string, string){
		member(w.one("order_id", "transaction_id"), w.id), member("list", w.id),
		member("currency", func() string {
			return w.one(`"EUR"`, `"eur"`, `"JPY"`, `"KWD"`, `"HKD"`, `null`, `null`, `"EURO"`, `"€"`, `7`)
		}),
	}
	for _, f := range []string{"total", "revenue", "value", "units"} {
		if w.rarely(3) {
			members = append(members, member(f, w.amount))
		}
	}
	if w.rarely(6) {
		for _, f := range []string{"store_id", "workstation_id", "business_date", "sequence_number"} {
			members = append(members, member(f, w.id))
		}
	}
	if w.rarely(2) {
		members = append(members, member(w.one("products", "items"), func() string {
			if w.rarely(40) {
				return w.junk()
			}
			return w.array(w.Intn(4), w.product)
		}))
	} else {
		members = append(members, w.productMembers()...)
	}
	if w.rarely(10) {
		members = append(members, member(w.one("campaign", "userId", "type", "messageId", "x"), w.junk))
	}
	return w.object(members...)
}

func (w writer) event() string {
	return w.one("Order Completed", "Order Refunded", "Order Cancelled", "Order Updated", "purchase", "order.completed", "Product Viewed",
		"view_item", "Cart Viewed", "Email Opened", "Site Visited", "Product Price Changed", "Viewed Product Category", "Identify")
}

func (w writer) message() string {
	anything := func() string {
		return w.object(member("channel", w.id), member("campaign", w.junk), member("traits", w.traits), member("ip", w.junk))
	}
	members := []func() (string, string){
		member("event", func() string { return `"` + w.event() + `"` }),
		member("messageId", w.id), member("userId", w.id), member("properties", w.properties),
		member("context", func() string {
			if w.rarely(40) {
				return w.junk()
			}
			return anything()
		}),
	}
	if !w.rarely(40) { // the type must be there twice as surely
		members = append(members, member("type", func() string {
			return w.one(`"track"`, `"track"`, `"track"`, `"track"`, `"identify"`, `"page"`, `"screen"`, `"group"`, `"alias"`, `"Track"`)
		}))
	}
	for _, m := range []struct {
		name  string
		write func() string
	}{{"timestamp", w.time}, {"originalTimestamp", w.time}, {"sentAt", w.time}, {"receivedAt", w.time}, {"anonymousId", w.id},
		{"previousId", w.id}, {"groupId", w.id}, {"traits", w.traits}, {"integrations", w.junk}} {
		if w.rarely(2) {
			members = append(members, member(m.name, m.write))
		}
	}
	return w.object(members...)
}

func (w writer) traits() string {
	if w.rarely(30) {
		return w.junk()
	}
	return w.object(member("email", w.id), member("age", w.amount), member("address", w.junk), member("a", w.id), member("b", w.id))
}

func (w writer) attributes() map[string]string {
	a := map[string]string{"specversion": "1.0", "id": "e-1", "source": "/shop", "type": w.event(), "subject": "c-9", "sequence": "000017"}
	for _, name := range []string{"specversion", "id", "source", "type", "subject", "sequence"} {
		switch {
		case w.rarely(40) || name == "subject" && w.rarely(2):
			delete(a, name)
		case w.rarely(40):
			a[name] = w.one("", " ", "0.3", "\x00", "é", strings.Repeat("x", 1025), "1.0")
		}
	}
	if w.rarely(2) {
		a["time"] = strings.Trim(w.time(), `"`)
	}
	return a
}

func (w writer) record() *Record {
	r := &Record{Position: Position{"touchpoints", 3, 77}, Append: appended, Headers: []Header{{"x", []byte("y")}}}
	data := w.message()
	if w.rarely(2) {
		data = w.properties()
	}
	switch w.Intn(5) {
	case 0:
		w.inHeaders(r, data)
	case 1:
		data = w.inValue(r, data)
	default:
		data = w.message()
	}
	if w.rarely(10) {
		r.Headers = AppendOrigin(r.Headers, Origin{Position{"old", 1, 5}, appended - 100_000})
	}
	if w.rarely(30) && len(data) > 0 {
		i := w.Intn(len(data))
		data = data[:i] + w.one("", ",", "}", "\x00", "\xff", `"`, " ", "[") + data[i+w.Intn(2):]
	}
	r.Value = []byte(w.space() + data + w.space())
	return r
}

func (w writer) inHeaders(r *Record, data string) {
	a := w.attributes()
	for _, name := range []string{"type", "specversion", "id", "time", "source", "subject", "sequence", "extension"} {
		if v, ok := a[name]; ok {
			r.Headers = append(r.Headers, Header{"ce_" + name, []byte(v)})
		}
	}
}

func (w writer) inValue(r *Record, data string) string {
	r.Headers = append(r.Headers, Header{w.one("content-type", "Content-Type"),
		[]byte(w.one("application/cloudevents", "Application/CloudEvents+JSON; charset=utf-8", "application/cloudevents+json"))})
	a := w.attributes()
	members := []func() (string, string){member("data", func() string { return data }), member("extension", w.junk)}
	if w.rarely(6) {
		members[0] = member("data_base64", func() string { return `"` + base64.StdEncoding.EncodeToString([]byte(data)) + `"` })
	}
	if w.rarely(40) {
		members = append(members, member(w.one("data", "data_base64", "id", "source", "time", "subject", "sequence"), w.junk))
	}
	for _, name := range []string{"specversion", "id", "source", "type", "time", "subject", "sequence"} {
		if v, ok := a[name]; ok {
			members = append(members, member(name, func() string { return fmt.Sprintf("%q", v) }))
		}
	}
	return w.object(members...)
}

// TestDecodeAgainstOracle writes records at random and holds the decoder to what encoding/json, big.Rat and time.Parse
// make of them.
func TestDecodeAgainstOracle(t *testing.T) {
	n := 15_000
	if testing.Short() {
		n = 5_000
	}
	d := NewDecoder(testConfig)
	w := writer{rand.New(rand.NewSource(1))}
	outcomes := map[string]int{}
	for i := range n {
		r := w.record()
		if diff := compare(d, testConfig, r); diff != "" {
			t.Fatalf("record %d\n%s\nheaders %q\n%s", i, r.Value, r.Headers, diff)
		}
		var e Event
		if refusal := d.Decode(r, &e); refusal != nil {
			outcomes[refusal.Reason.String()]++
		} else {
			outcomes["accepted"]++
			for _, note := range AllNotes {
				if d.Notes().Has(note) {
					outcomes["note "+note.String()]++
				}
			}
		}
	}
	t.Log(outcomes)
	for _, r := range Reasons {
		if outcomes[r.String()] == 0 && r != TooLarge && r != BadControl {
			t.Errorf("no record was refused as %s: the test does not reach it", r)
		}
	}
	for _, note := range AllNotes {
		if outcomes["note "+note.String()] == 0 {
			t.Errorf("no record was noted as %s: the test does not reach it", note)
		}
	}
	if outcomes["accepted"] < n/4 {
		t.Errorf("only %d of %d records accepted: the test does not reach the fields", outcomes["accepted"], n)
	}
}

// FuzzDecode does the same with what the fuzzer makes of such records.
func FuzzDecode(f *testing.F) {
	w := writer{rand.New(rand.NewSource(2))}
	for range 200 {
		r := w.record()
		f.Add(r.Value, uint8(len(r.Headers)))
	}
	d := NewDecoder(testConfig)
	f.Fuzz(func(t *testing.T, value []byte, shape uint8) {
		r := &Record{Position: Position{"touchpoints", 3, 77}, Append: appended, Value: value}
		switch shape % 3 {
		case 1:
			r.Headers = []Header{{"ce_specversion", []byte("1.0")}, {"ce_id", []byte("1")}, {"ce_source", []byte("/s")}, {"ce_type", []byte("order.completed")}}
		case 2:
			r.Headers = []Header{{"content-type", []byte("application/cloudevents")}}
		}
		if diff := compare(d, testConfig, r); diff != "" {
			t.Fatalf("%s\n%s", value, diff)
		}
	})
}
