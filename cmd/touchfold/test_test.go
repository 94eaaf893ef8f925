package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/touchfold/touchfold/config/rulefile"
	"github.com/touchfold/touchfold/rulebooks"
	stories "github.com/touchfold/touchfold/state/story"
)

// timelines are the situations that rulebooks/stories/timelines/README.md speaks of.
const timelines = "../../rulebooks/stories/timelines/*.txt"

// shipped are the stories of the shipped rulebooks.
func shipped(t *testing.T) []string {
	t.Helper()
	var all []string
	for _, pattern := range []string{"../../rulebooks/stories/*.txt", timelines} {
		paths, err := filepath.Glob(pattern)
		if err != nil || len(paths) == 0 {
			t.Fatalf("no stories in %s: %v", pattern, err)
		}
		all = append(all, paths...)
	}
	return all
}

// TestShippedStories are as expected, also of a customer who is written and read again at every turn.
func TestShippedStories(t *testing.T) {
	t.Parallel()
	for _, path := range shipped(t) {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txt"), func(t *testing.T) {
			c := &testCommand{}
			faults, err := c.check(path)
			if err != nil || faults != "" {
				t.Fatalf("%v\n%s", err, faults)
			}
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			steps := regexp.MustCompile(`(?m)^(\d{4}-|pass ).*$`)
			restarted, err := stories.Tell(steps.ReplaceAllString(string(text), "$0\nrestart"), func(settings []string) (stories.World, error) {
				return c.world(filepath.Dir(path), settings)
			})
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range stories.Compare(string(text), strings.ReplaceAll(restarted, "\nrestart\n", "\n")) {
				t.Errorf("%s:%d: a restart changes %q to %q", path, d.Line, d.Expected, d.Got)
			}
		})
	}
}

// TestEveryRuleIsTold: no rule of the retail rulebook is without a story in which it says something, nor without an owner
// and a description.
func TestEveryRuleIsTold(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../rulebooks/retail.yaml")
	if err != nil {
		t.Fatal(err)
	}
	book, err := rulefile.Parse("retail.yaml", text)
	if err != nil {
		t.Fatal(err)
	}
	var told bytes.Buffer
	for _, path := range shipped(t) {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(text, []byte("rulebook ../retail.yaml\n")) {
			told.Write(text)
		}
	}
	check := func(id, owner, description, saying string) {
		if owner == "" || description == "" {
			t.Errorf("%s has no owner or no description", id)
		}
		if !regexp.MustCompile(`(?m)^> .* ` + saying).Match(told.Bytes()) {
			t.Errorf("no story tells of %s", id)
		}
	}
	for _, s := range book.Segments {
		check(s.ID, s.Owner, s.Description, "segment/"+s.ID+" entered")
	}
	for _, x := range book.Triggers {
		check(x.ID, x.Owner, x.Description, "trigger "+x.ID+"/.* fired")
	}
}

// TestDepartmentStore: the rules that are in force where none are configured are those of the retail rulebook that have their
// ids, and the demo words them.
func TestDepartmentStore(t *testing.T) {
	t.Parallel()
	retail, err := os.ReadFile("../../rulebooks/retail.yaml")
	if err != nil {
		t.Fatal(err)
	}
	all, own := meanings(string(retail)), meanings(rulebooks.DepartmentStore())
	if len(own) != len(demoSegments) {
		t.Errorf("there are %d rules", len(own))
	}
	for _, fact := range demoSegments {
		if name := "segment " + strings.TrimPrefix(fact, "segment/"); own[name] == "" || own[name] != all[name] {
			t.Errorf("%s is\n%s\nand in retail.yaml\n%s", name, own[name], all[name])
		}
	}
	for _, said := range []string{"over 100,000 ", "at least 12 ", "2,000 or more", "more than 183 days"} {
		if !strings.Contains(rulebooks.DepartmentStore(), said) {
			t.Errorf("the demo says %s, which the rules do not", said)
		}
	}
}

// TestSituations: as many of the 73 situations are told as is said.
func TestSituations(t *testing.T) {
	t.Parallel()
	paths, err := filepath.Glob(timelines)
	if err != nil {
		t.Fatal(err)
	}
	told := map[string]bool{}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, said := range regexp.MustCompile(`Situations? (\d+)(?: and (\d+))?:`).FindAllSubmatch(text, -1) {
			for _, n := range said[1:] {
				if len(n) > 0 {
					told[string(n)] = true
				}
			}
		}
	}
	if len(told) != 64 {
		t.Errorf("%d situations are told, 64 are promised", len(told))
	}
}
