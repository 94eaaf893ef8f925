package rehearsal

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/touchfold/touchfold/config"
	"github.com/touchfold/touchfold/events"
)

const birthdays = `version: 1
triggers:
  - {id: fresh, on: {date: {field: traits.birthday, recur: yearly, at: "09:00"}}, expires: 1h}
  - {id: stale, on: {event: Product Viewed}, expires: 1h}
`

// TestExpires: what would have been said on the day is said, however far ahead the feeder is, and what came too late to be
// of use is not.
func TestExpires(t *testing.T) {
	t.Parallel()
	book := filepath.Join(t.TempDir(), "rules.yaml")
	if err := os.WriteFile(book, []byte(birthdays), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load("", nil, []string{"rulebook=" + book})
	if err != nil {
		t.Fatal(err)
	}
	r, err := Start(t.Context(), Config{Config: c, Dir: filepath.Join(t.TempDir(), "run"), Shards: 2, Hold: true})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	feed := func(id, user, what string, at time.Time) (stamp events.Instant) {
		t.Helper()
		stamp, err := r.Feed(t.Context(), fmt.Appendf(nil, `{"type":%q,"messageId":%q,"userId":%q,"event":"Product Viewed","timestamp":%q,`+
			`"traits":{"birthday":"1990-06-15"}}`, what, id, user, at.Format(time.RFC3339)))
		if err != nil {
			t.Fatal(err)
		}
		return stamp
	}
	begin := time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
	end := feed("p1", "silent", "identify", begin)
	for i := 1; i < 1600; i++ {
		end = feed(fmt.Sprint("c", i), "busy", "identify", begin.Add(time.Duration(i)*6*time.Hour))
	}
	feed("v1", "late", "track", begin.Add(1597*6*time.Hour))
	if err := r.Settle(t.Context(), end); err != nil {
		t.Fatal(err)
	}
	if err := r.Stop(); err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	if err := r.WriteDerived(t.Context(), &said); err != nil {
		t.Fatal(err)
	}
	for what, want := range map[string]int{`"trigger":"fresh"`: 2, `"trigger":"stale"`: 0} {
		if got := bytes.Count(said.Bytes(), []byte(what)); got != want {
			t.Errorf("%s is said %d times, want %d:\n%s", what, got, want, said.Bytes())
		}
	}
}
