package features_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/touchfold/touchfold/config"
	"github.com/touchfold/touchfold/state/features"
)

// TestEveryFault: all that is wrong with a book is told at once, in order of the lines: also predicates, figures, fields and
// payloads of rules, and of leaves, that have other faults; and nothing that only follows from another fault.
func TestEveryFault(t *testing.T) {
	const text = `version: 1
segments:
- {id: a, when: {event: Order Completed, where: "event.valu > 1", sum: value, op: "~"}}
- {id: b, when: {feature: {name: purchases.nett, op: ">", valeu: 3}}}
- {id: c, when: {feature: {name: purchases.net, op: ">"}}}
- {id: d, when: {all: [{segment: {id: e}}, {segment: {id: a}}, 5, {if: "purchases.ordres > 3"}]}}
- {id: d, when: {if: "trait.city == \"x\""}}
- {id: f, id: g, when: {segment: {id: f}}}
- {id: h, when: {segment: {id: f}}}
- {id: i, nme: i, when: {date: {field: traits.birthday, recur: daily, of: {event: Identify, where: "event.names == 'x'"}}}}
triggers:
- {id: t, when: {if: "1"}, payload: {x: colour}}
- {id: u, on: {catalogue: {event: A, match: id, interest: {event: B, where: "a == 1"}, within: 1}}, payload: {y: colour, y: units}}
- {id: v, on: {event: Product Viewed}, payload: {z: colour, 1: id}, expires: 3}
`
	c, err := config.Parse("", nil, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	c.Rules = text
	err = features.CheckRules(c)
	if err == nil {
		t.Fatal("nothing is wrong")
	}
	var got []string
	for line := range strings.Lines(err.Error()) {
		got = append(got, strings.TrimSuffix(strings.TrimPrefix(line, c.RulesName()+":"), "\n"))
	}
	begins := func(line, with string) bool { return strings.HasPrefix(line, with) }
	if want := strings.Split(everyFault, "\n"); !slices.EqualFunc(got, want, begins) {
		t.Errorf("tells\n%s\nwant\n%s", strings.Join(got, "\n"), everyFault)
	}
}

const everyFault = `3:50: there is no event.valu; did you mean event.value?
3:83: op: "~" is none of ==, !=, <,
4:27: there is no figure purchases.nett; did you mean purchases.net?; touchfold rules features lists them
4:59: feature: valeu: there is no such key here
5:53: feature: value is missing: what does > compare with?
6:39: id: there is no segment e in this rulebook
6:64: all: wants a condition in braces
6:73: there is no purchases.ordres; did you mean purchases.orders?
7:8: segments: id: d stands twice, first in line 6
7:23: there is no trait; did you mean traits?
8:11: id stands twice, first in line 8
8:39: segments in a circle: f → f
10:11: nme: there is no such key here; did you mean name?
10:64: recur: "daily" is none of yearly, monthly
10:101: there is no event.names; did you mean event.name?
12:3: on is missing
12:23: the predicate is a number; write a condition, such as a comparison
13:35: catalogue: event: "A" is of a customer
13:78: there is no a
13:96: within: wants a duration with its unit
13:111: there is no field "colour"
13:122: payload: y stands twice, first in line 13
14:50: there is no field "colour"
14:61: payload: "1" is not a name
14:78: expires: wants a duration with its unit`
