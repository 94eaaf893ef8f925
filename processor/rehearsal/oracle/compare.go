package oracle

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/big"
	"reflect"
	"slices"
	"strings"
	"time"
)

// Report is what a comparison found.
type Report struct {
	Customers, Checks int
	Derived           int
	Differ            []string // the first few, as sentences
	Differing         int
}

// String is the figure.
func (r Report) String() string {
	return fmt.Sprintf("%d customers, %d derived events, %d checks, %d differ", r.Customers, r.Derived, r.Checks, r.Differing)
}

func (r *Report) equal(got, want any, where string, args ...any) {
	if r.Checks++; reflect.DeepEqual(got, want) {
		return
	}
	if r.Differing++; r.Differing <= 5 {
		r.Differ = append(r.Differ, fmt.Sprintf("%s: got %v, want %v", fmt.Sprintf(where, args...), got, want))
	}
}

// customer is a line of the file of customers.
type customer struct {
	ID       string `json:"customer_id"`
	Facts    map[string]any
	Features struct{ Purchases *purchases }
}

// purchases has the figures; Last365Days has its first five only.
type purchases struct {
	Orders           int
	OrderDays        int `json:"order_days"`
	Gross            string
	Refunded         string
	Net              string
	Refunds          int
	Units            string
	FirstOrderAt     string     `json:"first_order_at"`
	LastOrderAt      string     `json:"last_order_at"`
	DistinctProducts int        `json:"distinct_products"`
	Last365Days      *purchases `json:"last_365d"`
}

// derived is a line of the file of derived events.
type derived struct {
	ID, Type, Time string
	Customer       string `json:"customer_id"`
	Data           struct {
		CRM struct {
			Fact              string
			Previous, Current any
			N                 int
		}
	}
}

// Compare holds what a replay wrote against the touchpoints that it read.
func Compare(touchpoints, customers, said io.Reader, rules Rules) (Report, error) {
	var r Report
	all, err := Read(touchpoints, rules)
	if err != nil {
		return r, err
	}
	statements := map[string][]derived{}
	ids := map[string]bool{}
	last := ""
	err = each(said, func(d *derived) {
		r.Derived++
		r.equal(d.Customer >= last, true, "a derived event of %s comes after one of %s", d.Customer, last)
		last = d.Customer
		r.equal(ids[d.ID], false, "derived id %s stands twice", d.ID)
		ids[d.ID] = true
		statements[d.Customer] = append(statements[d.Customer], *d)
	})
	if err != nil {
		return r, err
	}
	last = ""
	err = each(customers, func(c *customer) {
		r.Customers++
		r.equal(c.ID > last, true, "customer %s comes after %s", c.ID, last)
		last = c.ID
		events, ok := all[c.ID]
		if r.equal(ok, true, "customer %s is known", c.ID); !ok {
			return
		}
		b := booked(events, rules)
		r.equal(c.Facts, rules.facts(&b, rules.day(rules.AsOf)), "facts of %s", c.ID)
		r.purchases(c, &b, rules)
		r.said(c, statements[c.ID], events, rules)
		delete(all, c.ID)
	})
	r.equal(slices.Sorted(maps.Keys(all)), []string(nil), "customers that are missing")
	return r, err
}

func each[T any](in io.Reader, f func(*T)) error {
	for d := json.NewDecoder(in); ; {
		v := new(T)
		if err := d.Decode(v); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		f(v)
	}
}

func (r *Report) purchases(c *customer, b *book, rules Rules) {
	if len(b.orders)+len(b.refunds) == 0 {
		r.equal(c.Features.Purchases, (*purchases)(nil), "purchases of %s", c.ID)
		return
	}
	today := rules.day(rules.AsOf)
	want := b.window(0, today, rules)
	want.Last365Days = b.window(today-364, today, rules)
	want.Refunds = len(b.refunds)
	units := new(big.Rat)
	products := map[string]bool{}
	for _, o := range b.orders {
		units.Add(units, o.units)
		for _, p := range o.products {
			products[p] = true
		}
	}
	want.Units, want.DistinctProducts = strings.TrimSuffix(strings.TrimRight(units.FloatString(3), "0"), "."), len(products)
	if n := len(b.orders); n > 0 {
		want.FirstOrderAt, want.LastOrderAt = text(b.orders[0].at), text(b.orders[n-1].at)
	}
	got := c.Features.Purchases
	if r.equal(got != nil, true, "purchases of %s are there", c.ID); got != nil {
		r.equal(describe(got), describe(want), "purchases of %s", c.ID)
	}
}

func describe(p *purchases) string {
	b, _ := json.Marshal(p) // cannot fail: texts and numbers
	return string(b)
}

func (b *book) window(first, last int, rules Rules) *purchases {
	_, gross, refunded := b.money(first, rules.Currency)
	w := &purchases{OrderDays: len(b.days(first, last)), Gross: major(gross), Refunded: major(refunded), Net: major(gross - refunded)}
	for _, o := range b.orders {
		if o.day >= first {
			w.Orders++
		}
	}
	return w
}

func major(cents int64) string { return big.NewRat(cents, 100).FloatString(2) }

func text(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.999Z") }

// said holds a customer's statements together: of each fact they are counted from 1, each begins where the one before
// ended, and the last one is what holds. Where the touchpoints came in order they are exactly the changes that a look
// after every event and at every midnight finds, each with its instant.
func (r *Report) said(c *customer, got []derived, events []event, rules Rules) {
	now := map[string]any{}
	count := map[string]int{}
	var lines []string
	for _, d := range got {
		fact, crm := d.Data.CRM.Fact, &d.Data.CRM
		count[fact]++
		r.equal(crm.N, count[fact], "n of a statement on %s of %s", fact, c.ID)
		r.equal(truth(crm.Previous), now[fact], "what a statement on %s of %s says was so before it", fact, c.ID)
		if now[fact] = truth(crm.Current); now[fact] == nil {
			delete(now, fact)
		}
		lines = append(lines, fmt.Sprint(d.Time, " ", fact, "=", truth(crm.Current), " ", d.Type))
	}
	r.equal(now, c.Facts, "the last word on the facts of %s", c.ID)
	if rules.InOrder {
		slices.Sort(lines)
		r.equal(lines, rules.changes(events), "what was said of %s", c.ID)
	}
}

// truth is v, nil for false.
func truth(v any) any {
	if v == false {
		return nil
	}
	return v
}

// changes is every change of a fact, in the form of said, sorted.
func (rules Rules) changes(events []event) []string {
	var lines []string
	was := map[string]any{}
	look := func(known []event, at time.Time) {
		b := booked(known, rules)
		is := rules.facts(&b, rules.day(at))
		for _, key := range []string{"lifecycle", "segment/vip", "segment/high_frequency", "segment/potential", "segment/churn_risk"} {
			if was[key] == is[key] {
				continue
			}
			kind := "crm.lifecycle.changed.v1"
			if segment := strings.HasPrefix(key, "segment/"); segment && is[key] == true {
				kind = "crm.segment.entered.v1"
			} else if segment {
				kind = "crm.segment.exited.v1"
			}
			lines = append(lines, fmt.Sprint(text(at), " ", key, "=", is[key], " ", kind))
		}
		was = is
	}
	y, m, d := events[0].at.In(rules.Zone).Date()
	for i, n := 0, 1; ; n++ {
		midnight := time.Date(y, m, d+n, 0, 0, 0, 0, rules.Zone)
		for ; i < len(events) && events[i].at.Before(midnight); i++ {
			look(events[:i+1], events[i].at)
		}
		if midnight.After(rules.AsOf) {
			break
		}
		look(events[:i], midnight)
	}
	slices.Sort(lines)
	return lines
}
