package main

import (
	"errors"
	"io/fs"
	"os"
	"slices"

	"github.com/touchfold/touchfold/config"
	"github.com/touchfold/touchfold/state/features"
)

// defaultFile is read if it is there and no other file is named.
const defaultFile = "touchfold.yaml"

// options are the flags of every command that needs the configuration.
type options struct {
	Config string   `short:"c" placeholder:"FILE" help:"Configuration file. Without: touchfold.yaml if it exists, else the defaults."`
	Set    []string `sep:"none" placeholder:"KEY=VALUE" help:"Set a key of the configuration, such as topics.partitions=4; may be repeated. It overrides TOUCHFOLD_TOPICS_PARTITIONS, which overrides the file."`
}

// path is the file that is read, "" for none.
func (o options) path() string {
	if o.Config != "" {
		return o.Config
	}
	if _, err := os.Stat(defaultFile); errors.Is(err, fs.ErrNotExist) {
		return ""
	}
	return defaultFile
}

// load is the configuration that the process is to run with; more are further flags, as of config.Load.
func (o options) load(more ...string) (*config.Config, error) {
	c, err := config.Load(o.path(), os.Environ(), append(o.Set, more...))
	if err != nil {
		return nil, err
	}
	return c, features.CheckRules(c)
}

// loadOver is load for whoever can go by other rules: where nothing but the rules is at fault, faulty says what, and the
// configuration has none.
func (o options) loadOver(more ...string) (c *config.Config, faulty, err error) {
	if c, err = o.load(more...); err == nil {
		return c, nil, nil
	}
	without := append(append(slices.Clip(o.Set), more...), "rulebook="+config.NoRulebook)
	c, other := config.Load(o.path(), os.Environ(), without)
	if other != nil {
		return nil, nil, err
	}
	return c, err, nil
}

// runOptions are those of run, where the keys that change most have a flag each.
type runOptions struct {
	options
	Brokers    *string `placeholder:"HOST:PORT,..." help:"Kafka's brokers (kafka.brokers)."`
	In         *string `placeholder:"TOPIC" help:"Topic of touchpoints (topics.touchpoints)."`
	Out        *string `placeholder:"TOPIC" help:"Topic of derived events (topics.events)."`
	Group      *string `placeholder:"NAME" help:"Name of the consumer group and of all that belongs to it (app)."`
	Dir        *string `placeholder:"DIR" help:"Folder of the local store (store.dir)."`
	Listen     *string `placeholder:"HOST:PORT" help:"Where metrics and health are served (http.listen)."`
	FirstStart *string `placeholder:"mute|speak" help:"What a first start does with the past (first_start)."`
}

func (o runOptions) load() (*config.Config, error) { return o.options.load(o.flags()...) }

func (o runOptions) loadOver() (c *config.Config, faulty, err error) {
	return o.options.loadOver(o.flags()...)
}

// flags is what they say, as of config.Load.
func (o runOptions) flags() (more []string) {
	for _, f := range []struct {
		flag, key string
		value     *string // nil if it was not given
	}{
		{"--brokers", "kafka.brokers", o.Brokers},
		{"--in", "topics.touchpoints", o.In},
		{"--out", "topics.events", o.Out},
		{"--group", "app", o.Group},
		{"--dir", "store.dir", o.Dir},
		{"--listen", "http.listen", o.Listen},
		{"--first-start", "first_start", o.FirstStart},
	} {
		if f.value != nil {
			more = append(more, f.flag+" "+f.key+"="+*f.value)
		}
	}
	return more
}
