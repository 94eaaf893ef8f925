package events

// message is what the decoder reads of a Segment message besides its properties.
type message struct {
	call, event, messageID                         raw
	userID, anonymousID, previousID, groupID       raw
	timestamp, originalTimestamp, sentAt, received raw
	context, channel, campaign, contextTraits      raw
	traits, properties                             raw
}

// field is a property that the decoder reads.
type field uint8

const (
	other field = iota
	orderID
	transactionID
	currencyCode
	total
	revenue
	value
	units
	products
	items
	productID
	sku
	itemID
	category
	itemCategory
	price
	quantity
	serialNumber
	warrantyMonths
	storeID
	workstationID
	businessDate
	sequenceNumber
	fieldCount
)

func fieldOf(name []byte) field {
	switch string(name) {
	case "order_id":
		return orderID
	case "transaction_id":
		return transactionID
	case "currency":
		return currencyCode
	case "total":
		return total
	case "revenue":
		return revenue
	case "value":
		return value
	case "units":
		return units
	case "products":
		return products
	case "items":
		return items
	case "product_id":
		return productID
	case "sku":
		return sku
	case "item_id":
		return itemID
	case "category":
		return category
	case "item_category":
		return itemCategory
	case "price":
		return price
	case "quantity":
		return quantity
	case "serial_number":
		return serialNumber
	case "warranty_months":
		return warrantyMonths
	case "store_id":
		return storeID
	case "workstation_id":
		return workstationID
	case "business_date":
		return businessDate
	case "sequence_number":
		return sequenceNumber
	}
	return other
}

// member is one name and value of an object.
type member struct {
	field field
	name  raw // with its quotes, as sent
	value raw
}

// object is an object's members: those that are fields by field, of equal names the last, and all in the order sent.
type object struct {
	fields  [fieldCount]raw
	members []member
	taken   uint32 // a bit per field that went into the Event; the others belong to Rest
}

func (o *object) reset() { *o = object{members: o.members[:0]} }

// take marks a field as having gone into the Event.
func (o *object) take(f field) { o.taken |= 1 << f }

// left says whether m belongs to Rest.
func (o *object) left(m *member) bool { return m.field == other || o.taken&(1<<m.field) == 0 }

// object reads the object ahead.
func (d *Decoder) object(s *scanner, o *object) {
	o.reset()
	for more := s.enter(); more; more = s.next() {
		m := member{field: fieldOf(s.key), name: s.keyText}
		m.value = s.value()
		o.fields[m.field] = m.value
		o.members = append(o.members, m)
	}
}

// readMessage walks over the text, a Segment message or the properties of a CloudEvent: which, is seen at its end.
func (d *Decoder) readMessage(text []byte) *Refusal {
	s, m := &d.scan, &d.message
	*m = message{}
	d.props.reset()
	s.start(text, d.config.MaxDepth)
	isObject := s.peek() == '{'
	if isObject {
		for more := s.enter(); more; more = s.next() {
			d.readMember(s, m)
		}
	} else {
		s.value()
	}
	s.end()
	if refusal := s.refusal(); refusal != nil {
		return refusal
	}
	if !isObject {
		return &Refusal{NotObject, "the value is not an object"}
	}
	s.start(text, d.config.MaxDepth) // the properties of a CloudEvent are read from here
	return nil
}

func (d *Decoder) readMember(s *scanner, m *message) {
	switch string(s.key) {
	case "type":
		m.call = s.value()
	case "event":
		m.event = s.value()
	case "messageId":
		m.messageID = s.value()
	case "userId":
		m.userID = s.value()
	case "anonymousId":
		m.anonymousID = s.value()
	case "previousId":
		m.previousID = s.value()
	case "groupId":
		m.groupID = s.value()
	case "timestamp":
		m.timestamp = s.value()
	case "originalTimestamp":
		m.originalTimestamp = s.value()
	case "sentAt":
		m.sentAt = s.value()
	case "receivedAt":
		m.received = s.value()
	case "context":
		m.readContext(s)
	case "properties":
		at := s.i
		if d.props.reset(); s.peek() == '{' {
			d.object(s, &d.props)
			m.properties = s.b[at:s.i]
		} else {
			m.properties = s.value()
		}
	case "traits":
		m.traits = s.value()
	default:
		s.value()
	}
}

func (m *message) readContext(s *scanner) {
	m.channel, m.campaign, m.contextTraits = nil, nil, nil
	if s.peek() != '{' {
		m.context = s.value()
		return
	}
	at := s.i
	for more := s.enter(); more; more = s.next() {
		switch string(s.key) {
		case "channel":
			m.channel = s.value()
		case "campaign":
			m.campaign = s.value()
		case "traits":
			m.contextTraits = s.value()
		default:
			s.value()
		}
	}
	m.context = s.b[at:s.i]
}

// isSegment says whether a CloudEvent's data, whose type is a Segment call, is a Segment message.
func (m *message) isSegment() bool {
	for _, v := range [...]raw{m.userID, m.anonymousID, m.messageID, m.context, m.properties, m.traits} {
		if !v.absent() {
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
	e.Type, segment = byCall[string(d.peek(m.call))]
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
	case !m.context.absent() && !m.context.object():
		return false, &Refusal{UnknownEnvelope, "context is not an object"}
	case !m.properties.absent() && !m.properties.object():
		return false, &Refusal{UnknownEnvelope, "properties is not an object"}
	case e.Type != Unknown:
		e.Name = e.Type.Name()
		return true, nil
	}
	event := d.peek(m.event)
	if blank(event) {
		return false, &Refusal{UnknownEnvelope, "a track call without the name of an event"}
	}
	d.name(e, event)
	return true, nil
}

// name finds the type by the name that was sent.
func (d *Decoder) name(e *Event, sent []byte) {
	if e.Type = byName[string(sent)]; e.Type != Unknown {
		e.Name = e.Type.Name()
		return
	}
	d.notes |= UnknownName
	e.Name = d.keep(sent)
}
