package oracle

import (
	"fmt"
	"slices"
	"time"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state/rules"
)

// edges are the instants up to the run's at which any of the conditions could change: all that its leaves know of, of all
// events whether they match or not.
func (r *run) edges(of ...rules.Condition) []events.Instant {
	var all []events.Instant
	for i := range r.list {
		all = append(all, r.list[i].Time)
	}
	for _, c := range of {
		all = append(all, r.edgesOf(c)...)
	}
	slices.Sort(all)
	all = slices.Compact(all)
	return slices.DeleteFunc(all, func(at events.Instant) bool { return !r.known(at) || at > r.until })
}

func (r *run) edgesOf(c rules.Condition) (all []events.Instant) {
	switch c := c.(type) {
	case *rules.All:
		return r.edges(c.Of...)
	case *rules.Any:
		return r.edges(c.Of...)
	case *rules.Not:
		return r.edgesOf(c.Of)
	case *rules.Becomes:
		return r.edgesOf(c.Of)
	case *rules.Entered:
		return r.edgesOf(r.segment(c.Segment).When)
	case *rules.Left:
		return r.edgesOf(r.segment(c.Segment).When)
	case *rules.InSegment:
		all = r.edgesOf(r.segment(c.ID).When)
		if c.InFor.N > 0 {
			for _, s := range r.stays(c.ID) {
				all = append(all, s.From, s.To, r.add(s.From, c.InFor))
			}
		}
		return all
	case *rules.Feature, *rules.If:
		return r.everyDay()
	case *rules.Event:
		return r.windowEdges(c.Window, c.Ago)
	case *rules.Absence:
		for i := range r.list {
			all = append(all, r.add(r.list[i].Time, c.For))
		}
		return all
	case *rules.Cadence:
		for i := range r.list {
			_, days, _ := r.rhythm(c, r.list[i].Time)
			for _, d := range days {
				if due, ok := r.cadenceDue(c, d); ok {
					all = append(all, due)
				}
			}
		}
		return all
	case *rules.Item:
		for _, h := range r.linesOf(c, r.until) {
			if start, ok := r.itemDue(c, h); ok {
				all = append(all, start, r.add(start, or(c.For, rules.Duration{N: 1, Unit: "d"})))
			}
		}
		return all
	case *rules.Date:
		return r.dateEdges(c)
	case *rules.Catalogue:
		for i := range r.catalogue {
			t := r.catalogue[i].Time
			all = append(all, t, r.add(t, or(c.For, rules.Duration{N: 1, Unit: "d"})))
		}
		return all
	case *rules.Trait, *rules.Bucket, *rules.Sequence:
		return nil // events alone change them
	}
	panic(fmt.Sprintf("oracle: %T is no condition", c))
}

func (r *run) windowEdges(w rules.Window, ago rules.Duration) (all []events.Instant) {
	for i := range r.list {
		switch t := r.list[i].Time; {
		case ago.N > 0: // days around the same date so much later, for there may be none of which it is so long ago
			for _, d := range []civil{dateOf(t, r.w.Zone), dateOf(t, r.w.Zone).addDays(windowDays(w))} {
				for near := -1; near <= 4; near++ {
					all = append(all, r.startOf(d.add(ago.N, ago.Unit).addDays(near).number()))
				}
			}
		case w.Kind == "rolling":
			d, _ := exact(w.Duration)
			all = append(all, t+d)
		case w.Kind == "calendar":
			all = append(all, r.startOf(r.day(t)+windowDays(w)))
		}
	}
	return all
}

// everyDay is the first instant of every day from the first event on.
func (r *run) everyDay() (all []events.Instant) {
	if len(r.list) == 0 {
		return nil
	}
	for d := r.day(r.list[0].Time); ; d++ {
		at := r.startOf(d)
		if at > r.until {
			return all
		}
		all = append(all, at)
	}
}

// dateEdges are those of every date that was ever said, in every zone that the customer ever had.
func (r *run) dateEdges(c *rules.Date) (all []events.Instant) {
	zones := []*time.Location{r.zoneOf(c.Zone, -1)}
	for i := range r.list {
		zones = append(zones, r.zoneOf(c.Zone, r.list[i].Time))
	}
	for i := range r.list {
		text, _, ok := r.dateText(c, r.list[i].Time)
		for _, zone := range zones {
			date, ok := parseDate(text, ok, zone)
			if !ok {
				continue
			}
			for _, day := range r.recurrences(c, date, zone, r.until) {
				start := local(day.offset(c.Offset), c.Clock, zone)
				all = append(all, start, r.add(start, or(c.For, rules.Duration{N: 1, Unit: "d"})))
			}
		}
	}
	return all
}
