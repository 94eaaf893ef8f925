package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/processor/rehearsal"
	"github.com/touchfold/touchfold/state"
	"github.com/touchfold/touchfold/state/engagement"
	"github.com/touchfold/touchfold/state/profile"
	"github.com/touchfold/touchfold/state/purchases"
)

// tell tells the story of the customer of whom the most different things were said.
func (d *demo) tell(w io.Writer) error {
	id, said := d.heard.central()
	if len(said) == 0 {
		_, err := fmt.Fprintln(w, "It ended before anything was said.")
		return err
	}
	enough := errors.New("found")
	err := d.rehearsal.Customers(func(c *state.Customer) error {
		if c.ID() != id {
			return nil
		}
		s := story{demo: d, w: w, said: said}
		s.tell(c)
		return enough
	})
	if errors.Is(err, enough) {
		return nil
	}
	return err
}

// story writes what a customer did and what touchfold said of it, in the order of the time of both.
type story struct {
	*demo
	w    io.Writer
	said []*events.Statement // not told yet

	quiet tally // since the last line
}

// tally counts what is not worth a line of its own.
type tally struct {
	orders, visits, mails, others int
	spent                         map[events.Currency]int64
}

func (s *story) tell(c *state.Customer) {
	fmt.Fprintf(s.w, "The story of %s\n\n", c.ID())
	first := true
	known := map[events.Type]bool{}
	c.Timeline(func(e *events.Event) {
		for len(s.said) > 0 && s.said[0].Effective < e.Time {
			s.passed()
		}
		says := len(s.said) > 0 && s.said[0].Effective == e.Time
		if !first && !says && !worthTelling(e, known) {
			s.quiet.count(e)
			return
		}
		s.hush()
		begin := ""
		if first {
			begin = "first seen: "
		}
		first = false
		fmt.Fprintf(s.w, "%-10s  %s\n", s.heard.date(e.Time), begin+noteOf(e).String())
		s.answers(e.Time)
	})
	for len(s.said) > 0 {
		s.passed()
	}
	s.hush()
	s.figures(c)
}

// worthTelling says whether an event has a line of its own even if nothing followed from it.
func worthTelling(e *events.Event, known map[events.Type]bool) bool {
	switch e.Type {
	case events.OrderRefunded, events.OrderCancelled, events.ComplaintReceived:
		return true
	case events.Identify, events.LoyaltyEnrolled, events.Unsubscribed:
		before := known[e.Type]
		known[e.Type] = true
		return !before
	}
	return false
}

// passed tells what was said because time passed.
func (s *story) passed() {
	s.hush()
	at := s.said[0].Effective
	fmt.Fprintf(s.w, "%-10s  (time passes)\n", s.heard.date(at))
	s.answers(at)
}

// answers tells what was said as of an instant.
func (s *story) answers(at events.Instant) {
	for len(s.said) > 0 && s.said[0].Effective == at {
		x := s.said[0]
		s.said = s.said[1:]
		late := ""
		if x.Cause == events.ByCorrection {
			late = " (something came late)"
		}
		fmt.Fprintln(s.w, cut(fmt.Sprintf("%12s▸ %-30s %s", "", what(x), reason(x)+late)))
	}
}

func (t *tally) count(e *events.Event) {
	about := e.Type.About()
	switch {
	case e.Type == events.OrderCompleted:
		t.orders++
		if t.spent == nil {
			t.spent = map[events.Currency]int64{}
		}
		t.spent[e.Order.Currency] += e.Order.Value
	case e.Type == events.PageViewed || e.Type == events.ScreenViewed:
		t.visits++
	case e.Type == events.EmailSent:
		t.mails++
	case about.Initiator == events.Customer:
		t.others++
	}
}

// hush tells in one line what was counted.
func (s *story) hush() {
	t := s.quiet
	s.quiet = tally{}
	var parts []string
	say := func(n int, one, more string) {
		if n == 1 {
			parts = append(parts, "1 "+one)
		} else if n > 1 {
			parts = append(parts, grouped(n)+" "+more)
		}
	}
	say(t.orders, "order", "orders")
	for c, v := range t.spent {
		parts[0] += " of " + short(v, c)
	}
	say(t.visits, "visit to the web shop", "visits to the web shop")
	say(t.mails, "newsletter", "newsletters")
	say(t.others, "other contact", "other contacts")
	if len(parts) > 0 {
		fmt.Fprintln(s.w, cut("         …  "+strings.Join(parts, ", ")))
	}
}

// figures writes what touchfold knows of the customer at the end.
func (s *story) figures(c *state.Customer) {
	at := s.heard.clock()
	row := func(name, format string, args ...any) {
		for _, line := range wrapped(fmt.Sprintf(format, args...), screenWidth-14) {
			fmt.Fprintf(s.w, "  %-11s %s\n", name, line)
			name = ""
		}
	}
	fmt.Fprintf(s.w, "\nWhat is known of %s now, from %s touchpoints\n", c.ID(), grouped(c.Events()))
	var facts []string
	for key, v := range rehearsal.Facts(c, at) {
		if v == true {
			facts = append(facts, key)
		} else {
			facts = append(facts, fmt.Sprintf("%s %v", key, v))
		}
	}
	slices.Sort(facts)
	row("facts", "%s", strings.Join(facts, ", "))
	reports := c.Report(at)
	if r, ok := reports["purchases"].(purchases.Report); ok {
		currency := s.config.Business.Currency.String()
		row("purchases", "orders %d, days with an order %d, products %d", r.Orders, r.OrderDays, r.DistinctProducts)
		row("", "%s %s net, %s refunded, %s an order on average", currency, r.Net, r.Refunded, cmp.Or(r.AverageOrderValue, "0"))
		row("", "in the last 365 days: orders %d, %s %s net", r.Last365Days.Orders, currency, r.Last365Days.Net)
	}
	if r, ok := reports["engagement"].(engagement.Report); ok {
		row("contacts", "begun by the customer %d, by us %d", r.Customer, r.Brand)
		row("", "%s", channels(r.Contacts))
		row("e-mail", "%d sent, %d opened, %d clicked", r.Sent, r.Opened, r.Clicked)
	}
	if r, ok := reports["profile"].(profile.Report); ok {
		row("profile", "traits %d, anonymous ids %d", len(r.Traits), len(r.Anonymous))
	}
	if due := c.Due(); due != events.Never {
		row("next", "if nothing comes in, time alone may change a fact on %s", due.Time().In(s.config.Business.Zone).Format(time.DateOnly))
	}
}

// wrapped is a list in lines of at most so many columns, if no part of it is longer.
func wrapped(list string, columns int) (lines []string) {
	line := ""
	for part := range strings.SplitAfterSeq(list, ", ") {
		if line != "" && utf8.RuneCountInString(line+strings.TrimSpace(part)) > columns {
			lines, line = append(lines, strings.TrimSpace(line)), ""
		}
		line += part
	}
	return append(lines, line)
}

// channels is how many contacts there were by each, the most first.
func channels(contacts map[string]uint64) string {
	names := slices.SortedFunc(maps.Keys(contacts), func(a, b string) int {
		return cmp.Or(cmp.Compare(contacts[b], contacts[a]), strings.Compare(a, b))
	})
	for i, name := range names {
		names[i] = fmt.Sprintf("%s %d", name, contacts[name])
	}
	return strings.Join(names, ", ")
}
