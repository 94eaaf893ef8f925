package soak

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
)

// figures are what a soak counts, for the report at its end.
type figures struct {
	mu       sync.Mutex
	counts   map[string]int
	hits     map[string]int // of failpoints
	rss      map[int]int64  // the largest, in bytes, of each instance
	findings []string       // what went wrong while it ran
}

func newFigures() *figures {
	return &figures{counts: map[string]int{}, hits: map[string]int{}, rss: map[int]int64{}}
}

func (f *figures) count(what string) { f.add(what, 1) }

func (f *figures) add(what string, n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.counts[what] += n
}

func (f *figures) hit(point string, n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.hits[point] += n
}

func (f *figures) hitsOf(point string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.hits[point]
}

func (f *figures) memory(instance int, bytes int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rss[instance] = max(f.rss[instance], bytes)
}

// find notes something that must not happen.
func (f *figures) find(format string, args ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.findings = append(f.findings, fmt.Sprintf(format, args...))
}

// String is the report.
func (f *figures) String() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var b strings.Builder
	for _, what := range slices.Sorted(maps.Keys(f.counts)) {
		fmt.Fprintf(&b, "  %-52s %8d\n", what, f.counts[what])
	}
	for _, point := range slices.Sorted(maps.Keys(f.hits)) {
		fmt.Fprintf(&b, "  failpoint %-42s %8d hits\n", point, f.hits[point])
	}
	for _, i := range slices.Sorted(maps.Keys(f.rss)) {
		fmt.Fprintf(&b, "  memory of instance %-33d %8d MiB at most\n", i, f.rss[i]>>20)
	}
	return b.String()
}
