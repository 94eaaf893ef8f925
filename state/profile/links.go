package profile

import (
	"slices"
	"sort"

	"github.com/touchfold/touchfold/events"
)

// links are in order of kind and name. There is not a pointer in them for the collector to follow: a customer may have
// hundreds.
type links struct {
	list  []link
	names []byte // one after the other, in the order in which they came
}

type link struct {
	first, last events.Instant
	at, size    uint32 // of the name, in names
	kind        kind
}

func (l *links) name(x *link) []byte { return l.names[x.at : x.at+x.size] }

// note notes that a name was linked at an instant that is not before any other. Beyond maxNames, names that are new are
// passed over.
func (l *links) note(k kind, name string, at events.Instant) {
	if name == "" {
		return
	}
	i := sort.Search(len(l.list), func(i int) bool {
		x := &l.list[i]
		return x.kind > k || x.kind == k && string(l.name(x)) >= name
	})
	if i < len(l.list) && l.list[i].kind == k && string(l.name(&l.list[i])) == name {
		l.list[i].last = at
		return
	}
	if len(l.list) < maxNames {
		l.insert(i, link{kind: k, first: at, last: at}, []byte(name))
	}
}

func (l *links) insert(i int, x link, name []byte) {
	x.at, x.size = uint32(len(l.names)), uint32(len(name))
	l.names = append(l.names, name...)
	l.list = slices.Insert(l.list, i, x)
}
