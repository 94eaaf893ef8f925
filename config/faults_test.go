package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Each case is all that is told for one input, in full: what else is said is a fault of ours.
var faultCases = []struct {
	name, file string
	env, flags []string
	want       string
}{
	{name: "unknown keys", file: "ap: x\nkafka:\n  broker: [a:1]\nbrokers: [a:1]\nidKeyFile: k\nnonsense: 1\nkafka.brokers: [a:1]\nstores: {}\n", want: `
		f.yaml:1:1: ap: there is no such key; did you mean app?
		f.yaml:3:3: kafka.broker: there is no such key; did you mean kafka.brokers?
		f.yaml:4:1: brokers: there is no such key; did you mean kafka.brokers?
		f.yaml:5:1: idKeyFile: there is no such key; did you mean id_key_file?
		f.yaml:6:1: nonsense: there is no such key
		f.yaml:7:1: kafka.brokers: there is no such key; write brokers beneath kafka
		f.yaml:8:1: stores: there is no such key; did you mean store?`},
	{name: "wrong types", file: "app: [a]\nkafka: {brokers: \"a:1\"}\ntopics: {partitions: \"8\", replication: many, events: {a: b}, parked: }\nstore: ./data\nhttp: [x]\nbusiness:\n  zone:\n    - UTC\n", want: `
		f.yaml:1:6: app: wants one value, not a list
		f.yaml:2:18: kafka.brokers: wants a list, such as [a, b], not a value
		f.yaml:3:22: topics.partitions: is text; write the number without quotes
		f.yaml:3:40: topics.replication: "many" is not a whole number; write 1 to 15
		f.yaml:3:54: topics.events: wants a value, not keys
		f.yaml:3:69: topics.parked: wants a value, not nothing; leave the key out to have its default
		f.yaml:4:8: store: wants keys, not a value
		f.yaml:5:7: http: wants keys, not a list
		f.yaml:8:5: business.zone: wants one value, not a list`},
	{name: "keys for a value", file: "app:\n  a: b\nkafka:\n  brokers:\n    a: 1\n", want: `
		f.yaml:2:3: app: wants a value, not keys
		f.yaml:5:5: kafka.brokers: wants a list, such as [a, b], not keys`},
	{name: "items of a list", file: "kafka:\n  brokers:\n    - a:1\n    - [b:2]\n    - {c: 3}\n", want: `
		f.yaml:4:7: kafka.brokers: wants a value, not a list
		f.yaml:5:7: kafka.brokers: wants a value, not keys`},
	{name: "out of range", file: "topics: {partitions: 0, replication: 16}\nstore: {cache: 1KiB, checkpoint_every: 6s}\nlifecycle:\n  lapsed_after_days: -1\n", want: `
		f.yaml:1:22: topics.partitions: 0 is out of range; write 1 to 1024
		f.yaml:1:38: topics.replication: 16 is out of range; write 1 to 15
		f.yaml:2:16: store.cache: 1KiB is out of range; write 1MiB to 1TiB
		f.yaml:2:40: store.checkpoint_every: 6s is out of range; write 1s to 5s
		f.yaml:4:22: lifecycle.lapsed_after_days: -1 is out of range; write 1 to 3650`},
	{name: "units", file: "store: {cache: 256MB, checkpoint_every: 2}\n", want: `
		f.yaml:1:16: store.cache: "256MB" is not a size; write a whole number and B, KiB, MiB, GiB or TiB, such as 256MiB
		f.yaml:1:41: store.checkpoint_every: "2" is not a time with its unit; write for example 2s or 1500ms`},
	{name: "a cache beyond the memory", file: "store: {cache: 513MiB}\n", flags: []string{"memory=1GiB", "memory=512MiB"}, want: `
		--set memory: store.cache: 513MiB is more than half of memory, which is 512MiB; write 256MiB or less, or raise memory`},
	{name: "a cache that leaves nothing", file: "memory: 1GiB\nstore:\n  cache: 1TiB\n", want: `
		f.yaml:3:10: store.cache: 1TiB is more than half of memory, which is 1GiB; write 512MiB or less, or raise memory`},
	{name: "no rulebook", file: "rulebook: ''\n", want: `
		f.yaml:1:11: rulebook: is empty; write the path of a file, or default, or none for no rules`},
	{name: "words", file: "first_start: speek\n", want: `
		f.yaml:1:14: first_start: "speek" is none of mute, speak; did you mean speak?`},
	{name: "zone and currency", file: "business:\n  zone: Asia/Kowloon\n  currency: HKE\n", want: `
		f.yaml:2:9: business.zone: "Asia/Kowloon" is not a time zone; write an IANA name such as Asia/Hong_Kong, Europe/London or UTC
		f.yaml:3:13: business.currency: "HKE" is not a currency; write its ISO 4217 code, such as HKD; did you mean HKD?`},
	{name: "zones of one machine", env: []string{"TOUCHFOLD_BUSINESS_ZONE="}, flags: []string{"business.zone=Local"}, file: "business: {zone: right/UTC}\n", want: `
		f.yaml:1:18: business.zone: "right/UTC" is not a time zone; write an IANA name such as Asia/Hong_Kong, Europe/London or UTC
		TOUCHFOLD_BUSINESS_ZONE: business.zone: "" is not a time zone; write an IANA name such as Asia/Hong_Kong, Europe/London or UTC
		--set business.zone: business.zone: "Local" is not a time zone; write an IANA name such as Asia/Hong_Kong, Europe/London or UTC`},
	{name: "topics", file: "topics:\n  touchpoints: a b\n  events: \"..\"\n  parked: __p\n", env: []string{"TOUCHFOLD_TOPICS_EVENTS="}, want: `
		f.yaml:2:16: topics.touchpoints: "a b" has a ' '; only a-z A-Z 0-9 . _ - are allowed
		f.yaml:3:11: topics.events: ".." is not a topic's name in Kafka
		f.yaml:4:11: topics.parked: "__p" begins with __, which Kafka keeps for its own topics
		TOUCHFOLD_TOPICS_EVENTS: topics.events: is empty; write a topic's name`},
	{name: "the same topic twice", file: "topics:\n  touchpoints: customer-events\n  parked: x\n", flags: []string{"topics.parked=customer-events"}, want: `
		f.yaml:2:16: topics.touchpoints and topics.events are both "customer-events"; each needs a topic of its own
		--set topics.parked: topics.touchpoints and topics.parked are both "customer-events"; each needs a topic of its own
		--set topics.parked: topics.events and topics.parked are both "customer-events"; each needs a topic of its own`},
	{name: "the same topic to Kafka", file: "topics: {events: a.b, parked: a_b}\n", want: `
		f.yaml:1:31: topics.events "a.b" and topics.parked "a_b" differ only in . and _, which Kafka does not allow`},
	{name: "brokers", file: "kafka:\n  brokers: [\"localhost\", \"kafka://a:9092\", \":9092\", \"a:0\", \"a:99999\", \"a b:1\", \"a:1\", \"a:1\", \"::1:9092\"]\n", want: `
		f.yaml:2:13: kafka.brokers: "localhost" has no port; write host:port, and IPv6 as [::1]:port
		f.yaml:2:26: kafka.brokers: "kafka://a:9092" has a scheme; write host:port
		f.yaml:2:44: kafka.brokers: ":9092" has no host; write host:port
		f.yaml:2:53: kafka.brokers: port "0" is not a number from 1 to 65535
		f.yaml:2:60: kafka.brokers: port "99999" is not a number from 1 to 65535
		f.yaml:2:71: kafka.brokers: "a b" is not a host's name; write host:port
		f.yaml:2:87: kafka.brokers: "a:1" stands twice
		f.yaml:2:94: kafka.brokers: "::1:9092" has no port; write host:port, and IPv6 as [::1]:port`},
	{name: "app", file: "app: ''\n", env: []string{"TOUCHFOLD_APP=a/b"}, flags: []string{"app=" + strings.Repeat("x", 101)}, want: `
		f.yaml:1:6: app: is empty; write a name such as shop
		TOUCHFOLD_APP: app: "a/b" has a '/'; only a-z A-Z 0-9 . _ - are allowed
		--set app: app: has 101 letters; at most 100 are allowed`},
	{name: "listen", file: "http: {listen: 9464}\nstore: {dir: ''}\n", want: `
		f.yaml:1:16: http.listen: "9464" has no port; write host:port, and IPv6 as [::1]:port
		f.yaml:2:14: store.dir: is empty; write a path`},
	{name: "secrets", file: "id_key: 0123456789abcdef\n", env: []string{"TOUCHFOLD_ID_KEY=short"}, flags: []string{"id_key=0123456789abcdef"}, want: `
		f.yaml:1:1: id_key: a secret does not stand here; give it by TOUCHFOLD_ID_KEY or id_key_file
		TOUCHFOLD_ID_KEY: id_key: has 5 bytes; 16 to 4096 are needed
		--set id_key: id_key: a secret does not stand here; give it by TOUCHFOLD_ID_KEY or id_key_file`},
	{name: "snapshots", file: "snapshots:\n  place: s3://B/x\n  every: 1s\n  keep: 0\n  s3:\n    endpoint: ftp://a\n    access_key: a b\n    secret: x\n", want: `
		f.yaml:2:10: snapshots.place: "B" is not a bucket's name; write s3://bucket/prefix
		f.yaml:3:10: snapshots.every: 1s is out of range; write 10s to 24h, or 0s for only when a shard is released
		f.yaml:4:9: snapshots.keep: 0 is out of range; write 1 to 1000
		f.yaml:6:15: snapshots.s3.endpoint: "ftp://a" is not the address of an object store; write its host, or host:port
		f.yaml:7:17: snapshots.s3.access_key: has a letter that cannot be in it
		f.yaml:8:5: snapshots.s3.secret: a secret does not stand here; give it by TOUCHFOLD_SNAPSHOTS_S3_SECRET or snapshots.s3.secret_file`},
	{name: "snapshot places", flags: []string{"snapshots.place=gs://a/b", "snapshots.place=s3:///x", "snapshots.place=s3://abc/../d", "snapshots.place=s3://abc/a//b"}, want: `
		--set snapshots.place: snapshots.place: "gs://a/b" is neither a folder nor s3://bucket/prefix
		--set snapshots.place: snapshots.place: "" is not a bucket's name; write s3://bucket/prefix
		--set snapshots.place: snapshots.place: "../d" is not a prefix of objects' names
		--set snapshots.place: snapshots.place: "a//b" is not a prefix of objects' names`},
	{name: "variables and flags", env: []string{"TOUCHFOLD_KAFKA_BROKER=a:1", "TOUCHFOLD_KAFKA=x", "TOUCHFOLD=x", "KAFKA_BROKERS=x"},
		flags: []string{"app", "topics.partition=1", "kafka=x", "--group app=", "=x"}, want: `
		TOUCHFOLD_KAFKA_BROKER: there is no such variable; did you mean TOUCHFOLD_KAFKA_BROKERS?
		TOUCHFOLD_KAFKA: there is no such variable
		--set app: has no value; write --set key=value
		--set topics.partition: there is no such key; did you mean topics.partitions?
		--set kafka: there is no such key
		--group: app: is empty; write a name such as shop
		--set : there is no such key`},
	{name: "twice", file: "app: a\ntopics: {parked: x, parked: y}\napp: b\n", want: `
		f.yaml:2:21: topics.parked: stands twice, first in line 2
		f.yaml:3:1: app: stands twice, first in line 1`},
	{name: "two documents", file: "app: a\n---\nbpp: b\n", want: `
		f.yaml:2:1: begins a second document; one file is one configuration`},
	{name: "syntax", file: "app: a\nkafka: {brokers: [a:1\n", want: `
		f.yaml:2:18: is not YAML: sequence end token ']' not found`},
	{name: "tab", file: "kafka:\n\tbrokers: []\n", want: `
		f.yaml:2:1: is not YAML: found character '	' that cannot start any token`},
	{name: "not a mapping", file: "- a\n", want: `
		f.yaml:1:1: wants keys, not a list`},
	{name: "what else YAML has", file: "app: &a x\nfirst_start: *a\nid_key_file: !!str x\n<<: {app: x}\n1: 2\n? [a]\n: x\n", want: `
		f.yaml:7:1: is not YAML: found an invalid key for this map`},
	{name: "anchors, aliases, tags, merges", file: "app: &a x\nfirst_start: *a\nid_key_file: !!str x\n<<: {app: x}\n1: 2\n", want: `
		f.yaml:1:6: app: wants a value, not an anchor, alias, tag or directive, which are not read here
		f.yaml:2:14: first_start: wants a value, not an anchor, alias, tag or directive, which are not read here
		f.yaml:3:14: id_key_file: wants a value, not an anchor, alias, tag or directive, which are not read here
		f.yaml:4:1: <<: merge keys are not read here
		f.yaml:5:1: 1: there is no such key`},
	{name: "binary", file: "app: é\nhttp: {listen: \"\xff\"}\n", want: `
		f.yaml:2:17: is not text in UTF-8`},
	{name: "control character", file: "app: a\x00\n", want: `
		f.yaml:1:7: is not text in UTF-8`},
	{name: "columns count characters", file: "kafka: {brokers: [\"é:1\", ü]}\r\napp: ''\r\n", want: `
		f.yaml:1:19: kafka.brokers: "é" is not a host's name; write host:port
		f.yaml:1:26: kafka.brokers: "ü" has no port; write host:port, and IPv6 as [::1]:port
		f.yaml:2:6: app: is empty; write a name such as shop`},
	{name: "too large", file: strings.Repeat("#\n", maxFile), want: `
		f.yaml: has more than 32768 bytes`},
}

func TestFaults(t *testing.T) {
	for _, c := range faultCases {
		t.Run(c.name, func(t *testing.T) {
			got, err := Parse("f.yaml", []byte(c.file), c.env, c.flags)
			if err == nil {
				t.Fatalf("no fault, but %+v", got)
			}
			var want []string
			for _, line := range strings.Split(strings.TrimPrefix(c.want, "\n"), "\n") {
				want = append(want, strings.TrimPrefix(line, "\t\t"))
			}
			if diff := diffLines(want, strings.Split(err.Error(), "\n")); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestFaultyFiles(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	short := write("short", "0123456789abcde\n")
	empty := write("empty", "\n")
	conf := write("conf", "app: a\nid_key_file: "+short+"\n")
	for name, c := range map[string]struct {
		path  string
		flags []string
		want  string
	}{
		"no file":        {filepath.Join(dir, "none"), nil, filepath.Join(dir, "none") + ": there is no file " + filepath.Join(dir, "none") + "; is the name right?"},
		"a folder":       {dir, nil, dir + ": " + dir + " is not a file"},
		"short key":      {conf, nil, conf + ":2:14: id_key_file: " + short + " has 15 bytes; 16 to 4096 are needed"},
		"empty key":      {"", []string{"id_key_file=" + empty}, "--set id_key_file: id_key_file: " + empty + " is empty"},
		"no key":         {"", []string{"id_key_file=" + dir + "/none"}, "--set id_key_file: id_key_file: there is no file " + dir + "/none; is the name right?"},
		"endless device": {"", []string{"id_key_file=/dev/zero"}, "--set id_key_file: id_key_file: /dev/zero is not a file"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Load(c.path, nil, c.flags)
			if err == nil || err.Error() != c.want {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
		})
	}
}

// diffLines shows what stands in only one of the two, "" if they are equal.
func diffLines(want, got []string) string {
	var out strings.Builder
	for i := range max(len(want), len(got)) {
		var w, g string
		if i < len(want) {
			w = want[i]
		}
		if i < len(got) {
			g = got[i]
		}
		if w != g {
			out.WriteString("want " + w + "\n got " + g + "\n")
		}
	}
	return out.String()
}
