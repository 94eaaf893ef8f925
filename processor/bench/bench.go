// Package bench measures the program as it is, on a workload that it makes up: one shard without a broker, a backlog through
// a broker, latency at a steady rate, and how long a take-over lasts. As against the benchmarks of tests it is for whoever has
// to choose a machine. Its one rule: what is measured is the product's own code, as a process of its own wherever a broker is
// part of it, and each figure has its unit in its name.
package bench

import (
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"github.com/touchfold/touchfold/processor/bench/load"
)

// Workload is what was folded.
type Workload struct {
	Touchpoints    int     `json:"touchpoints"`
	Customers      int     `json:"customers"` // as many may have come; some who come rarely have not
	LatePercent    int     `json:"late_percent"`
	Uniform        bool    `json:"uniform"`
	Seed           uint64  `json:"seed"`
	BytesPerEvent  float64 `json:"bytes_per_event"`
	RulebookSource string  `json:"rulebook"` // none, default, or the file
}

// Machine is where.
type Machine struct {
	Cores   int    `json:"cores"` // that the process may use
	Version string `json:"version"`
	Go      string `json:"go"`
}

// Head is what each result begins with.
type Head struct {
	Benchmark string   `json:"benchmark"`
	Workload  Workload `json:"workload"`
	Machine   Machine  `json:"machine"`
}

func newHead(name, version, rulebook string, c load.Config) Head {
	return Head{name,
		Workload{Touchpoints: c.Touchpoints, Customers: c.Customers, LatePercent: c.Late, Uniform: c.Uniform, Seed: c.Seed, RulebookSource: rulebook},
		Machine{Cores: runtime.GOMAXPROCS(0), Version: version, Go: runtime.Version()}}
}

// write tells what was folded, in a line.
func (h *Head) write(w io.Writer) {
	order := "few of whom come often"
	if h.Workload.Uniform {
		order = "each as often as any other"
	}
	fmt.Fprintf(w, "%s touchpoints of %.0f bytes of %s customers, %s; %d %% late; rulebook: %s; cores: %d\n\n", thousands(h.Workload.Touchpoints),
		h.Workload.BytesPerEvent, thousands(h.Workload.Customers), order, h.Workload.LatePercent, h.Workload.RulebookSource, h.Machine.Cores)
}

// thousands is a number with commas.
func thousands[T int | int64 | uint64 | float64](n T) string {
	s := fmt.Sprintf("%.0f", float64(n))
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// bytesOf is a size in words.
func bytesOf(n int64) string { return fmt.Sprintf("%.0f MiB", float64(n)/(1<<20)) }

// cpuTime is what this process has used.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// diskBytes is what a folder takes on the disk.
func diskBytes(dir string) (bytes int64, err error) {
	err = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if s, ok := info.Sys().(*syscall.Stat_t); ok {
			bytes += s.Blocks * 512
		}
		return nil
	})
	return bytes, err
}
