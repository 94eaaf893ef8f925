package events_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand"
	"reflect"
	"strings"
	"testing"

	. "github.com/touchfold/touchfold/events"
)

func headersOf(d *Derived) map[string]string {
	h := map[string]string{}
	for _, header := range d.Headers {
		h[header.Key] = string(header.Value)
	}
	return h
}

var vip = Statement{Customer: "c-1", Shard: 3, Fact: "segment/vip", Value: True, N: 1, Effective: 1_767_225_600_000, AsOf: 1_767_225_600_123,
	Position: 42, Clock: 1_767_225_601_000, Because: []string{"m-1", "m-\"2\""}, Cause: ByEvent, Rule: "vip", RuleVersion: 2}

// fired makes s one on an occurrence.
func fired(s *Statement) {
	s.Fact, s.Payload = "trigger/cart/0a/2", []Property{{"total", "12.5"}, {"name", `"x\"y"`}}
}

// TestStatement is the contract's table of derived events, by hand.
func TestStatement(t *testing.T) {
	e := NewEncoder("shop", []byte("secret"))
	var d Derived
	if err := e.Statement(&vip, &d); err != nil {
		t.Fatal(err)
	}
	id := StatementID([]byte("secret"), "c-1", "segment/vip", 1)
	want := map[string]string{"ce_specversion": "1.0", "ce_id": id, "ce_type": "crm.segment.entered.v1", "ce_time": "2026-01-01T00:00:00Z",
		"ce_source": "touchfold/shop/3", "ce_subject": "c-1", "content-type": "application/json", "tf_position": "42", "tf_clock": "1767225601000"}
	if got := headersOf(&d); !reflect.DeepEqual(got, want) {
		t.Errorf("headers %v\nwant %v", got, want)
	}
	value := `{"type":"track","messageId":"` + id + `","userId":"c-1","event":"Audience Entered","timestamp":"2026-01-01T00:00:00Z",` +
		`"properties":{"audience_key":"vip"},"crm":{"fact":"segment/vip","previous":false,"current":true,"as_of":"2026-01-01T00:00:00.123Z","n":1,` +
		`"because":["m-1","m-\"2\""],"rule":"vip","rule_version":2,"cause":"event"}}`
	if string(d.Value) != value || string(d.Key) != "c-1" {
		t.Errorf("key %s value %s\nwant %s", d.Key, d.Value, value)
	}
	for _, c := range []struct {
		change func(s *Statement)
		kind   string
		parts  []string
	}{
		{func(s *Statement) { s.Value, s.Previous, s.N = "", True, 2 }, "crm.segment.exited.v1", []string{`"Audience Exited"`, `"previous":true,"current":false`}},
		{func(s *Statement) { s.Customer = "anon:a" }, "crm.segment.entered.v1", []string{`"anonymousId":"a","event"`}},
		{func(s *Statement) { s.Approximate = true }, "crm.segment.entered.v1", []string{`"approximate":true}`}},
		{func(s *Statement) { fired(s); s.Priority = -5 }, "crm.trigger.fired.v1", []string{`"cause":"event","priority":-5}}`}},
		{func(s *Statement) { s.Fact, s.Value, s.Previous = "lifecycle", "loyal", "repeat" }, "crm.lifecycle.changed.v1",
			[]string{`"Trait Computed"`, `"properties":{"lifecycle":"loyal"}`, `"previous":"repeat","current":"loyal"`}},
		{func(s *Statement) { s.Fact, s.Value, s.Previous = "lifecycle", "", "repeat" }, "crm.lifecycle.changed.v1",
			[]string{`"properties":{"lifecycle":null}`, `"previous":"repeat","current":null`}},
		{func(s *Statement) { fired(s) }, "crm.trigger.fired.v1", []string{`"event":"Trigger Fired"`,
			`"properties":{"trigger":"cart","occurrence":"0a/2","total":12.5,"name":"x\"y"},"crm":{"fact":"trigger/cart/0a/2"`}},
		{func(s *Statement) { fired(s); s.Value, s.Previous, s.N, s.Payload = "", True, 2, nil }, "crm.trigger.withdrawn.v1",
			[]string{`"event":"Trigger Withdrawn"`, `"properties":{"trigger":"cart","occurrence":"0a/2"},"crm"`}},
		{func(s *Statement) { s.Because = strings.Split(strings.Repeat("x,", 14)+"x", ",") }, "crm.segment.entered.v1",
			[]string{`"because":["x","x","x","x","x","x","x","x","x","x"],`}},
	} {
		s := vip
		c.change(&s)
		if err := e.Statement(&s, &d); err != nil {
			t.Fatal(err)
		}
		for _, part := range c.parts {
			if !strings.Contains(string(d.Value), part) || headersOf(&d)["ce_type"] != c.kind || !json.Valid(d.Value) {
				t.Errorf("%s %s\nwant %s %s", headersOf(&d)["ce_type"], d.Value, c.kind, part)
			}
		}
	}
}

// payload makes a statement on an occurrence that carries one thing more.
func payload(name, value string) func(s *Statement) {
	return func(s *Statement) { fired(s); s.Payload = append(s.Payload, Property{name, value}) }
}

func TestStatementRefusesNonsense(t *testing.T) {
	for _, change := range []func(s *Statement){
		func(s *Statement) { s.Fact = "segments" }, func(s *Statement) { s.Fact = "segment/" }, func(s *Statement) { s.Fact = "lifecycle/x" },
		func(s *Statement) { s.Payload = []Property{{"a", "1"}} }, payload("a", "{}"), payload("a", " []"), payload("a", ""), payload("a", "x"),
		payload("trigger", "1"), payload("occurrence", "1"), payload("total", "1"),
		func(s *Statement) { s.N = 2 }, func(s *Statement) { s.Value = "" }, func(s *Statement) { s.Value = "yes" },
	} {
		s := vip
		change(&s)
		if err := NewEncoder("shop", nil).Statement(&s, new(Derived)); err == nil {
			t.Errorf("%+v was written", s)
		}
	}
}

// TestStatementIDAgainstHMAC computes the id once more, by its definition.
func TestStatementIDAgainstHMAC(t *testing.T) {
	mac := hmac.New(sha256.New, []byte("k"))
	fmt.Fprintf(mac, "\x00\x00\x00\x03c-1\x00\x00\x00\x0bsegment/vip")
	binary.Write(mac, binary.BigEndian, uint32(7))
	if got, want := StatementID([]byte("k"), "c-1", "segment/vip", 7), hex.EncodeToString(mac.Sum(nil)[:16]); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if StatementID([]byte("k"), "c-1s", "egment/vip", 7) == StatementID([]byte("k"), "c-1", "segment/vip", 7) {
		t.Error("customer and fact run into each other")
	}
	if string(IDKey("a")) == string(IDKey("b")) || len(IDKey("a")) != 32 {
		t.Error("each app has a key of its own")
	}
}

// written is what the output topic will hold of d.
func written(d *Derived) *Record {
	return &Record{Key: d.Key, Value: d.Value, Headers: d.Headers}
}

// TestDerivedRoundTrip: what was said is read back as it was, and is a touchpoint that the decoder accepts.
func TestDerivedRoundTrip(t *testing.T) {
	r := rand.New(rand.NewSource(9))
	pick := func(of ...string) string { return of[r.Intn(len(of))] }
	e := NewEncoder("a/b", nil)
	decoder := NewDecoder(DecoderConfig{})
	var d Derived
	for range 3000 {
		s := Statement{Customer: CustomerID(pick("c", "anon:x", "é\"\\\u2028😀", "\ufffd")), Shard: ShardID(r.Intn(64)), N: 1 + uint32(r.Intn(9)),
			Effective: Instant(r.Int63n(4e12)), AsOf: Instant(r.Int63n(4e12)), Position: Offset(r.Int63()), Clock: Instant(r.Int63n(4e12)),
			Cause: Cause(pick("event", "time", "correction", "rules", "merge")), Rule: pick("vip", "", "\t\n\x1f\x7f"), RuleVersion: r.Uint64(), Priority: r.Intn(5) - 2, Approximate: r.Intn(2) == 0}
		for range r.Intn(4) {
			s.Because = append(s.Because, pick("m-1", "\"", "\x00", "é"))
		}
		if r.Intn(2) == 0 {
			s.Fact, s.Value, s.Previous = "lifecycle", pick("", "loyal", "won back"), pick("", "repeat", "null")
		} else if s.Fact, s.Previous = pick("segment/vip", "segment/é/x", "trigger/cart/é", "trigger/x"), True; s.N%2 == 1 {
			s.Value, s.Previous = True, ""
		}
		if strings.HasPrefix(s.Fact, "trigger/") && s.Value == True {
			for i := range r.Intn(3) {
				s.Payload = append(s.Payload, Property{pick("a", "é \"", "") + fmt.Sprint(i), pick("1", "-2.50", "true", "null", `"<é>\n"`)})
			}
		}
		if err := e.Statement(&s, &d); err != nil {
			t.Fatal(err)
		}
		got, mark, err := ParseDerived(written(&d))
		if err != nil || mark != nil {
			t.Fatalf("%s: %v %v", d.Value, mark, err)
		}
		if len(got.Because) == 0 {
			got.Because = nil
		}
		if !reflect.DeepEqual(*got, s) {
			t.Fatalf("got  %+v\nwant %+v", *got, s)
		}
		var event Event
		bare := Record{Append: 5e12, Value: d.Value}
		if refusal := decoder.Decode(&bare, &event); refusal != nil || event.Customer != s.Customer || event.Time != s.Effective || event.ID != headersOf(&d)["ce_id"] {
			t.Fatalf("%s as a touchpoint: %v %+v", d.Value, refusal, event)
		}
	}
}

// TestDerivedStays: what was encoded is as it was, however much is encoded after it, and as another encoder has it.
func TestDerivedStays(t *testing.T) {
	e := NewEncoder("shop", nil)
	statement := func(n int) *Statement {
		s := vip
		s.N, s.Rule = uint32(2*n+1), strings.Repeat("x", n*n%5000)
		if n%100 == 99 {
			s.Rule = strings.Repeat("y", 100_000)
		}
		return &s
	}
	all := make([]Derived, 500)
	for n := range all {
		if err := e.Statement(statement(n), &all[n]); err != nil {
			t.Fatal(err)
		}
		if err := e.Mark(&Mark{Kind: ShardAlive, At: Instant(n)}, new(Derived)); err != nil {
			t.Fatal(err)
		}
	}
	for n := range all {
		var want Derived
		if err := NewEncoder("shop", nil).Statement(statement(n), &want); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(all[n], want) {
			t.Fatalf("%d: %s %s %v", n, all[n].Key, all[n].Value, all[n].Headers)
		}
	}
}

func TestMarkRoundTrip(t *testing.T) {
	e := NewEncoder("shop", nil)
	var d Derived
	ids := map[string]bool{}
	for _, m := range []Mark{
		{Kind: ShardOpened, Shard: 5, At: 1_767_225_600_001, Instance: "host-1", ProducerID: 4000, Epoch: 7, Rulebook: "1:0a", Content: `{"<x>":"é"}`, MuteUntil: 123},
		{Kind: ShardRetired, Shard: 5, At: 1_767_225_600_001, Instance: "host-1", ProducerID: 4000, Epoch: 32767},
		{Kind: ShardAlive, Shard: 5, At: 1_767_225_600_001, Instance: "host-1", ProducerID: 4000, Epoch: 7},
		{Kind: ShardAlive, Shard: 5, At: 1_767_225_600_002, Instance: "host-1", ProducerID: 4000, Epoch: 7},
		{Kind: ShardAlive, Shard: 6, At: 1_767_225_600_002, Instance: "host-1", ProducerID: 4000, Epoch: 7},
	} {
		if err := e.Mark(&m, &d); err != nil {
			t.Fatal(err)
		}
		s, got, err := ParseDerived(written(&d))
		if err != nil || s != nil || *got != m || d.Key != nil {
			t.Errorf("got %+v %v %v, want %+v", got, s, err, m)
		}
		id := headersOf(&d)["ce_id"]
		if ids[id] || len(id) != 32 {
			t.Errorf("%+v: id %s is not its own", m, id)
		}
		ids[id] = true
	}
}

// TestParseDerivedRefuses: whatever is taken from the record, it is an error and not half a statement.
func TestParseDerivedRefuses(t *testing.T) {
	var d Derived
	if err := NewEncoder("shop", nil).Statement(&vip, &d); err != nil {
		t.Fatal(err)
	}
	whole := written(&d)
	for i, h := range whole.Headers {
		if h.Key == "ce_subject" || h.Key == "content-type" {
			continue
		}
		r := *whole
		r.Headers = append(append([]Header{}, whole.Headers[:i]...), whole.Headers[i+1:]...)
		if s, m, err := ParseDerived(&r); err == nil {
			t.Errorf("without %s: %v %v", h.Key, s, m)
		}
	}
	for _, change := range [][2]string{{`"current":true`, `"current":false`}, {`"current":true`, `"current":"true"`}, {`"n":1`, `"n":0`}, {`{`, ``},
		{`segment/vip`, `tier`}, {`"as_of":"2026`, `"as_of":"x`}} {
		r := *whole
		r.Value = []byte(strings.Replace(string(whole.Value), change[0], change[1], 1))
		if s, m, err := ParseDerived(&r); err == nil {
			t.Errorf("%s: %v %v", r.Value, s, m)
		}
	}
}

func BenchmarkStatement(b *testing.B) {
	e := NewEncoder("shop", nil)
	var d Derived
	b.ReportAllocs()
	for b.Loop() {
		if err := e.Statement(&vip, &d); err != nil {
			b.Fatal(err)
		}
	}
}
