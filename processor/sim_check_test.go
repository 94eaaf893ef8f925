package processor

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state"
	"github.com/touchfold/touchfold/state/rulebook"
)

// simReader is the independent reader of what a seed left behind. It knows the input as the driver wrote it and as the
// partitions hold it, and computes what is true by brute force.
type simReader struct {
	w    *simWorld
	bad  []string
	held []map[events.CustomerID][]simHeld // by shard: what its partition holds of its customers; under "" of the world
	// By shard: the rulebook that its first owner began with, and those in its partition.
	first []*rulebook.Rulebook
	ruled [][]simRuled
	floor []events.Instant              // by shard: what happened up to then is past
	said  map[string][]events.Statement // by customer and fact
	left  []events.Instant              // by shard: the clock of the last word before the last take-over, or of the first after mute
}

// simHeld is a record in a partition.
type simHeld struct {
	offset events.Offset
	append events.Instant
	copy   simCopy
}

func newSimReader(w *simWorld) *simReader {
	c := &simReader{w: w, first: make([]*rulebook.Rulebook, w.shards), ruled: make([][]simRuled, w.shards),
		floor: make([]events.Instant, w.shards), left: make([]events.Instant, w.shards), said: map[string][]events.Statement{}}
	for p := range w.shards {
		held := map[events.CustomerID][]simHeld{}
		w.kafka.log(simInput, events.ShardID(p)).records(func(r *events.Record, _ int64) {
			c.rulebook(r)
			t := w.driver.touches[string(r.Value)]
			if t == nil || !t.world && events.ShardOf(t.customer, w.shards) != events.ShardID(p) {
				return
			}
			origin, _ := events.OriginOf(r)
			if copy, ok := simRead(t, origin.Append); ok {
				held[t.customer] = append(held[t.customer], simHeld{r.Offset, r.Append, copy})
			}
		})
		c.held = append(c.held, held)
	}
	return c
}

// rulebook notes a rulebook in the input.
func (c *simReader) rulebook(r *events.Record) {
	control, refusal := events.ControlOf(r, simApp)
	if refusal != nil || control.Kind != events.RulebookControl {
		return
	}
	b, err := rulebook.FromControl(&control)
	if err != nil {
		c.fault("input %d/%d: %v", r.Partition, r.Offset, err)
		return
	}
	c.ruled[r.Partition] = append(c.ruled[r.Partition], simRuled{r.Offset, b})
}

func (c *simReader) fault(format string, args ...any) {
	c.bad = append(c.bad, fmt.Sprintf(format, args...))
}

// check is every violation that an independent reader finds when the last owners' clocks are at.
func (c *simReader) check(at []events.Instant) []string {
	last := map[string]events.Statement{}
	for p := range c.w.shards {
		c.partition(events.ShardID(p), last)
	}
	c.lastWords(last, at)
	c.parked()
	return c.bad
}

// partition reads one partition of the output in order.
func (c *simReader) partition(p events.ShardID, last map[string]events.Statement) {
	var before events.Statement
	var first *events.Mark
	ids := map[string]bool{}
	c.w.kafka.log(simOutput, p).records(func(r *events.Record, producer int64) {
		if producer < 0 {
			return // no owner's
		}
		s, mark, err := events.ParseDerived(r)
		if err != nil {
			c.fault("output %d/%d: %v", p, r.Offset, err)
			return
		}
		if mark != nil {
			if mark.Kind == events.ShardOpened {
				c.left[p] = max(c.left[p], before.Clock)
			}
			if first == nil && mark.Kind == events.ShardOpened {
				first = mark
				c.first[p], err = rulebook.Parse([]byte(mark.Content))
				if err != nil {
					c.fault("output %d/%d: %v", p, r.Offset, err)
				}
				if mark.MuteUntil >= 0 {
					c.floor[p] = r.Append
				}
			}
			return
		}
		where := fmt.Sprintf("output %d/%d: %s %s n=%d %q at (%d, %s)", p, r.Offset, s.Customer, s.Fact, s.N, s.Value, s.Position, s.Clock)
		if first == nil || s.Position < first.MuteUntil {
			c.fault("%s: it should be mute", where)
		}
		if before.N == 0 && first != nil && first.MuteUntil >= 0 {
			c.left[p] = s.Clock
		}
		c.statement(where, r, s, &before, ids, last)
		before = *s
	})
}

// statement checks one statement against what was said before it and against the truth at the step that it names.
func (c *simReader) statement(where string, r *events.Record, s, before *events.Statement, ids map[string]bool, last map[string]events.Statement) {
	id := simHeader(r, "ce_id")
	if ids[id] {
		c.fault("%s: its id stands twice", where)
	}
	ids[id] = true
	if want := events.StatementID(events.IDKey(simApp), s.Customer, s.Fact, s.N); id != want || events.ShardOf(s.Customer, c.w.shards) != s.Shard || s.Shard != r.Partition {
		c.fault("%s: id %s or shard %d is not what it should be", where, id, s.Shard)
	}
	key := string(s.Customer) + " " + s.Fact
	if l := last[key]; s.N != l.N+1 || s.Previous != l.Value || s.Value == l.Value {
		c.fault("%s: after n=%d %q", where, l.N, l.Value)
	}
	c.again(where, s, key)
	last[key] = *s
	if s.Position < before.Position || s.Clock < before.Clock {
		c.fault("%s: goes back from (%d, %s)", where, before.Position, before.Clock)
	}
	if s.AsOf > s.Clock || !c.true(s, s.Position) && !c.true(s, s.Position-1) {
		c.fault("%s: untrue as of %s", where, s.AsOf)
	}
}

// again: what was said and taken back is not said once more, since the same instant, if nothing came of the customer or of
// the world in between and no rulebook was put in force.
func (c *simReader) again(where string, s *events.Statement, key string) {
	for _, former := range c.said[key] {
		if former.Value != s.Value || former.Effective != s.Effective {
			continue
		}
		// The touchpoint that the former was said with may not have been folded by then.
		between := func(offset events.Offset) bool { return former.Position-1 <= offset && offset < s.Position }
		came := func(h simHeld) bool { return between(h.offset) }
		if !slices.ContainsFunc(c.held[s.Shard][s.Customer], came) && !slices.ContainsFunc(c.held[s.Shard][""], came) &&
			!slices.ContainsFunc(c.ruled[s.Shard], func(r simRuled) bool { return between(r.offset) }) {
			c.fault("%s: was said with n=%d at %d, and nothing came since", where, former.N, former.Position)
		}
	}
	c.said[key] = append(c.said[key], *s)
}

// true: with the input folded up to a position the fact has this value as of the instant that the statement names.
func (c *simReader) true(s *events.Statement, position events.Offset) bool {
	upTo := func(held []simHeld) (copies []simCopy) {
		for _, h := range held {
			if h.offset < position {
				copies = append(copies, h.copy)
			}
		}
		return copies
	}
	copies, world := upTo(c.held[s.Shard][s.Customer]), upTo(c.held[s.Shard][""])
	rules := simInForce(c.first[s.Shard], c.ruled[s.Shard], position)
	if strings.HasPrefix(s.Fact, simTriggers) {
		return c.happened(s, rules, copies, world)
	}
	return simTruth(rules, copies, world, s.AsOf)[s.Fact] == s.Value
}

// simTruth is all that is true of a customer at an instant.
func simTruth(rules simRules, copies, world []simCopy, at events.Instant) map[string]state.Value {
	facts := map[string]state.Value{}
	simFacts(rules, simMoves(copies), simMoves(world), at, func(key string, v state.Value) { facts[key] = v })
	return facts
}

// lastWords: the last word on every fact is what follows from what the driver wrote, wherever it stood, each event once.
func (c *simReader) lastWords(last map[string]events.Statement, at []events.Instant) {
	copies := map[events.CustomerID][]simCopy{}
	for _, w := range c.w.driver.written {
		if copy, ok := simRead(w.touch, w.append); ok {
			copies[w.touch.customer] = append(copies[w.touch.customer], copy)
		}
	}
	want := map[string]string{}
	world := copies[""]
	delete(copies, "")
	for customer, list := range copies {
		shard := events.ShardOf(customer, c.w.shards)
		rules := simInForce(c.first[shard], c.ruled[shard], 1<<62)
		for fact, v := range simTruth(rules, list, world, at[shard]) {
			want[string(customer)+" "+fact] = v
		}
		c.lastOccurrences(customer, rules, list, world, last, at[shard])
	}
	for _, key := range slices.Sorted(maps.Keys(last)) {
		if l := last[key]; !strings.HasPrefix(l.Fact, simTriggers) && l.Value != want[key] {
			c.fault("last word on %s is %q (n=%d), and the truth %q", key, l.Value, l.N, want[key])
		}
	}
	for _, key := range slices.Sorted(maps.Keys(want)) {
		if _, said := last[key]; !said {
			c.fault("nothing was ever said on %s, and the truth is %q", key, want[key])
		}
	}
}

func simHeader(r *events.Record, key string) string {
	for _, h := range r.Headers {
		if h.Key == key {
			return string(h.Value)
		}
	}
	return ""
}

// simKind is a violation without what differs from one to the next, to count by.
func simKind(violation string) string {
	_, text, found := strings.Cut(violation, ": ")
	if !found {
		text = violation
	}
	words := strings.Fields(text)
	words = slices.DeleteFunc(words, func(s string) bool { _, err := strconv.Atoi(strings.Trim(s, "n=,()")); return err == nil })
	return strings.Join(words[:min(len(words), 4)], " ")
}
