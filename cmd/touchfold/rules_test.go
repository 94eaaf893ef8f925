package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/touchfold/touchfold/config"
	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/processor/kafka"
	"github.com/touchfold/touchfold/processor/localkafka"
	"github.com/touchfold/touchfold/state/features"
	"github.com/touchfold/touchfold/state/rulebook"
)

// log is the topics of an app called shop, of two partitions each, without anybody running.
type rulesLog struct {
	testing.TB
	broker string
	client *kafka.Client
}

func newRulesLog(t *testing.T) *rulesLog {
	t.Helper()
	b, err := localkafka.Start(localkafka.Config{Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	client, err := kafka.New(kafka.Config{Brokers: []string{b.Addr()}, Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return &rulesLog{t, b.Addr(), client}
}

func (l *rulesLog) create() {
	l.Helper()
	for _, topic := range []string{"touchpoints", "customer-events"} {
		if err := l.client.CreateTopic(l.Context(), kafka.Topic{Name: topic, Partitions: 2, Replication: 1}); err != nil {
			l.Fatal(err)
		}
	}
}

// say writes marks, or a statement where nil stands, to the output of a shard.
func (l *rulesLog) say(shard events.ShardID, marks ...*events.Mark) {
	l.Helper()
	e := events.NewEncoder("shop", nil)
	var recs []kafka.Out
	for i, m := range marks {
		var d events.Derived
		var err error
		if m == nil {
			err = e.Statement(&events.Statement{Customer: "jane", Shard: shard, Fact: "lifecycle", Value: "customer", N: uint32(i + 1), Cause: events.ByEvent}, &d)
		} else {
			m.Shard, m.Instance = shard, "host/1"
			err = e.Mark(m, &d)
		}
		if err != nil {
			l.Fatal(err)
		}
		recs = append(recs, kafka.Out{Key: d.Key, Value: d.Value, Headers: d.Headers, Time: 1})
	}
	if _, err := l.client.Append(l.Context(), "customer-events", shard, recs); err != nil {
		l.Fatal(err)
	}
}

// book is the rulebook of these settings.
func (l *rulesLog) book(serial uint64, settings ...string) *rulebook.Rulebook {
	l.Helper()
	c, err := config.Parse("", nil, nil, settings)
	if err != nil {
		l.Fatal(err)
	}
	return features.Propose(c).Numbered(serial)
}

func opened(b *rulebook.Rulebook, at events.Instant) *events.Mark {
	return &events.Mark{Kind: events.ShardOpened, Rulebook: b.Name(), Content: string(b.Text()), At: at}
}

// controls are the rulebooks that stand in each partition of the input.
func (l *rulesLog) controls() (all [2][]string) {
	l.Helper()
	ranges, err := l.client.Ranges(l.Context(), "touchpoints")
	if err != nil {
		l.Fatal(err)
	}
	for i, x := range ranges {
		err := l.client.ReadRange(context.Background(), "touchpoints", events.ShardID(i), 0, x.End, func(r *events.Record) error {
			c, refusal := events.ControlOf(r, "shop")
			if refusal != nil || c.Kind != events.RulebookControl || len(r.Key) > 0 {
				return fmt.Errorf("%v %v", c, refusal)
			}
			b, err := rulebook.FromControl(&c)
			if err == nil {
				all[i] = append(all[i], b.Name())
			}
			return err
		})
		if err != nil {
			l.Fatal(err)
		}
	}
	return all
}

func (l *rulesLog) rules(t *testing.T, want int, args ...string) (stdout, stderr string) {
	t.Helper()
	code, stdout, stderr := touchfold(t, append([]string{"rules"}, append(args, "--brokers", l.broker)...)...)
	if code != want {
		t.Fatalf("exit code %d: %s%s", code, stdout, stderr)
	}
	return stdout, stderr
}

// TestRulesStatus: the last word of each shard, however far back, and how the configuration differs.
func TestRulesStatus(t *testing.T) {
	t.Parallel()
	l := newRulesLog(t)
	_, stderr := l.rules(t, exitFailure, "status")
	contains(t, stderr, "there is no topic customer-events yet")
	l.create()
	stdout, _ := l.rules(t, 0, "status")
	contains(t, stdout, "0      none yet", "1      none yet", "nobody has run yet")
	_, stderr = l.rules(t, exitFailure, "activate")
	contains(t, stderr, "nobody has run yet: start touchfold run")

	first, second := l.book(0), l.book(1, "lifecycle.lapsed_after_days=90")
	l.say(0, opened(first, 1_767_225_600_000), nil)
	l.say(1, opened(first, 1_767_225_600_000), opened(second, 1_767_225_601_000), &events.Mark{Kind: events.ShardAlive, At: 1})
	l.say(1, make([]*events.Mark, 10_000)...) // statements
	stdout, _ = l.rules(t, 0, "status")
	contains(t, stdout,
		"SHARD  RULEBOOK            SAID                  BY      WALK\n",
		"0      "+first.Name()+"  2026-01-01T00:00:00Z  host/1  not known: no instance that has it answers\n",
		"1      "+second.Name()+"  2026-01-01T00:00:01Z  host/1  not known: no instance that has it answers\n",
		"this configuration has another rulebook, "+first.Digest().String(),
		"lifecycle.lapsed_after_days  \"90\"      \"183\"\n")
	if strings.Contains(stdout, "zone") {
		t.Errorf("what is alike is shown:\n%s", stdout)
	}
	stdout, _ = l.rules(t, 0, "status", "--set", "lifecycle.lapsed_after_days=90")
	contains(t, stdout, "the rulebook of this configuration is in force")
}

// TestRulesActivate: v1, v2 and v1 again, each in partition 0, from where its shard takes them to the others.
func TestRulesActivate(t *testing.T) {
	t.Parallel()
	l := newRulesLog(t)
	l.create()
	const lapse = "lifecycle.lapsed_after_days="
	v1, v2 := l.book(1), l.book(2, lapse+"90")
	l.say(0, opened(v1, 1))
	l.say(1, opened(v1, 1))
	stdout, _ := l.rules(t, 0, "activate")
	contains(t, stdout, "rulebook "+v1.Name()+" is in force already")
	stdout, _ = l.rules(t, 0, "activate", "--set", lapse+"90")
	contains(t, stdout, "rulebook "+v2.Name()+" is in the log")
	l.say(0, opened(v2, 2))
	stdout, _ = l.rules(t, 0, "activate", "--set", lapse+"90") // shard 1 does not say that it knows
	contains(t, stdout, "rulebook "+v2.Name()+" is in force already")
	stdout, _ = l.rules(t, 0, "activate")
	contains(t, stdout, "rulebook "+v1.Numbered(3).Name()+" is in the log")
	if got, want := fmt.Sprint(l.controls()), fmt.Sprint([2][]string{{v2.Name(), v1.Numbered(3).Name()}}); got != want {
		t.Errorf("the log has %s, want %s", got, want)
	}
}

// TestRulesHistory: what each rulebook changed, and the way back.
func TestRulesHistory(t *testing.T) {
	t.Parallel()
	l := newRulesLog(t)
	l.create()
	stdout, _ := l.rules(t, 0, "history")
	contains(t, stdout, "no rulebook stands in partition 0 of touchpoints")
	_, stderr := l.rules(t, exitFailure, "rollback")
	contains(t, stderr, "no rulebook stands in the log")

	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte("version: 1\nsegments:\n"+text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	const lapse = "lifecycle.lapsed_after_days=90"
	a := file("a", "  - {id: one, owner: x, when: {event: Order Completed}}\n  - {id: two, when: {event: Order Completed}}\n")
	b := file("b", "  - {id: one, owner: y, when: {event: Order Completed}}\n  - {id: two, when: {event: Product Added}}\n"+
		"  - {id: three, when: {event: Product Added}}\n")
	activate := func(serial uint64, args ...string) *rulebook.Rulebook {
		l.rules(t, 0, append([]string{"activate"}, args...)...)
		all, err := logOf(t.Context(), l.client, config.Default())
		if err != nil || len(all) != int(serial) {
			t.Fatal(all, err)
		}
		now := all[len(all)-1].book
		l.say(0, opened(now, 1))
		return now
	}
	l.say(0, opened(l.book(0), 1))
	first := activate(1)
	_, stderr = l.rules(t, exitFailure, "rollback")
	contains(t, stderr, "the log holds no other rulebook than "+first.Name())
	second := activate(2, "--set", lapse)
	third := activate(3, "--set", "rulebook="+a)
	fourth := activate(4, "--set", "rulebook="+b)
	stdout, _ = l.rules(t, 0, "history")
	contains(t, stdout, first.Name(), "the first in the log", second.Name(), `lifecycle.lapsed_after_days: "183" → "90"`,
		third.Name(), "segment one is new\n", "segment vip is gone\n", fourth.Name(), "segment three is new\n",
		"segment two: one → another\n")
	if strings.Contains(stdout, "segment one: ") || strings.Contains(stdout, "rules:") {
		t.Errorf("another owner is no other rule:\n%s", stdout)
	}

	_, stderr = l.rules(t, exitFailure, "rollback", "9")
	contains(t, stderr, "no rulebook of number 9 was in force in the log; it has 1, 2, 3, 4")
	_, stderr = l.rules(t, exitFailure, "rollback", "4")
	contains(t, stderr, "rulebook "+fourth.Name()+" says what "+fourth.Name()+" says, which is in force already")
	stdout, _ = l.rules(t, 0, "rollback")
	contains(t, stdout, "rulebook "+third.Numbered(5).Name()+" is in the log")
	stdout, _ = l.rules(t, 0, "rollback", "2") // before any shard said that it knows of 5
	contains(t, stdout, "rulebook "+second.Numbered(6).Name()+" is in the log")
	stdout, _ = l.rules(t, 0, "history")
	contains(t, stdout, "segment three is gone\n", "segment two is gone\n")

	control := first.Numbered(3).Control(1) // of somebody who had not read the log to its end
	value, headers := control.Record("shop")
	if _, err := l.client.Append(t.Context(), "touchpoints", 0, []kafka.Out{{Value: value, Headers: headers, Time: 1}}); err != nil {
		t.Fatal(err)
	}
	stdout, _ = l.rules(t, 0, "history")
	contains(t, stdout, first.Numbered(3).Name()+"  1970-01-01T00:00:00.001Z  nothing: "+second.Numbered(6).Name()+
		" was in force already, and is greater\n")
	stdout, _ = l.rules(t, 0, "rollback")
	contains(t, stdout, "rulebook "+third.Numbered(7).Name()+" is in the log")
}

// TestRulesActivateNowhere: without the log that it would stand in nothing is in force.
func TestRulesActivateNowhere(t *testing.T) {
	t.Parallel()
	l := newRulesLog(t)
	if err := l.client.CreateTopic(l.Context(), kafka.Topic{Name: "customer-events", Partitions: 2, Replication: 1}); err != nil {
		t.Fatal(err)
	}
	l.say(0, opened(l.book(1), 1))
	for _, set := range []string{"lifecycle.lapsed_after_days=183", "lifecycle.lapsed_after_days=90"} {
		stdout, stderr := l.rules(t, exitFailure, "activate", "--set", set)
		if contains(t, stderr, "no rulebook is activated: there is no topic touchpoints"); stdout != "" {
			t.Error(stdout)
		}
	}
}

// TestRulesActivateFirst: the rulebook that shards began with stands in no log, so it may be put there.
func TestRulesActivateFirst(t *testing.T) {
	t.Parallel()
	l := newRulesLog(t)
	l.create()
	l.say(0, opened(l.book(0), 1))
	stdout, _ := l.rules(t, 0, "activate")
	contains(t, stdout, "rulebook "+l.book(1).Name()+" is in the log")
	if got := l.controls(); len(got[0]) != 1 {
		t.Errorf("%v", got)
	}
}

// TestRulesWhileRunning: one shard after the other says that it goes by what was activated, and still does so after a
// start with other settings.
func TestRulesWhileRunning(t *testing.T) {
	t.Parallel()
	l := newRulesLog(t)
	dir := t.TempDir()
	p := startProcess(t, l.broker, dir, "--first-start", "speak")
	const lapse = "lifecycle.lapsed_after_days=90"
	await := func(b *rulebook.Rulebook) {
		t.Helper()
		var stdout string
		for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); {
			if stdout, _ = l.rules(t, 0, "status"); strings.Count(stdout, b.Name()) == 8 {
				return
			}
		}
		t.Fatalf("%s is not in force in all shards:\n%s", b.Name(), stdout)
	}
	await(l.book(1))
	l.rules(t, 0, "activate", "--set", lapse)
	second := l.book(2, lapse)
	await(second)
	stdout, _ := l.rules(t, 0, "status")
	if n := strings.Count(stdout, "  none\n"); n != 8 { // of what nobody did
		t.Errorf("%d shards say how far their walk is:\n%s", n, stdout)
	}
	p.stop(syscall.SIGTERM)
	startProcess(t, l.broker, dir).stop(syscall.SIGTERM)
	await(second)
	stdout, _ = l.rules(t, 0, "status", "--dir", dir)
	if n := strings.Count(stdout, "  none\n"); n != 8 {
		t.Errorf("%d stores say how far their walk is:\n%s", n, stdout)
	}
}

// TestRunFaultyRules: a bad edit and a restart is no outage. What is in force stays, whether the last mark holds its text or
// the log does, and the log names each fault; where nothing was in force yet, the start is refused.
func TestRunFaultyRules(t *testing.T) {
	t.Parallel()
	l := newRulesLog(t)
	dir := t.TempDir()
	good, bad := filepath.Join(dir, "good.yaml"), filepath.Join(dir, "bad.yaml")
	for file, text := range map[string]string{
		good: "version: 1\nsegments:\n  - {id: buyers, when: {event: Order Completed}}\n",
		bad:  "version: 1\nsegments:\n  - {id: buyers, when: {evnt: Order Completed}}\n",
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	run := []string{"run", "--brokers", l.broker, "--dir", filepath.Join(dir, "store"), "--listen", "127.0.0.1:0", "--set", "rulebook=" + bad}
	code, _, stderr := touchfold(t, run...)
	if contains(t, stderr, bad+":3:25: when: evnt: there is no such key"); code != exitFailure {
		t.Errorf("exit code %d", code)
	}
	book := func(serial uint64, set ...string) *rulebook.Rulebook {
		c, err := config.Load("", nil, append(set, "rulebook="+good))
		if err != nil {
			t.Fatal(err)
		}
		return features.Propose(c).Numbered(serial)
	}
	first, second := book(1), book(2, "lifecycle.lapsed_after_days=90")
	stands := func(b *rulebook.Rulebook, fault string) {
		t.Helper()
		p := startProcess(t, l.broker, filepath.Join(dir, "store"), "--first-start", "speak", "--set", "rulebook="+bad)
		p.stop(syscall.SIGTERM)
		contains(t, p.log.String(), `"in_force":"`+b.Name()+`"`, fault)
		stdout, _ := l.rules(t, 0, "status", "--set", "rulebook="+good)
		if n := strings.Count(stdout, b.Name()); n != 8 {
			t.Errorf("%s is in force in %d shards:\n%s", b.Name(), n, stdout)
		}
	}
	await := func(b *rulebook.Rulebook) {
		t.Helper()
		var stdout string
		for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); {
			if stdout, _ = l.rules(t, 0, "status", "--set", "rulebook="+good); strings.Count(stdout, b.Name()) == 8 {
				return
			}
		}
		t.Fatalf("%s is not in force in all shards:\n%s", b.Name(), stdout)
	}
	p := startProcess(t, l.broker, filepath.Join(dir, "store"), "--first-start", "speak", "--set", "rulebook="+good)
	await(first)
	p.stop(syscall.SIGTERM)
	stands(first, bad+":3:25: when: evnt: there is no such key")
	p = startProcess(t, l.broker, filepath.Join(dir, "store"), "--first-start", "speak", "--set", "rulebook="+good)
	l.rules(t, 0, "activate", "--set", "rulebook="+good, "--set", "lifecycle.lapsed_after_days=90")
	await(second)
	p.stop(syscall.SIGTERM)
	stdout, stderr := l.rules(t, exitFailure, "status", "--set", "rulebook="+bad)
	contains(t, stdout, second.Name(), "have faults, so they are not compared")
	contains(t, stderr, bad+":3:25")
	_, stderr = l.rules(t, exitFailure, "activate", "--set", "rulebook="+bad)
	contains(t, stderr, bad+":3:25")
	stdout, _ = l.rules(t, 0, "rollback", "--set", "rulebook="+bad)
	contains(t, stdout, "rulebook 3:")
	p = startProcess(t, l.broker, filepath.Join(dir, "store"), "--first-start", "speak", "--set", "rulebook="+good)
	second = first.Numbered(3)
	await(second)
	p.stop(syscall.SIGTERM)
	if err := os.Remove(bad); err != nil {
		t.Fatal(err)
	}
	stands(second, "there is no file "+bad+"; is the name right?")
}
