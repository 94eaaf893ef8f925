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
		if again := d.Decode(&c.Record, new(Event)); !c.Raised && (again == nil) != (refusal == nil) {
			t.Errorf("%s: %v when it comes again", c.Name, again)
		}
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
		if !seen[r] && r != TooLarge && r != BadControl {
			t.Errorf("no case is refused as %s", r)
		}
	}
	if len(cases) < 60 {
		t.Errorf("%d cases, want 60", len(cases))
	}
	t.Log(len(cases), "cases")
}

// TestHostileControls holds ControlOf to the corpus, of which nothing may be taken for a control of the app.
func TestHostileControls(t *testing.T) {
	for _, c := range hostile.Controls("shop") {
		control, refusal := ControlOf(&c.Record, "shop")
		got := "a touchpoint"
		switch {
		case refusal != nil:
			got = refusal.Reason.String()
			if refusal.Detail == "" {
				t.Errorf("%s: no detail", c.Name)
			}
		case control.Kind == OtherControl:
			got = "passed over"
		case control.Kind != NoControl:
			got = "a control"
		}
		want := map[hostile.Fate]string{hostile.Touchpoint: "a touchpoint", hostile.Parked: BadControl.String(),
			hostile.PassedOver: "passed over", hostile.Unread: "a control"}[c.Fate]
		if got != want {
			t.Errorf("%s: %s, want %s", c.Name, got, want)
		}
	}
}
