package localkafka

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// stamper gives records that are produced to topics with message.timestamp.type=LogAppendTime the time of their
// arrival. Kfake keeps that setting but does not act on it, and marking the batch as a Kafka does would leave it with
// a wrong checksum: so the batch is written anew, all records with the same time.
type stamper struct {
	cluster *kfake.Cluster
	now     func() time.Time
	codecs  [5]kgo.Compressor // by number; nil for none
	closed  atomic.Bool       // nothing more is to be produced
}

var errClosing = errors.New("the embedded broker is being closed")

func newStamper(c *kfake.Cluster) (*stamper, error) {
	s := &stamper{cluster: c, now: time.Now}
	for i, codec := range []kgo.CompressionCodec{kgo.NoCompression(), kgo.GzipCompression(), kgo.SnappyCompression(),
		kgo.Lz4Compression(), kgo.ZstdCompression()} {
		var err error
		if s.codecs[i], err = kgo.DefaultCompressor(codec); err != nil {
			return nil, fmt.Errorf("compression %d: %w", i, err)
		}
	}
	return s, nil
}

// control is run by kfake before it handles a produce request, one at a time.
func (s *stamper) control(req kmsg.Request) (kmsg.Response, error, bool) { //nolint:staticcheck // the order is kfake's
	s.cluster.KeepControl()
	if s.closed.Load() {
		return nil, errClosing, true
	}
	produce := req.(*kmsg.ProduceRequest)
	now := s.now().UnixMilli()
	for i := range produce.Topics {
		t := &produce.Topics[i]
		if !s.wanted(t, produce.Version) {
			continue
		}
		for j := range t.Partitions {
			t.Partitions[j].Records = s.stamp(t.Partitions[j].Records, now)
		}
	}
	return nil, nil, false // kfake goes on with it
}

func (s *stamper) wanted(t *kmsg.ProduceRequestTopic, version int16) bool {
	var info *kfake.TopicInfo
	if version >= 13 {
		info = s.cluster.TopicIDInfo(t.TopicID)
	} else {
		info = s.cluster.TopicInfo(t.Topic)
	}
	if info == nil {
		return false
	}
	v := info.Configs["message.timestamp.type"]
	return v != nil && *v == "LogAppendTime"
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// stamp is raw with all its records at the time now. What is not one sound batch is left to kfake to refuse.
func (s *stamper) stamp(raw []byte, now int64) []byte {
	const head, crcAt, attrAt = 12, 17, 21
	var b kmsg.RecordBatch
	if b.ReadFrom(raw) != nil || b.Magic != 2 || len(raw) != int(b.Length)+head ||
		crc32.Checksum(raw[attrAt:], castagnoli) != uint32(b.CRC) || b.Attributes&7 > 4 {
		return raw
	}
	body, ok := restamp(b)
	if !ok {
		return raw
	}
	b.Records = body
	if c := s.codecs[b.Attributes&7]; c != nil {
		var used kgo.CompressionCodecType
		b.Records, used = c.Compress(new(bytes.Buffer), b.Records)
		b.Attributes = b.Attributes&^7 | int16(used)
	}
	b.FirstTimestamp, b.MaxTimestamp = now, now
	b.Length = int32(len(b.AppendTo(nil)) - head)
	out := b.AppendTo(nil)
	binary.BigEndian.PutUint32(out[crcAt:], crc32.Checksum(out[attrAt:], castagnoli))
	return out
}

// restamp is a batch's records, uncompressed, without time deltas; not ok if they are not what the batch says.
// (kfake.BatchRecords panics then.)
func restamp(b kmsg.RecordBatch) (body []byte, ok bool) {
	in, err := kgo.DefaultDecompressor().Decompress(b.Records, kgo.CompressionCodecType(b.Attributes&7))
	if err != nil {
		return nil, false
	}
	for range b.NumRecords {
		size, n := binary.Varint(in)
		if n <= 0 || size < 0 || size > int64(len(in)-n) {
			return nil, false
		}
		var r kmsg.Record
		if r.ReadFrom(in[:n+int(size)]) != nil {
			return nil, false
		}
		in = in[n+int(size):]
		r.TimestampDelta, r.TimestampDelta64, r.Length = 0, 0, 0
		r.Length = int32(len(r.AppendTo(nil)) - 1) // the length itself was one byte
		body = r.AppendTo(body)
	}
	return body, len(in) == 0
}
