package processor

import (
	"fmt"
	"time"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/processor/kafka"
)

// voice says what a shard gathers: at once while nothing is in flight, else with the next batch. One batch is in flight
// at a time, so that an acknowledgement tells where in the output it stands.
type voice struct {
	encoder *events.Encoder
	pending []kafka.Out // to be said, in step order
	bytes   int         // of pending
	last    step        // of the last one in pending

	flying int               // records in flight, 0 for none
	flight step              // of the last one in flight
	post   func([]kafka.Out) // appends a batch and sends what became of it to acks, when it likes
	acks   chan ack          // has room for one
	sent   time.Time
}

// step is where in the input and when on the shard's clock something became true.
type step struct {
	position events.Offset
	clock    events.Instant
}

// ack is what became of a batch.
type ack struct {
	base events.Offset
	err  error
}

func newVoice(app string, key []byte) *voice {
	return &voice{encoder: events.NewEncoder(app, key), acks: make(chan ack, 1)}
}

// say gathers a statement.
func (v *voice) say(s *events.Statement) error {
	var d events.Derived
	if err := v.encoder.Statement(s, &d); err != nil {
		return fmt.Errorf("write a statement on %s: %w", s.Fact, err)
	}
	v.pending = append(v.pending, kafka.Out{Key: d.Key, Value: d.Value, Headers: d.Headers, Time: s.Clock})
	v.bytes += len(d.Key) + len(d.Value) + 300
	v.last = step{s.Position, s.Clock}
	return nil
}

// waits: something was gathered and could be handed over.
func (v *voice) waits() bool { return v.flying == 0 && len(v.pending) > 0 }

// flush hands over what was gathered if nothing is in flight.
func (v *voice) flush() {
	if !v.waits() {
		return
	}
	v.flying, v.flight, v.sent = len(v.pending), v.last, time.Now()
	batch := v.pending
	v.pending, v.bytes = make([]kafka.Out, 0, len(batch)), 0
	v.post(batch)
}

// landed notes that the batch in flight is acknowledged.
func (v *voice) landed() (records int, at step, took time.Duration) {
	records, at, took = v.flying, v.flight, time.Since(v.sent)
	v.flying = 0
	return records, at, took
}

// silent: nothing waits and nothing is in flight.
func (v *voice) silent() bool { return v.flying == 0 && len(v.pending) == 0 }
