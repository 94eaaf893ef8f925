package processor

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/rand/v2"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/processor/kafka"
)

// simDriver writes touchpoints: orders, refunds and views of a few customers, late ones, copies that are the same and
// copies that differ, equal instants, times ahead, records on other partitions than their customers', and what nobody
// can read.
type simDriver struct {
	*rand.Rand
	customers []events.CustomerID
	shards    int
	strays    bool // some stand on another partition
	left      int  // records to be written
	n         int
	touches   map[string]*simTouch // by value; nil of what is to be parked
	values    []string             // of touches, in order
	written   []simWritten
	tell      func(format string, args ...any)
}

// simWritten is a record as the driver wrote it.
type simWritten struct {
	touch  *simTouch
	at     events.Position
	append events.Instant
}

func newSimDriver(r *rand.Rand, shards int) *simDriver {
	d := &simDriver{Rand: r, shards: shards, strays: shards > 1 && r.IntN(3) > 0, left: 10 + r.IntN(40), touches: map[string]*simTouch{}}
	for i := range 2 + r.IntN(3) {
		d.customers = append(d.customers, events.CustomerID(fmt.Sprintf("c%d", i)))
	}
	return d
}

// write writes one batch of some records to one partition.
func (d *simDriver) write(c *simCluster, topic string) {
	p := events.ShardID(d.IntN(d.shards))
	var recs []kafka.Out
	var touches []*simTouch
	for n := 1 + d.IntN(3); n > 0 && d.left > 0; n, d.left = n-1, d.left-1 {
		value := d.value(c.now)
		t := d.touches[value]
		home := p
		if t != nil && !t.world {
			home = events.ShardOf(t.customer, d.shards)
		}
		if len(recs) == 0 && (!d.strays || d.IntN(3) > 0) {
			p = home
		}
		if home != p && !d.strays {
			break
		}
		r := kafka.Out{Value: []byte(value)}
		if t != nil && !t.world {
			r.Key = []byte(t.customer)
		}
		recs, touches = append(recs, r), append(touches, t)
	}
	if len(recs) == 0 {
		return
	}
	base, _ := c.append(c.log(topic, p), simStamp{-1, -1}, -1, recs)
	for i, t := range touches {
		if d.tell != nil {
			d.tell("%s: input %d/%d: %s", c.now, p, base+events.Offset(i), recs[i].Value)
		}
		d.written = append(d.written, simWritten{t, events.Position{Topic: topic, Partition: p, Offset: base + events.Offset(i)}, c.now})
	}
}

// value is the next record's.
func (d *simDriver) value(now events.Instant) string {
	d.n++
	switch {
	case d.IntN(40) == 0:
		return fmt.Sprintf(`{"type":"track","event":"Order Completed","messageId":"p%d",`, d.n) // cut
	case d.n > 1 && len(d.values) > 0 && d.IntN(8) == 0:
		old := d.values[d.IntN(len(d.values))]
		if t := *d.touches[old]; d.IntN(2) == 0 { // a copy that differs
			return d.touch(simTouch{t.customer, t.id, t.time + events.Instant(d.IntN(5)-2)*simMinute, 0, t.amount + int64(d.IntN(3)), t.world})
		}
		return old
	}
	t := now - events.Instant(d.IntN(2000))
	switch d.IntN(14) {
	case 0, 1:
		t -= events.Instant(d.IntN(int(15 * simMinute)))
	case 2:
		t -= events.Instant(d.IntN(int(2 * simHour)))
	case 3:
		t += events.Instant(d.IntN(int(5 * simMinute)))
	case 4, 5:
		if len(d.values) > 0 {
			t = d.touches[d.values[len(d.values)-1]].time
		}
	case 6:
		if d.IntN(6) == 0 {
			t += simHour
		}
	}
	amount := int64(20 + d.IntN(100))
	switch d.IntN(9) {
	case 0, 1:
		amount = -amount
	case 2:
		amount = 0
	}
	id := fmt.Sprintf("e%d", d.n)
	if d.IntN(6) == 0 {
		if d.IntN(4) == 0 {
			id = fmt.Sprintf("e%d", d.IntN(d.n)) // which may be a touchpoint's
		}
		return d.touch(simTouch{"", id, t, 0, int64(d.IntN(simProducts)), true})
	}
	return d.touch(simTouch{d.customers[d.IntN(len(d.customers))], id, t, 0, amount, false})
}

// touch writes a message down.
func (d *simDriver) touch(t simTouch) string {
	customer, id, at, amount := t.customer, t.id, t.time, t.amount
	event, properties := "Product Viewed", `"product_id":"p"`
	switch {
	case t.world:
		event, properties = "Product Restocked", fmt.Sprintf(`"product_id":"p%d"`, amount)
	case amount > 0:
		event, properties = "Order Completed", fmt.Sprintf(`"order_id":"o-%s","currency":"JPY","total":%d`, id, amount)
	case amount < 0:
		event, properties = "Order Refunded", fmt.Sprintf(`"order_id":"o-%s","currency":"JPY","total":%d`, id, -amount)
	}
	value := fmt.Sprintf(`{"type":"track","event":%q,"messageId":%q,"userId":%q,"timestamp":%q,"properties":{%s}}`,
		event, id, customer, at, properties)
	sum := sha256.Sum256([]byte(value))
	if d.touches[value] == nil {
		t.content = binary.BigEndian.Uint64(sum[:])
		d.touches[value] = &t
		d.values = append(d.values, value)
	}
	return value
}
