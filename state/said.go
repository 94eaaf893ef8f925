package state

import (
	"slices"
	"strings"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state/wire"
)

// said is the last statement on a fact: what was said, and the how-manieth statement it was. Of a yes/no fact an odd n
// says yes.
type said struct {
	key   string
	value Value
	n     uint32
	owner int8 // the feature whose fact it is; len(features) if it is none of this table's
	// at is when an occurrence was effective, as it was said or has moved since; 0 of a standing fact.
	at   events.Instant
	over bool // it is history, and stands in past or is about to
}

const (
	saidKey     wire.Field = 1
	saidValue   wire.Field = 2
	saidN       wire.Field = 3
	saidFeature wire.Field = 4
	saidAt      wire.Field = 5
	saidOver    wire.Field = 6
)

func (t *Table) appendSaid(b []byte, s *said) []byte {
	b, m := wire.Begin(b, rowSaid)
	b = wire.AppendBytes(b, saidKey, s.key)
	b = wire.AppendBytes(b, saidValue, s.value)
	b = wire.AppendUint(b, saidN, uint64(s.n))
	if s.at == 0 && int(s.owner) < len(t.abouts) {
		b = wire.AppendBytes(b, saidFeature, t.abouts[s.owner].name)
	}
	b = wire.AppendUint(b, saidAt, uint64(s.at))
	b = wire.AppendBool(b, saidOver, s.over)
	return wire.End(b, m)
}

func (t *Table) parseSaid(b []byte) (said, error) {
	s := said{owner: int8(len(t.abouts))}
	var key, value []byte
	r := wire.NewReader(b)
	for f, ok := r.Next(); ok; f, ok = r.Next() {
		switch f {
		case saidKey:
			key = r.Bytes()
		case saidValue:
			value = r.Bytes()
		case saidN:
			s.n = uint32(r.Uint())
		case saidFeature:
			name := string(r.Bytes())
			if i := slices.IndexFunc(t.abouts, func(a about) bool { return a.name == name }); i >= 0 {
				s.owner = int8(i)
			}
		case saidAt:
			s.at, s.owner = events.Instant(r.Uint()), int8(t.happens)
		case saidOver:
			s.over = r.Bool()
		}
	}
	var text strings.Builder // of both, in one piece
	text.Grow(len(key) + len(value))
	text.Write(key)
	text.Write(value)
	s.key, s.value = text.String()[:len(key)], text.String()[len(key):]
	return s, r.Err()
}

// Said calls f with the last statement on every fact ever spoken of, in order of key.
func (c *Customer) Said(f func(key string, v Value, n uint32)) {
	i, j := 0, 0
	for i < len(c.said) || j < len(c.past) {
		if j == len(c.past) || i < len(c.said) && c.said[i].key < c.past[j].key {
			f(c.said[i].key, c.said[i].value, c.said[i].n)
			i++
			continue
		}
		f(c.past[j].key, c.past[j].value, c.past[j].n)
		j++
	}
}

// find is the place of a key in a list in order of key.
func find(list []said, key string) (int, bool) {
	return slices.BinarySearchFunc(list, key, func(s said, key string) int { return strings.Compare(s.key, key) })
}

// register is the place in said of a key that may be in past, or in neither.
func (c *Customer) register(key string, at int) {
	if j, found := find(c.past, key); found {
		s := c.past[j]
		s.over = false
		c.past = slices.Delete(c.past, j, j+1)
		c.said = slices.Insert(c.said, at, s)
		return
	}
	c.said = slices.Insert(c.said, at, said{key: strings.Clone(key), owner: int8(len(c.table.features))})
}

// bury moves what is history out of the way of every comparison.
func (c *Customer) bury() {
	kept := c.said[:0]
	for _, s := range c.said {
		if !s.over {
			kept = append(kept, s)
			continue
		}
		j, _ := find(c.past, s.key)
		c.past = slices.Insert(c.past, j, s)
	}
	clear(c.said[len(kept):])
	c.said = kept
}

// Absorb notes a statement that stands in the output though this customer does not know of it. The last one on its fact
// counts. What is to be said then is the difference; Settle says it.
func (c *Customer) Absorb(st *events.Statement) {
	i, found := find(c.said, st.Fact)
	if !found {
		c.register(st.Fact, i)
	}
	c.orphans = true
	for i := range c.asked {
		c.asked[i].heard = 0
	}
	s := &c.said[i]
	if st.N < s.n {
		return
	}
	s.value, s.n = strings.Clone(st.Value), st.N
	if f := events.FamilyOf(st.Fact); f != nil && f.Once {
		s.at, s.owner = st.Effective, int8(c.table.happens)
	}
}
