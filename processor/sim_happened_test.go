package processor

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state/rulebook"
)

// What the independent reader of a seed wants of occurrences: see simReader.

const simTriggers = "trigger/"

// happened: an occurrence may be said or withdrawn as of the instant that the statement names.
func (c *simReader) happened(s *events.Statement, rules simRules, copies, world []simCopy) bool {
	all := simHappened(rules, simMoves(copies), simMoves(world), s.AsOf)
	i := slices.IndexFunc(all, func(x simTrigger) bool { return x.key == s.Fact })
	if s.Value == "" {
		c.w.count.withdrawn++
		return i < 0 && rules.ruled(s.Fact)
	}
	c.w.count.fired++
	if strings.HasPrefix(s.Fact, "trigger/offer/") {
		c.w.count.met++
	}
	return i >= 0 && all[i].at == s.Effective && all[i].at > c.floor[s.Shard] && all[i].at+rules.lateness >= s.AsOf
}

// lastOccurrences: the last word on every occurrence of a customer is what follows from what the driver wrote, unless it is
// history by now, or past from the beginning.
func (c *simReader) lastOccurrences(customer events.CustomerID, rules simRules, copies, world []simCopy, last map[string]events.Statement, at events.Instant) {
	so := map[string]bool{}
	for _, x := range simHappened(rules, simMoves(copies), simMoves(world), at) {
		so[x.key] = true
		said := last[string(customer)+" "+x.key].Value != ""
		open := x.at+rules.lateness >= at || c.onTime(customer, rules, x)
		if !said && open && x.at > c.floor[events.ShardOf(customer, c.w.shards)] {
			c.fault("last word on %s %s: it is not said, and has happened at %s", customer, x.key, x.at)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(last)) {
		l := last[key]
		if l.Customer == customer && strings.HasPrefix(l.Fact, simTriggers) && l.Value != "" && !so[l.Fact] && c.neverHistory(&l, at) {
			c.fault("last word on %s: it is said, and has not happened", key)
		}
	}
}

// neverHistory: by no rulebook that was in force was what was said of an occurrence history. What once was stays it.
func (c *simReader) neverHistory(l *events.Statement, at events.Instant) bool {
	shard := events.ShardOf(l.Customer, c.w.shards)
	open := func(b *rulebook.Rulebook) bool {
		r := simRulesOf(b)
		return r.ruled(l.Fact) && l.Effective+r.lateness-simHour >= at // it may have moved, by less
	}
	return open(c.first[shard]) && !slices.ContainsFunc(c.ruled[shard], func(r simRuled) bool { return !open(r.book) })
}

// onTime: an occurrence came about at its instant by time alone, has been so ever since, and the rulebook was always the
// same. However late that was seen, it had to be said; unless an owner ended who was so late that his last word's clock,
// by which the next one goes on, was past its lateness, or the first one was mute until then.
func (c *simReader) onTime(customer events.CustomerID, rules simRules, x simTrigger) bool {
	shard := events.ShardOf(customer, c.w.shards)
	if len(c.ruled[shard]) > 0 || c.left[shard] > x.at+rules.lateness || !strings.HasPrefix(x.key, "trigger/care/") {
		return false
	}
	var copies []simCopy
	so := func() bool { return slices.Contains(simHappened(rules, simMoves(copies), nil, x.at), x) }
	for _, h := range c.held[shard][customer] {
		if h.append >= x.at && !so() {
			return false
		}
		copies = append(copies, h.copy)
	}
	return so()
}

// parked: what nobody can read is parked, at least once, and nothing else is.
func (c *simReader) parked() {
	want := map[string]bool{}
	for _, w := range c.w.driver.written {
		if _, ok := simRead(w.touch, w.append); !ok {
			want[fmt.Sprintf("%d/%d", w.at.Partition, w.at.Offset)] = true
		}
	}
	found := map[string]bool{}
	c.w.kafka.log(simParked, 0).records(func(r *events.Record, _ int64) {
		at := simHeader(r, HeaderParkedPartition) + "/" + simHeader(r, HeaderParkedOffset)
		if !want[at] {
			c.fault("input %s is parked (%s)", at, simHeader(r, HeaderParkedReason))
		}
		found[at] = true
	})
	for _, at := range slices.Sorted(maps.Keys(want)) {
		if !found[at] {
			c.fault("input %s is not parked", at)
		}
	}
}
