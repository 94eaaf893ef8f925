// Package features is the one table of features: everything that touchfold knows of a customer stands here. Its one
// rule: adding a feature is a folder beside this one and a line below.
package features

import (
	"github.com/touchfold/touchfold/config"
	"github.com/touchfold/touchfold/state"
	"github.com/touchfold/touchfold/state/engagement"
	"github.com/touchfold/touchfold/state/lifecycle"
	"github.com/touchfold/touchfold/state/profile"
	"github.com/touchfold/touchfold/state/purchases"
	"github.com/touchfold/touchfold/state/segments"
)

// Table is the features under a configuration. The error names every fault of the table.
func Table(c *config.Config) (*state.Table, error) {
	calendar := state.NewCalendar(c.Business.Zone)
	who := profile.Feature()
	bought := purchases.Feature(calendar, c.Business.Currency)
	engaged := engagement.Feature()
	s := c.Segments
	return state.NewTable(
		who,
		bought,
		engaged,
		lifecycle.Feature(lifecycle.Config{Calendar: calendar, LapseDays: s.ChurnRisk.DaysWithoutOrderOver,
			Profile: who, Purchases: bought, Engagement: engaged}),
		segments.Feature(segments.Rules{Calendar: calendar, Currency: c.Business.Currency, Purchases: bought,
			VIPOver:          s.VIP.NetLast365dOver,
			EveryBlock:       s.HighFrequency.Reading == config.EveryBlock,
			AtLeast:          s.HighFrequency.AtLeast,
			PotentialAtLeast: s.Potential.AverageOrderValueAtLeast,
			ChurnOver:        s.ChurnRisk.DaysWithoutOrderOver}),
	)
}
