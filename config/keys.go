package config

import (
	"slices"
	"time"
)

// A key is one thing that can be set.
type key struct {
	path    string // in the file; with dots and in upper case it is also the variable's name
	initial string // the default, as it would be given by a variable
	doc     string // what it is, its unit and its range
	value   value  // where it is kept, and its check
	secret  bool   // comes by variable only, and is never written
	belief  bool   // what is believed of customers depends on it: it belongs to the rulebook (belief.go)
}

// keys is the table of all keys, in the order of the file. Checks between keys are in loader.compare.
func (c *Config) keys() []key {
	return slices.Concat(c.processKeys(), c.beliefKeys(), c.snapshotKeys())
}

func (c *Config) processKeys() []key {
	return []key{
		{path: "app", initial: "shop", value: one(&c.App, appName).like(nameForm),
			doc: "names the consumer group and the transactional ids: 1 to 100 of a-z A-Z 0-9 . _ -"},
		{path: "id_key_file", value: one(&c.IDKeyFile, anyText),
			doc: "file with the secret that derived ids are keyed with, 16 to 4096 bytes; none: derived from app"},
		{path: "id_key", secret: true, value: one(&c.IDKey, idKey),
			doc: "the same secret itself"},

		{path: "kafka.brokers", value: list(&c.Kafka.Brokers, broker).like(hostPortForm),
			doc: "host:port of brokers; none: the embedded broker, on 127.0.0.1:9092, kept under store.dir, for trying out"},
		{path: "kafka.session", initial: "10s", value: between(&c.Kafka.Session, duration, 3*time.Second, 5*time.Minute).like(timeForm),
			doc: "how long the other instances wait for a silent one before they take its shards over, 3s to 5m; within the broker's group.min/max.session.timeout.ms"},

		{path: "topics.touchpoints", initial: "touchpoints", value: one(&c.Topics.Touchpoints, topicName).like(nameForm),
			doc: "topic that touchpoints are read from"},
		{path: "topics.events", initial: "customer-events", value: one(&c.Topics.Events, topicName).like(nameForm),
			doc: "topic that derived events are published on"},
		{path: "topics.parked", initial: "touchpoints.parked", value: one(&c.Topics.Parked, topicName).like(nameForm),
			doc: "topic for touchpoints that could not be read"},
		{path: "topics.partitions", initial: "8", value: whole(&c.Topics.Partitions, 1, 1024),
			doc: "partitions of topics that are created, 1 to 1024"},
		{path: "topics.replication", initial: "1", value: whole(&c.Topics.Replication, 1, 15),
			doc: "replicas of topics that are created, 1 to 15"},

		{path: "memory", initial: "1GiB", value: between(&c.Memory, ParseBytes, 512<<20, 1<<40).like(sizeForm),
			doc: "what the process may take of memory, about, 512MiB to 1TiB; 1GiB does for 8 shards. A fifth is for what the system keeps of its files; GOMEMLIMIT overrides the rest"},

		{path: "store.dir", initial: "./data", value: one(&c.Store.Dir, someText),
			doc: "folder of the local store, one store a shard beneath it"},
		{path: "store.cache", value: one(&c.Store.CacheBytes, cacheBytes(&c.Memory)).like(sizeForm),
			doc: "the part of memory for customers, of all shards of this process together, 1MiB to half of memory; none: a quarter of memory"},
		{path: "store.checkpoint_every", initial: "2s",
			value: between(&c.Store.CheckpointEvery, duration, time.Second, 5*time.Second).like(timeForm),
			doc:   "time between checkpoints, 1s to 5s"},
		{path: "store.walk_rate", initial: "10000", value: whole(&c.Store.WalkRate, 0, 1_000_000),
			doc: "customers of a shard that are looked at in a second when all are, after a change of rules for example, 0 to 1000000; 0: as many as there is time for"},

		{path: "first_start", initial: "mute", value: oneOf(&c.FirstStart, Mute, Speak),
			doc: "mute: say only what stands at the first start; speak: say everything from the first touchpoint on"},

		{path: "rulebook", initial: DefaultRulebook, value: one(&c.Rulebook, rulebookName),
			doc: "file with segments and triggers, as docs/rulebook.md describes them; default: what touchfold rules default prints; none: no rules"},

		{path: "http.listen", initial: "127.0.0.1:9464", value: one(&c.HTTP.Listen, listenAddress).like(hostPortForm),
			doc: "host:port for /metrics, /healthz and /readyz; port 0: any that is free"},
	}
}

func (c *Config) beliefKeys() []key {
	return []key{
		{path: "business.zone", belief: true, initial: "Asia/Hong_Kong", value: one(&c.Business.Zone, zone),
			doc: "IANA time zone whose midnights part the days"},
		{path: "business.currency", belief: true, initial: "HKD", value: one(&c.Business.Currency, currency),
			doc: "ISO 4217; the currency of the figures that rules ask for and of amounts that name none"},
		{path: "lifecycle.lapsed_after_days", belief: true, initial: "183", value: whole(&c.Lifecycle.LapsedAfterDays, 1, 3650),
			doc: "calendar days since the last order's day over which a buyer has lapsed, 1 to 3650"},
	}
}
