package soak

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// instance is one touchfold with its own store. It is started again whenever it ends.
type instance struct {
	number       int
	dir          string // of the store and the logs
	program      binaries
	args, env    []string
	http, gofail string // addresses
	figures      *figures
	rng          *rand.Rand // which binary is started; used by run only

	mu     sync.Mutex
	p      *process      // nil while it is down
	frozen bool          // by SIGSTOP
	pause  time.Duration // before the next start
	wipe   bool          // the store is removed before it
	armed  string        // failpoints of it, as GOFAIL_FAILPOINTS
	starts int
}

// process is one life of an instance.
type process struct {
	cmd     *exec.Cmd
	log     string // file
	failing bool   // built with failpoints
	ending  string // how we ended it, "" if we did not
	done    chan struct{}
}

func (in *instance) storeDir() string { return filepath.Join(in.dir, "store") }

// run keeps the instance running until ctx ends.
func (in *instance) run(ctx context.Context) {
	for ctx.Err() == nil {
		p, err := in.launch()
		if err != nil {
			in.figures.find("instance %d cannot be started: %v", in.number, err)
			return
		}
		in.watch(p)
		in.mu.Lock()
		in.p, in.frozen = nil, false
		pause, wipe := in.pause, in.wipe
		in.pause, in.wipe = time.Second, false // one that ends by itself would only do it again
		in.mu.Unlock()
		if byPoint := in.judge(p); byPoint {
			pause = 0
		}
		if wipe {
			if err := os.RemoveAll(in.storeDir()); err != nil {
				in.figures.find("wipe instance %d: %v", in.number, err)
			}
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
	}
}

func (in *instance) launch() (*process, error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.starts++
	p := &process{failing: in.rng.IntN(4) > 0, done: make(chan struct{}), log: filepath.Join(in.dir, fmt.Sprintf("%05d.log", in.starts))}
	program := in.program.plain
	if p.failing = p.failing || in.armed != ""; p.failing {
		program = in.program.failing
	}
	log, err := os.Create(p.log)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	p.cmd = exec.Command(program, in.args...)
	p.cmd.Stdout, p.cmd.Stderr = log, log
	p.cmd.Env = in.environment()
	if p.failing {
		p.cmd.Env = append(p.cmd.Env, "GOFAIL_HTTP="+in.gofail, "GOFAIL_FAILPOINTS="+in.armed)
	}
	in.armed = ""
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} // nothing stays behind
	in.figures.count("processes started")
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	in.p = p
	return p, nil
}

// environment is that of the program, which takes no variable of ours for one of its own.
func (in *instance) environment() []string {
	own := slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "TOUCHFOLD_") })
	return append(own, in.env...)
}

var peak = regexp.MustCompile(`VmHWM:\s+(\d+) kB`)

// watch waits for the end of p and notes how much memory it takes.
func (in *instance) watch(p *process) {
	go func() {
		defer close(p.done)
		p.cmd.Wait() // its error is in ProcessState
	}()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-p.done:
			return
		case <-tick.C:
			status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
			if m := peak.FindSubmatch(status); m != nil {
				kib, _ := strconv.ParseInt(string(m[1]), 10, 64)
				in.figures.memory(in.number, kib<<10)
			}
		}
	}
}

var crashed = regexp.MustCompile(`(?m)^(panic: failpoint panic: (\w+)|panic: .*|fatal error: .*|.*DATA RACE.*)`)

// judge notes why p ended, and reports whether it was by a failpoint.
func (in *instance) judge(p *process) (byPoint bool) {
	text, _ := os.ReadFile(p.log)
	m, state := crashed.FindSubmatch(text), p.cmd.ProcessState
	switch {
	case m != nil && len(m[2]) > 0:
		in.figures.count("processes ended by a failpoint")
		in.figures.hit(string(m[2]), 1)
		return true
	case m != nil:
		in.figures.find("instance %d crashed: %s (see %s)", in.number, m[1], p.log)
	case state.ExitCode() == 0 && strings.HasSuffix(p.ending, "SIGTERM"):
		in.figures.count("processes ended in order")
	case p.ending != "":
		in.figures.count("processes ended by " + p.ending + ": " + state.String())
	default:
		in.figures.count("processes that ended by themselves: " + lastLine(text))
	}
	return false
}

var digits = regexp.MustCompile(`[0-9]+`)

// lastLine is the last line of a log without its numbers, so that equal ones can be counted.
func lastLine(text []byte) string {
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	line := digits.ReplaceAllString(lines[len(lines)-1], "#")
	return line[:min(len(line), 160)]
}

// signal sends s to the process, if there is one, and says whether there was.
func (in *instance) signal(s syscall.Signal, ending string, pause time.Duration) bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.p == nil {
		return false
	}
	if ending != "" {
		in.p.ending, in.pause = ending, pause
	}
	switch s {
	case syscall.SIGSTOP:
		in.frozen = true
	case syscall.SIGCONT:
		in.frozen = false
	}
	return in.p.cmd.Process.Signal(s) == nil
}

// up reports whether the process runs and is not frozen.
func (in *instance) up() bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.p != nil && !in.frozen
}

// current is the process, nil while there is none.
func (in *instance) current() *process {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.p
}

// stop ends the process in order; one that does not end in time is a finding.
func (in *instance) stop(within time.Duration) {
	in.signal(syscall.SIGCONT, "", 0)
	p := in.current()
	if p == nil {
		return
	}
	in.signal(syscall.SIGTERM, "SIGTERM", 0)
	select {
	case <-p.done:
	case <-time.After(within):
		in.figures.find("instance %d did not end within %s of SIGTERM (see %s)", in.number, within, p.log)
		in.signal(syscall.SIGKILL, "SIGKILL", 0)
		<-p.done
	}
}

var asks = &http.Client{Timeout: 2 * time.Second}

// ask sends a request to the process and returns the answer's body.
func ask(method, url, body string) (string, error) {
	r, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		return "", err
	}
	answer, err := asks.Do(r)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode/100 != 2 {
		err = errors.New(answer.Status)
	}
	return string(text), err
}
