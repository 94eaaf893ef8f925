package rules_test

import (
	"strings"
	"testing"
	"time"

	"github.com/touchfold/touchfold/config/rulefile"
	"github.com/touchfold/touchfold/state"
	"github.com/touchfold/touchfold/state/rules"
)

// lint is the warnings of a book of one segment or trigger, without those that are about its owner.
func lint(t *testing.T, text string) (warnings []string) {
	t.Helper()
	book, err := rulefile.Parse("rules", []byte("version: 1\n"+text))
	if err != nil {
		t.Fatal(err)
	}
	stage := state.Figure{Name: "lifecycle.stage", Text: true, Texts: []string{"loyal", "lapsed"}, Stamp: func(state.Known) uint64 { return 0 }}
	for _, w := range rules.Lint(rules.Config{Book: book, Calendar: state.NewCalendar(time.UTC), Zones: state.NewZones(),
		Figures: []state.Figure{stage}}) {
		warnings = append(warnings, w.Text)
	}
	return warnings
}

func TestLint(t *testing.T) {
	const about = ", owner: o, description: d"
	segment := func(when string) string { return "segments:\n  - {id: s" + about + ", when: " + when + "}\n" }
	trigger := func(rest string) string { return "triggers:\n  - {id: t" + about + ", " + rest + "}\n" }
	const count = "{event: Order Completed, count: true, op: "
	for _, c := range []struct{ text, want string }{ // want: the only warning, or "" for none
		{segment("{event: Order Completed}"), ""},
		{"segments:\n  - {id: s, owner: o, when: {event: Order Completed}}", "s: has no description"},
		{"segments:\n  - {id: s, description: d, when: {event: Order Completed}}", "s: has no owner"},
		{"segments:\n  - {id: s, when: {event: Order Completed}}", "s: has neither owner nor description"},
		{segment(count + "'<', value: 0}"), "s: is always false"},
		{segment(count + "'<', value: 1}"), ""},
		{segment(count + "'>=', value: 0}"), "s: is always true"},
		{segment(count + "'>=', value: 0.5}"), ""},
		{segment(count + "'>', value: -1}"), "s: is always true"},
		{segment(count + "'>', value: 0}"), ""},
		{segment(count + "'<=', value: -1}"), "s: is always false"},
		{segment(count + "'<=', value: 0}"), ""},
		{segment(count + "==, value: 1.5}"), "s: is always false"},
		{segment(count + "==, value: 2}"), ""},
		{segment(count + "'!=', value: -2}"), "s: is always true"},
		{segment("{event: Order Completed, sum: value, op: '<', value: 0}"), ""},
		{segment("{event: Order Completed, window: calendar 2d, ago: 1y}"), ""},
		{segment("{event: Order Completed, window: calendar 1d, ago: 1y}"), "s: never counts what was on some days"},
		{segment("{event: Order Completed, window: calendar 1d, ago: 4y}"), ""},
		{segment("{event: Order Completed, window: calendar 1d, ago: 30d}"), ""},
		{segment("{event: Order Completed, window: calendar 4d, ago: 11mo}"), ""},
		{segment("{event: Order Completed, window: calendar 3d, ago: 11mo}"), "s: never counts what was on some days"},
		{segment("{all: [" + count + "'>', value: 3, window: calendar 9d}, " + count + "'<', value: 2, window: calendar 9d, ago: 1y}]}"), ""},
		{segment("{all: [" + count + "'>', value: 3, window: calendar 9d, ago: 1y}, " + count + "'<', value: 2, window: calendar 9d, ago: 1y}]}"),
			"s: is always false below all"},
		{segment("{all: [{event: Order Completed, window: calendar 9d}, {event: Order Completed, window: calendar 9d, ago: 1y}]}"), ""},
		{segment("{all: [{event: Order Completed, window: calendar 9d, ago: 12mo}, {event: Order Completed, window: calendar 9d, ago: 12mo}]}"),
			"s: stands twice below all"},
		{trigger("on: {event: Order Completed, window: calendar 9d, ago: 1y}"), "t: each match happens at its own time"},
		{trigger("on: " + count + "'>=', value: 1, window: calendar 9d, ago: 1y}"), "t: has no expires"},
		{trigger("on: " + count + "'>=', value: 1, window: calendar 9d}"), ""},
		{segment("{bucket: {salt: x, percent: 0}}"), "s: is always false"},
		{segment("{bucket: {salt: x, percent: 100}}"), "s: is always true"},
		{segment("{bucket: {salt: x, percent: 50}}"), ""},
		{segment("{all: [" + count + "'>', value: 3}, " + count + "'<', value: 2}]}"), "s: is always false below all"},
		{segment("{all: [" + count + "'>', value: 3}, " + count + "'<', value: 5}]}"), ""},
		{segment("{any: [" + count + "'>', value: 3}, " + count + "'<', value: 2}]}"), ""},
		{segment("{all: [{event: Order Completed, sum: value, op: '>=', value: 3}, {event: Order Completed, sum: units, op: '<', value: 2}]}"), ""},
		{segment("{all: [{trait: {name: city, op: ==, value: A}}, {trait: {name: city, op: ==, value: B}}]}"), "s: is always false below all"},
		{segment("{all: [{trait: {name: city, op: ==, value: A}}, {trait: {name: town, op: ==, value: B}}]}"), ""},
		{segment("{any: [{event: Product Viewed}, {event: Product Viewed}]}"), "s: stands twice below any"},
		{segment("{any: [{event: Product Viewed}, {not: {event: Product Viewed}}]}"), "s: is always true"},
		{segment("{all: [{event: Product Viewed}, {not: {event: Product Viewed}}]}"), "s: is always false"},
		{segment("{event: Something Else}"), `s: "Something Else" is no event of the vocabulary`},
		{segment("{event: '*'}"), ""},
		{segment("{absence: {of: {event: Order Completed}, for: 3d}}"), "s: an absence that does not say of whom"},
		{segment("{absence: {of: {event: Order Completed}, for: 3d, among: everyone seen}}"), ""},
		{segment("{absence: {of: {event: Order Completed}, for: 3d, among: buyers}}"), ""},
		{segment("{absence: {of: {event: Order Completed}, for: 3d, after: {event: Some}}}"), `s: "Some" is no event`},
		{segment("{sequence: {steps: [{event: Product Viewed}, {event: Other Thing}], within: 1d}}"), `s: "Other Thing" is no event`},
		{segment("{feature: {name: lifecycle.stage, op: ==, value: laspd}}"), `s: lifecycle.stage is never "laspd"; did you mean lapsed?`},
		{segment("{feature: {name: lifecycle.stage, op: in, value: [lapsed, x]}}"), `s: lifecycle.stage is never "x"`},
		{segment("{feature: {name: lifecycle.stage, op: ==, value: lapsed}}"), ""},
		{segment("{feature: {name: lifecycle.stage, op: starts_with, value: la}}"), ""},
		{segment("{trait: {name: opted_in, op: ==, value: yes}}"), `s: compares with the text "yes"; what was sent as true`},
		{segment("{event: Order Completed, last: properties.x, op: in, value: [off]}"), `s: compares with the text "off"; what was sent as false`},
		{segment("{trait: {name: opted_in, op: ==, value: true}}"), ""},
		{trigger("on: {event: Order Completed}"), ""},
		{trigger("on: {date: {field: traits.birthday, recur: yearly}}"), "t: has no expires"},
		{trigger("on: {date: {field: traits.birthday, recur: yearly}}, expires: 12h"), ""},
		{trigger("on: {event: Order Completed}, settle: 2d, expires: 1d"), "t: settle is longer than expires"},
		{trigger("on: {event: Order Completed}, settle: 24h, expires: 2d"), ""},
		{trigger("on: {event: Order Completed}, settle: 24h"), ""},
		{trigger("on: {event: Order Completed}, when: {event: Nothing}"), `t: "Nothing" is no event`},
		{trigger("on: {becomes: {bucket: {salt: x, percent: 0}}}"), "t: is always false"},
		{segment("{event: Product Viewed}") + "  - {id: s2" + about + ", when: {event: Product Viewed, count: true, op: '>=', value: 1}}", "s2: means the same as s"},
		{segment("{event: Product Viewed}") + "  - {id: s2" + about + ", when: {event: Product Viewed, count: true, op: '>=', value: 2}}", ""},
		{trigger("on: {event: Order Completed}") + "  - {id: t2" + about + ", on: {event: Order Completed}, priority: 2}", "t2: means the same as t"},
		{trigger("on: {event: Order Completed}") + "  - {id: t2" + about + ", on: {event: Order Completed}, when: {event: Product Viewed}}", ""},
	} {
		got := lint(t, c.text)
		if c.want == "" && len(got) == 0 || len(got) == 1 && c.want != "" && strings.HasPrefix(got[0], c.want) {
			continue
		}
		t.Errorf("%s\ngot  %q\nwant %q", c.text, got, c.want)
	}
}
