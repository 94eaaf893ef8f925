package processor

import (
	"fmt"
	"os"
	"testing"
)

func BenchmarkZZ(b *testing.B) {
	r := realRig(b, 1)
	r.past(r.number("PAST", 1_000_000), r.number("CUSTOMERS", 100_000))
	fmt.Printf("TOPICS %s %s %s APP %s\n", r.config.Topics.Touchpoints, r.config.Topics.Events, r.config.Topics.Parked, r.config.App)
	os.Exit(0)
}
