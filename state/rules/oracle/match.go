package oracle

import (
	"math/big"
	"slices"
	"strings"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state/rules"
)

// hit is an event that matches, or one of its lines.
type hit struct {
	event int // in the list
	line  int // -1: the event as a whole
	value value
	ok    bool // it has a value of the field
}

type wanted struct {
	match *rules.Match
	field string
}

// hits are the matches up to an instant in the order of the timeline, each with its value of a field ("": none).
func (r *run) hits(m *rules.Match, field string, at events.Instant) []hit {
	w := wanted{m, field}
	all, ok := r.found[w]
	if !ok {
		for i := range r.list {
			all = append(all, r.hitsOf(i, m, field)...)
		}
		r.found[w] = all
	}
	n := r.upTo(at)
	for i, h := range all {
		if h.event >= n {
			return all[:i]
		}
	}
	return all
}

func (r *run) hitsOf(i int, m *rules.Match, field string) (found []hit) {
	e := &r.list[i]
	if !named(e, m) {
		return nil
	}
	lines := []int{-1}
	if len(e.Items) > 0 && (ofItem(m.Where) || strings.HasPrefix(field, "item.")) {
		lines = nil
		for line := range e.Items {
			lines = append(lines, line)
		}
	}
	for _, line := range lines {
		if !r.fulfils(e, line, m.Where) {
			continue
		}
		h := hit{event: i, line: line}
		if field != "" {
			h.value, h.ok = r.field(e, line, field)
		}
		found = append(found, h)
	}
	return found
}

func named(e *events.Event, m *rules.Match) bool {
	return slices.Contains(m.Names, "*") || slices.Contains(m.Names, e.Name)
}

// upTo is how many events there are up to an instant.
func (r *run) upTo(at events.Instant) int {
	n := 0
	for n < len(r.list) && r.list[n].Time <= at {
		n++
	}
	return n
}

// inWindow says whether an event of time t counts at an instant.
func (r *run) inWindow(w rules.Window, ago rules.Duration, t, at events.Instant) bool {
	if ago.N > 0 {
		end := dateOf(at, r.w.Zone).add(-ago.N, ago.Unit).number()
		return r.day(t) <= end && r.day(t) > end-windowDays(w)
	}
	switch w.Kind {
	case "":
		return t <= at
	case "rolling":
		d, _ := exact(w.Duration)
		return at-d < t && t <= at
	case "calendar":
		return t <= at && r.day(t) > r.day(at)-windowDays(w)
	}
	panic("oracle: there is no window " + w.Kind)
}

func windowDays(w rules.Window) int {
	if w.Unit == "w" {
		return 7 * w.N
	}
	return w.N
}

// compares is what an operator says of a value; ok is whether there is one.
func compares(c rules.Compare, v value, ok bool) bool {
	if !ok {
		return false
	}
	switch c.Op {
	case "exists":
		return true
	case "in":
		return slices.ContainsFunc(c.Values, func(x rules.Value) bool {
			return compares(rules.Compare{Op: "==", Values: []rules.Value{x}}, v, true)
		})
	}
	want := c.Values[0]
	if want.IsNumber {
		return v.number != nil && compareNumbers(c.Op, v.number, big.NewInt(int64(want.Number)))
	}
	switch c.Op {
	case "==":
		return v.text == want.Text
	case "!=":
		return v.text != want.Text
	case "contains":
		return strings.Contains(v.text, want.Text)
	case "starts_with":
		return strings.HasPrefix(v.text, want.Text)
	}
	panic("oracle: texts have no operator " + c.Op)
}

func compareNumbers(op string, a, b *big.Int) bool {
	switch c := a.Cmp(b); op {
	case "==":
		return c == 0
	case "!=":
		return c != 0
	case "<":
		return c < 0
	case "<=":
		return c <= 0
	case ">":
		return c > 0
	case ">=":
		return c >= 0
	}
	panic("oracle: numbers have no operator " + op)
}

// aggregated is whether an event leaf is true at an instant, and the events that decide it.
func (r *run) aggregated(l *rules.Event, at events.Instant) (bool, []int) {
	numeric := slices.Contains([]string{rules.Sum, rules.Avg, rules.Min, rules.Max}, l.Aggregate)
	var counted []hit
	var deciding []int
	for _, h := range r.hits(&l.Match, l.Field, at) {
		if !r.inWindow(l.Window, l.Ago, r.list[h.event].Time, at) || l.Field != "" && !h.ok {
			continue
		}
		deciding = append(deciding, h.event)
		if !numeric || h.value.number != nil {
			counted = append(counted, h)
		}
	}
	count := func(n int) value { return scaled(int64(n), 0) }
	switch l.Aggregate {
	case "":
		return len(counted) > 0, deciding
	case rules.Count:
		return compares(l.Compare, count(len(counted)), true), deciding
	case rules.Distinct:
		texts := map[string]bool{}
		for _, h := range counted {
			texts[h.value.text] = true
		}
		return compares(l.Compare, count(len(texts)), true), deciding
	case rules.Sum:
		return compares(l.Compare, numberValue(bound(sum(counted))), true), deciding
	}
	if len(counted) == 0 {
		return false, deciding
	}
	switch l.Aggregate {
	case rules.First:
		return compares(l.Compare, counted[0].value, true), deciding[:1]
	case rules.Last:
		return compares(l.Compare, counted[len(counted)-1].value, true), deciding
	case rules.MostFrequent:
		return compares(l.Compare, mostFrequent(counted), true), deciding
	case rules.Avg:
		return average(l.Compare, counted), deciding
	}
	best := counted[0].value
	for _, h := range counted {
		if c := h.value.number.Cmp(best.number); l.Aggregate == rules.Min && c < 0 || l.Aggregate == rules.Max && c > 0 {
			best = h.value
		}
	}
	return compares(l.Compare, best, true), deciding
}

func sum(list []hit) *big.Int {
	s := new(big.Int)
	for _, h := range list {
		s.Add(s, h.value.number)
	}
	return s
}

// average compares the sum with so many times each value, so that nothing is divided.
func average(c rules.Compare, list []hit) bool {
	if c.Op == "exists" {
		return true
	}
	s, n := sum(list), big.NewInt(int64(len(list)))
	return slices.ContainsFunc(c.Values, func(v rules.Value) bool {
		op := c.Op
		if op == "in" {
			op = "=="
		}
		return v.IsNumber && compareNumbers(op, s, new(big.Int).Mul(big.NewInt(int64(v.Number)), n))
	})
}

func mostFrequent(list []hit) value {
	times, best := map[string]int{}, list[0].value.text
	for _, h := range list {
		times[h.value.text]++
	}
	for text, n := range times {
		if n > times[best] || n == times[best] && text < best {
			best = text
		}
	}
	return textValue(best)
}
