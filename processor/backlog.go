package processor

import (
	"context"
	"errors"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/processor/kafka"
)

// source is where a shard reads its touchpoints: a *kafka.Fetcher, or a Backlog.
type source interface {
	Read(p events.ShardID, from events.Offset) <-chan kafka.Batch
	Stop(p events.ShardID)
}

// Backlog is touchpoints of one shard in memory, from offset 0 up to before End, for measuring what they cost without a
// broker.
type Backlog struct {
	Shard events.ShardID
	End   events.Offset
	// Fetch gives what comes next from an offset on, at least one record, as a broker would. They are not used any more
	// after two further calls.
	Fetch func(from events.Offset) []events.Record
}

// FoldBacklog is the whole work of one shard, with its part of the memory that Topics.Partitions of them share, over a store of
// its own in Dir: it folds a backlog from the first record on, says what follows to nobody, and returns when all is saved and
// the store is closed. Nothing is asked of Client. said is how many records it said, marks not counted.
func FoldBacklog(ctx context.Context, c Config, b Backlog) (said uint64, err error) {
	if c.Rulebook == nil || c.App == "" || c.Dir == "" || c.Topics.Partitions <= int(b.Shard) || b.Fetch == nil {
		return 0, errors.New("fold a backlog: App, Dir, Rulebook, Fetch and enough partitions must be set")
	}
	c.complete()
	r := &reading{backlog: b, input: c.Topics.Touchpoints, stop: make(chan struct{})}
	s := newShard(&c, newMetrics(c.Registry), r, b.Shard, layout{c.Topics.Partitions, c.Topics.Partitions, brokersAhead}, c.Instance)
	last, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	err = s.run(ctx, last, r)
	return s.said, err
}

// reading is a backlog that is being read, as source, and what becomes of it, as broker: nothing is kept but the last record,
// which a take-over reads again.
type reading struct {
	backlog Backlog
	input   string // topic
	stop    chan struct{}
	done    chan struct{} // reading has ended
	written events.Offset
	last    kafka.Out
}

func (r *reading) Read(_ events.ShardID, from events.Offset) <-chan kafka.Batch {
	out := make(chan kafka.Batch)
	r.done = make(chan struct{})
	go func() { // Stop waits for it
		defer close(r.done)
		defer close(out)
		for from < r.backlog.End {
			records := r.backlog.Fetch(from)
			from = records[len(records)-1].Offset + 1
			select {
			case out <- kafka.Batch{Records: records, Base: records[0].Offset, Next: from, End: r.backlog.End}:
			case <-r.stop:
				return
			}
		}
	}()
	return out
}

func (r *reading) Stop(events.ShardID) {
	close(r.stop)
	<-r.done
}

func (r *reading) Range(_ context.Context, topic string, _ events.ShardID) (kafka.Range, error) {
	if topic == r.input {
		return kafka.Range{End: r.backlog.End}, nil
	}
	return kafka.Range{End: r.written}, nil
}

func (r *reading) Reach(ctx context.Context, topic string, p events.ShardID, _ events.Offset) (kafka.Range, error) {
	return r.Range(ctx, topic, p)
}

func (r *reading) ReadBatches(_ context.Context, _ string, _ events.ShardID, _, _ events.Offset,
	f func(kafka.Head, []events.Record) error) error {
	return f(kafka.Head{Base: r.written - 1, Last: r.written - 1, ProducerID: r.ID()},
		[]events.Record{{Position: events.Position{Offset: r.written - 1}, Key: r.last.Key, Value: r.last.Value, Headers: r.last.Headers}})
}

func (r *reading) NewProducer(context.Context, kafka.ProducerConfig) (producer, error) {
	return onlyProducer{r}, nil
}

func (r *reading) Retire(context.Context, string, events.ShardID, int64, kafka.Out) (events.Offset, error) {
	return -1, nil // there is no other
}

func (r *reading) Append(context.Context, string, events.ShardID, []kafka.Out) (events.Offset, error) {
	return 0, nil
}

func (r *reading) ID() int64 { return 1 }

// onlyProducer is the one that writes where a reading is said.
type onlyProducer struct{ *reading }

func (onlyProducer) Epoch() int16 { return 0 }

func (p onlyProducer) Append(_ context.Context, recs []kafka.Out) (base events.Offset, err error) {
	base = p.written
	p.written += events.Offset(len(recs))
	p.last = recs[len(recs)-1]
	return base, nil
}
