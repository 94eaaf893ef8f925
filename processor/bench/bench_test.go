package bench

import (
	"fmt"
	"testing"

	"github.com/rs/zerolog"

	"github.com/touchfold/touchfold/config"
	"github.com/touchfold/touchfold/processor/bench/load"
)

// BenchmarkFold is `touchfold bench fold`, to be compared with benchstat.
func BenchmarkFold(b *testing.B) {
	for _, late := range []int{0, 20} {
		b.Run(fmt.Sprintf("late=%d%%", late), func(b *testing.B) {
			var cpu, allocs float64
			n := 0
			for ; b.Loop(); n++ {
				r, err := Fold(b.Context(), FoldConfig{Config: config.Default(), Log: zerolog.Nop(),
					Load: load.Config{Touchpoints: 250_000, Customers: 12_500, Late: late, Seed: 1}})
				if err != nil {
					b.Fatal(err)
				}
				cpu, allocs = cpu+r.CPUPerEvent, allocs+r.AllocsPerEvent
			}
			b.ReportMetric(cpu/float64(n), "cpu-us/touchpoint")
			b.ReportMetric(allocs/float64(n), "allocs/touchpoint")
			b.ReportMetric(0, "ns/op") // the making up is in it
		})
	}
}
