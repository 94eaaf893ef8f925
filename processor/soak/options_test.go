package soak

import (
	"cmp"
	"os"
	"strconv"
	"testing"
	"time"
)

// options are what TOUCHFOLD_SOAK_... say.
type options struct {
	length    time.Duration // TOUCHFOLD_SOAK: how long faults run in all; unset: the test is skipped
	round     time.Duration // _ROUND, 5m: a longer soak is cut into rounds of this length, each with fresh topics and stores
	seed      uint64        // _SEED, from the clock: of the driver's records and of the faults
	instances int           // _INSTANCES, 3
	shards    int           // _SHARDS, 8
	brokers   int           // _BROKERS, 1; or 3: replicated, and it is leaders that are killed
	rate      int           // _RATE, 400: touchpoints a second
	customers int           // _CUSTOMERS, 4000
	calm      bool          // _CALM=1: no faults at all, to see that the harness itself finds nothing
	keep      bool          // _KEEP=1: logs and stores stay where they are, though nothing was found
	dir       string        // _DIR: where they are; a temporary folder
}

func readOptions(t *testing.T) options {
	t.Helper()
	length := os.Getenv("TOUCHFOLD_SOAK")
	if length == "" {
		t.Skip("set TOUCHFOLD_SOAK=4m to run faults against real binaries and a real broker for so long")
	}
	number := func(name string, initial int) int {
		text := os.Getenv("TOUCHFOLD_SOAK_" + name)
		n, err := strconv.Atoi(cmp.Or(text, strconv.Itoa(initial)))
		if err != nil || n < 0 {
			t.Fatalf("TOUCHFOLD_SOAK_%s=%s is not a number", name, text)
		}
		return n
	}
	duration := func(name, text string) time.Duration {
		d, err := time.ParseDuration(text)
		if err != nil || d <= 0 {
			t.Fatalf("%s=%s is not a time such as 4m", name, text)
		}
		return d
	}
	o := options{
		length: duration("TOUCHFOLD_SOAK", length),
		round:  duration("TOUCHFOLD_SOAK_ROUND", cmp.Or(os.Getenv("TOUCHFOLD_SOAK_ROUND"), "5m")),
		seed:   uint64(number("SEED", int(time.Now().UnixNano()%1e9))), instances: number("INSTANCES", 3), shards: number("SHARDS", 8),
		brokers: number("BROKERS", 1), rate: number("RATE", 400), customers: number("CUSTOMERS", 4000),
		calm: number("CALM", 0) == 1, keep: number("KEEP", 0) == 1, dir: os.Getenv("TOUCHFOLD_SOAK_DIR"),
	}
	if o.brokers != 1 && o.brokers != 3 {
		t.Fatalf("TOUCHFOLD_SOAK_BROKERS=%d; there can be 1 or 3", o.brokers)
	}
	return o
}
