package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/touchfold/touchfold/config"
	"github.com/touchfold/touchfold/state/features"
	stories "github.com/touchfold/touchfold/state/story"
)

// testCommand is `touchfold test`.
type testCommand struct {
	Files  []string `arg:"" name:"file" help:"Stories: what one customer does, and below each line, after >, what is said because of it."`
	Set    []string `sep:"none" placeholder:"KEY=VALUE" help:"Set a key of the configuration, such as rulebook=draft.yaml, whatever the stories set; may be repeated."`
	Update bool     `short:"u" help:"Write into the stories what is said, for a person to review the difference."`
}

// Help is the rest of -h.
func (*testCommand) Help() string {
	return `A story is a text file:

  # Whoever puts something into the cart and orders nothing within 4 hours is reminded.
  rulebook retail.yaml
  only trigger/abandoned_cart
  2024-01-10 10:20 Product Added items=p1@99.00 properties={"cart_id":"c1"}
  pass 2024-01-10 16:00
  > 2024-01-10 14:20:00 trigger abandoned_cart/e1 fired (1, by time: e1) {"cart":"c1","product":"p1"}

The rulebook is looked for beside the story. Without only, everything is told that is said. Other lines: set KEY=VALUE (of ` +
		`the configuration), customer NAME (from here on another one), facts (all that is true), show FEATURE, restart. Behind an ` +
		`event's name stand order= total= currency= units= items=p1*2@10.00,p2 category= serial= warranty= properties={…} ` +
		`traits={…} channel= id=, as far as needed. An event of the catalogue (Product Restocked) comes to all customers. Neither touchfold.yaml nor the environment is read. The exit code is 1 if a ` +
		`story differs or cannot be told.`
}

// Run tells the stories and writes where they differ.
func (c *testCommand) Run(out output) error {
	faulty, untold := 0, 0
	for _, path := range c.Files {
		faults, err := c.check(path)
		if err != nil {
			faults = err.Error() + "\n"
			untold++
		} else if faults != "" {
			faulty++
		}
		if _, err := fmt.Fprint(out.out, faults); err != nil {
			return err
		}
	}
	switch {
	case untold > 0:
		return fmt.Errorf("%d of %d stories cannot be told, %d are not as expected; see above", untold, len(c.Files), faulty)
	case faulty > 0:
		return fmt.Errorf("%d of %d stories are not as expected; correct the rulebook or the story, "+
			"or write what is said into them with --update", faulty, len(c.Files))
	}
	_, err := fmt.Fprintf(out.out, "%d told, all as expected\n", len(c.Files))
	return err
}

// check tells one story and says where it differs; with --update it is written instead.
func (c *testCommand) check(path string) (faults string, err error) {
	f, err := config.Open(path)
	if err != nil {
		return "", fmt.Errorf("a story cannot be read: %w", err)
	}
	defer f.Close()
	b, err := io.ReadAll(f)
	if err != nil {
		return "", fmt.Errorf("a story cannot be read: %w", err)
	}
	text := strings.ReplaceAll(string(b), "\r\n", "\n")
	told, err := stories.Tell(text, func(settings []string) (stories.World, error) {
		return c.world(filepath.Dir(path), settings)
	})
	if err != nil {
		return "", fmt.Errorf("%s: %w", path, err)
	}
	differences := stories.Compare(text, told)
	if c.Update && len(differences) > 0 {
		return "", os.WriteFile(path, []byte(told), 0o644)
	}
	for _, d := range differences {
		faults += fmt.Sprintf("%s:%d: below %q\n  expected %s\n  got      %s\n", path, d.Line, d.Below,
			said(d.Expected), said(d.Got))
	}
	return faults, nil
}

func said(lines []string) string {
	if len(lines) == 0 {
		return "nothing"
	}
	return strings.Join(lines, "\n           ")
}

// world is what a story of a folder happens in, under its settings and then the flags'.
func (c *testCommand) world(folder string, settings []string) (w stories.World, err error) {
	all := make([]string, 0, len(settings)+len(c.Set))
	for _, s := range settings {
		if file, ok := strings.CutPrefix(s, "rulebook="); ok && !filepath.IsAbs(file) {
			s = "rulebook=" + filepath.Join(folder, file)
		}
		all = append(all, s)
	}
	conf, err := config.Load("", nil, append(all, c.Set...))
	if err != nil {
		return w, err
	}
	if err := features.CheckRules(conf); err != nil {
		return w, err
	}
	table, err := features.Table(features.Propose(conf))
	if err != nil {
		return w, err
	}
	facts, err := features.Facts(conf)
	if err != nil {
		return w, err
	}
	return stories.World{Table: table, Zone: conf.Business.Zone, Currency: conf.Business.Currency, Facts: facts}, nil
}
