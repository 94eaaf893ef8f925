package lifecycle

import (
	"cmp"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state"
)

// Stranger is the stage of somebody of whom nothing is known. No fact says it; a rule may ask for it.
const Stranger = "stranger"

// Figures are what rules may ask of the lifecycle.
func Figures(f *state.Spec[struct{}], c Config) []state.Figure {
	return []state.Figure{{
		Name: "lifecycle.stage", Text: true, Owner: f,
		Doc:   "stranger, prospect, customer, repeat, loyal, lapsed or won_back",
		Texts: []string{Stranger, Prospect, Customer, Repeat, Loyal, Lapsed, WonBack},
		At: func(k state.Known, _ int, at events.Instant) (state.Quantity, events.Instant) {
			return state.TextOf(cmp.Or(c.stage(k, at), Stranger)), c.horizon(k, at)
		},
		Stamp:   c.stamp,
		Because: func(k state.Known, _ int, _ events.Instant) []state.Mark { return c.because(k) },
	}}
}

// stamp is how many days had an order, which only grows, and before the first whether there is a stage.
func (c *Config) stamp(k state.Known) uint64 {
	if n := c.Purchases.Of(k).OrderDays(); n > 0 {
		return uint64(n) + 2
	}
	if c.stage(k, 0) == "" {
		return 1
	}
	return 2
}
