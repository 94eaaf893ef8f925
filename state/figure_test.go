package state_test

import (
	"cmp"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"testing"

	"pgregory.net/rapid"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state"
	"github.com/touchfold/touchfold/state/engagement"
	"github.com/touchfold/touchfold/state/lifecycle"
	"github.com/touchfold/touchfold/state/profile"
	"github.com/touchfold/touchfold/state/purchases"
)

// asked is a customer whose figures can be asked for.
type asked struct {
	*state.Customer
	known   state.Known
	figures map[string]state.Figure
	names   []string
}

// ask folds a customer's events in a table with one more feature, which gives away what it may read.
func (r rules) ask(tb rapid.TB, list []events.Event) *asked {
	tb.Helper()
	cal := calendar(tb, r.zone)
	r.lapse = cmp.Or(r.lapse, r.churnOver)
	who, bought, engaged := profile.Feature(), purchases.Feature(cal, hkd), engagement.Feature()
	stages := lifecycle.Config{Calendar: cal, LapseDays: r.lapse, Profile: who, Purchases: bought, Engagement: engaged}
	stage := lifecycle.Feature(stages)
	a := &asked{figures: map[string]state.Figure{}}
	spy := &state.Spec[struct{}]{Name: "spy", Version: 1, Doc: "gives away what it reads", Needs: []state.Feature{who, bought},
		Facts:   func(_ *struct{}, k state.Known, _ events.Instant, _ func(string, state.Value)) { a.known = k },
		Horizon: func(*struct{}, state.Known, events.Instant) events.Instant { return events.Never }}
	t, err := state.NewTable(who, bought, engaged, stage, spy)
	if err != nil {
		tb.Fatal(err)
	}
	for _, f := range [][]state.Figure{profile.Figures(who, cal), purchases.Figures(bought, cal, hkd),
		engagement.Figures(engaged, cal), lifecycle.Figures(stage, stages)} {
		for _, f := range f {
			if _, twice := a.figures[f.Name]; twice || f.Doc == "" || f.Owner == nil {
				tb.Fatalf("figure %s stands twice, or lacks its doc or owner", f.Name)
			}
			a.figures[f.Name] = f
			a.names = append(a.names, f.Name)
		}
	}
	a.Customer = folded(t, list)
	factsOf(a.Customer, lastOf(list))
	return a
}

func (a *asked) value(name string, days int, at events.Instant) state.Quantity {
	q, _ := a.figures[name].At(a.known, days, at)
	return q
}

// drawAsked draws some figures and windows.
func drawAsked(t *rapid.T, a *asked) (name string, days int) {
	name = rapid.SampledFrom(a.names).Draw(t, "figure")
	if a.figures[name].Windows {
		days = rapid.SampledFrom([]int{0, 1, 2, 30, 365, 365, 36525}).Draw(t, "days")
	}
	return name, days
}

// Until: asked again and again, a figure has the same value up to the instant until which it said so. Of a figure that is
// the days since a day, that day is right.
func TestFigureUntil(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := drawRules(t)
		cal := calendar(t, r.zone)
		list := drawHistory(t, cal.Zone())
		a := r.ask(t, list)
		begin := lastOf(list)
		asks := questions(t, cal, begin, begin+800*day, list)
		for range 8 {
			name, days := drawAsked(t, a)
			f := a.figures[name]
			was, until := f.At(a.known, days, begin)
			for _, at := range asks {
				got, next := f.At(a.known, days, at)
				switch {
				case next <= at:
					t.Fatalf("%s of %d days at %s is certain until %s", name, days, at, next)
				case at < until && got != was:
					t.Fatalf("%s of %d days at %s is %v, but was %v until %s", name, days, at, got, was, until)
				case at >= until:
					was, until = got, next
				}
				if f.Since == nil {
					continue
				}
				d, ok := f.Since(a.known)
				if ok != got.Known || ok && got != state.Millionths(int64(cal.Of(at)-d), 1) {
					t.Fatalf("%s at %s is %v, but the days since %s", name, at, got, d)
				}
			}
		}
	})
}

// Values: figures are what the oracle counts, at every instant.
func TestFigureValues(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := drawRules(t)
		zone := calendar(t, r.zone).Zone()
		list := drawHistory(t, zone)
		a := r.ask(t, list)
		for _, at := range append(instants(lastOf(list)), lastOf(list)+30*day) {
			o := newOracle(r, zone, list, at)
			days := rapid.SampledFrom([]int{0, 1, 30, 365}).Draw(t, "days")
			for name, want := range o.figures(cmp.Or(days, ever)) {
				lifetime := days
				if !a.figures[name].Windows {
					lifetime = 0
				}
				if got := shownAs(a.value(name, lifetime, at)); got != want {
					t.Fatalf("%s of %d days at %s is %q, the oracle says %q", name, lifetime, at, got, want)
				}
			}
			if got, want := shownAs(a.value("lifecycle.stage", 0, at)), cmp.Or(o.stage(o.sales()), "stranger"); got != want {
				t.Fatalf("lifecycle.stage at %s is %q, the oracle says %q", at, got, want)
			}
		}
	})
}

// shownAs is a value as the oracle writes it: a decimal with six places, a text, or nothing.
func shownAs(q state.Quantity) string {
	switch {
	case !q.Known:
		return ""
	case q.Text != "":
		return q.Text
	}
	return big.NewRat(q.Number, 1_000_000).FloatString(6)
}

// figures is what the oracle counts over so many days, and what has no window.
func (o *oracle) figures(days int) map[string]string {
	sales := o.sales()
	backs, ages := o.refunds(sales), o.ages(sales)
	count := func(n int) string { return big.NewRat(int64(n), 1).FloatString(6) }
	var young []*sale
	for _, s := range sales {
		if o.age(s.first) < days {
			young = append(young, s)
		}
	}
	n, _, gross, refunded := o.totals(sales, backs, hkd, days)
	units, products := o.units(young)
	pieces, _ := new(big.Rat).SetString(units.(string))
	all := map[string]string{
		"purchases.orders": count(len(young)), "purchases.order_days": count(within(ages, days)),
		"purchases.products": count(int(products.(float64))), "purchases.units": pieces.FloatString(6),
		"purchases.gross": gross.FloatString(6), "purchases.refunded": refunded.FloatString(6),
		"purchases.net":                 new(big.Rat).Sub(gross, refunded).FloatString(6),
		"purchases.average_order_value": "", "purchases.last_order_days_ago": "", "purchases.first_order_days_ago": "",
	}
	if n > 0 {
		cents := new(big.Rat).Mul(gross, big.NewRat(100, int64(n)))
		all["purchases.average_order_value"] = big.NewRat(new(big.Int).Quo(cents.Num(), cents.Denom()).Int64(), 100).FloatString(6)
	}
	if len(ages) > 0 {
		all["purchases.last_order_days_ago"], all["purchases.first_order_days_ago"] = count(ages[0]), count(ages[len(ages)-1])
	}
	blocks := map[int]bool{}
	for _, age := range ages {
		blocks[age/30] = true
	}
	row := 0
	for blocks[row] {
		row++
	}
	all["purchases.blocks30"] = count(row)
	o.contacts(all)
	return all
}

// contacts adds figures of the engagement and the profile.
func (o *oracle) contacts(all map[string]string) {
	n, web, opened, seen, confirmed := 0, 0, 0, "", map[string]int{}
	for i := range o.list {
		e := &o.list[i]
		if who := e.Type.About().Initiator; who != 0 {
			n++
			if who == events.Customer {
				seen = fmt.Sprintf("%d.000000", o.age(e))
			}
			if e.Channel == "web" {
				web++
			}
		}
		if e.Type == events.EmailOpened {
			opened++
		}
		for _, x := range e.Traits {
			if e.Type == events.Identify && string(x.Value) != "null" {
				confirmed[x.Name] = o.age(e)
			}
		}
	}
	all["engagement.contacts"], all["engagement.contacts_web"] = strconv.Itoa(n)+".000000", strconv.Itoa(web)+".000000"
	all["engagement.emails_opened"], all["engagement.last_seen_days_ago"] = strconv.Itoa(opened)+".000000", seen
	all["profile.traits"] = strconv.Itoa(len(confirmed)) + ".000000"
	oldest, newest, contact := "", "", ""
	for _, age := range confirmed {
		oldest = strconv.Itoa(max(atoi(oldest, 0), age))
		newest = strconv.Itoa(min(atoi(newest, 1<<30), age))
	}
	if age, ok := confirmed["email"]; ok {
		contact = strconv.Itoa(age)
	}
	for name, age := range map[string]string{"oldest_confirmed": oldest, "confirmed": newest, "contact_confirmed": contact} {
		if age != "" {
			age += ".000000"
		}
		all["profile."+name+"_days_ago"] = age
	}
}

func atoi(text string, none int) int {
	if n, err := strconv.Atoi(text); err == nil {
		return n
	}
	return none
}

// Because names at most ten events, which the customer has, in order of time.
func TestFigureBecause(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := drawRules(t)
		list := drawHistory(t, calendar(t, r.zone).Zone())
		a := r.ask(t, list)
		has := map[state.Mark]bool{}
		for i := range list {
			has[state.MarkOf(&list[i])] = true
		}
		for range 20 {
			name, days := drawAsked(t, a)
			at := lastOf(list) + events.Instant(rapid.Int64Range(0, 400).Draw(t, "days later"))*day
			if a.figures[name].Because == nil {
				continue
			}
			marks := a.figures[name].Because(a.known, days, at)
			for i, m := range marks {
				if !has[m] || i > 9 || i > 0 && marks[i-1].Time > m.Time {
					t.Fatalf("%s of %d days at %s is because of %v", name, days, at, marks)
				}
			}
			if q := a.value(name, days, at); q.Known && q.Number > 0 && len(marks) == 0 {
				t.Fatalf("%s of %d days at %s is %v because of nothing", name, days, at, q)
			}
		}
	})
}

// Millionths are exact to half an even last place, whatever is divided, and stay at the bound.
func TestMillionths(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n, per := rapid.Int64().Draw(t, "n"), rapid.Int64Range(1, 1<<40).Draw(t, "per")
		exact := big.NewRat(n, per)
		exact.Mul(exact, big.NewRat(1_000_000, 1))
		floor := new(big.Int).Div(exact.Num(), exact.Denom()) // Euclidean, so the floor
		rest := new(big.Rat).Sub(exact, new(big.Rat).SetInt(floor))
		if c := rest.Cmp(big.NewRat(1, 2)); c > 0 || c == 0 && floor.Bit(0) == 1 {
			floor.Add(floor, big.NewInt(1))
		}
		most := big.NewInt(state.MostMillionths)
		if floor.CmpAbs(most) > 0 {
			floor = most.Mul(most, big.NewInt(int64(floor.Sign())))
		}
		if got := state.Millionths(n, per); got.Number != floor.Int64() || !got.Known {
			t.Fatalf("%d/%d is %d millionths, want %s", n, per, got.Number, floor)
		}
	})
}

func TestMillionthsEdges(t *testing.T) {
	for _, c := range []struct{ n, per, want int64 }{
		{1, 2_000_000, 0}, {3, 2_000_000, 2}, {5, 2_000_000, 2}, {-3, 2_000_000, -2}, {-5, 2_000_000, -2}, {7, 1, 7_000_000},
		{2, 3, 666_667}, {9_000_000_000_000, 1, state.MostMillionths}, {9_000_000_000_001, 1, state.MostMillionths},
		{math.MinInt64, 1, -state.MostMillionths}, {math.MaxInt64, 499_999, state.MostMillionths}, // its upper half is 499,999
	} {
		if got := state.Millionths(c.n, c.per).Number; got != c.want {
			t.Errorf("%d/%d is %d millionths, want %d", c.n, c.per, got, c.want)
		}
	}
}
