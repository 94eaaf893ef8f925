package kafka

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	kgo "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol/listoffsets"

	"github.com/touchfold/touchfold/events"
)

// vague is a broker that does not know how far a log of one partition goes: so many more answers are as if it ended
// earlier.
type vague struct {
	kgo.RoundTripper
	end  int64
	gone bool // the end of the log itself, else only how far it may be read

	mu      sync.Mutex
	cut     bool // the next answer to a fetch is lost
	answers int
}

func (f *vague) RoundTrip(ctx context.Context, addr net.Addr, req kgo.Request) (kgo.Response, error) {
	res, err := f.RoundTripper.RoundTrip(ctx, addr, req)
	if err != nil {
		return res, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, fetched := res.(*fetchResponse); fetched && f.cut {
		f.cut = false
		return nil, errors.New("answer lost")
	}
	if f.answers <= 0 {
		return res, nil
	}
	switch res := res.(type) {
	case *listoffsets.Response:
		if p := &res.Topics[0].Partitions[0]; p.Offset > f.end {
			p.Offset = f.end
			f.answers--
		}
	case *fetchResponse:
		if len(res.Topics) == 0 || len(res.Topics[0].Partitions) == 0 {
			break
		}
		p, from := &res.Topics[0].Partitions[0], req.(*fetchRequest).Topics[0].Partitions[0].FetchOffset
		if p.HighWatermark, p.Records.b = min(p.HighWatermark, f.end), nil; f.gone && from > f.end {
			p.ErrorCode = int16(kgo.OffsetOutOfRange)
		}
		f.answers--
	}
	return res, nil
}

func (f *vague) restart(answers int) {
	f.mu.Lock()
	f.cut, f.answers = true, answers
	f.mu.Unlock()
}

// vagueClient waits so long for an end that lies too early.
func vagueClient(t testing.TB, addrs []string, f *vague, behind time.Duration) *Client {
	f.RoundTripper = testClient(t, addrs).rt
	return newClient(Config{Brokers: addrs, Log: testLog(t), RequestTimeout: 10 * time.Second, behind: behind}, f, func() {})
}

// TestReach: an end before what was read is asked for again until it is back, the time is over or ctx ends.
func TestReach(t *testing.T) {
	t.Parallel()
	addrs := brokers(t)
	topic := newTopic(t, testClient(t, addrs), 1)
	write(t, testClient(t, addrs), topic, 0, "0", "1", "2")
	for _, c := range []struct {
		name    string
		answers int
		offset  events.Offset
		behind  time.Duration
		want    events.Offset
	}{
		{"at once", 0, 3, time.Minute, 3},
		{"an earlier one will do", 1000, 1, time.Minute, 1},
		{"back", 3, 3, time.Minute, 3},
		{"further", 2, 2, time.Minute, 3},
		{"gone", 1000, 3, 2 * behindPause, 1},
	} {
		f := &vague{end: 1, answers: c.answers}
		r, err := vagueClient(t, addrs, f, c.behind).Reach(testContext(t), topic, 0, c.offset)
		if err != nil || r.End != c.want || r.First != 0 {
			t.Errorf("%s: %+v, %v", c.name, r, err)
		}
	}
	ctx, cancel := context.WithTimeout(testContext(t), 3*behindPause/2)
	defer cancel()
	_, err := vagueClient(t, addrs, &vague{end: 1, answers: 1000}, time.Minute).Reach(ctx, topic, 0, 3)
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), topic+"/0 reaches offset 3") {
		t.Errorf("ctx ends: %v", err)
	}
}

// TestVagueBroker: a broker that for a moment does not know of what was read costs no record; one that does not know it
// later either has lost it.
func TestVagueBroker(t *testing.T) {
	t.Parallel()
	addrs := brokers(t)
	for _, c := range []struct {
		name    string
		end     int64
		gone    bool
		answers int
		behind  time.Duration
		lost    bool
	}{
		{"the log ends earlier, for a moment", 1, true, 4, time.Minute, false},
		{"it may be read less far, for a moment", 1, false, 4, time.Minute, false},
		{"up to the record read last, for a moment", 2, false, 4, time.Minute, false},
		{"the log ends earlier", 1, true, 1 << 30, 100 * time.Millisecond, true},
		{"it may be read less far", 1, false, 1 << 30, 100 * time.Millisecond, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			topic := newTopic(t, testClient(t, addrs), 1)
			write(t, testClient(t, addrs), topic, 0, "0", "1", "2")
			f := &vague{end: c.end, gone: c.gone}
			client := vagueClient(t, addrs, f, c.behind)
			fetcher := runFetcher(t, client, FetchConfig{Topic: topic, MaxWait: 20 * time.Millisecond})
			in := fetcher.Read(0, 0)
			for got := 0; got < 3; {
				got += len(next(t, in).Records)
			}
			f.restart(c.answers)
			write(t, testClient(t, addrs), topic, 0, "3")
			b := next(t, in)
			if c.lost && !errors.Is(b.Err, ErrOtherLog) || !c.lost && values(b.Records) != "3" {
				t.Errorf("%+v", b)
			}
		})
	}
}
