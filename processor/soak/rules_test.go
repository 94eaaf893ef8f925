package soak

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/touchfold/touchfold/processor/rehearsal/oracle"
	"github.com/touchfold/touchfold/rulebooks/thresholds"
)

// variants are two rulebooks, between which it goes to and fro: what they say, and what that means. Their thresholds are low,
// so that facts change often.
var variants = [2]variant{
	{thresholds.Rulebook("vip=1500.00", "high_frequency=3", "potential=300.00", fmt.Sprint("churn_risk=", churnDays)), churnDays,
		oracle.Rules{VIPOver: 1500_00, AtLeast: 3, AverageFrom: 300_00, DaysOver: churnDays, LapsedOver: churnDays}},
	{thresholds.Rulebook("vip=900.00", "high_frequency=2", "potential=350.00", fmt.Sprint("churn_risk=", churnDays+1)), churnDays + 2,
		oracle.Rules{VIPOver: 900_00, AtLeast: 2, AverageFrom: 350_00, DaysOver: churnDays + 1, LapsedOver: churnDays + 2}},
}

type variant struct {
	text   string // of the rules
	lapsed int    // lifecycle.lapsed_after_days
	means  oracle.Rules
}

// in is what a variant means in a zone.
func (v *variant) in(zone *time.Location) oracle.Rules {
	rules := v.means
	rules.Zone, rules.Currency = zone, "HKD"
	return rules
}

// settings are those of a rulebook in the log.
func (v *variant) settings() map[string]string {
	return map[string]string{"rules": v.text, "lifecycle.lapsed_after_days": fmt.Sprint(v.lapsed)}
}

// flags have a process propose a variant, of which a file is written into a folder.
func (v *variant) flags(dir string) ([]string, error) {
	path := filepath.Join(dir, fmt.Sprintf("rules-%d.yaml", v.lapsed))
	return []string{"--set", "rulebook=" + path, "--set", fmt.Sprint("lifecycle.lapsed_after_days=", v.lapsed)},
		os.WriteFile(path, []byte(v.text), 0o600)
}

// rulesOf are the rules that settings say, in a zone.
func rulesOf(settings map[string]string, zone *time.Location) (oracle.Rules, error) {
	for i := range variants {
		v := variants[i].settings()
		if v["rules"] == settings["rules"] && v["lifecycle.lapsed_after_days"] == settings["lifecycle.lapsed_after_days"] {
			return variants[i].in(zone), nil
		}
	}
	return oracle.Rules{}, errors.New("it is none of those that were written")
}

// ruled is a rulebook as it comes in force in a partition.
type ruled struct {
	offset int64
	serial uint64
	digest [sha256.Size]byte
	rules  oracle.Rules
}

// takeRules notes a rulebook that stands in the input. Of those of a partition the greatest is in force, by serial and then
// by what it says.
func (w *world) takeRules(r *record) {
	var book struct {
		Serial   uint64
		Settings map[string]string
	}
	if err := json.Unmarshal(r.value, &book); err != nil {
		w.find(nil, "the rulebook at %d/%d cannot be read: %v", r.partition, r.offset, err)
		return
	}
	_, content, _ := bytes.Cut(r.value, []byte(","))
	next := ruled{r.offset, book.Serial, sha256.Sum256(append([]byte("{"), content...)), oracle.Rules{}}
	var err error
	if next.rules, err = rulesOf(book.Settings, w.rules.Zone); err != nil {
		w.find(nil, "the rulebook at %d/%d is not understood: %v", r.partition, r.offset, err)
	}
	if all := w.ruled[r.partition]; len(all) > 0 {
		now := all[len(all)-1]
		if cmp.Or(cmp.Compare(next.serial, now.serial), bytes.Compare(next.digest[:8], now.digest[:8])) <= 0 {
			return
		}
	}
	w.ruled[r.partition] = append(w.ruled[r.partition], next)
}

// rulesAt are the rules in force in a partition at a position.
func (w *world) rulesAt(partition int32, position int64) oracle.Rules {
	rules := w.rules
	for _, x := range w.ruled[partition] {
		if x.offset < position {
			rules = x.rules
		}
	}
	return rules
}

// changeRules puts the other rulebook in force, by the command that a person would use.
func (p *player) changeRules(ctx context.Context) {
	p.rulebook = 1 - p.rulebook
	args := append([]string{"rules", "activate", "--brokers", p.cluster.direct}, p.settings...)
	args = append(args, p.variants[p.rulebook]...)
	p.wait.Go(func() {
		ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
		defer cancel()
		cmd := exec.CommandContext(ctx, p.instances[0].program.plain, args...)
		cmd.Env = p.instances[0].environment()
		if out, err := cmd.CombinedOutput(); err != nil {
			p.figures.count(fmt.Sprintf("rules not changed: %s", lastLine(out)))
			return
		}
		p.figures.count("rules changed")
	})
}
