package story

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/big"
	"sort"
	"strings"

	"github.com/touchfold/touchfold/events"
)

// word is name=value behind an event's name.
type word struct{ name, value string }

// words splits a line. A value that begins with a brace, a bracket or a quotation mark is JSON, and may contain spaces.
func words(text string) (all []word, err error) {
	for text = strings.TrimSpace(text); text != ""; text = strings.TrimSpace(text) {
		name, value, ok := strings.Cut(text, "=")
		if !ok || strings.ContainsAny(name, " \t") {
			return nil, fmt.Errorf("%q is no word=value; an event's name stands first, then words such as order=A", strings.Fields(text)[0])
		}
		end := strings.IndexAny(value, " \t")
		if end < 0 {
			end = len(value)
		}
		w := word{name, value[:end]}
		if value != "" && strings.IndexByte(`{["`, value[0]) >= 0 {
			d := json.NewDecoder(strings.NewReader(value))
			var sent json.RawMessage
			if err := d.Decode(&sent); err != nil {
				return nil, fmt.Errorf("%s: %q is no JSON: %w", name, value, err)
			}
			if end = int(d.InputOffset()); end < len(value) && value[end] != ' ' && value[end] != '\t' {
				return nil, fmt.Errorf("%s: %q does not end where its JSON does; several texts are written [\"a\",\"b\"]", name, value)
			}
			if w.value = string(sent); value[0] == '"' {
				if err := json.Unmarshal(sent, &w.value); err != nil {
					return nil, fmt.Errorf("%s: %w", name, err)
				}
			}
		}
		all = append(all, w)
		text = value[end:]
	}
	return all, nil
}

// list is the values of a word, one for each product line, or one for all.
func list(e *events.Event, w word) (values []string, err error) {
	values = strings.Split(w.value, ",")
	if strings.HasPrefix(w.value, "[") {
		if values = nil; json.Unmarshal([]byte(w.value), &values) != nil {
			return nil, fmt.Errorf("%s: %q is no list of texts such as [\"a\",\"b\"]", w.name, w.value)
		}
	}
	for len(values) == 1 && len(e.Items) > 1 {
		for len(values) < len(e.Items) {
			values = append(values, values[0])
		}
	}
	if len(values) != len(e.Items) {
		return nil, fmt.Errorf("%s has %d values for %d products; write items=… first, and then one value for all or one for each",
			w.name, len(values), len(e.Items))
	}
	return values, nil
}

// lines sets a field of every product line.
func (t *teller) lines(e *events.Event, w word) error {
	values, err := list(e, w)
	if err != nil {
		return err
	}
	for i, value := range values {
		switch it := &e.Items[i]; w.name {
		case "category":
			it.Category = value
		case "serial":
			it.Serial = value
		case "warranty":
			months, err := decimal(value, 0)
			if err != nil || months < 0 || months > 1200 {
				return fmt.Errorf("warranty: %q is no number of months; write 0 to 1200", value)
			}
			it.Warranty = int32(months)
		}
	}
	return nil
}

// item reads p1*0.65@30.00: product, quantity, price. Without quantity it is one piece, without price the price is not known.
func (t *teller) item(e *events.Event, text string) (err error) {
	if e.Type.About().Body == events.Plain {
		return fmt.Errorf("%s has no product lines; write properties={…}", e.Name)
	}
	text, price, priced := strings.Cut(text, "@")
	product, quantity, counted := strings.Cut(text, "*")
	q, p := int64(1000), int64(0)
	if counted {
		if q, err = decimal(quantity, 3); err != nil {
			return err
		}
	}
	if priced {
		if p, err = decimal(price, e.Order.Currency.Digits()); err != nil {
			return err
		}
		t.priced = true
	}
	e.Items = append(e.Items, events.Item{ProductID: product, Quantity: events.Milli(q), Price: p})
	return nil
}

// total is the sum over items where none is stated, rounded half up.
func (t *teller) total(e *events.Event) {
	if e.Order.Stated || !t.priced {
		return
	}
	var sum int64
	for _, it := range e.Items {
		sum += it.Price * int64(it.Quantity)
	}
	e.Order.Value, e.Order.Stated = (sum+500)/1000, true
}

// properties is what else was sent. What an order says has words of its own.
func properties(e *events.Event, text string) ([]byte, error) {
	var all map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &all); err != nil {
		return nil, fmt.Errorf("properties: %q is no object such as {\"score\":2}", text)
	}
	if e.Type.About().Body != events.Plain {
		for name, own := range map[string]string{"order_id": "order", "total": "total", "currency": "currency", "units": "units"} {
			if _, ok := all[name]; ok {
				return nil, fmt.Errorf("properties: %s of an %s is written %s=…", name, e.Name, own)
			}
		}
	}
	var b bytes.Buffer
	if err := json.Compact(&b, []byte(text)); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

func traits(text string) (list []events.Trait, err error) {
	var all map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &all); err != nil {
		return nil, fmt.Errorf("traits: %q is no object such as {\"city\":\"Hong Kong\"}", text)
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
