package story

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"math/big"
	"sort"
	"strings"
	"time"

	"github.com/touchfold/touchfold/events"
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
	return 0, "", fmt.Errorf("%q does not begin with a time such as 2024-02-29 10:00", line)
}

// event reads a line: its time, the event's name, and words=values.
func (t *teller) event(line string) (*events.Event, error) {
	at, rest, err := t.instant(line)
	if err != nil {
		return nil, err
	}
	t.n++
	e := &events.Event{Customer: t.c.ID(), Time: at, ID: fmt.Sprintf("e%d", t.n)}
	fields := strings.Fields(rest)
	for len(fields) > 0 && !strings.Contains(fields[0], "=") {
		e.Name = strings.TrimSpace(e.Name + " " + fields[0])
		fields = fields[1:]
	}
	if e.Type = events.TypeOf(e.Name); e.Type != events.Unknown {
		e.Name, e.Channel = e.Type.Name(), e.Type.About().Channel
	}
	e.Order.Currency, e.Order.Defaulted = t.Currency, true
	for _, f := range fields {
		if name, code, _ := strings.Cut(f, "="); name == "currency" { // before the amounts, which depend on it
			if e.Order.Currency, err = events.ParseCurrency(code); err != nil {
				return nil, err
			}
			e.Order.Defaulted = false
		}
	}
	for _, f := range fields {
		name, value, _ := strings.Cut(f, "=")
		if err := t.word(e, name, value); err != nil {
			return nil, err
		}
	}
	if t.total(e); e.Type.About().Body == events.Plain {
		e.Order = events.Order{}
	}
	h := fnv.New64a()
	h.Write([]byte(line))
	e.Content = h.Sum64()
	return e, nil
}

func (t *teller) word(e *events.Event, name, value string) (err error) {
	texts := map[string]*string{"id": &e.ID, "source": &e.Source, "sequence": &e.Sequence, "channel": &e.Channel,
		"order": &e.Order.ID, "anonymous": &e.Links.Anonymous, "previous": &e.Links.Previous, "group": &e.Links.Group}
	if text := texts[name]; text != nil {
		*text = value
		return nil
	}
	switch name {
	case "currency":
	case "total":
		e.Order.Stated = true
		e.Order.Value, err = decimal(value, e.Order.Currency.Digits())
	case "units":
		var units int64
		units, err = decimal(value, 3)
		e.Order.Units = events.Milli(units)
	case "items":
		for _, text := range strings.Split(value, ",") {
			if err := t.item(e, text); err != nil {
				return err
			}
		}
	case "traits":
		e.Traits, err = traits(value)
	default:
		err = fmt.Errorf("%q is no word that an event may have", name)
	}
	return err
}

// item reads p1*0.65@30.00: product, quantity, price.
func (t *teller) item(e *events.Event, text string) error {
	product, rest, _ := strings.Cut(text, "*")
	quantity, price, _ := strings.Cut(rest, "@")
	q, err := decimal(quantity, 3)
	if err != nil {
		return err
	}
	p, err := decimal(price, e.Order.Currency.Digits())
	if err != nil {
		return err
	}
	e.Items = append(e.Items, events.Item{ProductID: product, Quantity: events.Milli(q), Price: p})
	return nil
}

// total is the sum over items where none is stated, rounded half up.
func (t *teller) total(e *events.Event) {
	if e.Order.Stated || len(e.Items) == 0 {
		return
	}
	var sum int64
	for _, it := range e.Items {
		sum += it.Price * int64(it.Quantity)
	}
	e.Order.Value, e.Order.Stated = (sum+500)/1000, true
}

func traits(text string) (list []events.Trait, err error) {
	var all map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &all); err != nil {
		return nil, fmt.Errorf("traits: %w", err)
	}
	for name, value := range all {
		list = append(list, events.Trait{Name: name, Value: value})
	}
	sort.Slice(list, func(i, j int) bool { return list[i].Name < list[j].Name })
	return list, nil
}

// decimal reads a number in units of 10^-digits.
func decimal(text string, digits int) (int64, error) {
	r, ok := new(big.Rat).SetString(text)
	if !ok {
		return 0, fmt.Errorf("%q is no number", text)
	}
	for range digits {
		r.Mul(r, big.NewRat(10, 1))
	}
	if !r.IsInt() {
		return 0, fmt.Errorf("%q has more than %d decimal places", text, digits)
	}
	return r.Num().Int64(), nil
}
