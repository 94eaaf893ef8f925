package features_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/touchfold/touchfold/config"
	"github.com/touchfold/touchfold/rulebooks/thresholds"
	"github.com/touchfold/touchfold/state/features"
	"github.com/touchfold/touchfold/state/story"
)

var update = flag.Bool("update", false, "write what the stories' files should be")

// One story a rule of the business, on the table as the program has it.
func TestStories(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no stories: %v", err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			got, err := story.Tell(string(text), world)
			if err != nil {
				t.Fatalf("%s: %v", path, err)
			}
			if *update {
				if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			for _, d := range story.Compare(string(text), got) {
				t.Errorf("%s:%d: below %q stands\n%s\nbut should\n%s\n(-update writes it)", path, d.Line, d.Below,
					strings.Join(d.Expected, "\n"), strings.Join(d.Got, "\n"))
			}
		})
	}
}

// world is by the configuration's settings, and by thresholds.… of the default rulebook.
func world(settings []string) (story.World, error) {
	var changes, flags []string
	for _, s := range settings {
		if change, ok := strings.CutPrefix(s, "thresholds."); ok {
			changes = append(changes, change)
		} else {
			flags = append(flags, s)
		}
	}
	c, err := config.Parse("", nil, nil, flags)
	if err != nil {
		return story.World{}, err
	}
	c.Rules = thresholds.Rulebook(changes...)
	table, err := features.Table(features.Propose(c))
	if err != nil {
		return story.World{}, err
	}
	facts, err := features.Facts(c)
	if err != nil {
		return story.World{}, err
	}
	return story.World{Table: table, Zone: c.Business.Zone, Currency: c.Business.Currency, Facts: facts}, nil
}
