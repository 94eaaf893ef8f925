package rehearsal_test

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/touchfold/touchfold/config"
	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/processor"
	"github.com/touchfold/touchfold/processor/rehearsal"
	"github.com/touchfold/touchfold/processor/rehearsal/oracle"
	"github.com/touchfold/touchfold/rulebooks/thresholds"
	"github.com/touchfold/touchfold/state"
)

// settings are thresholds at which the synthetic customers move in and out of every segment, with other ones of the default
// rulebook if more are named.
func settings(t testing.TB, more ...string) *config.Config {
	t.Helper()
	c, err := config.Parse("", nil, nil, []string{"business.zone=Asia/Taipei", "business.currency=TWD", "lifecycle.lapsed_after_days=110"})
	if err != nil {
		t.Fatal(err)
	}
	c.Rules = thresholds.Rulebook(append([]string{"vip=9000", "potential=600", "churn_risk=100"}, more...)...)
	return c
}

// rulesOf is what settings mean.
func rulesOf(c *config.Config, asOf events.Instant) oracle.Rules {
	return oracle.Rules{Zone: c.Business.Zone, Currency: c.Business.Currency.String(), AsOf: asOf.Time(), VIPOver: 9000_00, AtLeast: 12,
		AverageFrom: 600_00, DaysOver: 100, LapsedOver: 110}
}

// endOf is the last millisecond of a date in the business zone.
func endOf(t testing.TB, c *config.Config, date string) events.Instant {
	t.Helper()
	day, err := state.ParseDay(date)
	if err != nil {
		t.Fatal(err)
	}
	return state.NewCalendar(c.Business.Zone).End(day)
}

type result struct{ customers, derived []byte }

// replay feeds lines up to an instant and gives what came of it.
func replay(t testing.TB, c rehearsal.Config, lines []string, asOf events.Instant) result {
	t.Helper()
	ctx := t.Context()
	c.Until, c.Dir = asOf, t.TempDir()
	var last atomic.Int64 // no clock may pass it
	last.Store(1)
	c.Watch = func(p processor.Progress) {
		if limit := events.Instant(last.Load()); p.Clock > limit {
			t.Errorf("shard %d stands at %s, while touchpoints after %s are still to come", p.Shard, p.Clock, limit)
		}
	}
	r, err := rehearsal.Start(ctx, c)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}()
	for i, line := range lines {
		stamp, err := r.Feed(ctx, []byte(line))
		if err != nil {
			t.Fatal(err)
		}
		last.Store(max(last.Load(), int64(stamp)))
		if i%50 == 49 { // so that shards find nothing to read, and their clocks run, in the midst
			if err := r.Flush(ctx); err != nil {
				t.Fatal(err)
			}
		}
	}
	last.Store(int64(asOf))
	if err := r.Settle(ctx, asOf); err != nil {
		t.Fatal(err)
	}
	if err := r.Stop(); err != nil {
		t.Fatal(err)
	}
	var customers, derived bytes.Buffer
	if _, err := r.WriteCustomers(&customers, asOf); err != nil {
		t.Fatal(err)
	}
	if err := r.WriteDerived(ctx, &derived); err != nil {
		t.Fatal(err)
	}
	return result{customers.Bytes(), derived.Bytes()}
}

func compare(t testing.TB, lines []string, got result, rules oracle.Rules) {
	t.Helper()
	report, err := oracle.Compare(strings.NewReader(strings.Join(lines, "\n")), bytes.NewReader(got.customers), bytes.NewReader(got.derived), rules)
	if err != nil {
		t.Fatal(err)
	}
	t.Log(report)
	for _, d := range report.Differ {
		t.Error(d)
	}
	if report.Customers == 0 {
		t.Error("no customers")
	}
}

// TestReplay: whatever the shards, the batches, late touchpoints and duplicates, the customers are the same bytes, and an
// independent computation agrees with every figure, fact and statement.
func TestReplay(t *testing.T) {
	t.Parallel()
	touchpoints := synthesize(1, fewer(200))
	plain, disturbed := arrivals(touchpoints, 0, 0), arrivals(touchpoints, 30, 80)
	c := settings(t)
	asOf := endOf(t, c, "2025-11-30")
	want := replay(t, rehearsal.Config{Config: c, Shards: 2}, plain, asOf)
	for _, what := range []string{"segment.entered.v1", "segment.exited.v1", `"audience_key":"vip"`, `"audience_key":"high_frequency"`,
		`"audience_key":"potential"`, `"audience_key":"churn_risk"`, `"current":"won_back"`, `"current":"loyal"`, `"cause":"time"`} {
		if bytes.Count(want.derived, []byte(what)) < 5 {
			t.Errorf("hardly anything is said with %s, so hardly anything is tested", what)
		}
	}
	t.Run("oracle", func(t *testing.T) {
		rules := rulesOf(c, asOf)
		rules.InOrder = true
		compare(t, plain, want, rules)
	})
	for _, v := range []struct {
		name          string
		shards, batch int
		lines         []string
		hold          bool
	}{
		{"small batches", 1, 1, plain, false},
		{"large batches", 3, 10_000, plain, false},
		{"disturbed", 1, 0, disturbed, true},
		{"disturbed in small batches", many, 1, disturbed, false},
		{"disturbed in large batches", 3, 10_000, disturbed, false},
	} {
		t.Run(v.name, func(t *testing.T) {
			t.Parallel()
			got := replay(t, rehearsal.Config{Config: c, Shards: v.shards, Batch: v.batch, Hold: v.hold}, v.lines, asOf)
			if !bytes.Equal(got.customers, want.customers) {
				t.Error("the customers are not the same bytes")
			}
			rules := rulesOf(c, asOf)
			rules.InOrder = !strings.HasPrefix(v.name, "disturbed")
			compare(t, v.lines, got, rules)
		})
	}
}

// TestReplayAsOf: any date gives what was true at its end, with either reading of high_frequency.
func TestReplayAsOf(t *testing.T) {
	t.Parallel()
	touchpoints := synthesize(2, fewer(100))
	for _, v := range []struct{ date, reading string }{
		{"2024-06-30", "high_frequency"}, {"2024-12-31", "every_block"}, {"2025-06-15", "high_frequency"}, {"2025-06-15", "every_block"},
	} {
		t.Run(v.date+" "+v.reading, func(t *testing.T) {
			t.Parallel()
			c := settings(t, v.reading+"=6")
			asOf := endOf(t, c, v.date)
			lines := arrivals(touchpoints, 0, 0)
			rules := rulesOf(c, asOf)
			rules.InOrder, rules.AtLeast, rules.EveryBlock = true, 6, v.reading == "every_block"
			compare(t, lines, replay(t, rehearsal.Config{Config: c, Shards: 1}, lines, asOf), rules)
		})
	}
}

// TestReproducible: with Hold, what is said of late touchpoints is the same bytes whenever it is said, with the
// processor's own batches and with small ones. There are several fetches to read.
func TestReproducible(t *testing.T) {
	t.Parallel()
	lines := arrivals(synthesize(4, fewer(150)), 30, 200)
	c := settings(t)
	asOf := endOf(t, c, "2025-11-30")
	for _, batch := range []int{0, 7} {
		t.Run(fmt.Sprintf("batch %d", batch), func(t *testing.T) {
			t.Parallel()
			var want result
			for i := range 3 {
				got := replay(t, rehearsal.Config{Config: c, Shards: 1, Batch: batch, Hold: true}, lines, asOf)
				if i == 0 {
					want = got
				}
				if !bytes.Equal(got.derived, want.derived) || !bytes.Equal(got.customers, want.customers) {
					t.Errorf("run %d is not as the first", i)
				}
			}
		})
	}
}

// TestHold: until the first Settle nothing is read, and it can be stopped before.
func TestHold(t *testing.T) {
	t.Parallel()
	var rounds atomic.Int64
	hold := func() *rehearsal.Rehearsal {
		r, err := rehearsal.Start(t.Context(), rehearsal.Config{Config: settings(t), Shards: 1, Hold: true,
			Watch: func(p processor.Progress) {
				if rounds.Add(1); p.End != 2 {
					t.Errorf("a shard saw a log of %d touchpoints", p.End)
				}
			}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { r.Close() })
		for range 2 {
			if _, err := r.Feed(t.Context(), []byte("nonsense")); err != nil {
				t.Fatal(err)
			}
			if err := r.Flush(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		return r
	}
	if err := hold().Stop(); err != nil || rounds.Load() > 0 {
		t.Errorf("stopped before it began: %v, %d rounds", err, rounds.Load())
	}
	if err := hold().Settle(t.Context(), 1); err != nil || rounds.Load() == 0 {
		t.Errorf("settled: %v, %d rounds", err, rounds.Load())
	}
}

// TestSettle: settling by steps, with horizons and shards without a touchpoint, ends as settling once.
func TestSettle(t *testing.T) {
	t.Parallel()
	lines := arrivals(synthesize(3, 4), 0, 0)
	c := settings(t)
	asOf := endOf(t, c, "2027-01-31")
	want := replay(t, rehearsal.Config{Config: c, Shards: 3}, lines, asOf)

	ctx := t.Context()
	registry := prometheus.NewRegistry()
	r, err := rehearsal.Start(ctx, rehearsal.Config{Config: c, Shards: 5, Registry: registry})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var stamp events.Instant
	for i, line := range lines {
		if stamp, err = r.Feed(ctx, []byte(line)); err != nil {
			t.Fatal(err)
		}
		if i%(len(lines)/3) == 0 {
			if err := r.Settle(ctx, stamp); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, err := r.Feed(ctx, []byte("not a touchpoint")); err != nil {
		t.Fatal(err)
	}
	if err := r.Settle(ctx, asOf); err != nil {
		t.Fatal(err)
	}
	if err := r.Settle(ctx, asOf-1); err == nil {
		t.Error("the clock went back")
	}
	if err := r.Stop(); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Feed(ctx, []byte(lines[0])); err != nil {
		t.Fatal(err)
	}
	if err := r.Settle(ctx, asOf); err == nil {
		t.Error("settled after Stop")
	}
	var customers, derived bytes.Buffer
	if _, err := r.WriteCustomers(&customers, asOf); err != nil {
		t.Fatal(err)
	}
	if err := r.WriteDerived(ctx, &derived); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(customers.Bytes(), want.customers) || !bytes.Equal(derived.Bytes(), want.derived) {
		t.Error("settling by steps ends otherwise")
	}
}

// TestFeed: a touchpoint's stamp is the running maximum of the times; one without a time, or that cannot be read, has
// that of the one before; one later than Until is left out and moves nothing.
func TestFeed(t *testing.T) {
	t.Parallel()
	r, err := rehearsal.Start(t.Context(), rehearsal.Config{Config: settings(t), Shards: 2, Until: 1_700_000_100_000})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	feed := func(text string, want events.Instant) {
		t.Helper()
		if got, err := r.Feed(t.Context(), []byte(text)); err != nil || got != want {
			t.Errorf("%s is stamped %d (%v), want %d", text, got, err, want)
		}
		if err := r.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	feed("nonsense", 1)
	feed(`{"type":"page","userId":"a","messageId":"1","timestamp":"2023-11-14T22:13:20Z"}`, 1_700_000_000_000)
	feed(`{"type":"page","userId":"b","messageId":"2","timestamp":"2023-11-14T22:13:19Z"}`, 1_700_000_000_000)
	feed(`{"type":"page","userId":"b","messageId":"3"}`, 1_700_000_000_000)
	feed(`{"type":"page","userId":"c","messageId":"4","timestamp":"2023-11-14T22:15:00.001Z"}`, 0)
	feed(`{"type":"page","userId":"c","messageId":"5","timestamp":"2023-11-14T22:15:00Z"}`, 1_700_000_100_000)
	feed("nonsense", 1_700_000_100_000)
	if _, err := r.Feed(t.Context(), make([]byte, rehearsal.MaxValue+1)); err == nil {
		t.Error("a touchpoint that no topic takes was fed")
	}
	feed(strings.Repeat("x", rehearsal.MaxValue), 1_700_000_100_000)
	if err := r.Settle(t.Context(), 1_700_000_100_000); err != nil {
		t.Fatal(err)
	}
}

// TestStart: what cannot be is refused, and leaves nothing behind.
func TestStart(t *testing.T) {
	t.Parallel()
	c := settings(t)
	full := t.TempDir()
	if _, err := rehearsal.Start(t.Context(), rehearsal.Config{Config: c, Dir: full + "/.."}); err == nil {
		t.Error("a folder that is not empty was taken")
	}
	if _, err := rehearsal.Start(t.Context(), rehearsal.Config{Config: c, Listen: "0.0.0.0:0"}); err == nil {
		t.Error("it listens to the world")
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := rehearsal.Start(ended, rehearsal.Config{Config: c}); err == nil {
		t.Error("it started although it was not to")
	}
}

// TestSynthetic: the data set has what the other tests are about.
func TestSynthetic(t *testing.T) {
	t.Parallel()
	touchpoints := synthesize(1, 200)
	text := strings.Join(arrivals(touchpoints, 0, 0), "\n")
	for _, what := range []string{"Order Completed", "Order Updated", "Order Refunded", "Order Cancelled", "Product Viewed", "Email Sent",
		"identify", `"USD"`} {
		if strings.Count(text, what) < 20 {
			t.Errorf("%s stands in it %d times", what, strings.Count(text, what))
		}
	}
	lines := arrivals(touchpoints, 30, 80)
	if len(lines) <= len(touchpoints) {
		t.Error("it has no duplicates")
	}
	if slices.Equal(lines, arrivals(touchpoints, 0, 80)) || !slices.Equal(lines, arrivals(synthesize(1, 200), 30, 80)) {
		t.Error("it is not what its seed says")
	}
	if first := touchpoints[0].at; first.Before(time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("it begins at %s", first)
	}
}
