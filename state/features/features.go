// Package features is the one table of features: everything that touchfold knows of a customer stands here. Its one
// rule: adding a feature is a folder beside this one and a line below.
package features

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/touchfold/touchfold/config"
	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state"
	"github.com/touchfold/touchfold/state/engagement"
	"github.com/touchfold/touchfold/state/lifecycle"
	"github.com/touchfold/touchfold/state/profile"
	"github.com/touchfold/touchfold/state/purchases"
	"github.com/touchfold/touchfold/state/rulebook"
	"github.com/touchfold/touchfold/state/segments"
)

// A line is a feature and what rules may ask of it.
type line struct {
	feature state.Feature
	figures []state.Figure
}

// all is the features under settings, in order.
func all(calendar *state.Calendar, b config.Business, s config.Segments) []line {
	who := profile.Feature()
	bought := purchases.Feature(calendar, b.Currency)
	engaged := engagement.Feature()
	stages := lifecycle.Config{Calendar: calendar, LapseDays: s.ChurnRisk.DaysWithoutOrderOver,
		Profile: who, Purchases: bought, Engagement: engaged}
	stage := lifecycle.Feature(stages)
	return []line{
		{who, profile.Figures(who, calendar)},
		{bought, purchases.Figures(bought, calendar, b.Currency)},
		{engaged, engagement.Figures(engaged, calendar)},
		{stage, lifecycle.Figures(stage, stages)},
		{feature: segments.Feature(segments.Rules{Calendar: calendar, Currency: b.Currency, Purchases: bought,
			VIPOver:          s.VIP.NetLast365dOver,
			EveryBlock:       s.HighFrequency.Reading == config.EveryBlock,
			AtLeast:          s.HighFrequency.AtLeast,
			PotentialAtLeast: s.Potential.AverageOrderValueAtLeast,
			ChurnOver:        s.ChurnRisk.DaysWithoutOrderOver})},
	}
}

// Figures are what rules may ask of the features, under this program's own settings. They are to be read, not to be asked:
// their features stand in no table.
func Figures(c *config.Config) (figures []state.Figure) {
	for _, l := range all(new(state.Calendar), c.Business, c.Segments) { // no day is asked for
		figures = append(figures, l.figures...)
	}
	return figures
}

// Propose is the rulebook by which a process with this configuration would believe: all features, in the versions that
// they have here. Its serial is 0: the log decides what comes of it (rulebook.Succession).
func Propose(c *config.Config) *rulebook.Rulebook {
	b := &rulebook.Rulebook{Features: map[string]int{}, Settings: c.Settings()}
	for _, l := range all(new(state.Calendar), c.Business, c.Segments) { // no day is asked for
		a := state.Describe(l.feature)
		b.Features[a.Name] = a.Version
	}
	return b
}

// Table is the features that a rulebook names, under its settings. Where this program cannot run it, because it lacks a
// feature, has it in an older version only, or does not know a setting, the error is rulebook.ErrCannotRun and names
// everything that is in the way. A newer version of a feature is as good.
func Table(b *rulebook.Rulebook) (*state.Table, error) {
	business, segments, err := config.Believe(b.Settings)
	if err != nil {
		return nil, cannotRun(b, strings.Split(err.Error(), "\n"))
	}
	var chosen []state.Feature
	versions := map[string]int{}
	for _, l := range all(state.NewCalendar(business.Zone), business, segments) {
		a := state.Describe(l.feature)
		versions[a.Name] = a.Version
		if b.Features[a.Name] > 0 {
			chosen = append(chosen, l.feature)
		}
	}
	if faults := missing(b, versions); len(faults) > 0 {
		return nil, cannotRun(b, faults)
	}
	table, err := state.NewTable(chosen...)
	if err != nil { // one that others need is left out
		return nil, cannotRun(b, strings.Split(err.Error(), "\n"))
	}
	return table, nil
}

// Currency is the one of amounts that name none, under a rulebook that Table can run.
func Currency(b *rulebook.Rulebook) (events.Currency, error) {
	business, _, err := config.Believe(b.Settings)
	if err != nil {
		return events.Currency{}, cannotRun(b, strings.Split(err.Error(), "\n"))
	}
	return business.Currency, nil
}

// missing is what a rulebook needs and the versions that are here do not have.
func missing(b *rulebook.Rulebook, here map[string]int) (faults []string) {
	for _, name := range slices.Sorted(maps.Keys(b.Features)) {
		switch needed, has := b.Features[name], here[name]; {
		case has == 0:
			faults = append(faults, fmt.Sprintf("feature %s %d is needed, and there is none here", name, needed))
		case has < needed:
			faults = append(faults, fmt.Sprintf("feature %s %d is needed, and %d is here", name, needed, has))
		}
	}
	return faults
}

func cannotRun(b *rulebook.Rulebook, faults []string) error {
	return fmt.Errorf("rulebook %s: %w: %s; use the version that wrote it, or a newer one", b.Name(), rulebook.ErrCannotRun,
		strings.Join(faults, "; "))
}
