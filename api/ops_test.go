package api

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"
)

func get(t *testing.T, url string) (status int, body, kind string) {
	t.Helper()
	res, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(b), res.Header.Get("Content-Type")
}

// TestOps: the three paths answer as long as Run runs, ready as it is then, and nothing else is served.
func TestOps(t *testing.T) {
	defer goleak.VerifyNone(t)
	defer http.DefaultClient.CloseIdleConnections()
	registry := prometheus.NewRegistry()
	counter := prometheus.NewCounter(prometheus.CounterOpts{Name: "touchfold_test_total", Help: "A test."})
	registry.MustRegister(counter)
	counter.Add(3)
	var open atomic.Bool
	ops, err := NewOps("127.0.0.1:0", registry, func() error {
		if open.Load() {
			return nil
		}
		return errors.New("2 of 8 shards are open")
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- ops.Run(ctx) }()
	base := "http://" + ops.Addr()
	for _, c := range []struct {
		path   string
		ready  bool
		status int
		body   string
	}{
		{"/healthz", false, 200, "ok"},
		{"/readyz", false, 503, "2 of 8 shards are open"},
		{"/readyz", true, 200, "ready"},
		{"/metrics", true, 200, "touchfold_test_total 3"},
		{"/", true, 404, ""},
		{"/debug/pprof/", true, 404, ""},
	} {
		open.Store(c.ready)
		if status, body, _ := get(t, base+c.path); status != c.status || !strings.Contains(body, c.body) {
			t.Errorf("%s: %d %q", c.path, status, body)
		}
	}
	if _, _, kind := get(t, base+"/metrics"); !strings.HasPrefix(kind, "text/plain; version=") {
		t.Errorf("metrics are %q", kind)
	}
	res, err := http.Post(base+"/healthz", "text/plain", strings.NewReader("x"))
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != 405 {
		t.Errorf("POST /healthz: %d", res.StatusCode)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("Run: %v", err)
	}
	if res, err := http.Get(base + "/healthz"); err == nil {
		res.Body.Close()
		t.Error("served after Run returned")
	}
}

// TestPortTaken: the error says what to do.
func TestPortTaken(t *testing.T) {
	ready := func() error { return nil }
	first, err := NewOps("127.0.0.1:0", prometheus.NewRegistry(), ready)
	if err != nil {
		t.Fatal(err)
	}
	defer first.listener.Close()
	if _, err := NewOps(first.Addr(), prometheus.NewRegistry(), ready); err == nil || !strings.Contains(err.Error(), "http.listen") {
		t.Errorf("the same port twice: %v", err)
	}
}

// TestStopBeforeStart: Run of a process that is to end at once ends, whichever comes first.
func TestStopBeforeStart(t *testing.T) {
	for range 50 {
		ops, err := NewOps("127.0.0.1:0", prometheus.NewRegistry(), func() error { return nil })
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if err := ops.Run(ctx); err != nil {
			t.Fatal(err)
		}
	}
}

// TestRequestUnderWay: Run returns when a request under way is answered, not before.
func TestRequestUnderWay(t *testing.T) {
	asked, answer := make(chan struct{}), make(chan struct{})
	ops, err := NewOps("127.0.0.1:0", prometheus.NewRegistry(), func() error {
		close(asked)
		<-answer
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- ops.Run(ctx) }()
	status := make(chan int, 1)
	go func() {
		res, err := http.Get("http://" + ops.Addr() + "/readyz")
		if err != nil {
			status <- 0
			return
		}
		res.Body.Close()
		status <- res.StatusCode
	}()
	<-asked
	cancel()
	select {
	case <-ended:
		close(answer)
		t.Fatal("Run returned with a request under way")
	case <-time.After(100 * time.Millisecond): // there is nothing else to wait for
	}
	close(answer)
	if got := <-status; got != 200 {
		t.Errorf("the request under way got %d", got)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
