package processor

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	fkgo "github.com/twmb/franz-go/pkg/kgo"

	"github.com/touchfold/touchfold/events"
)

// franz is a Kafka client of another make than the product's.
func (r *rig) franz(opts ...fkgo.Opt) *fkgo.Client {
	r.Helper()
	c, err := fkgo.NewClient(append([]fkgo.Opt{fkgo.SeedBrokers(r.addrs...), fkgo.RecordPartitioner(fkgo.ManualPartitioner()),
		fkgo.ProducerBatchMaxBytes(15 << 20), fkgo.BrokerMaxWriteBytes(64 << 20), fkgo.ProducerLinger(5 * time.Millisecond),
		fkgo.FetchMaxBytes(64 << 20), fkgo.FetchMaxPartitionBytes(32 << 20)}, opts...)...)
	if err != nil {
		r.Fatal(err)
	}
	return c
}

// murmur gives the partition that franz-go, after Kafka's Java client, gives to a key.
func (r *rig) murmur() func(key string) int32 {
	p := fkgo.StickyKeyPartitioner(nil).ForTopic("")
	return func(key string) int32 {
		return int32(p.Partition(&fkgo.Record{Key: []byte(key)}, r.config.Topics.Partitions))
	}
}

// produce writes records to the input, each to its Partition.
func (r *rig) produce(recs ...*fkgo.Record) {
	r.Helper()
	c := r.franz(fkgo.DefaultProduceTopic(r.config.Topics.Touchpoints))
	defer c.Close()
	if err := c.ProduceSync(r.context(), recs...).FirstErr(); err != nil {
		r.Fatal(err)
	}
}

// send writes touchpoints to the partitions of their keys.
func (r *rig) send(tps ...touchpoint) {
	r.Helper()
	recs, home := make([]*fkgo.Record, len(tps)), r.murmur()
	for i, t := range tps {
		recs[i] = t.record()
		recs[i].Partition = home(t.customer)
	}
	r.produce(recs...)
}

// read reads a topic's partitions from their beginnings to their ends.
func (r *rig) read(topic string) [][]*fkgo.Record {
	r.Helper()
	ends, from, left := r.ends(topic), map[int32]fkgo.Offset{}, 0
	for p, end := range ends {
		if end > 0 {
			from[int32(p)], left = fkgo.NewOffset().At(0), left+1
		}
	}
	all := make([][]*fkgo.Record, len(ends))
	c := r.franz(fkgo.ConsumePartitions(map[string]map[int32]fkgo.Offset{topic: from}))
	defer c.Close()
	for left > 0 {
		fetches := c.PollFetches(r.context())
		if err := fetches.Err(); err != nil {
			for p := range all { // is it the log or the reader?
				own := r.client.ReadRange(r.context(), topic, events.ShardID(p), 0, ends[p], func(*events.Record) error { return nil })
				r.Logf("partition %d: %d of %d records; the product's reader: %v", p, len(all[p]), ends[p], own)
			}
			r.Fatalf("read %s: %v", topic, err)
		}
		fetches.EachRecord(func(rec *fkgo.Record) {
			p := rec.Partition
			if all[p] = append(all[p], rec); rec.Offset == int64(ends[p])-1 {
				left--
			}
		})
	}
	return all
}

// touchpoint is a Segment message to be sent.
type touchpoint struct {
	customer string
	at       events.Instant // event time; 0: none is sent
	append   events.Instant // for topics with CreateTime
	value    string
}

func (t touchpoint) record() *fkgo.Record {
	rec := &fkgo.Record{Key: []byte(t.customer), Value: []byte(t.value)}
	if t.append != 0 {
		rec.Timestamp = t.append.Time()
	}
	return rec
}

// stamp is the member timestamp.
func stamp(at events.Instant) string {
	if at == 0 {
		return ""
	}
	return `,"timestamp":"` + at.String() + `"`
}

func view(customer, id string, at events.Instant) touchpoint {
	return touchpoint{customer, at, at, fmt.Sprintf(`{"type":"page","messageId":%q,"userId":%q,"context":{"channel":"web"},`+
		`"properties":{"url":"https://shop.example/p/%s","title":"A page"}%s}`, id, customer, id, stamp(at))}
}

// order is an order of so many HKD.
func order(customer, id string, at events.Instant, total int) touchpoint {
	return touchpoint{customer, at, at, fmt.Sprintf(`{"type":"track","event":"Order Completed","messageId":%q,"userId":%q,`+
		`"properties":{"order_id":"o-%s","total":%d,"currency":"HKD","products":[{"product_id":"p%d","price":%d,"quantity":1}]}%s}`,
		id, customer, id, total, total%97, total, stamp(at))}
}

// history is n touchpoints of so many customers in order of time, the first at from and the last about days later: two
// views for each order, now and then a copy.
func history(rng *rand.Rand, n, customers int, from events.Instant, days int) []touchpoint {
	all := make([]touchpoint, 0, n)
	step := int64(days) * 86_400_000 / int64(n)
	at := from
	for i := range n {
		at += events.Instant(1 + rng.Int64N(2*step))
		c := fmt.Sprintf("c%05d", rng.IntN(customers))
		switch k := rng.IntN(30); {
		case k == 0 && i > 0:
			again := all[rng.IntN(i)]
			again.append = at
			all = append(all, again)
		case k <= 10:
			all = append(all, order(c, fmt.Sprintf("m%d", i), at, 100+rng.IntN(20_000)))
		default:
			all = append(all, view(c, fmt.Sprintf("m%d", i), at))
		}
	}
	return all
}

// told is a derived event as a stranger reads it.
type told struct {
	shard                                  int
	offset                                 int64
	id, kind, customer, fact, cause        string
	value, previous                        string
	n, version                             int
	position, clock, effective, asOf, wall events.Instant
}

// mark is an owner's mark as a stranger reads it.
type mark struct {
	Kind       string `json:"-"`
	Instance   string `json:"instance"`
	ProducerID int64  `json:"producer_id"`
	Epoch      int    `json:"epoch"`
	MuteUntil  *int64 `json:"mute_until"`
	Rulebook   string `json:"rulebook"`
	Offset     int64  `json:"-"`
}

// word is what must not depend on when a thing was said: the fact, its value and the how-manieth.
func (t told) word() string { return fmt.Sprintf("%s=%s #%d", t.fact, t.value, t.n) }

// segmentMessage is the data of a derived event.
type segmentMessage struct {
	Type        string          `json:"type"`
	MessageID   string          `json:"messageId"`
	UserID      *string         `json:"userId"`
	AnonymousID *string         `json:"anonymousId"`
	Event       string          `json:"event"`
	Timestamp   *time.Time      `json:"timestamp"`
	Properties  *map[string]any `json:"properties"`
	CRM         *struct {
		Fact              string    `json:"fact"`
		Previous, Current any       // a bool, a text or null
		AsOf              time.Time `json:"as_of"`
		N                 int       `json:"n"`
		Because           []string  `json:"because"`
		Rule              *string   `json:"rule"`
		RuleVersion       *int      `json:"rule_version"`
		Cause             string    `json:"cause"`
	} `json:"crm"`
}

// said is all that was said, by partition and offset, and the marks of each partition. Whatever a test is about, what
// must hold of every output is checked.
func (r *rig) said() (all []told, marks [][]mark) {
	r.Helper()
	n, home := r.config.Topics.Partitions, r.murmur()
	marks = make([][]mark, n)
	output, ends := r.read(r.config.Topics.Events), r.ends(r.config.Topics.Touchpoints)
	for p := range n {
		var last told
		for _, rec := range output[p] {
			if len(rec.Headers) == 0 {
				continue // a stranger's
			}
			m, t, err := r.parse(rec)
			if err != nil {
				r.Errorf("offset %d of output %d: %v", rec.Offset, p, err)
				continue
			}
			if m != nil {
				marks[p] = append(marks[p], *m)
				continue
			}
			if len(marks[p]) == 0 {
				r.Errorf("output %d begins without a mark", p)
			}
			if h := home(t.customer); h != rec.Partition {
				r.Errorf("offset %d of output %d is of a customer of partition %d", rec.Offset, p, h)
			}
			if t.position < last.position || t.clock < last.clock {
				r.Errorf("offset %d of output %d: step (%d, %d) after (%d, %d)", rec.Offset, p, t.position, t.clock, last.position, last.clock)
			}
			last = *t
			all = append(all, *t)
		}
		if events.Offset(last.position) > ends[p] {
			r.Errorf("output %d names position %d, and the input ends at %d", p, last.position, ends[p])
		}
	}
	r.checkSequences(all)
	return all, marks
}

// checkSequences: ids are unique, and on each fact n counts, values change, and yes and no alternate.
func (r *rig) checkSequences(all []told) {
	r.Helper()
	ids, last := map[string]bool{}, map[string]told{}
	for _, t := range all {
		if ids[t.id] {
			r.Errorf("id %s stands twice", t.id)
		}
		ids[t.id] = true
		key := t.customer + "\x00" + t.fact
		before, had := last[key]
		if !had {
			before.value = map[bool]string{true: "false", false: "<nil>"}[strings.HasPrefix(t.fact, "segment/")]
		}
		if t.n != before.n+1 || t.previous != before.value || t.value == t.previous {
			r.Errorf("%s: %q (from %q) as number %d after %q as number %d", t.fact, t.value, t.previous, t.n, before.value, before.n)
		}
		if strings.HasPrefix(t.fact, "segment/") && (t.value == "true") != (t.n%2 == 1) {
			r.Errorf("%s: %s as number %d", t.fact, t.value, t.n)
		}
		last[key] = t
	}
}

// sequences are the words on each customer in order.
func (r *rig) sequences() map[string][]string {
	r.Helper()
	all, _ := r.said()
	by := map[string][]string{}
	for _, t := range all {
		by[t.customer] = append(by[t.customer], t.word())
	}
	return by
}

var kinds = map[string]string{"crm.segment.entered.v1": "Audience Entered", "crm.segment.exited.v1": "Audience Exited",
	"crm.lifecycle.changed.v1": "Trait Computed"}

// parse reads a record of the output, and checks all that a single one must be.
func (r *rig) parse(rec *fkgo.Record) (*mark, *told, error) {
	h := map[string]string{}
	for _, x := range rec.Headers {
		if _, twice := h[x.Key]; twice {
			return nil, nil, fmt.Errorf("header %s stands twice", x.Key)
		}
		h[x.Key] = string(x.Value)
	}
	when, err := time.Parse(time.RFC3339, h["ce_time"])
	switch {
	case err != nil:
		return nil, nil, err
	case h["ce_specversion"] != "1.0" || h["content-type"] != "application/json" || len(h["ce_id"]) != 32:
		return nil, nil, fmt.Errorf("headers %v", h)
	case h["ce_source"] != fmt.Sprintf("touchfold/%s/%d", r.config.App, rec.Partition):
		return nil, nil, fmt.Errorf("source %s", h["ce_source"])
	}
	if strings.HasPrefix(h["ce_type"], "touchfold.shard.") {
		m := &mark{Kind: h["ce_type"], Offset: rec.Offset}
		return m, nil, json.Unmarshal(rec.Value, m)
	}
	t := &told{shard: int(rec.Partition), offset: rec.Offset, id: h["ce_id"], kind: h["ce_type"], customer: string(rec.Key),
		effective: events.At(when), wall: events.At(rec.Timestamp)}
	if err := t.fill(h, rec.Value); err != nil {
		return nil, nil, err
	}
	if id := statementID(r.config.App, t); id != t.id {
		return nil, nil, fmt.Errorf("id %s instead of %s", t.id, id)
	}
	return nil, t, nil
}

func (t *told) fill(h map[string]string, value []byte) error {
	position, err1 := strconv.ParseInt(h["tf_position"], 10, 64)
	at, err2 := strconv.ParseInt(h["tf_clock"], 10, 64)
	var m segmentMessage
	d := json.NewDecoder(strings.NewReader(string(value)))
	d.DisallowUnknownFields()
	if err := d.Decode(&m); err != nil || err1 != nil || err2 != nil || d.InputOffset() != int64(len(value)) {
		return fmt.Errorf("%v, %v, %v: %s", err, err1, err2, value)
	}
	who := ""
	switch {
	case m.UserID != nil && m.AnonymousID == nil:
		who = *m.UserID
	case m.AnonymousID != nil && m.UserID == nil:
		who = "anon:" + *m.AnonymousID
	}
	if m.Type != "track" || m.MessageID != t.id || who != t.customer || h["ce_subject"] != t.customer || m.Event != kinds[t.kind] ||
		m.Timestamp == nil || events.At(*m.Timestamp) != t.effective || m.Properties == nil || len(*m.Properties) != 1 || m.CRM == nil ||
		m.CRM.Rule == nil || m.CRM.RuleVersion == nil || !slices.Contains([]string{"event", "time", "correction", "rules"}, m.CRM.Cause) ||
		len(m.CRM.Because) == 0 && m.CRM.Current != false && m.CRM.Current != nil || len(m.CRM.Because) > 10 { // nothing may be left that speaks for it
		return fmt.Errorf("no Segment message as it should be: %v %s", h, value)
	}
	t.position, t.clock, t.asOf = events.Instant(position), events.Instant(at), events.At(m.CRM.AsOf)
	t.fact, t.n, t.cause, t.version = m.CRM.Fact, m.CRM.N, m.CRM.Cause, *m.CRM.RuleVersion
	t.value, t.previous = fmt.Sprint(m.CRM.Current), fmt.Sprint(m.CRM.Previous)
	if t.effective > t.asOf || t.asOf > t.clock {
		return fmt.Errorf("effective %v, as of %v, at clock %v", t.effective, t.asOf, t.clock)
	}
	return nil
}

// statementID is a statement's id by its definition in events.StatementID, with the key of an app that was given none.
func statementID(app string, t *told) string {
	mac := hmac.New(sha256.New, events.IDKey(app))
	for _, part := range []string{t.customer, t.fact} {
		_ = binary.Write(mac, binary.BigEndian, uint32(len(part)))
		mac.Write([]byte(part))
	}
	_ = binary.Write(mac, binary.BigEndian, uint32(t.n))
	return hex.EncodeToString(mac.Sum(nil)[:16])
}

// committed are the offsets that the group has committed, as another client sees them.
func (r *rig) committed() (map[events.ShardID]events.Offset, error) {
	return r.client.CommittedOffsets(context.Background(), r.config.App, r.config.Topics.Touchpoints)
}
