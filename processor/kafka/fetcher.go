package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/touchfold/touchfold/events"
)

// FetchConfig says what to read and how much at a time.
type FetchConfig struct {
	Topic          string
	MinBytes       int                   // the broker waits until it has so many, or MaxWait; default 1
	MaxBytes       int                   // of one answer of a broker, about; default 16 MiB. A larger batch passes too
	PartitionBytes int                   // of one partition in it, about; default 1 MiB
	MaxWait        time.Duration         // default 500 ms
	Memory         int                   // of what was read and not taken yet, in bytes; default 128 MiB: see share
	Now            func() events.Instant // the clock of Batch.Sent; default the wall clock
}

// Fetcher reads partitions of one topic with one request at a time to each broker, now and then two: see flight.
//
// Run is the only one who decides: each reading is idle in its hands, in a request, or with its goroutine, which
// parses what came and waits until the reader takes it. A reading that waits is left out of requests: that is the
// back-pressure.
//
// Whenever a partition's leader was not known for a moment, the record batch that was handed out last is read once
// more: another one in its place is ErrOtherLog, and so is none if that lasts for some seconds. (Compaction would look
// like that; compacted topics are not for this.)
type Fetcher struct {
	c      *Client
	cfg    FetchConfig
	limits limits

	mu      sync.Mutex
	reads   map[events.ShardID]*reading
	changed chan struct{} // reads is another; room for one
}

// reading is a partition being read. The fields below the line belong to Run.
type reading struct {
	partition events.ShardID
	out       chan Batch
	stop      chan struct{}
	answers   chan answer // room for one: there is never more than one request under way
	silent    time.Time   // under Fetcher.mu: first asked for since the last answer; zero after an answer
	// These are its goroutine's from answer to turn, else Run's.
	next  events.Offset // where to read on
	base  events.Offset // of the record batch handed out last
	crc   uint32        // of that; 0 before the first
	check bool          // it is to be read again
	// missing is since when nothing stands in its place, zero if something does or nobody answers.
	missing time.Time
	// ---
	state  state
	known  bool // leader is one that we were told of, and it did not fail since
	leader leader
	after  time.Time     // not to be asked for earlier
	pause  time.Duration // of the last failure; 0 while it works
	told   bool          // the log knows that it does not
	served uint64        // the request that last brought records
}

type state int

const (
	idle    state = iota // may go into the next request
	asked                // in a request
	parsing              // with its goroutine, soon back
	waiting              // with its goroutine, until the reader takes a batch
	ended                // its goroutine is gone
)

// answer is what a request brought of one partition, or an error that ends the reading.
type answer struct {
	raw        []byte // record batches
	gone       []aborted
	start, end events.Offset // of the log
	sent       events.Instant
	limit      int // bytes of memory for what is handed out of it
	err        error
}

// turn is what a reading's goroutine tells Run.
type turn struct {
	r  *reading
	to state
}

const (
	minPause = 20 * time.Millisecond
	maxPause = time.Second
	// briefWait stands for MaxWait in a request beside another: longer, and the partitions of that one would wait for it.
	briefWait = 20 * time.Millisecond
	readAhead = 2 // batches in a reader's channel
	minShare  = 16 << 10
)

// NewFetcher makes a fetcher; Run makes it work.
func (c *Client) NewFetcher(cfg FetchConfig) (*Fetcher, error) {
	if cfg.Topic == "" {
		return nil, errors.New("no topic to read from")
	}
	if cfg.MinBytes < 0 || cfg.MaxBytes < 0 || cfg.PartitionBytes < 0 || cfg.Memory < 0 || cfg.MaxWait < 0 {
		return nil, fmt.Errorf("read topic %s: sizes and times must not be negative", cfg.Topic)
	}
	if cfg.Now == nil {
		cfg.Now = func() events.Instant { return events.At(time.Now()) }
	}
	l := defaultLimits
	setIf(&l.minBytes, cfg.MinBytes)
	setIf(&l.maxBytes, cfg.MaxBytes)
	setIf(&l.partitionBytes, cfg.PartitionBytes)
	setIf(&l.wait, cfg.MaxWait)
	setIf(&l.memory, cfg.Memory)
	return &Fetcher{c: c, cfg: cfg, limits: l, reads: make(map[events.ShardID]*reading),
		changed: make(chan struct{}, 1)}, nil
}

var defaultLimits = limits{minBytes: 1, maxBytes: 16 << 20, partitionBytes: 1 << 20, memory: 128 << 20,
	wait: 500 * time.Millisecond}

func setIf[T comparable](to *T, v T) {
	var zero T
	if v != zero {
		*to = v
	}
}

// Read begins to read a partition at an offset. Batches come in order, without gaps; one without records comes only
// when the partition had nothing at Next, and only if the channel is empty. The channel is closed when reading ends:
// by Stop, by Read of the same partition, after a Batch with an Err, or because Run returned.
func (f *Fetcher) Read(p events.ShardID, from events.Offset) <-chan Batch {
	r := &reading{partition: p, next: from, out: make(chan Batch, readAhead),
		stop: make(chan struct{}), answers: make(chan answer, 1)}
	f.mu.Lock()
	if old := f.reads[p]; old != nil {
		close(old.stop)
	}
	f.reads[p] = r
	f.mu.Unlock()
	f.tell()
	return r.out
}

// Stop ends the reading of a partition, if there is one. Batches that are in the channel stay there.
func (f *Fetcher) Stop(p events.ShardID) {
	f.mu.Lock()
	if r := f.reads[p]; r != nil {
		close(r.stop)
		delete(f.reads, p)
	}
	f.mu.Unlock()
	f.tell()
}

// Stalled are the partitions that have been asked for and brought no answer for longer than d, in order. A partition
// without new records is not among them, nor one whose reader is slow.
func (f *Fetcher) Stalled(d time.Duration) []events.ShardID {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []events.ShardID
	for p, r := range f.reads {
		if !r.silent.IsZero() && time.Since(r.silent) > d {
			out = append(out, p)
		}
	}
	slices.Sort(out)
	return out
}

func (f *Fetcher) tell() {
	select {
	case f.changed <- struct{}{}:
	default:
	}
}

// serve is the goroutine of a reading.
func (f *Fetcher) serve(ctx context.Context, r *reading, turns chan<- turn) {
	defer close(r.out)
	for {
		to := idle
		select {
		case <-ctx.Done():
			return
		case <-r.stop:
			return
		case a := <-r.answers:
			b, due := f.batch(ctx, r, a)
			if b.Err != nil {
				to = ended
			}
			if due && !f.deliver(ctx, r, b, turns) {
				return
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-r.stop:
			return
		case turns <- turn{r, to}:
		}
		if to == ended {
			return
		}
	}
}

// batch makes a Batch of an answer and says whether there is anything in it for the reader.
func (f *Fetcher) batch(ctx context.Context, r *reading, a answer) (b Batch, due bool) {
	raw, err := a.raw, a.err
	switch {
	case errors.Is(err, errOffset) && r.check:
		err = f.c.explain(ctx, f.cfg.Topic, r.partition, r.base)
		if errors.Is(err, ErrRemoved) { // it was read before
			r.found()
			return Batch{}, false
		}
	case errors.Is(err, errOffset):
		err = f.c.explain(ctx, f.cfg.Topic, r.partition, r.next)
	case err == nil && r.check:
		raw, err = f.checked(ctx, r, raw)
	}
	if err == nil {
		b, err = parse(fetched{f.cfg.Topic, r.partition, r.next, raw, a.gone}, a.limit, nil)
	}
	if err != nil {
		return Batch{Err: fmt.Errorf("read partition %s: %w", partitionName(f.cfg.Topic, r.partition), err)}, true
	}
	// A broker may take the high watermark before the records: what was handed out lies below it all the same.
	b.End, b.LogStart, b.Sent = max(a.end, b.Next), a.start, a.sent
	r.next = b.Next
	if len(b.Records) > 0 {
		r.base, r.crc = b.Base, b.CRC
		return b, true
	}
	return b, !r.check && b.Next == a.end && len(r.out) == 0
}

// checked compares the record batch that was handed out last with what stands in its place now. The result is what
// stands behind it.
func (f *Fetcher) checked(ctx context.Context, r *reading, raw []byte) ([]byte, error) {
	again, rest, err := cutBatch(raw)
	switch {
	case err != nil:
		return nil, err
	case again == nil: // a new leader may not know for a moment how far it may be read
		ends, err := f.c.Range(ctx, f.cfg.Topic, r.partition)
		if err == nil && ends.End <= r.base && !f.mayReturn(r) {
			err = ends.misses(r.next)
		}
		return nil, err
	case again.base() != r.base || again.crc() != r.crc:
		return nil, fmt.Errorf("the records at offset %d are others: %w", r.base, ErrOtherLog)
	}
	r.found()
	if next, _, err := cutBatch(rest); next == nil { // cut short is no damage here
		return nil, err
	}
	return rest, nil
}

// mayReturn: nothing stands in place of the record batch that was handed out last, but not for long: a broker that has just
// started, or begun to lead, may not know at once how far the log goes.
func (f *Fetcher) mayReturn(r *reading) bool {
	if r.missing.IsZero() {
		r.missing = time.Now()
	}
	return time.Since(r.missing) < f.c.cfg.behind
}

// found notes that the record batch that was handed out last needs no looking for.
func (r *reading) found() { r.check, r.missing = false, time.Time{} }

// deliver puts a batch into the reader's channel; where that is full, Run is told first.
func (f *Fetcher) deliver(ctx context.Context, r *reading, b Batch, turns chan<- turn) bool {
	select {
	case r.out <- b:
		return true
	default:
	}
	select {
	case <-ctx.Done():
		return false
	case <-r.stop:
		return false
	case turns <- turn{r, waiting}:
	}
	select {
	case <-ctx.Done():
		return false
	case <-r.stop:
		return false
	case r.out <- b:
		return true
	}
}
