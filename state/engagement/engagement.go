// Package engagement is the feature that knows how a customer and the brand are in touch: contacts by channel, by who
// began them, by stage of the purchase, e-mail sent, opened and clicked, and when either was last heard of. Its one rule:
// it counts contacts, not what they were about.
package engagement

import (
	"cmp"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state"
	"github.com/touchfold/touchfold/state/wire"
)

// State is the counts. A contact is an event whose type has an initiator; an event of an unknown name is counted apart.
type State struct {
	channels    []count // in order of first contact
	unknown     []count // events of names that are not in the table, by name, in order of first appearance
	byBrand     uint64
	byCustomer  uint64
	before      uint64
	during      uint64
	after       uint64
	sent        uint64
	opened      uint64
	clicked     uint64
	first       state.Mark     // the first contact that the customer began; zero without one
	lastSeen    events.Instant // the last one
	lastByBrand events.Instant
}

// count is how many there were of a name.
type count struct {
	name string
	n    uint64
}

// maxNames bounds how many channels, and how many unknown names, are told apart; further ones count as "other".
const maxNames = 32

// nameless is the name of the channel of an event that says none.
const nameless = "unknown"

// Feature is engagement.
func Feature() *state.Spec[State] {
	names := names(append(channels(), nameless, "other"))
	return &state.Spec[State]{
		Name:    "engagement",
		Version: 1,
		Doc:     "contacts by channel, initiator and stage; e-mail sent, opened, clicked; first and last seen",
		Fold:    names.fold,
		Append:  appendState,
		Parse:   names.parse,
		Report:  report,
	}
}

// Seen reports whether the customer ever began a contact, and by which event first.
func (s *State) Seen() (first state.Mark, ok bool) { return s.first, s.byCustomer > 0 }

// names are those that most customers have, of which not each keeps a copy.
type names []string

func (known names) keep(name []byte) string {
	for _, k := range known {
		if k == string(name) {
			return k
		}
	}
	return string(name)
}

func (known names) fold(s *State, e *events.Event) {
	if e.Type == events.Unknown {
		s.unknown = known.add(s.unknown, e.Name)
		return
	}
	about := e.Type.About()
	switch about.Initiator {
	case events.Brand:
		s.byBrand++
		s.lastByBrand = e.Time
	case events.Customer:
		if s.byCustomer++; s.byCustomer == 1 {
			s.first = state.MarkOf(e)
		}
		s.lastSeen = e.Time
	default:
		return
	}
	switch about.Stage {
	case events.Before:
		s.before++
	case events.During:
		s.during++
	case events.After:
		s.after++
	}
	switch e.Type {
	case events.EmailSent:
		s.sent++
	case events.EmailOpened:
		s.opened++
	case events.EmailLinkClicked:
		s.clicked++
	}
	s.channels = known.add(s.channels, cmp.Or(e.Channel, nameless))
}

// add counts one more of a name.
func (known names) add(counts []count, name string) []count {
	for i := range counts {
		if counts[i].name == name {
			counts[i].n++
			return counts
		}
	}
	switch n := len(counts); {
	case n == maxNames:
		counts[n-1].n++
		return counts
	case n == maxNames-1:
		name = "other"
	}
	return append(room(counts), count{known.keep([]byte(name)), 1})
}

// room is counts with room for those that most customers have.
func room(counts []count) []count {
	if counts == nil {
		return make([]count, 0, 4)
	}
	return counts
}

// Report is what a person is shown.
type Report struct {
	Contacts    map[string]uint64 `json:"contacts"` // by channel
	Brand       uint64            `json:"begun_by_brand"`
	Customer    uint64            `json:"begun_by_customer"`
	Before      uint64            `json:"before_purchase"`
	During      uint64            `json:"during_purchase"`
	After       uint64            `json:"after_purchase"`
	Sent        uint64            `json:"email_sent"`
	Opened      uint64            `json:"email_opened"`
	Clicked     uint64            `json:"email_clicked"`
	Unknown     map[string]uint64 `json:"unknown_events,omitempty"` // by name
	FirstSeen   string            `json:"first_seen,omitempty"`     // contacts that the customer began
	LastSeen    string            `json:"last_seen,omitempty"`
	LastByBrand string            `json:"last_contacted,omitempty"` // contacts that the brand began
}

func report(s *State, _ state.Known, _ events.Instant) any {
	if s.byBrand+s.byCustomer == 0 && len(s.unknown) == 0 {
		return nil
	}
	r := Report{Contacts: map[string]uint64{}, Brand: s.byBrand, Customer: s.byCustomer, Before: s.before, During: s.during,
		After: s.after, Sent: s.sent, Opened: s.opened, Clicked: s.clicked}
	for _, c := range s.channels {
		r.Contacts[c.name] += c.n
	}
	for _, c := range s.unknown {
		if r.Unknown == nil {
			r.Unknown = map[string]uint64{}
		}
		r.Unknown[c.name] += c.n
	}
	if s.byCustomer > 0 {
		r.FirstSeen, r.LastSeen = s.first.Time.String(), s.lastSeen.String()
	}
	if s.byBrand > 0 {
		r.LastByBrand = s.lastByBrand.String()
	}
	return r
}

// The fields of the state and of a channel.
const (
	stateChannel wire.Field = iota + 1
	stateByBrand
	stateByCustomer
	stateBefore
	stateDuring
	stateAfter
	stateSent
	stateOpened
	stateClicked
	stateUnknown
	stateFirstSeen
	stateLastSeen
	stateLastByBrand
	stateFirstEvent // of the event of stateFirstSeen

	countName wire.Field = 1
	countN    wire.Field = 2
)

func appendState(b []byte, s *State) []byte {
	b = appendCounts(b, stateChannel, s.channels)
	b = wire.AppendUint(b, stateByBrand, s.byBrand)
	b = wire.AppendUint(b, stateByCustomer, s.byCustomer)
	b = wire.AppendUint(b, stateBefore, s.before)
	b = wire.AppendUint(b, stateDuring, s.during)
	b = wire.AppendUint(b, stateAfter, s.after)
	b = wire.AppendUint(b, stateSent, s.sent)
	b = wire.AppendUint(b, stateOpened, s.opened)
	b = wire.AppendUint(b, stateClicked, s.clicked)
	b = appendCounts(b, stateUnknown, s.unknown)
	b = wire.AppendUint(b, stateFirstSeen, uint64(s.first.Time))
	b = wire.AppendFixed(b, stateFirstEvent, s.first.ID)
	b = wire.AppendUint(b, stateLastSeen, uint64(s.lastSeen))
	return wire.AppendUint(b, stateLastByBrand, uint64(s.lastByBrand))
}

func appendCounts(b []byte, f wire.Field, counts []count) []byte {
	for _, c := range counts {
		var m wire.Mark
		b, m = wire.Begin(b, f)
		b = wire.AppendBytes(b, countName, c.name)
		b = wire.AppendUint(b, countN, c.n)
		b = wire.End(b, m)
	}
	return b
}

func (known names) parse(b []byte, s *State) error {
	r := wire.NewReader(b)
	for f, ok := r.Next(); ok; f, ok = r.Next() {
		switch f {
		case stateChannel, stateUnknown:
			c, err := known.parseCount(r.Bytes())
			if err != nil {
				return err
			}
			if f == stateChannel {
				s.channels = append(room(s.channels), c)
			} else {
				s.unknown = append(room(s.unknown), c)
			}
		case stateByBrand:
			s.byBrand = r.Uint()
		case stateByCustomer:
			s.byCustomer = r.Uint()
		case stateBefore:
			s.before = r.Uint()
		case stateDuring:
			s.during = r.Uint()
		case stateAfter:
			s.after = r.Uint()
		case stateSent:
			s.sent = r.Uint()
		case stateOpened:
			s.opened = r.Uint()
		case stateClicked:
			s.clicked = r.Uint()
		case stateFirstSeen:
			s.first.Time = events.Instant(r.Uint())
		case stateFirstEvent:
			s.first.ID = r.Uint()
		case stateLastSeen:
			s.lastSeen = events.Instant(r.Uint())
		case stateLastByBrand:
			s.lastByBrand = events.Instant(r.Uint())
		}
	}
	return r.Err()
}

func (known names) parseCount(b []byte) (c count, err error) {
	r := wire.NewReader(b)
	for f, ok := r.Next(); ok; f, ok = r.Next() {
		switch f {
		case countName:
			c.name = known.keep(r.Bytes())
		case countN:
			c.n = r.Uint()
		}
	}
	return c, r.Err()
}
