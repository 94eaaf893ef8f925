package config

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"
)

// byEditor is what an editor says of a file: another reader of YAML, and another's validation by our schema.
func byEditor(t *testing.T, text string) error {
	t.Helper()
	s, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	if err := c.AddResource("config.json", s); err != nil {
		t.Fatal(err)
	}
	compiled, err := c.Compile("config.json")
	if err != nil {
		t.Fatal(err)
	}
	var v map[string]any
	if err := yaml.Unmarshal([]byte(text), &v); err != nil {
		t.Fatal(err)
	}
	return compiled.Validate(map[string]any(v))
}

// TestSchema: what the program writes an editor takes, and of what the program refuses it refuses what has a form.
func TestSchema(t *testing.T) {
	var all bytes.Buffer
	if err := Default().WriteYAML(&all); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{
		all.String(),
		"app: shop\ntopics: {touchpoints: a.b, partitions: 1024}\nkafka: {brokers: [a:1, '[::1]:2'], session: 1m30s}",
		"lifecycle: {lapsed_after_days: 90}\nstore: {cache: 1 GiB}",
		"snapshots: {place: 's3://b/p', every: 0s, s3: {endpoint: 'http://x:1'}}\nhttp: {listen: ':0'}\nrulebook: r.yaml",
	} {
		if err := byEditor(t, text); err != nil {
			t.Errorf("%s\n%v", text, err)
		}
	}
	for _, text := range []string{
		"ap: shop", "kafka: {broker: [a:1]}", "topics: {partitions: 0}", "topics: {partitions: '8'}", "topics: {replication: 16}",
		"kafka: {brokers: a:1}", "kafka: {brokers: [a]}", "first_start: loud", "memory: 1GB", "store: {checkpoint_every: 2}",
		"app: a b", "lifecycle: {lapsed_after_days: 0}", "id_key: 0123456789abcdef", "lifecycle: 3",
	} {
		if err := byEditor(t, text); err == nil {
			t.Errorf("%s: is taken", text)
		}
		if _, err := Parse("f", fmt.Append(nil, text), nil, nil); err == nil {
			t.Errorf("%s: the program takes it", text)
		}
	}
}
