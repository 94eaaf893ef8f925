package rules

import (
	"fmt"
	"math/bits"
	"strings"
	"testing"
	"time"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state"
)

// TestFaults: what is wrong with a book is said at its place, all of it at once.
func TestFaults(t *testing.T) {
	at := Place{3, 7}
	moved := Origin{{Place{1, 1}, at}, {Place{2, 1}, Place{9, 5}}}
	happens := &Entered{Segment: "a", At: at}
	some := &Event{Match: Match{Names: []string{"Product Viewed"}}}
	number := Compare{Op: ">", Values: []Value{{IsNumber: true}}, At: at}
	text := Compare{Op: "==", Values: []Value{{Text: "x"}}, At: at}
	days := Window{Kind: "calendar", Duration: Duration{N: 7, Unit: "d"}}
	circle := func(id, of string) Segment { return Segment{About{ID: id, At: at}, &InSegment{ID: of, At: at}} }
	for _, c := range []struct {
		name string
		is   Condition // of the segment a; nil: some
		on   *Trigger
		more []Segment
		want string // of a line each
	}{
		{name: "unknown figure", is: &Feature{Name: "purchases.ordres", Compare: number},
			want: "3:7 a: there is no figure purchases.ordres; did you mean purchases.orders?; touchfold rules features lists them"},
		{name: "figure of another feature", is: &Feature{Name: "buys.orders", Compare: number},
			want: "3:7 a: there is no figure buys.orders; did you mean purchases.orders?; touchfold rules features lists them"},
		{name: "figure that has no windows", is: &Feature{Name: "churn.risk", Window: days, Compare: text},
			want: "3:7 a: churn.risk cannot be asked of that window"},
		{name: "text compared with a number", is: &Feature{Name: "churn.risk", Compare: number},
			want: "3:7 a: churn.risk is a text, which cannot be compared with that"},
		{name: "number compared with a text", is: &Feature{Name: "purchases.orders", Compare: text},
			want: "3:7 a: purchases.orders is a number, which cannot be compared with that"},
		{name: "circle", more: []Segment{circle("b", "c"), circle("c", "d"), circle("d", "c")},
			want: "3:7 c: asks for itself: c → d → c"},
		{name: "no such segment", is: &InSegment{ID: "z", At: at}, want: "3:7 a: there is no segment z before this one"},
		{name: "no such field",
			is:   &Event{Match: Match{Names: []string{"*"}, At: at}, Aggregate: Last, Field: "colour", Compare: text},
			want: `3:7 a: there is no field "colour"; write one of name,`},
		{name: "date of no event", is: &Date{Field: "properties.due", At: at},
			want: "3:7 a: properties.due is no trait, so it must say of which event: add of: {event: …}"},
		{name: "happening as a condition", is: happens, want: "3:7 a: this condition is not one that can be asked of a customer"},
		{name: "condition as a happening", on: &Trigger{On: &Trait{Name: "x", Compare: text}},
			want: "3:7 t: this is nothing that happens"},
		{name: "an event of the world as a customer's", is: &Event{Match: Match{Names: []string{"Product Restocked"}, At: at}},
			want: "3:7 a: Product Restocked is an event of no customer; write catalogue: {event: Product Restocked, …}"},
		{name: "a customer's event as one of the world", is: &Catalogue{Event: Match{Names: []string{"*", "Product Viewed"}, At: at},
			Field: "item.product_id", Interest: some.Match, Within: days.Duration, At: at},
			want: "3:7 a: * is no event of the catalogue or of the world; these are Product Published, Product Price Changed, " +
				"Product Restocked, Weather Observed\n3:7 a: Product Viewed is no event of the catalogue"},
		{name: "payload of entering", on: &Trigger{On: happens, Payload: []Field{{Name: "x", Path: "item.price", At: at}}},
			want: "3:7 t: what happens here has no event to read item.price of; payload goes with "},
		{name: "payload of what is no field", on: &Trigger{On: some, Payload: []Field{{Name: "x", Path: "after.x", At: at}}},
			want: `3:7 t: there is no field "after.x"; write one of name,`},
		{name: "where is faulty at its place",
			is:   &Event{Match: Match{Names: []string{"*"}, Where: "event.value > 1.0 &&\n evnt.value > 1.0", WhereAt: moved}},
			want: "9:6 a: "},
		{name: "if is faulty at its place", is: &If{Text: "purchases.ordres > 1.0", TextAt: moved}, want: "3:7 a: "},
		{name: "if is faulty further on", is: &If{Text: "1.0 < purchases.ordres", TextAt: moved}, want: "3:13 a: "},
		{name: "all at once", is: &All{Of: []Condition{&InSegment{ID: "y", At: at}, &InSegment{ID: "z", At: at}}},
			want: "3:7 a: there is no segment y before this one\n3:7 a: there is no segment z before this one"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.is == nil {
				c.is = some
			}
			b := &Book{Segments: append([]Segment{{About{ID: "a"}, c.is}}, c.more...)}
			if c.on != nil {
				c.on.ID = "t"
				b.Triggers = []Trigger{*c.on}
			}
			_, _, faults := New(Config{Book: b, Calendar: state.NewCalendar(time.UTC), Zones: state.NewZones(), Figures: figures()})
			var got []string
			for _, f := range faults {
				got = append(got, fmt.Sprintf("%d:%d %s: %s", f.At.Line, f.At.Column, f.Rule, f.Text))
			}
			if x := strings.Join(got, "\n"); x == "" || !strings.HasPrefix(x, c.want) {
				t.Errorf("says\n%s\nwant\n%s", x, c.want)
			}
		})
	}
}

// figures is a number that may be asked of a window, and a text that may not.
func figures() []state.Figure {
	owner := &state.Spec[int]{Name: "x"}
	at := func(state.Known, int, events.Instant) (state.Quantity, events.Instant) {
		return state.Quantity{}, events.Never
	}
	return []state.Figure{{Name: "purchases.orders", Windows: true, Owner: owner, At: at},
		{Name: "churn.risk", Text: true, Owner: owner, At: at}}
}

// TestKeys: the names under which pieces are kept, of what stands in everything. They follow from what is matched alone;
// a change here is a change of what is stored.
func TestKeys(t *testing.T) {
	p, _ := customer(t)
	var got strings.Builder
	for i, x := range p.pieces {
		fmt.Fprintf(&got, "%016x %s\n", p.keys[i], strings.TrimPrefix(fmt.Sprintf("%T", x), "*rules."))
	}
	const want = `4e13542f1da44a68 traits
cb0742f6c4ef4511 series
134c6b825020443d series
0beba388dd400dd4 series
d3e384e5eaa81070 silence
ac346b4852a18368 pending
f2f2be0fa8f572d1 runs
d378c94f88cba6ff runs
40e1637074c1ce9c lastWord
68fb16e71c42ad85 owned
3831af490ef17987 rhythm
8cbd5dacaf0dbaff bucket
bd78b411b74f05a8 wanted
10fc7f460ec7f956 each
72a92beff4f68290 runs
f8732cc8288de93a rhythm
4b7528092ce390b4 pending
ea12b410e37941a4 owned
70167d785cabfe50 wanted
`
	if got.String() != want {
		t.Errorf("the keys are\n%s", got.String())
	}
}

// TestShared: rules that match the same have one piece, whatever they are called, in whatever order they stand, and however
// the match is written.
func TestShared(t *testing.T) {
	count := func(where string, names ...string) Condition { return &Event{Match: Match{Names: names, Where: where}} }
	p, faults := compile(Config{Calendar: state.NewCalendar(time.UTC), Book: &Book{Segments: []Segment{
		{About{ID: "a"}, count("event.value > 1.0", "Order Completed", "Product Viewed")},
		{About{ID: "b"}, &Not{Of: count("event.value>1.0", "Product Viewed", "Order Completed", "Product Viewed")}},
		{About{ID: "c"}, count("event.value > 2.0", "Product Viewed", "Order Completed")},
		{About{ID: "d"}, &Event{Match: Match{Names: []string{"Order Completed", "Product Viewed"}, Where: "event.value > 1.0"},
			Aggregate: Count, Compare: Compare{Op: "<", Values: []Value{{IsNumber: true, Number: 3 * million}}},
			Window: Window{Kind: "calendar", Duration: Duration{N: 7, Unit: "d"}}}},
		{About{ID: "e"}, &Event{Match: Match{Names: []string{"Order Completed", "Product Viewed"}, Where: "event.value > 1.0"},
			Window: Window{Kind: "calendar", Duration: Duration{N: 7, Unit: "d"}}, Ago: Duration{N: 1, Unit: "y"}}},
	}}})
	if len(faults) > 0 || len(p.pieces) != 1+2 {
		t.Fatalf("%d pieces, %v; want that of the traits and two", len(p.pieces), faults)
	}
	if n := bits.OnesCount64(p.readers.ofPiece[1].segments[0]); n != 4 {
		t.Errorf("%d segments read the piece that four share", n)
	}
}
