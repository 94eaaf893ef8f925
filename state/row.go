package state

import (
	"errors"
	"fmt"
	"slices"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state/wire"
)

// The fields of a customer's row.
const (
	rowFeature wire.Field = iota + 1
	rowDue
	rowSaid
	rowSealed
	rowTail
	rowCut
	rowApplied
	rowStale
	rowPassed
	rowTable
	rowWaits
	rowIDs
	rowGone
	rowUpTo
	rowMixed
	rowPlaces
	rowRevised
	rowBase
	rowBaseTo
	rowShort

	partName    wire.Field = 1
	partVersion wire.Field = 2
	partBytes   wire.Field = 3
	partBasis   wire.Field = 4
)

// AppendState writes the features' states: equal states are equal bytes, whatever order the events came in.
func (c *Customer) AppendState(b []byte) []byte {
	from := len(b)
	for i, f := range c.table.features {
		a := &c.table.abouts[i]
		if !a.hasState {
			continue
		}
		var m, inner wire.Mark
		b, m = wire.Begin(b, rowFeature)
		b = wire.AppendBytes(b, partName, a.name)
		b = wire.AppendUint(b, partVersion, uint64(a.version))
		if a.print != 0 {
			b = wire.AppendFixed(b, partBasis, a.print)
		}
		b, inner = wire.Begin(b, partBytes)
		b = f.append(b, c.states[i])
		b = wire.End(b, inner)
		b = wire.End(b, m)
	}
	c.weigh(len(b) - from)
	return b
}

// AppendRow writes the customer without the sealed blocks of his timeline.
func (c *Customer) AppendRow(b []byte) []byte { return c.appendRow(b, false) }

// AppendShort is AppendRow without what a sealed block has, as long as the rest follows from the events behind that: little is
// written of who has a long history and a few new events. To read it blocks are needed.
func (c *Customer) AppendShort(b []byte) []byte {
	return c.appendRow(b, c.line.based() && !c.Stale() && c.line.base <= c.line.places.n)
}

func (c *Customer) appendRow(b []byte, short bool) []byte {
	if !short {
		b = c.AppendState(b)
	}
	if due := c.Due(); due != events.Never {
		b = wire.AppendUint(b, rowDue, uint64(due)+1)
	}
	for i := range c.said {
		b = c.table.appendSaid(b, &c.said[i])
	}
	for i := range c.past {
		b = c.table.appendSaid(b, &c.past[i])
	}
	b = wire.AppendUint(b, rowSealed, uint64(c.line.closed))
	b = wire.AppendBytes(b, rowTail, c.line.tail())
	b = wire.AppendBool(b, rowCut, c.line.cut)
	b = wire.AppendUint(b, rowApplied, uint64(c.Applied))
	b = wire.AppendBool(b, rowStale, c.Stale())
	b = wire.AppendUint(b, rowPassed, uint64(c.passed))
	b = wire.AppendFixed(b, rowTable, c.table.print)
	b = wire.AppendUint(b, rowWaits, uint64(c.Waits))
	return c.appendApart(b, short)
}

// appendApart writes what a reader must know of the closed blocks to leave them unread, or to leave unread those before the base.
func (c *Customer) appendApart(b []byte, short bool) []byte {
	t := &c.line
	if t.closed == 0 {
		return b
	}
	if !short {
		var m wire.Mark
		b, m = wire.Begin(b, rowIDs)
		b = wire.End(t.ids.appendTo(b, t.closedIDs), m)
	}
	_, gone, upTo := t.rest(t.closed)
	b = wire.AppendUint(b, rowGone, uint64(gone))
	b = wire.AppendUint(b, rowUpTo, uint64(upTo))
	b = wire.AppendBool(b, rowMixed, t.mixed)
	b = wire.AppendBool(b, rowRevised, t.revised)
	b = wire.AppendBytes(b, rowPlaces, t.places.steps)
	b = wire.AppendUint(b, rowBase, uint64(t.base))
	if t.based() {
		b = wire.AppendUint(b, rowBaseTo, uint64(t.baseTo)+1)
	}
	return wire.AppendBool(b, rowShort, short)
}

// Parse reads a customer's row, and of the timeline what it must; source is asked for the rest when it is needed. The customer
// keeps the blocks, but nothing of row. If the row was written by another table or stale, the customer is outdated; and if a
// feature's state is not in it as this table has it, the timeline is folded again.
func (t *Table) Parse(id events.CustomerID, row []byte, source Blocks) (*Customer, error) {
	c := &Customer{id: id, table: t, source: source, states: make([]any, len(t.features)), due: events.Never}
	rest, err := c.parseRow(row)
	if err != nil {
		return nil, err
	}
	if err := c.line.loadTail(rest.tail); err != nil {
		return nil, fmt.Errorf("read a customer's timeline: %w", err)
	}
	if rest.short {
		if err := c.rebase(); err != nil {
			return nil, fmt.Errorf("read a customer's timeline: %w", err)
		}
	} else if whole := t.complete(c.states) && !rest.stale; whole {
		c.weigh(rest.states)
		c.stale = c.line.count()
	} else {
		c.whole()
		c.weigh(rest.states)
		c.stale, c.due, c.line.base = 0, 0, 0
		c.Refold()
	}
	if rest.table != t.print {
		c.due, c.Waits = 0, 0
	}
	return c, nil
}

// rebase has the states and the ids of a customer whose row has them not: from the base on.
func (c *Customer) rebase() error {
	t := &c.line
	if n := t.closed - t.base + 1; !t.back(n, func(n int, place uint64) bool { return c.source(c.id, n, place, t.load) }) {
		return errUnread
	}
	i := slices.IndexFunc(t.feet, func(f foot) bool { return f.block == t.base-1 })
	if i < 0 {
		return wire.ErrCorrupt
	}
	f := t.feet[i]
	ids, ok := t.sinceBase(&f)
	if !ok {
		return wire.ErrCorrupt
	}
	t.closedIDs, t.ids = ids.len()-t.ids.len(), ids // which were those of the tail
	stands, _ := t.stand(t.count())
	states, at := c.restore(stands, true)
	c.states = states
	c.weigh(len(f.states))
	if c.statesAt = at; at < stands { // another table wrote them
		t.base = 0
	}
	var e events.Event
	e.Customer = c.id
	for n := t.count(); at < n; at++ {
		t.event(at, &e)
		c.table.fold(c.states, t.before(at), &e)
	}
	c.stale = t.count()
	t.forget(t.closed)
	return nil
}

// errUnread is of a customer whose blocks were not given: their owner knows why.
var errUnread = errors.New("some of it could not be read")

// rowRest is what a row says that a customer does not keep.
type rowRest struct {
	tail   []byte
	states int    // bytes of them
	stale  bool   // when it was written
	short  bool   // it has neither states nor ids
	table  uint64 // that wrote it
}

func (c *Customer) parseRow(row []byte) (rest rowRest, err error) {
	r := wire.NewReader(row)
	for f, ok := r.Next(); ok; f, ok = r.Next() {
		switch f {
		case rowFeature:
			rest.states += len(r.Bytes())
			if err := c.table.parseState(r.Bytes(), c.states); err != nil {
				return rest, fmt.Errorf("read a customer's states: %w", err)
			}
		case rowDue:
			c.due = events.Instant(r.Uint()) - 1
		case rowSaid:
			if err := c.parseSaid(r.Bytes()); err != nil {
				return rest, fmt.Errorf("read what was said of a customer: %w", err)
			}
		case rowTail:
			rest.tail = r.Bytes()
		case rowApplied:
			c.Applied = events.Offset(r.Uint())
		case rowStale:
			rest.stale = r.Bool()
		case rowPassed:
			c.passed = events.Instant(r.Uint())
		case rowTable:
			rest.table = r.Uint()
		case rowShort:
			rest.short = r.Bool()
		case rowWaits:
			c.Waits = events.Instant(r.Uint())
		default:
			c.line.parseField(f, &r)
		}
	}
	if t := &c.line; t.away == 0 && (t.gone > 0 || t.upTo > 0) || t.places.n > t.away || t.base > t.away ||
		rest.short && (!t.based() || t.ids.len() > 0 || rest.stale) {
		r.Fail()
	}
	if r.Err() != nil {
		return rest, fmt.Errorf("read a customer's row: %w", r.Err())
	}
	return rest, nil
}

func (c *Customer) parseSaid(b []byte) error {
	s, err := c.table.parseSaid(b)
	if err != nil {
		return err
	}
	c.orphans = c.orphans || int(s.owner) == len(c.table.features)
	if s.over {
		c.past = append(c.past, s)
	} else {
		c.said = append(c.said, s)
	}
	return nil
}

// parseField reads what a row says of its customer's timeline beside the tail.
func (t *timeline) parseField(f wire.Field, r *wire.Reader) {
	switch f {
	case rowSealed:
		t.away = int(r.Uint())
	case rowCut:
		t.cut = r.Bool()
	case rowIDs:
		if !t.ids.load(r.Bytes()) {
			r.Fail()
		}
	case rowGone:
		t.gone = int(r.Uint())
	case rowUpTo:
		t.upTo = events.Instant(r.Uint())
	case rowMixed:
		t.mixed = r.Bool()
	case rowRevised:
		t.revised = r.Bool()
	case rowBase:
		t.base, t.baseTo = int(r.Uint()), events.Never
	case rowBaseTo:
		t.baseTo = events.Instant(r.Uint()) - 1
	case rowPlaces:
		if !t.places.load(r.Bytes()) {
			r.Fail()
		}
	}
	if t.away < 0 || t.gone < 0 || t.upTo < 0 || t.base < 0 || t.baseTo < 0 {
		r.Fail()
	}
}

// parseStates reads the features' states that AppendState wrote; see complete.
func (t *Table) parseStates(row []byte) (states []any, whole bool, err error) {
	states = make([]any, len(t.features))
	r := wire.NewReader(row)
	for f, ok := r.Next(); ok; f, ok = r.Next() {
		if f != rowFeature {
			continue
		}
		if err := t.parseState(r.Bytes(), states); err != nil {
			return nil, false, err
		}
	}
	if r.Err() != nil {
		return nil, false, r.Err()
	}
	return states, t.complete(states), nil
}

// complete puts zeros where a feature's state is missing; whole tells whether every feature was there in its version.
func (t *Table) complete(states []any) (whole bool) {
	whole = true
	for i, f := range t.features {
		if states[i] == nil {
			states[i] = f.zero()
			whole = whole && !t.abouts[i].hasState
		}
	}
	return whole
}

func (t *Table) parseState(b []byte, states []any) error {
	var name, bytes []byte
	var version, basis uint64
	r := wire.NewReader(b)
	for f, ok := r.Next(); ok; f, ok = r.Next() {
		switch f {
		case partName:
			name = r.Bytes()
		case partVersion:
			version = r.Uint()
		case partBytes:
			bytes = r.Bytes()
		case partBasis:
			basis = r.Uint()
		}
	}
	if r.Err() != nil {
		return r.Err()
	}
	for i := range t.abouts {
		a := &t.abouts[i]
		if a.name != string(name) || uint64(a.version) != version || a.print != basis {
			continue
		}
		s, err := t.features[i].parse(bytes)
		if err != nil {
			return fmt.Errorf("feature %q: %w", name, err)
		}
		states[i] = s
	}
	return nil
}
