package processor

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	fkgo "github.com/twmb/franz-go/pkg/kgo"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state"
	"github.com/touchfold/touchfold/state/store"
)

// TestStoreLost: whatever becomes of a store, what was said is read in the output, nothing is said twice, and the end is
// as if nothing had happened.
func TestStoreLost(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		spoil func(r *rig, old string) // old is a copy of the stores made half way
	}{
		{"lost", func(r *rig, _ string) { r.must(os.RemoveAll(r.config.Dir)) }},
		{"lost before anything was saved", func(r *rig, _ string) { r.config.Dir = r.TempDir() }},
		{"rolled back", func(r *rig, old string) { r.config.Dir = old }},
		{"one of them lost", func(r *rig, _ string) { r.must(os.RemoveAll(StoreDir(r.config.Dir, 1))) }},
		{"rolled back, and a stranger wrote to the output", func(r *rig, old string) {
			r.config.Dir = old
			for p := range int32(2) {
				r.produce(&fkgo.Record{Topic: r.config.Topics.Events, Partition: p, Key: []byte("k"), Value: []byte("{}")})
			}
		}},
	} {
		for _, mute := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, mute %v", c.name, mute), func(t *testing.T) {
				t.Parallel()
				r := newRig(t, 2, func(x *Config) { x.Mute = mute })
				tps := history(rand.New(rand.NewPCG(31, 32)), 900, 40, events.At(time.Now())-600*events.Instant(day), 590)
				r.send(tps[:300]...)
				r.once()
				old := r.TempDir()
				r.must(os.CopyFS(old, os.DirFS(r.config.Dir)))
				r.send(tps[300:600]...)
				r.once()
				states := r.states()
				before, _ := r.said()
				c.spoil(r, old)
				r.once()
				if again, _ := r.said(); len(again) != len(before) {
					t.Errorf("%d derived events after the loss, %d before it", len(again), len(before))
				}
				for who, state := range r.states() {
					if states[who] != state {
						t.Error("a customer's state is another after the loss")
						break
					}
				}
				r.send(tps[600:]...)
				r.once()
				if all, _ := r.said(); len(all) <= len(before) {
					t.Errorf("%d derived events after more touchpoints", len(all))
				}
				r.agrees()
			})
		}
	}
}

// agrees: the last word on every fact is what the stores hold to be true, and there is one on all that is true.
func (r *rig) agrees() {
	r.Helper()
	all, _ := r.said()
	r.agreesWith(all)
}

// agreesWith is agrees, of what was said.
func (r *rig) agreesWith(all []told) {
	r.Helper()
	last := map[string]string{}
	for _, t := range all {
		if last[t.customer+" "+t.fact] = t.value; t.value == "false" || t.value == "<nil>" {
			delete(last, t.customer+" "+t.fact)
		}
	}
	held := map[string]string{}
	r.stores(func(s *store.Store) {
		at, _ := s.Positions()
		r.must(s.Customers("", func(c *state.Customer) (bool, error) {
			c.Facts(at.Clock, func(key string, v state.Value) {
				if v != "" {
					held[string(c.ID())+" "+key] = v
				}
			})
			return true, nil
		}))
	})
	if !maps.Equal(last, held) {
		r.Errorf("the last words are %d, what is true is %d", len(last), len(held))
		for k, v := range held {
			if last[k] != v {
				r.Logf("%s is %q, said is %q", k, v, last[k])
			}
		}
		for k, v := range last {
			if held[k] == "" {
				r.Logf("%s is said to be %q", k, v)
			}
		}
	}
}
