package events

import (
	"bytes"
	"strconv"
	"strings"
)

// ControlKind is the ce_type of a control record.
type ControlKind string

// The kinds of control.
const (
	NoControl       ControlKind = ""
	RulebookControl ControlKind = "touchfold.rulebook.v1" // what belief depends on from here on
	PastControl     ControlKind = "touchfold.past.v1"     // a shard has forwarded all touchpoints of its past
	OtherControl    ControlKind = "other"                 // another app's, which is passed over
)

// A Control is a record that touchfold writes into its own input, where it has its place among the touchpoints. It is
// about no customer. (Whoever may write touchpoints with headers of his own could write one too.)
type Control struct {
	Kind  ControlKind
	ID    string  // ce_id without the app: copies have the same
	At    Instant // when it was first written
	Value []byte  // of a rulebook its text, JSON
	Shard ShardID // of a past: whose
}

// Past is the control by which a shard says that it has forwarded all touchpoints of its past.
func Past(shard ShardID, at Instant) Control {
	number := strconv.Itoa(int(shard))
	return Control{Kind: PastControl, ID: "past/" + number, At: at, Value: []byte(pastBegin + number + pastEnd), Shard: shard}
}

const (
	controlType   = "ce_type"
	controlSource = "touchfold/"

	pastBegin = `{"shard":`
	pastEnd   = `}`
)

// Record is c as an app writes it: a CloudEvent in binary mode, without a key. Its ce_type stands first, where ControlOf
// looks.
func (c *Control) Record(app string) (value []byte, headers []Header) {
	return c.Value, []Header{
		{controlType, []byte(c.Kind)},
		{"ce_specversion", []byte("1.0")},
		{"ce_id", []byte(app + "/" + c.ID)},
		{"ce_source", []byte(controlSource + app)},
		{"ce_time", appendInstant(nil, c.At)},
		{"content-type", []byte("application/json")},
	}
}

// ControlOf reads a record of the input as a control of an app; it is asked before the record is decoded. Of a
// touchpoint the Kind is NoControl, of another app's control OtherControl. A Refusal is that it claims to be this app's
// and is not as this app writes it; of a rulebook the value is not looked at. The Value is part of the record.
//
// Of a touchpoint it looks at the first header only.
func ControlOf(r *Record, app string) (Control, *Refusal) {
	if len(r.Headers) == 0 || r.Headers[0].Key != controlType {
		return Control{}, nil
	}
	switch string(r.Headers[0].Value) {
	case string(RulebookControl):
		return readControl(r, RulebookControl, app)
	case string(PastControl):
		return readControl(r, PastControl, app)
	}
	return Control{}, nil
}

func readControl(r *Record, kind ControlKind, app string) (Control, *Refusal) {
	h := map[string]string{}
	for _, header := range r.Headers {
		h[header.Key] = string(header.Value) // of equal names the last counts, as everywhere
	}
	source, ours := strings.CutPrefix(h["ce_source"], controlSource)
	switch {
	case !ours || h[controlType] != string(kind):
		return Control{}, nil // a stranger's event that has such a name
	case source != app:
		return Control{Kind: OtherControl}, nil
	}
	id, named := strings.CutPrefix(h["ce_id"], app+"/")
	at, dated := parseTime([]byte(h["ce_time"]))
	c := Control{Kind: kind, ID: id, At: at, Value: r.Value}
	switch {
	case h["ce_specversion"] != "1.0" || !named || !dated:
		return c, &Refusal{BadControl, "ce_specversion, ce_id or ce_time is not as touchfold writes it"}
	case kind == PastControl:
		var ok bool
		if c.Shard, ok = readPast(r.Value); !ok {
			return c, &Refusal{BadControl, "the value does not name a shard as touchfold writes it"}
		}
	}
	return c, nil
}

func readPast(value []byte) (ShardID, bool) {
	number, begins := bytes.CutPrefix(value, []byte(pastBegin))
	number, ends := bytes.CutSuffix(number, []byte(pastEnd))
	n, ok := decimal(number, 31)
	return ShardID(n), begins && ends && ok
}
