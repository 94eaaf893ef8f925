// Package localkafka is a Kafka within this process, for `run` without brokers, `demo`, `replay` and tests. Any Kafka
// client on the machine can produce to it and consume from it; over a folder it keeps topics, records, group offsets
// and producer ids from run to run.
//
// It is for trying out and not for data that matter: one node without replicas; no access control, therefore loopback
// only; one goroutine serves all requests; a power cut may lose what was acknowledged (a killed process loses nothing);
// only one process may use a folder. As opposed to a Kafka it fences a former producer at once, not at the new one's
// first record; keeps everything unless a topic says otherwise; checks few of a topic's settings; and gives a record of
// a topic with LogAppendTime the time of appending without marking it as such. Topics are not created by asking for
// them. Batches are limited by max.message.bytes, requests to 100 MiB.
//
// It is kfake (https://github.com/twmb/franz-go/tree/master/pkg/kfake), which is imported nowhere else.
package localkafka

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/rs/zerolog"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Config says where the broker listens and where it keeps its log.
type Config struct {
	Listen string // host:port on the loopback interface; port 0 takes a free one
	Dir    string // where topics are kept, made if it is not there; "" keeps them in memory
	Log    zerolog.Logger
}

// Broker is a running broker.
type Broker struct {
	cluster *kfake.Cluster
	stamper *stamper
	addr    string
	log     *logger
}

// Start starts a broker. It serves once Start has returned.
func Start(cfg Config) (*Broker, error) {
	ln, err := listen(cfg.Listen)
	if err != nil {
		return nil, err
	}
	b := &Broker{addr: ln.Addr().String(), log: &logger{log: cfg.Log}}
	opts := []kfake.Opt{
		kfake.NumBrokers(1),
		kfake.ListenFn(func(string, string) (net.Listener, error) { return guard{ln}, nil }),
		kfake.ClusterID("touchfold-local"),
		kfake.DefaultNumPartitions(1),
		kfake.GroupMinSessionTimeout(time.Second),
		kfake.WithLogger(b.log),
		kfake.BrokerConfigs(map[string]string{"log.retention.ms": "-1"}),
	}
	if cfg.Dir != "" {
		if err := os.MkdirAll(cfg.Dir, 0o755); err != nil {
			ln.Close()
			return nil, fmt.Errorf("make the folder of the embedded broker: %w", err)
		}
		opts = append(opts, kfake.DataDir(cfg.Dir))
	}
	if b.cluster, err = kfake.NewCluster(opts...); err != nil {
		ln.Close()
		return nil, fmt.Errorf("start the embedded broker over %q (if it is damaged, move the folder away to begin anew): %w", cfg.Dir, err)
	}
	s, err := newStamper(b.cluster)
	if err != nil {
		b.cluster.Close()
		return nil, fmt.Errorf("start the embedded broker: %w", err)
	}
	b.stamper = s
	b.cluster.ControlKey(int16(kmsg.Produce), s.control)
	return b, nil
}

func listen(addr string) (net.Listener, error) {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("embedded broker: %q is not host:port: %w", addr, err)
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, fmt.Errorf("embedded broker: it has no access control and listens on the loopback interface only, "+
			"for example 127.0.0.1:9092, not on %q", addr)
	}
	ln, err := net.Listen("tcp", addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("embedded broker: %s is in use, by another touchfold or a Kafka: stop that one, or name it "+
			"under kafka.brokers to use it: %w", addr, err)
	}
	if err != nil {
		return nil, fmt.Errorf("embedded broker: %w", err)
	}
	return ln, nil
}

// Addr is the host:port to connect to.
func (b *Broker) Addr() string { return b.addr }

// Close ends all connections and writes out what is to be kept. The folder may be opened again afterwards.
//
// While our control function looks at a batch kfake may serve its own shutdown, save, and then append the batch behind
// what it saved. So producing ends first, and a request that comes back tells that the last batch is in.
func (b *Broker) Close() error {
	b.stamper.closed.Store(true)
	if err := b.roundTrip(); err != nil {
		b.log.log.Warn().Err(err).Msg("embedded broker: it does not answer at its end; what was produced last may be lost")
	}
	b.cluster.Close()
	if err := b.log.last(); err != nil {
		return fmt.Errorf("close the embedded broker: %w", err)
	}
	return nil
}

// roundTrip sends an ApiVersions request and waits for the answer: kfake serves requests one after the other.
func (b *Broker) roundTrip() error {
	c, err := net.DialTimeout("tcp", b.addr, closeWithin)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(closeWithin)); err != nil {
		return err
	}
	f := kmsg.NewRequestFormatter()
	if _, err := c.Write(f.AppendRequest(nil, kmsg.NewPtrApiVersionsRequest(), 1)); err != nil {
		return err
	}
	_, err = io.ReadFull(c, make([]byte, 8)) // the answer's size and number; no need to read on
	return err
}

const closeWithin = 5 * time.Second

// logger lowers kfake's levels by one, and keeps its last error: that is how kfake tells that it could not write.
type logger struct {
	log zerolog.Logger
	mu  sync.Mutex
	err error
}

// Logf is kfake.Logger.
func (l *logger) Logf(level kfake.LogLevel, format string, args ...any) {
	switch level {
	case kfake.LogLevelError:
		err := fmt.Errorf(format, args...)
		l.mu.Lock()
		l.err = err
		l.mu.Unlock()
		l.log.Warn().Err(err).Msg("embedded broker")
	case kfake.LogLevelWarn:
		if e := l.log.Debug(); e.Enabled() {
			e.Str("what", fmt.Sprintf(format, args...)).Msg("embedded broker")
		}
	}
}

func (l *logger) last() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err
}
