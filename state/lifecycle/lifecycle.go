// Package lifecycle is the feature that says how far a customer has come: stranger → prospect → customer → repeat →
// loyal → lapsed → won_back. Its one rule: the stage is read off the purchases and contacts at an instant, it is not a
// state that moves; so it is right for any instant and whatever order the events came in.
//
// The first of these that holds on a day D is the stage:
//
//	lapsed    has ordered, and D is more than lapse days after the last order's day
//	loyal     at least 6 order days among the last 365 calendar days (D-364 … D)
//	won_back  the last order day came more than lapse days after the one before it
//	repeat    at least two order days
//	customer  one order day
//	prospect  no order; has begun a contact, or has told a trait
//	stranger  none of these; as everybody begins here it is not said, and no fact stands
//
// A won-back customer who orders on another day is repeat or loyal again. An order that was cancelled or refunded is
// still an order.
package lifecycle

import (
	"fmt"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state"
	"github.com/touchfold/touchfold/state/engagement"
	"github.com/touchfold/touchfold/state/profile"
	"github.com/touchfold/touchfold/state/purchases"
)

// Key is the fact's key.
const Key = "lifecycle"

// The stages that are said.
const (
	Prospect = "prospect"
	Customer = "customer"
	Repeat   = "repeat"
	Loyal    = "loyal"
	Lapsed   = "lapsed"
	WonBack  = "won_back"
)

const (
	loyalDays = 6
	window    = 365
)

// Config is what the stages follow from.
type Config struct {
	Calendar   *state.Calendar
	LapseDays  int // days without an order above which a buyer has lapsed
	Profile    *state.Spec[profile.State]
	Purchases  *state.Spec[purchases.State]
	Engagement *state.Spec[engagement.State]
}

// Feature is the lifecycle. It keeps no state of its own.
func Feature(c Config) *state.Spec[struct{}] {
	return &state.Spec[struct{}]{
		Name:    "lifecycle",
		Version: 1,
		Doc:     "the stage: stranger, prospect, customer, repeat, loyal, lapsed, won_back",
		Basis:   fmt.Sprintf("zone %s, lapsed after %d days", c.Calendar.Zone(), c.LapseDays),
		Needs:   []state.Feature{c.Profile, c.Purchases, c.Engagement},
		Facts: func(_ *struct{}, k state.Known, at events.Instant, say func(string, state.Value)) {
			say(Key, c.stage(k, at))
		},
		Horizon: func(_ *struct{}, k state.Known, at events.Instant) events.Instant { return c.horizon(k, at) },
		Because: func(_ *struct{}, k state.Known, _ string, _ events.Instant) []state.Mark { return c.because(k) },
	}
}

func (c *Config) stage(k state.Known, at events.Instant) state.Value {
	p := c.Purchases.Of(k)
	n := p.OrderDays()
	if n == 0 {
		_, seen := c.Engagement.Of(k).Seen()
		if seen || c.Profile.Of(k).Identified() {
			return Prospect
		}
		return ""
	}
	today, last := c.Calendar.Of(at), p.OrderDay(n-1)
	switch {
	case int(today-last) > c.LapseDays:
		return Lapsed
	case n >= loyalDays && p.OrderDay(n-loyalDays) > today-window:
		return Loyal
	case n == 1:
		return Customer
	case int(last-p.OrderDay(n-2)) > c.LapseDays:
		return WonBack
	}
	return Repeat
}

func (c *Config) horizon(k state.Known, at events.Instant) events.Instant {
	p := c.Purchases.Of(k)
	n := p.OrderDays()
	if n == 0 {
		return events.Never
	}
	least := events.Never
	next := func(d state.Day) {
		if t := c.Calendar.Start(d); t > at {
			least = min(least, t)
		}
	}
	next(p.OrderDay(n-1) + state.Day(c.LapseDays) + 1)
	if n >= loyalDays {
		next(p.OrderDay(n-loyalDays) + window)
	}
	return least
}

func (c *Config) because(k state.Known) []state.Mark {
	if last := c.Purchases.Of(k).Last(); last.ID != 0 {
		return []state.Mark{last}
	}
	if first, seen := c.Engagement.Of(k).Seen(); seen {
		return []state.Mark{first}
	}
	return nil
}
