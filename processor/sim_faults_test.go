package processor

import (
	"time"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/processor/kafka"
)

// What happens to the world as a whole: time, what brokers forget, rulebooks, strangers.

// pass lets time pass.
func (w *simWorld) pass(d events.Instant) {
	w.kafka.now += d
	w.boot += time.Duration(d) * time.Millisecond
}

// time lets some time pass: mostly little, sometimes enough for horizons, or for a lease or a take-over to run out.
func (w *simWorld) time() {
	most := simHour
	switch x := w.IntN(20); {
	case x < 12:
		most = 2000
	case x < 16:
		most = 20_000
	case x < 19:
		most = 12 * simMinute
	}
	w.pass(1 + events.Instant(w.IntN(int(most))))
}

// leap lets more than a day pass in which nobody runs, so that the partitions forget who wrote.
func (w *simWorld) leap() {
	w.count.leaps++
	w.pass(25*simHour + events.Instant(w.IntN(int(simDay))))
	w.trace("%s: a day has passed", w.kafka.now)
	w.forget(func(*simOwner) bool { return false })
}

// quiet lets more than a day pass in which the members alone run and find nothing to do, while a former owner is stopped
// just before what it says arrives. The members must keep the partition from forgetting them.
func (w *simWorld) quiet() {
	former := w.member[w.IntN(w.shards)]
	if former == nil || !w.until(former, func() bool { return former.mouth.sent != nil }) {
		return
	}
	w.start(former.id)
	if m := w.member[former.id]; former.done || !w.until(m, func() bool { return m.opened }) {
		return
	}
	w.count.quiets++
	w.odds.quiet, w.calm = 0, true // it takes long
	for range 26 {
		w.pass(simHour + events.Instant(w.IntN(int(simMinute))))
		for range 12 * w.shards {
			if shard := w.IntN(w.shards); w.member[shard] == nil || w.member[shard].done {
				w.start(events.ShardID(shard))
			} else {
				w.member[shard].run()
			}
		}
	}
	w.calm = false
	w.trace("%s: a quiet day has passed", w.kafka.now)
	w.forget(func(o *simOwner) bool {
		m := w.member[o.id]
		return o.opened && m.opened && o.shard.producer.ID() == m.shard.producer.ID()
	})
	former.frozen = 0
}

// until runs an owner until something is so, if it comes to that.
func (w *simWorld) until(o *simOwner, so func() bool) bool {
	for range 200 {
		if so() || o.done {
			break
		}
		o.run()
	}
	return so() && !o.done
}

// forget makes the partitions forget who has not written for a day. What an owner had checked its lease for, and did not
// send, is lost, for the protocol cannot hold where somebody is stopped there for a day and the broker has forgotten the
// producer; but where the producer id is remembered it must.
func (w *simWorld) forget(remembered func(*simOwner) bool) {
	for _, o := range w.owners {
		if !remembered(o) {
			o.mouth.sent = nil
		}
	}
	w.ghosts = nil
	for p := range w.shards {
		w.kafka.log(simOutput, events.ShardID(p)).forget(w.kafka.now, simDay)
	}
}

// rules are what the next process would believe by.
func (w *simWorld) rules() simRules {
	if w.IntN(5) == 0 {
		return simRulebooks[w.IntN(w.newest+1)]
	}
	return simRulebooks[w.newest]
}

// rule brings a newer rulebook with the processes to come; or a person puts one in force, new or not.
func (w *simWorld) rule() {
	w.count.ruled++
	if w.newest+1 < len(simRulebooks) && w.IntN(3) > 0 {
		w.newest++
		return
	}
	b := simRulebooks[w.IntN(w.newest+1)].rulebook().Numbered(uint64(1 + w.IntN(6)))
	w.trace("rulebook %s is put in force", b.Name())
	control := b.Control(w.kafka.now)
	value, headers := control.Record(simApp)
	w.kafka.append(w.kafka.log(simInput, 0), simStamp{-1, -1}, -1, []kafka.Out{{Value: value, Headers: headers}})
}

// alien writes to the output what no owner wrote: nonsense, or again what somebody said.
func (w *simWorld) alien() {
	l := w.kafka.log(simOutput, events.ShardID(w.IntN(w.shards)))
	rec := kafka.Out{Value: []byte("hello")}
	if len(l.batches) > 0 && w.IntN(2) == 0 {
		r := l.batches[w.IntN(len(l.batches))].recs[0]
		rec = kafka.Out{Key: r.Key, Value: r.Value, Headers: r.Headers}
	}
	w.count.aliens++
	w.kafka.append(l, simStamp{-1, -1}, -1, []kafka.Out{rec})
	w.trace("somebody writes to output %d", l.shard)
}

// expire makes the coordinator forget the transactional ids. That takes it days, so whoever is taking over has passed
// its bound by then.
func (w *simWorld) expire() {
	w.count.expired++
	w.pass(2 * simMinute)
	clear(w.kafka.given)
	w.trace("%s: transactional ids are forgotten", w.kafka.now)
}
