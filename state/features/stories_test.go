package features_test

import (
	"testing"

	"github.com/touchfold/touchfold/config"
	"github.com/touchfold/touchfold/state/features"
	"github.com/touchfold/touchfold/state/story"
)

// One story a rule of the business, on the table as the program has it.
func TestStories(t *testing.T) {
	story.Run(t, "testdata/*.txt", func(settings []string) (story.World, error) {
		c, err := config.Parse("", nil, nil, settings)
		if err != nil {
			return story.World{}, err
		}
		table, err := features.Table(features.Propose(c))
		if err != nil {
			return story.World{}, err
		}
		return story.World{Table: table, Zone: c.Business.Zone, Currency: c.Business.Currency}, nil
	})
}
