package ruletest

import (
	"strings"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state/rules"
)

// The words in which cases are written.

// of is a match: names with | between, and a predicate.
func of(names string, where ...string) rules.Match {
	return rules.Match{Names: strings.Split(names, "|"), Where: strings.Join(where, "")}
}

func dur(n int, unit string) rules.Duration { return rules.Duration{N: n, Unit: unit} }

func rolling(n int, unit string) rules.Window {
	return rules.Window{Kind: "rolling", Duration: dur(n, unit)}
}
func calendar(n int, unit string) rules.Window {
	return rules.Window{Kind: "calendar", Duration: dur(n, unit)}
}

// ago is a count in a calendar window that ended before.
func ago(m rules.Match, c rules.Compare, w rules.Window, d rules.Duration) rules.Condition {
	return &rules.Event{Match: m, Aggregate: rules.Count, Compare: c, Window: w, Ago: d}
}

// is compares with values: an int, a rules.Number or a text each.
func is(op string, values ...any) rules.Compare {
	c := rules.Compare{Op: op}
	for _, v := range values {
		switch v := v.(type) {
		case int:
			c.Values = append(c.Values, rules.Value{Number: rules.Number(v) * 1e6, IsNumber: true})
		case rules.Number:
			c.Values = append(c.Values, rules.Value{Number: v, IsNumber: true})
		case string:
			c.Values = append(c.Values, rules.Value{Text: v})
		}
	}
	return c
}

func count(m rules.Match, c rules.Compare, w ...rules.Window) rules.Condition {
	return agg(rules.Count, "", m, c, w...)
}

func agg(what, field string, m rules.Match, c rules.Compare, w ...rules.Window) rules.Condition {
	e := &rules.Event{Match: m, Aggregate: what, Field: field, Compare: c}
	if len(w) > 0 {
		e.Window = w[0]
	}
	return e
}

func last(field string, c rules.Compare) rules.Condition {
	return agg(rules.Last, field, of("*"), c)
}

func once(m rules.Match) rules.Condition { return &rules.Event{Match: m} }

func all(list ...rules.Condition) rules.Condition    { return &rules.All{Of: list} }
func either(list ...rules.Condition) rules.Condition { return &rules.Any{Of: list} }
func not(c rules.Condition) rules.Condition          { return &rules.Not{Of: c} }

func trait(name string, c rules.Compare) rules.Condition { return &rules.Trait{Name: name, Compare: c} }

func silent(m rules.Match, d rules.Duration) *rules.Absence { return &rules.Absence{Of: m, For: d} }

func silentAfter(m, after rules.Match, d rules.Duration, correlate ...string) *rules.Absence {
	return &rules.Absence{Of: m, After: &after, For: d, Correlate: strings.Join(correlate, "")}
}

func steps(within rules.Duration, correlate string, list ...rules.Match) *rules.Sequence {
	return &rules.Sequence{Steps: list, Within: within, Correlate: correlate}
}

func strict(s *rules.Sequence) *rules.Sequence {
	s.Strict = true
	return s
}

func in(segment string, d ...rules.Duration) rules.Condition {
	s := &rules.InSegment{ID: segment}
	if len(d) > 0 {
		s.InFor = d[0]
	}
	return s
}

func segment(id string, when rules.Condition) []rules.Segment {
	return []rules.Segment{{About: rules.About{ID: id}, When: when}}
}

func on(c rules.Condition) *rules.Trigger { return &rules.Trigger{On: c} }

func before(n int, unit string) rules.Offset {
	return rules.Offset{Before: true, Duration: dur(n, unit)}
}
func later(n int, unit string) rules.Offset { return rules.Offset{Duration: dur(n, unit)} }

func clock(h, m int) events.Instant { return events.Instant(h)*hour + events.Instant(m)*minute }
