package rulefile

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state/rules"
	"github.com/touchfold/touchfold/state/rules/ruletest"
)

func every(t testing.TB) []byte {
	t.Helper()
	raw, err := os.ReadFile("testdata/every.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func parse(t testing.TB, raw []byte) *rules.Book {
	t.Helper()
	b, err := Parse("f.yaml", raw)
	if err != nil {
		t.Fatalf("%v\n%s", err, raw)
	}
	return b
}

// walk calls f for a value and all that it consists of.
func walk(v reflect.Value, f func(reflect.Value)) {
	f(v)
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			walk(v.Elem(), f)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			walk(v.Field(i), f)
		}
	case reflect.Slice:
		for i := range v.Len() {
			walk(v.Index(i), f)
		}
	}
}

// placeless takes all places out of a book.
func placeless(b *rules.Book) *rules.Book {
	walk(reflect.ValueOf(b), func(v reflect.Value) {
		if v.Type() == reflect.TypeFor[rules.Place]() || v.Type() == reflect.TypeFor[rules.Origin]() {
			v.SetZero()
		}
	})
	return b
}

// again fails unless a book is written and read to an equal one, in one way.
func again(t testing.TB, b *rules.Book) {
	t.Helper()
	raw := Write(b)
	second := parse(t, raw)
	if text := Write(second); string(text) != string(raw) {
		t.Fatalf("written again it is\n%s\nnot\n%s", text, raw)
	}
	if !reflect.DeepEqual(placeless(b), placeless(second)) {
		t.Fatalf("read again it is another:\n%s", raw)
	}
}

// The example has every key that there is, and its book is whole when it is written and read.
func TestEvery(t *testing.T) {
	raw := every(t)
	again(t, parse(t, raw))
	tree, _ := scan(raw)
	var has []string
	each(tree, func(n *node) {
		for _, e := range n.entries {
			has = append(has, e.key)
		}
	})
	l := newLanguage()
	want := slices.Concat(l.book.keys(), l.segment.keys(), l.trigger.keys(), l.match.keys())
	for _, leaf := range l.leaves {
		want = append(want, leaf.key)
		want = append(want, leaf.keys...)
	}
	for _, key := range want {
		if !slices.Contains(has, key) {
			t.Errorf("%s is in no example", key)
		}
	}
}

func each(n *node, f func(*node)) {
	f(n)
	for _, item := range n.items {
		each(item, f)
	}
	for _, e := range n.entries {
		each(e.value, f)
	}
}

// What is left out is what docs/rulebook.md says it is, and what is written is what it says.
func TestMeaning(t *testing.T) {
	when := func(text string) rules.Condition {
		raw, _ := frame(t, "when "+text)
		return placeless(parse(t, []byte(raw))).Segments[1].When
	}
	orders := rules.Match{Names: []string{"Order Completed"}}
	day := func(n int) rules.Duration { return rules.Duration{N: n, Unit: "d"} }
	for text, want := range map[string]rules.Condition{
		"{event: Order Completed}": &rules.Event{Match: orders},
		"{event: A, count: true, op: ==, value: 0.0000005, window: rolling 2h}": &rules.Event{Match: rules.Match{Names: []string{"A"}}, Aggregate: "count",
			Compare: number("==", 0), Window: rules.Window{Kind: "rolling", Duration: rules.Duration{N: 2, Unit: "h"}}},
		"{event: Order Completed, ago: 11mo, window: calendar 2w}": &rules.Event{Match: orders,
			Window: rules.Window{Kind: "calendar", Duration: rules.Duration{N: 2, Unit: "w"}}, Ago: rules.Duration{N: 11, Unit: "mo"}},
		"{trait: {name: a, op: ==, value: 0.0000015}}":                             &rules.Trait{Name: "a", Compare: number("==", 2)},
		"{trait: {name: a, op: ==, value: -0.0000025}}":                            &rules.Trait{Name: "a", Compare: number("==", -2)},
		"{trait: {name: a, op: ==, value: -0.00000251}}":                           &rules.Trait{Name: "a", Compare: number("==", -3)},
		"{trait: {name: a, op: <, value: 9000000000000}}":                          &rules.Trait{Name: "a", Compare: number("<", 9_000_000_000_000_000_000)},
		"{trait: {name: a, op: ==, value: True}}":                                  &rules.Trait{Name: "a", Compare: rules.Compare{Op: "==", Values: []rules.Value{{Text: "true"}}}},
		"{trait: {name: a, op: in, value: [\"5\", b]}}":                            &rules.Trait{Name: "a", Compare: rules.Compare{Op: "in", Values: []rules.Value{{Text: "5"}, {Text: "b"}}}},
		"{feature: {name: a.b, window: lifetime, op: exists}}":                     &rules.Feature{Name: "a.b", Compare: rules.Compare{Op: "exists"}},
		"{absence: {of: {event: Order Completed}, for: 3d, among: everyone seen}}": &rules.Absence{Of: orders, For: day(3), Everyone: true},
		"{date: {field: traits.a}}":                                                &rules.Date{Field: "traits.a", Zone: "business"},
		"{date: {field: traits.a, offset: -3d, at: 23:59, for: 3d}}": &rules.Date{Field: "traits.a", Zone: "business", For: day(3),
			Offset: rules.Offset{Before: true, Duration: day(3)}, Clock: events.Instant(86_340_000)},
		"{cadence: {by: product, of: {event: Order Completed}}}": &rules.Cadence{By: "product", Of: orders, Tolerance: 1_500_000, Least: 3},
		"{catalogue: {event: Product Restocked, match: properties.b, interest: {event: Order Completed}, within: 3d}}": &rules.Catalogue{
			Event: rules.Match{Names: []string{"Product Restocked"}}, Field: "properties.b", Same: "properties.b", Interest: orders, Within: day(3),
			Least: 1},
		"{bucket: {salt: a, percent: 0.5}}": &rules.Bucket{Salt: "a", Percent: 500_000},
	} {
		if got := when(text); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, not %+v", text, got, want)
		}
	}
}

func number(op string, n rules.Number) rules.Compare {
	return rules.Compare{Op: op, Values: []rules.Value{{Number: n, IsNumber: true}}}
}

// Who compiles a predicate finds its first letter in the file, however it is written.
func TestPlaces(t *testing.T) {
	b := parse(t, []byte("version: 1\nsegments:\n- id: a\n  when:\n    all:\n    - {event: A, where: \"x\"}\n    - event: [B, C]\n      where: |\n          y\n    - if: 'z'\n    - if: é > x\n"))
	of := b.Segments[0].When.(*rules.All).Of
	got := []rules.Place{b.Segments[0].At, b.Segments[0].When.Where(), of[0].Where(), of[0].(*rules.Event).WhereAt[0].At, of[1].Where(), of[1].(*rules.Event).WhereAt[0].At,
		of[2].Where(), of[3].Where()}
	want := []rules.Place{{Line: 3, Column: 3}, {Line: 5, Column: 5}, {Line: 6, Column: 7}, {Line: 6, Column: 26}, {Line: 7, Column: 7}, {Line: 9, Column: 11}, {Line: 10, Column: 12}, {Line: 11, Column: 11}}
	if !slices.Equal(got, want) {
		t.Errorf("%v, not %v", got, want)
	}
}

// The place of each letter of a predicate is that of the file, however it is written: of Q, and of the # behind it.
func TestOrigins(t *testing.T) {
	for _, where := range []string{
		`Q#`, `a == b Q#`, "a\n      b Q#", "a ==\n\n      b Q#", `"Q#"`, `"\"é\" == \u00e9 && \x41 Q#"`, `"a\tb\\ Q#"`,
		"\"a\n      b  c Q#\"", "\"a \\\n      b Q#\"", "\"a\n\n\n      b Q#\"", `'it''s ''é'' Q#'`, "'a''\n      b'' Q#'",
		"|\n        Q#", "|\n        é == b &&\n          c Q#\n        d", "|2-\n\n\n          b Q#\n", ">\n        a\n        b Q#",
		">-\n        a ==\n\n        b &&\n          more\n          Q#\n        c", ">-\n        a == é &&\n        b Q#\n\n",
	} {
		raw := "version: 1\nsegments:\n- id: a\n  when:\n    event: A\n    where: " + where + "\n"
		e := parse(t, []byte(raw)).Segments[0].When.(*rules.Event)
		for _, letter := range []string{"Q", "#"} {
			place := func(text string) rules.Place {
				before := text[:strings.Index(text, letter)]
				return rules.Place{Line: 1 + strings.Count(before, "\n"), Column: 1 + utf8.RuneCountInString(before[1+strings.LastIndex(before, "\n"):])}
			}
			if got, want := e.WhereAt.Of(place(e.Match.Where)), place(raw); got != want {
				t.Errorf("%s of %q stands at %v, not %v\n%s", letter, e.Match.Where, want, got, raw)
			}
		}
	}
}

// Any book is written and read to an equal one, and the schema takes it.
func TestWrite(t *testing.T) {
	takes := takenBySchema(t)
	example := parse(t, every(t))
	var leaves, happenings []rules.Condition
	for _, s := range example.Segments {
		leaves = append(leaves, s.When)
	}
	for _, x := range example.Triggers {
		happenings = append(happenings, x.On)
	}
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.StringMatching(`[ -~]{1,30}`), rapid.StringN(1, 20, -1), rapid.SampledFrom([]string{"5", "true", "~", "null", "a: b", "- a", " a ", "a\n\nb\n", "#", "1_0", "0x1", "'", `"\`}))
		b := &rules.Book{Segments: []rules.Segment{{About: rules.About{ID: "any_order"}, When: leaves[1]}, {About: rules.About{ID: "big_spender"}, When: leaves[0]}, {About: rules.About{ID: "silent"}, When: leaves[4]}}}
		var tree func(depth int) rules.Condition
		tree = func(depth int) rules.Condition {
			list := func() (of []rules.Condition) {
				for range rapid.IntRange(1, 3).Draw(t, "length") {
					of = append(of, tree(depth-1))
				}
				return of
			}
			switch rapid.IntRange(0, 3).Draw(t, "form") + 4*min(depth, 0) {
			case 1:
				return &rules.All{Of: list()}
			case 2:
				return &rules.Any{Of: list()}
			case 3:
				return &rules.Not{Of: tree(depth - 1)}
			}
			value := rules.Value{Text: text.Draw(t, "value")}
			switch rapid.IntRange(0, 2).Draw(t, "leaf") {
			case 0:
				return &rules.If{Text: "x" + text.Draw(t, "predicate")}
			case 1:
				value.Number, value.IsNumber = rules.Number(rapid.Int64Range(-9e18, 9e18).Draw(t, "number")), true
				value.Text = ""
				return &rules.Trait{Name: "a", Compare: rules.Compare{Op: ">", Values: []rules.Value{value}}}
			}
			return &rules.Trait{Name: "a", Compare: rules.Compare{Op: "in", Values: []rules.Value{value}}}
		}
		span := func(units string) rules.Duration {
			return rules.Duration{N: rapid.IntRange(1, 100).Draw(t, "n"), Unit: rapid.SampledFrom(strings.Fields(units)).Draw(t, "unit")}
		}
		for i := range rapid.IntRange(0, 3).Draw(t, "rules") {
			about := rules.About{ID: "r" + string(rune('0'+i)), Name: text.Draw(t, "name")}
			b.Triggers = append(b.Triggers, rules.Trigger{About: about, On: rapid.SampledFrom(happenings).Draw(t, "on"), Cooldown: span("s m h d w mo y")})
			about.Description = text.Draw(t, "description")
			when := tree(rapid.IntRange(0, 6).Draw(t, "depth"))
			if rapid.Bool().Draw(t, "a leaf of the example") {
				when = rapid.SampledFrom(leaves).Draw(t, "when")
			}
			b.Segments = append(b.Segments, rules.Segment{About: about, When: when})
		}
		second, err := Parse("f.yaml", Write(b))
		if err != nil {
			t.Fatalf("%v\n%s", err, Write(b))
		}
		if !reflect.DeepEqual(placeless(b), placeless(second)) {
			t.Fatalf("read again it is another:\n%s", Write(b))
		}
		if err := takes(Write(b)); err != nil {
			t.Fatalf("the schema refuses it: %v\n%s", err, Write(b))
		}
	})
}

// The books that the evaluator is tried with can be written and are read as they were.
func TestBooks(t *testing.T) {
	takes := takenBySchema(t)
	rapid.Check(t, func(t *rapid.T) {
		b := ruletest.Book(t, ruletest.Options{Numbers: []string{"purchases.net", "purchases.orders"}})
		walk(reflect.ValueOf(b), func(v reflect.Value) {
			if !v.CanAddr() {
				return
			}
			switch at := v.Addr().Interface().(type) {
			case *events.Instant:
				*at -= *at % 60_000 // a time of day is written in minutes
			case *rules.Offset:
				at.Before = at.Before && at.N > 0
			}
		})
		raw := Write(b)
		second, err := Parse("f.yaml", raw)
		if err != nil {
			t.Fatalf("%v\n%s", err, raw)
		}
		if !reflect.DeepEqual(placeless(b), placeless(second)) {
			t.Fatalf("read again it is another:\n%s\n%s", raw, Write(second))
		}
		if err := takes(raw); err != nil {
			t.Fatalf("the schema refuses it: %v\n%s", err, raw)
		}
	})
}

// What is shipped is taken, by Parse and by the schema.
func TestShipped(t *testing.T) {
	takes := takenBySchema(t)
	files, err := filepath.Glob("../../rulebooks/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range append(files, "testdata/every.yaml") {
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Parse(name, raw); err != nil {
			t.Error(err)
		}
		if err := takes(raw); err != nil {
			t.Errorf("the schema refuses %s: %v", name, err)
		}
	}
}
