package main

import (
	"fmt"
	"strings"

	"github.com/touchfold/touchfold/config"
	"github.com/touchfold/touchfold/state"
	"github.com/touchfold/touchfold/state/features"
)

// featuresCommand is `touchfold features`.
type featuresCommand struct{}

// Run writes the table of features.
func (featuresCommand) Run(out output) error {
	table, err := features.Table(features.Propose(config.Default()))
	if err != nil {
		return fmt.Errorf("the table of features is faulty: %w", err)
	}
	var b strings.Builder
	figures := features.Figures(config.Default())
	for _, f := range table.About() {
		fmt.Fprintf(&b, "%s, version %d\n    %s\n", f.Name, f.Version, f.Doc)
		if len(f.Folds) > 0 {
			names := make([]string, len(f.Folds))
			for i, t := range f.Folds {
				names[i] = t.Name()
			}
			fmt.Fprintf(&b, "    folds %s\n", strings.Join(names, ", "))
		} else if len(f.Needs) == 0 {
			b.WriteString("    folds everything\n")
		}
		if len(f.Needs) > 0 {
			fmt.Fprintf(&b, "    reads %s\n", strings.Join(f.Needs, ", "))
		}
		writeFigures(&b, f.Name, figures)
	}
	_, err = fmt.Fprint(out.out, b.String())
	return err
}

// writeFigures lists what rules may ask of a feature.
func writeFigures(b *strings.Builder, feature string, figures []state.Figure) {
	for _, f := range figures {
		if state.Describe(f.Owner).Name != feature {
			continue
		}
		kind := "number"
		if f.Text {
			kind = "text"
		}
		if f.Windows {
			kind += " or over days"
		}
		fmt.Fprintf(b, "    %-38s %-20s %s\n", f.Name, kind, f.Doc)
	}
}
