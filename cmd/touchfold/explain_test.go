package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/touchfold/touchfold/config"
	"github.com/touchfold/touchfold/processor/rehearsal"
)

const explainedRules = `version: 1
segments:
  - id: regular
    name: Regulars
    owner: crm
    description: Two orders in a year, and a phone.
    when:
      all:
        - {event: Order Completed, sum: value, op: ">=", value: 100, window: calendar 365d}
        - {trait: {name: city, op: ==, value: Hong Kong}}
        - not: {absence: {of: {event: Page}, for: 10d}}
  - {id: born, when: {date: {field: traits.birthday, recur: yearly}}}
  - {id: tried, when: {sequence: {steps: [{event: Page Viewed}, {event: Order Completed}], within: 1h}}}
triggers:
  - id: thanks
    on: {event: Order Completed}
    when: {segment: {id: regular}}
    cooldown: 30d
  - id: cart
    on: {absence: {of: {event: Order Completed}, after: {event: Product Added}, for: 4h}}
`

// explained is the folder of a store that knows of one customer, and of what he did up to 10 January.
func explained(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	book := filepath.Join(dir, "rules.yaml")
	if err := os.WriteFile(book, []byte(explainedRules), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load("", nil, []string{"rulebook=" + book})
	if err != nil {
		t.Fatal(err)
	}
	r, err := rehearsal.Start(t.Context(), rehearsal.Config{Config: c, Dir: filepath.Join(dir, "run"), Shards: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for _, line := range []string{
		`{"type":"page","messageId":"m1","userId":"u1","timestamp":"2026-01-01T10:00:00Z"}`,
		`{"type":"track","messageId":"m2","userId":"u1","event":"Order Completed","timestamp":"2026-01-02T10:00:00Z","properties":{"order_id":"o1","total":60.5}}`,
		`{"type":"identify","messageId":"m3","userId":"u1","timestamp":"2026-01-03T10:00:00Z","traits":{"city":"Hong Kong","birthday":"29.02.1992"}}`,
		`{"type":"track","messageId":"m4","userId":"u1","event":"Order Completed","timestamp":"2026-01-04T10:00:00Z","properties":{"order_id":"o2","total":60}}`,
		`{"type":"track","messageId":"m5","userId":"u1","event":"Order Completed","timestamp":"2026-01-05T10:00:00Z","properties":{"order_id":"o3","total":60}}`,
		`{"type":"track","messageId":"m6","userId":"u1","event":"Product Added","timestamp":"2026-01-10T10:00:00Z","properties":{"product_id":"p"}}`,
	} {
		stamp, err := r.Feed(t.Context(), []byte(line))
		if err == nil {
			err = r.Settle(t.Context(), stamp)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Stop(); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "run", "store")
}

// TestExplain: what a marketer asks of one customer, now and as of then.
func TestExplain(t *testing.T) {
	t.Parallel()
	dir := explained(t)
	code, out, said := touchfold(t, "explain", "u1", "--dir", dir)
	if code != 0 {
		t.Fatal(said)
	}
	_, rest, _ := strings.Cut(out, "\n")
	const want = `6 events up to then, from 2026-01-01 18:00 to 2026-01-10 18:00

✓ segment regular, Regulars: in it since 2026-01-04 18:00; changes at 2026-01-11 18:00 if no event comes
  ✓ all  until 2026-01-11 18:00
    ✓ event: Order Completed, sum: value, op: ">=", value: 100, window: calendar 365d  now 180.5  from 2025-01-11 00:00 to 2026-01-10 18:00  by m2 m4 m5  until 2027-01-04 00:00
    ✓ trait: {name: city, op: "==", value: Hong Kong}  now Hong Kong  by m3
    ✓ not  until 2026-01-11 18:00
      ✗ absence: {of: {event: Page}, for: 10d}  from 2026-01-01 18:00 to 2026-01-11 18:00  by m1  until 2026-01-11 18:00

✗ segment born: not in it; only an event can change that
  ✗ date: {field: traits.birthday, recur: yearly}  now 29.02.1992 (no date: it has to be as 2006-01-02 is, and a day that there is)

✗ segment tried: not in it; only an event can change that
  ✗ sequence: {steps: [{event: Page Viewed}, {event: Order Completed}], within: 1h}  now 2 of 2 steps (too late: it had to be done within the time from the first step on)  from 2026-01-01 18:00 to 2026-01-01 19:00
    ✓ event: Page Viewed  from 2026-01-01 18:00  by m1
    ✓ event: Order Completed  from 2026-01-02 18:00  by m2

  trigger thanks: happened 3 times, and 1 stood
  on • event: Order Completed
  when ✓ segment: {id: regular}  until 2026-01-11 18:00
         ✓ all  until 2026-01-11 18:00
           ✓ event: Order Completed, sum: value, op: ">=", value: 100, window: calendar 365d  now 180.5  from 2025-01-11 00:00 to 2026-01-10 18:00  by m2 m4 m5  until 2027-01-04 00:00
           ✓ trait: {name: city, op: "==", value: Hong Kong}  now Hong Kong  by m3
           ✓ not  until 2026-01-11 18:00
             ✗ absence: {of: {event: Page}, for: 10d}  from 2026-01-01 18:00 to 2026-01-11 18:00  by m1  until 2026-01-11 18:00
  ✗ 2026-01-02 18:00  did not happen: when did not hold  by m2  trigger/thanks/f7b5791b1554120a
      ✗ segment: {id: regular}
        ✗ all
          ✗ event: Order Completed, sum: value, op: ">=", value: 100, window: calendar 365d  now 60.5  from 2025-01-03 00:00 to 2026-01-02 18:00  by m2
          ✗ trait: {name: city, op: "==", value: Hong Kong}  now nothing (no event says it)
          ✓ not
            ✗ absence: {of: {event: Page}, for: 10d}  from 2026-01-01 18:00 to 2026-01-11 18:00  by m1
  ✓ 2026-01-04 18:00  said  by m4  trigger/thanks/f7b57b1b1554156c
  ✗ 2026-01-05 18:00  did not happen: the cooldown lasted until 2026-02-03 18:00  by m5  trigger/thanks/f7b57a1b155416df
  the cooldown lasts until 2026-02-03 18:00
  next: only an event can bring it

  trigger cart: happened 0 times, and 0 stood
  on • absence: {of: {event: Order Completed}, for: 4h, after: {event: Product Added}}  now 1 waiting  from 2026-01-10 18:00 to 2026-01-10 22:00  by m6
  next: at 2026-01-10 22:00 if no event comes
`
	if rest != want {
		t.Errorf("got\n%s", out)
	}
	_, out, _ = touchfold(t, "explain", "u1", "regular", "--at", "2026-01-03T00:00", "--dir", dir)
	contains(t, out, "customer u1 at 2026-01-03 00:00 (Asia/Hong_Kong)", "2 events up to then",
		"✗ segment regular, Regulars: not in it; only an event can", "now 60.5", "  by m2\n", "until 2026-01-11 18:00")
	if strings.Contains(out, "trigger") || strings.Contains(out, "m4") {
		t.Errorf("another rule, or what came later, is shown:\n%s", out)
	}

	_, out, _ = touchfold(t, "explain", "u1", "cart", "--json", "--dir", dir)
	var v explanationView
	if err := json.Unmarshal([]byte(out), &v); err != nil {
		t.Fatal(err)
	}
	if len(v.Rules) != 1 || v.Rules[0].Next != "2026-01-10 22:00" || v.Rules[0].On == nil || v.Customer != "u1" || v.Events != 6 {
		t.Errorf("%+v", v)
	}
	place := t.TempDir()
	if code, _, said := touchfold(t, "snapshot", "take", "--dir", dir, "--place", place); code != 0 {
		t.Fatal(said)
	}
	if _, same, said := touchfold(t, "explain", "u1", "cart", "--json", "--snapshot", "--place", place); same != out {
		t.Errorf("of the snapshot it is said\n%s%s", same, said)
	}
	_, _, said = touchfold(t, "explain", "u2", "--snapshot", "--place", place)
	contains(t, said, `no customer "u2" is known in shop/customer-events/shard-000/`)
	_, _, said = touchfold(t, "explain", "u1", "--snapshot")
	contains(t, said, "no place of snapshots is named")
	for args, want := range map[string]string{
		"u1 regulra":          "there is no rule regulra in rulebook ",
		"u1 nothing_like":     "it has born, cart, regular, thanks, tried",
		"u2":                  `no customer "u2" is known in ` + dir,
		"u1 --at 2025-12-31":  `customer "u1" was not known at 2025-12-31 00:00: his first event came later`,
		"u1 --at yesterday":   `--at: "yesterday" is not a time`,
		"u1 --at 1960-01-01":  "times begin in 1970",
		"u1 thanks --at 2025": "is not a time",
	} {
		code, out, said := touchfold(t, append([]string{"explain", "--dir", dir}, strings.Fields(args)...)...)
		if code != exitFailure || out != "" {
			t.Errorf("%s: exit code %d, %s", args, code, out)
		}
		contains(t, said, want)
	}
}

// TestOnOneLine: what a customer sent moves no cursor.
func TestOnOneLine(t *testing.T) {
	for text, want := range map[string]string{"Hong Kong": "Hong Kong", "a\nb": `"a\nb"`, "\x1b[2J": `"\x1b[2J"`, "": ""} {
		if got := onOneLine(text); got != want {
			t.Errorf("%q is shown as %s, want %s", text, got, want)
		}
	}
}
