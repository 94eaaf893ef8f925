package kafka

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"
)

// wire is the network between a client and its brokers, as bad as a test wants it.
type wire struct {
	t      testing.TB
	server *toxiproxy.ApiServer

	mu      sync.Mutex
	cut     bool
	proxies map[string]*toxiproxy.Proxy // by broker's address
	all     []*toxiproxy.Proxy
	toxic   string // of new proxies too
}

func newWire(t testing.TB) *wire {
	w := &wire{t: t, server: toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop()),
		proxies: make(map[string]*toxiproxy.Proxy)}
	t.Cleanup(func() {
		for _, p := range w.all {
			p.Stop()
		}
	})
	return w
}

// client is a client that reaches its brokers over the wire.
func (w *wire) client(addrs []string, timeout time.Duration) *Client {
	w.t.Helper()
	c, err := New(Config{Brokers: addrs, ClientID: "wired", Log: testLog(w.t), RequestTimeout: timeout, dial: w.dial})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(c.Close)
	return c
}

func (w *wire) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	p, err := w.proxy(addr)
	if err != nil {
		return nil, err
	}
	return (&net.Dialer{}).DialContext(ctx, network, p.Listen)
}

func (w *wire) proxy(addr string) (*toxiproxy.Proxy, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.cut {
		return nil, errors.New("the wire is cut")
	}
	p := w.proxies[addr]
	if p == nil {
		p = toxiproxy.NewProxy(w.server, addr, "127.0.0.1:0", addr)
		if err := p.Start(); err != nil {
			return nil, err
		}
		w.proxies[addr], w.all = p, append(w.all, p)
		if w.toxic != "" {
			if _, err := p.Toxics.AddToxicJson(strings.NewReader(w.toxic)); err != nil {
				return nil, err
			}
		}
	}
	return p, nil
}

const (
	// blackhole: connections stay open, and nothing comes through, to the broker or from it.
	blackhole = `{"name":"bad","type":"timeout","stream":"%s","attributes":{"timeout":0}}`
	latency   = `{"name":"bad","type":"latency","stream":"%s","attributes":{"latency":300,"jitter":100}}`
)

// worsen puts a toxic on all connections, of now and later.
func (w *wire) worsen(toxic, stream string) {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.toxic = fmt.Sprintf(toxic, stream)
	for _, p := range w.proxies {
		if _, err := p.Toxics.AddToxicJson(strings.NewReader(w.toxic)); err != nil {
			w.t.Fatal(err)
		}
	}
}

// heal takes the toxic away; connections that were a blackhole break.
func (w *wire) heal() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.toxic, w.cut = "", false
	for _, p := range w.proxies {
		p.Toxics.ResetToxics(context.Background())
	}
}

// forget makes blackholes of the connections there are, as a firewall does that lost its tables. New ones work.
func (w *wire) forget() {
	w.worsen(blackhole, "downstream")
	w.mu.Lock()
	defer w.mu.Unlock()
	w.toxic = ""
	clear(w.proxies)
}

// sever breaks all connections and lets none be made, until heal.
func (w *wire) sever() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cut = true
	for addr, p := range w.proxies {
		p.Stop()
		delete(w.proxies, addr)
	}
}
