// Package api serves what operators and, later, people ask over HTTP. Its one rule: nothing about a customer is served
// without being asked for that customer.
package api

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Ops serves /metrics for Prometheus, /healthz (the process answers) and /readyz (it can do its work).
type Ops struct {
	listener net.Listener
	server   http.Server
}

// NewOps listens on host:port; port 0 is any that is free. ready says why not, or nil.
func NewOps(listen string, metrics prometheus.Gatherer, ready func() error) (*Ops, error) {
	l, err := net.Listen("tcp", listen)
	if err != nil {
		return nil, fmt.Errorf("serve metrics on %s: %w; free the port or name another in http.listen", listen, err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(metrics, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if err := ready(); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ready")
	})
	return &Ops{l, http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second, WriteTimeout: 30 * time.Second}}, nil
}

// Addr is where it listens.
func (o *Ops) Addr() string { return o.listener.Addr().String() }

// Run serves until ctx ends, which is no error, and returns when the requests under way are answered or, after two
// seconds, cut off.
func (o *Ops) Run(ctx context.Context) error {
	done := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(done)
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
		defer cancel()
		if o.server.Shutdown(last) != nil {
			_ = o.server.Close() // what still hangs is cut off
		}
	})
	err := o.server.Serve(o.listener) // returns when the shutdown begins
	if !stop() {
		<-done
	}
	if !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve metrics: %w", err)
	}
	return nil
}
