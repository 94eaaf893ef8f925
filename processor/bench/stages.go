package bench

import (
	"fmt"
	"slices"
	"strings"

	"github.com/google/pprof/profile"
)

const home = "github.com/touchfold/touchfold/"

// stages stand in the order of the work. The function nearest the root that one of them names decides whose a stack is, and of
// two that name it the one that does so more closely; those that are within others take it wherever their function stands.
var stages = []struct {
	name, what string
	within     bool
	functions  []string // how their names begin
}{
	{"decode", "reading touchpoints", false, []string{home + "events.(*Decoder)", home + "events.ControlOf"}},
	{"read", "customers from the cache and the disk, and what keeps them there", false, []string{home + "state/store.(*Store).Customer",
		home + "state/store.(*Store).Changed", home + "state/store.(*Store).NextDue"}},
	{"fold", "timelines and what features know", false, []string{home + "state.", home + "state/"}},
	{"facts", "what is true, compared with what was said", false, []string{home + "state.(*Customer).Step",
		home + "state.(*Customer).Pass", home + "state.(*Customer).Settle", home + "state.(*Customer).Visit"}},
	{"encode", "writing derived events", true, []string{home + "events.(*Encoder)", home + "processor.(*voice)"}},
	{"checkpoint", "rows to the disk, Badger's own work included", false, []string{home + "state/store.", "github.com/dgraph-io/"}},
	{"collector", "freeing memory", true, []string{"runtime.gc", "runtime.bgsweep", "runtime.bgscavenge"}},
	{"other", "the shard's loop, the scheduler, the system", false, []string{""}},
}

// stageOf is the place among stages of a stack whose functions stand from the root on.
func stageOf(stack []string) int {
	found := len(stages) - 1
	for _, function := range stack {
		best, length := found, 0
		for i := range stages {
			for _, begin := range stages[i].functions {
				if len(begin) > length && strings.HasPrefix(function, begin) {
					best, length = i, len(begin)
				}
			}
		}
		switch {
		case stages[best].within:
			return best
		case found == len(stages)-1:
			found = best
		}
	}
	return found
}

// stagesOf parts what an event costs by a CPU profile.
func stagesOf(cpuProfile []byte, each float64) ([]Stage, error) {
	p, err := profile.ParseData(cpuProfile)
	if err != nil {
		return nil, fmt.Errorf("read the profile of the stages: %w", err)
	}
	spent, all := make([]int64, len(stages)), int64(0)
	for _, s := range p.Sample {
		cpu := s.Value[len(s.Value)-1] // nanoseconds; before it stand samples
		spent[stageOf(stackOf(s))] += cpu
		all += cpu
	}
	out := make([]Stage, len(stages))
	for i, s := range stages {
		share := float64(spent[i]) / float64(max(1, all))
		out[i] = Stage{s.name, share, share * each, s.what}
	}
	return out, nil
}

// stackOf is a sample's functions from the root on.
func stackOf(s *profile.Sample) (stack []string) {
	for _, location := range slices.Backward(s.Location) {
		for _, line := range slices.Backward(location.Line) { // the last of them called the others, which are inlined
			if line.Function != nil {
				stack = append(stack, line.Function.Name)
			}
		}
	}
	return stack
}
