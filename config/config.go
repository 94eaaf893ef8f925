// Package config is the configuration of one touchfold process: one YAML file, strict, overridden by the environment and
// then by flags. It is not the rulebook. Its one rule: what Load returns is complete, checked and typed, so that nobody
// parses a setting again; and where it refuses, it names every fault at once, with its place and what was meant.
//
// A key is a field here and a line in the table of keys.go; the file, TOUCHFOLD_ variables, --set, `config check` and
// the hints for misspelled names all follow from that line.
package config

import (
	"fmt"
	"time"

	_ "time/tzdata" // zones must not depend on what the machine has installed

	"github.com/touchfold/touchfold/events"
)

// Config is all that a process is told. Units, ranges and defaults stand in the table of keys.go; a Config that came
// from Load, Parse or Default is within them.
type Config struct {
	App        string // names the consumer group and the transactional ids
	IDKeyFile  string // file with the key of derived ids, "" without
	IDKey      Secret // from TOUCHFOLD_ID_KEY, else from IDKeyFile (by Load only), else nil: events.IDKey(App)
	Kafka      Kafka
	Topics     Topics
	Memory     Bytes // of the process, about
	Store      Store
	FirstStart FirstStart
	HTTP       HTTP
	Business   Business
	Lifecycle  Lifecycle
	Rulebook   string // file with the rules, or DefaultRulebook or NoRulebook
	Rules      string // what they say, "" of none; what a file says by Load only
	Snapshots  Snapshots
}

// Kafka is where the brokers are.
type Kafka struct {
	Brokers []string // host:port each; none: the embedded broker
	Session time.Duration
}

// Topics are the names of the three topics, which differ, and how they are created where they do not exist.
type Topics struct {
	Touchpoints string // in
	Events      string // derived events, out
	Parked      string // what could not be read
	Partitions  int    // of the touchpoints and of the derived events: the number of shards
	Replication int
}

// Store is the local store.
type Store struct {
	Dir             string
	CacheBytes      Bytes // decoded customers in memory, of all shards together
	CheckpointEvery time.Duration
	WalkRate        int // customers of a shard in a second; 0: no bound
}

// FirstStart says what a shard that has never spoken does with what happened before.
type FirstStart string

// The two first starts.
const (
	Mute  FirstStart = "mute"  // occurrences up to now are closed, standing facts said at their present value
	Speak FirstStart = "speak" // everything is said from the first touchpoint on
)

// HTTP is the listener of metrics and health.
type HTTP struct {
	Listen string // host:port; port 0: any that is free
}

// Business is how the business reckons.
type Business struct {
	Zone     *time.Location  // whose midnights part the days; its String is the IANA name
	Currency events.Currency // of the figures that rules ask for and of amounts without a currency
}

// Lifecycle is what the stages go by, beside the orders.
type Lifecycle struct {
	LapsedAfterDays int // calendar days without an order over which a buyer has lapsed
}

// Default is the configuration of a process that is told nothing.
func Default() *Config {
	c, err := Parse("", nil, nil, nil)
	if err != nil {
		panic(fmt.Sprintf("the table of keys has a faulty default: %v", err))
	}
	return c
}

// Load reads the file at path ("" for none) and lets the environment (NAME=value, as of os.Environ; other names than
// TOUCHFOLD_... are ignored) override it, and the flags both: each is key.path=value, or "--flag key.path=value" if
// faults are to name another flag than --set. Then it reads the files of secrets that are named and
// not given by the environment. The error is of type Faults.
func Load(path string, env, flags []string) (*Config, error) {
	var text []byte
	if path != "" {
		var err error
		if text, err = readFile(path, maxFile); err != nil {
			return nil, Faults{{place: place{name: path}, Text: err.Error()}}
		}
	}
	l := newLoader()
	l.read(path, text, env, flags)
	l.readSecretFile("id_key_file", l.c.IDKeyFile, &l.c.IDKey, maxIDKey, idKey)
	l.readSecretFile("snapshots.s3.secret_file", l.c.Snapshots.S3.SecretFile, &l.c.Snapshots.S3.Secret, maxSecretKey, secretKey)
	l.readRules()
	return l.result()
}

// Parse is Load with the file's text already read; name is what the faults call it. It reads no other file, so that an
// IDKeyFile is only a name.
func Parse(name string, text []byte, env, flags []string) (*Config, error) {
	l := newLoader()
	l.read(name, text, env, flags)
	return l.result()
}
