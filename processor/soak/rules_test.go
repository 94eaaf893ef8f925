package soak

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/touchfold/touchfold/processor/rehearsal/oracle"
)

// thresholds are what two rulebooks, between which it goes to and fro, have different: they are low, so that facts change
// often.
var thresholds = [2]map[string]string{
	{"segments.vip.net_last_365d_over": "1500.00", "segments.high_frequency.at_least": "3",
		"segments.potential.average_order_value_at_least": "300.00", "segments.churn_risk.days_without_order_over": strconv.Itoa(churnDays)},
	{"segments.vip.net_last_365d_over": "900.00", "segments.high_frequency.at_least": "2",
		"segments.potential.average_order_value_at_least": "350.00", "segments.churn_risk.days_without_order_over": strconv.Itoa(churnDays + 1)},
}

// rulesOf are the rules that settings say, in a zone.
func rulesOf(settings map[string]string, zone *time.Location) (oracle.Rules, error) {
	var faults error
	number := func(key string) int {
		n, err := strconv.Atoi(strings.Replace(settings[key], ".", "", 1))
		faults = cmp.Or(faults, err)
		return n
	}
	return oracle.Rules{Zone: zone, Currency: "HKD", VIPOver: int64(number("segments.vip.net_last_365d_over")),
		AtLeast: number("segments.high_frequency.at_least"), AverageFrom: int64(number("segments.potential.average_order_value_at_least")),
		DaysOver: number("segments.churn_risk.days_without_order_over")}, faults
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
		w.find(nil, "the rulebook at %d/%d says no numbers: %v", r.partition, r.offset, err)
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
	for key, value := range thresholds[p.rulebook] {
		args = append(args, "--set", key+"="+value)
	}
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
