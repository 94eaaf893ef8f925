package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/touchfold/touchfold/config"
	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/processor/rehearsal"
	"github.com/touchfold/touchfold/state/features"
	"github.com/touchfold/touchfold/state/store"
)

const presentRules = `version: 1
segments:
  - id: regular
    when: {event: Order Completed, count: true, op: ">=", value: 2, window: calendar 60d}
  - id: gone
    when: {absence: {of: {event: Order Completed}, for: 20d, among: buyers}}
triggers:
  - id: cart
    on: {absence: {of: {event: Order Completed}, after: {event: Product Added}, for: 4h}}
    max_lateness: 1y
    cooldown: 3d
  - {id: thanks, max_lateness: 1y, on: {event: Order Completed}, when: {segment: {id: regular}}}
`

const nextRules = `version: 1
segments:
  - id: regular
    when: {event: Order Completed, count: true, op: ">=", value: 3, window: calendar 60d}
  - id: seen
    when: {event: Product Viewed, window: rolling 168h}
triggers:
  - id: cart
    on: {absence: {of: {event: Order Completed}, after: {event: Product Added}, for: 30h}}
    max_lateness: 1y
    settle: 2h
  - {id: left, max_lateness: 1y, on: {left: regular}}
`

// tried is files to simulate with: two rulebooks, and touchpoints of half a year in order.
type tried struct {
	testing.TB
	dir, present, next, touchpoints string
}

func newTried(t *testing.T) *tried {
	x := &tried{TB: t, dir: t.TempDir()}
	file := func(name, text string) string {
		path := filepath.Join(x.dir, name)
		x.must(os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	x.present, x.next = file("present.yaml", presentRules), file("next.yaml", nextRules)
	var b strings.Builder
	r := rand.New(rand.NewPCG(5, 8))
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range 1500 {
		at = at.Add(time.Duration(r.IntN(14_000)) * time.Second)
		name := []string{"Order Completed", "Product Added", "Product Viewed", "Product Viewed"}[r.IntN(4)]
		fmt.Fprintf(&b, `{"type":"track","messageId":"m%d","userId":"u%d","event":"%s","timestamp":"%s",`+
			`"properties":{"order_id":"o%[1]d","total":%d,"product_id":"p"}}`+"\n", i, int(r.ExpFloat64()*12), name, at.Format(time.RFC3339), 10+r.IntN(90))
	}
	x.touchpoints = file("touchpoints.jsonl", b.String())
	return x
}

func (x *tried) must(err error) {
	x.Helper()
	if err != nil {
		x.Fatal(err)
	}
}

// heardOf is a customer of a replay's, and when it happened of an occurrence.
type heardOf struct{ who, what string }

// replayed is what a replay says by a rulebook: who is in which segment in the end, and what happened since an instant.
func (x *tried) replayed(t *testing.T, rules, since string) map[heardOf]bool {
	t.Helper()
	customers, derived := filepath.Join(t.TempDir(), "c"), filepath.Join(t.TempDir(), "d")
	args := []string{"replay", x.touchpoints, "--set", "rulebook=" + rules, "--customers-out", customers, "--derived-out", derived}
	if code, _, text := touchfold(t, args...); code != 0 {
		t.Fatal(text)
	}
	all := map[heardOf]bool{}
	x.each(customers, func(line []byte) {
		var c struct {
			ID    string `json:"customer_id"`
			Facts map[string]any
		}
		x.must(json.Unmarshal(line, &c))
		for fact := range c.Facts {
			if strings.HasPrefix(fact, "segment/") {
				all[heardOf{c.ID, fact}] = true
			}
		}
	})
	x.each(derived, func(line []byte) {
		var d struct {
			ID   string `json:"customer_id"`
			Type string
			Time string
			Data struct{ CRM struct{ Fact string } }
		}
		x.must(json.Unmarshal(line, &d))
		if strings.HasPrefix(d.Data.CRM.Fact, "trigger/") && d.Time >= since {
			all[heardOf{d.ID, d.Data.CRM.Fact + " " + d.Time}] = d.Type == "crm.trigger.fired.v1"
		}
	})
	maps.DeleteFunc(all, func(_ heardOf, is bool) bool { return !is })
	return all
}

func (x *tried) each(path string, f func(line []byte)) {
	x.Helper()
	text, err := os.ReadFile(path)
	x.must(err)
	for s := bufio.NewScanner(bytes.NewReader(text)); s.Scan(); {
		f(s.Bytes())
	}
}

// simulated is a simulation's view, and its differences as replayed tells them, with + or -.
func (x *tried) simulated(t *testing.T, args ...string) (v *simulationView, differences []string) {
	t.Helper()
	list := filepath.Join(t.TempDir(), "list")
	code, out, text := touchfold(t, append([]string{"simulate", x.next, "--json", "--customers", list}, args...)...)
	if code != 0 || text != "" {
		t.Fatal(text)
	}
	x.must(json.Unmarshal([]byte(out), &v))
	x.each(list, func(line []byte) {
		var c changeLine
		x.must(json.Unmarshal(line, &c))
		sign := map[string]string{"enter": "+", "leave": "-", "happen": "+", "not happen": "-"}[c.Would]
		if c.Fact == "" {
			differences = append(differences, fmt.Sprint(sign, c.Customer, " segment/", c.Rule))
		} else {
			differences = append(differences, fmt.Sprint(sign, c.Customer, " ", c.Fact, " ", c.At))
		}
	})
	slices.Sort(differences)
	return v, differences
}

// store is the folder of a stopped process that read the touchpoints under the present rules.
func (x *tried) store(t *testing.T) string {
	t.Helper()
	c, err := config.Load("", nil, []string{"rulebook=" + x.present})
	x.must(err)
	run := filepath.Join(x.dir, "run")
	r, err := rehearsal.Start(t.Context(), rehearsal.Config{Config: c, Dir: run, Shards: 3})
	x.must(err)
	defer r.Close()
	var stamp events.Instant
	x.each(x.touchpoints, func(line []byte) {
		stamp, err = r.Feed(t.Context(), bytes.Clone(line))
		x.must(err)
	})
	x.must(r.Settle(t.Context(), stamp))
	x.must(r.Stop())
	return filepath.Join(run, "store")
}

// TestSimulate: what is simulated is the difference of two replays, whether the customers are those of a file of
// touchpoints, of a stopped store or of its snapshots.
func TestSimulate(t *testing.T) {
	t.Parallel()
	x := newTried(t)
	v, fromFile := x.simulated(t, "--touchpoints", x.touchpoints, "--against", x.present)
	since, err := time.ParseInLocation(time.DateOnly, v.Days[0], time.FixedZone("HKT", 8*60*60))
	x.must(err)
	first := since.UTC().Format(time.RFC3339)
	was, is := x.replayed(t, x.present, first), x.replayed(t, x.next, first)
	var want []string
	for s := range was {
		if !is[s] {
			want = append(want, fmt.Sprint("-", s.who, " ", s.what))
		}
	}
	for s := range is {
		if !was[s] {
			want = append(want, fmt.Sprint("+", s.who, " ", s.what))
		}
	}
	slices.Sort(want)
	if !slices.Equal(fromFile, want) || len(want) < 50 || len(v.Days) != 30 {
		t.Errorf("%d days, got\n%s\nwant\n%s", len(v.Days), strings.Join(fromFile, "\n"), strings.Join(want, "\n"))
	}
	x.sizes(t, v, was, is)

	dir, place := x.store(t), t.TempDir()
	inStore, fromStore := x.simulated(t, "--dir", dir)
	if !slices.Equal(fromStore, want) {
		t.Errorf("of the store there is\n%s", strings.Join(fromStore, "\n"))
	}
	inStore.From, inStore.Present = v.From, v.Present
	if a, b := asJSON(t, inStore), asJSON(t, v); a != b {
		t.Errorf("of the store it counts\n%s\nof the file\n%s", a, b)
	}
	if code, _, text := touchfold(t, "snapshot", "take", "--dir", dir, "--place", place); code != 0 {
		t.Fatal(text)
	}
	inSnapshot, fromSnapshot := x.simulated(t, "--snapshot", "--place", place)
	inSnapshot.From, inSnapshot.Present = v.From, v.Present
	if a, b := asJSON(t, inSnapshot), asJSON(t, v); a != b || !slices.Equal(fromSnapshot, want) {
		t.Errorf("of the snapshots it counts\n%s\nof the file\n%s", a, b)
	}
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// sizes holds the numbers to what was replayed.
func (x *tried) sizes(t *testing.T, v *simulationView, was, is map[heardOf]bool) {
	t.Helper()
	count := func(all map[heardOf]bool, fact string) (n int) {
		for s := range all {
			if s.what == fact || strings.HasPrefix(s.what, fact+"/") {
				n++
			}
		}
		return n
	}
	for _, s := range v.Segments {
		now, next := count(was, "segment/"+s.ID), count(is, "segment/"+s.ID)
		wrong := s.Present != nil && *s.Present != now || s.Next != nil && *s.Next != next || s.Next == nil && next > 0
		if wrong || s.Enter+s.Stay != next || s.Leave+s.Stay != now {
			t.Errorf("%+v, and replayed are %d and %d", s, now, next)
		}
	}
	for _, s := range v.Triggers {
		for i, h := range []*happened{s.Present, s.Next} {
			all := []map[heardOf]bool{was, is}[i]
			n := count(all, "trigger/"+s.ID)
			if h == nil && n > 0 || h != nil && (h.Total != n || sumOf(h.Days) != n) {
				t.Errorf("%s: %+v, and %d happened", s.ID, h, n)
			}
		}
	}
	if len(v.Triggers) != 3 || v.Customers != 60 && v.Customers < 20 {
		t.Errorf("%+v", v)
	}
	for _, p := range v.Overlap {
		n := 0
		for s := range is {
			if s.what == "segment/"+p.A && is[heardOf{s.who, "segment/" + p.B}] {
				n++
			}
		}
		if n != p.Both {
			t.Errorf("%+v, and %d are in both", p, n)
		}
	}
}

func sumOf(list []int) (n int) {
	for _, x := range list {
		n += x
	}
	return n
}

// TestSimulateText: what a person reads, and what is refused.
func TestSimulateText(t *testing.T) {
	t.Parallel()
	x := newTried(t)
	code, out, text := touchfold(t, "simulate", x.next, "--touchpoints", x.touchpoints, "--against", x.present,
		"--at", "2026-03-01T09:00", "--days", "7")
	if code != 0 || text != "" {
		t.Fatal(text)
	}
	contains(t, out, " customers of "+x.touchpoints+", at 2026-03-01 09:00 (Asia/Hong_Kong)\n",
		"present  "+x.present+"\nnew      "+x.next+"\n", "SEGMENT", "PRESENT  NEW  ENTER  LEAVE  STAY\n", "\ngone ",
		"TRIGGER  PRESENT  A DAY  MOST  NEW", "(7 days: 2026-02-23 to 2026-03-01)", "OVERLAP", "BOTH  OF EITHER")
	_, out, _ = touchfold(t, "simulate", x.next, "--touchpoints", x.touchpoints)
	contains(t, out, "present  no rules\n")
	for args, want := range map[string]string{
		"":                           "look for stores: open ./data",
		"--dir " + x.dir:             "there is no store of a shard in " + x.dir,
		"--snapshot":                 "no place of snapshots is named",
		"--touchpoints " + x.present: "present  no rules",
		"--touchpoints nowhere":      "there is no file nowhere in ",
		"--touchpoints x --snapshot": "only one may be given",
		"--days 0":                   "--days: 0 is out of range; write 1 to 3660",
		"--list regular":             "--list goes with --customers FILE",
		"--place x":                  "--place goes with --snapshot",
		"--customers " + x.next:      "is a file that is read; write to another",
		"--at tomorrow --touchpoints " + x.touchpoints:                                               `"tomorrow" is not a time`,
		"--list regulr --customers " + filepath.Join(x.dir, "l") + " --touchpoints " + x.touchpoints: "neither rulebook has a rule regulr",
	} {
		code, out, text := touchfold(t, append([]string{"simulate", x.next}, strings.Fields(args)...)...)
		if (code == 0) != strings.HasPrefix(want, "present") {
			t.Errorf("%s: code %d, %s", args, code, out)
		}
		contains(t, out+text, want)
	}
	if _, err := os.Stat(filepath.Join(x.dir, "l")); err == nil {
		t.Error("a list was written by a simulation that failed")
	}
	ctx, interrupt := context.WithCancel(t.Context())
	interrupt()
	var b bytes.Buffer
	if code := execute(ctx, []string{"simulate", x.next, "--touchpoints", x.touchpoints}, output{&b, &b}); code != exitFailure {
		t.Error(code)
	}
	contains(t, b.String(), "interrupted; nothing was written")
}

// TestPopulation: what a person is told of the shards that customers are of.
func TestPopulation(t *testing.T) {
	t.Parallel()
	c := config.Default()
	book := func(serial uint64) []byte { return features.Propose(c).Numbered(serial).Text() }
	at := func(shard events.ShardID, clock events.Instant, rules []byte) store.Positions {
		return store.Positions{Clock: clock, Rulebook: rules, Genesis: store.Genesis{Format: store.Format, App: c.App,
			Input: c.Topics.Touchpoints, Output: c.Topics.Events, Shard: shard, Shards: 3}}
	}
	const hour = events.Instant(60 * 60_000)
	p := population{what: "here"}
	if err := p.read([]store.Positions{at(0, 7*hour, book(1)), at(1, 5*hour, book(2)), at(2, 6*hour, nil)}, c); err != nil {
		t.Fatal(err)
	}
	if p.clock != 5*hour || p.inForce.Serial != 2 || len(p.notes) != 2 {
		t.Errorf("%+v", p)
	}
	contains(t, strings.Join(p.notes, "\n"), "the shards do not have the same rulebook in force", "between 1970-01-01T05:00:00Z and 1970-01-01T07:00:00Z")
	p = population{what: "here"}
	if err := p.read([]store.Positions{at(0, 7*hour, book(2)), at(1, 7*hour-1, book(2))}, c); err != nil {
		t.Fatal(err)
	}
	if len(p.notes) != 1 || p.notes[0] != "only 2 of 3 shards are there" {
		t.Errorf("%+v", p)
	}
	c.App = "other"
	err := new(population).read([]store.Positions{at(0, 1, nil), {Genesis: store.Genesis{Format: store.Format, App: "another"}}}, c)
	contains(t, fmt.Sprint(err), "the store was made for app another, and this process has other")
}
