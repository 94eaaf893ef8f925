package main

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/rs/zerolog"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/touchfold/touchfold/processor/localkafka"
)

// TestBench: each benchmark, small, says the figures that a machine reads, and the same for people.
func TestBench(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		args, figures, text string
	}{
		"fold": {"--touchpoints 3000 --customers 200 --late 20", "seconds events_per_second cpu_us_per_event allocations_per_event " +
			"derived_per_event disk_bytes_per_event stages", "One shard of 2"},
		"drain": {"--touchpoints 3000 --customers 200 --uniform", "seconds events_per_second steady_events_per_second cpu_us_per_event " +
			"peak_rss_bytes peak_rss_anon_bytes derived_per_event disk_bytes_per_event broker_cpu_us_per_event",
			"The broker is the embedded one"},
		"live": {"--touchpoints 1000 --customers 100 --rate 400 --for 1s --warm-up 200ms", "seconds events_per_second latency_ms append_latency_ms " +
			"histogram derived_events cores course peak_rss_bytes", ""},
		"sharing": {"--touchpoints 1000 --customers 100 --rate 300 --for 1s --warm-up 200ms --set kafka.session=3s --set topics.partitions=3",
			"rate_per_second events_per_second changes", ""},
		"takeover": {"--touchpoints 1000 --customers 100 --rounds 1 --rate 300 --under 200ms --set kafka.session=3s", "rate_per_second ways", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			args := append(strings.Fields("bench "+name+" --set topics.partitions=2 --set rulebook=none"), strings.Fields(c.args)...)
			var out, log bytes.Buffer
			if code := execute(t.Context(), append(args, "--json"), output{&out, &log}); code != 0 || log.Len() > 0 {
				t.Fatalf("exit code %d: %s", code, &log)
			}
			var result map[string]any
			if err := json.Unmarshal(out.Bytes(), &result); err != nil {
				t.Fatal(err)
			}
			if result["benchmark"] != name {
				t.Errorf("benchmark %v", result["benchmark"])
			}
			for _, f := range strings.Fields(c.figures) {
				if n, is := result[f].(float64); is && n <= 0 || result[f] == nil {
					t.Errorf("%s is %v", f, result[f])
				}
			}
			if name != "fold" && name != "drain" { // for people only once more where that is quick
				return
			}
			out.Reset()
			if code := execute(t.Context(), args, output{&out, &log}); code != 0 || !strings.Contains(out.String(), c.text) {
				t.Errorf("exit code %d, without %q: %s", code, c.text, &out)
			}
		})
	}
}

// TestBenchCleans: of topics on a broker that is the user's, none is left, and no folder.
func TestBenchCleans(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	b, err := localkafka.Start(localkafka.Config{Listen: "127.0.0.1:0", Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	var out, log bytes.Buffer
	if code := execute(t.Context(), strings.Fields("bench drain --touchpoints 1000 --customers 50 --brokers "+b.Addr()), output{&out, &log}); code != 0 {
		t.Fatalf("exit code %d: %s", code, &log)
	}
	if !strings.Contains(out.String(), "Broker: "+b.Addr()) {
		t.Errorf("it does not say which broker: %s", &out)
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(b.Addr()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	all := kmsg.NewPtrMetadataRequest()
	all.Topics = nil
	answer, err := all.RequestWith(t.Context(), client)
	if err != nil {
		t.Fatal(err)
	}
	for _, topic := range answer.Topics {
		t.Errorf("topic %s is left", *topic.Topic)
	}
	if left, _ := os.ReadDir(temp); len(left) > 0 {
		t.Errorf("left are %v", left)
	}
}

// TestBenchRefuses: what cannot be measured is refused in a sentence, soon.
func TestBenchRefuses(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]string{
		"bench fold --touchpoints 0":              "0 touchpoints cannot be made up",
		"bench fold --late 101":                   "101 percent",
		"bench drain --customers -1":              "-1 customers cannot be made up",
		"bench drain --brokers 127.0.0.1:1":       "no Kafka answers at 127.0.0.1:1",
		"bench live --rate 0":                     "a rate of 0/s",
		"bench takeover --rounds 0":               "0 rounds",
		"bench sharing --rate 0":                  "at 0/s",
		"bench sharing --set topics.partitions=2": "2 shards cannot be shared by 3 processes",
		"bench drain --set topics.partitions=all": "topics.partitions",
	} {
		var out, log bytes.Buffer
		if code := execute(t.Context(), strings.Fields(args), output{&out, &log}); code == 0 || !strings.Contains(log.String(), want) {
			t.Errorf("%s: exit code %d, %s", args, code, &log)
		}
	}
}
