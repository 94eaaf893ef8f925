package processor

import (
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"testing"
)

var (
	simSeeds = flag.Int("sim.seeds", 300, "seeds of the simulation")
	simFirst = flag.Uint64("sim.first", 1, "the first of them")
	simStop  = flag.Int("sim.stop", 20, "failing seeds after which it stops")
	simTrace = flag.Bool("sim.trace", false, "tell what happens, of the first seed alone")
)

// TestSimulation runs owners of shards, as they are, over models of Kafka and of disks: see simWorld. A seed that fails
// is named, and runs again the same with -sim.first.
func TestSimulation(t *testing.T) {
	seeds := *simSeeds / slowly
	if *simTrace {
		for _, v := range simulate(*simFirst, os.Stderr, &simCount{}) {
			t.Error(v)
		}
		return
	}
	var mu sync.Mutex
	var all simCount
	kinds, failed, next := map[string]int{}, 0, *simFirst
	take := func() (seed uint64, more bool) {
		mu.Lock()
		defer mu.Unlock()
		seed, next = next, next+1
		return seed, seed < *simFirst+uint64(seeds) && failed < *simStop
	}
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for seed, more := take(); more; seed, more = take() {
				var c simCount
				bad := simulate(seed, nil, &c)
				mu.Lock()
				all.add(&c)
				if len(bad) > 0 {
					failed++
					if failed <= 20 {
						t.Errorf("seed %d (-sim.first %d -sim.trace): %s", seed, seed, bad[0])
					}
				}
				for _, v := range bad {
					kinds[simKind(v)]++
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	for i, f := range all.fields() {
		if *f == 0 && seeds >= 300 {
			t.Errorf("the %d. of the counts is 0: that is never simulated", i+1)
		}
	}
	t.Logf("%d seeds, %d failed %v: %+v", seeds, failed, kinds, all)
}

// simulate runs one seed and returns the violations.
func simulate(seed uint64, out io.Writer, c *simCount) (bad []string) {
	defer func() {
		if r := recover(); r != nil {
			bad = append(bad, fmt.Sprintf("panic: %v\n%s", r, debug.Stack()))
		}
	}()
	w := newSimWorld(seed, out)
	bad = w.run()
	*c = w.count
	return bad
}

// TestSimulationReplays: a seed is the same whenever it runs, else it could not be looked into.
func TestSimulationReplays(t *testing.T) {
	for seed := range uint64(40) {
		var runs [2]strings.Builder
		for i := range runs {
			simulate(seed, &runs[i], &simCount{})
		}
		if a, b := runs[0].String(), runs[1].String(); a != b {
			i := 0
			for i < min(len(a), len(b)) && a[i] == b[i] {
				i++
			}
			t.Errorf("seed %d differs from byte %d on: %q and %q", seed, i, a[max(0, i-100):min(len(a), i+100)], b[max(0, i-100):min(len(b), i+100)])
		}
	}
}
