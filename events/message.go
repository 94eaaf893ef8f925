package events

// part is what the decoder reads of a Segment message besides its properties.
type part uint8

const (
	otherPart part = iota
	call
	eventName
	messageID
	userID
	anonymousID
	previousID
	groupID
	timestamp
	originalTimestamp
	sentAt
	receivedAt
	traits
	properties
	context
	channel // these three stand in context
	campaign
	contextTraits
	partCount
)

func partOf(name []byte) part {
	switch string(name) {
	case "type":
		return call
	case "event":
		return eventName
	case "messageId":
		return messageID
	case "userId":
		return userID
	case "anonymousId":
		return anonymousID
	case "previousId":
		return previousID
	case "groupId":
		return groupID
	case "timestamp":
		return timestamp
	case "originalTimestamp":
		return originalTimestamp
	case "sentAt":
		return sentAt
	case "receivedAt":
		return receivedAt
	case "traits":
		return traits
	case "properties":
		return properties
	case "context":
		return context
	}
	return otherPart
}

func contextPartOf(name []byte) part {
	switch string(name) {
	case "channel":
		return channel
	case "campaign":
		return campaign
	case "traits":
		return contextTraits
	}
	return otherPart
}

// message is where the parts of a Segment message stand, of equal names the last.
type message struct {
	text  []byte
	parts [partCount]span
}

func (m *message) part(p part) raw { return m.parts[p].of(m.text) }

// readMessage walks over the value at i, a Segment message or the properties of a CloudEvent: which, is seen at its end.
func (d *Decoder) readMessage(text []byte, i int) *Refusal {
	s, m := &d.scan, &d.message
	s.start(text, d.config.MaxDepth)
	m.text, m.parts = text, [partCount]span{}
	d.props.reset(text)
	i = s.space(i)
	d.dataAt = i
	isObject := s.peek(i) == '{'
	if isObject {
		var more bool
		for i, more = s.enter(i); more; i, more = s.next(i) {
			i = d.readMember(i)
		}
	} else {
		i = s.value(i)
	}
	s.end(i)
	if refusal := s.refusal(); refusal != nil {
		return refusal
	}
	if !isObject {
		return &Refusal{NotObject, "the value is not an object"}
	}
	return nil
}

func (d *Decoder) readMember(i int) int {
	at, p := i, d.scan.part()
	switch p {
	case context:
		i = d.readContext(i)
	case properties:
		if d.scan.peek(i) == '{' {
			i = d.readProperties(i)
			break
		}
		d.props.reset(d.scan.b)
		fallthrough
	default:
		i = d.scan.value(i)
	}
	d.message.parts[p] = span{uint32(at), uint32(i)}
	return i
}

func (d *Decoder) readContext(i int) int {
	s, m := &d.scan, &d.message
	m.parts[channel], m.parts[campaign], m.parts[contextTraits] = span{}, span{}, span{}
	if s.peek(i) != '{' {
		return s.value(i)
	}
	i, more := s.enter(i)
	for more {
		at, p := i, s.inContext()
		i = s.value(i)
		m.parts[p] = span{uint32(at), uint32(i)}
		i, more = s.next(i)
	}
	return i
}

// isSegment says whether a CloudEvent's data, whose type is a Segment call, is a Segment message.
func (m *message) isSegment() bool {
	for _, p := range [...]part{userID, anonymousID, messageID, context, properties, traits} {
		if !m.part(p).absent() {
			return true
		}
	}
	return false
}

var byCall = indexCalls(names[:])

// indexCalls maps Segment's calls to types; track, whose event names the type, to Unknown.
func indexCalls(table []Name) map[string]Type {
	index := map[string]Type{"track": Unknown}
	for t := Unknown + 1; int(t) < len(table); t++ {
		if table[t].Call != "" {
			index[table[t].Call] = t
		}
	}
	return index
}

// what finds the event's type and name, and whether a Segment message says them.
func (d *Decoder) what(e *Event) (segment bool, _ *Refusal) {
	m := &d.message
	e.Type, segment = d.callOf(d.peek(m.part(call)))
	if d.env.shape != bareShape {
		if refusal := d.env.check(); refusal != nil {
			return false, refusal
		}
		if !segment || !m.isSegment() {
			d.name(e, d.env.attributes[ceType])
			return false, nil
		}
	}
	switch {
	case !segment:
		return false, &Refusal{UnknownEnvelope, "neither a CloudEvent nor a Segment message: the type is none of its six"}
	case !m.part(context).absent() && !m.part(context).object():
		return false, &Refusal{UnknownEnvelope, "context is not an object"}
	case !m.part(properties).absent() && !m.part(properties).object():
		return false, &Refusal{UnknownEnvelope, "properties is not an object"}
	case e.Type != Unknown:
		e.Name = e.Type.Name()
		return true, nil
	}
	event := d.peek(m.part(eventName))
	if blank(event) {
		return false, &Refusal{UnknownEnvelope, "a track call without the name of an event"}
	}
	d.name(e, event)
	return true, nil
}

// callOf is byCall, for which the last one but track is tried first.
func (d *Decoder) callOf(sent []byte) (t Type, known bool) {
	switch {
	case string(sent) == "track":
		return Unknown, true
	case d.lastCall != Unknown && string(sent) == names[d.lastCall].Call:
		return d.lastCall, true
	}
	if t, known = byCall[string(sent)]; known {
		d.lastCall = t
	}
	return t, known
}

// typeOf is byName, for which the last one of some that look like it is tried first.
func (d *Decoder) typeOf(sent []byte) Type {
	if len(sent) == 0 {
		return Unknown
	}
	last := &d.lastNamed[(7*len(sent)+int(sent[0])+3*int(sent[len(sent)-1]))%len(d.lastNamed)]
	if *last == Unknown || string(sent) != names[*last].Name {
		*last = byName[string(sent)]
	}
	return *last
}

// name finds the type by the name that was sent.
func (d *Decoder) name(e *Event, sent []byte) {
	if e.Type = d.typeOf(sent); e.Type != Unknown {
		e.Name = e.Type.Name()
		return
	}
	d.notes |= UnknownName
	e.Name = d.keep(sent)
}
