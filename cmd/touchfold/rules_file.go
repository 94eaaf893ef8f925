package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/touchfold/touchfold/config"
	"github.com/touchfold/touchfold/config/rulefile"
	"github.com/touchfold/touchfold/rulebooks"
	"github.com/touchfold/touchfold/state"
	"github.com/touchfold/touchfold/state/features"
)

// ruleFile is a file of rules, under the settings of a configuration.
type ruleFile struct {
	options
	File string `arg:"" optional:"" help:"File of rules; without, the one that the configuration names (rulebook)."`
}

// read is the configuration with the text of the file, unchecked.
func (f ruleFile) read() (*config.Config, error) {
	set := f.Set
	if f.File != "" {
		set = append(set, strings.NewReplacer(" ", "_", "=", "_").Replace(f.File)+" rulebook="+f.File) // what it is called in faults
	}
	c, err := config.Load(f.path(), os.Environ(), set)
	var faults config.Faults
	if f.File != "" && errors.As(err, &faults) {
		for i := range faults { // nobody wrote the key
			faults[i].Text = strings.TrimPrefix(faults[i].Text, "rulebook: ")
		}
	}
	if err == nil && c.Rules == "" {
		err = errors.New("there are no rules to look at: name a file of them, or set the key rulebook to one or to default")
	}
	return c, err
}

type rulesCheckCommand struct{ ruleFile }

// Help is the rest of -h.
func (rulesCheckCommand) Help() string {
	return "Faults are written as file:line:column to standard error, all at once, and the exit code is then 1. " +
		"docs/rulebook.md says what may stand in the file. Nothing is put in force: touchfold rules activate does that."
}

// Run says what is wrong with the file, or how much is in it.
func (r rulesCheckCommand) Run(out output) error {
	c, err := r.read()
	if err != nil {
		return err
	}
	if err := features.CheckRules(c); err != nil {
		return err
	}
	book, err := rulefile.Parse(c.RulesName(), []byte(c.Rules))
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out.out, "%s: nothing is wrong with its %s and %s\n", c.RulesName(),
		counted(len(book.Segments), "segment"), counted(len(book.Triggers), "trigger"))
	return err
}

// counted is so many of something.
func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

type rulesLintCommand struct {
	ruleFile
	Strict bool `help:"Exit with code 1 if there is any."`
}

// Help is the rest of -h.
func (rulesLintCommand) Help() string {
	return "What is allowed, but probably not meant: a condition that is always true or always false, names of events that are " +
		"not in the vocabulary, reminders that never expire, two rules that mean the same, rules of which nobody says whose they are."
}

// Run writes a line for each.
func (r rulesLintCommand) Run(out output) error {
	c, err := r.read()
	if err != nil {
		return err
	}
	warnings, err := features.LintRules(c)
	if err != nil {
		return err
	}
	if len(warnings) == 0 {
		_, err := fmt.Fprintf(out.out, "%s: nothing is strange\n", c.RulesName())
		return err
	}
	if _, err := fmt.Fprintln(out.out, &rulefile.Faults{Name: c.RulesName(), All: warnings}); err != nil {
		return err
	}
	if r.Strict {
		return fmt.Errorf("%s of %s: correct them, or leave --strict out", counted(len(warnings), "warning"), c.RulesName())
	}
	return nil
}

type rulesDefaultCommand struct{}

// Help is the rest of -h.
func (rulesDefaultCommand) Help() string {
	return "Put it into a file, change it there, name that file with the key rulebook, and put it in force with " +
		"touchfold rules activate. The key is default for these rules as they are, and none for no rules at all."
}

// Run writes the text.
func (rulesDefaultCommand) Run(out output) error {
	_, err := io.WriteString(out.out, rulebooks.DepartmentStore())
	return err
}

type rulesSchemaCommand struct{}

// Help is the rest of -h.
func (rulesSchemaCommand) Help() string {
	return "JSON Schema 2020-12, for editors. With yaml-language-server: put it into a file, and begin the rulebook with " +
		"# yaml-language-server: $schema=FILE"
}

// Run writes the schema of a file of rules.
func (rulesSchemaCommand) Run(out output) error {
	_, err := out.out.Write(rulefile.Schema())
	return err
}

type rulesFeaturesCommand struct{}

// Run lists the figures that rules may ask of the other features.
func (rulesFeaturesCommand) Run(out output) error {
	var b strings.Builder
	figures := features.Figures(config.Default())
	var former string
	for _, f := range figures {
		if name := state.Describe(f.Owner).Name; name != former {
			former = name
			writeFigures(&b, name, figures)
		}
	}
	_, err := fmt.Fprint(out.out, b.String())
	return err
}

type configSchemaCommand struct{}

// Help is the rest of -h.
func (configSchemaCommand) Help() string {
	return "JSON Schema 2020-12, for editors: each key with its meaning, form and default. With yaml-language-server: put it " +
		"into a file, and begin touchfold.yaml with # yaml-language-server: $schema=FILE"
}

// Run writes the schema of the configuration.
func (configSchemaCommand) Run(out output) error {
	_, err := out.out.Write(config.Schema())
	return err
}
