package rules_test

import (
	"strings"
	"testing"
	"time"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state"
	"github.com/touchfold/touchfold/state/rules"
)

// explanations are of all rules of a book, of a customer at an instant of 1 January 2024. A line is "10:00 e1 Identify", and
// behind = the JSON of the properties or, of an Identify, of the trait birthday.
func explanations(t *testing.T, book *rules.Book, when string, lines ...string) map[string]rules.Explanation {
	t.Helper()
	f, _, faults := rules.New(rules.Config{Book: book, Calendar: state.NewCalendar(time.UTC), Zones: state.NewZones()})
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	table, err := state.NewTable(f)
	if err != nil {
		t.Fatal(err)
	}
	c := table.New("c")
	for _, line := range lines {
		what, sent, _ := strings.Cut(line, " = ")
		words := strings.SplitN(what, " ", 3)
		e := &events.Event{Customer: "c", ID: words[1], Name: words[2], Type: events.TypeOf(words[2]),
			Time: at(t, "2024-01-01 "+words[0]+":00")}
		if e.Type == events.Identify {
			e.Traits = []events.Trait{{Name: "birthday", Value: []byte(sent)}}
		} else {
			e.Rest = []byte(sent)
		}
		c.Take(e)
	}
	all := map[string]rules.Explanation{}
	for _, x := range rules.Explain(rules.Question{Table: table, Customer: c, At: at(t, "2024-01-01 "+when+":00")}) {
		all[x.Rule.ID] = x
	}
	return all
}

func segmentOf(when rules.Condition) *rules.Book {
	return &rules.Book{Segments: []rules.Segment{{About: rules.About{ID: "s"}, When: when}}}
}

// TestExplainSequence: how far a sequence came that was not completed, and why not.
func TestExplainSequence(t *testing.T) {
	hourLong := rules.Duration{N: 1, Unit: "h"}
	viewed, added, ordered := match("Product Viewed"), match("Product Added"), match("Order Completed")
	for _, c := range []struct {
		name   string
		strict bool
		lines  []string
		want   string
	}{
		{"nothing came", false, []string{"09:00 e1 Page"}, `0 of 3 steps: - - - `},
		{"the second step is missing", false, []string{"10:00 e1 Product Viewed", "11:00 e2 Order Completed"},
			`1 of 3 steps: 10:00 - - (its time is over`},
		{"it still can be", false, []string{"10:00 e1 Product Viewed", "10:30 e2 Product Added", "11:30 e3 Product Viewed"},
			`1 of 3 steps: 11:30 - - `},
		{"the last step came too late", false, []string{"10:00 e1 Product Viewed", "10:30 e2 Product Added",
			"11:01 e3 Order Completed", "11:30 e4 Order Completed"}, `3 of 3 steps: 10:00 10:30 11:01 (too late`},
		{"the latest try counts", false, []string{"09:00 e0 Product Viewed", "10:00 e1 Product Viewed", "10:30 e2 Product Added",
			"10:40 e3 Product Viewed", "11:01 e4 Order Completed"}, `3 of 3 steps: 10:00 10:30 11:01 (too late`},
		{"another event came between", true, []string{"10:00 e1 Product Viewed", "10:10 e2 Product Added",
			"10:15 e3 Product Added", "10:20 e4 Order Completed"}, `3 of 3 steps: 10:00 10:15 10:20 (not a run`},
	} {
		x := &rules.Sequence{Steps: []rules.Match{viewed, added, ordered}, Within: hourLong, Strict: c.strict}
		n := explanations(t, segmentOf(x), "12:00", c.lines...)["s"].When
		got := n.Value + ": "
		for _, p := range n.Parts {
			if text := "- "; p.Is == (p.Events == 1) && p.Is == (p.From > 0) {
				if p.Is {
					text = p.From.Time().Format("15:04 ")
				}
				got += text
			}
		}
		if n.Note != "" {
			got += "(" + n.Note
		}
		if !strings.HasPrefix(got, c.want) || n.Is {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
	x := &rules.Sequence{Steps: []rules.Match{viewed, ordered}, Within: hourLong}
	book := &rules.Book{Triggers: []rules.Trigger{{About: rules.About{ID: "t"}, On: x}}}
	lines := []string{"10:00 e1 Product Viewed",
		"10:10 e2 Order Completed", "10:15 e3 Order Completed", "11:50 e4 Product Viewed"}
	for n, want := range []string{2: "0 of 2 steps", 3: "0 of 2 steps", 4: "1 of 2 steps"} {
		on := explanations(t, book, "12:00", lines[:max(n, 1)]...)["t"].On
		if want != "" && (on.Value != want || len(on.Parts) != 2) {
			t.Errorf("after %s it came to %+v", lines[:n], on)
		}
	}
}

func match(name string) rules.Match { return rules.Match{Names: []string{name}} }

// TestExplainNothing: what is not there, or does not do, is said to be so.
func TestExplainNothing(t *testing.T) {
	date := segmentOf(&rules.Date{Field: "traits.birthday", Recur: "yearly", Zone: "business"})
	text := segmentOf(&rules.Trait{Name: "birthday", Compare: number(3)})
	buyers := segmentOf(&rules.Absence{Of: match("Page"), For: rules.Duration{N: 1, Unit: "d"}, Buyers: true})
	least := segmentOf(&rules.Event{Match: match("*"), Aggregate: rules.Min, Field: "properties.score", Compare: number(3)})
	for _, c := range []struct {
		book             *rules.Book
		line, value, has string
	}{
		{date, `10:00 e1 Page`, "", "no event says it"},
		{date, `10:00 e1 Identify = "29.02.1992"`, "29.02.1992", "no date"},
		{date, `10:00 e1 Identify = "1990-02-29"`, "1990-02-29", "a day that there is"},
		{date, `10:00 e1 Identify = "1990-03-29"`, "1990-03-29", ""},
		{text, `10:00 e1 Page`, "", "no event says it"},
		{text, `10:00 e1 Identify = "high"`, "high", "not a number"},
		{text, `10:00 e1 Identify = "2"`, "2", ""},
		{least, `10:00 e1 Page`, "", "no match has a value"},
		{least, `10:00 e1 Page = {"score":"high"}`, "", "no match has a number"},
		{least, `10:00 e1 Page = {"score":2}`, "2", ""},
		{buyers, "10:00 e1 Page", "", "no buyer"},
		{segmentOf(&rules.Cadence{By: "customer", Of: match("Page")}), "10:00 e1 Page", "", "not 3 intervals"},
	} {
		n := explanations(t, c.book, "12:00", c.line)["s"].When
		if n.Value != c.value || !strings.Contains(n.Note, c.has) || c.has == "" && n.Note != "" || n.Is {
			t.Errorf("%s: %q (%s), want %q (%s)", c.line, n.Value, n.Note, c.value, c.has)
		}
	}
}

// TestExplainNext: what time brings to one trigger is not what it brings to another.
func TestExplainNext(t *testing.T) {
	day := rules.Duration{N: 1, Unit: "d"}
	birthday := &rules.Date{Field: "traits.birthday", Recur: "yearly", Zone: "business"}
	book := &rules.Book{
		Segments: []rules.Segment{
			{About: rules.About{ID: "young"}, When: birthday},
			{About: rules.About{ID: "silent"}, When: &rules.Absence{Of: match("Page"), For: day}},
		},
		Triggers: []rules.Trigger{
			{About: rules.About{ID: "birthday"}, On: birthday},
			{About: rules.About{ID: "never"}, On: birthday, When: &rules.Event{Match: match("Order Completed")}},
			{About: rules.About{ID: "viewed"}, On: &rules.Event{Match: match("Product Viewed")}},
			{About: rules.About{ID: "left"}, On: &rules.Left{Segment: "young"}},
			{About: rules.About{ID: "long"}, On: &rules.Becomes{Of: &rules.InSegment{ID: "silent", InFor: day}}},
			{About: rules.About{ID: "few"}, On: &rules.Becomes{Of: &rules.Event{Match: match("Page"), Aggregate: rules.Count,
				Compare: number(3)}}},
		},
	}
	all := explanations(t, book, "12:00", `10:00 e1 Identify = "1990-02-28"`, "10:00 e2 Page")
	for id, want := range map[string]string{"birthday": "2024-02-28T00:00:00Z", "never": "2124-02-28T00:00:00Z or later",
		"viewed": "never", "left": "2024-02-29T00:00:00Z", "long": "2024-01-03T10:00:00Z", "few": "never"} {
		got := all[id].Next.String()
		if all[id].EndsUnknown {
			got += " or later"
		}
		if got != want {
			t.Errorf("%s: %s, want %s", id, got, want)
		}
	}
}
