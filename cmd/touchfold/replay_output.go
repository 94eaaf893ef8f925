package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/processor/rehearsal"
	"github.com/touchfold/touchfold/state"
)

// factsOf is what is true of a customer at an instant: true of a yes/no fact, else the fact's text.
func factsOf(c *state.Customer, at events.Instant) map[string]any {
	facts := map[string]any{}
	c.Facts(at, func(key string, v state.Value) {
		if f := events.FamilyOf(key); v != "" && f != nil && f.YesNo {
			facts[key] = true
		} else if v != "" {
			facts[key] = v
		}
	})
	return facts
}

// writeCustomer writes what is known of a customer at an instant, in one line.
func writeCustomer(w io.Writer, c *state.Customer, at events.Instant) error {
	return writeLine(w, struct {
		ID       events.CustomerID `json:"customer_id"`
		Facts    map[string]any    `json:"facts"`
		Features map[string]any    `json:"features"`
	}{c.ID(), factsOf(c, at), c.Report(at)})
}

func writeLine(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// writeDerived writes the derived events in order of customer, then as they were said.
func writeDerived(ctx context.Context, w io.Writer, rh *rehearsal.Rehearsal) error {
	type line struct {
		customer events.CustomerID
		text     []byte
	}
	var all []line
	err := rh.Derived(ctx, func(r *events.Record, s *events.Statement) error {
		var text bytes.Buffer
		h := headers(r)
		err := writeLine(&text, struct {
			ID       string            `json:"id"`
			Type     string            `json:"type"`
			Time     string            `json:"time"`
			Customer events.CustomerID `json:"customer_id"`
			Data     json.RawMessage   `json:"data"`
		}{h["ce_id"], h["ce_type"], h["ce_time"], s.Customer, r.Value})
		all = append(all, line{s.Customer, text.Bytes()})
		return err
	})
	if err != nil {
		return err
	}
	slices.SortStableFunc(all, func(a, b line) int { return cmp.Compare(a.customer, b.customer) })
	for _, l := range all {
		if _, err := w.Write(l.text); err != nil {
			return err
		}
	}
	return nil
}

// headers are those of a record by name.
func headers(r *events.Record) map[string]string {
	h := make(map[string]string, len(r.Headers))
	for _, x := range r.Headers {
		h[x.Key] = string(x.Value)
	}
	return h
}

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
