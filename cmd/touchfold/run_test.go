package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/touchfold/touchfold/processor/localkafka"
)

// process is a touchfold that runs as a process of its own.
type process struct {
	t   *testing.T
	cmd *exec.Cmd
	ops string // http://host:port

	log      *bytes.Buffer // belongs to follow until followed is closed
	followed chan struct{}
}

// startProcess starts `touchfold run` over a broker and waits until it is ready.
func startProcess(t *testing.T, broker, dir string, args ...string) *process {
	t.Helper()
	bin, err := os.Executable() // testscript.Main makes it touchfold when it is called by that name
	if err != nil {
		t.Fatal(err)
	}
	p := &process{t: t, log: &bytes.Buffer{}, followed: make(chan struct{})}
	p.cmd = exec.Command(filepath.Join(t.TempDir(), "touchfold"),
		append([]string{"run", "--brokers", broker, "--dir", dir, "--listen", "127.0.0.1:0"}, args...)...)
	if err := os.Symlink(bin, p.cmd.Path); err != nil {
		t.Fatal(err)
	}
	p.cmd.Dir = t.TempDir()
	stderr, err := p.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.cmd.Process.Kill() })
	started := make(chan string, 1)
	go p.follow(stderr, started)
	select {
	case p.ops = <-started:
	case <-time.After(30 * time.Second):
		t.Fatal("touchfold run did not start")
	}
	p.awaitReady()
	return p
}

// follow keeps the log and passes on where metrics are served.
func (p *process) follow(stderr io.Reader, started chan<- string) {
	defer close(p.followed)
	for d := json.NewDecoder(io.TeeReader(stderr, p.log)); ; {
		var line struct{ Metrics string }
		if d.Decode(&line) != nil {
			return
		}
		if line.Metrics != "" {
			started <- strings.TrimSuffix(line.Metrics, "/metrics")
		}
	}
}

func (p *process) awaitReady() {
	p.t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); <-tick.C {
		r, err := http.Get(p.ops + "/readyz")
		if err != nil {
			continue
		}
		r.Body.Close()
		if r.StatusCode == http.StatusOK {
			return
		}
	}
	p.t.Fatal("touchfold run did not get ready")
}

// stop sends a signal and checks that it ends with status 0.
func (p *process) stop(signal os.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(signal); err != nil {
		p.t.Fatal(err)
	}
	select {
	case <-p.followed: // it has closed its end
	case <-time.After(30 * time.Second):
		p.t.Fatalf("touchfold run did not end with %v", signal)
	}
	if err := p.cmd.Wait(); err != nil {
		p.t.Fatalf("touchfold run ended with %v:\n%s", err, p.log)
	}
}

// readOutput hands each record of the output to take, from the first on, until that has enough, or for 30 s.
func readOutput(t *testing.T, broker string, take func(r *kgo.Record) (enough bool)) (had bool) {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(broker), kgo.ConsumeTopics("customer-events"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	for !had && ctx.Err() == nil {
		cl.PollFetches(ctx).EachRecord(func(r *kgo.Record) { had = take(r) || had })
	}
	return had
}

// derivedOf reads the output until n derived events of a customer are there.
func derivedOf(t *testing.T, broker, customer string, n int) (facts []string) {
	t.Helper()
	readOutput(t, broker, func(r *kgo.Record) bool {
		var d struct {
			CRM struct {
				Fact    string
				Current any
				N       int
			}
		}
		if string(r.Key) == customer && json.Unmarshal(r.Value, &d) == nil {
			facts = append(facts, fmt.Sprint(d.CRM.Fact, " ", d.CRM.Current, " ", d.CRM.N))
		}
		return len(facts) >= n
	})
	return facts
}

// untilMark waits until a mark of that kind stands in the output: an alive one does once the process's rulebook, which it writes to
// the input when it has read all of that, was read there.
func untilMark(t *testing.T, broker, kind string) {
	t.Helper()
	is := func(h kgo.RecordHeader) bool { return h.Key == "ce_type" && string(h.Value) == kind }
	if !readOutput(t, broker, func(r *kgo.Record) bool { return slices.ContainsFunc(r.Headers, is) }) {
		t.Fatalf("no mark %s within 30 s", kind)
	}
}

// TestRun is the README's use of run, as a process with signals: what was said before a stop is not said again after it.
func TestRun(t *testing.T) {
	t.Parallel()
	broker, err := localkafka.Start(localkafka.Config{Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	defer broker.Close()
	dir := t.TempDir()
	cl, err := kgo.NewClient(kgo.SeedBrokers(broker.Addr()))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	order := func(id string, total int) {
		t.Helper()
		value := fmt.Sprintf(`{"type":"track","messageId":"%s","userId":"jane","event":"Order Completed","properties":{"order_id":"%[1]s","total":%d,"currency":"HKD"}}`, id, total)
		if err := cl.ProduceSync(t.Context(), &kgo.Record{Topic: "touchpoints", Value: []byte(value)}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}

	p := startProcess(t, broker.Addr(), dir)
	order("o-1", 120_000)
	want := []string{"lifecycle customer 1", "segment/potential true 1", "segment/vip true 1"}
	if got := derivedOf(t, broker.Addr(), "jane", 3); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Fatalf("after the first order got %v, want %v", got, want)
	}
	p.stop(syscall.SIGTERM)

	p = startProcess(t, broker.Addr(), dir)
	order("o-1", 120_000) // the same touchpoint again
	value := `{"type":"track","messageId":"r-1","userId":"jane","event":"Order Refunded","properties":{"order_id":"o-1"}}`
	if err := cl.ProduceSync(t.Context(), &kgo.Record{Topic: "touchpoints", Value: []byte(value)}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	want = append(want, "segment/vip false 2")
	if got := derivedOf(t, broker.Addr(), "jane", 4); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Fatalf("after a restart, a copy and a refund got %v, want %v", got, want)
	}
	p.stop(os.Interrupt)
	if strings.Contains(p.log.String(), "jane") {
		t.Errorf("a customer stands in the log:\n%s", p.log)
	}
	if signal.Ignored(syscall.SIGHUP) {
		t.Skip("the tests run under nohup, and so would it")
	}
	p = startProcess(t, broker.Addr(), dir)
	p.stop(syscall.SIGHUP)
	if !strings.Contains(p.log.String(), "saved") {
		t.Errorf("it did not say that all is saved:\n%s", p.log)
	}
}

// TestStopSignals: who has the process started by nohup means it to survive a hang-up. It is no process of its own, nor
// does it ignore the signal: what a Go process ignores once, its children do for ever.
func TestStopSignals(t *testing.T) {
	if !slices.Contains(stopSignals(false), os.Signal(syscall.SIGHUP)) {
		t.Error("a hang-up does not stop it")
	}
	if slices.Contains(stopSignals(true), os.Signal(syscall.SIGHUP)) {
		t.Error("a hang-up stops what is to survive it")
	}
}

func TestRunWithoutBroker(t *testing.T) {
	var stderr bytes.Buffer
	code := execute(t.Context(), []string{"run", "--brokers", "127.0.0.1:1", "--dir", t.TempDir(), "--listen", "127.0.0.1:0"}, output{io.Discard, &stderr})
	if code != exitFailure || !strings.Contains(stderr.String(), "127.0.0.1:1") || !strings.Contains(stderr.String(), "broker") {
		t.Errorf("exit code %d, and it said:\n%s", code, stderr.String())
	}
}
