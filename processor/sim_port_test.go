package processor

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/processor/kafka"
)

var (
	errSimCrash  = errors.New("simulated: the process is gone")
	errSimBroker = errors.New("simulated: the broker does not answer")
)

// simPort is Kafka as one owner sees it. At each request the scheduler may let others go first, end the owner before the
// request takes effect or before its answer arrives, or let the request go wrong.
type simPort struct{ o *simOwner }

func (p simPort) log(topic string, s events.ShardID) *simLog { return p.o.w.kafka.log(topic, s) }

// read is a request that changes nothing.
func (p simPort) read(effect func()) error {
	if err := p.o.pause(); err != nil {
		return err
	}
	if p.o.w.mishap(p.o.w.odds.read) {
		return errSimBroker
	}
	effect()
	return p.o.pause()
}

func (p simPort) Range(_ context.Context, topic string, s events.ShardID) (r kafka.Range, err error) {
	w := p.o.w
	err = p.read(func() {
		if r.End = p.log(topic, s).end; r.End > 0 && w.mishap(w.odds.vague) { // it has just started, and does not know yet
			r.End -= 1 + events.Offset(w.IntN(min(5, int(r.End))))
			w.count.vague++
		}
	})
	return r, err
}

func (p simPort) Reach(_ context.Context, topic string, s events.ShardID, _ events.Offset) (r kafka.Range, err error) {
	err = p.read(func() { r.End = p.log(topic, s).end })
	return r, err
}

func (p simPort) ReadBatches(_ context.Context, topic string, s events.ShardID, from, to events.Offset,
	f func(h kafka.Head, recs []events.Record) error) error {
	l := p.log(topic, s)
	for next := from; next < to; {
		var got []simBatch
		err := p.read(func() {
			at := l.at(next)
			got = l.batches[at:min(len(l.batches), at+1+p.o.w.IntN(60))]
		})
		if err != nil {
			return err
		}
		if len(got) == 0 {
			return fmt.Errorf("%w: offset %d of %s, which ends at %d", kafka.ErrOtherLog, next, topic, l.end)
		}
		for _, b := range got {
			recs := b.recs[max(0, next-b.head.Base):max(0, min(to, b.head.Last+1)-b.head.Base)]
			if next = b.head.Last + 1; len(recs) == 0 {
				continue
			}
			if err := f(b.head, append([]events.Record(nil), recs...)); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p simPort) NewProducer(_ context.Context, c kafka.ProducerConfig) (producer, error) {
	if c.TransactionalID == "" {
		return nil, errors.New("a producer needs a transactional id")
	}
	made := &simProducing{port: p, log: p.log(c.Topic, c.Partition), may: c.May}
	err := p.read(func() { made.stamp = p.o.w.kafka.take(c.TransactionalID) })
	if err != nil {
		return nil, err
	}
	return made, nil
}

func (p simPort) Retire(_ context.Context, topic string, s events.ShardID, id int64, rec kafka.Out) (base events.Offset, err error) {
	err = p.write(nil, func() (err error) {
		base, err = p.append(p.log(topic, s), simStamp{id, 32767}, 0, []kafka.Out{rec})
		return err
	})
	p.o.w.count.retired++
	return base, err
}

func (p simPort) Append(_ context.Context, topic string, s events.ShardID, recs []kafka.Out) (base events.Offset, err error) {
	err = p.write(nil, func() (err error) {
		base, err = p.append(p.log(topic, s), simStamp{-1, -1}, -1, recs)
		return err
	})
	p.o.w.count.aside += len(recs)
	return base, err
}

func (p simPort) append(l *simLog, s simStamp, seq int32, recs []kafka.Out) (events.Offset, error) {
	base, err := p.o.w.kafka.append(l, s, seq, recs)
	if p.o.w.out != nil {
		p.o.w.trace("%s appends to %s/%d as %v from %d on: %d, %v", p.o.name, l.topic, l.shard, s, seq, base, err)
		for i := range recs {
			kind, n := "", ""
			for _, h := range recs[i].Headers {
				if h.Key == "ce_type" {
					kind = string(h.Value)
				}
				if h.Key == "tf_position" || h.Key == "tf_clock" {
					n += " " + string(h.Value)
				}
			}
			p.o.w.trace("    %s%s %s", kind, n, recs[i].Value)
		}
	}
	return base, err
}

// write is a request that changes something. Once sent it may take effect though its sender is gone by then, it may be
// repeated, and its answer may be lost. may is asked before each attempt.
func (p simPort) write(may func() error, effect func() error) error {
	o, w := p.o, p.o.w
	if may == nil {
		may = func() error { return nil }
	}
	if err := may(); err != nil {
		return err
	}
	c := o.current
	c.sent = effect
	err := o.pause()
	if c.sent == nil && err == nil { // its time was over before it arrived
		return fmt.Errorf("%w: %w", kafka.ErrInDoubt, errSimBroker)
	}
	if c.sent = nil; err != nil {
		return err
	}
	if w.mishap(w.odds.write) { // lost on the way
		return fmt.Errorf("%w: %w", kafka.ErrInDoubt, errSimBroker)
	}
	err = effect()
	if gone := o.pause(); gone != nil {
		return gone
	}
	switch {
	case err == nil && w.mishap(w.odds.write): // no answer until the time was over
		return fmt.Errorf("%w: %w", kafka.ErrInDoubt, errSimBroker)
	case err == nil && w.mishap(w.odds.write): // no answer, so once more
		w.count.repeated++
		if err := may(); err != nil {
			return fmt.Errorf("%w: %w", kafka.ErrInDoubt, err)
		}
		return effect()
	}
	return err
}

// simProducing is a producer.
type simProducing struct {
	port  simPort
	log   *simLog
	stamp simStamp
	may   func() error
	seq   int32
	dead  error
}

func (p *simProducing) ID() int64    { return p.stamp.id }
func (p *simProducing) Epoch() int16 { return p.stamp.epoch }

func (p *simProducing) Append(_ context.Context, recs []kafka.Out) (base events.Offset, err error) {
	if p.dead != nil {
		return -1, p.dead
	}
	err = p.port.write(p.may, func() (err error) {
		base, err = p.port.append(p.log, p.stamp, p.seq, recs)
		return err
	})
	if err != nil {
		p.dead = err
		return -1, err
	}
	p.seq += int32(len(recs))
	return base, nil
}

// simContext is the context of an owner's work. It lives as long as the owner. Whoever asks when it ends is about to
// wait for an acknowledgement: the others run until it is there, for the wait itself would stop the simulation.
type simContext struct{ o *simOwner }

func (c simContext) Deadline() (time.Time, bool) { return time.Time{}, false }
func (c simContext) Value(any) any               { return nil }

func (c simContext) Err() error {
	if c.o.dead {
		return errSimCrash
	}
	return nil
}

func (c simContext) Done() <-chan struct{} {
	c.o.await()
	if !c.o.dead {
		return nil
	}
	select { // one of two things at once would not be the same the next time
	case <-c.o.shard.voice.acks:
	default:
	}
	return closedChannel
}

var closedChannel = func() chan struct{} { c := make(chan struct{}); close(c); return c }()
