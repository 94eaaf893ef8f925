// Package kafka is what touchfold needs of a Kafka: topics, reading many partitions with one request, writing that is
// not doubled by a retry, and a group that says who should own what. It is the only importer of kafka-go, of which it
// takes the protocol, the connections, the routing and the membership; record batches it reads and writes itself,
// because kafka-go's own readers do not check their checksums, stall on compacted tails and deliver aborted records, and
// its writer knows no idempotence.
//
// Its one rule: a record that is handed out stood in the log with a good checksum, and a write that returned without
// error stands in the log once. What may pass (a moved leader, a broker that restarts) is retried in here until the
// caller's context ends; what will not pass comes out as a sentence.
package kafka

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
	kgo "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/metadata"
)

// Config says where a Kafka is.
type Config struct {
	Brokers        []string // host:port; one that answers is enough to find the others
	ClientID       string   // how the brokers' logs call us; default "touchfold"
	Log            zerolog.Logger
	RequestTimeout time.Duration // how long one request may take, waiting for records not counted; default 10 s

	dial   dialFunc      // tests go through proxies
	behind time.Duration // tests do not wait for behindFor
}

type dialFunc func(ctx context.Context, network, address string) (net.Conn, error)

// Client talks to one Kafka cluster. It is safe for concurrent use.
type Client struct {
	cfg  Config // with defaults
	addr net.Addr
	rt   kgo.RoundTripper // *kgo.Transport, but for tests that lose answers
	idle func()           // closes what is open
	open *connections
	api  *kgo.Client
	log  zerolog.Logger

	begun time.Time
	asked atomic.Int64 // when, from begun on, a broker was asked first since the last answer; 0 after an answer
}

// register puts our fetch messages in place of kafka-go's, whose record sets lose what a reader needs. From then on
// kafka-go's Client.Fetch panics in this process; its Reader and Conn are not affected. Nothing here uses them.
var register = sync.OnceFunc(func() {
	protocol.Register(&fetchRequest{}, &fetchResponse{})
	m := &metadataRequest{}
	protocol.RegisterOverride(m, &metadata.Response{}, m.TypeKey())
})

// New makes a client. It does not connect: Ping does.
func New(cfg Config) (*Client, error) {
	if len(cfg.Brokers) == 0 {
		return nil, errors.New("no Kafka broker named: give at least one as host:port")
	}
	for _, b := range cfg.Brokers {
		if _, _, err := net.SplitHostPort(b); err != nil {
			return nil, fmt.Errorf("broker %q is not host:port: %w", b, err)
		}
	}
	if cfg.ClientID == "" {
		cfg.ClientID = "touchfold"
	}
	if cfg.RequestTimeout <= 0 {
		cfg.RequestTimeout = 10 * time.Second
	}
	cfg.behind = cmp.Or(cfg.behind, behindFor)
	if cfg.dial == nil {
		cfg.dial = (&net.Dialer{Timeout: 3 * time.Second}).DialContext
	}
	register()
	open := newConnections(cfg.dial)
	t := &kgo.Transport{
		Dial:        open.dialed,
		ClientID:    cfg.ClientID,
		DialTimeout: min(cfg.RequestTimeout, 5*time.Second),
		// How long a moved leader may go unnoticed by writes. Kafka-go asks at random intervals below it.
		MetadataTTL: 2 * time.Second,
	}
	c := newClient(cfg, t, t.CloseIdleConnections)
	c.open = open
	return c, nil
}

func newClient(cfg Config, rt kgo.RoundTripper, idle func()) *Client {
	addr := kgo.TCP(cfg.Brokers...)
	return &Client{
		cfg: cfg, addr: addr, rt: rt, idle: idle, log: cfg.Log, begun: time.Now(),
		api: &kgo.Client{Addr: addr, Timeout: cfg.RequestTimeout, Transport: rt},
	}
}

// Close closes the connections. Requests under way end within the request timeout.
func (c *Client) Close() { c.idle() }

// Ping says whether a broker answers.
func (c *Client) Ping(ctx context.Context) error {
	if _, err := c.metadata(ctx, []string{}); err != nil {
		return fmt.Errorf("no Kafka answers at %s: is the broker running, and is this its address? (%w)", c.addr, err)
	}
	return nil
}

// send is one request and its answer within the request timeout, wait on top. The transport gives each reading and
// writing of a connection the same deadline, and each dialing another.
func (c *Client) send(ctx context.Context, req kgo.Request, wait time.Duration) (kgo.Response, error) {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.RequestTimeout+wait)
	defer cancel()
	now := int64(time.Since(c.begun))
	c.asked.CompareAndSwap(0, now)
	res, err := c.rt.RoundTrip(ctx, c.addr, req)
	for errors.Is(err, net.ErrClosed) && ctx.Err() == nil { // by us, see connections: the next one may be better
		res, err = c.rt.RoundTrip(ctx, c.addr, req)
	}
	switch {
	case err == nil:
		c.asked.Store(0)
	case errors.Is(err, context.Canceled): // we do not want to know any more
		c.asked.CompareAndSwap(now, 0)
	}
	return res, err
}

// Silent is for how long no broker has answered, though asked. It is normally below a second: of a fetch that waits
// for records the answer takes that long.
func (c *Client) Silent() time.Duration {
	if at := c.asked.Load(); at != 0 {
		return time.Since(c.begun) - time.Duration(at)
	}
	return 0
}

// retry calls f until it succeeds, fails for good, or ctx ends. It tells the log once that something does not work and
// once that it does again, both only of what lasts longer than tellAfter.
func (c *Client) retry(ctx context.Context, what string, f func() error) error {
	start, told := time.Now(), false
	for pause := 5 * time.Millisecond; ; pause = min(2*pause, 500*time.Millisecond) {
		err := f()
		switch {
		case err == nil:
			if told {
				c.log.Info().Str("what", what).Dur("after", time.Since(start)).Msg("kafka works again")
			}
			return nil
		case !retriable(err):
			return fmt.Errorf("%s: %w", what, err)
		case !told && time.Since(start) > tellAfter:
			told = true
			c.log.Warn().Str("what", what).Err(err).Msg("kafka does not work, trying again")
		}
		if !sleep(ctx, pause) {
			return fmt.Errorf("%s: %w (last tried: %w)", what, context.Cause(ctx), err)
		}
	}
}

// tellAfter is how long something must not work for the log to be told: leaders move without harm.
const tellAfter = time.Second

// sleep is false if ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return ctx.Err() == nil
	}
}
