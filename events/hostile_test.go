package events_test

import (
	"testing"

	. "github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/events/hostile"
)

// TestHostile holds the decoder, and the oracle with it, to the corpus.
func TestHostile(t *testing.T) {
	hkd := Currency{'H', 'K', 'D'}
	d := NewDecoder(DecoderConfig{Currency: hkd})
	raised := NewDecoder(DecoderConfig{Currency: hkd, MaxBytes: 16 << 20})
	cases := hostile.Cases()
	seen := map[Reason]bool{}
	names := map[string]bool{}
	for _, c := range cases {
		if names[c.Name] {
			t.Errorf("%s: stands twice", c.Name)
		}
		names[c.Name] = true
		var e Event
		refusal := d.Decode(&c.Record, &e)
		if c.Raised {
			if refusal == nil || refusal.Reason != TooLarge {
				t.Errorf("%s: %v, want too large", c.Name, refusal)
			}
			refusal = raised.Decode(&c.Record, &e)
		}
		seen[c.Reason] = true
		switch {
		case c.Accepted && refusal != nil:
			t.Errorf("%s: refused, %v", c.Name, refusal)
		case c.Accepted && e.Customer != c.Customer:
			t.Errorf("%s: customer %q, want %q", c.Name, e.Customer, c.Customer)
		case !c.Accepted && (refusal == nil || refusal.Reason != c.Reason):
			t.Errorf("%s: %v, want %s", c.Name, refusal, c.Reason)
		}
		if c.Accepted == (c.Reason != 0) {
			t.Errorf("%s: the case says both", c.Name)
		}
		config := DecoderConfig{Currency: hkd, MaxBytes: 768 << 10, MaxDepth: 64, Ahead: testConfig.Ahead}
		if diff := compare(d, config, &c.Record); diff != "" && !c.Raised {
			t.Errorf("%s: against the oracle: %s", c.Name, diff)
		}
	}
	for _, r := range Reasons {
		if !seen[r] && r != TooLarge {
			t.Errorf("no case is refused as %s", r)
		}
	}
	if len(cases) < 60 {
		t.Errorf("%d cases, want 60", len(cases))
	}
	t.Log(len(cases), "cases")
}
