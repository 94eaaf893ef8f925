package story

import (
	"fmt"
	"hash/fnv"
	"strings"
	"time"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state"
)

// instant reads a time of the zone at the beginning of a line.
func (t *teller) instant(line string) (at events.Instant, rest string, err error) {
	line = strings.TrimSpace(line)
	for _, layout := range []string{"2006-01-02 15:04:05.000", "2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02"} {
		if len(line) < len(layout) || len(line) > len(layout) && line[len(layout)] != ' ' {
			continue
		}
		if x, err := time.ParseInLocation(layout, line[:len(layout)], t.Zone); err == nil {
			return events.At(x), line[len(layout):], nil
		}
	}
	return 0, "", fmt.Errorf("%q does not begin with a time such as 2024-02-29 10:00, "+
		"nor with pass, only, customer, facts, show, restart, set or rulebook", line)
}

// event reads a line: its time, the event's name, and words=values.
func (t *teller) event(line string) (*events.Event, error) {
	at, rest, err := t.instant(line)
	if err != nil {
		return nil, err
	}
	t.n++
	e := &events.Event{Customer: t.c.ID(), Time: at, ID: fmt.Sprintf("e%d", t.n)}
	t.priced = false
	for rest = strings.TrimSpace(rest); rest != ""; {
		first, more, _ := strings.Cut(rest, " ")
		if strings.Contains(first, "=") {
			break
		}
		e.Name, rest = strings.TrimSpace(e.Name+" "+first), strings.TrimSpace(more)
	}
	if e.Name == "" {
		return nil, fmt.Errorf("%q names no event; write its name behind the time, such as Order Completed", line)
	}
	if e.Type = events.TypeOf(e.Name); e.Type != events.Unknown {
		e.Name, e.Channel = e.Type.Name(), e.Type.About().Channel
	}
	all, err := words(rest)
	if err != nil {
		return nil, err
	}
	if err := t.words(e, all); err != nil {
		return nil, err
	}
	h := fnv.New64a()
	h.Write([]byte(line))
	e.Content = h.Sum64()
	t.ids[state.MarkOf(e).ID] = e.ID
	return e, nil
}

// words puts into e what its words say, the currency first, as amounts depend on it.
func (t *teller) words(e *events.Event, all []word) (err error) {
	e.Order.Currency, e.Order.Defaulted = t.Currency, true
	for _, w := range all {
		if w.name == "currency" {
			if e.Order.Currency, err = events.ParseCurrency(w.value); err != nil {
				return err
			}
			e.Order.Defaulted = false
		}
	}
	for _, w := range all {
		if err := t.word(e, w); err != nil {
			return err
		}
	}
	t.total(e)
	switch body := e.Type.About().Body; {
	case body == events.Plain:
		e.Order = events.Order{}
	case body == events.Basket && !e.Order.Stated && e.Order.Defaulted:
		e.Order.Currency, e.Order.Defaulted = events.Currency{}, false
	}
	return nil
}

func (t *teller) word(e *events.Event, w word) (err error) {
	texts := map[string]*string{"id": &e.ID, "source": &e.Source, "sequence": &e.Sequence, "channel": &e.Channel,
		"order": &e.Order.ID, "anonymous": &e.Links.Anonymous, "previous": &e.Links.Previous, "group": &e.Links.Group}
	if text := texts[w.name]; text != nil {
		*text = w.value
		return nil
	}
	switch w.name {
	case "currency":
	case "total":
		e.Order.Stated = true
		e.Order.Value, err = decimal(w.value, e.Order.Currency.Digits())
	case "units":
		var units int64
		units, err = decimal(w.value, 3)
		e.Order.Units = events.Milli(units)
	case "items":
		for _, text := range strings.Split(w.value, ",") {
			if err := t.item(e, text); err != nil {
				return err
			}
		}
	case "category", "serial", "warranty":
		err = t.lines(e, w)
	case "properties":
		e.Rest, err = properties(e, w.value)
	case "traits":
		e.Traits, err = traits(w.value)
	default:
		err = fmt.Errorf("%q is no word that an event may have; other things are written properties={%q:…}", w.name, w.name)
	}
	return err
}
