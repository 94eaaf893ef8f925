package state

import (
	"encoding/binary"
	"slices"

	"github.com/touchfold/touchfold/state/wire"
)

// places is where the closed blocks of a timeline lie, as who stores them said: a number each, most of them a little larger
// than the one before.
type places struct {
	steps []byte // from 0, and from one to the next, varints
	n     int
	last  uint64
}

func (p *places) add(place uint64) {
	p.steps = binary.AppendUvarint(p.steps, place-p.last) // around the end, should one be smaller
	p.n, p.last = p.n+1, place
}

// load takes what was in steps.
func (p *places) load(steps []byte) (ok bool) {
	*p = places{steps: slices.Clone(steps)}
	for len(steps) > 0 {
		step, n := binary.Uvarint(steps)
		if n <= 0 {
			return false
		}
		steps = steps[n:]
		p.n, p.last = p.n+1, p.last+step
	}
	return true
}

// next gives them one after the other; 0 of those that are not known.
func (p *places) next() func() uint64 {
	steps, at := p.steps, uint64(0)
	return func() uint64 {
		step, n := binary.Uvarint(steps)
		if n <= 0 {
			return 0
		}
		steps, at = steps[n:], at+step
		return at
	}
}

// Places is where a customer's row says that the closed blocks of his timeline lie, in order.
func Places(row []byte) (all []uint64, err error) {
	var p places
	r := wire.NewReader(row)
	for f, more := r.Next(); more; f, more = r.Next() {
		if f == rowPlaces && !p.load(r.Bytes()) {
			r.Fail()
		}
	}
	next := p.next()
	for range p.n {
		all = append(all, next())
	}
	return all, r.Err()
}
