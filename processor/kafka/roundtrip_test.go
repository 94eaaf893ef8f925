package kafka

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	fkgo "github.com/twmb/franz-go/pkg/kgo"

	"github.com/touchfold/touchfold/events"
)

// samples are records with all that is odd.
func samples() []Out {
	big := make([]byte, 3<<20)
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range big {
		big[i] = byte(rng.Uint32())
	}
	return []Out{
		{Key: []byte("k"), Value: []byte("v"), Time: 1_700_000_000_000},
		{Key: nil, Value: []byte("nil key"), Time: 1_700_000_000_001},
		{Key: []byte{}, Value: []byte("empty key"), Time: 1_600_000_000_000}, // earlier: a negative delta
		{Key: []byte("null value"), Time: 1_700_000_000_003},
		{Key: []byte("empty value"), Value: []byte{}, Time: 1_700_000_000_004},
		{Value: []byte("headers"), Time: 1_700_000_000_005, Headers: []events.Header{
			{Key: "ce_id", Value: []byte("1")}, {Key: "", Value: nil}, {Key: "ce_id", Value: []byte{}}}},
		{Value: []byte(strings.Repeat("compressible ", 1000)), Time: 1_700_000_000_006},
		{Value: big, Time: 1_700_000_000_007},
		{Value: []byte("headers again"), Time: 1_700_000_000_008, Headers: []events.Header{{Key: "ce_id", Value: []byte("2")}}},
	}
}

// TestWeWriteOthersRead: what we encode is what franz-go reads and what we read.
func TestWeWriteOthersRead(t *testing.T) {
	addrs := brokers(t)
	c := testClient(t, addrs)
	topic := newTopic(t, c, 2, "max.message.bytes", "16777216")
	want := samples()
	base, err := c.Append(testContext(t), topic, 1, want)
	if err != nil || base != 0 {
		t.Fatal(base, err)
	}
	theirs := franzRead(t, addrs, topic, 1, 0, len(want))
	ours := readAll(t, c, topic, 1)
	if len(theirs) != len(want) || len(ours) != len(want) {
		t.Fatalf("franz-go reads %d, we %d, of %d records", len(theirs), len(ours), len(want))
	}
	for i, w := range want {
		r := theirs[i]
		same(t, fmt.Sprintf("franz-go, record %d", i), w, r.Key, r.Value, franzHeaders(r), events.At(r.Timestamp))
		o := ours[i]
		same(t, fmt.Sprintf("record %d", i), w, o.Key, o.Value, o.Headers, o.Append)
		if o.Position != (events.Position{Topic: topic, Partition: 1, Offset: events.Offset(i)}) {
			t.Errorf("record %d stands at %v", i, o.Position)
		}
	}
}

// TestOthersWriteWeRead: what franz-go writes with each codec, idempotent or not, is what we read.
func TestOthersWriteWeRead(t *testing.T) {
	addrs := brokers(t)
	c := testClient(t, addrs)
	codecs := map[string]fkgo.CompressionCodec{"none": fkgo.NoCompression(), "gzip": fkgo.GzipCompression(),
		"snappy": fkgo.SnappyCompression(), "lz4": fkgo.Lz4Compression(), "zstd": fkgo.ZstdCompression()}
	for name, codec := range codecs {
		for _, idempotent := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s idempotent=%v", name, idempotent), func(t *testing.T) {
				topic := newTopic(t, c, 1, "max.message.bytes", "16777216")
				opts := []fkgo.Opt{fkgo.ProducerBatchCompression(codec)}
				if !idempotent {
					opts = append(opts, fkgo.DisableIdempotentWrite())
				}
				w := franz(t, addrs, opts...)
				want := samples()
				var recs []*fkgo.Record
				for _, o := range want {
					r := &fkgo.Record{Topic: topic, Key: o.Key, Value: o.Value, Timestamp: o.Time.Time()}
					for _, h := range o.Headers {
						r.Headers = append(r.Headers, fkgo.RecordHeader{Key: h.Key, Value: h.Value})
					}
					recs = append(recs, r)
				}
				if err := w.ProduceSync(testContext(t), recs...).FirstErr(); err != nil {
					t.Fatal(err)
				}
				got := readAll(t, c, topic, 0)
				if len(got) != len(want) {
					t.Fatalf("%d records of %d", len(got), len(want))
				}
				for i, w := range want {
					same(t, fmt.Sprintf("record %d", i), w, got[i].Key, got[i].Value, got[i].Headers, got[i].Append)
				}
			})
		}
	}
}

func franzHeaders(r *fkgo.Record) []events.Header {
	var hs []events.Header
	for _, h := range r.Headers {
		hs = append(hs, events.Header{Key: h.Key, Value: h.Value})
	}
	return hs
}

func same(t testing.TB, what string, want Out, key, value []byte, headers []events.Header, at events.Instant) {
	t.Helper()
	equal := func(a, b []byte) bool { return bytes.Equal(a, b) && (a == nil) == (b == nil) }
	if !equal(want.Key, key) || !equal(want.Value, value) || len(want.Headers) != len(headers) || want.Time != at {
		t.Errorf("%s: key %q (null %v), %d bytes of value (null %v), %d headers, %v", what, key, key == nil, len(value),
			value == nil, len(headers), at)
		return
	}
	for i, h := range want.Headers {
		if h.Key != headers[i].Key || !equal(h.Value, headers[i].Value) {
			t.Errorf("%s: header %d is %q=%q", what, i, headers[i].Key, headers[i].Value)
		}
	}
}

// TestHugeRecord: 10 MB pass, alone and among small ones, to the fetcher too.
func TestHugeRecord(t *testing.T) {
	addrs := brokers(t)
	c := testClient(t, addrs)
	topic := newTopic(t, c, 2, "max.message.bytes", "16777216")
	huge := bytes.Repeat([]byte("0123456789abcdef"), 10<<16)
	rng := rand.New(rand.NewPCG(3, 4))
	for i := range huge {
		huge[i] += byte(rng.Uint32())
	}
	for p := range events.ShardID(2) {
		if _, err := c.Append(testContext(t), topic, p, []Out{{Value: []byte("before")}, {Value: huge}, {Value: []byte("after")}}); err != nil {
			t.Fatal(err)
		}
	}
	f := runFetcher(t, c, FetchConfig{Topic: topic, MaxBytes: 1 << 20, PartitionBytes: 1 << 16, MaxWait: 100 * time.Millisecond})
	for p := range events.ShardID(2) {
		in := f.Read(p, 0)
		var got []events.Record
		for len(got) < 3 {
			b := next(t, in)
			if b.Err != nil {
				t.Fatal(b.Err)
			}
			got = append(got, b.Records...)
		}
		if !bytes.Equal(got[1].Value, huge) || string(got[2].Value) != "after" {
			t.Errorf("partition %d: another huge record, or none after it", p)
		}
	}
}

// txns writes to one partition within transactions and beside them.
type txns struct {
	t     testing.TB
	ctx   context.Context
	topic string
}

func (x txns) put(w *fkgo.Client, v string) {
	x.t.Helper()
	if err := w.ProduceSync(x.ctx, &fkgo.Record{Topic: x.topic, Value: []byte(v)}).FirstErr(); err != nil {
		x.t.Fatal(err)
	}
}

func (x txns) begin(w *fkgo.Client) {
	x.t.Helper()
	if err := w.BeginTransaction(); err != nil {
		x.t.Fatal(err)
	}
}

func (x txns) end(w *fkgo.Client, try fkgo.TransactionEndTry) {
	x.t.Helper()
	if err := w.EndTransaction(x.ctx, try); err != nil {
		x.t.Fatal(err)
	}
}

// TestAbortedTransactions: records of aborted transactions and the markers are stepped over, those of committed ones
// and those beside are not.
func TestAbortedTransactions(t *testing.T) {
	addrs := brokers(t)
	c := testClient(t, addrs)
	x := txns{t, testContext(t), newTopic(t, c, 1)}
	a, b := franz(t, addrs, fkgo.TransactionalID("a"+x.topic)), franz(t, addrs, fkgo.TransactionalID("b"+x.topic))
	plain := franz(t, addrs)
	x.put(plain, "1")
	x.begin(a)
	x.begin(b)
	x.put(a, "a-aborted")
	x.put(b, "2")
	x.put(a, "a-aborted")
	x.put(plain, "3")
	x.end(a, fkgo.TryAbort)
	x.begin(a)
	x.put(a, "4")
	x.end(a, fkgo.TryCommit)
	x.end(b, fkgo.TryCommit)
	x.begin(b)
	x.put(b, "b-aborted")
	x.end(b, fkgo.TryAbort)
	x.put(plain, "5")
	if got := values(readAll(t, c, x.topic, 0)); got != "1 2 3 4 5" {
		t.Errorf("read %q", got)
	}
}

// TestOpenTransaction: it holds back what stands behind it, and no empty batch says that there is nothing.
func TestOpenTransaction(t *testing.T) {
	addrs := brokers(t)
	c := testClient(t, addrs)
	x := txns{t, testContext(t), newTopic(t, c, 1)}
	a, plain := franz(t, addrs, fkgo.TransactionalID("a"+x.topic)), franz(t, addrs)
	x.put(plain, "1")
	x.begin(a)
	x.put(a, "2")
	x.put(plain, "3")
	f := runFetcher(t, c, FetchConfig{Topic: x.topic, MaxWait: 50 * time.Millisecond})
	in := f.Read(0, 0)
	if got := values(next(t, in).Records); got != "1" {
		t.Errorf("before the open transaction: %q", got)
	}
	select {
	case b := <-in:
		t.Errorf("a batch of %d records (next %d, end %d) while a transaction is open: it would move the clock past "+
			"records that are still to come", len(b.Records), b.Next, b.End)
	case <-time.After(300 * time.Millisecond):
	}
	x.end(a, fkgo.TryCommit)
	var got []events.Record
	for len(got) < 2 {
		got = append(got, next(t, in).Records...)
	}
	if got := values(got); got != "2 3" {
		t.Errorf("behind the transaction: %q", got)
	}
	for b := range in {
		if b.Next == b.End && len(b.Records) == 0 { // behind the last marker
			break
		}
	}
}
