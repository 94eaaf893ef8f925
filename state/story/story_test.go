package story_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state"
	"github.com/touchfold/touchfold/state/story"
)

// tell tells a story in a world whose one feature keeps the events that it folds.
func tell(t *testing.T, text string) (told string, seen []events.Event, err error) {
	t.Helper()
	table, err := state.NewTable(&state.Spec[struct{}]{Name: "seen", Version: 1, Doc: "what was read",
		Fold:   func(_ *struct{}, e *events.Event) { seen = append(seen, *e) },
		Append: func(b []byte, _ *struct{}) []byte { return b },
		Parse:  func([]byte, *struct{}) error { return nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	told, err = story.Tell(text, func([]string) (story.World, error) {
		return story.World{Table: table, Zone: time.UTC, Currency: events.Currency{'H', 'K', 'D'},
			Facts: []string{"lifecycle", "segment/vip", "trigger/abandoned_cart"}}, nil
	})
	return told, seen, err
}

// TestWords: what a line says is in its event, as a decoder would have put it there.
func TestWords(t *testing.T) {
	const text = `2024-01-10 10:00 Order Completed order=A items=p1*0.65@30.00,p2@8.00,p3*2 category=["Home & Garden","toys",""]` +
		` serial=,S2, warranty=24 channel=pos properties={"store": {"id": 7}}
2024-01-10 10:01 Order Completed order="B 1" total=5 currency=JPY units=3 id=x source=till
2024-01-10 10:02 Product Viewed items=p1
2024-01-10 10:03 Two Words properties={"order_id":"A"}
2024-01-10 10:04 Identify traits={"city":"Hong Kong","age":40}
`
	told, seen, err := tell(t, text)
	if err != nil || told != text || len(seen) != 5 {
		t.Fatalf("%d events, %v\n%s", len(seen), err, told)
	}
	items := []events.Item{
		{ProductID: "p1", Quantity: 650, Price: 3000, Category: "Home & Garden", Warranty: 24},
		{ProductID: "p2", Quantity: 1000, Price: 800, Category: "toys", Serial: "S2", Warranty: 24},
		{ProductID: "p3", Quantity: 2000, Warranty: 24},
	}
	if e := seen[0]; !reflect.DeepEqual(e.Items, items) || e.Order.Value != 2750 || !e.Order.Stated || !e.Order.Defaulted ||
		e.Channel != "pos" || e.ID != "e1" || string(e.Rest) != `{"store":{"id":7}}` || e.Time.String() != "2024-01-10T10:00:00Z" {
		t.Errorf("%+v", e)
	}
	if e := seen[1]; e.Order.ID != "B 1" || e.Order.Value != 5 || e.Order.Currency.String() != "JPY" || e.Order.Defaulted ||
		e.Order.Units != 3000 || e.ID != "x" || e.Source != "till" {
		t.Errorf("%+v", e)
	}
	if e := seen[2]; e.Order != (events.Order{}) || e.Channel != "web" || len(e.Items) != 1 || e.Items[0].Quantity != 1000 {
		t.Errorf("%+v", e)
	}
	if e := seen[3]; e.Name != "Two Words" || e.Type != events.Unknown || string(e.Rest) != `{"order_id":"A"}` {
		t.Errorf("%+v", e)
	}
	if e := seen[4]; len(e.Traits) != 2 || e.Traits[1].Name != "city" || string(e.Traits[1].Value) != `"Hong Kong"` {
		t.Errorf("%+v", e)
	}
}

// TestFaults: what cannot be told says which line, what is wrong, and what to write.
func TestFaults(t *testing.T) {
	for line, want := range map[string]string{
		"tomorrow Order Completed":                                "does not begin with a time such as 2024-02-29 10:00",
		"2024-01-10 10:00":                                        "names no event; write its name behind the time",
		"2024-01-10 10:00 order=A":                                "names no event",
		"2024-01-10 10:00 Order Completed order=A now":            `"now" is no word=value`,
		"2024-01-10 10:00 Order Completed totl=5":                 `"totl" is no word that an event may have`,
		"2024-01-10 10:00 Order Completed total=5.001":            `"5.001" has more than 2 decimal places`,
		"2024-01-10 10:00 Order Completed total=much":             `"much" is no number`,
		"2024-01-10 10:00 Order Completed category=toys":          "category has 1 values for 0 products; write items=… first",
		"2024-01-10 10:00 Order Completed items=a,b,c serial=1,2": "serial has 2 values for 3 products",
		"2024-01-10 10:00 Order Completed items=a warranty=-1":    `warranty: "-1" is no number of months; write 0 to 1200`,
		"2024-01-10 10:00 Page Viewed items=a":                    "Page Viewed has no product lines; write properties={…}",
		`2024-01-10 10:00 Page Viewed properties={"a":`:           "is no JSON",
		`2024-01-10 10:00 Page Viewed properties=[1]`:             `properties: "[1]" is no object such as {"score":2}`,
		`2024-01-10 10:00 Order Completed properties={"total":5}`: "properties: total of an Order Completed is written total=…",
		`2024-01-10 10:00 Order Completed order="a"b`:             "does not end where its JSON does",
		"only trigger/abandoned_crt":                              `only: nothing says "trigger/abandoned_crt" here; did you mean trigger/abandoned_cart?`,
		"only segment/vip/e1":                                     `only: nothing says "segment/vip/e1" here`,
		"only segment/vip weather":                                "; write segment/ or trigger/ and the id of a rule",
		"only":                                                    "only names no fact; write one behind it",
		"set business.zone=UTC":                                   "set must stand before anything happens",
		"rulebook other.yaml":                                     "rulebook must stand before anything happens",
	} {
		_, _, err := tell(t, "2024-01-01 10:00 Page Viewed\n"+line+"\n")
		if err == nil || !strings.HasPrefix(err.Error(), "line 2: ") || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", line, err, want)
		}
	}
}

// TestCannotFail: a story that would be as expected whatever the rules are is none.
func TestCannotFail(t *testing.T) {
	faulty := errors.New("rules.yaml: no such file")
	for text, want := range map[string]string{
		"":              "nothing happens in this story",
		"# a comment\n": "nothing happens in this story",
		"only segment/vip\npass 2024-01-10 10:00\n": "nothing happens in this story",
		"rulebook rules.yaml\n":                     "rules.yaml: no such file",
	} {
		_, err := story.Tell(text, func(settings []string) (story.World, error) {
			if len(settings) > 0 {
				return story.World{}, faulty
			}
			table, err := state.NewTable()
			return story.World{Table: table, Zone: time.UTC, Facts: []string{"segment/vip"}}, err
		})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
	for _, only := range []string{"segment/vip lifecycle", "trigger/abandoned_cart", "trigger/abandoned_cart/e1"} {
		if _, _, err := tell(t, "only "+only+"\n2024-01-01 10:00 Page Viewed\n"); err != nil {
			t.Errorf("only %s: %v", only, err)
		}
	}
}

// TestCompare: each step that differs is told once, with what is alike left out.
func TestCompare(t *testing.T) {
	const written = "# a\none\n> 1\n> 2\ntwo\nthree\n> 4\n"
	const told = "# a\none\n> 1\n> 3\ntwo\n> 5\nthree\n> 4\n"
	want := []story.Difference{
		{Line: 4, Below: "one", Expected: []string{"> 2"}, Got: []string{"> 3"}},
		{Line: 6, Below: "two", Expected: []string{}, Got: []string{"> 5"}},
	}
	got := story.Compare(written, told)
	for i := range got {
		got[i].Expected = append([]string{}, got[i].Expected...)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
	}
	if d := story.Compare(told, told); d != nil {
		t.Errorf("%+v", d)
	}
	if d := story.Compare("> 1\none\n", "one\n"); len(d) != 1 || d[0].Line != 1 || d[0].Below != "" {
		t.Errorf("%+v", d)
	}
}

// TestRestart: who was written and read again knows what he did before, also where that fills blocks.
func TestRestart(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var text strings.Builder
	const n = 120
	for i := range n {
		x := make([]byte, 900) // which cannot be packed: over 64 KiB in all
		for j := range x {
			x[j] = byte(r.Uint32())
		}
		fmt.Fprintf(&text, "2024-01-10 %02d:%02d Product Viewed items=p1 properties={\"x\":\"%x\"}\n", 10+i/60, i%60, x)
	}
	text.WriteString("restart\n2024-01-10 09:00 Product Viewed items=p2\nrestart\n2024-01-10 08:00 Product Viewed items=p3\n")
	_, seen, err := tell(t, text.String())
	if last := len(seen) - n - 2; err != nil || last < 0 || seen[last].Time.String() != "2024-01-10T08:00:00Z" {
		t.Fatalf("%d events, %v", len(seen), err)
	}
}
