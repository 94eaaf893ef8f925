package bench

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/touchfold/touchfold/config"
	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/processor/bench/load"
	"github.com/touchfold/touchfold/processor/kafka"
	"github.com/touchfold/touchfold/processor/localkafka"
)

// RunConfig is what a benchmark through a broker is made of.
type RunConfig struct {
	Config  *config.Config
	Load    load.Config // where it begins is decided here
	Args    []string    // of `run`, beside those that name the benchmark's own topics and folders: --config and --set
	Version string
	Log     zerolog.Logger
	Note    func(step string) // what goes on; may take seconds each
}

// place is where a benchmark through a broker takes place: topics, a group and folders of its own, which close removes.
type place struct {
	RunConfig
	name     string // of the app, and of all that belongs to it begins with it
	dir      string // broker and stores
	embedded *localkafka.Broker
	brokers  []string
	client   *kafka.Client
	made     bool // topics, or they were about to be
	feed     *load.Generator
}

// cleanWithin bounds removing what was made.
const cleanWithin = 30 * time.Second

func (c RunConfig) open(ctx context.Context) (_ *place, err error) {
	p := &place{RunConfig: c, name: "touchfold-bench-" + strings.ToLower(rand.Text()[:10]), brokers: c.Config.Kafka.Brokers}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.close()) // on its own, of a place that is half open
		}
	}()
	// What was made up happened up to today, so that time alone does not change everybody at once.
	p.Load.Start = events.At(time.Now().Truncate(24*time.Hour)) - load.Days*24*3_600_000
	if p.feed, err = load.New(p.Load); err != nil {
		return nil, err
	}
	if p.dir, err = os.MkdirTemp("", "touchfold-bench-"); err != nil {
		return nil, err
	}
	if len(p.brokers) == 0 {
		if p.embedded, err = localkafka.Start(localkafka.Config{Listen: "127.0.0.1:0", Dir: filepath.Join(p.dir, "broker"), Log: c.Log}); err != nil {
			return nil, err
		}
		p.brokers = []string{p.embedded.Addr()}
	}
	if p.client, err = kafka.New(kafka.Config{Brokers: p.brokers, Log: c.Log}); err != nil {
		return nil, err
	}
	if err = p.client.Ping(ctx); err != nil {
		return nil, err
	}
	p.made = true
	return p, p.client.CreateTopic(ctx, kafka.Topic{Name: p.input(), Partitions: p.shards(), Replication: c.Config.Topics.Replication,
		Configs: map[string]string{"cleanup.policy": "delete", "retention.ms": "-1", "retention.bytes": "-1", "message.timestamp.type": "LogAppendTime"}})
}

func (p *place) input() string  { return p.name + "-touchpoints" }
func (p *place) output() string { return p.name + "-events" }
func (p *place) parked() string { return p.name + "-parked" }
func (p *place) shards() int    { return p.Config.Topics.Partitions }

// close removes all that was made, also when the time of the benchmark is over.
func (p *place) close() (err error) {
	if p.made && p.embedded == nil {
		err = p.clean()
	}
	if p.client != nil {
		p.client.Close()
	}
	if p.embedded != nil {
		err = errors.Join(err, p.embedded.Close())
	}
	return errors.Join(err, os.RemoveAll(p.dir))
}

func (p *place) clean() error {
	ctx, cancel := context.WithTimeout(context.Background(), cleanWithin)
	defer cancel()
	if err := p.client.DeleteGroup(ctx, p.name); err != nil {
		p.Log.Warn().Err(err).Str("group", p.name).Msg("the consumer group could not be deleted; the broker forgets it by itself")
	}
	if err := p.client.DeleteTopics(ctx, p.input(), p.output(), p.parked()); err != nil {
		return fmt.Errorf("%w; delete the topics that begin with %s by hand", err, p.name)
	}
	return nil
}

// args are those of `run` for a store in dir.
func (p *place) args(dir string, more ...string) []string {
	own := []string{"run", "--brokers", strings.Join(p.brokers, ","), "--in", p.input(), "--out", p.output(), "--group", p.name,
		"--dir", dir, "--listen", "127.0.0.1:0", "--first-start", "speak"}
	set := append([]string{"topics.parked=" + p.parked(), "snapshots.place="}, more...)
	own = slices.Concat(own, p.Args)
	for _, s := range set {
		own = append(own, "--set", s)
	}
	return own
}

// Broker says where records were kept.
type Broker struct {
	Name string `json:"broker"` // embedded, or the address
	// CPUPerEvent is what the embedded one took, and what this process did beside; 0 of another.
	CPUPerEvent float64 `json:"broker_cpu_us_per_event,omitempty"`
}

func (p *place) broker() Broker {
	if p.embedded != nil {
		return Broker{Name: "embedded"}
	}
	return Broker{Name: strings.Join(p.brokers, ",")}
}

// String is a sentence.
func (b Broker) String() string {
	if b.Name != "embedded" {
		return "Broker: " + b.Name + "."
	}
	text := "The broker is the embedded one, which is for trying out, on the same cores"
	if b.CPUPerEvent > 0 {
		text += fmt.Sprintf("; it took %.1f us of CPU an event, which the figures above leave out", b.CPUPerEvent)
	}
	return text + ". To choose a machine, name your Kafka with --brokers."
}
