package kafka

import (
	"context"
	"errors"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// connections are those of a client. When nothing comes over one of them in time, all others to that broker which
// were not heard of since it was used are closed too: where a firewall lost its tables, the pool's connections would
// else be found dead one after the other, each after a request timeout.
type connections struct {
	dial  dialFunc
	begun time.Time

	mu  sync.Mutex
	all map[*connection]struct{}
}

// connection is one of them. Times are from connections.begun on.
type connection struct {
	net.Conn
	of    *connections
	addr  string
	used  atomic.Int64 // when something was written last
	heard atomic.Int64 // when something was read last
}

func newConnections(dial dialFunc) *connections {
	return &connections{dial: dial, begun: time.Now(), all: make(map[*connection]struct{})}
}

func (cs *connections) dialed(ctx context.Context, network, addr string) (net.Conn, error) {
	conn, err := cs.dial(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	c := &connection{Conn: conn, of: cs, addr: addr}
	c.heard.Store(int64(time.Since(cs.begun)))
	cs.mu.Lock()
	cs.all[c] = struct{}{}
	cs.mu.Unlock()
	return c, nil
}

// Read is net.Conn.
func (c *connection) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if n > 0 {
		c.heard.Store(int64(time.Since(c.of.begun)))
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		c.of.silent(c)
	}
	return n, err
}

// Write is net.Conn.
func (c *connection) Write(b []byte) (int, error) {
	c.used.Store(int64(time.Since(c.of.begun)))
	n, err := c.Conn.Write(b)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		c.of.silent(c)
	}
	return n, err
}

// Close is net.Conn.
func (c *connection) Close() error {
	c.of.mu.Lock()
	delete(c.of.all, c)
	c.of.mu.Unlock()
	return c.Conn.Close()
}

// silent closes those that were not heard of since dead was used. Who is using one gets an error and tries again.
func (cs *connections) silent(dead *connection) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	for c := range cs.all {
		if c != dead && c.addr == dead.addr && c.heard.Load() < dead.used.Load() {
			c.Conn.Close() // the pool's own Close follows when it meets it
		}
	}
}
