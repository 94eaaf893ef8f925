// Package profile is the feature that knows who a customer says to be: traits, each with the time it was last confirmed,
// and the other names that identify, alias and group link to the customer. Its one rule: the last word counts, and how
// old it is stays known.
package profile

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state"
	"github.com/touchfold/touchfold/state/wire"
)

// State is a customer's traits, in order of name, and links.
type State struct {
	traits []trait
	links  links
}

type trait struct {
	name      string
	value     []byte         // JSON
	since     events.Instant // when it took this value
	confirmed events.Instant // when it was last said
}

// kind says by what a name is linked.
type kind uint8

const (
	anonymous kind = iota + 1 // anonymousId beside userId
	previous                  // previousId of an alias
	group                     // groupId
)

var kinds = [...]string{anonymous: "anonymous", previous: "previous", group: "group"}

// Feature is the profile.
func Feature() *state.Spec[State] {
	return &state.Spec[State]{
		Name:    "profile",
		Version: 1,
		Doc:     "traits with the time each was last confirmed, and the names that identify, alias and group link",
		Fold:    fold,
		Append:  appendState,
		Parse:   parse,
		Report:  report,
	}
}

// Identified reports whether any trait is known.
func (s *State) Identified() bool { return len(s.traits) > 0 }

func fold(s *State, e *events.Event) {
	if e.Type == events.Identify {
		for i := range e.Traits {
			s.confirm(&e.Traits[i], e.Time)
		}
	}
	s.links.note(anonymous, e.Links.Anonymous, e.Time)
	s.links.note(previous, e.Links.Previous, e.Time)
	s.links.note(group, e.Links.Group, e.Time)
}

// maxNames bounds how many traits, and how many linked names, a customer has; further ones are passed over.
const maxNames = 256

// confirm notes what a trait is said to be. A null is no data, never a delete.
func (s *State) confirm(said *events.Trait, at events.Instant) {
	if string(said.Value) == "null" {
		return
	}
	i, ok := slices.BinarySearchFunc(s.traits, said.Name, func(t trait, name string) int { return strings.Compare(t.name, name) })
	if !ok && len(s.traits) == maxNames {
		return
	}
	if !ok {
		s.traits = slices.Insert(s.traits, i, trait{name: strings.Clone(said.Name)})
	}
	t := &s.traits[i]
	if !ok || string(t.value) != string(said.Value) {
		t.value, t.since = slices.Clone(said.Value), at
	}
	t.confirmed = at
}

// Report is what a person is shown.
type Report struct {
	Traits    map[string]Trait `json:"traits,omitempty"`
	Anonymous []string         `json:"anonymous_ids,omitempty"`
	Previous  []string         `json:"previous_ids,omitempty"`
	Groups    []string         `json:"groups,omitempty"`
}

// Trait is a trait's value and how fresh it is.
type Trait struct {
	Value     json.RawMessage `json:"value"`
	Since     string          `json:"since"`
	Confirmed string          `json:"confirmed"`
}

func report(s *State, _ state.Known, _ events.Instant) any {
	if len(s.traits) == 0 && len(s.links.list) == 0 {
		return nil
	}
	var r Report
	for _, t := range s.traits {
		if r.Traits == nil {
			r.Traits = map[string]Trait{}
		}
		r.Traits[t.name] = Trait{json.RawMessage(t.value), t.since.String(), t.confirmed.String()}
	}
	for i := range s.links.list {
		l := &s.links.list[i]
		list := map[kind]*[]string{anonymous: &r.Anonymous, previous: &r.Previous, group: &r.Groups}[l.kind]
		*list = append(*list, string(s.links.name(l)))
	}
	for _, list := range [][]string{r.Anonymous, r.Previous, r.Groups} {
		slices.Sort(list)
	}
	return r
}

// The fields of the state and of a trait.
const (
	stateTrait wire.Field = 1
	stateLinks wire.Field = 2

	traitName      wire.Field = 1
	traitValue     wire.Field = 2
	traitSince     wire.Field = 3
	traitConfirmed wire.Field = 4
)

func appendState(b []byte, s *State) []byte {
	var m wire.Mark
	for _, t := range s.traits {
		b, m = wire.Begin(b, stateTrait)
		b = wire.AppendBytes(b, traitName, t.name)
		b = wire.AppendBytes(b, traitValue, t.value)
		b = wire.AppendUint(b, traitSince, uint64(t.since))
		b = wire.AppendUint(b, traitConfirmed, uint64(t.confirmed))
		b = wire.End(b, m)
	}
	if len(s.links.list) > 0 {
		b, m = wire.Begin(b, stateLinks)
		b = wire.End(s.links.append(b), m)
	}
	return b
}

func parse(b []byte, s *State) error {
	r := wire.NewReader(b)
	for f, ok := r.Next(); ok; f, ok = r.Next() {
		var err error
		switch f {
		case stateTrait:
			err = s.parseTrait(r.Bytes())
		case stateLinks:
			err = s.links.parse(r.Bytes())
		}
		if err != nil {
			return err
		}
	}
	return r.Err()
}

func (s *State) parseTrait(b []byte) error {
	var t trait
	r := wire.NewReader(b)
	for f, ok := r.Next(); ok; f, ok = r.Next() {
		switch f {
		case traitName:
			t.name = r.String()
		case traitValue:
			t.value = slices.Clone(r.Bytes())
		case traitSince:
			t.since = events.Instant(r.Uint())
		case traitConfirmed:
			t.confirmed = events.Instant(r.Uint())
		}
	}
	s.traits = append(s.traits, t)
	return r.Err()
}
