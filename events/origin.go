package events

import "strconv"

// The headers of a record that was forwarded to its customer's shard: where it first stood. Numbers are decimal text,
// the append time in Unix milliseconds.
const (
	HeaderOriginTopic     = "tf_origin_topic"
	HeaderOriginPartition = "tf_origin_partition"
	HeaderOriginOffset    = "tf_origin_offset"
	HeaderOriginAppend    = "tf_origin_append"
)

// HeaderForwardedBy names an app that has forwarded the record; there is one header for each.
const HeaderForwardedBy = "tf_forwarded_by"

// Origin is where and when a record was first read.
type Origin struct {
	Position
	Append Instant
}

// OriginOf is the origin that r's headers name, its append time not later than r's own; forwarded is false, and r's
// own position and append time the origin, if the headers do not name one, or not wholly, or not another partition of
// the same topic: programs that copy records copy headers with them.
func OriginOf(r *Record) (o Origin, forwarded bool) {
	own := Origin{r.Position, r.Append}
	var seen uint
	for i := range r.Headers {
		h := &r.Headers[i]
		bit, ok := uint(0), true
		var n int64
		switch h.Key {
		case HeaderOriginTopic:
			bit, o.Topic, ok = 1, string(h.Value), len(h.Value) > 0
		case HeaderOriginPartition:
			n, ok = decimal(h.Value, 31)
			bit, o.Partition = 2, ShardID(n)
		case HeaderOriginOffset:
			n, ok = decimal(h.Value, 63)
			bit, o.Offset = 4, Offset(n)
		case HeaderOriginAppend:
			n, ok = decimal(h.Value, 63)
			bit, o.Append = 8, Instant(n)
		}
		if !ok {
			return own, false
		}
		seen |= bit
	}
	if seen != 15 || o.Topic != own.Topic || o.Partition == own.Partition {
		return own, false
	}
	o.Append = min(o.Append, r.Append)
	return o, true
}

// decimal reads a number of at most bits bits without a sign.
func decimal(b []byte, bits int) (int64, bool) {
	n, err := strconv.ParseUint(string(b), 10, bits)
	return int64(n), err == nil
}

// AppendOrigin appends the headers that name o.
func AppendOrigin(hs []Header, o Origin) []Header {
	number := func(n int64) []byte { return strconv.AppendInt(nil, n, 10) }
	return append(hs,
		Header{HeaderOriginTopic, []byte(o.Topic)},
		Header{HeaderOriginPartition, number(int64(o.Partition))},
		Header{HeaderOriginOffset, number(int64(o.Offset))},
		Header{HeaderOriginAppend, number(int64(o.Append))})
}
