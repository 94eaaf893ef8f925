package rehearsal

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"io"
	"slices"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state"
)

// Facts is what is true of a customer at an instant that is not before the last event: true of a yes/no fact, else the
// fact's text.
func Facts(c *state.Customer, at events.Instant) map[string]any {
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

// WriteCustomers writes what is known of each customer at an instant, one JSON line each, and counts them:
// {"customer_id", "facts", "features"}, in order of the ids' bytes. Nothing in it depends on the order of arrival. It is
// for after Stop.
func (r *Rehearsal) WriteCustomers(w io.Writer, at events.Instant) (n int, err error) {
	return n, r.Customers(func(c *state.Customer) error {
		n++
		return writeLine(w, struct {
			ID       events.CustomerID `json:"customer_id"`
			Facts    map[string]any    `json:"facts"`
			Features map[string]any    `json:"features"`
		}{c.ID(), Facts(c, at), c.Report(at)})
	})
}

func writeLine(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// WriteDerived writes the derived events, one JSON line each: {"id", "type", "time", "customer_id", "data"}, in order of
// the customers' ids, then as they were said.
func (r *Rehearsal) WriteDerived(ctx context.Context, w io.Writer) error {
	type line struct {
		customer events.CustomerID
		text     []byte
	}
	var all []line
	err := r.Derived(ctx, func(rec *events.Record, s *events.Statement) error {
		var text bytes.Buffer
		err := writeLine(&text, struct {
			ID       string            `json:"id"`
			Type     string            `json:"type"`
			Time     string            `json:"time"`
			Customer events.CustomerID `json:"customer_id"`
			Data     json.RawMessage   `json:"data"`
		}{ID: header(rec, "ce_id"), Type: header(rec, "ce_type"), Time: s.Effective.String(), Customer: s.Customer, Data: rec.Value})
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

// header is the value of a record's header, "" without.
func header(r *events.Record, key string) string {
	for _, h := range r.Headers {
		if h.Key == key {
			return string(h.Value)
		}
	}
	return ""
}
