package processor

import (
	"bytes"
	"fmt"
	"hash/crc32"
	"slices"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/processor/kafka"
)

// simCluster is a model of Kafka: topics, the coordinator of transactional ids and what each partition knows of
// producers, as brokers 3.9 and 4.3 were seen to behave. Nothing in it happens by itself.
type simCluster struct {
	now    events.Instant // the brokers' clock
	topics map[string][]*simLog
	given  map[string]simStamp // by transactional id: who has it
	lastID int64
}

// simStamp names a producer.
type simStamp struct {
	id    int64
	epoch int16
}

// simLog is one partition.
type simLog struct {
	topic     string
	shard     events.ShardID
	batches   []simBatch
	end       events.Offset
	producers map[int64]*simProducer
}

type simBatch struct {
	head kafka.Head
	recs []events.Record
}

// simProducer is what a partition knows of a producer id.
type simProducer struct {
	epoch int16
	next  int32 // sequence number
	wrote events.Instant
	last  []simPlace // the batches by which a repetition is known, at most five
}

type simPlace struct {
	seq, n int32
	base   events.Offset
}

func newSimCluster(now events.Instant) *simCluster {
	return &simCluster{now: now, topics: map[string][]*simLog{}, given: map[string]simStamp{}, lastID: 1000}
}

func (c *simCluster) create(topic string, partitions int) {
	for p := range partitions {
		c.topics[topic] = append(c.topics[topic], &simLog{topic: topic, shard: events.ShardID(p), producers: map[int64]*simProducer{}})
	}
}

func (c *simCluster) log(topic string, p events.ShardID) *simLog { return c.topics[topic][p] }

// take is InitProducerID: the epoch rises, or, where the coordinator knows nothing of the transactional id, it is
// another producer.
func (c *simCluster) take(transactional string) simStamp {
	s, known := c.given[transactional]
	if s.epoch++; !known || s.epoch == 32767 {
		c.lastID++
		s = simStamp{id: c.lastID}
	}
	c.given[transactional] = s
	return s
}

// append is Produce: it checks the producer (none of id -1) and writes one batch.
func (c *simCluster) append(l *simLog, s simStamp, seq int32, recs []kafka.Out) (events.Offset, error) {
	if s.id >= 0 {
		known, base, err := l.admit(s, seq, int32(len(recs)))
		if known || err != nil {
			return base, err
		}
		p := l.producers[s.id]
		p.next, p.wrote = seq+int32(len(recs)), c.now
		p.last = append(p.last, simPlace{seq, int32(len(recs)), l.end})
		p.last = p.last[max(0, len(p.last)-5):]
	}
	base := l.end
	b := simBatch{head: kafka.Head{Base: base, Last: base + events.Offset(len(recs)) - 1, ProducerID: s.id, Epoch: s.epoch}}
	crc := crc32.NewIEEE()
	fmt.Fprint(crc, b.head, c.now)
	for i := range recs {
		r := l.record(&recs[i], c.now)
		crc.Write(r.Value)
		b.recs = append(b.recs, r)
	}
	b.head.CRC = crc.Sum32()
	l.batches = append(l.batches, b)
	return base, nil
}

// admit checks a stamped batch: known, it stands there already, at base.
func (l *simLog) admit(s simStamp, seq, n int32) (known bool, base events.Offset, err error) {
	p := l.producers[s.id]
	switch {
	case p == nil: // of a producer that was never heard of, or forgotten, any number is believed
		l.producers[s.id] = &simProducer{epoch: s.epoch}
	case s.epoch < p.epoch:
		return false, -1, kafka.ErrFenced
	case s.epoch > p.epoch && seq != 0:
		return false, -1, kafka.ErrForeign
	case s.epoch > p.epoch:
		*p = simProducer{epoch: s.epoch}
	case seq != p.next:
		i := slices.IndexFunc(p.last, func(x simPlace) bool { return x.seq == seq && x.n == n })
		if i < 0 {
			return false, -1, kafka.ErrForeign
		}
		return true, p.last[i].base, nil
	}
	return false, -1, nil
}

func (l *simLog) record(o *kafka.Out, at events.Instant) events.Record {
	r := events.Record{Position: events.Position{Topic: l.topic, Partition: l.shard, Offset: l.end}, Append: at,
		Key: bytes.Clone(o.Key), Value: bytes.Clone(o.Value)}
	for _, h := range o.Headers {
		r.Headers = append(r.Headers, events.Header{Key: h.Key, Value: bytes.Clone(h.Value)})
	}
	l.end++
	return r
}

// forget drops the producers that were silent for so long.
func (l *simLog) forget(now, silence events.Instant) {
	for id, p := range l.producers {
		if now-p.wrote > silence {
			delete(l.producers, id)
		}
	}
}

// at is the index of the first batch that ends at or after an offset.
func (l *simLog) at(o events.Offset) int {
	i, _ := slices.BinarySearchFunc(l.batches, o, func(b simBatch, o events.Offset) int { return int(b.head.Last - o) })
	return i
}

// records calls f with every record and who wrote it, in order.
func (l *simLog) records(f func(r *events.Record, producer int64)) {
	for i := range l.batches {
		for j := range l.batches[i].recs {
			f(&l.batches[i].recs[j], l.batches[i].head.ProducerID)
		}
	}
}

// fetch is what a fetcher gets at an offset: whole batches, until they are so many records.
func (l *simLog) fetch(from events.Offset, most int, sent events.Instant) kafka.Batch {
	b := kafka.Batch{Next: from, End: l.end, Sent: sent}
	if from > l.end {
		return kafka.Batch{Err: kafka.ErrOtherLog}
	}
	for i := l.at(from); i < len(l.batches) && len(b.Records) < most; i++ {
		for _, r := range l.batches[i].recs {
			if r.Offset >= from {
				b.Records = append(b.Records, r)
				b.Next = r.Offset + 1
				b.CRC, b.Base = l.batches[i].head.CRC, l.batches[i].head.Base
			}
		}
	}
	return b
}
