// Package hostile is a corpus of records that a touchpoint topic may hold though nobody should have sent them, for
// tests of everything that reads the topic. Each is refused for one reason or accepted as documented, by a decoder with
// the defaults of events.DecoderConfig and the currency HKD. Its one rule: a case is added when something broke or
// could break, and none is taken away.
package hostile

import (
	"encoding/base64"
	"strings"

	"github.com/touchfold/touchfold/events"
)

// Append is the append time of every record, 2026-05-28T20:26:40Z.
const Append events.Instant = 1_780_000_000_000

// Case is one record and what becomes of it.
type Case struct {
	Name     string
	Record   events.Record
	Accepted bool
	Reason   events.Reason     // why it is refused; 0 if Accepted
	Customer events.CustomerID // whose event it is, if Accepted; "" of the catalogue's
	Raised   bool              // Accepted holds for a decoder with MaxBytes of 16 MiB; by default it is TooLarge
}

// Cases are the corpus: fresh records each time, at offsets 0, 1, 2 ... of partition 0 of the topic touchpoints.
func Cases() []Case {
	var all []Case
	for _, part := range [][]Case{texts(), deep(), shapes(), cloudEvents(), identities(), times(), amounts()} {
		all = append(all, part...)
	}
	for i := range all {
		r := &all[i].Record
		r.Position, r.Append = events.Position{Topic: "touchpoints", Offset: events.Offset(i)}, Append
	}
	return all
}

// refused is a case of a bare value.
func refused(name string, reason events.Reason, value string) Case {
	return Case{Name: name, Reason: reason, Record: events.Record{Value: []byte(value)}}
}

// accepted is a case of a bare value that is the event of customer.
func accepted(name string, customer events.CustomerID, value string) Case {
	return Case{Name: name, Accepted: true, Customer: customer, Record: events.Record{Value: []byte(value)}}
}

// with gives a case headers: name, value, name, value ...
func (c Case) with(headers ...string) Case {
	for i := 0; i < len(headers); i += 2 {
		c.Record.Headers = append(c.Record.Headers, events.Header{Key: headers[i], Value: []byte(headers[i+1])})
	}
	return c
}

// viewed is a page view of customer c with one more member, such as `"timestamp":1`.
func viewed(member string) string {
	return `{"type":"page","messageId":"m","userId":"c",` + member + `}`
}

// sold is an order of customer c with these properties.
func sold(properties string) string {
	return `{"type":"track","event":"Order Completed","messageId":"m","userId":"c","properties":{` + properties + `}}`
}

// texts are faults of the text itself.
func texts() []Case {
	ten := strings.Repeat("0123456789", 1<<20)
	big := accepted("10 MB of one property", "c", viewed(`"properties":{"x":"`+ten+`"}`))
	big.Raised = true
	null := refused("null value", events.NotJSON, "")
	null.Record.Value = nil
	return []Case{
		null, big,
		refused("empty value", events.NotJSON, ""),
		refused("space only", events.NotJSON, " \n\t"),
		refused("byte order mark", events.NotJSON, "\ufeff"+viewed(`"x":1`)),
		refused("trailing garbage", events.NotJSON, viewed(`"x":1`)+"x"),
		refused("two objects", events.NotJSON, viewed(`"x":1`)+viewed(`"x":1`)),
		refused("trailing comma", events.NotJSON, viewed(`"x":1,`)),
		refused("cut off", events.NotJSON, viewed(`"x":1`)[:40]),
		refused("NUL between members", events.NotJSON, viewed("\x00\"x\":1")),
		refused("NUL after the end", events.NotJSON, viewed(`"x":1`)+"\x00"),
		refused("NUL inside a string", events.NotJSON, viewed("\"x\":\"\x00\"")),
		refused("line feed inside a string", events.NotJSON, viewed("\"x\":\"\n\"")),
		refused("single quotes", events.NotJSON, `{'type':'page'}`),
		refused("comment", events.NotJSON, viewed(`/* x */"x":1`)),
		refused("NaN as a number", events.NotJSON, sold(`"total":NaN`)),
		refused("Infinity as a number", events.NotJSON, sold(`"total":-Infinity`)),
		refused("leading zero", events.NotJSON, sold(`"total":012`)),
		refused("leading plus", events.NotJSON, sold(`"total":+12`)),
		refused("hexadecimal", events.NotJSON, sold(`"total":0x10`)),
		refused("bad escape", events.NotJSON, viewed(`"x":"\x41"`)),
		refused("bad unicode escape", events.NotJSON, viewed(`"x":"\u12g4"`)),
		refused("plain text", events.NotJSON, "hello"),
		refused("XML", events.NotJSON, "<event/>"),
		refused("latin-1", events.InvalidUTF8, viewed("\"x\":\"caf\xe9\"")),
		refused("latin-1 in a name", events.InvalidUTF8, viewed("\"a name so long: caf\xe9 and more\":1")),
		refused("overlong UTF-8", events.InvalidUTF8, viewed("\"x\":\"\xc0\xaf\"")),
		refused("surrogate in UTF-8", events.InvalidUTF8, viewed("\"x\":\"\xed\xa0\x80\"")),
		refused("UTF-16", events.InvalidUTF8, "\xff\xfe{\x00}\x00"),
		refused("array", events.NotObject, `[`+viewed(`"x":1`)+`]`),
		refused("number", events.NotObject, "42"),
		refused("string", events.NotObject, `"page"`),
		refused("null", events.NotObject, "null"),
		accepted("lone surrogate", "\ufffd", `{"type":"page","userId":"\ud83d"}`),
		accepted("two lone surrogates", "\ufffd\ufffd", `{"type":"page","userId":"\udc00\ud83d"}`),
		accepted("duplicate names", "last", `{"type":"alias","userId":"first","userId":"last","type":"page"}`),
		accepted("duplicate objects", "c", viewed(`"context":{"channel":"pos"},"context":{}`)),
		accepted("escaped names", "c", `{"\u0074ype":"page","user\u0049d":"c"}`),
		accepted("white space everywhere", "c", " {\r\n\t\"type\" : \"page\" , \"userId\" : \"c\" } \n"),
	}
}

// deep are faults of nesting.
func deep() []Case {
	nested := func(n int) string { return viewed(`"x":` + strings.Repeat("[", n-1) + strings.Repeat("]", n-1)) }
	return []Case{
		accepted("64 deep", "c", nested(64)),
		refused("65 deep", events.TooDeep, nested(65)),
		refused("10,000 deep", events.TooDeep, nested(10_000)),
		refused("10,000 deep and cut off", events.TooDeep, strings.Repeat(`{"x":`, 10_000)),
		refused("300,000 brackets", events.TooDeep, strings.Repeat("[", 300_000)),
		refused("too deep before it is wrong", events.TooDeep, strings.Repeat("[", 65)+"}"),
		refused("wrong before it is too deep", events.NotJSON, "[}"+strings.Repeat("[", 65)),
	}
}

// shapes are objects that are none of the three shapes, or nearly so.
func shapes() []Case {
	return []Case{
		refused("no type", events.UnknownEnvelope, `{"event":"Order Completed","userId":"c"}`),
		refused("unknown type", events.UnknownEnvelope, `{"type":"purchase","userId":"c"}`),
		refused("type in capitals", events.UnknownEnvelope, `{"type":"TRACK","event":"Order Completed","userId":"c"}`),
		refused("empty object", events.UnknownEnvelope, `{}`),
		refused("type is a number", events.UnknownEnvelope, `{"type":1,"userId":"c"}`),
		refused("track without event", events.UnknownEnvelope, `{"type":"track","userId":"c"}`),
		refused("event is an object", events.UnknownEnvelope, `{"type":"track","event":{},"userId":"c"}`),
		refused("properties is a string", events.UnknownEnvelope, viewed(`"properties":"{}"`)),
		refused("context is an array", events.UnknownEnvelope, viewed(`"context":[]`)),
		refused("traits is a number", events.UnknownEnvelope, `{"type":"identify","userId":"c","traits":7}`),
		refused("structured CloudEvent without its header", events.UnknownEnvelope,
			`{"specversion":"1.0","id":"1","source":"/s","type":"order.completed","subject":"c","data":{}}`),
		accepted("unknown event", "c", `{"type":"track","event":"Teleported","userId":"c"}`),
		accepted("nulls everywhere", "c", `{"type":"page","userId":"c","messageId":null,"anonymousId":null,"timestamp":null,"context":null,"properties":null}`),
		accepted("catalogue without customer", "", `{"type":"track","event":"Product Restocked","properties":{"product_id":"p"}}`),
	}
}

// cloudEvents are faults of envelopes.
func cloudEvents() []Case {
	envelope := func(more string) string {
		return `{"specversion":"1.0","id":"1","source":"/s","type":"email.opened","subject":"c"` + more + `}`
	}
	structured := []string{"content-type", "application/cloudevents+json; charset=utf-8"}
	binary := []string{"ce_specversion", "1.0", "ce_id", "1", "ce_source", "/s", "ce_type", "email.opened", "ce_subject", "c"}
	without := func(name string) []string {
		var hs []string
		for i := 0; i < len(binary); i += 2 {
			if binary[i] != name {
				hs = append(hs, binary[i:i+2]...)
			}
		}
		return hs
	}
	coded := base64.StdEncoding.EncodeToString([]byte(`{"campaign_id":"x"}`))
	return []Case{
		accepted("binary", "c", `{}`).with(binary...),
		refused("binary without specversion", events.UnknownEnvelope, `{}`).with(without("ce_specversion")...),
		refused("binary without id", events.NoID, `{}`).with(without("ce_id")...),
		refused("binary without source", events.UnknownEnvelope, `{}`).with(without("ce_source")...),
		refused("binary without type", events.UnknownEnvelope, `{}`).with(without("ce_type")...),
		refused("binary without subject", events.NoCustomer, `{"userId":"c"}`).with(without("ce_subject")...),
		refused("specversion 0.3", events.UnknownEnvelope, `{}`).with(append(without("ce_specversion"), "ce_specversion", "0.3")...),
		refused("empty id", events.NoID, `{}`).with(append(binary, "ce_id", "")...),
		refused("id too long", events.NoID, `{}`).with(append(binary, "ce_id", strings.Repeat("x", events.MaxID+1))...),
		refused("subject is not UTF-8", events.InvalidUTF8, `{}`).with(append(binary, "ce_subject", "\xff")...),
		refused("bad time", events.BadTime, `{}`).with(append(binary, "ce_time", "yesterday")...),
		refused("null value of a CloudEvent", events.NotJSON, "").with(binary...),
		refused("data is an array", events.NotObject, `[]`).with(binary...),
		accepted("headers twice: the last counts", "d", `{}`).with(append(binary, "ce_subject", "d")...),
		accepted("data is a Segment message", "d", `{"type":"track","event":"Order Completed","userId":"d"}`).with(binary...),
		accepted("data only looks like a Segment message", "c", `{"type":"group","event":"x"}`).with(binary...),
		accepted("structured", "c", envelope(`,"data":{}`)).with(structured...),
		accepted("structured, header in capitals", "c", envelope(`,"data":{}`)).with("Content-Type", "APPLICATION/CLOUDEVENTS"),
		accepted("structured, base64", "c", envelope(`,"data_base64":"`+coded+`"`)).with(structured...),
		refused("structured, bad base64", events.NotJSON, envelope(`,"data_base64":"%%%"`)).with(structured...),
		refused("structured, data twice", events.UnknownEnvelope, envelope(`,"data":{},"data_base64":"`+coded+`"`)).with(structured...),
		refused("structured, no data", events.NotObject, envelope("")).with(structured...),
		refused("structured, data is a string", events.NotObject, envelope(`,"data":"{}"`)).with(structured...),
		refused("structured, no specversion", events.UnknownEnvelope, `{"id":"1","source":"/s","type":"t","subject":"c","data":{}}`).with(structured...),
		refused("structured, id is a number", events.NoID, envelope(`,"id":1,"data":{}`)).with(structured...),
		refused("structured, subject is an object", events.NoCustomer, envelope(`,"subject":{},"data":{}`)).with(structured...),
		refused("batch", events.NotObject, "["+envelope(`,"data":{}`)+"]").with("content-type", "application/cloudevents-batch+json"),
		accepted("malformed origin headers", "c", viewed(`"x":1`)).with(events.HeaderOriginTopic, "t", events.HeaderOriginOffset, "-1"),
	}
}
