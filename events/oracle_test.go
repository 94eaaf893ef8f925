package events_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	. "github.com/touchfold/touchfold/events"
)

// oracle is the decoder once more, slow and obvious: encoding/json into map[string]any, big.Rat, time.Parse. It shares
// the table of names with the decoder, and OriginOf and Digits, which have tests of their own.
type oracle struct {
	config DecoderConfig
	r      *Record
	e      Event
	rest   map[string]any // nil: no Rest
	notes  Notes
}

type refused Reason

func refuse(r Reason) { panic(refused(r)) }

func (o *oracle) decode() (reason Reason) {
	defer func() {
		if r, ok := recover().(refused); ok {
			reason = Reason(r)
		}
	}()
	o.all()
	return 0
}

func (o *oracle) all() {
	v := o.r.Value
	if len(v) > o.config.MaxBytes {
		refuse(TooLarge)
	}
	if len(v) == 0 {
		refuse(NotJSON)
	}
	if !utf8.Valid(v) {
		refuse(InvalidUTF8)
	}
	attributes, shape := o.attributes()
	top := o.parse(v)
	if shape == "structured" {
		for k, v := range top {
			if slices.Contains([]string{"specversion", "id", "source", "type", "time", "subject", "sequence"}, k) && v != nil {
				attributes[k] = v
			}
		}
		top = o.structuredData(top)
	}
	call, _ := top["type"].(string)
	isCall := slices.Contains([]string{"track", "identify", "page", "screen", "group", "alias"}, call)
	properties := map[string]any{}
	message := map[string]any{}
	segment := shape == "bare"
	if !segment {
		for _, a := range []string{"specversion", "source", "type"} {
			if s, _ := attributes[a].(string); strings.TrimSpace(s) == "" {
				refuse(UnknownEnvelope)
			}
		}
		if attributes["specversion"] != "1.0" {
			refuse(UnknownEnvelope)
		}
		for _, k := range []string{"userId", "anonymousId", "messageId", "context", "properties", "traits"} {
			segment = segment || isCall && top[k] != nil
		}
	} else if !isCall {
		refuse(UnknownEnvelope)
	}
	context := map[string]any{}
	if segment {
		message = top
		context = asObject(top["context"])
		properties = asObject(top["properties"])
		o.nameSegment(call, top)
	} else {
		properties = top
		o.name(attributes["type"].(string))
	}
	origin, _ := OriginOf(o.r)
	o.identity(shape, attributes, message, properties, origin)
	o.time(attributes["time"], message, origin.Append)
	o.e.Channel = o.e.Type.About().Channel
	if c, ok := context["channel"].(string); ok && strings.TrimSpace(c) != "" {
		o.e.Channel = c
	}
	o.body(message, context, properties)
	o.content(shape)
}

func asObject(v any) map[string]any {
	if v == nil {
		return map[string]any{}
	}
	m, ok := v.(map[string]any)
	if !ok {
		refuse(UnknownEnvelope)
	}
	return m
}

func (o *oracle) attributes() (map[string]any, string) {
	attributes := map[string]any{}
	shape := "bare"
	for _, h := range o.r.Headers {
		if strings.ToLower(h.Key) == "content-type" {
			shape = "bare"
			if strings.HasPrefix(strings.ToLower(string(h.Value)), "application/cloudevents") {
				shape = "structured"
			}
		}
	}
	if shape == "structured" {
		return attributes, shape
	}
	for _, h := range o.r.Headers {
		switch h.Key {
		case "ce_specversion", "ce_id", "ce_source", "ce_type":
			shape = "binary"
			fallthrough
		case "ce_time", "ce_subject", "ce_sequence":
			if !utf8.Valid(h.Value) {
				refuse(InvalidUTF8)
			}
			attributes[h.Key[3:]] = string(h.Value)
			if h.Value == nil {
				delete(attributes, h.Key[3:])
			}
		}
	}
	return attributes, shape
}

// parse reads one object. Where the text is both wrong and too deep, the fault that comes first counts.
func (o *oracle) parse(text []byte) map[string]any {
	var v any
	good := text
	err := json.Unmarshal(text, &v)
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		good = text[:max(syntax.Offset-1, 0)]
		if strings.Contains(err.Error(), "unexpected end") || strings.Contains(err.Error(), "max depth") {
			good = text
		}
	}
	depth, inside := 0, false
	for i := 0; i < len(good); i++ {
		switch c := good[i]; {
		case inside && c == '\\':
			i++
		case c == '"':
			inside = !inside
		case inside:
		case c == '{' || c == '[':
			if depth++; depth > o.config.MaxDepth {
				refuse(TooDeep)
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	if !json.Valid(text) { // 1e400 is JSON, though Unmarshal cannot hold it
		refuse(NotJSON)
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	d.Decode(&v)
	m, ok := v.(map[string]any)
	if !ok {
		refuse(NotObject)
	}
	return m
}

func (o *oracle) structuredData(top map[string]any) map[string]any {
	if top["data_base64"] == nil {
		m, ok := top["data"].(map[string]any)
		if !ok {
			refuse(NotObject)
		}
		return m
	}
	if s, ok := top["data_base64"].(string); ok && top["data"] == nil {
		b, err := base64.StdEncoding.DecodeString(s)
		if err != nil {
			refuse(NotJSON)
		}
		if !utf8.Valid(b) {
			refuse(InvalidUTF8)
		}
		return o.parse(b)
	}
	refuse(UnknownEnvelope)
	return nil
}

func (o *oracle) nameSegment(call string, top map[string]any) {
	for _, t := range Types() {
		if t.About().Call == call {
			o.e.Type, o.e.Name = t, t.Name()
			return
		}
	}
	name, _ := top["event"].(string)
	if strings.TrimSpace(name) == "" {
		refuse(UnknownEnvelope)
	}
	o.name(name)
}

func (o *oracle) name(sent string) {
	for _, t := range Types() {
		a := t.About()
		dotted := strings.Join(strings.Split(strings.ToLower(a.Name), " "), ".")
		if sent == a.Name || sent == dotted || slices.Contains(a.Aliases, sent) {
			o.e.Type, o.e.Name = t, a.Name
			return
		}
	}
	o.e.Name = sent
	o.notes |= UnknownName
}

var integer = regexp.MustCompile(`^-?[0-9]+$`)

// text is a string, or an integer's digits.
func text(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case json.Number:
		return v.String(), integer.MatchString(v.String())
	}
	return "", false
}

// id is "" for none.
func id(v any, reason Reason) string {
	if v == nil {
		return ""
	}
	s, ok := text(v)
	if ok && strings.TrimSpace(s) == "" {
		return ""
	}
	if !ok || len(s) > 1024 || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		refuse(reason)
	}
	return s
}

// try is f, or "" if it refuses.
func try(f func() string) (s string) {
	defer func() {
		if r := recover(); r != nil {
			_ = r.(refused)
		}
	}()
	return f()
}

func (o *oracle) identity(shape string, a, m, p map[string]any, origin Origin) {
	if shape == "bare" {
		o.messageID(m, p, origin)
	} else {
		if s, ok := a["id"].(string); !ok || strings.TrimSpace(s) == "" {
			refuse(NoID)
		}
		o.e.ID, o.e.Source = id(a["id"], NoID), a["source"].(string)
		id(a["source"], NoID)
		if s, ok := text(a["sequence"]); ok {
			o.e.Sequence = id(s, NoID)
		}
	}
	if o.e.Type.About().Catalogue {
		return
	}
	customer := id(m["userId"], NoCustomer)
	if customer == "" {
		if _, ok := a["subject"].(string); !ok && a["subject"] != nil {
			refuse(NoCustomer)
		}
		customer = id(a["subject"], NoCustomer)
	}
	if customer == "" {
		anonymous := id(m["anonymousId"], NoCustomer)
		if anonymous == "" {
			refuse(NoCustomer)
		}
		customer = "anon:" + anonymous
	} else {
		o.e.Links.Anonymous = try(func() string { return id(m["anonymousId"], NoID) })
	}
	o.e.Customer = CustomerID(customer)
	o.e.Links.Previous = try(func() string { return id(m["previousId"], NoID) })
	o.e.Links.Group = try(func() string { return id(m["groupId"], NoID) })
}

func (o *oracle) messageID(m, p map[string]any, origin Origin) {
	if o.e.ID = id(m["messageId"], NoID); o.e.ID != "" {
		return
	}
	var parts []string
	for _, f := range []string{"store_id", "workstation_id", "business_date", "sequence_number"} {
		if s := try(func() string { return id(p[f], NoID) }); s != "" {
			parts = append(parts, strings.NewReplacer("/", "%2F", "%", "%25").Replace(s))
		}
	}
	if joined := strings.Join(parts, "/"); len(parts) == 4 && len(joined) <= 1024 {
		o.e.Source, o.e.ID = "pos", joined
		return
	}
	o.notes |= NoMessageID
	o.e.Source, o.e.ID = "position", fmt.Sprintf("%s/%d/%d", origin.Topic, origin.Partition, origin.Offset)
}

var rfc3339 = regexp.MustCompile(`^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]([01]\d|2[0-3]):[0-5]\d)$`)

func instant(v any) Instant {
	s, _ := v.(string)
	if !rfc3339.MatchString(s) {
		refuse(BadTime)
	}
	s = strings.ToUpper(s)
	leap := s[17:19] == "60"
	if leap {
		s = s[:17] + "59" + s[19:]
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		refuse(BadTime)
	}
	if leap {
		if u := t.UTC(); u.Hour() != 23 || u.Minute() != 59 {
			refuse(BadTime)
		}
		t = t.Add(time.Second)
	}
	if t.Unix() < 0 {
		refuse(BadTime)
	}
	return At(t)
}

func (o *oracle) time(ceTime any, m map[string]any, appended Instant) {
	var t Instant
	switch {
	case ceTime != nil:
		t = instant(ceTime)
	case m["timestamp"] != nil:
		t = instant(m["timestamp"])
	case m["originalTimestamp"] != nil:
		t = instant(m["originalTimestamp"])
		if m["sentAt"] != nil && m["receivedAt"] != nil {
			sent := instant(m["sentAt"])
			if t += instant(m["receivedAt"]) - sent; t < 0 {
				refuse(BadTime)
			}
			o.notes |= Corrected
		}
	default:
		t = appended
		o.notes |= NoTime
	}
	if t > appended+Instant(o.config.Ahead.Milliseconds()) {
		refuse(FutureTime)
	}
	if t > appended {
		t = appended
		o.notes |= Clamped
	}
	o.e.Time = t
}

func (o *oracle) content(shape string) {
	var b []byte
	if shape == "binary" {
		hs := slices.Clone(o.r.Headers)
		sort.SliceStable(hs, func(i, j int) bool { return hs[i].Key < hs[j].Key })
		for _, h := range hs {
			if strings.HasPrefix(h.Key, "ce_") {
				b = binary.BigEndian.AppendUint32(b, uint32(len(h.Key)))
				b = append(b, h.Key...)
				b = binary.BigEndian.AppendUint32(b, uint32(len(h.Value)))
				b = append(b, h.Value...)
			}
		}
	}
	sum := sha256.Sum256(append(b, o.r.Value...))
	o.e.Content = binary.BigEndian.Uint64(sum[:])
}

func (o *oracle) body(m, context, p map[string]any) {
	p = clone(p)
	if o.e.Type.About().Body != Plain {
		if reason := o.tryMoney(p, true); reason != 0 {
			if o.e.Type.About().Body == Sale {
				refuse(reason)
			}
			o.notes |= IgnoredAmount
			o.tryMoney(p, false)
		}
	}
	traits := map[string]any{}
	if o.e.Type == Identify {
		for k, v := range asObject(context["traits"]) {
			traits[k] = v
		}
	}
	if o.e.Type == Identify || o.e.Type == Group {
		for k, v := range asObject(m["traits"]) {
			traits[k] = v
		}
	}
	for k, v := range traits {
		b, _ := json.Marshal(v)
		o.e.Traits = append(o.e.Traits, Trait{k, b})
	}
	slices.SortFunc(o.e.Traits, func(a, b Trait) int { return strings.Compare(a.Name, b.Name) })
	if context["campaign"] != nil {
		p["campaign"] = context["campaign"]
	}
	if o.e.Type != Identify && len(p) > 0 {
		o.rest = p
	}
}

func clone(m map[string]any) map[string]any {
	b, _ := json.Marshal(m)
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var c map[string]any
	d.Decode(&c)
	return c
}

// tryMoney takes out of p what it reads, nothing if it refuses.
func (o *oracle) tryMoney(p map[string]any, amounts bool) (reason Reason) {
	copied, before := clone(p), *o
	defer func() {
		if r := recover(); r != nil {
			clear(p)
			for k, v := range copied {
				p[k] = v
			}
			*o = before
			reason = Reason(r.(refused))
		}
	}()
	o.money(p, amounts)
	return 0
}

func (o *oracle) money(p map[string]any, amounts bool) {
	order := &o.e.Order
	order.ID = takeText(p, "order_id", "transaction_id")
	unit := o.config.Currency
	if amounts && p["currency"] != nil {
		s, _ := p["currency"].(string)
		c, err := ParseCurrency(s)
		if err != nil {
			refuse(BadAmount)
		}
		delete(p, "currency")
		unit, order.Currency = c, c
	}
	sale := o.e.Type.About().Body == Sale
	total, priced := new(big.Rat), false
	add := func(product map[string]any) {
		it, line := o.item(product, unit, amounts)
		o.e.Items = append(o.e.Items, it)
		if line != nil {
			total.Add(total, line)
			priced = true
		}
	}
	list := "products"
	if p[list] == nil {
		list = "items"
	}
	if p[list] != nil {
		o.list(p, list, amounts, add)
	} else if !sale && (has(p, "product_id") || has(p, "sku") || has(p, "item_id")) {
		add(p)
	}
	if !amounts {
		return
	}
	for _, f := range []string{"total", "revenue", "value"} {
		if p[f] != nil {
			order.Value, _ = o.amount(p[f], unit.Digits())
			order.Stated = true
			delete(p, f)
			break
		}
	}
	if !order.Stated && priced {
		order.Value, order.Stated = o.round(total, unit.Digits(), false), true
	}
	if sale && p["units"] != nil {
		n, _ := o.amount(p["units"], 3)
		order.Units = Milli(n)
		delete(p, "units")
	}
	if (order.Stated || priced) && order.Currency == (Currency{}) {
		order.Currency, order.Defaulted = unit, true
		o.notes |= NoCurrency
	}
}

func (o *oracle) list(p map[string]any, list string, amounts bool, add func(map[string]any)) {
	elements, ok := p[list].([]any)
	for _, v := range elements {
		_, is := v.(map[string]any)
		ok = ok && is
	}
	if !ok && !amounts {
		return
	}
	if !ok {
		refuse(BadAmount)
	}
	left := 0
	for _, v := range elements {
		product := v.(map[string]any)
		add(product)
		left += len(product)
	}
	if left == 0 {
		delete(p, list)
	}
}

func has(p map[string]any, name string) bool {
	s, ok := text(p[name])
	return ok && strings.TrimSpace(s) != ""
}

func takeText(p map[string]any, names ...string) string {
	for _, name := range names {
		if has(p, name) {
			s, _ := text(p[name])
			delete(p, name)
			return s
		}
	}
	return ""
}

func (o *oracle) item(p map[string]any, unit Currency, amounts bool) (it Item, line *big.Rat) {
	it = Item{
		ProductID: takeText(p, "product_id", "sku", "item_id"),
		Category:  takeText(p, "category", "item_category"),
		Serial:    takeText(p, "serial_number"),
		Quantity:  1000,
	}
	if n, _, ok := number(p["warranty_months"]); ok && n.IsInt() && n.Sign() >= 0 && n.Cmp(big.NewRat(1200, 1)) <= 0 {
		it.Warranty = int32(n.Num().Int64())
		delete(p, "warranty_months")
	}
	if !amounts {
		return it, nil
	}
	exact := big.NewRat(1, 1)
	if p["quantity"] != nil {
		var milli int64
		milli, exact = o.amount(p["quantity"], 3)
		it.Quantity = Milli(milli)
		delete(p, "quantity")
	}
	if p["price"] != nil {
		minor, price := o.amount(p["price"], unit.Digits())
		it.Price = minor
		line = new(big.Rat).Mul(price, exact)
		delete(p, "price")
	}
	return it, line
}

func (o *oracle) amount(v any, digits int) (int64, *big.Rat) {
	n, cut, ok := number(v)
	if !ok {
		refuse(BadAmount)
	}
	if strings.HasPrefix(fmt.Sprint(v), "-") && (n.Sign() != 0 || cut) && !o.e.Type.About().Negative {
		refuse(BadAmount)
	}
	return o.round(n, digits, cut), n
}

func (o *oracle) round(n *big.Rat, digits int, cut bool) int64 {
	scaled := new(big.Rat).Mul(new(big.Rat).Abs(n), new(big.Rat).SetInt(power(digits)))
	half := new(big.Rat).Add(scaled, big.NewRat(1, 2))
	q := new(big.Int).Quo(half.Num(), half.Denom())
	if q.Cmp(big.NewInt(1_000_000_000_000)) > 0 {
		refuse(BadAmount)
	}
	if !scaled.IsInt() || cut {
		o.notes |= Rounded
	}
	return q.Int64()
}

func power(n int) *big.Int { return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil) }

var grammar = regexp.MustCompile(`^(-?)(0|[1-9][0-9]*)(?:\.([0-9]+))?(?:[eE]([+-]?[0-9]+))?$`)

// number is a JSON number, or a string that is one, cut to 19 significant digits and 40 decimal places; what is far
// beyond all limits is 10^100.
func number(v any) (n *big.Rat, cut, ok bool) {
	s, isString := v.(string)
	if j, is := v.(json.Number); is {
		s, isString = j.String(), true
	}
	g := grammar.FindStringSubmatch(s)
	if !isString || g == nil {
		return new(big.Rat), false, false
	}
	digits := strings.TrimLeft(g[2]+g[3], "0")
	if digits == "" {
		return new(big.Rat), false, true
	}
	e := new(big.Int)
	if g[4] != "" {
		e.SetString(strings.TrimPrefix(g[4], "+"), 10)
	}
	e.Sub(e, big.NewInt(int64(len(g[3]))))
	if len(digits) > 19 {
		e.Add(e, big.NewInt(int64(len(digits)-19)))
		cut = strings.Trim(digits[19:], "0") != ""
		digits = digits[:19]
	}
	if e.Cmp(big.NewInt(100)) > 0 {
		e.SetInt64(100)
	}
	if e.Cmp(big.NewInt(-100)) < 0 {
		return new(big.Rat), true, true
	}
	m, _ := new(big.Int).SetString(digits, 10)
	exponent := int(e.Int64())
	n = new(big.Rat).SetInt(m)
	if exponent >= 0 {
		n.Mul(n, new(big.Rat).SetInt(power(exponent)))
	} else {
		n.Quo(n, new(big.Rat).SetInt(power(-exponent)))
	}
	at := new(big.Rat).Mul(n, new(big.Rat).SetInt(power(40)))
	if !at.IsInt() {
		cut = true
		n.SetFrac(new(big.Int).Quo(at.Num(), at.Denom()), power(40))
	}
	if g[1] == "-" {
		n.Neg(n)
	}
	return n, cut, true
}

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
