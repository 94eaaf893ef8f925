// Package segments is the feature that says in which of a department store's four segments a customer is: vip,
// high_frequency, potential, churn_risk. They overlap. Its one rule: without an order a customer is in none of them.
//
// On a calendar day D of the business zone, with money in the business currency:
//
//	vip             net spend of the last 365 calendar days (D-364 … D) is over an amount
//	high_frequency  reading order_days: at least n order days in the last 365; reading every_block: an order in each of
//	                the last n blocks of 30 days back from D (block j, from 0 on: floor((D - day)/30) = j)
//	potential       exactly one order day ever; or fewer than n order days in the last 365 and lifetime gross ÷ orders,
//	                rounded down, at least an amount
//	churn_risk      more than m days from the last order's day to D
//
// n is high_frequency.at_least, 12 by default, wherever it stands.
package segments

import (
	"fmt"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state"
	"github.com/touchfold/touchfold/state/purchases"
)

// The keys of the facts.
const (
	VIP           = "segment/vip"
	HighFrequency = "segment/high_frequency"
	Potential     = "segment/potential"
	ChurnRisk     = "segment/churn_risk"
)

const (
	window   = 365
	blockLen = 30
)

// Rules are the thresholds. Amounts are minor units of Currency.
type Rules struct {
	Calendar         *state.Calendar
	Currency         events.Currency
	VIPOver          int64
	EveryBlock       bool // the reading of high_frequency
	AtLeast          int
	PotentialAtLeast int64
	ChurnOver        int // days
	Purchases        *state.Spec[purchases.State]
}

// Feature is the four segments. It keeps no state of its own.
func Feature(r Rules) *state.Spec[struct{}] {
	return &state.Spec[struct{}]{
		Name:    "segments",
		Version: 1,
		Doc:     "the four segments of a department store: vip, high_frequency, potential, churn_risk",
		Basis: fmt.Sprintf("zone %s, vip over %s %s, high_frequency from %d (every block: %t), potential from %s, churn_risk after %d days",
			r.Calendar.Zone(), events.FormatMinor(r.VIPOver, r.Currency), r.Currency, r.AtLeast, r.EveryBlock,
			events.FormatMinor(r.PotentialAtLeast, r.Currency), r.ChurnOver),
		Needs: []state.Feature{r.Purchases},
		Facts: func(_ *struct{}, k state.Known, at events.Instant, say func(string, state.Value)) {
			r.facts(r.Purchases.Of(k), r.Calendar.Of(at), say)
		},
		Horizon: func(_ *struct{}, k state.Known, at events.Instant) events.Instant {
			return r.horizon(r.Purchases.Of(k), at)
		},
		Because: func(_ *struct{}, k state.Known, key string, at events.Instant) []state.Mark {
			return r.because(r.Purchases.Of(k), key, r.Calendar.Of(at))
		},
	}
}

func (r *Rules) facts(p *purchases.State, today state.Day, say func(string, state.Value)) {
	if p.Orders() == 0 {
		return
	}
	yes := func(key string, is bool) {
		if is {
			say(key, state.Yes)
		}
	}
	yes(VIP, r.vip(p, today))
	yes(HighFrequency, r.highFrequency(p, today))
	yes(Potential, r.potential(p, today))
	yes(ChurnRisk, int(today-p.OrderDay(p.OrderDays()-1)) > r.ChurnOver)
}

func (r *Rules) vip(p *purchases.State, today state.Day) bool {
	l := p.In(r.Currency)
	if l == nil {
		return false
	}
	_, gross, refunded := l.Window(today - window + 1)
	return gross-refunded > r.VIPOver
}

func (r *Rules) highFrequency(p *purchases.State, today state.Day) bool {
	if r.EveryBlock {
		return r.everyBlock(p, today)
	}
	return r.often(p, today)
}

// often: at least AtLeast order days in the window.
func (r *Rules) often(p *purchases.State, today state.Day) bool {
	n := p.OrderDays()
	return n >= r.AtLeast && p.OrderDay(n-r.AtLeast) > today-window
}

// everyBlock looks at the order days from the last one back: each must be in the block that is wanted next or in one
// that was met already.
func (r *Rules) everyBlock(p *purchases.State, today state.Day) bool {
	want := 0
	for i := p.OrderDays() - 1; i >= 0 && want < r.AtLeast; i-- {
		block := int(today-p.OrderDay(i)) / blockLen
		if block > want {
			return false
		}
		if block == want {
			want++
		}
	}
	return want == r.AtLeast
}

func (r *Rules) potential(p *purchases.State, today state.Day) bool {
	if p.OrderDays() == 1 {
		return true
	}
	l := p.In(r.Currency)
	return l != nil && l.Orders > 0 && l.AverageOrderValue() >= r.PotentialAtLeast && !r.often(p, today)
}

// horizon is the first day at which one of the four may change because orders leave a window or grow old.
func (r *Rules) horizon(p *purchases.State, at events.Instant) events.Instant {
	n := p.OrderDays()
	if n == 0 {
		return events.Never
	}
	today := r.Calendar.Of(at)
	least := state.Day(1<<31 - 1)
	next := func(d state.Day) {
		if d > today {
			least = min(least, d)
		}
	}
	next(p.OrderDay(n-1) + state.Day(r.ChurnOver) + 1)
	if n >= r.AtLeast {
		next(p.OrderDay(n-r.AtLeast) + window)
	}
	r.nextVIP(p, today, next)
	if r.EveryBlock {
		r.nextBlocks(p, today, next)
	}
	if least == 1<<31-1 {
		return events.Never
	}
	return r.Calendar.Start(least)
}

// nextVIP finds the first day at which money leaving the window moves the net across the threshold, either way: refunds
// leave it too.
func (r *Rules) nextVIP(p *purchases.State, today state.Day, next func(state.Day)) {
	l := p.In(r.Currency)
	if l == nil {
		return
	}
	first := today - window + 1
	_, gross, refunded := l.Window(first)
	net := gross - refunded
	was := net > r.VIPOver
	l.EachDay(first, func(d state.Day, moved int64) bool {
		if net -= moved; net > r.VIPOver != was {
			next(d + window)
			return false
		}
		return true
	})
}

// nextBlocks tries the days to come, until all orders, of which none lies ahead, have left the blocks.
func (r *Rules) nextBlocks(p *purchases.State, today state.Day, next func(state.Day)) {
	was := r.everyBlock(p, today)
	end := min(today, p.OrderDay(p.OrderDays()-1)) + state.Day(r.AtLeast*blockLen)
	for d := today + 1; d <= end; d++ {
		if r.everyBlock(p, d) != was {
			next(d)
			return
		}
	}
}

// because names the orders that count; of vip and high_frequency, where time has just ended them, those that left the
// window with that day.
func (r *Rules) because(p *purchases.State, key string, today state.Day) []state.Mark {
	switch {
	case key == VIP && !r.vip(p, today), key == HighFrequency && !r.EveryBlock && !r.often(p, today):
		return p.Ordered(today-window, today-window)
	case key == HighFrequency && r.EveryBlock:
		if !r.everyBlock(p, today) {
			return nil // a block without an order: there is nothing to name
		}
		return p.Ordered(today-state.Day(r.AtLeast*blockLen)+1, today)
	case key == VIP, key == HighFrequency:
		return p.Ordered(today-window+1, today)
	case key == Potential:
		return p.Ordered(0, today)
	}
	if last := p.Last(); last.ID != 0 {
		return []state.Mark{last}
	}
	return nil
}
