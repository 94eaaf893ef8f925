package rules

import (
	"github.com/touchfold/touchfold/state"
	"github.com/touchfold/touchfold/state/rules/field"
	"github.com/touchfold/touchfold/state/wire"
)

const (
	seriesEntry wire.Field = iota + 1
	seriesCount
	seriesBegan
	seriesNow
	seriesEver

	totalValues  wire.Field = 1
	totalNumbers wire.Field = 2
	totalSum     wire.Field = 3
	totalSumHigh wire.Field = 4
	totalLeast   wire.Field = 5
	totalMost    wire.Field = 6
	totalFirst   wire.Field = 7
	totalLast    wire.Field = 8
	totalTally   wire.Field = 9

	entryMark  wire.Field = 1
	entryValue wire.Field = 2

	tallyText wire.Field = 1
	tallyN    wire.Field = 2
)

func (p *series) append(b []byte, s any) []byte {
	st := s.(*seriesState)
	var m wire.Mark
	for i := st.gone; i < len(st.entries); i++ {
		b, m = wire.Begin(b, seriesEntry)
		b = appendMark(b, entryMark, st.entries[i].mark)
		if x, has := st.value(i); has {
			b = appendValue(b, entryValue, x)
		}
		b = wire.End(b, m)
	}
	b = wire.AppendInt(b, seriesCount, st.count)
	b = appendMark(b, seriesBegan, st.began)
	b = appendMark(b, seriesNow, st.now)
	if st.ever == nil {
		return b
	}
	b, m = wire.Begin(b, seriesEver)
	b = st.ever.append(b)
	return wire.End(b, m)
}

func (t *totals) append(b []byte) []byte {
	b = wire.AppendInt(b, totalValues, t.values)
	b = wire.AppendInt(b, totalNumbers, t.numbers)
	b = wire.AppendInt(b, totalSum, int64(t.sum.low))
	b = wire.AppendInt(b, totalSumHigh, t.sum.high)
	b = wire.AppendInt(b, totalLeast, t.least)
	b = wire.AppendInt(b, totalMost, t.most)
	b = appendValue(b, totalFirst, t.first)
	b = appendValue(b, totalLast, t.last)
	var m wire.Mark
	for i := range t.tally {
		b, m = wire.Begin(b, totalTally)
		b = wire.AppendBytes(b, tallyText, t.tally[i].text)
		b = wire.AppendInt(b, tallyN, t.tally[i].n)
		b = wire.End(b, m)
	}
	return b
}

func (p *series) parse(b []byte, _ *state.Calendar) (any, error) {
	s := new(seriesState)
	r := wire.NewReader(b)
	for f, ok := r.Next(); ok; f, ok = r.Next() {
		var err error
		switch f {
		case seriesEntry:
			err = s.parseEntry(p, r.Bytes())
		case seriesCount:
			s.count = r.Int()
		case seriesBegan:
			s.began = parseMark(&r)
		case seriesNow:
			s.now = parseMark(&r)
		case seriesEver:
			s.ever, err = parseTotals(r.Bytes())
		}
		if err != nil {
			return nil, err
		}
	}
	return s, r.Err()
}

func (s *seriesState) parseEntry(p *series, b []byte) error {
	var x entry
	var value field.Value
	r := wire.NewReader(b)
	for f, ok := r.Next(); ok; f, ok = r.Next() {
		switch f {
		case entryMark:
			x.mark = parseMark(&r)
		case entryValue:
			value = parseValue(&r)
			if x.number, x.is = value.Number, aText; value.IsNumber {
				x.is = aNumber
			}
		}
	}
	s.enter(p, x, value.Text)
	return r.Err()
}

func parseTotals(b []byte) (*totals, error) {
	t := new(totals)
	r := wire.NewReader(b)
	for f, ok := r.Next(); ok; f, ok = r.Next() {
		switch f {
		case totalValues:
			t.values = r.Int()
		case totalNumbers:
			t.numbers = r.Int()
		case totalSum:
			t.sum.low = uint64(r.Int())
		case totalSumHigh:
			t.sum.high = r.Int()
		case totalLeast:
			t.least = r.Int()
		case totalMost:
			t.most = r.Int()
		case totalFirst:
			t.first = parseValue(&r)
		case totalLast:
			t.last = parseValue(&r)
		case totalTally:
			x, err := parseTally(r.Bytes())
			if err != nil {
				return nil, err
			}
			t.tally = append(t.tally, x)
			t.lead(len(t.tally) - 1)
		}
	}
	return t, r.Err()
}

func parseTally(b []byte) (t tally, err error) {
	r := wire.NewReader(b)
	for f, ok := r.Next(); ok; f, ok = r.Next() {
		switch f {
		case tallyText:
			t.text = r.String()
		case tallyN:
			t.n = r.Int()
		}
	}
	return t, r.Err()
}
