package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/touchfold/touchfold/events"
)

// summary is what a replay counts itself.
type summary struct {
	fed, skipped, customers int
	end                     events.Instant // the shards' clock at the end
	took                    time.Duration  // from the start until all was folded, said and acknowledged
}

// write writes it with what the program counted.
func (s *summary) write(w io.Writer, registry *prometheus.Registry, zone *time.Location) error {
	counted, err := counts(registry, "touchfold_touchpoints_total", "outcome")
	if err != nil {
		return err
	}
	parked, err := counts(registry, "touchfold_parked_total", "reason")
	if err != nil {
		return err
	}
	derived, err := counts(registry, "touchfold_derived_total", "type")
	if err != nil {
		return err
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	row := func(name string, v any) { fmt.Fprintf(t, "%s\t%v\n", name, v) }
	row("clock", s.end.Time().In(zone).Format("2006-01-02 15:04:05.000 MST"))
	row("touchpoints", s.fed)
	row("skipped, later", s.skipped)
	row("duplicates", counted["duplicate"])
	row("late", counted["late"]+counted["corrected"])
	row("parked", counted["parked"])
	for _, reason := range slices.Sorted(maps.Keys(parked)) {
		if n := parked[reason]; n > 0 {
			row("  "+reason, n)
		}
	}
	row("customers", s.customers)
	row("derived events", sum(derived))
	for _, kind := range slices.Sorted(maps.Keys(derived)) {
		row("  "+kind, derived[kind])
	}
	row("seconds", fmt.Sprintf("%.2f", s.took.Seconds()))
	row("touchpoints/s", fmt.Sprintf("%.0f", float64(s.fed)/s.took.Seconds()))
	return t.Flush()
}

func sum(m map[string]int) (n int) {
	for _, v := range m {
		n += v
	}
	return n
}

// counts are a counter's values, added up by one of its labels.
func counts(registry *prometheus.Registry, name, label string) (map[string]int, error) {
	families, err := registry.Gather()
	if err != nil {
		return nil, err
	}
	by := map[string]int{}
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				if l.GetName() == label {
					by[l.GetValue()] += int(m.GetCounter().GetValue())
				}
			}
		}
	}
	return by, nil
}
