package localkafka

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"
)

func start(t testing.TB, listen, dir string) *Broker {
	t.Helper()
	b, err := Start(Config{Listen: listen, Dir: dir, Log: zerolog.New(zerolog.NewTestWriter(t)).Level(zerolog.WarnLevel)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b
}

func client(t testing.TB, b *Broker, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	c, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(b.Addr())}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.CloseAllowingRebalance)
	return c
}

func testContext(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func createTopic(t testing.TB, c *kgo.Client, name string, configs map[string]string) {
	t.Helper()
	req := kmsg.NewPtrCreateTopicsRequest()
	topic := kmsg.NewCreateTopicsRequestTopic()
	topic.Topic, topic.NumPartitions, topic.ReplicationFactor = name, 1, 1
	for k, v := range configs {
		e := kmsg.NewCreateTopicsRequestTopicConfig()
		e.Name, e.Value = k, &v
		topic.Configs = append(topic.Configs, e)
	}
	req.Topics = append(req.Topics, topic)
	res, err := req.RequestWith(testContext(t), c)
	if err != nil || res.Topics[0].ErrorCode != 0 {
		t.Fatal(err, res)
	}
}

func read(t testing.TB, b *Broker, topic string, n int) []*kgo.Record {
	t.Helper()
	c := client(t, b, kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: {0: kgo.NewOffset().AtStart()}}))
	var out []*kgo.Record
	for len(out) < n {
		fs := c.PollFetches(testContext(t))
		if err := fs.Err(); err != nil {
			t.Fatal(err)
		}
		out = append(out, fs.Records()...)
	}
	return out
}

// producerID asks for a transactional producer's id and epoch, as a take-over does.
func producerID(t testing.TB, c *kgo.Client, id string) (int64, int16) {
	t.Helper()
	req := kmsg.NewPtrInitProducerIDRequest()
	req.TransactionalID, req.TransactionTimeoutMillis = &id, 60000
	res, err := req.RequestWith(testContext(t), c)
	if err != nil || res.ErrorCode != 0 {
		t.Fatal(err, res)
	}
	return res.ProducerID, res.ProducerEpoch
}

// TestKeeps: records with their times and offsets, configs, group offsets and producer ids are there after a restart
// over the same folder, also when the broker was not closed but its process killed (its files copied as they are).
func TestKeeps(t *testing.T) {
	for _, killed := range []bool{false, true} {
		t.Run(fmt.Sprintf("killed=%v", killed), func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "kafka")
			b := start(t, "127.0.0.1:0", dir)
			// Later versions name the topics of committed offsets by their ids.
			c := client(t, b, kgo.DefaultProduceTopic("kept"), kgo.MaxVersions(kversion.V3_0_0()))
			createTopic(t, c, "kept", map[string]string{"message.timestamp.type": "LogAppendTime", "retention.ms": "-1"})
			var recs []*kgo.Record
			for i := range 500 {
				recs = append(recs, &kgo.Record{Value: fmt.Append(nil, i), Timestamp: time.UnixMilli(1e12)})
			}
			begun := time.Now().Add(-time.Millisecond)
			if err := c.ProduceSync(testContext(t), recs...).FirstErr(); err != nil {
				t.Fatal(err)
			}
			commit(t, c, "group", "kept", 123)
			id, epoch := producerID(t, c, "shard-0")
			before := read(t, b, "kept", 500)
			if killed {
				copied := filepath.Join(t.TempDir(), "kafka")
				if err := os.CopyFS(copied, os.DirFS(dir)); err != nil {
					t.Fatal(err)
				}
				dir = copied
			} else if err := b.Close(); err != nil {
				t.Fatal(err)
			}
			b2 := start(t, "127.0.0.1:0", dir)
			after := read(t, b2, "kept", 500)
			for i, r := range after {
				if r.Offset != int64(i) || string(r.Value) != fmt.Sprint(i) || !r.Timestamp.Equal(before[i].Timestamp) {
					t.Fatalf("record %d is now %q at %d from %v", i, r.Value, r.Offset, r.Timestamp)
				}
				if r.Timestamp.Before(begun) {
					t.Fatalf("record %d is from %v: the producer's time in a topic with LogAppendTime", i, r.Timestamp)
				}
			}
			c2 := client(t, b2, kgo.DefaultProduceTopic("kept"), kgo.MaxVersions(kversion.V3_0_0()))
			if got := committed(t, c2, "group", "kept"); got != 123 {
				t.Errorf("committed offset is now %d", got)
			}
			if id2, epoch2 := producerID(t, c2, "shard-0"); id2 != id || epoch2 != epoch+1 {
				t.Errorf("producer was %d/%d, is %d/%d", id, epoch, id2, epoch2)
			}
			begun = time.Now().Add(-time.Millisecond)
			if err := c2.ProduceSync(testContext(t), &kgo.Record{Value: []byte("new"), Timestamp: time.UnixMilli(1e12)}).FirstErr(); err != nil {
				t.Fatal(err)
			}
			if r := read(t, b2, "kept", 501)[500]; r.Timestamp.Before(begun) {
				t.Errorf("after the restart a record is from %v: LogAppendTime was forgotten", r.Timestamp)
			}
		})
	}
}

func commit(t testing.TB, c *kgo.Client, group, topic string, at int64) {
	t.Helper()
	req := kmsg.NewPtrOffsetCommitRequest()
	req.Group, req.Generation = group, -1
	rt, rp := kmsg.NewOffsetCommitRequestTopic(), kmsg.NewOffsetCommitRequestTopicPartition()
	rp.Offset, rt.Topic = at, topic
	rt.Partitions = append(rt.Partitions, rp)
	req.Topics = append(req.Topics, rt)
	res, err := req.RequestWith(testContext(t), c)
	if err != nil || res.Topics[0].Partitions[0].ErrorCode != 0 {
		t.Fatal(err, res)
	}
}

func committed(t testing.TB, c *kgo.Client, group, topic string) int64 {
	t.Helper()
	req := kmsg.NewPtrOffsetFetchRequest()
	req.Group = group
	rt := kmsg.NewOffsetFetchRequestTopic()
	rt.Topic, rt.Partitions = topic, []int32{0}
	req.Topics = append(req.Topics, rt)
	rg, rgt := kmsg.NewOffsetFetchRequestGroup(), kmsg.NewOffsetFetchRequestGroupTopic()
	rg.Group, rgt.Topic, rgt.Partitions = group, topic, []int32{0}
	rg.Topics = append(rg.Topics, rgt)
	req.Groups = append(req.Groups, rg)
	res, err := req.RequestWith(testContext(t), c)
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range res.Groups {
		return g.Topics[0].Partitions[0].Offset
	}
	return res.Topics[0].Partitions[0].Offset
}

// TestAppendTime: each codec's batches are stamped and stay readable; a topic with CreateTime keeps the producer's.
func TestAppendTime(t *testing.T) {
	b := start(t, "127.0.0.1:0", "")
	admin := client(t, b)
	createTopic(t, admin, "create", nil)
	createTopic(t, admin, "append", map[string]string{"message.timestamp.type": "LogAppendTime"})
	codecs := []kgo.CompressionCodec{kgo.NoCompression(), kgo.GzipCompression(), kgo.SnappyCompression(),
		kgo.Lz4Compression(), kgo.ZstdCompression()}
	old := time.UnixMilli(1e12)
	begun := time.Now().Add(-time.Millisecond)
	for _, codec := range codecs {
		c := client(t, b, kgo.ProducerBatchCompression(codec))
		for _, topic := range []string{"create", "append"} {
			if err := c.ProduceSync(testContext(t),
				&kgo.Record{Topic: topic, Key: []byte("k"), Value: []byte(strings.Repeat("a", 500)), Timestamp: old},
				&kgo.Record{Topic: topic, Value: []byte("b"), Timestamp: old.Add(time.Hour), Headers: []kgo.RecordHeader{{Key: "h", Value: []byte("x")}}},
			).FirstErr(); err != nil {
				t.Fatal(err)
			}
		}
	}
	for i, r := range read(t, b, "create", 10) {
		if want := old.Add(time.Duration(i%2) * time.Hour); !r.Timestamp.Equal(want) {
			t.Errorf("CreateTime, record %d is from %v", i, r.Timestamp)
		}
	}
	for i, r := range read(t, b, "append", 10) {
		whole := i%2 == 0 && string(r.Key) == "k" && len(r.Value) == 500 || i%2 == 1 && string(r.Headers[0].Value) == "x"
		if r.Timestamp.Before(begun) || r.Timestamp.After(time.Now()) || !whole {
			t.Errorf("LogAppendTime, record %d is from %v, whole: %v", i, r.Timestamp, whole)
		}
	}
}

// TestListen: only loopback, and a port in use is a sentence that says what to do.
func TestListen(t *testing.T) {
	for _, addr := range []string{"0.0.0.0:0", ":9092", "192.0.2.1:9092", "localhost"} {
		if b, err := Start(Config{Listen: addr}); err == nil {
			b.Close()
			t.Errorf("listens on %s", addr)
		}
	}
	b := start(t, "localhost:0", "")
	_, err := Start(Config{Listen: b.Addr()})
	if err == nil || !strings.Contains(err.Error(), b.Addr()+" is in use") || !strings.Contains(err.Error(), "kafka.brokers") {
		t.Errorf("a port in use: %v", err)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	start(t, b.Addr(), "") // at once again
}

// TestNoSuchTopic: asking for a topic does not make it.
func TestNoSuchTopic(t *testing.T) {
	c := client(t, start(t, "127.0.0.1:0", ""), kgo.AllowAutoTopicCreation(), kgo.UnknownTopicRetries(1))
	if err := c.ProduceSync(testContext(t), &kgo.Record{Topic: "typo"}).FirstErr(); err == nil {
		t.Error("a record for a topic that is not there was taken")
	}
}

// TestKcat: librdkafka, the other family of clients, produces and consumes. CI installs kcat.
func TestKcat(t *testing.T) {
	kcat, err := exec.LookPath("kcat")
	if err != nil {
		t.Skip("kcat is not installed (apt-get install kcat)")
	}
	b := start(t, "127.0.0.1:0", filepath.Join(t.TempDir(), "kafka"))
	createTopic(t, client(t, b), "touchpoints", map[string]string{"message.timestamp.type": "LogAppendTime"})
	run := func(in string, args ...string) string {
		t.Helper()
		cmd := exec.CommandContext(testContext(t), kcat, append([]string{"-b", b.Addr(), "-t", "touchpoints"}, args...)...)
		cmd.Stdin = strings.NewReader(in)
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("kcat %v: %v %s", args, err, err.(*exec.ExitError).Stderr)
		}
		return string(out)
	}
	for _, codec := range []string{"none", "gzip", "snappy", "lz4", "zstd"} {
		run("u1:"+strings.Repeat(codec, 100)+"\nu2:two\n", "-P", "-K:", "-z", codec, "-H", "ce_id=1")
	}
	out := run("", "-C", "-e", "-q", "-f", "%k %S %h\\n")
	if n := strings.Count(out, "u2 3 ce_id=1\n"); n != 5 || strings.Count(out, "\n") != 10 {
		t.Errorf("kcat reads\n%s", out)
	}
}

// TestBytesOfAnotherKind: a client that speaks something else is cut off or ignored, and the broker goes on.
func TestBytesOfAnotherKind(t *testing.T) {
	b := start(t, "127.0.0.1:0", "")
	for _, sent := range []string{"\x00\x00\x00\x02hi", "\x00\x00\x00\x20hi there, this is no Kafka at all", "GET / HTTP/1.1\r\n\r\n",
		"\x16\x03\x01\x02\x00\x01\x00\x01\xfc", "\xff\xff\xff\xff\x00\x12", "\x00\x00\x00\x0a\x00\x12\x00\x63\x00\x00\x00\x00\x00\x00"} {
		conn, err := net.Dial("tcp", b.Addr())
		if err != nil {
			t.Fatal(err)
		}
		conn.SetDeadline(time.Now().Add(5 * time.Second))
		fmt.Fprint(conn, sent)
		if _, err := io.ReadAll(conn); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("after %q the connection stays open", sent)
		}
		conn.Close()
	}
	createTopic(t, client(t, b), "alive", nil)
}

// FuzzStamp: a producer's bytes, however wrong, neither end the process nor are changed unless they are a sound batch.
func FuzzStamp(f *testing.F) {
	s, err := newStamper(nil)
	if err != nil {
		f.Fatal(err)
	}
	r := kmsg.Record{TimestampDelta64: 5, Key: []byte("k"), Value: []byte("value"), Headers: []kmsg.Header{{Key: "h"}}}
	r.Length = int32(len(r.AppendTo(nil)) - 1)
	b := kmsg.RecordBatch{Magic: 2, NumRecords: 1, ProducerID: -1, Records: r.AppendTo(nil)}
	b.Length = int32(len(b.AppendTo(nil)) - 12)
	f.Add(b.AppendTo(nil))
	r.Length += 20
	b.Records = r.AppendTo(nil)
	f.Add(b.AppendTo(nil))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if len(raw) > 21 {
			binary.BigEndian.PutUint32(raw[17:], crc32.Checksum(raw[21:], castagnoli))
		}
		out := s.stamp(raw, 1e12)
		var b kmsg.RecordBatch
		if bytes.Equal(out, raw) {
			return
		}
		if err := b.ReadFrom(out); err != nil || b.FirstTimestamp != 1e12 || b.MaxTimestamp != 1e12 ||
			uint32(b.CRC) != crc32.Checksum(out[21:], castagnoli) {
			t.Fatalf("stamped as %+v, %v", b, err)
		}
	})
}
