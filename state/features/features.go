// Package features is the one table of features: everything that touchfold knows of a customer stands here. Its one
// rule: adding a feature is a folder beside this one and a line below.
package features

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/touchfold/touchfold/config"
	"github.com/touchfold/touchfold/config/rulefile"
	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state"
	"github.com/touchfold/touchfold/state/engagement"
	"github.com/touchfold/touchfold/state/lifecycle"
	"github.com/touchfold/touchfold/state/profile"
	"github.com/touchfold/touchfold/state/purchases"
	"github.com/touchfold/touchfold/state/rulebook"
	"github.com/touchfold/touchfold/state/rules"
)

// A line is a feature and what rules may ask of it.
type line struct {
	feature state.Feature
	figures []state.Figure
}

// all is the features under settings, in order.
func all(calendar *state.Calendar, b config.Business, l config.Lifecycle) []line {
	who := profile.Feature()
	bought := purchases.Feature(calendar, b.Currency)
	engaged := engagement.Feature()
	stages := lifecycle.Config{Calendar: calendar, LapseDays: l.LapsedAfterDays,
		Profile: who, Purchases: bought, Engagement: engaged}
	stage := lifecycle.Feature(stages)
	return []line{
		{who, profile.Figures(who, calendar)},
		{bought, purchases.Figures(bought, calendar, b.Currency)},
		{engaged, engagement.Figures(engaged, calendar)},
		{stage, lifecycle.Figures(stage, stages)},
	}
}

// Figures are what rules may ask of the features, under this program's own settings. They are to be read, not to be asked:
// their features stand in no table.
func Figures(c *config.Config) (figures []state.Figure) {
	for _, l := range all(new(state.Calendar), c.Business, c.Lifecycle) { // no day is asked for
		figures = append(figures, l.figures...)
	}
	return figures
}

// Propose is the rulebook by which a process with this configuration would believe: all features, in the versions that
// they have here. Its serial is 0: the log decides what comes of it (rulebook.Succession).
func Propose(c *config.Config) *rulebook.Rulebook {
	b := &rulebook.Rulebook{Features: map[string]int{}, Settings: c.Settings()}
	for _, l := range all(new(state.Calendar), c.Business, c.Lifecycle) { // no day is asked for
		a := state.Describe(l.feature)
		b.Features[a.Name] = a.Version
	}
	if c.Rules != "" {
		b.Features[rules.Name] = rules.Version
	}
	return b
}

// CheckRules says all that is wrong with the configuration's rules, one fault a line.
func CheckRules(c *config.Config) error {
	if c.Rules == "" {
		return nil
	}
	book, err := rulefile.Parse(c.RulesName(), []byte(c.Rules))
	faults := &rulefile.Faults{Name: c.RulesName()}
	switch {
	case errors.As(err, &faults) && faults.Read != nil:
		faults.Add(rules.Check(compiling(c, faults.Read)))
		return faults
	case err != nil:
		return err
	}
	if _, _, wrong := rules.New(compiling(c, book)); len(wrong) > 0 {
		faults.Add(wrong)
		return faults
	}
	if n := len(Propose(c).Text()); n > rulebook.MaxBytes-64 {
		return fmt.Errorf("%s: with what else belief depends on these rules take %d bytes in the log, and at most %d may; shorten descriptions",
			c.RulesName(), n, rulebook.MaxBytes-64)
	}
	return nil
}

// Facts are the keys of all that can be said under a configuration whose rules are right: of an occurrence trigger/ and the rule.
func Facts(c *config.Config) ([]string, error) {
	keys := []string{lifecycle.Key}
	if c.Rules == "" {
		return keys, nil
	}
	book, err := rulefile.Parse(c.RulesName(), []byte(c.Rules))
	if err != nil {
		return nil, err
	}
	for _, s := range book.Segments {
		keys = append(keys, "segment/"+s.ID)
	}
	for _, t := range book.Triggers {
		keys = append(keys, "trigger/"+t.ID)
	}
	return keys, nil
}

// LintRules says what of the configuration's rules is allowed, but probably not meant; an error is as of CheckRules.
func LintRules(c *config.Config) ([]rules.Fault, error) {
	if err := CheckRules(c); err != nil || c.Rules == "" {
		return nil, err
	}
	book, err := rulefile.Parse(c.RulesName(), []byte(c.Rules))
	if err != nil {
		return nil, err
	}
	return rules.Lint(compiling(c, book)), nil
}

// compiling is what a book is compiled with under a configuration.
func compiling(c *config.Config, book *rules.Book) rules.Config {
	return rules.Config{Book: book, Calendar: state.NewCalendar(c.Business.Zone), Zones: state.NewZones(),
		Currency: c.Business.Currency, Figures: Figures(c)}
}

// Table is TableSince where every trigger is in force from the beginning.
func Table(b *rulebook.Rulebook) (*state.Table, error) {
	t, _, err := TableSince(b, nil, 0)
	return t, err
}

// TableSince is the features that a rulebook names, under its settings, and from when on its triggers are in force: those
// that were in force before as since says, the others from now on. Where this program cannot run it, because it lacks a
// feature, has it in an older version only, or does not know a setting, the error is rulebook.ErrCannotRun and names
// everything that is in the way. A newer version of a feature is as good.
func TableSince(b *rulebook.Rulebook, since state.Since, now events.Instant) (*state.Table, state.Since, error) {
	belief, err := config.Believe(b.Settings)
	if err != nil {
		return nil, nil, cannotRun(b, strings.Split(err.Error(), "\n"))
	}
	calendar := state.NewCalendar(belief.Business.Zone)
	var chosen []state.Feature
	var figures []state.Figure
	versions := map[string]int{rules.Name: rules.Version}
	for _, l := range all(calendar, belief.Business, belief.Lifecycle) {
		a := state.Describe(l.feature)
		versions[a.Name] = a.Version
		if b.Features[a.Name] > 0 {
			chosen, figures = append(chosen, l.feature), append(figures, l.figures...)
		}
	}
	if faults := missing(b, versions); len(faults) > 0 {
		return nil, nil, cannotRun(b, faults)
	}
	var next state.Since
	if b.Features[rules.Name] > 0 {
		book, err := rulefile.Parse("rules", []byte(belief.Rules))
		if err != nil {
			return nil, nil, cannotRun(b, strings.Split(err.Error(), "\n"))
		}
		feature, in, faults := rules.New(rules.Config{Book: book, Calendar: calendar, Zones: state.NewZones(),
			Currency: belief.Business.Currency, Figures: figures, Since: since, Now: now})
		if len(faults) > 0 {
			return nil, nil, cannotRun(b, strings.Split((&rulefile.Faults{Name: "rules", All: faults}).Error(), "\n"))
		}
		chosen, next = append(chosen, feature), in
	}
	table, err := state.NewTable(chosen...)
	if err != nil { // one that others need is left out
		return nil, nil, cannotRun(b, strings.Split(err.Error(), "\n"))
	}
	return table, next, nil
}

// Currency is the one of amounts that name none, under a rulebook that Table can run.
func Currency(b *rulebook.Rulebook) (events.Currency, error) {
	belief, err := config.Believe(b.Settings)
	if err != nil {
		return events.Currency{}, cannotRun(b, strings.Split(err.Error(), "\n"))
	}
	return belief.Business.Currency, nil
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
