package bench

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// child is the program as a process of its own, and what it logged when.
type child struct {
	cmd     *exec.Cmd
	started time.Time
	done    chan struct{} // it has ended

	mu    sync.Mutex
	lines []logged
	more  chan struct{} // closed when there is another line
	peak  rss
}

// logged is a line of the log.
type logged struct {
	at                      time.Time // when it was read here
	text                    string
	Level, Message, Metrics string
	Shard                   *int
	Shards                  []int
}

// rss is what a process had in memory at most, in bytes: all of it, and that of it which is not the pages of files.
type rss struct {
	All  int64 `json:"peak_rss_bytes"`
	Anon int64 `json:"peak_rss_anon_bytes"`
}

// start starts the program with a store in dir. It ends with this process at the latest.
func (p *place) start(dir string, more ...string) (*child, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program, to run it as another process: %w", err)
	}
	c := &child{cmd: exec.Command(program, p.args(dir, more...)...), started: time.Now(), done: make(chan struct{}), more: make(chan struct{})}
	c.cmd.Args[0] = "touchfold"
	// A stop from the terminal reaches this process alone, which then stops the child.
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	log, err := c.cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := c.cmd.Start(); err != nil {
		return nil, fmt.Errorf("run the program as another process: %w", err)
	}
	go func() { // end waits for it
		defer close(c.done)
		c.read(log)
		_ = c.cmd.Wait() // how it ended is in ProcessState
	}()
	return c, nil
}

func (c *child) read(log io.Reader) {
	in := bufio.NewScanner(log)
	in.Buffer(nil, 1<<20)
	for in.Scan() {
		l := logged{at: time.Now(), text: in.Text()}
		_ = json.Unmarshal(in.Bytes(), &l) // what a crash prints is no JSON
		c.mu.Lock()
		c.lines = append(c.lines, l)
		close(c.more)
		c.more = make(chan struct{})
		c.mu.Unlock()
	}
	_, _ = io.Copy(io.Discard, log) // of a line too long, so that the child is not held up
}

// await waits for n lines that are as asked and returns the last of them.
func (c *child) await(ctx context.Context, n int, is func(*logged) bool) (logged, error) {
	for next, found := 0, 0; ; {
		c.mu.Lock()
		for ; next < len(c.lines); next++ {
			if is(&c.lines[next]) {
				if found++; found == n {
					defer c.mu.Unlock()
					return c.lines[next], nil
				}
			}
		}
		more := c.more
		c.mu.Unlock()
		select {
		case <-more:
		case <-c.done:
			select {
			case <-more: // its last words
			default:
				return logged{}, c.died()
			}
		case <-time.After(silent):
			return logged{}, fmt.Errorf("the process under measurement has logged nothing for %s, and what was waited for did not come; its log:\n%s", silent, c.log())
		case <-ctx.Done():
			return logged{}, ctx.Err()
		}
	}
}

// silent is for how long a process that is awaited may log nothing; it may fold millions of touchpoints meanwhile.
const silent = 10 * time.Minute

// count is how many lines are as asked.
func (c *child) count(is func(*logged) bool) (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range c.lines {
		if is(&c.lines[i]) {
			n++
		}
	}
	return n
}

// died says why a child ended that was not to.
func (c *child) died() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	var last []string
	for _, l := range c.lines {
		if l.Level != "info" && l.Level != "debug" {
			last = append(last, l.text)
		}
	}
	return fmt.Errorf("the process under measurement ended early: %s\n%s", c.cmd.ProcessState, strings.Join(last[max(0, len(last)-5):], "\n"))
}

func (c *child) log() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var b strings.Builder
	for _, l := range c.lines[max(0, len(c.lines)-20):] {
		fmt.Fprintln(&b, l.text)
	}
	return b.String()
}

// end ends the process, if it still runs, and waits until it has. An orderly end must go well.
func (c *child) end(s syscall.Signal) error {
	ended := false
	select {
	case <-c.done:
		ended = true
	default:
		_ = c.cmd.Process.Signal(s)
		select {
		case <-c.done:
		case <-time.After(2 * time.Minute):
			_ = c.cmd.Process.Kill()
			<-c.done
		}
	}
	if ended && s == syscall.SIGTERM || s == syscall.SIGTERM && c.cmd.ProcessState.ExitCode() != 0 {
		return c.died()
	}
	return nil
}

// stop ends a process that may still run because something went wrong, in order if it can, so that its group is empty soon.
func (c *child) stop() {
	_ = c.cmd.Process.Signal(syscall.SIGTERM) // if it has not ended
	select {
	case <-c.done:
	case <-time.After(5 * time.Second):
		_ = c.cmd.Process.Kill()
		<-c.done
	}
}

// cpu is what it has used so far; of one that has ended, all.
func (c *child) cpu() time.Duration {
	select {
	case <-c.done:
		return c.cmd.ProcessState.UserTime() + c.cmd.ProcessState.SystemTime()
	default:
	}
	stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", c.cmd.Process.Pid))
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.Atoi(string(fields[11]))
	system, _ := strconv.Atoi(string(fields[12]))
	return time.Duration(user+system) * time.Second / 100 // USER_HZ
}

// weigh notes what it has in memory, and returns how much of that is its own.
func (c *child) weigh() (anon int64) {
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", c.cmd.Process.Pid))
	for line := range strings.Lines(string(status)) {
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		kib, _ := strconv.ParseInt(fields[1], 10, 64)
		switch fields[0] {
		case "VmHWM:":
			c.peak.All = max(c.peak.All, kib<<10)
		case "RssAnon:":
			anon = kib << 10
			c.peak.Anon = max(c.peak.Anon, anon)
		}
	}
	return anon
}

// counts are what the child's metrics say.
type counts struct {
	touchpoints, derived, parked int
	stores
}

// stores are all stores of a process.
type stores struct {
	Bytes       int64 `json:"disk_bytes"`          // as of the last checkpoints
	LevelZero   int   `json:"level_zero_tables"`   // most of any store: from 20 on writing waits for compaction
	Commits     int   `json:"checkpoints"`         // so far
	SlowCommits int   `json:"checkpoints_over_1s"` // of these: what waits for compaction is among them
}

// counts asks for the metrics.
func (c *child) counts(ctx context.Context) (n counts, err error) {
	at, err := c.await(ctx, 1, func(l *logged) bool { return l.Metrics != "" })
	if err != nil {
		return n, err
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, at.Metrics, nil)
	if err != nil {
		return n, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return n, errors.Join(fmt.Errorf("ask the process under measurement how far it is: %w", err), c.early())
	}
	defer response.Body.Close()
	for in := bufio.NewScanner(response.Body); in.Scan(); {
		name, value, _ := strings.Cut(in.Text(), "} ")
		family, labels, _ := strings.Cut(name, "{")
		v, _ := strconv.ParseFloat(value, 64)
		n.count(family, labels, int64(v))
	}
	return n, nil
}

func (n *counts) count(family, labels string, v int64) {
	switch family {
	case "touchfold_touchpoints_total":
		n.touchpoints += int(v)
	case "touchfold_derived_total":
		n.derived += int(v)
	case "touchfold_parked_total":
		n.parked += int(v)
	case "touchfold_store_bytes":
		n.Bytes += v
	case "touchfold_store_tables":
		if strings.HasPrefix(labels, `level="0"`) {
			n.LevelZero = max(n.LevelZero, int(v))
		}
	case "touchfold_store_checkpoint_seconds_bucket":
		if strings.Contains(labels, `le="1.024"`) {
			n.SlowCommits -= int(v)
		}
	case "touchfold_store_checkpoint_seconds_count":
		n.Commits += int(v)
		n.SlowCommits += int(v)
	}
}

// early is why it ended, if it did.
func (c *child) early() error {
	select {
	case <-c.done:
		return c.died()
	case <-time.After(time.Second):
		return nil
	}
}
