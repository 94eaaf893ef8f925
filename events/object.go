package events

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
	at       int // where the array stands
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

// appendLeft appends to an object the i-th member, if it is left, and as many after it as stand in the text as they are to
// be written, without space. It returns the one to go on with.
func (o *object) appendLeft(b []byte, i int) ([]byte, int) {
	m := &o.members[i]
	if !o.left(m) {
		return b, i + 1
	}
	if m.value != m.nameEnd+1 {
		b = append(append(comma(b), o.text[m.name:m.nameEnd]...), ':')
		return append(b, o.text[m.value:m.end]...), i + 1
	}
	end := m.end
	for i++; i < len(o.members); i++ {
		next := &o.members[i]
		if !o.left(next) || next.name != end+1 || next.value != next.nameEnd+1 {
			break
		}
		end = next.end
	}
	return append(comma(b), o.text[m.name:end]...), i
}
