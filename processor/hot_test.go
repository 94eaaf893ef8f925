package processor

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"github.com/touchfold/touchfold/events"
)

var hotEvents = flag.Int("hot", 10_000, "events of the hot customer of TestHotCustomer")

// TestHotCustomer: one customer with very many events, every second one late by up to three days, neither blocks the
// others of the shard nor is lost. With -hot 1000000 the figures are of interest.
func TestHotCustomer(t *testing.T) {
	t.Parallel()
	r, start := localRig(t, 1)
	b := start()
	defer func() { r.must(b.Close()) }()
	rng := rand.New(rand.NewPCG(71, 72))
	const year = 365 * events.Instant(day)
	now := events.At(time.Now())
	p := r.start()
	p.settle()
	began := time.Now()
	var tps []touchpoint
	for i := range *hotEvents {
		at := now - year + year*events.Instant(i)/events.Instant(*hotEvents)
		if i%2 == 1 {
			at -= events.Instant(rng.Int64N(3 * int64(day)))
		}
		id := fmt.Sprint("e", i)
		switch {
		case i%1000 == 7:
			tps = append(tps, order("other", id, now, 10))
		case i%50 == 0:
			tps = append(tps, order("hot", id, at, 10))
		default:
			tps = append(tps, view("hot", id, at))
		}
		if len(tps) == 20_000 || i == *hotEvents-1 {
			r.send(tps...)
			tps = tps[:0]
		}
	}
	sent := time.Since(began)
	end := r.ends(r.config.Topics.Touchpoints)[0]
	for p.at(0).Position < end || !p.at(0).Settled {
		<-p.moved
		if time.Since(began) > 20*time.Minute {
			t.Fatal("it does not come to an end")
		}
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	t.Logf("%d events sent in %s, folded in %s, %.0f refolded for each, %d MiB of heap", *hotEvents, sent, time.Since(began),
		p.value("touchfold_refolded_events_total")/float64(*hotEvents), m.HeapInuse>>20)
	p.stop()
	r.agrees()
}
