package rules

import (
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"
	_ "time/tzdata" // the same zones on every machine

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state"
)

// everything is a book that has each kind of piece and of register.
func everything() *Book {
	viewed, ordered := Match{Names: []string{"Product Viewed"}}, Match{Names: []string{"Order Completed"}}
	atLeast := func(n int) Compare {
		return Compare{Op: ">=", Values: []Value{{Number: Number(n) * million, IsNumber: true}}}
	}
	is := func(text string) Compare { return Compare{Op: "==", Values: []Value{{Text: text}}} }
	week := Window{Kind: "rolling", Duration: Duration{N: 168, Unit: "h"}}
	hours := func(n int) Duration { return Duration{N: n, Unit: "h"} }
	days := Window{Kind: "calendar", Duration: Duration{N: 7, Unit: "d"}}
	birthday := &Date{Field: "traits.birthday", Recur: "monthly", Zone: "customer"}
	offered := &Catalogue{Event: Match{Names: []string{"Product Restocked"}}, Field: "properties.color", Interest: viewed,
		Within: hours(24), Least: 2, Until: &ordered}
	all := []Condition{
		&Event{Match: viewed, Aggregate: MostFrequent, Field: "properties.color", Compare: is("red"), Window: week},
		&Event{Match: viewed, Aggregate: Sum, Field: "properties.score", Compare: atLeast(2), Window: week},
		&Event{Match: viewed, Aggregate: Sum, Field: "properties.change", Compare: atLeast(2)},
		&Event{Match: viewed, Aggregate: Distinct, Field: "properties.color", Compare: atLeast(2)},
		&Event{Match: viewed, Aggregate: Last, Field: "properties.change", Compare: is("x"), Window: days, Ago: Duration{N: 1, Unit: "y"}},
		&Absence{Of: ordered, For: hours(4)},
		&Absence{Of: ordered, After: &viewed, For: hours(4), Correlate: "properties.color"},
		&Sequence{Steps: []Match{viewed, viewed}, Within: hours(4), Correlate: "properties.color"},
		&Sequence{Steps: []Match{viewed, ordered, viewed}, Within: hours(4), Strict: true, Correlate: "properties.color"},
		&Trait{Name: "city", Compare: is("x")},
		&Trait{Name: "age", Compare: atLeast(3)},
		birthday,
		&Date{Field: "properties.due", Of: &viewed},
		&Item{Of: ordered, Field: "item.warranty_months"},
		&Cadence{By: "category", Of: ordered},
		&Bucket{Salt: "s", Percent: 1},
		offered,
	}
	carry := func(path string) []Field { return []Field{{Name: "p", Path: path}} }
	about := func(id string) About { return About{ID: id} }
	return &Book{
		Segments: []Segment{{about("any"), &Any{Of: all}}, {about("long"), &InSegment{ID: "any", InFor: hours(1)}}},
		Triggers: []Trigger{
			{About: about("each"), On: &Event{Match: viewed}, Payload: carry("properties.color"), Cooldown: hours(1)},
			{About: about("run"), On: &Sequence{Steps: []Match{viewed, viewed}, Within: hours(4)}},
			{About: about("rhythm"), On: &Cadence{By: "product", Of: ordered, Least: 1}, Payload: carry("item.product_id")},
			{About: about("late"), On: &Absence{Of: ordered, After: &viewed, For: hours(4)}, Payload: carry("after.name")},
			{About: about("date"), On: birthday, MaxLateness: Duration{N: 1, Unit: "y"}},
			{About: about("in"), On: &Entered{Segment: "any"}},
			{About: about("item"), On: &Item{Of: ordered, Field: "item.warranty_months"}, Payload: carry("item.product_id")},
			{About: about("offer"), On: offered, Payload: carry("item.product_id")},
		},
	}
}

// all makes everything hold something.
func all() []*events.Event {
	var list []*events.Event
	add := func(text, name string) *events.Event {
		at, err := time.Parse("2006-01-02 15:04", text)
		if err != nil {
			panic(err)
		}
		e := &events.Event{Customer: "c", ID: fmt.Sprint("e", len(list)), Name: name, Type: events.TypeOf(name)}
		e.Time = events.At(at)
		list = append(list, e)
		return e
	}
	add("2024-01-01 10:00", "Identify").Traits = []events.Trait{{Name: "city", Value: []byte(`"x"`)},
		{Name: "age", Value: []byte(`41.1234567`)}, {Name: "birthday", Value: []byte(`"1990-01-03"`)}}
	add("2024-01-02 10:00", "Order Completed").Items = []events.Item{{ProductID: "p", Category: "shoes", Warranty: 2}}
	o := add("2024-01-04 10:00", "Order Completed")
	o.Order.ID, o.Items = "o1", []events.Item{{ProductID: "p", Category: "shoes", Serial: "S", Warranty: 1}}
	for range 3 {
		add("2024-01-05 10:00", "Product Viewed").Rest = []byte(`{"color":"red","score":2,"change":-9e12,"due":"2024-02-01"}`)
	}
	for _, at := range []string{"10:00", "11:00", "11:30", "11:30", "11:30"} {
		add("2024-02-08 "+at, "Product Viewed").Rest = []byte(`{"color":"blue","score":"2.5","change":"-9e12","due":7}`)
	}
	w := add("2024-02-08 11:30", "Product Restocked")
	w.Rest, w.Items = []byte(`{"color":"blue"}`), []events.Item{{ProductID: "p"}}
	return list
}

// customer is the program of everything, and a customer of whom all is known.
func customer(t testing.TB) (*program, *State) {
	p, faults := compile(Config{Book: everything(), Calendar: state.NewCalendar(time.UTC), Zones: state.NewZones()})
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	s := new(State)
	for _, e := range all() {
		p.before(s, state.Known{}, e.Time)
		p.fold(s, e)
	}
	return p, s
}

// written is what of a state is written.
func written(s *State) []any {
	for _, x := range s.pieces.all {
		if x, ok := x.(*seriesState); ok {
			x.trim()
			x.before, x.sums = sum{}, nil
		}
	}
	return append([]any{s.first, s.bought, s.now, s.own, s.hits, s.reg.settled()}, s.pieces.all...)
}

// unwritten follows from what was asked, or from the others.
var unwritten = []string{"fired.told", "seriesState.before", "seriesState.sums", "seriesState.gone", "totals.top", "sum.of", "sum.n",
	"rhythmState.index", "seeds.index", "Index.slots", "Index.noted"}

// TestCodec: what was written is read again as it was. Nothing of it was left empty in the test: a field that is new must
// be filled here, and then be written too.
func TestCodec(t *testing.T) {
	p, s := customer(t)
	for i, x := range p.pieces {
		if _, none := x.(*each); !none && (s.pieces.at(int32(i)) == nil || len(x.append(nil, s.pieces.at(int32(i)))) == 0) {
			t.Errorf("nothing is known to %s", x.key())
		}
	}
	filled := map[string]bool{}
	for _, x := range written(s) {
		fill(reflect.ValueOf(x), filled)
	}
	for name, is := range filled {
		if !is && !slices.Contains(unwritten, name) {
			t.Errorf("%s is empty everywhere", name)
		}
	}
	b := p.append(nil, s)
	var again State
	if err := p.parse(b, &again); err != nil {
		t.Fatal(err)
	}
	for i, x := range written(s) {
		if y := written(&again)[i]; !reflect.DeepEqual(x, y) {
			t.Errorf("%T was\n%+v and is read as\n%+v", x, x, y)
		}
	}
	for n := range b {
		_ = p.parse(b[:n], new(State)) // does not panic
	}
}

// fill notes of each field of each struct whether it is something somewhere.
func fill(v reflect.Value, filled map[string]bool) {
	switch v.Kind() {
	case reflect.Interface, reflect.Pointer:
		if !v.IsNil() {
			fill(v.Elem(), filled)
		}
	case reflect.Slice:
		for i := range v.Len() {
			fill(v.Index(i), filled)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			name := v.Type().Name() + "." + v.Type().Field(i).Name
			filled[name] = filled[name] || !v.Field(i).IsZero()
			fill(v.Field(i), filled)
		}
	}
}

// FuzzParse: bytes that are read are written so that they are read as the same.
func FuzzParse(f *testing.F) {
	p, s := customer(f)
	f.Add(p.append(nil, s))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		var once, again State
		if p.parse(b, &once) != nil {
			return
		}
		b = p.append(nil, &once)
		if err := p.parse(b, &again); err != nil || string(p.append(nil, &again)) != string(b) {
			t.Fatalf("%v: %x is read as %x", err, b, p.append(nil, &again))
		}
	})
}
