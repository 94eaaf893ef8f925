package oracle

import (
	"fmt"
	"strings"
	"time"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state/rules"
	"github.com/touchfold/touchfold/state/tzdata"
)

// parseDate reads 2006-01-02, or an instant, of which the date in the zone counts.
func parseDate(text string, ok bool, zone *time.Location) (civil, bool) {
	if t, err := time.Parse(time.DateOnly, text); ok && err == nil {
		return civilOf(t), true
	}
	if t, err := time.Parse(time.RFC3339, text); ok && err == nil {
		return civilOf(t.In(zone)), true
	}
	return civil{}, false
}

func (r *run) dates(c *rules.Date, at events.Instant) (found []instance) {
	text, event, ok := r.dateText(c, at)
	zone := r.zoneOf(c.Zone, at)
	date, ok := parseDate(text, ok, zone)
	if !ok {
		return nil
	}
	for key, day := range r.recurrences(c, date, zone, at) {
		start := local(day.offset(c.Offset), c.Clock, zone)
		if start <= at && at < r.add(start, or(c.For, rules.Duration{N: 1, Unit: "d"})) {
			found = append(found, instance{id: key, key: key, event: event, from: start})
		}
	}
	return found
}

// dateText is what stands where the date should, and the event that says so.
func (r *run) dateText(c *rules.Date, at events.Instant) (string, int, bool) {
	if c.Of == nil {
		said, event := r.said(strings.TrimPrefix(c.Field, "traits."), at)
		v, ok := jsonValue(said)
		return v.text, event, ok
	}
	all := r.hits(c.Of, c.Field, at)
	if len(all) == 0 {
		return "", -1, false
	}
	last := all[len(all)-1]
	return last.value.text, last.event, last.ok
}

// zoneOf is the zone of that name for the customer at an instant.
func (r *run) zoneOf(name string, at events.Instant) *time.Location {
	switch name {
	case "UTC":
		return time.UTC
	case "customer":
		said, _ := r.said("timezone", at)
		if zone := r.zoneNamed(said); zone != nil {
			return zone
		}
	}
	return r.w.Zone
}

// zoneNamed is the IANA zone that was said; nil if that is none.
func (r *run) zoneNamed(said any) *time.Location {
	name, _ := said.(string)
	if zone, ok := r.w.zones[name]; ok {
		return zone
	}
	zone, err := tzdata.Load(name)
	if err != nil {
		zone = nil
	}
	r.w.zones[name] = zone
	return zone
}

// recurrences are the days of a date, by key, that can matter up to an instant.
func (r *run) recurrences(c *rules.Date, date civil, zone *time.Location, at events.Instant) map[string]civil {
	from, to := dateOf(r.list[0].Time, zone), dateOf(at, zone).add(1, "y")
	if c.Offset.Before {
		to = to.add(c.Offset.N, c.Offset.Unit)
	}
	found := map[string]civil{}
	switch c.Recur {
	case "":
		found[fmt.Sprintf("%04d-%02d-%02d", date.year, date.month, date.day)] = date
	case "yearly":
		for y := from.year; y <= to.year; y++ {
			found[fmt.Sprintf("%04d", y)] = civil{y, date.month, 1}.inMonth(date.day)
		}
	case "monthly":
		for m := (civil{from.year, from.month, 1}); m.number() <= to.number(); m = m.addMonths(1) {
			found[fmt.Sprintf("%04d-%02d", m.year, m.month)] = m.inMonth(date.day)
		}
	}
	return found
}

// inMonth is that day of c's month, or its last.
func (c civil) inMonth(day int) civil {
	last := civil{c.year, c.month, 1}.addMonths(1).addDays(-1)
	return civil{c.year, c.month, min(day, last.day)}
}
