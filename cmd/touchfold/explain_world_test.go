package main

import (
	"fmt"
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
	const sent = `{"type":"track","messageId":%q,"userId":"u1","event":%q,"timestamp":"2026-01-%02dT10:00:00Z",` +
		`"properties":{"product_id":%q}}`
	for i, e := range [][3]string{{"v1", "Product Viewed", "p"}, {"v2", "Product Viewed", "q"}, {"w1", "Product Restocked", "p"},
		{"w2", "Product Restocked", "r"}, {"o1", "Order Completed", "q"}} {
		line := fmt.Sprintf(sent, e[0], e[1], i+2, e[2])
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
	contains(t, out, "3 events up to then, from 2026-01-02 18:00 to 2026-01-06 18:00",
		"trigger back: happened once, and 1 stood",
		"on • catalogue: {event: Product Restocked, match: item.product_id, interest: {event: Product Viewed}, ",
		"until: {event: Order Completed}}  now 2 of interest  from 2026-01-04 18:00 to 2026-01-05 18:00\n",
		"✓ 2026-01-04 18:00  said  by v1 w1  trigger/back/w1\n", "next: only an event can bring it")
}
