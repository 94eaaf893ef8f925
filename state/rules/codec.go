package rules

import (
	"cmp"
	"encoding/binary"
	"slices"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state"
	"github.com/touchfold/touchfold/state/rules/field"
	"github.com/touchfold/touchfold/state/wire"
)

// The fields of the state, of a piece, of the registers, of a hit.
const (
	stateFirst wire.Field = iota + 1
	stateBought
	stateNow
	statePiece
	stateHit
	stateUpto
	stateTracked
	stateLastFired
	stateFired
	stateOwn

	pieceName  wire.Field = 1
	pieceBytes wire.Field = 2
)

// appendMark writes a mark as its time and, in 8 bytes, its id.
func appendMark(b []byte, f wire.Field, m state.Mark) []byte {
	if m == (state.Mark{}) {
		return b
	}
	b, open := wire.Begin(b, f)
	b = binary.BigEndian.AppendUint64(b, m.ID)
	b = binary.AppendUvarint(b, uint64(m.Time))
	return wire.End(b, open)
}

func parseMark(r *wire.Reader) (m state.Mark) {
	b := r.Bytes()
	if len(b) < 9 {
		r.Fail()
		return m
	}
	m.ID = binary.BigEndian.Uint64(b)
	t, n := binary.Uvarint(b[8:])
	if n != len(b)-8 {
		r.Fail()
	}
	m.Time = events.Instant(t)
	return m
}

// appendValue writes a value, the empty text too.
func appendValue(b []byte, f wire.Field, v field.Value) []byte {
	b, open := wire.Begin(b, f)
	switch {
	case v.Digits:
		b = binary.AppendVarint(append(b, 2), v.Number)
	case v.IsNumber:
		b = binary.AppendVarint(append(b, 1), v.Number)
	default:
		b = append(b, 0)
	}
	return wire.End(append(b, v.Text...), open)
}

func parseValue(r *wire.Reader) (v field.Value) {
	b := r.Bytes()
	if len(b) == 0 {
		r.Fail()
		return v
	}
	text := b[1:]
	v.Digits = b[0] == 2
	if v.IsNumber = v.Digits || b[0] == 1; v.IsNumber {
		number, n := binary.Varint(text)
		if n <= 0 {
			r.Fail()
			return v
		}
		v.Number, text = number, text[n:]
	}
	v.Text = string(text)
	return v
}

// append writes s, pieces in order of their keys.
func (p *program) append(b []byte, s *State) []byte {
	b = appendMark(b, stateFirst, s.first)
	b = appendMark(b, stateBought, s.bought)
	b = appendMark(b, stateNow, s.now)
	if s.own != s.now {
		b = appendMark(b, stateOwn, s.own)
	}
	var m, inner wire.Mark
	for _, i := range p.ordered {
		x := s.pieces.at(i)
		if x == nil {
			continue
		}
		b, m = wire.Begin(b, statePiece)
		b = wire.AppendFixed(b, pieceName, p.keys[i])
		b, inner = wire.Begin(b, pieceBytes)
		b = p.pieces[i].append(b, x)
		b = wire.End(b, inner)
		b = wire.End(b, m)
	}
	for i := range s.hits {
		b = s.hits[i].append(b)
	}
	r := s.reg.settled()
	return r.append(b)
}

func (p *program) parse(b []byte, s *State) error {
	s.prepare(p)
	r := wire.NewReader(b)
	for f, ok := r.Next(); ok; f, ok = r.Next() {
		var err error
		switch f {
		case stateFirst:
			s.first = parseMark(&r)
		case stateBought:
			s.bought = parseMark(&r)
		case stateNow:
			s.now = parseMark(&r)
			s.own = s.now
		case stateOwn:
			s.own = parseMark(&r)
		case statePiece:
			err = p.parsePiece(r.Bytes(), s)
		case stateHit:
			err = s.parseHit(r.Bytes())
		default:
			err = s.reg.parse(p, f, &r)
		}
		if err != nil {
			return err
		}
	}
	return r.Err()
}

func (p *program) parsePiece(b []byte, s *State) error {
	var name uint64
	var bytes []byte
	r := wire.NewReader(b)
	for f, ok := r.Next(); ok; f, ok = r.Next() {
		switch f {
		case pieceName:
			name = r.Uint()
		case pieceBytes:
			bytes = r.Bytes()
		}
	}
	i, found := slices.BinarySearchFunc(p.ordered, name, func(i int32, name uint64) int { return cmp.Compare(p.keys[i], name) })
	if r.Err() != nil || !found {
		return wire.ErrCorrupt
	}
	n := p.ordered[i]
	x, err := p.pieces[n].parse(bytes, p.Calendar)
	switch {
	case err != nil:
		return err
	case s.pieces.at(n) != nil:
		return wire.ErrCorrupt
	case x != nil:
		s.pieces.put(n, x)
	}
	return nil
}
