package config

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/rulebooks"
)

var update = flag.Bool("update", false, "write the golden files")

func TestDefault(t *testing.T) {
	want := Config{
		App:        "shop",
		Topics:     Topics{"touchpoints", "customer-events", "touchpoints.parked", 8, 1},
		Kafka:      Kafka{Session: 10 * time.Second},
		Memory:     1 << 30,
		Store:      Store{"./data", 256 << 20, 2 * time.Second, 10_000},
		FirstStart: Mute,
		HTTP:       HTTP{"127.0.0.1:9464"},
		Business:   Business{Currency: events.Currency{'H', 'K', 'D'}},
		Lifecycle:  Lifecycle{183},
		Rulebook:   "default",
		Rules:      rulebooks.DepartmentStore(),
		Snapshots:  Snapshots{Every: 10 * time.Minute, Keep: 3, KeepDays: 7, S3: S3{Endpoint: "s3.amazonaws.com"}},
	}
	got := *Default()
	if got.Business.Zone.String() != "Asia/Hong_Kong" {
		t.Errorf("zone %v", got.Business.Zone)
	}
	got.Business.Zone = nil
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestWriteYAMLGolden(t *testing.T) {
	const golden = "testdata/default.yaml"
	got := yamlOf(t, Default())
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := diffLines(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
		t.Error(diff)
	}
}

// A file as a person writes it: braces, brokers without quotes, nothing beneath a section.
func TestFile(t *testing.T) {
	c, err := Parse("f.yaml", []byte(`---
# a comment
app: 007
kafka: {brokers: [localhost:9092, kafka-1.example:9093, "[::1]:9094"]}
topics:
memory: 2GiB
store: {cache: 1GiB, checkpoint_every: 1500ms}
first_start: 'speak'
http: {listen: :0}
business: {zone: UTC, currency: JPY}
lifecycle: {lapsed_after_days: 90}
rulebook: none
`), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := *Default()
	want.App = "007"
	want.Kafka.Brokers = []string{"localhost:9092", "kafka-1.example:9093", "[::1]:9094"}
	want.Memory = 2 << 30
	want.Store.CacheBytes, want.Store.CheckpointEvery = 1<<30, 1500*time.Millisecond
	want.FirstStart, want.HTTP.Listen = Speak, ":0"
	want.Business = Business{time.UTC, events.Currency{'J', 'P', 'Y'}}
	want.Lifecycle.LapsedAfterDays = 90
	want.Rulebook, want.Rules = NoRulebook, ""
	if !same(c, &want) {
		t.Errorf("got  %+v\nwant %+v", *c, want)
	}
}

// The cache is a part of the memory, unless it is told.
func TestMemory(t *testing.T) {
	for text, want := range map[string]Bytes{"memory: 4GiB": 1 << 30, "{memory: 4GiB, store: {cache: 2MiB}}": 2 << 20} {
		c, err := Parse("f.yaml", []byte(text), nil, nil)
		if err != nil || c.Memory != 4<<30 || c.Store.CacheBytes != want {
			t.Errorf("%s: %v, %v", text, c, err)
		}
	}
}

// samples has three good texts for every key, none of them the default.
var samples = map[string][3]string{
	"app":                         {"a", "b", "c.d-e_F9"},
	"id_key_file":                 {"/run/secrets/key", "ü key", `C:\key "x" #y`},
	"id_key":                      {"0123456789abcdef", "0123456789abcdeg", "0123456789abcdeh"},
	"kafka.brokers":               {"a:1", "b:2,c:3", "[::1]:9092"},
	"topics.touchpoints":          {"a1", "null", "1e3"},
	"topics.events":               {"b1", "true", "0x10"},
	"topics.parked":               {"c1", "~c"[1:], "-"},
	"topics.partitions":           {"1", "2", "1024"},
	"topics.replication":          {"2", "3", "15"},
	"memory":                      {"512MiB", "3GiB", "1TiB"},
	"store.dir":                   {"/d", "data: {a}", "- x"},
	"store.cache":                 {"1MiB", "1025KiB", "256MiB"},
	"store.checkpoint_every":      {"1s", "1500ms", "5s"},
	"store.walk_rate":             {"0", "500", "1000000"},
	"kafka.session":               {"3s", "12s", "5m"},
	"first_start":                 {"speak", "speak", "speak"},
	"rulebook":                    {"/etc/rules.yaml", "none", "~"},
	"http.listen":                 {":1", "0.0.0.0:0", "localhost:80"},
	"business.zone":               {"UTC", "Asia/Taipei", "America/Argentina/Buenos_Aires"},
	"business.currency":           {"TWD", "JPY", "KWD"},
	"lifecycle.lapsed_after_days": {"1", "2", "3650"},
	"snapshots.place":             {"/snap shots", "s3://a-bucket/a/b", "s3://abc"},
	"snapshots.every":             {"0s", "10s", "24h"},
	"snapshots.keep":              {"1", "2", "1000"},
	"snapshots.keep_days":         {"0", "1", "3650"},
	"snapshots.s3.endpoint":       {"a", "http://[::1]:9000", "https://b:1"},
	"snapshots.s3.region":         {"us-east-1", "null", "1"},
	"snapshots.s3.access_key":     {"a", "AKIA/1+=", "0x1"},
	"snapshots.s3.secret_file":    {"/run/secrets/key", "ü key", "~"},
	"snapshots.s3.secret":         {"a", "b", "c"},
}

// TestByteOrderMark: an editor's mark at the beginning is no part of the text, nor of a column; further on it is.
func TestByteOrderMark(t *testing.T) {
	if c, err := Parse("f.yaml", []byte("\ufeffapp: x\n"), nil, nil); err != nil || c.App != "x" {
		t.Errorf("with a mark: %+v, %v", c, err)
	}
	_, err := Parse("f.yaml", []byte("\ufeffap: x\n"), nil, nil)
	if want := "f.yaml:1:1: ap: there is no such key; did you mean app?"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	if _, err := Parse("f.yaml", []byte("\ufeff\ufeffapp: x\n"), nil, nil); err == nil {
		t.Error("two marks are none")
	}
}

// For each key: the file overrides the default, a variable the file, a flag the variable, the last flag the others.
func TestLayers(t *testing.T) {
	for _, k := range Default().keys() {
		t.Run(k.path, func(t *testing.T) {
			sample, ok := samples[k.path]
			if !ok {
				t.Fatal("write a sample of it")
			}
			env := []string{"PATH=x", variable(k.path) + "=" + sample[1]}
			steps := []*Config{Default()}
			if !k.secret {
				file := []byte(blockYAML(k, sample[0]))
				steps = append(steps, parse(t, file, nil, nil), parse(t, file, env, nil),
					parse(t, file, env, []string{k.path + "=x", k.path + "=" + sample[2]}[1:]))
			} else {
				steps = append(steps, parse(t, nil, env, nil))
			}
			for i, want := range []string{k.initial, sample[0], sample[1], sample[2]}[:len(steps)] {
				if k.secret {
					want = []string{"", sample[1]}[i]
				}
				if got := steps[i]; !same(got, parse(t, nil, []string{variable(k.path) + "=" + want}, nil)) {
					t.Errorf("layer %d: got %+v, want %s = %q", i, *got, k.path, want)
				}
			}
		})
	}
}

func TestVariablesDiffer(t *testing.T) {
	seen := map[string]string{}
	for _, k := range Default().keys() {
		name := variable(k.path)
		if isServiceLink(name, "tcp://10.0.0.1:80") {
			t.Errorf("%s would be taken for Kubernetes' own", name)
		}
		if other, twice := seen[name]; twice {
			t.Errorf("%s and %s are both %s", other, k.path, name)
		}
		seen[name] = k.path
	}
}

// In Kubernetes beside services called touchfold and touchfold-web.
func TestServiceLinks(t *testing.T) {
	parse(t, nil, []string{"TOUCHFOLD_SERVICE_HOST=10.0.0.1", "TOUCHFOLD_SERVICE_PORT=9464", "TOUCHFOLD_SERVICE_PORT_METRICS=9464",
		"TOUCHFOLD_PORT=tcp://10.0.0.1:9464", "TOUCHFOLD_PORT_9464_TCP=tcp://10.0.0.1:9464", "TOUCHFOLD_PORT_9464_TCP_PROTO=tcp",
		"TOUCHFOLD_PORT_9464_TCP_PORT=9464", "TOUCHFOLD_PORT_9464_TCP_ADDR=10.0.0.1", "TOUCHFOLD_WEB_SERVICE_HOST=10.0.0.2",
		"TOUCHFOLD_WEB_PORT=tcp://10.0.0.2:80"}, nil)
	if _, err := Parse("", nil, []string{"TOUCHFOLD_PORT=9464"}, nil); err == nil {
		t.Error("TOUCHFOLD_PORT=9464 was not found out")
	}
}

// TestSnapshotSecret: the second secret comes by the same two ways.
func TestSnapshotSecret(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(path, []byte("from a file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for want, env := range map[string][]string{"from a file": nil, "from the environment": {"TOUCHFOLD_SNAPSHOTS_S3_SECRET=from the environment"}} {
		c, err := Load("", env, []string{"snapshots.s3.secret_file=" + path})
		if err != nil {
			t.Fatal(err)
		}
		if got := c.Snapshots.S3.Secret; string(got) != want {
			t.Errorf("got %q, want %q", []byte(got), want)
		}
		if shown := fmt.Sprintf("%+v%#v", *c, c.Snapshots) + yamlOf(t, c); strings.Contains(shown, want) {
			t.Errorf("the secret is shown: %s", shown)
		}
	}
}

func TestIDKey(t *testing.T) {
	const secret = "correct horse battery staple"
	path := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(path, []byte(secret+"\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	load := func(env ...string) *Config {
		c, err := Load("", env, []string{"id_key_file=" + path})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	c := load()
	if string(c.IDKey) != secret {
		t.Errorf("from the file: %q", []byte(c.IDKey))
	}
	const other = "another sixteen bytes"
	if c := load("TOUCHFOLD_ID_KEY=" + other); string(c.IDKey) != other {
		t.Errorf("from the environment: %q", []byte(c.IDKey))
	}
	if c := Default(); c.IDKey != nil {
		t.Errorf("of the default: %q, want nil", []byte(c.IDKey))
	}
	asJSON, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	for _, shown := range []string{yamlOf(t, c), string(asJSON), fmt.Sprint(c.IDKey), fmt.Sprintf("%v %+v %#v", *c, c, c),
		fmt.Sprintf("%s %x %q %d", c.IDKey, c.IDKey, c.IDKey, c.IDKey)} {
		for _, form := range []string{secret, fmt.Sprintf("%x", secret), "Y29ycmVj", "[99 111"} {
			if strings.Contains(shown, form) {
				t.Errorf("the secret is shown: %s", shown)
			}
		}
	}
}

// What WriteYAML writes, Parse reads as the same.
func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var flags []string
		for _, k := range Default().keys() {
			if k.secret || !rapid.Bool().Draw(t, "set "+k.path) {
				continue
			}
			flags = append(flags, k.path+"="+drawText(t, k))
		}
		c, err := Parse("", nil, nil, flags)
		if err != nil {
			t.Skip(err)
		}
		text := yamlOf(t, c)
		if again := parse(t, []byte(text), nil, nil); !same(c, again) {
			t.Fatalf("got  %+v\nwant %+v\n%s", *again, *c, text)
		}
	})
}

// drawText is a text that k may have, and now and then must not.
func drawText(t *rapid.T, k key) string {
	sample := samples[k.path]
	switch k.path {
	case "id_key_file", "store.dir", "snapshots.s3.secret_file", "rulebook":
		return rapid.OneOf(rapid.String(), rapid.StringMatching(`[ -~]{1,9}`), rapid.SampledFrom([]string{
			"~", "null", "Yes", "0x1f", "1_000", "-", "? a", "a: b", "a #b", "!a", "&a", "*a", "|", ">", "%a", "@a", "`a", " a ", "\t", "a\nb", "\u2028", "\ufeff", "\U0001f468\u200d", "'", `"`, `\`,
		})).Draw(t, k.path)
	case "app", "topics.touchpoints", "topics.events", "topics.parked":
		return rapid.StringMatching(`[a-zA-Z0-9._-]{1,5}`).Draw(t, k.path)
	case "topics.partitions":
		return fmt.Sprint(rapid.IntRange(1, 1024).Draw(t, k.path))
	case "store.cache":
		return Bytes(rapid.Int64Range(1<<20, 256<<20).Draw(t, k.path)).String()
	case "store.checkpoint_every":
		return time.Duration(rapid.Int64Range(1e9, 5e9).Draw(t, k.path)).String()
	case "business.currency":
		return rapid.SampledFrom(currencies).Draw(t, k.path)
	}
	return rapid.SampledFrom(sample[:]).Draw(t, k.path)
}

// Whatever the file is: no panic, every fault in one line with a place in the file, and what is good is written so that
// it is read as the same.
func FuzzParse(f *testing.F) {
	for _, c := range faultCases {
		if len(c.file) < 1000 {
			f.Add([]byte(c.file))
		}
	}
	f.Add([]byte(yamlOf(f, Default())))
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := Parse("f.yaml", text, nil, nil)
		if err == nil {
			if again := parse(t, []byte(yamlOf(t, c)), nil, nil); !same(c, again) {
				t.Fatalf("got  %+v\nwant %+v", *again, *c)
			}
			return
		}
		faults, ok := err.(Faults)
		if !ok || len(faults) == 0 {
			t.Fatalf("%T %v", err, err)
		}
		for _, fault := range faults {
			lines := bytes.Count(text, []byte("\n")) + bytes.Count(text, []byte("\r")) + 1 // YAML also breaks lines at a CR
			if strings.ContainsRune(fault.Error(), '\n') || fault.line > lines+1 || len(text) <= maxFile && fault.line < 1 {
				t.Errorf("line %d of %d: %q", fault.line, lines, fault.Error())
			}
		}
	})
}

func TestBytes(t *testing.T) {
	for text, want := range map[string]Bytes{"0B": 0, "1B": 1, "1024B": 1024, "1KiB": 1024, "3 MiB": 3 << 20, "8388607TiB": 8388607 << 40} {
		if got, err := ParseBytes(text); err != nil || got != want {
			t.Errorf("%s: %d, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "B", "-1B", "1", "1.5GiB", "1kB", "1MB", "8388608TiB", "1  MiB", "99999999999999999999B"} {
		if got, err := ParseBytes(text); err == nil {
			t.Errorf("%s: %d", text, got)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		b := Bytes(rapid.Int64Min(0).Draw(t, "b"))
		if got, err := ParseBytes(b.String()); err != nil || got != b {
			t.Fatalf("%d: %s, %d, %v", b, b, got, err)
		}
	})
}

func parse(t interface{ Fatal(...any) }, file []byte, env, flags []string) *Config {
	c, err := Parse("f.yaml", file, env, flags)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func yamlOf(t interface{ Fatal(...any) }, c *Config) string {
	var out strings.Builder
	if err := c.WriteYAML(&out); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// blockYAML is a file that says one thing, as simply as can be.
func blockYAML(k key, text string) string {
	if !k.value.isNumber {
		text = fmt.Sprintf("%q", text)
	}
	if k.value.isList {
		text = "[" + text + "]"
	}
	var out strings.Builder
	for depth, name := range strings.Split(k.path, ".") {
		fmt.Fprintf(&out, "\n%s%s:", strings.Repeat(" ", depth), name)
	}
	return out.String() + " " + text + "\n"
}

// same compares by value; a zone is its name.
func same(a, b *Config) bool {
	x, y := *a, *b
	if x.Business.Zone.String() != y.Business.Zone.String() || !slices.Equal(x.Kafka.Brokers, y.Kafka.Brokers) {
		return false
	}
	x.Business.Zone, y.Business.Zone, x.Kafka.Brokers, y.Kafka.Brokers = nil, nil, nil, nil
	return reflect.DeepEqual(x, y)
}
