package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/touchfold/touchfold/config"
	"github.com/touchfold/touchfold/processor/rehearsal"
)

const offeredRules = `version: 1
triggers:
  - id: back
    on:
      catalogue:
        event: Product Restocked
        match: item.product_id
        interest: {event: Product Viewed}
        within: 30d
        until: {event: Order Completed}
`

// TestExplainWorld: what is explained names the event of the catalogue and the touchpoint that showed the interest.
func TestExplainWorld(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	book := filepath.Join(dir, "rules.yaml")
	if err := os.WriteFile(book, []byte(offeredRules), 0o600); err != nil {
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
		`{"type":"track","messageId":"v1","userId":"u1","event":"Product Viewed","timestamp":"2026-01-02T10:00:00Z","properties":{"product_id":"p"}}`,
		`{"type":"track","messageId":"v2","userId":"u1","event":"Product Viewed","timestamp":"2026-01-03T10:00:00Z","properties":{"product_id":"q"}}`,
		`{"type":"track","messageId":"w1","event":"Product Restocked","timestamp":"2026-01-04T10:00:00Z","properties":{"product_id":"p"}}`,
		`{"type":"track","messageId":"w2","event":"Product Restocked","timestamp":"2026-01-05T10:00:00Z","properties":{"product_id":"r"}}`,
		`{"type":"track","messageId":"o1","userId":"u1","event":"Order Completed","timestamp":"2026-01-06T10:00:00Z","properties":{"product_id":"q"}}`,
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
	code, out, said := touchfold(t, "explain", "u1", "--dir", filepath.Join(dir, "run", "store"))
	if code != 0 {
		t.Fatal(said)
	}
	contains(t, out, "3 events up to then, from 2026-01-02 18:00 to 2026-01-06 18:00", "trigger back: happened once, and 1 stood",
		"on • catalogue: {event: Product Restocked, match: item.product_id, interest: {event: Product Viewed}, ",
		"until: {event: Order Completed}}  now 2 of interest  from 2026-01-04 18:00 to 2026-01-05 18:00\n",
		"✓ 2026-01-04 18:00  said  by v1 w1  trigger/back/w1\n", "next: only an event can bring it")
}
