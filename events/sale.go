package events

// money reads Order and Items as the table says for the type. What cannot be read refuses a Sale. In a Basket none of
// its amounts is then taken, all stay in Rest, and that is noted: a shop that writes "$12.00" on its product views
// loses no view.
func (d *Decoder) money(e *Event, about *Name) *Refusal {
	if about.Body == Plain {
		return nil
	}
	d.amounts = true
	refusal := d.order(e, about)
	if refusal == nil || about.Body == Sale {
		return refusal
	}
	d.notes = d.notes&^(NoCurrency|Rounded) | IgnoredAmount
	d.props.taken = 0
	e.Order, e.Items = Order{}, e.Items[:0]
	d.amounts = false
	return d.order(e, about)
}

// order reads the order or basket. Without amounts it refuses nothing.
func (d *Decoder) order(e *Event, about *Name) *Refusal {
	o := &e.Order
	o.ID = d.text(&d.props, orderID, transactionID)
	d.count(d.config.Currency)
	if code := d.props.field(currencyCode); d.amounts && !code.absent() {
		c, ok := currency(d.peek(code))
		if !ok {
			return &Refusal{BadAmount, "currency is not three letters"}
		}
		d.count(c)
		o.Currency = c
		d.props.take(currencyCode)
	}
	if refusal := d.products(e, about); refusal != nil || !d.amounts {
		return refusal
	}
	if refusal := d.value(o, about); refusal != nil {
		return refusal
	}
	if v := d.props.field(units); about.Body == Sale && !v.absent() {
		_, n, refusal := d.amount("units", v, 3, about)
		if refusal != nil {
			return refusal
		}
		o.Units = Milli(n)
		d.props.take(units)
	}
	if (o.Stated || about.Body == Sale) && o.Currency == (Currency{}) {
		o.Currency, o.Defaulted = d.currency, true
		if o.Stated {
			d.notes |= NoCurrency
		}
	}
	return nil
}

// count counts in c from here on.
func (d *Decoder) count(c Currency) {
	if c != d.currency {
		d.currency, d.digits = c, c.Digits()
	}
}

// value is total, else revenue, else value, else the sum over the lines: exact, and rounded once.
func (d *Decoder) value(o *Order, about *Name) (refusal *Refusal) {
	for _, f := range [...]field{total, revenue, value} {
		if v := d.props.field(f); !v.absent() {
			_, o.Value, refusal = d.amount("total, revenue or value", v, d.digits, about)
			o.Stated = true
			d.props.take(f)
			return refusal
		}
	}
	if len(d.lines) == 0 {
		return nil
	}
	minor, rounded, ok := sum(d.lines, d.digits)
	if !ok {
		return &Refusal{BadAmount, "the sum over the products is too large"}
	}
	if rounded {
		d.notes |= Rounded
	}
	o.Value, o.Stated = minor, true
	return nil
}

// products reads the products, or the one that a Basket's properties are themselves.
func (d *Decoder) products(e *Event, about *Name) *Refusal {
	d.lines, d.rests, d.anyRest = d.lines[:0], d.rests[:0], false
	list := products
	if d.props.field(list).absent() {
		list = items
	}
	v := d.props.field(list)
	if v.absent() {
		if about.Body == Basket && d.names(&d.props) {
			return d.item(e, about, &d.props)
		}
		return nil
	}
	refusal := d.productList(e, about, int(d.props.fields[list].at))
	switch {
	case refusal == nil:
		d.props.take(list)
	case !d.amounts:
		e.Items = e.Items[:0]
		return nil
	}
	return refusal
}

// productList reads the products at i.
func (d *Decoder) productList(e *Event, about *Name, i int) *Refusal {
	if d.scan.peek(i) != '[' {
		return &Refusal{BadAmount, "products is not an array"}
	}
	if d.list.at != i { // another member of such a name stands behind it
		d.scan.depth = 0
		d.list.read(&d.scan, i)
	}
	o := &d.product
	for _, p := range d.list.products {
		if p.wrong {
			return &Refusal{BadAmount, "a product is not an object"}
		}
		o.reset(d.props.text)
		o.members = d.list.members[p.from:p.to]
		for i := range o.members {
			o.set(&o.members[i])
		}
		if refusal := d.item(e, about, o); refusal != nil {
			return refusal
		}
		d.productRest()
	}
	d.rests = append(d.rests, ']')
	return nil
}

// productRest adds to d.rests what was not taken of a product.
func (d *Decoder) productRest() {
	separator := byte(',')
	if len(d.rests) == 0 {
		separator = '['
	}
	d.rests = append(d.rests, separator, '{')
	at := len(d.rests)
	for i := 0; i < len(d.product.members); {
		d.rests, i = d.product.appendLeft(d.rests, i)
	}
	d.anyRest = d.anyRest || len(d.rests) > at
	d.rests = append(d.rests, '}')
}

// names says whether an object names a product.
func (d *Decoder) names(o *object) bool {
	for _, f := range [...]field{productID, sku, itemID} {
		if v := o.field(f); !v.absent() && !blank(d.id(v)) {
			return true
		}
	}
	return false
}

// item adds the product that o describes.
func (d *Decoder) item(e *Event, about *Name, o *object) *Refusal {
	it := Item{
		ProductID: d.text(o, productID, sku, itemID),
		Category:  d.text(o, category, itemCategory),
		Serial:    d.text(o, serialNumber),
		Warranty:  d.months(o),
		Quantity:  1000,
	}
	if d.amounts {
		if refusal := d.priced(&it, about, o); refusal != nil {
			return refusal
		}
	}
	e.Items = append(e.Items, it)
	return nil
}

// priced reads a product's price and quantity, and its line.
func (d *Decoder) priced(it *Item, about *Name, o *object) *Refusal {
	l := line{quantity: number{digits: 1}}
	if v := o.field(quantity); !v.absent() {
		n, milli, refusal := d.amount("quantity", v, 3, about)
		if refusal != nil {
			return refusal
		}
		l.quantity, it.Quantity = n, Milli(milli)
		o.take(quantity)
	}
	if v := o.field(price); !v.absent() {
		n, minor, refusal := d.amount("price", v, d.digits, about)
		if refusal != nil {
			return refusal
		}
		l.price, it.Price = n, minor
		d.lines = append(d.lines, l)
		o.take(price)
	}
	return nil
}

// amount reads a number, or a string that is one, and rounds its absolute value to the places given.
func (d *Decoder) amount(what string, v raw, places int, about *Name) (number, int64, *Refusal) {
	text := []byte(v)
	if v[0] == '"' {
		text = d.peek(v)
	}
	n, ok := parseNumber(text)
	if !ok {
		return n, 0, &Refusal{BadAmount, what + " is not a decimal number"}
	}
	if n.negative && !about.Negative {
		return n, 0, &Refusal{BadAmount, what + " is negative"}
	}
	rounded, more, ok := n.round(places)
	if !ok {
		return n, 0, &Refusal{BadAmount, what + " is too large"}
	}
	if more {
		d.notes |= Rounded
	}
	return n, rounded, nil
}

// text is the first of the fields that holds a text, which it takes; "" if none does.
func (d *Decoder) text(o *object, fields ...field) string {
	for _, f := range fields {
		v := o.field(f)
		if v.absent() {
			continue
		}
		if text := d.id(v); !blank(text) {
			o.take(f)
			return d.keep(text)
		}
	}
	return ""
}

// months is warranty_months, 0 if it is no whole number of them.
func (d *Decoder) months(o *object) int32 {
	const most = 1200
	v := o.field(warrantyMonths)
	if v.absent() {
		return 0
	}
	text := []byte(v)
	if v[0] == '"' {
		text = d.peek(v)
	}
	n, ok := parseNumber(text)
	months, rounded, fits := n.round(0)
	if !ok || !fits || rounded || n.negative || months > most {
		return 0
	}
	o.take(warrantyMonths)
	return int32(months)
}
