package bench

import (
	"fmt"
	"syscall"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/processor/bench/load"
)

// memory keeps made-up touchpoints outside of the collector's sight, for whose work their size would else set the pace.
type memory struct {
	bytes   []byte // customer, value, customer, value …
	entries []entry
	batches [2][]events.Record // handed out in turns
	turn    int
}

type entry struct {
	start       int64
	name, value int32
	sent        events.Instant
}

const (
	memoryBatch = 1500 // records, about 1 MB, as a fetch brings
	roomOfEach  = 1100 // bytes that the longest touchpoint takes; what is not written is not taken from the system
)

func newMemory(g *load.Generator, n int) (*memory, error) {
	b, err := syscall.Mmap(-1, 0, n*roomOfEach, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		return nil, fmt.Errorf("take memory for %d touchpoints: %w; ask for fewer", n, err)
	}
	m := &memory{bytes: b, entries: make([]entry, n)}
	at := 0
	for i := range m.entries {
		t := g.Next(b[at+32 : at+32]) // behind the customer's name
		name := copy(b[at:at+32], t.Customer)
		value := copy(b[at+name:], t.Value) // moved up, or written at all if it had not fitted
		m.entries[i] = entry{int64(at), int32(name), int32(value), t.Sent}
		at += name + value
	}
	return m, nil
}

func (m *memory) close() error { return syscall.Munmap(m.bytes) }

// size is what the values take on average.
func (m *memory) size() float64 {
	sum := 0
	for _, e := range m.entries {
		sum += int(e.value)
	}
	return float64(sum) / float64(len(m.entries))
}

// fetch gives the next records of a partition.
func (m *memory) fetch(topic string, shard events.ShardID, from events.Offset) []events.Record {
	out := m.batches[m.turn][:0]
	for i := int(from); i < len(m.entries) && len(out) < memoryBatch; i++ {
		e := &m.entries[i]
		name := e.start + int64(e.name)
		value := name + int64(e.value)
		out = append(out, events.Record{Position: events.Position{Topic: topic, Partition: shard, Offset: events.Offset(i)}, Append: e.sent,
			Key: m.bytes[e.start:name:name], Value: m.bytes[name:value:value]})
	}
	m.batches[m.turn], m.turn = out, 1-m.turn
	return out
}
