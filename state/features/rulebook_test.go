package features_test

import (
	"errors"
	"maps"
	"testing"

	"github.com/touchfold/touchfold/config"
	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/rulebooks"
	"github.com/touchfold/touchfold/rulebooks/thresholds"
	"github.com/touchfold/touchfold/state"
	"github.com/touchfold/touchfold/state/features"
	"github.com/touchfold/touchfold/state/rulebook"
)

func propose(t testing.TB, settings ...string) *rulebook.Rulebook {
	t.Helper()
	c, err := config.Parse("", nil, nil, settings)
	if err != nil {
		t.Fatal(err)
	}
	return features.Propose(c)
}

func table(t testing.TB, b *rulebook.Rulebook) *state.Table {
	t.Helper()
	table, err := features.Table(b)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

// TestProposal is the rulebook of a process that is told nothing, to the byte but for the rules: it stands in logs.
func TestProposal(t *testing.T) {
	const want = `{"serial":0,"features":{"engagement":1,"lifecycle":1,"profile":1,"purchases":1,"rules":2},` +
		`"settings":{"business.currency":"HKD","business.zone":"Asia/Hong_Kong","lifecycle.lapsed_after_days":"183","rules":"…"}}`
	b := propose(t)
	if b.Settings["rules"] != rulebooks.DepartmentStore() {
		t.Error("the rules are not those of the department store")
	}
	b.Settings["rules"] = "…"
	if got := string(b.Text()); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// TestNoRules: by rulebook: none there are no segments, and no feature that could say any.
func TestNoRules(t *testing.T) {
	b := propose(t, "rulebook=none")
	if _, is := b.Settings["rules"]; is || b.Features["rules"] > 0 {
		t.Errorf("%v", b)
	}
	for _, f := range table(t, b).About() {
		if f.Name == "rules" {
			t.Error("there is a feature of rules")
		}
	}
}

// TestTables: v1, v2 and v1 again; a rulebook that went through the log makes the table that it made before.
func TestTables(t *testing.T) {
	v1, v2 := propose(t), propose(t, "lifecycle.lapsed_after_days=90")
	var prints []uint64
	for i, b := range []*rulebook.Rulebook{v1, v2, v1} {
		read, err := rulebook.Parse(b.Numbered(uint64(i + 1)).Text())
		if err != nil {
			t.Fatal(err)
		}
		prints = append(prints, table(t, read).Fingerprint())
	}
	if prints[0] != prints[2] || prints[0] == prints[1] {
		t.Errorf("%x", prints)
	}
	if v1.Digest() == v2.Digest() {
		t.Error("other settings, one digest")
	}
}

// TestEverySetting of a rulebook reaches the table or the currency: one that nothing reads belongs to no rulebook.
func TestEverySetting(t *testing.T) {
	others := map[string]string{
		"business.zone": "UTC", "business.currency": "JPY", "lifecycle.lapsed_after_days": "1",
		"rules": thresholds.Rulebook("churn_risk=1"),
	}
	was := propose(t)
	before := table(t, was).Fingerprint()
	for key := range was.Settings {
		b := was.Numbered(0)
		b.Settings[key] = others[key]
		if table(t, b).Fingerprint() == before {
			t.Errorf("%s changes nothing", key)
		}
	}
	currency, err := features.Currency(propose(t, "business.currency=EUR"))
	if err != nil || currency != (events.Currency{'E', 'U', 'R'}) {
		t.Errorf("%v %v", currency, err)
	}
}

// TestCannotRun: every reason is named, and none of it is run in part.
func TestCannotRun(t *testing.T) {
	const name, hint = "rulebook 4:", "; use the version that wrote it, or a newer one"
	for _, c := range []struct {
		change func(b *rulebook.Rulebook)
		want   string
	}{
		{func(b *rulebook.Rulebook) { b.Features["churn"] = 1; b.Features["purchases"] = 9 },
			"feature churn 1 is needed, and there is none here; feature purchases 9 is needed, and 1 is here"},
		{func(b *rulebook.Rulebook) {
			b.Settings["rules.birthday"] = "x"
			b.Settings["business.zone"] = "Mars/Base"
		},
			`setting business.zone: business.zone: "Mars/Base" is not a time zone; write an IANA name such as Asia/Hong_Kong, Europe/London or UTC; ` +
				"setting rules.birthday: this version of touchfold does not know it"},
		{func(b *rulebook.Rulebook) { delete(b.Features, "purchases"); delete(b.Features, "rules") },
			`feature "lifecycle": needs "purchases", which does not stand before it`},
		{func(b *rulebook.Rulebook) { b.Features["rules"] = 9 }, "feature rules 9 is needed, and 2 is here"},
	} {
		b := propose(t).Numbered(4)
		c.change(b)
		_, err := features.Table(b)
		if want := name + b.Digest().String() + ": this version of touchfold cannot run it: " + c.want + hint; !errors.Is(err, rulebook.ErrCannotRun) || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
	b := propose(t)
	b.Settings["business.currency"] = "XXX"
	if _, err := features.Currency(b); !errors.Is(err, rulebook.ErrCannotRun) {
		t.Errorf("currency: %v", err)
	}
}

// TestOlderRulebook: a newer program runs what an older one wrote: with the features that it names, and no others.
func TestOlderRulebook(t *testing.T) {
	b := propose(t)
	delete(b.Features, "lifecycle")
	delete(b.Settings, "lifecycle.lapsed_after_days")
	names := map[string]int{}
	for _, f := range table(t, b).About() {
		names[f.Name] = f.Version
	}
	if !maps.Equal(names, b.Features) {
		t.Errorf("%v, want %v", names, b.Features)
	}
}
