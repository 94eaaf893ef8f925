package processor

import (
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"github.com/touchfold/touchfold/events"
)

// TestVariants: batches and shards are nobody's business. The same log gives the same states and last words in each
// variant, and where nothing came late the same words in the same order.
func TestVariants(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(15, 16))
	punctual := history(rng, 4000/slowly, 120, date("2020-02-01T00:00:00Z"), 1000)
	for _, c := range []struct {
		name string
		past []touchpoint
		late bool
	}{{"punctual", punctual, false}, {"late", belated(rng, punctual), true}} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var states map[events.CustomerID]string
			var words map[string][]string
			var stand []string
			for _, v := range []struct{ shards, batch int }{{1, 10_000}, {1, 1}, {8, 10_000}} {
				now := newClock(c.past[len(c.past)-1].append + 200*events.Instant(day))
				r := newRig(t, v.shards, func(c *Config) { c.Topics.CreateTime, c.Now, c.Batch = true, now.Now, v.batch })
				r.send(c.past...)
				p := r.start()
				p.settle()
				p.await("all clocks have come to the end", func() bool {
					for i := range v.shards {
						if at := p.at(events.ShardID(i)); at.Clock != now.Now()-ClockMargin || !at.Settled {
							return false
						}
					}
					return true
				})
				p.stop()
				late := 0.0
				for _, m := range p.metric("touchfold_touchpoints_total") {
					if o := m.labels["outcome"]; o == "late" || o == "corrected" {
						late += m.value
					}
				}
				if c.late != (late > 0) {
					t.Errorf("%v events came late", late)
				}
				all, _ := r.said()
				if states == nil {
					states, words, stand = r.states(), r.sequences(), standing(all)
					if len(states) != 120 || len(all) < 300 {
						t.Fatalf("%d customers, %d derived events", len(states), len(all))
					}
					continue
				}
				if !maps.Equal(states, r.states()) {
					t.Errorf("%+v: the states differ", v)
				}
				if !slices.Equal(stand, standing(all)) {
					t.Errorf("%+v: other facts stand", v)
				}
				if got := r.sequences(); !c.late && !reflect.DeepEqual(got, words) {
					t.Errorf("%+v", v)
					differ(t, got, words)
				}
			}
		})
	}
}

// belated is a past of which one in twenty comes up to sixty days after its time, and some twice with another body.
func belated(rng *rand.Rand, past []touchpoint) []touchpoint {
	all := slices.Clone(past)
	for i := range all {
		switch rng.IntN(20) {
		case 0:
			all[i].append += events.Instant(rng.Int64N(60 * int64(day)))
		case 1:
			all = append(all, order(all[i].customer, "m"+all[i].customer, all[i].at+1000, 700+i),
				order(all[i].customer, "m"+all[i].customer, all[i].at, 900+i))
		}
	}
	for i := len(past); i < len(all); i++ {
		all[i].append = all[i].at + events.Instant(rng.Int64N(int64(day))) + 2000
	}
	slices.SortStableFunc(all, func(a, b touchpoint) int { return int(a.append - b.append) })
	return all
}
