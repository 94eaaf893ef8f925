package events

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// ParseDerived reads a record of the output topic, as an Encoder wrote it: exactly one of statement and mark is not
// nil, or err is not. The Shard is the one that the event names as its source.
func ParseDerived(r *Record) (*Statement, *Mark, error) {
	h := make(map[string]string, len(r.Headers))
	for _, header := range r.Headers {
		h[header.Key] = string(header.Value)
	}
	if h["ce_specversion"] != "1.0" || h["ce_id"] == "" {
		return nil, nil, errors.New("read derived event: not a CloudEvent 1.0 in binary mode")
	}
	at, ok := parseTime([]byte(h["ce_time"]))
	if !ok {
		return nil, nil, fmt.Errorf("read derived event %s: ce_time is not RFC 3339", h["ce_id"])
	}
	source := h["ce_source"]
	shard, err := strconv.ParseInt(source[strings.LastIndexByte(source, '/')+1:], 10, 32)
	if err != nil || !strings.HasPrefix(source, "touchfold/") {
		return nil, nil, fmt.Errorf("read derived event %s: ce_source is not touchfold/<app>/<shard>", h["ce_id"])
	}
	switch kind := MarkKind(h["ce_type"]); kind {
	case ShardOpened, ShardRetired, ShardAlive, ShardReleased:
		var data markData
		if err := json.Unmarshal(r.Value, &data); err != nil {
			return nil, nil, fmt.Errorf("read mark %s: %w", h["ce_id"], err)
		}
		return nil, &Mark{kind, ShardID(shard), at, data.Instance, data.ProducerID, data.Epoch, data.Rulebook, data.Content, data.MuteUntil, data.From}, nil
	}
	s, err := parseStatement(r, h)
	if err != nil {
		return nil, nil, fmt.Errorf("read derived event %s: %w", h["ce_id"], err)
	}
	s.Shard, s.Effective = ShardID(shard), at
	return s, nil, nil
}

// parseStatement reads a statement but for its shard and effective time.
func parseStatement(r *Record, h map[string]string) (*Statement, error) {
	var data struct {
		Properties json.RawMessage
		CRM        struct {
			Fact              string
			Previous, Current any
			AsOf              string `json:"as_of"`
			N                 uint32
			Because           []string
			Rule              string
			RuleVersion       uint64 `json:"rule_version"`
			Cause             Cause
			Approximate       bool
			Priority          int
		}
	}
	if err := json.Unmarshal(r.Value, &data); err != nil {
		return nil, err
	}
	crm := &data.CRM
	f := FamilyOf(crm.Fact)
	if f == nil {
		return nil, fmt.Errorf("no family of facts has the key %q", crm.Fact)
	}
	s := &Statement{Customer: CustomerID(r.Key), Fact: crm.Fact, N: crm.N, Because: crm.Because, Cause: crm.Cause,
		Rule: crm.Rule, RuleVersion: crm.RuleVersion, Approximate: crm.Approximate,
		Priority: crm.Priority}
	var ok [5]bool
	s.Value, ok[0] = f.parseValue(crm.Current)
	s.Previous, ok[1] = f.parseValue(crm.Previous)
	s.AsOf, ok[2] = parseTime([]byte(crm.AsOf))
	position, okPosition := decimal([]byte(h[HeaderPosition]), 63)
	clock, okClock := decimal([]byte(h[HeaderClock]), 63)
	s.Position, s.Clock = Offset(position), Instant(clock)
	ok[3], ok[4] = okPosition, okClock
	kind := f.On
	if s.Value == "" {
		kind = f.Off
	}
	if ok != [5]bool{true, true, true, true, true} || s.N == 0 || s.Customer == "" || DerivedType(h["ce_type"]) != kind {
		return nil, errors.New("not as touchfold writes it: key, ce_type, tf_position, tf_clock or crm")
	}
	var err error
	if f.Once {
		s.Payload, err = f.parsePayload(data.Properties)
	}
	return s, err
}

// parsePayload reads what an occurrence carries, in the order in which it is written.
func (f *Family) parsePayload(b []byte) (payload []Property, err error) {
	d := json.NewDecoder(bytes.NewReader(b))
	if open, err := d.Token(); err != nil || open != json.Delim('{') {
		return nil, errors.New("properties are no object")
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, err
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return nil, err
		}
		if name != f.Property && name != occurrenceProperty {
			payload = append(payload, Property{name.(string), string(value)})
		}
	}
	return payload, nil
}

// parseValue reads what appendValue wrote.
func (f *Family) parseValue(v any) (string, bool) {
	switch v := v.(type) {
	case nil:
		return "", !f.YesNo
	case bool:
		if v {
			return True, f.YesNo
		}
		return "", f.YesNo
	case string:
		return v, !f.YesNo
	}
	return "", false
}
