package bench

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"github.com/touchfold/touchfold/config"
	"github.com/touchfold/touchfold/processor/bench/load"
)

// TestFold: all is folded and something is said; the stages are the whole.
func TestFold(t *testing.T) {
	t.Parallel()
	c := config.Default()
	r, err := Fold(t.Context(), FoldConfig{Config: c, Load: load.Config{Touchpoints: 20_000, Customers: 1000, Late: 10, Seed: 1}, Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	if r.EventsPerSecond <= 0 || r.CPUPerEvent <= 0 || r.DiskBytesPerEvent < 30 || r.DerivedPerEvent < 0.01 || r.DerivedPerEvent > 1 {
		t.Errorf("%+v", r)
	}
	shares, cpu := 0.0, 0.0
	for _, s := range r.Stages {
		shares, cpu = shares+s.Share, cpu+s.CPUPerEvent
	}
	if math.Abs(shares-1) > 0.001 || math.Abs(cpu-r.CPUPerEvent) > 0.001*cpu {
		t.Errorf("the stages' shares add up to %v, their CPU to %v of %v us", shares, cpu, r.CPUPerEvent)
	}
	var text strings.Builder
	r.Write(&text)
	if _, err := json.Marshal(r); err != nil || !strings.Contains(text.String(), "collector") {
		t.Errorf("%v\n%s", err, text.String())
	}
	t.Logf("\n%s", text.String())
}

// TestStageOf: where samples of the profile belong.
func TestStageOf(t *testing.T) {
	shard := []string{"runtime.goexit", home + "processor.(*shard).run", home + "processor.(*shard).slice", home + "processor.(*shard).step"}
	for _, c := range []struct {
		want  string
		stack []string
	}{
		{"decode", []string{home + "events.(*Decoder).Decode", home + "events.(*scanner).value"}},
		{"read", []string{home + "state/store.(*Store).Customer", home + "state.(*Table).Parse"}},
		{"fold", []string{home + "state.(*Customer).Take", home + "state/purchases.fold"}},
		{"facts", []string{home + "state.(*Customer).Step", home + "state/rules.(*feature).Facts"}},
		{"encode", []string{home + "state.(*Customer).Step", home + "processor.(*shard).say", home + "events.(*Encoder).Statement"}},
		{"checkpoint", []string{home + "state/store.(*Store).Checkpoint", home + "state.(*Customer).AppendRow"}},
		{"collector", []string{home + "state.(*Customer).Take", "runtime.mallocgc", "runtime.gcAssistAlloc"}},
		{"fold", []string{home + "state.(*Customer).Take", "runtime.mallocgc"}},
		{"other", nil},
	} {
		if got := stages[stageOf(append(shard, c.stack...))].name; got != c.want {
			t.Errorf("%v is of %s, want %s", c.stack, got, c.want)
		}
	}
	for name, want := range map[string]string{"runtime.gcBgMarkWorker": "collector", "github.com/dgraph-io/badger/v4.(*DB).doWrites": "checkpoint",
		"runtime.mcall": "other"} {
		if got := stages[stageOf([]string{"runtime.goexit", name})].name; got != want {
			t.Errorf("%s is of %s, want %s", name, got, want)
		}
	}
}
