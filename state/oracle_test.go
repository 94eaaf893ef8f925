package state_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math/big"
	"reflect"
	"sort"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/touchfold/touchfold/events"
)

// The oracle computes purchases, segments and lifecycle from a plain list of events at an instant, anew and the slow way,
// by the definitions alone: money in rational numbers, days by package time. It shares no code with what it checks.
type oracle struct {
	rules
	zone *time.Location
	list []events.Event // in order
	at   time.Time
}

// sale is an order as its last word left it.
type sale struct {
	first, last, lines *events.Event // that completed it; that says its total; that says its lines
	left               *big.Rat      // of its total, after refunds
}

func newOracle(r rules, zone *time.Location, list []events.Event, at events.Instant) *oracle {
	o := &oracle{rules: r, zone: zone, at: time.UnixMilli(int64(at))}
	o.list = append(o.list, smallest(list)...)
	sort.Slice(o.list, func(i, j int) bool {
		a, b := &o.list[i], &o.list[j]
		if a.Time != b.Time {
			return a.Time < b.Time
		}
		return a.Sequence+"\x00"+a.Source+"\x00"+a.ID < b.Sequence+"\x00"+b.Source+"\x00"+b.ID
	})
	return o
}

// date is a calendar day as a count, so that days can be subtracted.
func (o *oracle) date(t time.Time) int {
	y, m, d := t.In(o.zone).Date()
	return int(time.Date(y, m, d, 12, 0, 0, 0, time.UTC).Sub(time.Date(1970, 1, 1, 12, 0, 0, 0, time.UTC)).Hours()) / 24
}

func (o *oracle) age(e *events.Event) int { return o.date(o.at) - o.date(e.Time.Time()) }

func (o *oracle) sales() (sales []*sale) {
	for i := range o.list {
		e := &o.list[i]
		if e.Type != events.OrderCompleted && e.Type != events.OrderUpdated {
			continue
		}
		var known *sale
		for _, s := range sales {
			if e.Order.ID != "" && s.first.Order.ID == e.Order.ID {
				known = s
			}
		}
		switch {
		case known != nil:
			known.replace(e)
		case e.Type == events.OrderCompleted:
			sales = append(sales, &sale{first: e, last: e, lines: e})
		}
	}
	for _, s := range sales {
		s.left = major(s.last.Order.Value, s.last.Order.Currency)
	}
	return sales
}

// replace takes from an event what it says of the sale.
func (s *sale) replace(e *events.Event) {
	if len(e.Items) > 0 || e.Order.Units != 0 {
		s.lines = e
	}
	if !e.Order.Stated {
		return
	}
	money := *e
	if had := s.last.Order.Currency; e.Order.Defaulted && had != e.Order.Currency {
		amount := round(major(e.Order.Value, e.Order.Currency), had)
		amount.Mul(amount, big.NewRat(int64(pow10(had.Digits())), 1))
		money.Order.Currency, money.Order.Value = had, amount.Num().Int64()
	}
	s.last = &money
}

func major(minor int64, c events.Currency) *big.Rat {
	return big.NewRat(minor, int64(pow10(c.Digits())))
}

func pow10(n int) int {
	p := 1
	for range n {
		p *= 10
	}
	return p
}

// back is what a refund gives back, and in what currency.
type back struct {
	e        *events.Event
	amount   *big.Rat
	currency events.Currency
}

func (o *oracle) refunds(sales []*sale) (backs []back) {
	for i := range o.list {
		e := &o.list[i]
		if e.Type != events.OrderRefunded && e.Type != events.OrderCancelled {
			continue
		}
		b := back{e, major(e.Order.Value, e.Order.Currency), e.Order.Currency}
		var of *sale
		for _, s := range sales {
			if e.Order.ID != "" && s.first.Order.ID == e.Order.ID {
				of = s
			}
		}
		whole := e.Type == events.OrderCancelled || !e.Order.Stated && len(e.Items) == 0
		switch {
		case of == nil && whole && e.Order.ID != "":
			b.amount = new(big.Rat)
		case of == nil:
		case whole:
			b.amount, b.currency, of.left = of.left, of.last.Order.Currency, new(big.Rat)
		case e.Order.Defaulted || e.Order.Currency == of.last.Order.Currency:
			b.currency = of.last.Order.Currency
			b.amount = round(b.amount, b.currency)
			if b.amount.Cmp(of.left) > 0 {
				b.amount = of.left
			}
			of.left = new(big.Rat).Sub(of.left, b.amount)
		}
		backs = append(backs, b)
	}
	return backs
}

// round rounds half up to a currency's digits.
func round(x *big.Rat, c events.Currency) *big.Rat {
	x = new(big.Rat).Mul(x, big.NewRat(int64(pow10(c.Digits())), 1))
	x.Add(x, big.NewRat(1, 2))
	return big.NewRat(new(big.Int).Quo(x.Num(), x.Denom()).Int64(), int64(pow10(c.Digits())))
}

// totals is money in one currency, over orders and refunds not older than so many days.
func (o *oracle) totals(sales []*sale, backs []back, c events.Currency, days int) (orders, dates int, gross, refunded *big.Rat) {
	gross, refunded = new(big.Rat), new(big.Rat)
	seen := map[int]bool{}
	for _, s := range sales {
		if s.last.Order.Currency == c && o.age(s.first) < days {
			orders++
			seen[o.age(s.first)] = true
			gross.Add(gross, major(s.last.Order.Value, c))
		}
	}
	for _, b := range backs {
		if b.currency == c && o.age(b.e) < days {
			refunded.Add(refunded, b.amount)
		}
	}
	return orders, len(seen), gross, refunded
}

const ever = 1 << 30

// ages is how old each order day is, youngest first.
func (o *oracle) ages(sales []*sale) (ages []int) {
	seen := map[int]bool{}
	for _, s := range sales {
		if a := o.age(s.first); !seen[a] {
			seen[a] = true
			ages = append(ages, a)
		}
	}
	sort.Ints(ages)
	return ages
}

func within(ages []int, days int) (n int) {
	for _, a := range ages {
		if a < days {
			n++
		}
	}
	return n
}

// facts is every fact, in the form of factsOf.
func (o *oracle) facts() string {
	sales := o.sales()
	var facts []string
	if stage := o.stage(sales); stage != "" {
		facts = append(facts, "lifecycle="+stage)
	}
	if len(sales) == 0 {
		return strings.Join(facts, " ")
	}
	backs, ages := o.refunds(sales), o.ages(sales)
	yes := func(key string, is bool) {
		if is {
			facts = append(facts, "segment/"+key+"=true")
		}
	}
	yes("churn_risk", ages[0] > o.churnOver)
	often := within(ages, 365) >= o.atLeast
	if o.everyBlock {
		yes("high_frequency", o.inEveryBlock(ages))
	} else {
		yes("high_frequency", often)
	}
	n, _, gross, _ := o.totals(sales, backs, hkd, ever)
	rich := n > 0 && new(big.Rat).Quo(gross, big.NewRat(int64(n), 1)).Cmp(big.NewRat(o.potential, 100)) >= 0
	yes("potential", len(ages) == 1 || !often && rich)
	_, _, gross, refunded := o.totals(sales, backs, hkd, 365)
	yes("vip", new(big.Rat).Sub(gross, refunded).Cmp(big.NewRat(o.vipOver, 100)) > 0)
	return strings.Join(facts, " ")
}

func (o *oracle) inEveryBlock(ages []int) bool {
	for block := range o.atLeast {
		met := false
		for _, a := range ages {
			met = met || a/30 == block
		}
		if !met {
			return false
		}
	}
	return true
}

func (o *oracle) stage(sales []*sale) string {
	ages := o.ages(sales)
	switch {
	case len(ages) == 0 && o.known():
		return "prospect"
	case len(ages) == 0:
		return ""
	case ages[0] > cmp.Or(o.lapse, o.churnOver):
		return "lapsed"
	case within(ages, 365) >= 6:
		return "loyal"
	case len(ages) == 1:
		return "customer"
	case ages[1]-ages[0] > cmp.Or(o.lapse, o.churnOver):
		return "won_back"
	}
	return "repeat"
}

// known: the customer has begun a contact or told a trait.
func (o *oracle) known() bool {
	for i := range o.list {
		e := &o.list[i]
		if e.Type.About().Initiator == events.Customer {
			return true
		}
		for _, t := range e.Traits {
			if e.Type == events.Identify && string(t.Value) != "null" {
				return true
			}
		}
	}
	return false
}

// report is the report of purchases as JSON reads it; nil without orders and refunds.
func (o *oracle) report() any {
	sales := o.sales()
	backs := o.refunds(sales)
	if len(sales)+len(backs) == 0 {
		return nil
	}
	ages := o.ages(sales)
	r := o.money(sales, backs, hkd)
	r["orders"], r["order_days"] = float64(len(sales)), float64(len(ages))
	r["units"], r["distinct_products"] = o.units(sales)
	r["refunds"] = float64(len(backs))
	w := r["last_365d"].(map[string]any)
	n := 0
	for _, s := range sales {
		if o.age(s.first) < 365 {
			n++
		}
	}
	w["orders"], w["order_days"] = float64(n), float64(within(ages, 365))
	if len(sales) > 0 {
		r["first_order_at"], r["last_order_at"] = sales[0].first.Time.String(), sales[len(sales)-1].first.Time.String()
	}
	others := map[string]any{}
	for _, c := range []events.Currency{usd, jpy, kwd} {
		if n, _, _, refunded := o.totals(sales, backs, c, ever); n > 0 || refunded.Sign() > 0 {
			others[c.String()] = any(o.money(sales, backs, c))
		}
	}
	if len(others) > 0 {
		r["other_currencies"] = others
	}
	return r
}

func (o *oracle) money(sales []*sale, backs []back, c events.Currency) map[string]any {
	figures := func(days int) (map[string]any, int, *big.Rat) {
		n, dates, gross, refunded := o.totals(sales, backs, c, days)
		text := func(x *big.Rat) any { return x.FloatString(c.Digits()) }
		return map[string]any{"orders": float64(n), "order_days": float64(dates), "gross": text(gross), "refunded": text(refunded),
			"net": text(new(big.Rat).Sub(gross, refunded))}, n, gross
	}
	r, n, gross := figures(ever)
	delete(r, "order_days")
	if n > 0 {
		minor := new(big.Rat).Mul(gross, big.NewRat(int64(pow10(c.Digits())), int64(n)))
		floor := new(big.Int).Quo(minor.Num(), minor.Denom())
		r["average_order_value"] = big.NewRat(floor.Int64(), int64(pow10(c.Digits()))).FloatString(c.Digits())
	}
	r["last_365d"], _, _ = figures(365)
	return r
}

func (o *oracle) units(sales []*sale) (units, products any) {
	sum := new(big.Rat)
	seen := map[string]bool{}
	for _, s := range sales {
		if len(s.lines.Items) == 0 {
			sum.Add(sum, big.NewRat(int64(s.lines.Order.Units), 1000))
		}
		for _, it := range s.lines.Items {
			sum.Add(sum, big.NewRat(int64(it.Quantity), 1000))
			if it.ProductID != "" {
				seen[it.ProductID] = true
			}
		}
	}
	text := sum.FloatString(3)
	return strings.TrimSuffix(strings.TrimRight(text, "0"), "."), float64(len(seen))
}

// Figures and facts are those of the oracle, at every instant.
func TestOracle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := drawRules(t)
		zone := calendar(t, r.zone).Zone()
		list := append(drawHistory(t, zone), drawEvents(t, zone, 30)...) // of copies by chance the smallest counts
		c := folded(r.table(t), list)
		for _, at := range append(instants(lastOf(list)), lastOf(list)+30*day, lastOf(list)+184*day) {
			o := newOracle(r, zone, list, at)
			if got, want := factsOf(c, at), o.facts(); got != want {
				t.Fatalf("at %s: %q, but the oracle says %q", at, got, want)
			}
			var got map[string]any
			text, err := json.Marshal(c.Report(at))
			if err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(text, &got); err != nil {
				t.Fatal(err)
			}
			if want := o.report(); !reflect.DeepEqual(got["purchases"], want) {
				t.Fatalf("at %s:\n%s\nthe oracle says\n%s", at, fmt.Sprint(got["purchases"]), fmt.Sprint(want))
			}
		}
	})
}
