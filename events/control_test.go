package events_test

import (
	"reflect"
	"testing"

	. "github.com/touchfold/touchfold/events"
)

// recordOf is a control as it comes back from the log.
func recordOf(c *Control, app string) *Record {
	value, headers := c.Record(app)
	return &Record{Position: Position{Topic: "touchpoints", Partition: 3, Offset: 7}, Append: c.At, Value: value, Headers: headers}
}

func TestControlRoundTrip(t *testing.T) {
	for _, c := range []Control{
		Past(0, 1_780_000_000_000),
		Past(1023, 1_780_000_000_123),
		{Kind: RulebookControl, ID: "rulebook/3/0123456789abcdef", At: 1_780_000_000_000, Value: []byte(`{"serial":3}`)},
	} {
		for _, app := range []string{"shop", "a", "shop/eu", ""} {
			got, refusal := ControlOf(recordOf(&c, app), app)
			if refusal != nil || !reflect.DeepEqual(got, c) {
				t.Errorf("app %q: %+v %v, want %+v", app, got, refusal, c)
			}
			if got, refusal := ControlOf(recordOf(&c, app), app+"2"); refusal != nil || got.Kind != OtherControl {
				t.Errorf("app %q read by another: %+v %v", app, got, refusal)
			}
		}
	}
}

// TestControlGolden: what is in the log stays readable, so the bytes are written down here.
func TestControlGolden(t *testing.T) {
	c := Past(5, 1_780_000_000_000)
	r := recordOf(&c, "shop")
	text := string(r.Value)
	for _, h := range r.Headers {
		text += "\n" + h.Key + "=" + string(h.Value)
	}
	const want = `{"shard":5}
ce_type=touchfold.past.v1
ce_specversion=1.0
ce_id=shop/past/5
ce_source=touchfold/shop
ce_time=2026-05-28T20:26:40Z
content-type=application/json`
	if text != want {
		t.Errorf("got\n%s\nwant\n%s", text, want)
	}
}

// TestControlIsNoTouchpoint: a program that does not ask ControlOf parks what it cannot read, and folds nothing.
func TestControlIsNoTouchpoint(t *testing.T) {
	c := Past(5, 1_780_000_000_000)
	var e Event
	if refusal := NewDecoder(testConfig).Decode(recordOf(&c, "shop"), &e); refusal == nil || refusal.Reason != NoCustomer {
		t.Errorf("%v", refusal)
	}
}

// TestSetCurrency: from the next event on.
func TestSetCurrency(t *testing.T) {
	d := NewDecoder(DecoderConfig{Currency: money("HKD")})
	r := order("Order Completed", `"total":150`)
	r.Append = appended
	var e Event
	for _, want := range []Order{
		{Currency: money("HKD"), Value: 15000, Stated: true, Defaulted: true},
		{Currency: money("JPY"), Value: 150, Stated: true, Defaulted: true},
	} {
		d.SetCurrency(want.Currency)
		if refusal := d.Decode(&r, &e); refusal != nil || e.Order != want {
			t.Errorf("%v %+v, want %+v", refusal, e.Order, want)
		}
	}
}

func FuzzControl(f *testing.F) {
	c := Past(5, 1_780_000_000_000)
	value, headers := c.Record("shop")
	for _, h := range headers {
		f.Add(h.Key, h.Value, value)
	}
	f.Fuzz(func(t *testing.T, key string, header, value []byte) {
		_, headers := c.Record("shop")
		r := Record{Value: value, Headers: append(headers, Header{Key: key, Value: header})}
		got, refusal := ControlOf(&r, "shop")
		if refusal != nil || got.Kind != PastControl {
			return
		}
		if back := Past(got.Shard, got.At); string(back.Value) != string(value) {
			t.Errorf("%q is read as shard %d", value, got.Shard)
		}
	})
}

func BenchmarkControlOfTouchpoint(b *testing.B) {
	r := Record{Headers: []Header{{"ce_type", []byte("Order Completed")}, {"ce_id", []byte("1")}}}
	b.ReportAllocs()
	for b.Loop() {
		if c, _ := ControlOf(&r, "shop"); c.Kind != NoControl {
			b.Fatal(c)
		}
	}
}
