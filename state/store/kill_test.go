package store

import (
	"bufio"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/touchfold/touchfold/events"
)

var (
	kills    = flag.Int("kills", 3, "how often the process is killed in TestKilled")
	killable = flag.String("killable", "", "folder in which this process, one of TestKilled, is to save until it is killed")
)

// There are so many customers, and each checkpoint touches every third of them once.
const killedCustomers = 3000

// saveUntilKilled goes on from where a store is, and prints each position that was saved.
func saveUntilKilled(t *testing.T) {
	s := mustOpen(t, config(t, *killable, 1<<30))
	p, _ := s.Positions()
	for n := int(p.Input); ; {
		for range killedCustomers / 3 {
			touch(t, s, events.CustomerID(fmt.Sprint("customer ", n*3%killedCustomers+n/1000%3)), n, events.Instant(1000+n), events.Instant(5000+n))
			n++
		}
		must(t, s.Checkpoint(at(events.Offset(n))))
		must(t, s.Wait())
		fmt.Println(n)
	}
}

// A process that is killed loses nothing that it saved, and what it leaves opens.
func TestKilled(t *testing.T) {
	if *killable != "" {
		saveUntilKilled(t)
	}
	t.Parallel()
	dir := t.TempDir()
	random := rand.New(rand.NewPCG(1, uint64(time.Now().UnixNano())))
	for range *kills {
		saved := killOne(t, dir, time.Duration(random.Int64N(int64(400*time.Millisecond))))
		s, err := Open(config(t, dir, 1))
		if err != nil {
			t.Fatal(err)
		}
		p, _ := s.Positions()
		if p.Input < saved {
			t.Errorf("it is at %d, and %d was saved", p.Input, saved)
		}
		for c := range killedCustomers {
			checkKilled(t, s, c, int(p.Input))
		}
		must(t, s.Close())
	}
}

// killOne lets a process save for a while after its first checkpoint, and returns the last position that it printed.
func killOne(t *testing.T, dir string, after time.Duration) (saved events.Offset) {
	t.Helper()
	self, err := os.Executable()
	must(t, err)
	cmd := exec.Command(self, "-test.run=^TestKilled$", "-killable="+dir)
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	defer cmd.Wait()
	for lines := bufio.NewScanner(out); lines.Scan(); {
		n, err := strconv.Atoi(lines.Text())
		if err != nil {
			cmd.Process.Kill()
			t.Fatalf("the process says: %s", lines.Text())
		}
		if saved == 0 {
			time.AfterFunc(after, func() { cmd.Process.Kill() })
		}
		saved = events.Offset(n)
	}
	return saved
}

// checkKilled compares one customer with what he must be at a position, or after the next checkpoint.
func checkKilled(t *testing.T, s *Store, customer, position int) {
	t.Helper()
	c, err := s.Customer(events.CustomerID(fmt.Sprint("customer ", customer)))
	must(t, err)
	rounds := position / (killedCustomers / 3)
	want, next := 0, 0
	for r := range rounds + 1 {
		if customer%3 == r%3 {
			if next++; r < rounds {
				want++
			}
		}
	}
	if got := c.Events(); got != want && got != next {
		t.Errorf("at %d customer %d has %d events; want %d", position, customer, got, want)
	}
}
