package processor

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/processor/kafka"
)

// TestRefusals: where going on would say things twice or lose some, Run ends with a sentence that says what to do, and
// nothing more is said.
func TestRefusals(t *testing.T) {
	t.Parallel()
	now := events.At(time.Now())
	for _, c := range []struct {
		name  string
		spoil func(r *rig) // after a first run that said something
		want  []string
	}{
		{"store of another app", func(r *rig) { r.config.App += "2" }, []string{"the store was made for app", "or another store.dir"}},
		{"store of another shard", func(r *rig) {
			a, b := StoreDir(r.config.Dir, 0), StoreDir(r.config.Dir, 1)
			r.must(os.Rename(a, a+"x"))
			r.must(os.Rename(b, a))
			r.must(os.Rename(a+"x", b))
		}, []string{"it is the store of shard", "were exchanged"}},
		{"input made anew", func(r *rig) {
			r.config.Topics.Touchpoints += "2"
			r.createTopic(r.config.Topics.Touchpoints, 2, "message.timestamp.type", logAppendTime)
		}, []string{"the store was made for touchpoints in topic"}},
		{"output of other size", func(r *rig) {
			r.config.Topics.Events += "2"
			r.createTopic(r.config.Topics.Events, 3, "message.timestamp.type", logAppendTime)
		}, []string{"has 3 partitions", "they must have the same number", "topics.events"}},
		{"output compacted", func(r *rig) {
			r.config.Topics.Events += "2"
			r.createTopic(r.config.Topics.Events, 2, "message.timestamp.type", logAppendTime, "cleanup.policy", "compact")
		}, []string{"is compacted", "set its cleanup.policy to delete"}},
		{"output with its writer's time", func(r *rig) {
			r.config.Topics.Events += "2"
			r.createTopic(r.config.Topics.Events, 2, "message.timestamp.type", createTime)
		}, []string{"CreateTime", "set its message.timestamp.type to LogAppendTime"}},
		{"input compacted", func(r *rig) {
			r.config.Topics.Touchpoints += "2"
			r.createTopic(r.config.Topics.Touchpoints, 2, "message.timestamp.type", logAppendTime, "cleanup.policy", "compact,delete")
		}, []string{"is compacted", "topics.touchpoints"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, 2, nil)
			who := "a"
			for r.murmur()(who) != 0 {
				who += "a"
			}
			r.send(order(who, "1", now, 10))
			r.once()
			output := r.config.Topics.Events
			c.spoil(r)
			before := r.ends(output)
			err := r.start().end()
			if err == nil {
				t.Fatal("it goes on")
			}
			for _, w := range c.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("%q does not say %q", err, w)
				}
			}
			// The shard that is refused writes nothing, not even a mark.
			if after := r.ends(output); after[0] != before[0] {
				t.Errorf("the output went from %d to %d", before[0], after[0])
			}
		})
	}
}

// stopWords are the words of README's table "When a shard stops" by which a stop is found there.
func stopWords(t testing.TB) (words []string) {
	t.Helper()
	text, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(text), "| it says |")
	table, _, _ = strings.Cut(table, "\n\n")
	for _, row := range strings.Split(table, "\n")[2:] {
		for i, part := range strings.Split(strings.Split(row, "|")[1], "`") {
			if i%2 == 1 {
				words = append(words, part)
			}
		}
	}
	return words
}

// documented: README's table has a row for a stop.
func documented(t testing.TB, err error) {
	t.Helper()
	if !slices.ContainsFunc(stopWords(t), func(w string) bool { return strings.Contains(err.Error(), w) }) {
		t.Errorf("README's table of stops has no row for %q", err)
	}
}

// TestStopWords: what README says that a stop says stands in the code.
func TestStopWords(t *testing.T) {
	t.Parallel()
	var code strings.Builder
	for _, dir := range []string{".", "kafka", "../state/store", "../state/rulebook"} {
		files, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			text, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.HasSuffix(f, "_test.go") {
				code.Write(text)
			}
		}
	}
	words := stopWords(t)
	if len(words) < 8 {
		t.Fatalf("%q", words)
	}
	for _, w := range words {
		if !strings.Contains(code.String(), w) {
			t.Errorf("nothing says %q", w)
		}
	}
}

// TestFromLog: what is wrong with a log while a shard reads it is a stop that names its way out, or passes.
func TestFromLog(t *testing.T) {
	t.Parallel()
	s := &shard{id: 7}
	for _, c := range []struct {
		err  error
		want string // "": it passes
	}{
		{kafka.ErrRemoved, "touchfold shard restore 7"},
		{kafka.ErrOtherLog, "touchfold shard restore 7"},
		{kafka.ErrCorrupt, "touchfold shard reset 7"},
		{kafka.ErrOldFormat, "touchfold shard reset 7"},
		{context.DeadlineExceeded, ""},
	} {
		err := s.fromLog(fmt.Errorf("read partition touchpoints/7: %w", c.err))
		if isStop(err) != (c.want != "") || !strings.Contains(err.Error(), c.want) || !errors.Is(err, c.err) {
			t.Errorf("%v", err)
		}
		if c.want == "" {
			continue
		}
		documented(t, err)
		if short := why(err).Error(); strings.Contains(short, "touchfold shard") {
			t.Errorf("it names a way out: %s", short)
		}
	}
}

func (r *rig) must(err error) {
	r.Helper()
	if err != nil {
		r.Fatal(err)
	}
}

// TestNew: what a processor cannot be without is named.
func TestNew(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1, nil)
	for _, c := range []struct {
		want  string
		spoil func(*Config)
	}{
		{"Client", func(c *Config) { c.Client = nil }},
		{"Rulebook", func(c *Config) { c.Rulebook = nil }},
		{"App", func(c *Config) { c.App = "" }},
		{"Dir", func(c *Config) { c.Dir = "" }},
		{"topics", func(c *Config) { c.Topics.Parked = "" }},
	} {
		config := r.config
		c.spoil(&config)
		if _, err := New(config); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("without %s: %v", c.want, err)
		}
	}
}

// TestTopicsMade: topics that do not exist are created, to keep everything and with the broker's time.
func TestTopicsMade(t *testing.T) {
	t.Parallel()
	r := newRig(t, 3, nil)
	r.config.Topics.Touchpoints += "-new"
	r.once()
	for _, name := range []string{r.config.Topics.Touchpoints, r.config.Topics.Events, r.config.Topics.Parked} {
		topic, err := r.client.DescribeTopic(r.context(), name)
		if err != nil {
			t.Fatal(err)
		}
		n, limit := 3, ""
		if name == r.config.Topics.Parked {
			n, limit = 1, "16777216"
		}
		c := topic.Configs
		if topic.Partitions != n || c["message.timestamp.type"] != logAppendTime || c["retention.ms"] != "-1" || c["retention.bytes"] != "-1" ||
			c["cleanup.policy"] != "delete" || limit != "" && c["max.message.bytes"] != limit {
			t.Errorf("%s: %+v", name, topic)
		}
	}
}
