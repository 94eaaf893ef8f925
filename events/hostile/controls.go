package hostile

import (
	"strconv"

	"github.com/touchfold/touchfold/events"
)

// Fate is what becomes of a record that looks like a control.
type Fate int

// The fates.
const (
	Touchpoint Fate = iota // it is decoded as any other
	Parked                 // as events.BadControl
	PassedOver             // another app's
	Unread                 // as a rulebook it is one of this app's; its text is refused and parked as events.BadControl
)

// ControlCase is a record and what becomes of it, which is never a control that is believed.
type ControlCase struct {
	Name   string
	Record events.Record
	Fate   Fate
}

// Controls are records that look like controls of an app.
func Controls(app string) []ControlCase {
	const book, past = string(events.RulebookControl), string(events.PastControl)
	own, other := "touchfold/"+app, "touchfold/"+app+"x"
	all := append(badEnvelopes(app),
		control("another app's rulebook", PassedOver, book, other, app+"x/rulebook/1/00", `{}`),
		control("another app's, of which nothing is right", PassedOver, past, other, "", `{`),
		control("of an app with no name", PassedOver, book, "touchfold/", "/rulebook/1/00", `{}`),
		control("of a shard, as marks are", PassedOver, past, own+"/3", app+"/past/3", `{"shard":3}`),
		control("a stranger's event of that name", Touchpoint, book, "web", "1", `{}`),
		control("in another app's case", PassedOver, past, "touchfold/"+app+" ", app+"/past/3", `{"shard":3}`),
		control("source in capitals", Touchpoint, past, "Touchfold/"+app, app+"/past/3", `{"shard":3}`),
		control("a later version", Touchpoint, "touchfold.rulebook.v2", own, app+"/rulebook/1/00", `{}`),
		control("a mark", Touchpoint, string(events.ShardOpened), own, "x", `{}`),
		control("no type", Touchpoint, "", own, "x", `{}`))
	for _, value := range []string{``, `{}`, `{"shard":-1}`, `{"shard":2147483648}`, `{"shard":1e0}`, `{"shard":1.0}`, `{"shard":"1"}`,
		`{"shard":+1}`, `{"shard":1} `, `{ "shard":1}`, `{"shard":1,"shard":2}`, `{"shard":}`, `{"shard":1`, `1}`, `[1]`, "{\"shard\":\xff}"} {
		all = append(all, control("past "+strconv.Quote(value), Parked, past, own, app+"/past/1", value))
	}
	for _, value := range []string{``, `null`, `{}`, `[]`, `{"serial":1}`, `{"serial":1,"features":{},"settings":{}}`,
		`{"serial":1,"features":null,"settings":null}`, `{"serial":0,"features":{"a":1},"settings":{}}`,
		`{"serial":-1,"features":{"a":1},"settings":{}}`, `{"serial":1.5,"features":{"a":1},"settings":{}}`,
		`{"serial":18446744073709551616,"features":{"a":1},"settings":{}}`, `{"serial":1,"features":{"a":0},"settings":{}}`,
		`{"serial":1,"features":{"a":-1},"settings":{}}`, `{"serial":1,"features":{"A":1},"settings":{}}`,
		`{"serial":1,"features":{"b":1,"a":1},"settings":{}}`, `{"serial":1,"features":{"a":1,"a":1},"settings":{}}`,
		`{"serial":1,"features":{"a":1},"settings":{"k":1}}`, `{"serial":1,"features":{"a":1},"settings":{"":"v"}}`,
		`{"serial":1,"features":{"a":1},"settings":{"k":"\u0000"}}`, `{"serial":1,"features":{"a":1},"settings":{"k":"\u0041"}}`,
		"{\"serial\":1,\"features\":{\"a\":1},\"settings\":{\"k\":\"\xff\"}}", `{"serial":1,"features":{"a":1},"settings":{"k":"\ud800"}}`,
		`{"serial":1,"features":{"a":1},"settings":{},"more":1}`, `{"Serial":1,"features":{"a":1},"settings":{}}`,
		`{"features":{"a":1},"serial":1,"settings":{}}`, `{"serial":1,"features":{"a":1},"settings":{}} `,
		`{"serial":1,"features":{"a":1},"settings":{}}x`, `{"serial": 1,"features":{"a":1},"settings":{}}`,
		`{"serial":1,"features":{"a":1},"settings":{}}`} { // the last one is right, but its id is another's
		all = append(all, control("rulebook "+strconv.Quote(value), Unread, book, own, app+"/rulebook/1/0123456789abcdef", value))
	}
	return all
}

// badEnvelopes are pasts of which only the headers are wrong.
func badEnvelopes(app string) []ControlCase {
	right := func() events.Record {
		c := events.Past(1, Append)
		value, headers := c.Record(app)
		return events.Record{Append: Append, Value: value, Headers: headers}
	}
	var all []ControlCase
	for i, h := range right().Headers {
		without := ControlCase{Name: "without " + h.Key, Record: right(), Fate: Parked}
		without.Record.Headers = append(without.Record.Headers[:i:i], without.Record.Headers[i+1:]...)
		switch h.Key {
		case "ce_type", "ce_source":
			without.Fate = Touchpoint
		case "content-type":
			continue // nobody asks for it
		}
		last := ControlCase{Name: "a second " + h.Key, Record: right(), Fate: without.Fate}
		last.Record.Headers = append(last.Record.Headers, events.Header{Key: h.Key, Value: []byte("x")})
		all = append(all, without, last)
	}
	second := ControlCase{Name: "ce_type not first", Record: right(), Fate: Touchpoint}
	hs := second.Record.Headers
	hs[0], hs[1] = hs[1], hs[0]
	behind := ControlCase{Name: "behind another header of that value", Record: right(), Fate: Touchpoint}
	behind.Record.Headers = append([]events.Header{{Key: "x", Value: []byte(events.PastControl)}}, behind.Record.Headers...)
	return append(all, second, behind)
}

func control(name string, fate Fate, kind, source, id, value string) ControlCase {
	c := Case{Name: name, Record: events.Record{Append: Append, Value: []byte(value)}}.with("ce_type", kind, "ce_specversion", "1.0",
		"ce_id", id, "ce_source", source, "ce_time", "2026-05-28T20:26:40Z", "content-type", "application/json")
	return ControlCase{Name: name, Record: c.Record, Fate: fate}
}
