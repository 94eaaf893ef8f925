package profile

import (
	"slices"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state"
)

// Figures are what rules may ask of the profile beside the traits themselves.
func Figures(p *state.Spec[State], calendar *state.Calendar) []state.Figure {
	identify := []events.Type{events.Identify} // by which traits are told
	age := func(name, doc string, of func(s *State) (t events.Instant, ok bool)) state.Figure {
		f := state.DaysSince(calendar, func(k state.Known) (state.Day, bool) {
			t, ok := of(p.Of(k))
			return calendar.Of(t), ok
		})
		f.Name, f.Doc, f.Owner, f.Folds = "profile."+name, doc, p, identify
		return f
	}
	return []state.Figure{
		{Name: "profile.traits", Doc: "how many traits are known", Owner: p, Folds: identify,
			At: func(k state.Known, _ int, _ events.Instant) (state.Quantity, events.Instant) {
				return state.Millionths(int64(len(p.Of(k).traits)), 1), events.Never
			}},
		age("confirmed_days_ago", "calendar days since any trait was last confirmed", (*State).newest),
		age("oldest_confirmed_days_ago", "calendar days since the trait that was longest not confirmed was confirmed",
			func(s *State) (events.Instant, bool) { return s.oldest(func(*trait) bool { return true }) }),
		age("contact_confirmed_days_ago", "the same of the traits address, email and phone alone",
			func(s *State) (events.Instant, bool) {
				return s.oldest(func(t *trait) bool { return slices.Contains([]string{"address", "email", "phone"}, t.name) })
			}),
	}
}

func (s *State) newest() (at events.Instant, ok bool) {
	for i := range s.traits {
		at = max(at, s.traits[i].confirmed)
	}
	return at, len(s.traits) > 0
}

// oldest is when the trait among some that was longest not confirmed was confirmed.
func (s *State) oldest(among func(t *trait) bool) (at events.Instant, ok bool) {
	for i := range s.traits {
		if t := &s.traits[i]; among(t) && (!ok || t.confirmed < at) {
			at, ok = t.confirmed, true
		}
	}
	return at, ok
}
