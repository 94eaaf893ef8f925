package profile

import (
	"cmp"
	"encoding/binary"
	"slices"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state"
	"github.com/touchfold/touchfold/state/wire"
)

// links are in order of their prints. There is not a pointer in them for the collector to follow: a customer may have
// hundreds.
type links struct {
	list  []link
	names []byte // one after the other, in the order in which they came
}

type link struct {
	print       uint64 // what stands for kind and name, by which it is found
	first, last events.Instant
	at          uint32 // where its name begins in names
	size        uint16 // of the name: no id is longer than events.MaxID
	kind        kind
}

func (l *links) name(x *link) []byte { return l.names[x.at : x.at+uint32(x.size)] }

// note notes that a name was linked at an instant that is not before any other. Beyond maxNames, names that are new are
// passed over.
func (l *links) note(k kind, name string, at events.Instant) {
	if name == "" {
		return
	}
	print := printOf(k, name)
	i, _ := slices.BinarySearchFunc(l.list, print, func(x link, print uint64) int { return cmp.Compare(x.print, print) })
	for ; i < len(l.list) && l.list[i].print == print; i++ {
		if x := &l.list[i]; x.kind == k && string(l.name(x)) == name {
			x.last = at
			return
		}
	}
	if len(l.list) < maxNames {
		l.insert(i, link{print: print, kind: k, first: at, last: at}, []byte(name))
	}
}

func (l *links) insert(i int, x link, name []byte) {
	x.at, x.size = uint32(len(l.names)), uint16(len(name))
	l.names = append(l.names, name...)
	l.list = slices.Insert(l.list, i, x)
}

func printOf(k kind, name string) uint64 { return state.Fingerprint(kinds[k], name) }

// append writes each link as its kind, its name behind its length, the first time, and how much later the last was.
func (l *links) append(b []byte) []byte {
	for i := range l.list {
		x := &l.list[i]
		b = binary.AppendUvarint(append(b, byte(x.kind)), uint64(x.size))
		b = append(b, l.name(x)...)
		b = binary.AppendUvarint(b, uint64(x.first))
		b = binary.AppendUvarint(b, uint64(x.last-x.first))
	}
	return b
}

func (l *links) parse(b []byte) error {
	n := len(b) / 16 // few take less
	l.list, l.names = make([]link, 0, n), make([]byte, 0, len(b))
	for len(b) > 0 {
		x := link{kind: kind(b[0])}
		size, n := binary.Uvarint(b[1:])
		if x.kind < anonymous || x.kind > group || n <= 0 || size == 0 || size > min(events.MaxID, uint64(len(b)-1-n)) {
			return wire.ErrCorrupt
		}
		name := b[1+n : 1+n+int(size)]
		b = b[1+n+int(size):]
		first, n := binary.Uvarint(b)
		if n <= 0 {
			return wire.ErrCorrupt
		}
		later, m := binary.Uvarint(b[n:])
		if m <= 0 {
			return wire.ErrCorrupt
		}
		b = b[n+m:]
		x.print, x.first, x.last = printOf(x.kind, string(name)), events.Instant(first), events.Instant(first+later)
		l.insert(len(l.list), x, name)
	}
	return nil
}
