package config

import (
	"fmt"
	"maps"
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"github.com/touchfold/touchfold/rulebooks"
)

// TestBelieve: settings are read back as what they were, and a second time give the same texts.
func TestBelieve(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var flags []string
		for _, k := range new(Config).keys() {
			if some := samples[k.path]; k.belief && rapid.Bool().Draw(t, k.path) {
				flags = append(flags, k.path+"="+rapid.SampledFrom(some[:]).Draw(t, "text"))
			}
		}
		c, err := Parse("", nil, nil, flags)
		if err != nil {
			t.Fatal(err)
		}
		c.Rules = rapid.SampledFrom([]string{"", "version: 1\n"}).Draw(t, "rules")
		b, err := Believe(c.Settings())
		if err != nil || !reflect.DeepEqual(b, Beliefs{c.Business, c.Lifecycle, c.Rules}) {
			t.Fatalf("%v %+v, want %+v %+v", err, b, c.Business, c.Lifecycle)
		}
		again := Config{Business: b.Business, Lifecycle: b.Lifecycle, Rules: b.Rules}
		if got := again.Settings(); !maps.Equal(got, c.Settings()) {
			t.Fatalf("%v, want %v", got, c.Settings())
		}
	})
}

// TestSettings: which they are, and that they do not depend on how somebody wrote them.
func TestSettings(t *testing.T) {
	want := map[string]string{"business.zone": "Asia/Hong_Kong", "business.currency": "HKD", "lifecycle.lapsed_after_days": "90",
		"rules": rulebooks.DepartmentStore()}
	for _, file := range []string{
		"lifecycle:\n  lapsed_after_days: 090\n",
		"lifecycle: {lapsed_after_days: 90}\nbusiness: {currency: HKD}\nrulebook: default\n",
	} {
		c, err := Parse("f.yaml", []byte(file), nil, []string{"app=x", "topics.partitions=3"})
		if err != nil {
			t.Fatal(err)
		}
		if got := c.Settings(); !maps.Equal(got, want) {
			t.Errorf("%q: %v, want %v", file, got, want)
		}
	}
	delete(want, "rules")
	c, err := Parse("f.yaml", []byte("{rulebook: none, lifecycle: {lapsed_after_days: 90}}"), nil, nil)
	if err != nil || !maps.Equal(c.Settings(), want) {
		t.Errorf("without rules: %v, %v", c, err)
	}
}

// TestBelieveOlder: what a rulebook does not name is as it was before there was the key; one without rules has none.
func TestBelieveOlder(t *testing.T) {
	b, err := Believe(map[string]string{"lifecycle.lapsed_after_days": "90"})
	if err != nil || b.Lifecycle.LapsedAfterDays != 90 || b.Rules != "" || b.Business.Zone.String() != "Asia/Hong_Kong" {
		t.Errorf("%v %+v", err, b)
	}
}

func TestBelieveRefuses(t *testing.T) {
	_, err := Believe(map[string]string{
		"app": "x", "rules.birthday": "x", "business.zone": "Mars/Base", "lifecycle.lapsed_after_days": "twelve"})
	const want = `setting app: this version of touchfold does not know it
setting business.zone: business.zone: "Mars/Base" is not a time zone; write an IANA name such as Asia/Hong_Kong, Europe/London or UTC
setting lifecycle.lapsed_after_days: lifecycle.lapsed_after_days: "twelve" is not a whole number; write 1 to 3650
setting rules.birthday: this version of touchfold does not know it`
	if fmt.Sprint(err) != want {
		t.Errorf("%v", err)
	}
}
