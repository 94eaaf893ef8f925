package state

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"unsafe"

	"github.com/klauspost/compress/s2"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state/wire"
)

// The fields of a timeline entry. FORMAT.md describes them; a number is never used again.
const (
	entryTime wire.Field = iota + 1
	entryType
	entryName
	entrySource
	entryID
	entrySequence
	entryContent
	entryChannel
	entryAnonymous
	entryPrevious
	entryGroup
	entryOrderID
	entryCurrency
	entryValue
	entryFlags
	entryUnits
	entryItem
	entryTrait
	entryRest
	entryPackedRest
)

// The bits of entryFlags.
const (
	flagStated = 1 << iota
	flagDefaulted
	flagCut
)

// The fields of an item and of a trait within an entry.
const (
	itemProduct wire.Field = iota + 1
	itemCategory
	itemQuantity
	itemPrice
	itemSerial
	itemWarranty

	traitName  wire.Field = 1
	traitValue wire.Field = 2
)

// maxRest is how many bytes of other properties, compressed, an entry keeps, and mostRest how many it opens to at most;
// packRest is from where on they are compressed at all. maxTrait bounds the bytes of one trait, maxTraits those of all
// traits of one event.
const (
	maxRest    = 2 << 10
	packRest   = 256
	packMemory = 2560 // for what is compressed; more is allocated
	mostRest   = 16 << 20
	maxTrait   = 2 << 10
	maxTraits  = 16 << 10
)

// appendEntry writes what a timeline keeps of e. A Rest that is too long, and traits that are, are taken from e too, which
// is Cut then, so that a fold sees the same now and when the timeline is folded again.
func appendEntry(b []byte, e *events.Event) []byte {
	cutTraits(e)
	b = wire.AppendUint(b, entryTime, uint64(e.Time))
	b = wire.AppendUint(b, entryType, uint64(e.Type))
	if e.Type == events.Unknown {
		b = wire.AppendBytes(b, entryName, e.Name)
	}
	b = wire.AppendBytes(b, entrySource, e.Source)
	b = wire.AppendBytes(b, entryID, e.ID)
	b = wire.AppendBytes(b, entrySequence, e.Sequence)
	b = wire.AppendFixed(b, entryContent, e.Content)
	b = wire.AppendBytes(b, entryChannel, e.Channel)
	b = wire.AppendBytes(b, entryAnonymous, e.Links.Anonymous)
	b = wire.AppendBytes(b, entryPrevious, e.Links.Previous)
	b = wire.AppendBytes(b, entryGroup, e.Links.Group)
	b = appendOrder(b, e)
	for i := range e.Items {
		b = appendItem(b, &e.Items[i])
	}
	for i := range e.Traits {
		var m wire.Mark
		b, m = wire.Begin(b, entryTrait)
		b = wire.AppendBytes(b, traitName, e.Traits[i].Name)
		b = wire.AppendBytes(b, traitValue, e.Traits[i].Value)
		b = wire.End(b, m)
	}
	return b
}

// cutTraits leaves of e's traits those that are short enough, in order of name as long as there is room: a customer who
// says 700 KB of himself again and again must not grow without bound.
func cutTraits(e *events.Event) {
	room := maxTraits
	kept := e.Traits[:0]
	for _, t := range e.Traits {
		if n := len(t.Name) + len(t.Value); n <= maxTrait && n <= room {
			room -= n
			kept = append(kept, t)
		}
	}
	e.Cut = e.Cut || len(kept) < len(e.Traits)
	e.Traits = kept
}

func appendOrder(b []byte, e *events.Event) []byte {
	o := &e.Order
	b = wire.AppendBytes(b, entryOrderID, o.ID)
	if o.Currency != (events.Currency{}) {
		b = wire.AppendBytes(b, entryCurrency, o.Currency[:])
	}
	b = wire.AppendInt(b, entryValue, o.Value)
	var flags uint64
	if o.Stated {
		flags |= flagStated
	}
	if o.Defaulted {
		flags |= flagDefaulted
	}
	rest, field := e.Rest, entryRest
	if len(rest) > packRest {
		var memory [packMemory]byte
		if packed := s2.Encode(memory[:], rest); len(packed) < len(rest) {
			rest, field = packed, entryPackedRest
		}
	}
	if len(rest) > maxRest || len(e.Rest) > mostRest {
		rest, e.Rest, e.Cut = nil, nil, true
	}
	if e.Cut {
		flags |= flagCut
	}
	b = wire.AppendUint(b, entryFlags, flags)
	b = wire.AppendInt(b, entryUnits, int64(o.Units))
	return wire.AppendBytes(b, field, rest)
}

func appendItem(b []byte, it *events.Item) []byte {
	b, m := wire.Begin(b, entryItem)
	b = wire.AppendBytes(b, itemProduct, it.ProductID)
	b = wire.AppendBytes(b, itemCategory, it.Category)
	b = wire.AppendInt(b, itemQuantity, int64(it.Quantity))
	b = wire.AppendInt(b, itemPrice, it.Price)
	b = wire.AppendBytes(b, itemSerial, it.Serial)
	b = wire.AppendUint(b, itemWarranty, uint64(it.Warranty))
	return wire.End(b, m)
}

// view is b as a string without a copy: entries are never modified once written.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// ErrNewer is, by errors.Is, every error of what only a newer program can know.
var ErrNewer = errors.New("a newer program wrote it: run that one, or a later one")

// parseEntry reads an entry into e, whose Items and Traits are used again. The strings of e are parts of b.
func parseEntry(b []byte, e *events.Event) error { return parseUntil(math.MaxInt32, b, e) }

// parseHead reads of an entry what comes first: type and name, by what it is found and ordered, and whether it was cut.
func parseHead(b []byte, e *events.Event) error { return parseUntil(entryFlags, b, e) }

// idOf is the id of an entry, which was checked when it was read.
func idOf(b []byte) string {
	r := wire.NewReader(b)
	for f, ok := r.Next(); ok && f <= entryID; f, ok = r.Next() {
		if f == entryID {
			return view(r.Bytes())
		}
	}
	return ""
}

func parseUntil(last wire.Field, b []byte, e *events.Event) error {
	customer, items, traits := e.Customer, e.Items[:0], e.Traits[:0]
	*e = events.Event{}
	e.Customer, e.Items, e.Traits = customer, items, traits
	r := wire.NewReader(b)
	for f, ok := r.Next(); ok && f <= last; f, ok = r.Next() {
		switch f {
		case entryTime:
			e.Time = events.Instant(r.Uint())
		case entryType:
			n := r.Uint()
			if n > math.MaxUint16 {
				return wire.ErrCorrupt
			}
			if int(n) >= typeCount {
				return fmt.Errorf("an event of type %d: %w", n, ErrNewer)
			}
			e.Type = events.Type(n)
			e.Name = e.Type.Name()
		case entryName:
			e.Name = view(r.Bytes())
		case entrySource:
			e.Source = view(r.Bytes())
		case entryID:
			e.ID = view(r.Bytes())
		case entrySequence:
			e.Sequence = view(r.Bytes())
		case entryContent:
			e.Content = r.Uint()
		case entryChannel:
			e.Channel = view(r.Bytes())
		case entryAnonymous:
			e.Links.Anonymous = view(r.Bytes())
		case entryPrevious:
			e.Links.Previous = view(r.Bytes())
		case entryGroup:
			e.Links.Group = view(r.Bytes())
		case entryItem:
			it, err := parseItem(r.Bytes())
			if err != nil {
				return err
			}
			if e.Items == nil {
				e.Items = make([]events.Item, 0, 4)
			}
			e.Items = append(e.Items, it)
		case entryTrait:
			if err := parseTrait(r.Bytes(), e); err != nil {
				return err
			}
		default:
			if err := parseOrderField(f, &r, e); err != nil {
				return err
			}
		}
	}
	return r.Err()
}

func parseOrderField(f wire.Field, r *wire.Reader, e *events.Event) error {
	switch f {
	case entryOrderID:
		e.Order.ID = view(r.Bytes())
	case entryCurrency:
		copy(e.Order.Currency[:], r.Bytes())
	case entryValue:
		e.Order.Value = r.Int()
	case entryFlags:
		e.Order.Stated = r.Uint()&flagStated != 0
		e.Order.Defaulted = r.Uint()&flagDefaulted != 0
		e.Cut = r.Uint()&flagCut != 0
	case entryUnits:
		e.Order.Units = events.Milli(r.Int())
	case entryRest:
		e.Rest = r.Bytes()
	case entryPackedRest:
		if n, err := s2.DecodedLen(r.Bytes()); err != nil || n > mostRest {
			return wire.ErrCorrupt
		}
		rest, err := s2.Decode(nil, r.Bytes())
		if err != nil {
			return wire.ErrCorrupt
		}
		e.Rest = rest
	}
	return nil
}

func parseItem(b []byte) (it events.Item, err error) {
	r := wire.NewReader(b)
	for f, ok := r.Next(); ok; f, ok = r.Next() {
		switch f {
		case itemProduct:
			it.ProductID = view(r.Bytes())
		case itemCategory:
			it.Category = view(r.Bytes())
		case itemQuantity:
			it.Quantity = events.Milli(r.Int())
		case itemPrice:
			it.Price = r.Int()
		case itemSerial:
			it.Serial = view(r.Bytes())
		case itemWarranty:
			it.Warranty = int32(r.Uint())
		}
	}
	return it, r.Err()
}

func parseTrait(b []byte, e *events.Event) error {
	var t events.Trait
	r := wire.NewReader(b)
	for f, ok := r.Next(); ok; f, ok = r.Next() {
		switch f {
		case traitName:
			t.Name = view(r.Bytes())
		case traitValue:
			t.Value = r.Bytes()
		}
	}
	e.Traits = append(e.Traits, t)
	return r.Err()
}

// order is what an entry is sorted by.
type order struct {
	time                 events.Instant
	world                bool // touchpoints come first
	sequence, source, id string
}

func orderOf(e *events.Event) order {
	return order{e.Time, e.Type.OfWorld(), e.Sequence, e.Source, e.ID}
}

// compare is negative if a happened before b.
func (a order) compare(b order) int {
	if a.time != b.time {
		if a.time < b.time {
			return -1
		}
		return 1
	}
	if a.world != b.world {
		if b.world {
			return -1
		}
		return 1
	}
	if c := strings.Compare(a.sequence, b.sequence); c != 0 {
		return c
	}
	if c := strings.Compare(a.source, b.source); c != 0 {
		return c
	}
	return strings.Compare(a.id, b.id)
}
