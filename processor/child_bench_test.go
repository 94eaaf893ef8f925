package processor

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	fkgo "github.com/twmb/franz-go/pkg/kgo"

	"github.com/touchfold/touchfold/events"
)

// realRig is a rig on the broker that KAFKA_ADDR names, for processes of their own.
func realRig(b *testing.B, shards int) *rig {
	b.Helper()
	if os.Getenv("KAFKA_ADDR") == "" {
		b.Skip("for figures, of a real broker: KAFKA_ADDR=$(scripts/kafka.sh start)")
	}
	return newRig(b, shards, nil)
}

// number is one that the environment gives, or its default.
func (r *rig) number(name string, usual int) int {
	r.Helper()
	text, given := os.LookupEnv(name)
	if !given {
		return usual
	}
	n, err := strconv.Atoi(text)
	r.must(err)
	return n
}

// buildBinary builds the program.
func (r *rig) buildBinary() string {
	r.Helper()
	path := filepath.Join(r.TempDir(), "touchfold")
	if out, err := exec.Command("go", "build", "-o", path, "../cmd/touchfold").CombinedOutput(); err != nil {
		r.Fatalf("build: %v\n%s", err, out)
	}
	return path
}

// child is the program as a process of its own, and when it logged what.
type child struct {
	testing.TB
	cmd  *exec.Cmd
	done chan struct{}

	mu    sync.Mutex
	lines []line
	more  chan struct{} // closed when there is another line
	peak  memory
}

// line is one of the log.
type line struct {
	at      time.Time // when it was read here
	text    string
	Message string
	Shard   *int
	Shards  []int
}

// memory is what a process has in memory, in MiB: all of it, and that of it which is not the pages of files.
type memory struct{ all, anon int }

// child starts the program, with a store in dir.
func (r *rig) child(binary, dir string, set ...string) *child {
	r.Helper()
	t := r.config.Topics
	args := []string{"run", "--brokers", strings.Join(r.addrs, ","), "--in", t.Touchpoints, "--out", t.Events, "--group", r.config.App,
		"--dir", dir, "--listen", "127.0.0.1:0", "--set", "topics.parked=" + t.Parked, "--set", "kafka.session=6s"}
	for _, s := range set {
		args = append(args, "--set", s)
	}
	c := &child{TB: r.TB, cmd: exec.Command(binary, args...), done: make(chan struct{}), more: make(chan struct{})}
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} // nothing stays behind
	log, err := c.cmd.StderrPipe()
	r.must(err)
	r.must(c.cmd.Start())
	go func() {
		defer close(c.done)
		c.read(log)
		_ = c.cmd.Wait() // how it ended is in ProcessState
	}()
	go c.weigh()
	r.Cleanup(func() { c.end(syscall.SIGKILL) })
	return c
}

func (c *child) read(log io.Reader) {
	for in := bufio.NewScanner(log); in.Scan(); {
		l := line{at: time.Now(), text: in.Text()}
		_ = json.Unmarshal(in.Bytes(), &l) // a panic is no JSON, and has no message
		c.mu.Lock()
		c.lines = append(c.lines, l)
		close(c.more)
		c.more = make(chan struct{})
		c.mu.Unlock()
	}
}

var (
	peakSize = regexp.MustCompile(`VmHWM:\s+(\d+) kB`)
	anonSize = regexp.MustCompile(`RssAnon:\s+(\d+) kB`)
)

// weigh notes the most memory that the process takes.
func (c *child) weigh() {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-c.done:
			return
		case <-tick.C:
		}
		status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", c.cmd.Process.Pid))
		size := func(is *regexp.Regexp) (mib int) {
			if m := is.FindSubmatch(status); m != nil {
				kib, _ := strconv.Atoi(string(m[1]))
				mib = kib >> 10
			}
			return mib
		}
		c.mu.Lock()
		c.peak.all, c.peak.anon = max(c.peak.all, size(peakSize)), max(c.peak.anon, size(anonSize))
		c.mu.Unlock()
	}
}

func (c *child) most() memory {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.peak
}

// await waits for n lines with that message and returns the last of them.
func (c *child) await(message string, n int) line {
	c.Helper()
	late := time.After(10 * time.Minute)
	for {
		c.mu.Lock()
		found, more := 0, c.more
		for _, l := range c.lines {
			if !strings.HasPrefix(l.Message, message) || message == joined && len(l.Shards) == 0 {
				continue
			}
			if found++; found == n {
				c.mu.Unlock()
				return l
			}
		}
		c.mu.Unlock()
		select {
		case <-more:
		case <-c.done:
			c.Fatalf("ended before %q: %s", message, c.log())
		case <-late:
			c.Fatalf("waited in vain for %q: %s", message, c.log())
		}
	}
}

func (c *child) log() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var b strings.Builder
	for _, l := range c.lines {
		fmt.Fprintf(&b, "%s %s\n", l.at.Format("15:04:05.000"), l.text)
	}
	return b.String()
}

// end ends the process and waits until it has.
func (c *child) end(s syscall.Signal) {
	c.Helper()
	_ = c.cmd.Process.Signal(s) // one that has ended already
	select {
	case <-c.done:
	case <-time.After(2 * time.Minute):
		c.Fatalf("does not end: %s", c.log())
	}
	if s == syscall.SIGTERM && c.cmd.ProcessState.ExitCode() != 0 {
		c.Errorf("ended with %v: %s", c.cmd.ProcessState, c.log())
	}
}

// What the program logs at the steps of a take-over.
const (
	joined = "member of the group"
	speaks = "shard speaks"
	walked = "all customers were looked at: what stands is said"
)

// shopper is a customer by number.
func shopper(n int) string { return fmt.Sprintf("customer-%07d", n) }

// shopping is a touchpoint as shops send them, of 400 to 700 bytes: of ten, seven views of a product, two additions to a
// cart and one order.
func shopping(rng *rand.Rand, customer string, id int, at events.Instant) []byte {
	product := rng.IntN(5000)
	item := fmt.Sprintf(`"product_id":"p%d","sku":"SKU-%06d","category":"Shoes/%d","name":"A pair of walking shoes, number %d","brand":"Brand %d","price":%d.90,"quantity":1`,
		product, product, product%40, product, product%17, 40+product%900)
	name, properties := "Product Viewed", item+`,"currency":"HKD","url":"https://shop.example/p/`+strconv.Itoa(product)+`","position":3`
	switch k := rng.IntN(10); {
	case k == 0:
		name = "Order Completed"
		properties = fmt.Sprintf(`"order_id":"o-%d","total":%d.90,"shipping":20,"tax":0,"discount":5.5,"currency":"HKD","products":[{%s},{"product_id":"p7","price":19.90,"quantity":2}]`,
			id, 80+product%900, item)
	case k <= 2:
		name = "Product Added"
	}
	return fmt.Appendf(nil, `{"type":"track","event":%q,"messageId":"m-%d","userId":%q,"timestamp":%q,`+
		`"context":{"channel":"web","page":{"path":"/p/%d","title":"Walking shoes"},"userAgent":"Mozilla/5.0 (X11; Linux x86_64)"},"properties":{%s}}`,
		name, id, customer, at, product, properties)
}

// past sends n touchpoints of so many customers, in order of time over two years until now.
func (r *rig) past(n, customers int) {
	r.Helper()
	rng, home := rand.New(rand.NewPCG(61, 62)), r.murmur()
	c := r.franz(fkgo.DefaultProduceTopic(r.config.Topics.Touchpoints), fkgo.MaxBufferedRecords(20_000))
	defer c.Close()
	now, span := events.At(time.Now()), 730*events.Instant(day)
	for i := range n {
		customer := shopper(rng.IntN(customers))
		at := now - span + events.Instant(int64(span)*int64(i)/int64(n))
		c.Produce(context.Background(), &fkgo.Record{Key: []byte(customer), Value: shopping(rng, customer, i, at), Partition: home(customer)}, r.refused)
	}
	r.must(c.Flush(context.Background()))
}

func (r *rig) refused(_ *fkgo.Record, err error) {
	if err != nil {
		r.Error(err)
	}
}

// loads counts them: no two are alike, or the second would make nothing true.
var loads atomic.Int64

// load sends so many touchpoints a second, evenly over the partitions and in slices of 5 ms, until stop is called, which
// returns how many were sent.
func (r *rig) load(rate, customers int) (stop func() int) {
	r.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	sent := make(chan int, 1)
	go func() {
		rng, home := rand.New(rand.NewPCG(uint64(loads.Add(1)), 64)), r.murmur()
		of := make([][]string, r.config.Topics.Partitions) // customers by partition
		for i := range customers {
			of[home(shopper(i))] = append(of[home(shopper(i))], shopper(i))
		}
		c := r.franz(fkgo.DefaultProduceTopic(r.config.Topics.Touchpoints), fkgo.MaxBufferedRecords(100_000))
		defer c.Close()
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		n := 0
		for began := time.Now(); ctx.Err() == nil; <-tick.C {
			for due := int(time.Since(began).Seconds() * float64(rate)); n < due; n++ {
				p := n % len(of)
				who := of[p][rng.IntN(len(of[p]))]
				c.Produce(context.Background(), &fkgo.Record{Key: []byte(who), Partition: int32(p),
					Value: shopping(rng, who, int(began.UnixMilli())<<20+n, events.At(time.Now()))}, r.refused)
			}
		}
		r.refused(nil, c.Flush(context.Background()))
		sent <- n
	}()
	return func() int { cancel(); return <-sent }
}
