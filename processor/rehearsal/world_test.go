package rehearsal

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/touchfold/touchfold/config"
	"github.com/touchfold/touchfold/events"
)

const stock = `version: 1
segments:
  - id: offered
    when: {catalogue: {event: Product Restocked, match: item.product_id, interest: {event: Product Viewed}, within: 30d, for: 2h}}
triggers:
  - id: back
    on: {catalogue: {event: Product Restocked, match: item.product_id, interest: {event: Product Viewed}, within: 30d}}
    payload: {product: item.product_id}
`

// TestWorld: an event of the catalogue comes to every shard, once, and there to those who showed an interest, with a
// decoder, a broker and a store as they are.
func TestWorld(t *testing.T) {
	t.Parallel()
	var first []string
	for _, shards := range []int{1, 3} {
		said := tellStock(t, shards)
		if first == nil {
			first = said
		}
		if !slices.Equal(said, first) {
			t.Errorf("%d shards say\n%q, and 1\n%q", shards, said, first)
		}
	}
	want := []string{
		"u0 segment/offered  by time 2026-01-10T12:00:00Z [v0 w2]", "u0 segment/offered true by event 2026-01-10T10:00:00Z [v0 w2]",
		"u0 trigger/back/w2 true by event 2026-01-10T10:00:00Z [v0 w2]", "u3 segment/offered  by time 2026-01-10T12:00:00Z [v3 w2]",
		"u3 segment/offered true by event 2026-01-10T10:00:00Z [v3 w2]", "u3 trigger/back/w2 true by event 2026-01-10T10:00:00Z [v3 w2]",
		"u7 trigger/back/w2 true by event 2026-01-10T10:00:00Z [late w2]",
	}
	if !slices.Equal(first, want) {
		t.Errorf("said is %q", first)
	}
}

// tellStock is what is said of six customers of whom two looked at what is there again, and one turns out to have.
func tellStock(t *testing.T, shards int) (said []string) {
	book := filepath.Join(t.TempDir(), "rules.yaml")
	if err := os.WriteFile(book, []byte(stock), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load("", nil, []string{"rulebook=" + book})
	if err != nil {
		t.Fatal(err)
	}
	r, err := Start(t.Context(), Config{Config: c, Dir: filepath.Join(t.TempDir(), "run"), Shards: shards})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	tell := func(line string, args ...any) {
		stamp, err := r.Feed(t.Context(), fmt.Appendf(nil, line, args...))
		if err == nil {
			err = r.Settle(t.Context(), stamp)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	const viewed = `{"type":"track","messageId":%q,"userId":%q,"event":"Product Viewed","timestamp":%q,"properties":{"product_id":%q}}`
	const restocked = `{"type":"track","messageId":%q,"event":"Product Restocked","timestamp":%q,"properties":{"product_id":%q}}`
	for i := range 6 {
		tell(viewed, fmt.Sprint("v", i), fmt.Sprint("u", i), "2026-01-01T10:00:00Z", fmt.Sprint("p", i%3))
	}
	tell(restocked, "w1", "2026-01-10T09:00:00Z", "p9")
	tell(restocked, "w2", "2026-01-10T10:00:00Z", "p0")
	tell(restocked, "w2", "2026-01-10T10:00:00Z", "p0") // once more
	tell(viewed, "v9", "u9", "2026-01-10T15:00:00Z", "p9")
	tell(viewed, "late", "u7", "2026-01-05T10:00:00Z", "p0")
	err = r.Derived(t.Context(), func(_ *events.Record, s *events.Statement) error {
		if strings.HasPrefix(s.Fact, "trigger/") || s.Fact == "segment/offered" {
			said = append(said, fmt.Sprint(s.Customer, " ", s.Fact, " ", s.Value, " by ", s.Cause, " ", s.Effective, " ", s.Because))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(said)
	return said
}
