package events

import "strconv"

// Sources of events that name none.
const (
	SourcePOS      = "pos"      // id: store/workstation/business date/sequence number, each with / as %2F and % as %25
	SourcePosition = "position" // id: topic/partition/offset
)

// AnonymousPrefix stands before an anonymousId that is all we know a customer by. A userId that is sent with it names
// that same profile.
const AnonymousPrefix = "anon:"

// identify fills in who the event is of and which it is.
func (d *Decoder) identify(origin Origin, e *Event) *Refusal {
	var refusal *Refusal
	if d.env.shape == bareShape {
		refusal = d.messageID(origin, e)
	} else {
		refusal = d.cloudEventID(e)
	}
	if refusal != nil || e.Type.About().Catalogue {
		return refusal
	}
	return d.customer(e)
}

func (d *Decoder) cloudEventID(e *Event) *Refusal {
	v := &d.env
	if v.unreadable[ceID] || blank(v.attributes[ceID]) {
		return &Refusal{NoID, "a CloudEvent without id"}
	}
	for _, a := range [...]attribute{ceID, ceSource, ceSequence} {
		if why := unusable(v.attributes[a]); why != "" {
			return &Refusal{NoID, "the attribute " + attributeNames[a] + " " + why}
		}
	}
	e.ID, e.Source = d.keep(v.attributes[ceID]), d.keep(v.attributes[ceSource])
	if sequence := v.attributes[ceSequence]; !blank(sequence) {
		e.Sequence = d.keep(sequence)
	}
	return nil
}

// messageID is that of a Segment message: messageId, else what a till counts, else the position.
func (d *Decoder) messageID(origin Origin, e *Event) *Refusal {
	id, refusal := d.idIn("messageId", d.message.part(messageID), NoID)
	if refusal != nil {
		return refusal
	}
	if id != nil {
		e.ID = d.keep(id)
		return nil
	}
	if e.ID = d.tillID(); e.ID != "" {
		e.Source = SourcePOS
		return nil
	}
	d.notes |= NoMessageID
	e.Source = SourcePosition
	at := len(d.arena)
	d.arena = append(append(d.arena, origin.Topic...), '/')
	d.arena = append(strconv.AppendInt(d.arena, int64(origin.Partition), 10), '/')
	d.arena = strconv.AppendInt(d.arena, int64(origin.Offset), 10)
	e.ID = view(d.arena[at:])
	return nil
}

// tillID is a POS line's id, "" if not all of its four parts are there and can serve.
func (d *Decoder) tillID() string {
	at := len(d.arena)
	for i, f := range [...]field{storeID, workstationID, businessDate, sequenceNumber} {
		part := d.id(d.props.field(f))
		if d.props.field(f).absent() || blank(part) || unusable(part) != "" {
			d.arena = d.arena[:at]
			return ""
		}
		if i > 0 {
			d.arena = append(d.arena, '/')
		}
		for _, c := range part {
			switch c {
			case '/':
				d.arena = append(d.arena, "%2F"...)
			case '%':
				d.arena = append(d.arena, "%25"...)
			default:
				d.arena = append(d.arena, c)
			}
		}
	}
	if len(d.arena)-at > MaxID {
		d.arena = d.arena[:at]
		return ""
	}
	return view(d.arena[at:len(d.arena):len(d.arena)])
}

// customer is userId, else the subject, else anonymousId. One that is there and cannot serve is not passed over.
func (d *Decoder) customer(e *Event) *Refusal {
	m := &d.message
	name, refusal := d.idIn("userId", m.part(userID), NoCustomer)
	if name == nil && refusal == nil {
		name, refusal = d.subject()
	}
	if refusal != nil {
		return refusal
	}
	e.Links.Previous, e.Links.Group = d.link(m.part(previousID)), d.link(m.part(groupID))
	if name != nil {
		e.Customer = CustomerID(d.keep(name))
		e.Links.Anonymous = d.link(m.part(anonymousID))
		return nil
	}
	name, refusal = d.idIn("anonymousId", m.part(anonymousID), NoCustomer)
	if refusal != nil {
		return refusal
	}
	if name == nil {
		return &Refusal{NoCustomer, "neither userId nor subject nor anonymousId"}
	}
	at := len(d.arena)
	d.arena = append(append(d.arena, AnonymousPrefix...), name...)
	e.Customer = CustomerID(view(d.arena[at:len(d.arena):len(d.arena)]))
	return nil
}

// idIn is the text of the id that stands in v, nil if there is none. One that cannot serve refuses the event.
func (d *Decoder) idIn(member string, v raw, reason Reason) ([]byte, *Refusal) {
	if v.absent() {
		return nil, nil
	}
	id := d.id(v)
	if id == nil {
		return nil, &Refusal{reason, member + " is neither a string nor an integer"}
	}
	if blank(id) {
		return nil, nil
	}
	if why := unusable(id); why != "" {
		return nil, &Refusal{reason, member + " " + why}
	}
	return id, nil
}

func (d *Decoder) subject() ([]byte, *Refusal) {
	subject := d.env.attributes[ceSubject]
	if d.env.unreadable[ceSubject] {
		return nil, &Refusal{NoCustomer, "the attribute subject is not a string"}
	}
	if blank(subject) {
		return nil, nil
	}
	if why := unusable(subject); why != "" {
		return nil, &Refusal{NoCustomer, "the attribute subject " + why}
	}
	return subject, nil
}

// link is an id by which the customer is also known, "" if there is none that can serve.
func (d *Decoder) link(v raw) string {
	id, refusal := d.idIn("", v, NoCustomer)
	if refusal != nil || id == nil {
		return ""
	}
	return d.keep(id)
}
