package oracle

import (
	"cmp"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Record is a touchpoint as it stands in a topic.
type Record struct {
	Topic     string
	Partition int32
	Offset    int64
	Append    time.Time         // when it was appended there
	Headers   map[string]string // of equal names the last
	Value     []byte
}

// Touchpoint is what a record says of its customer.
type Touchpoint struct {
	Customer string
	e        event
	source   string
	content  uint64
}

// Decode reads a bare Segment message or a CloudEvent in either mode. A record that was forwarded stands where and when
// its origin stood. It knows no record that has to be refused.
func (rules Rules) Decode(r Record) (Touchpoint, error) {
	m, t, err := r.open()
	if err != nil {
		return t, fmt.Errorf("read the touchpoint at %s/%d/%d: %w", r.Topic, r.Partition, r.Offset, err)
	}
	r = r.origin()
	t.e = m.body(rules)
	if t.Customer = cmp.Or(m.UserID, m.subject); t.Customer == "" {
		t.Customer = "anon:" + m.AnonymousID
	}
	if t.e.at, err = m.time(r.Append); err != nil {
		return t, fmt.Errorf("read the time of the touchpoint at %s/%d/%d: %w", r.Topic, r.Partition, r.Offset, err)
	}
	if t.e.at = t.e.at.Truncate(time.Millisecond); t.e.at.After(r.Append) {
		t.e.at = r.Append
	}
	switch p := &m.Properties; {
	case t.e.id != "": // a CloudEvent's or a messageId
	case p.Store != "":
		escape := strings.NewReplacer("%", "%25", "/", "%2F")
		for i, part := range []string{p.Store, p.Workstation, p.BusinessDate, string(p.Sequence)} {
			if t.e.id += escape.Replace(part); i < 3 {
				t.e.id += "/"
			}
		}
		t.source = "pos"
	default:
		t.source, t.e.id = "position", fmt.Sprintf("%s/%d/%d", r.Topic, r.Partition, r.Offset)
	}
	return t, nil
}

// open reads the envelope, and what is in it. A CloudEvent's id and source are put into the message and the touchpoint.
func (r *Record) open() (m message, t Touchpoint, err error) {
	t.content = content(r.Value)
	envelope, data := map[string]string{}, r.Value
	switch {
	case strings.HasPrefix(strings.ToLower(r.Headers["content-type"]), "application/cloudevents"):
		var fields map[string]json.RawMessage
		if err := json.Unmarshal(r.Value, &fields); err != nil {
			return m, t, err
		}
		for name, v := range fields {
			var text string
			if json.Unmarshal(v, &text) == nil {
				envelope[name] = text
			}
		}
		data = fields["data"]
	case r.Headers["ce_specversion"] != "":
		for name, v := range r.Headers {
			if name, ok := strings.CutPrefix(name, "ce_"); ok {
				envelope[name] = v
			}
		}
		t.content = r.binaryContent()
	default:
		err = json.Unmarshal(data, &m)
		return m, t, err
	}
	if err = json.Unmarshal(data, &m); err == nil && m.Type == "" { // not a Segment message: the properties themselves
		err = json.Unmarshal(data, &m.Properties)
	}
	m.Event, m.MessageID, m.subject = undotted(envelope["type"]), envelope["id"], envelope["subject"]
	m.Timestamp = cmp.Or(envelope["time"], m.Timestamp)
	t.source = envelope["source"]
	return m, t, err
}

// undotted is a name of which the CloudEvents form is order.completed.
func undotted(name string) string {
	if strings.Contains(name, " ") {
		return name
	}
	words := strings.Split(name, ".")
	for i, w := range words {
		words[i] = strings.ToUpper(w[:1]) + w[1:]
	}
	return strings.Join(words, " ")
}

// content is both CRC-32s of what was sent.
func content(b []byte) uint64 {
	return uint64(crc32.ChecksumIEEE(b))<<32 | uint64(crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)))
}

// binaryContent is the content of the ce_ headers in order of their names, each text with its length before it, and the value.
func (r *Record) binaryContent() uint64 {
	var names []string
	for name := range r.Headers {
		if strings.HasPrefix(name, "ce_") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	var all []byte
	for _, name := range names {
		for _, text := range []string{name, r.Headers[name]} {
			all = append(binary.BigEndian.AppendUint32(all, uint32(len(text))), text...)
		}
	}
	return content(append(all, r.Value...))
}

// origin is r where it first stood.
func (r Record) origin() Record {
	topic, there := r.Headers["tf_origin_topic"]
	if !there {
		return r
	}
	number := func(name string) int64 {
		n, err := strconv.ParseInt(r.Headers[name], 10, 64)
		if err != nil {
			panic("oracle: a forwarded record has no " + name)
		}
		return n
	}
	r.Topic, r.Partition, r.Offset = topic, int32(number("tf_origin_partition")), number("tf_origin_offset")
	if first := time.UnixMilli(number("tf_origin_append")); first.Before(r.Append) {
		r.Append = first
	}
	return r
}

// time is when it happened, as far as it was sent.
func (m *message) time(appended time.Time) (time.Time, error) {
	if m.Timestamp != "" || m.OriginalTimestamp == "" {
		if m.Timestamp == "" {
			return appended, nil
		}
		return time.Parse(time.RFC3339, m.Timestamp)
	}
	at, err := time.Parse(time.RFC3339, m.OriginalTimestamp)
	if err != nil || m.SentAt == "" || m.ReceivedAt == "" {
		return at, err
	}
	sent, err := time.Parse(time.RFC3339, m.SentAt)
	if err != nil {
		return at, err
	}
	received, err := time.Parse(time.RFC3339, m.ReceivedAt)
	return at.Add(received.Sub(sent)), err
}

// Facts are those that hold of a customer at an instant after these touchpoints, which are all of that customer, in any
// order and with copies. Of copies the smallest counts, by time, then by content.
func (rules Rules) Facts(all []Touchpoint, at time.Time) map[string]any {
	least := map[[2]string]Touchpoint{}
	for _, t := range all {
		key := [2]string{t.source, t.e.id}
		old, known := least[key]
		if !known || cmp.Or(t.e.at.Compare(old.e.at), cmp.Compare(t.content, old.content)) < 0 {
			least[key] = t
		}
	}
	once := make([]Touchpoint, 0, len(least))
	for _, t := range least {
		if !t.e.at.After(at) {
			once = append(once, t)
		}
	}
	slices.SortFunc(once, func(a, b Touchpoint) int {
		return cmp.Or(a.e.at.Compare(b.e.at), cmp.Compare(a.source, b.source), cmp.Compare(a.e.id, b.e.id))
	})
	events := make([]event, len(once))
	for i, t := range once {
		events[i] = t.e
	}
	b := booked(events, rules)
	return rules.facts(&b, rules.day(at))
}
