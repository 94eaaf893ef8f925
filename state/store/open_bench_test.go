package store

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state"
)

// town is the folder of a store of n customers with three orders and some mails each, closed; and what a kill would leave.
func town(b *testing.B, n int) (closed, killed string) {
	b.Helper()
	dir := b.TempDir()
	c := config(b, dir, 64<<20)
	c.Table = featureTable(b)
	s := mustOpen(b, c)
	for i := range n {
		shop(b, s, events.CustomerID(fmt.Sprintf("customer-%07d", i)), 3, 2)
		if s.DirtyBytes() > 8<<20 {
			must(b, s.Checkpoint(at(events.Offset(i+1))))
		}
	}
	must(b, s.Checkpoint(at(events.Offset(n))))
	must(b, s.Wait())
	killed = crash(b, s)
	must(b, s.Close())
	return dir, killed
}

// BenchmarkOpen opens a shard's store of 100,000 customers: one that was closed, and one whose process was killed.
func BenchmarkOpen(b *testing.B) {
	closed, killed := town(b, 100_000)
	c := config(b, closed, 64<<20)
	c.Table = featureTable(b)
	var bytes int64
	b.Run("closed", func(b *testing.B) {
		for b.Loop() {
			s, err := Open(c)
			must(b, err)
			b.StopTimer()
			bytes = s.Size()
			must(b, s.Close())
			b.StartTimer()
		}
		b.ReportMetric(float64(bytes)/1e6, "MB")
	})
	b.Run("killed", func(b *testing.B) {
		for b.Loop() {
			b.StopTimer()
			c.Dir = b.TempDir()
			files, err := os.ReadDir(killed)
			must(b, err)
			for _, f := range files {
				must(b, copyFile(filepath.Join(killed, f.Name()), filepath.Join(c.Dir, f.Name())))
			}
			b.StartTimer()
			s, err := Open(c)
			must(b, err)
			b.StopTimer()
			must(b, s.Close())
			b.StartTimer()
		}
	})
}

// BenchmarkCustomers walks through 100,000 customers, in slices as long as its name says.
func BenchmarkCustomers(b *testing.B) {
	const n = 100_000
	closed, _ := town(b, n)
	c := config(b, closed, 1<<20)
	c.Table = featureTable(b)
	s := mustOpen(b, c)
	for _, slice := range []int{1, 200, 2000, n} {
		b.Run(fmt.Sprint(slice), func(b *testing.B) {
			b.ReportAllocs()
			var after events.CustomerID
			seen := 0
			for b.Loop() {
				left := slice
				must(b, s.Customers(after, func(c *state.Customer) (bool, error) {
					after = c.ID()
					left--
					seen++
					return left > 0, nil
				}))
				if left > 0 {
					after = ""
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(seen), "ns/customer")
		})
	}
}
