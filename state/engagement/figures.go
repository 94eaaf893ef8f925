package engagement

import (
	"slices"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state"
)

// Figures are what rules may ask of engagement.
func Figures(p *state.Spec[State], calendar *state.Calendar) []state.Figure {
	count := func(name, doc string, of func(s *State) uint64) state.Figure {
		return state.Figure{Name: "engagement." + name, Doc: doc, Owner: p,
			At: func(k state.Known, _ int, _ events.Instant) (state.Quantity, events.Instant) {
				return state.Millionths(int64(of(p.Of(k))), 1), events.Never
			}}
	}
	age := func(name, doc string, of func(s *State) (t events.Instant, ok bool)) state.Figure {
		f := state.DaysSince(calendar, func(k state.Known) (state.Day, bool) {
			t, ok := of(p.Of(k))
			return calendar.Of(t), ok
		})
		f.Name, f.Doc, f.Owner = "engagement."+name, doc, p
		return f
	}
	figures := []state.Figure{
		count("contacts", "contacts, whoever began them", func(s *State) uint64 { return s.byBrand + s.byCustomer }),
		count("by_customer", "contacts that the customer began", func(s *State) uint64 { return s.byCustomer }),
		count("by_brand", "contacts that the brand began", func(s *State) uint64 { return s.byBrand }),
		count("emails_sent", "e-mails sent", func(s *State) uint64 { return s.sent }),
		count("emails_opened", "e-mails opened, each time", func(s *State) uint64 { return s.opened }),
		count("emails_clicked", "links in e-mails clicked, each time", func(s *State) uint64 { return s.clicked }),
		age("first_seen_days_ago", "calendar days since the first contact that the customer began",
			func(s *State) (events.Instant, bool) { return s.first.Time, s.byCustomer > 0 }),
		age("last_seen_days_ago", "calendar days since the last contact that the customer began",
			func(s *State) (events.Instant, bool) { return s.lastSeen, s.byCustomer > 0 }),
		age("last_contacted_days_ago", "calendar days since the last contact that the brand began",
			func(s *State) (events.Instant, bool) { return s.lastByBrand, s.byBrand > 0 }),
	}
	for _, c := range channels() {
		figures = append(figures,
			count("contacts_"+c, "contacts through the channel "+c, func(s *State) uint64 { return s.through(c) }))
	}
	return figures
}

// channels are those that the vocabulary knows of itself, and tills, in order of name.
func channels() []string {
	names := []string{"pos"}
	for _, t := range events.Types() {
		if c := t.About().Channel; c != "" {
			names = append(names, c)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// through is how many contacts came through a channel.
func (s *State) through(channel string) (n uint64) {
	for _, c := range s.channels {
		if c.name == channel {
			n += c.n
		}
	}
	return n
}
