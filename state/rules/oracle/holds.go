package oracle

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/big"
	"slices"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state/rules"
)

// holds is whether a condition is true at an instant, and the events that decide it.
func (r *run) holds(c rules.Condition, at events.Instant) (bool, []int) {
	switch c := c.(type) {
	case *rules.All:
		return r.combined(c.Of, true, at)
	case *rules.Any:
		return r.combined(c.Of, false, at)
	case *rules.Not:
		is, deciding := r.holds(c.Of, at)
		return !is, deciding
	case *rules.Event:
		return r.aggregated(c, at)
	case *rules.Trait:
		said, event := r.said(c.Name, at)
		if event < 0 {
			return false, nil
		}
		v, ok := jsonValue(said)
		if !ok {
			return false, nil
		}
		return compares(c.Compare, v, true), []int{event}
	case *rules.Feature:
		v, ok := r.figure(c.Name, c.Window, at)
		return compares(c.Compare, v, ok), nil
	case *rules.If:
		return r.figuresHold(c.Text, at), nil
	case *rules.InSegment:
		return r.inFor(c, at)
	case *rules.Bucket:
		return inBucket(c, r.list[0].Customer), nil
	case *rules.Sequence:
		end := r.completed(c)
		if end < 0 || r.list[end].Time > at {
			return false, nil
		}
		return true, []int{end}
	case *rules.Absence:
		return r.absent(c, at)
	case *rules.Catalogue:
		return r.offered(c, at)
	case *rules.Date, *rules.Item, *rules.Cadence:
		var deciding []int
		all := r.instances(c, at)
		for _, i := range all {
			deciding = append(deciding, i.event)
		}
		return len(all) > 0, deciding
	}
	panic(fmt.Sprintf("oracle: %T is no condition", c))
}

// combined is all (of true) or any (of false): the parts that are what the whole is decide it, or each if it takes all.
func (r *run) combined(of []rules.Condition, all bool, at events.Instant) (bool, []int) {
	decide, parts := map[bool][]int{}, map[bool]bool{}
	for _, c := range of {
		is, deciding := r.holds(c, at)
		parts[is] = true
		decide[is] = append(decide[is], deciding...)
	}
	whole := parts[true]
	if all {
		whole = !parts[false]
	}
	return whole, decide[whole]
}

// said is what was last said of the customer as a trait, and the event that said it; -1 if none did. null says nothing.
func (r *run) said(name string, at events.Instant) (v any, event int) {
	event = -1
	for i := range r.list[:r.upTo(at)] {
		if r.list[i].Type != events.Identify {
			continue
		}
		for _, t := range r.list[i].Traits {
			if x := decode(t.Value); t.Name == name && x != nil {
				v, event = x, i
			}
		}
	}
	return v, event
}

func (r *run) inFor(c *rules.InSegment, at events.Instant) (bool, []int) {
	s := r.segment(c.ID)
	is, deciding := r.holds(s.When, at)
	if !is || c.InFor.N == 0 {
		return is, deciding
	}
	for _, stay := range r.stays(c.ID) {
		if stay.From <= at && at < stay.To {
			return r.add(stay.From, c.InFor) <= at, deciding
		}
	}
	panic("oracle: a customer in a segment without a stay")
}

func inBucket(c *rules.Bucket, customer events.CustomerID) bool {
	sum := sha256.Sum256([]byte(c.Salt + "\x00" + string(customer)))
	h := new(big.Int).SetUint64(binary.BigEndian.Uint64(sum[:]))
	h.Mul(h, big.NewInt(100)).Mul(h, million)
	limit := new(big.Int).Lsh(big.NewInt(int64(c.Percent)), 64)
	return h.Cmp(limit) < 0
}

// absent is the truth of an absence; its instances say why it is true, the last matches why not.
func (r *run) absent(c *rules.Absence, at events.Instant) (bool, []int) {
	all := r.instances(c, at)
	var deciding []int
	for _, i := range all {
		deciding = append(deciding, i.event)
	}
	if len(all) > 0 {
		return true, deciding
	}
	if c.After == nil {
		if from := r.countsFrom(c, at); from >= 0 {
			return false, []int{from}
		}
		return false, nil
	}
	for _, h := range slices.Concat(r.hits(&c.Of, c.Correlate, at), r.hits(c.After, c.Correlate, at)) {
		if h.ok || c.Correlate == "" {
			deciding = append(deciding, h.event)
		}
	}
	return false, deciding
}

// countsFrom is the event from which an absence counts that is after none; -1 outside the population.
func (r *run) countsFrom(c *rules.Absence, at events.Instant) int {
	from := r.population(c, at)
	if of := r.hits(&c.Of, "", at); from >= 0 && len(of) > 0 {
		return of[len(of)-1].event
	}
	return from
}

// population is the event with which the customer came into it; -1 before.
func (r *run) population(c *rules.Absence, at events.Instant) int {
	return slices.IndexFunc(r.list[:r.upTo(at)], func(e events.Event) bool {
		return !c.Buyers || e.Type == events.OrderCompleted
	})
}

// completed is the event that first completed a run of a sequence; -1 if none did.
func (r *run) completed(c *rules.Sequence) int {
	if end, ok := r.first[c]; ok {
		return end
	}
	end := -1
	if all := r.completions(c); len(all) > 0 {
		end = all[0].event
	}
	r.first[c] = end
	return end
}
