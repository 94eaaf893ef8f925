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

// member is one name and value of an object: where the name begins and ends, with its quotes, and the value.
type member struct {
	name, nameEnd, value, end uint32
	field                     field
}

// object is an object's members: those that are fields by field, of equal names the last, and all in the order sent.
type object struct {
	text    []byte
	fields  [fieldCount]span // only those of has
	has     uint32           // a bit per field that is there
	taken   uint32           // a bit per field that went into the Event; the others belong to Rest
	members []member
}

func (o *object) reset(text []byte) { o.text, o.has, o.taken, o.members = text, 0, 0, o.members[:0] }

// set is the field of m, of equal ones the last.
func (o *object) set(m *member) {
	o.fields[m.field] = span{m.value, m.end}
	o.has |= 1 << m.field
}

// field is the value of a field.
func (o *object) field(f field) raw {
	if o.has&(1<<f) == 0 {
		return nil
	}
	return o.fields[f].of(o.text)
}

// take marks a field as having gone into the Event.
func (o *object) take(f field) { o.taken |= 1 << f }

// left says whether m belongs to Rest.
func (o *object) left(m *member) bool { return m.field == other || o.taken&(1<<m.field) == 0 }

// readProperties reads the object at i, the event's properties, and returns its end.
func (d *Decoder) readProperties(i int) int {
	s, o := &d.scan, &d.props
	o.reset(s.b)
	i, more := s.enter(i)
	for more {
		m := member{name: uint32(s.nameAt), nameEnd: uint32(s.nameEnd), value: uint32(i), field: s.field()}
		if (m.field == products || m.field == items) && s.peek(i) == '[' {
			i = d.list.read(s, i)
		} else {
			i = s.value(i)
		}
		m.end = uint32(i)
		o.members = append(o.members, m)
		o.set(&m)
		i, more = s.next(i)
	}
	return i
}

// list is the products that stand in an array, each with its members.
type list struct {
	at       int // where the array stands, 0: none was read
	products []product
	members  []member // of all of them
}

// product is where a product's members are in list.members; wrong: it is no object.
type product struct {
	from, to int
	wrong    bool
}

// read reads the array at i and returns its end.
func (l *list) read(s *scanner, i int) int {
	*l = list{i, l.products[:0], l.members[:0]}
	i, more := s.enterArray(i)
	for more {
		p := product{from: len(l.members), wrong: s.peek(i) != '{'}
		if p.wrong {
			i = s.value(i)
		} else {
			i = l.readProduct(s, i)
		}
		p.to = len(l.members)
		l.products = append(l.products, p)
		i, more = s.nextElement(i)
	}
	return i
}

func (l *list) readProduct(s *scanner, i int) int {
	i, more := s.enter(i)
	for more {
		m := member{name: uint32(s.nameAt), nameEnd: uint32(s.nameEnd), value: uint32(i), field: s.field()}
		i = s.value(i)
		m.end = uint32(i)
		l.members = append(l.members, m)
		i, more = s.next(i)
	}
	return i
}

// readMessage walks over the value at i, a Segment message or the properties of a CloudEvent: which, is seen at its end.
func (d *Decoder) readMessage(text []byte, i int) *Refusal {
	s, m := &d.scan, &d.message
	s.start(text, d.config.MaxDepth)
	m.text, m.parts = text, [partCount]span{}
	d.props.reset(text)
	i = s.space(i)
	d.dataAt, d.list.at = i, 0
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
