package config

import (
	"fmt"
	"maps"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"
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
			t.Skip(err) // a currency without the decimals of an amount
		}
		c.Rules = rapid.SampledFrom([]string{"", "version: 1\n"}).Draw(t, "rules")
		b, err := Believe(c.Settings())
		if err != nil || !reflect.DeepEqual(b, Beliefs{c.Business, c.Segments, c.Rules}) {
			t.Fatalf("%v %+v, want %+v %+v", err, b, c.Business, c.Segments)
		}
		again := Config{Business: b.Business, Segments: b.Segments, Rules: b.Rules}
		if got := again.Settings(); !maps.Equal(got, c.Settings()) {
			t.Fatalf("%v, want %v", got, c.Settings())
		}
	})
}

// TestSettings: which they are, and that they do not depend on how somebody wrote them.
func TestSettings(t *testing.T) {
	want := map[string]string{
		"business.zone": "Asia/Hong_Kong", "business.currency": "HKD", "segments.vip.net_last_365d_over": "8000.00",
		"segments.high_frequency.reading": "order_days", "segments.high_frequency.at_least": "12",
		"segments.potential.average_order_value_at_least": "2000.00", "segments.churn_risk.days_without_order_over": "183",
	}
	for _, file := range []string{
		"segments:\n  vip:\n    net_last_365d_over: '8000'\n",
		"segments:\n  churn_risk: {days_without_order_over: 183}\n  vip: {net_last_365d_over: 8000.0}\nbusiness: {currency: HKD}\n",
	} {
		c, err := Parse("f.yaml", []byte(file), nil, []string{"app=x", "topics.partitions=3"})
		if err != nil {
			t.Fatal(err)
		}
		if got := c.Settings(); !maps.Equal(got, want) {
			t.Errorf("%q: %v, want %v", file, got, want)
		}
	}
}

// TestBelieveOlder: what a rulebook does not name is as it was before there was the key.
func TestBelieveOlder(t *testing.T) {
	b, err := Believe(map[string]string{"segments.churn_risk.days_without_order_over": "90"})
	d := Default()
	if d.Segments.ChurnRisk.DaysWithoutOrderOver = 90; err != nil || b.Segments != d.Segments || b.Business.Zone.String() != "Asia/Hong_Kong" {
		t.Errorf("%v %+v %+v", err, b, b.Rules)
	}
}

func TestBelieveRefuses(t *testing.T) {
	_, err := Believe(map[string]string{
		"app": "x", "rules.birthday": "x", "business.zone": "Mars/Base", "segments.high_frequency.at_least": "twelve",
		"segments.vip.net_last_365d_over": "-1"})
	const want = `setting app: this version of touchfold does not know it
setting business.zone: business.zone: "Mars/Base" is not a time zone; write an IANA name such as Asia/Hong_Kong, Europe/London or UTC
setting rules.birthday: this version of touchfold does not know it
setting segments.high_frequency.at_least: segments.high_frequency.at_least: "twelve" is not a whole number; write 1 to 365
setting segments.vip.net_last_365d_over: segments.vip.net_last_365d_over: "-1" is not an amount; write digits and a point, such as 2000.00`
	if fmt.Sprint(err) != want {
		t.Errorf("%v", err)
	}
	_, err = Believe(map[string]string{"segments.high_frequency.reading": "every_block", "segments.high_frequency.at_least": "13"})
	if err == nil || !strings.Contains(err.Error(), "out of range with every_block") {
		t.Errorf("%v", err)
	}
}
