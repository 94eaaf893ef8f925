package events_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	. "github.com/touchfold/touchfold/events"
)

// compare says how the decoder's answer differs from the oracle's, "" if it does not.
func compare(d *Decoder, config DecoderConfig, r *Record) string {
	o := &oracle{config: config, r: r}
	want := o.decode()
	var e Event
	refusal := d.Decode(r, &e)
	if refusal != nil || want != 0 {
		if refusal == nil || refusal.Reason != want {
			return fmt.Sprintf("refused with %v, want %s", refusal, reasonName(want))
		}
		return ""
	}
	if got, want := show(&e), show(&o.e); got != want {
		return "got  " + got + "\nwant " + want
	}
	if d.Notes() != o.notes {
		return fmt.Sprintf("notes %b, want %b", d.Notes(), o.notes)
	}
	got := "null"
	if e.Rest != nil {
		got = canonical(e.Rest)
	}
	b, _ := json.Marshal(o.rest)
	if want := canonical(b); got != want {
		return "rest " + got + "\nwant " + want
	}
	return ""
}

func reasonName(r Reason) string {
	if r == 0 {
		return "acceptance"
	}
	return r.String()
}

// show is all of an event but Rest.
func show(e *Event) string {
	var b strings.Builder
	c := *e
	c.Traits, c.Rest, c.Items = nil, nil, nil
	fmt.Fprintf(&b, "%+v content %x items %+v traits", c, c.Content, append([]Item{}, e.Items...))
	for _, t := range e.Traits {
		b.WriteString(" " + strconv.Quote(t.Name) + "=" + canonical(t.Value))
	}
	return b.String()
}

// canonical is a JSON text with members sorted, of equal names the last, and numbers as sent.
func canonical(text []byte) string {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return "not JSON: " + string(text)
	}
	b, _ := json.Marshal(v)
	return string(b)
}
