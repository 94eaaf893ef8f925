package state

import (
	"sync/atomic"

	"github.com/touchfold/touchfold/state/tzdata"
)

// Zones are the calendars of all zones that have a name, each made when it is first asked for. They may be used by many
// goroutines; there are no more calendars than names, some 600, of a few KB each.
type Zones struct {
	of map[string]*atomic.Pointer[Calendar] // never changed
}

// NewZones is the zones of the embedded file; no machine's own zones count.
func NewZones() *Zones {
	z := &Zones{of: map[string]*atomic.Pointer[Calendar]{}}
	for _, name := range tzdata.Names() {
		z.of[name] = new(atomic.Pointer[Calendar])
	}
	return z
}

// Calendar is that of the zone with this IANA name, if there is one.
func (z *Zones) Calendar(name string) (*Calendar, bool) {
	slot := z.of[name]
	if slot == nil {
		return nil, false
	}
	if c := slot.Load(); c != nil {
		return c, true
	}
	zone, err := tzdata.Load(name)
	if err != nil {
		return nil, false
	}
	slot.CompareAndSwap(nil, LazyCalendar(zone)) // who loses has the same one
	return slot.Load(), true
}
