package oracle

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state/rules"
)

// instance is one of the things of which a leaf speaks, that is so at an instant: a year, a product, an `after` match.
type instance struct {
	id    string // tells it from the others of the leaf
	key   string
	event int            // that decides it
	from  events.Instant // its beginning, if it is a date
}

// instances are those of a leaf that are so at an instant.
func (r *run) instances(c rules.Condition, at events.Instant) []instance {
	switch c := c.(type) {
	case *rules.Absence:
		if c.After != nil {
			return r.absentAfter(c, at)
		}
		return r.absentSince(c, at)
	case *rules.Date:
		return r.dates(c, at)
	case *rules.Item:
		return r.items(c, at)
	case *rules.Cadence:
		return r.cadences(c, at)
	}
	panic(fmt.Sprintf("oracle: %T has no instances", c))
}

func (r *run) absentSince(c *rules.Absence, at events.Instant) []instance {
	from := r.countsFrom(c, at)
	if from < 0 || at < r.add(r.list[from].Time, c.For) {
		return nil
	}
	return []instance{{id: fmt.Sprint(from), key: r.mark(from), event: from}}
}

func (r *run) absentAfter(c *rules.Absence, at events.Instant) (found []instance) {
	last := map[string]hit{} // the last `after` match of each value
	var values []string
	for _, h := range r.hits(c.After, c.Correlate, at) {
		if c.Correlate != "" && !h.ok {
			continue
		}
		if _, ok := last[h.value.text]; !ok {
			values = append(values, h.value.text)
		}
		last[h.value.text] = h
	}
	for _, v := range values {
		a := last[v]
		if at < r.add(r.list[a.event].Time, c.For) {
			continue
		}
		came := slices.ContainsFunc(r.hits(&c.Of, c.Correlate, at), func(of hit) bool {
			return of.event > a.event && (c.Correlate == "" || of.ok && of.value.text == v)
		})
		if !came {
			found = append(found, instance{id: fmt.Sprint(a.event, " ", v), key: r.mark(a.event), event: a.event})
		}
	}
	return found
}

func (r *run) items(c *rules.Item, at events.Instant) (found []instance) {
	last := map[string]hit{}
	for _, h := range r.linesOf(c, at) {
		last[r.itemKey(h)] = h
	}
	for key, h := range last {
		start, ok := r.itemDue(c, h)
		if ok && r.owned(h.event, at) && start <= at && at < r.add(start, or(c.For, rules.Duration{N: 1, Unit: "d"})) {
			found = append(found, instance{id: key, key: key, event: h.event, from: start})
		}
	}
	return found
}

// linesOf are the product lines that match.
func (r *run) linesOf(c *rules.Item, at events.Instant) []hit {
	all := slices.Clone(r.hits(&c.Of, "item.product_id", at)) // a field that makes it go line by line
	return slices.DeleteFunc(all, func(h hit) bool { return h.line < 0 })
}

func (r *run) itemKey(h hit) string {
	e := &r.list[h.event]
	i := &e.Items[h.line]
	switch {
	case i.Serial != "":
		return i.Serial
	case e.Order.ID != "":
		return e.Order.ID + "/" + i.ProductID
	}
	return r.mark(h.event) + "/" + i.ProductID
}

// itemDue is the instant from which a line is due: its date by the business zone, and the time of day.
func (r *run) itemDue(c *rules.Item, h hit) (events.Instant, bool) {
	e := &r.list[h.event]
	date := dateOf(e.Time, r.w.Zone)
	switch c.Field {
	case "":
	case "item.warranty_months":
		if e.Items[h.line].Warranty == 0 {
			return 0, false
		}
		date = date.addMonths(int(e.Items[h.line].Warranty))
	default:
		v, ok := r.field(e, h.line, c.Field)
		if date, ok = parseDate(v.text, ok, r.w.Zone); !ok {
			return 0, false
		}
	}
	return local(date.offset(c.Offset), c.Clock, r.w.Zone), true
}

// owned says whether no later event of the same order took it back whole.
func (r *run) owned(event int, at events.Instant) bool {
	id := r.list[event].Order.ID
	return !slices.ContainsFunc(r.list[event+1:r.upTo(at)], func(e events.Event) bool {
		whole := e.Type == events.OrderCancelled || e.Type == events.OrderRefunded && len(e.Items) == 0 && !e.Order.Stated
		return whole && id != "" && e.Order.ID == id
	})
}

func (r *run) cadences(c *rules.Cadence, at events.Instant) (found []instance) {
	last, days, values := r.rhythm(c, at)
	for _, v := range values {
		if due, ok := r.cadenceDue(c, days[v]); ok && due <= at {
			key := r.mark(last[v])
			if c.By != "customer" {
				key = v + "/" + key
			}
			found = append(found, instance{id: key, key: key, event: last[v]})
		}
	}
	return found
}

// rhythm is the last match, and the days of all of them, of each customer, category or product.
func (r *run) rhythm(c *rules.Cadence, at events.Instant) (last map[string]int, days map[string][]int, values []string) {
	field := map[string]string{"customer": "", "category": "item.category", "product": "item.product_id"}[c.By]
	last, days = map[string]int{}, map[string][]int{}
	for _, h := range r.hits(&c.Of, field, at) {
		if field != "" && !h.ok {
			continue
		}
		v := h.value.text
		if _, ok := last[v]; !ok {
			values = append(values, v)
		}
		last[v] = h.event
		days[v] = append(days[v], r.day(r.list[h.event].Time))
	}
	return last, days, values
}

// cadenceDue is the first instant of the day on which tolerance times the median interval since the last day has passed.
func (r *run) cadenceDue(c *rules.Cadence, days []int) (events.Instant, bool) {
	days = slices.Compact(slices.Clone(days))
	var intervals []int
	for i := 1; i < len(days); i++ {
		intervals = append(intervals, days[i]-days[i-1])
	}
	if len(intervals) < max(1, cmp.Or(c.Least, 3)) {
		return 0, false
	}
	slices.Sort(intervals)
	n := len(intervals)
	twice := intervals[n/2] + intervals[(n-1)/2] // the median
	millionths := int64(twice) * int64(cmp.Or(c.Tolerance, 1_500_000))
	passed := (millionths + 2_000_000 - 1) / 2_000_000
	return r.startOf(days[len(days)-1] + int(passed)), true
}

// completions are those of a sequence, each as the instance whose event is the last step, in the order of the timeline.
func (r *run) completions(c *rules.Sequence) (all []instance) {
	steps := make([]map[string][]int, len(c.Steps)) // the events that match each, by the value of the correlate field
	var values []string
	for i := range c.Steps {
		steps[i] = map[string][]int{}
		for _, h := range r.hits(&c.Steps[i], c.Correlate, r.until) {
			v := h.value.text
			if c.Correlate != "" && !h.ok {
				continue
			}
			if n := len(steps[i][v]); n == 0 || steps[i][v][n-1] < h.event {
				steps[i][v] = append(steps[i][v], h.event)
			}
			values = append(values, v)
		}
	}
	slices.Sort(values)
	for _, v := range slices.Compact(values) {
		used := map[int]bool{}
		for _, end := range steps[len(steps)-1][v] {
			if r.usable(c, steps, v, used, end) {
				all = append(all, instance{id: fmt.Sprint(end, " ", v), key: r.mark(end), event: end})
			}
		}
	}
	slices.SortStableFunc(all, func(a, b instance) int { return cmp.Compare(a.event, b.event) })
	return all
}

// usable finds the run to end whose first step is the latest, of those whose second is, and so on, and uses it up.
func (r *run) usable(c *rules.Sequence, steps []map[string][]int, v string, used map[int]bool, end int) bool {
	taken := make([]int, 0, len(steps))
	var next func() bool
	next = func() bool {
		i := len(taken)
		candidates := steps[i][v]
		if i == len(steps)-1 {
			candidates = []int{end}
		}
		for _, e := range slices.Backward(candidates) {
			late := i == 0 && r.add(r.list[e].Time, c.Within) < r.list[end].Time
			if late || used[e] || e > end || i > 0 && e <= taken[i-1] {
				continue
			}
			taken = append(taken, e)
			if i == len(steps)-1 && r.unbroken(c, taken) || i < len(steps)-1 && next() {
				return true
			}
			taken = taken[:i]
		}
		return false
	}
	if !next() {
		return false
	}
	for _, e := range taken {
		used[e] = true
	}
	return true
}

// unbroken says whether no other event of a type that a step names lies between, where that matters.
func (r *run) unbroken(c *rules.Sequence, taken []int) bool {
	for e := taken[0]; c.Strict && e < taken[len(taken)-1]; e++ {
		names := func(m rules.Match) bool { return named(&r.list[e], &m) }
		if !slices.Contains(taken, e) && slices.ContainsFunc(c.Steps, names) {
			return false
		}
	}
	return true
}
