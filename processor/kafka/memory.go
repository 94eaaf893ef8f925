package kafka

import (
	"sync"

	"github.com/touchfold/touchfold/events"
)

// memory is what the records of a Batch lie in. It is used again once the Batch is released, for what a collector would have
// to bring back otherwise is several times what there is to read.
type memory struct {
	raw    []byte // as it came over the wire
	bodies [][]byte
	used   int // so many of bodies
	recs   []events.Record
}

// keepable bounds what of a giant is kept for others, in bytes.
const keepable = 1 << 20

var (
	memories = sync.Pool{New: func() any { return new(memory) }}
	wires    sync.Pool // of *[]byte
)

// body is a buffer for a record batch's records, about so large if it is a new one. keep takes it back, maybe grown. A much
// larger one is not used: what is handed out at once is bounded by the memory that it takes.
func (m *memory) body(size int) []byte {
	if m.used < len(m.bodies) && cap(m.bodies[m.used]) <= 4*size && m.bodies[m.used] != nil {
		return m.bodies[m.used][:0]
	}
	return make([]byte, 0, size)
}

func (m *memory) keep(body []byte) {
	if m.used == len(m.bodies) {
		m.bodies = append(m.bodies, nil)
	}
	m.bodies[m.used] = body
	m.used++
}

// release gives m back.
func (m *memory) release() {
	for i := range m.bodies {
		if b := m.bodies[i]; i < m.used && poisoned {
			spoil(b)
		}
		if cap(m.bodies[i]) > keepable {
			m.bodies[i] = nil
		}
	}
	clear(m.recs)
	m.used, m.recs = 0, m.recs[:0]
	giveWire(m.raw)
	m.raw = nil
	memories.Put(m)
}

// takeWire is a buffer of n bytes for what comes over the wire.
func takeWire(n int) []byte {
	if b, ok := wires.Get().(*[]byte); ok && cap(*b) >= n {
		return (*b)[:n]
	}
	return make([]byte, n)
}

func giveWire(b []byte) {
	if cap(b) == 0 || cap(b) > 2*keepable {
		return
	}
	if poisoned {
		spoil(b)
	}
	wires.Put(&b)
}

// spoil makes it be seen if released memory is used.
func spoil(b []byte) {
	for i := range b {
		b[i] = 0xdb
	}
}
