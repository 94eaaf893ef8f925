package main

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state/lifecycle"
)

// demoSegments and demoStages are the facts that can be said, in the order shown.
var (
	demoSegments = []string{demoVIP, demoHighFrequency, demoPotential, "segment/churn_risk"}
	demoStages   = []string{lifecycle.Prospect, lifecycle.Customer, lifecycle.Repeat, lifecycle.Loyal, lifecycle.Lapsed, lifecycle.WonBack}
)

const (
	demoVIP           = "segment/vip"
	demoHighFrequency = "segment/high_frequency"
	demoPotential     = "segment/potential"
)

// kindOf is what a statement says, without of whom and from what it came: "entered segment vip", "became loyal".
func kindOf(s *events.Statement) string {
	segment, ok := strings.CutPrefix(s.Fact, "segment/")
	switch {
	case ok && s.Value != "":
		return "entered segment " + segment
	case ok:
		return "left segment " + segment
	}
	return "became " + s.Value
}

// reason is the rule by which a statement came to hold, in a few words: there is a line for all of it. The numbers are
// those of the default rulebook and of the default configuration, which the demo goes by.
func reason(s *events.Statement) string {
	const after = "more than 183 days"
	switch s.Fact {
	case demoVIP:
		return vipReason(s)
	case demoHighFrequency:
		if s.Value == "" {
			return "fewer than 12 order days in 365"
		}
		return "12 order days in 365"
	case demoPotential:
		return potentialReason(s)
	}
	switch {
	case s.Fact == lifecycle.Key:
		return stageReason(s, after)
	case s.Value == "":
		return "ordered again"
	}
	return "no order for " + after
}

func vipReason(s *events.Statement) string {
	const over = "over HKD 100,000"
	switch on, byTime := s.Value != "", s.Cause == events.ByTime; {
	case on && byTime:
		return over + ": an old refund counts no more"
	case on:
		return over + " in 365 d"
	case byTime:
		return "no more " + over + " in 365 d"
	}
	return "no more " + over
}

func potentialReason(s *events.Statement) string {
	switch on, orders := s.Value != "", len(s.Because); {
	case on && orders == 1:
		return "one order so far"
	case on:
		return "average from HKD 2,000"
	case orders == 2:
		return "a second order"
	}
	return "no more few and dear orders"
}

// stageReason is the same of a stage. after is how long without an order is a lapse.
func stageReason(s *events.Statement, after string) string {
	if s.Cause == events.ByTime && s.Value != lifecycle.Lapsed {
		return "fewer than 6 order days in 365"
	}
	switch s.Value {
	case lifecycle.Prospect:
		return "first contact"
	case lifecycle.Customer:
		return "first order"
	case lifecycle.Repeat:
		return "ordered on another day"
	case lifecycle.Loyal:
		return "6 order days in 365"
	case lifecycle.WonBack:
		return "after " + after
	}
	return "no order for " + after
}

// what says what a statement says, with where a stage came from.
func what(s *events.Statement) string {
	if s.Fact == lifecycle.Key {
		return cmp.Or(s.Previous, "stranger") + " → " + s.Value
	}
	return kindOf(s)
}

// sentence is a statement as one line.
func (h *heard) sentence(s *events.Statement) string {
	why := reason(s)
	if n, ok := h.trigger(s); ok {
		why += ": " + strings.TrimPrefix(n.String(), "order ")
	}
	id := string(s.Customer)
	if rest, anonymous := strings.CutPrefix(id, events.AnonymousPrefix); anonymous {
		id = "anon:" + rest[:min(4, len(rest))]
	}
	if s.Cause == events.ByCorrection {
		why += ", late"
	}
	return fmt.Sprintf("%-10s  %-9s  %-30s  %s", h.date(s.Effective), id, what(s), why)
}

// date is the day, or the time of day once it is live.
func (h *heard) date(t events.Instant) string {
	local := t.Time().In(h.config.Business.Zone)
	if t >= h.now {
		return local.Format(time.TimeOnly)
	}
	return local.Format(time.DateOnly)
}

// String is what somebody did, in few words.
func (n note) String() string {
	what := n.name
	switch n.kind {
	case events.OrderCompleted:
		what = "order"
	case events.OrderUpdated:
		what = "order changed"
	case events.OrderRefunded:
		what = "refund"
	case events.OrderCancelled:
		what = "order cancelled"
	}
	if n.value > 0 {
		what += " " + short(n.value, n.currency)
	}
	if n.channel != "" {
		what += ", " + n.channel
	}
	return what
}

// short is an amount in whole major units: HKD 12,300.
func short(minor int64, c events.Currency) string {
	for range c.Digits() {
		minor /= 10
	}
	return c.String() + " " + grouped(minor)
}

// grouped is a number that is not negative, with commas.
func grouped[N int | int64](n N) string {
	text := fmt.Sprint(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}
