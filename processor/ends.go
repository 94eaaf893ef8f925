package processor

import (
	"errors"
	"fmt"

	"github.com/touchfold/touchfold/processor/kafka"
)

// How an ownership of a shard may end, beside well:
//
//   - lost: the output is not ours alone, or may not be. What was folded and not saved is forgotten; whoever takes the
//     shard over next reads in the output what was said.
//   - outside: reading, parking or forwarding did not succeed. What was said is saved; to be tried again.
//   - stopped: it cannot go on without a person.
//   - any other error is one of the store: to be opened again.

// lostError is an ownership lost.
type lostError struct{ error }

func (e *lostError) Unwrap() error { return e.error }

func lost(format string, args ...any) error { return &lostError{fmt.Errorf(format, args...)} }

// outsideError is one of reading, parking or forwarding: what was said and what is in the store is not in doubt.
type outsideError struct{ error }

func (e *outsideError) Unwrap() error { return e.error }

// stopError is what a person must see to. Its text says what, and the way out where why does not.
type stopError struct {
	why error
	way string
}

func (e *stopError) Error() string {
	if e.way == "" {
		return e.why.Error()
	}
	return e.why.Error() + "; " + e.way
}

func (e *stopError) Unwrap() error { return e.why }

func stop(format string, args ...any) error { return &stopError{why: fmt.Errorf(format, args...)} }

// stopAtLog is a stop because a log is not what it was.
func (s *shard) stopAtLog(format string, args ...any) error {
	return &stopError{fmt.Errorf(format, args...), fmt.Sprintf("if that cannot be brought back, touchfold shard restore %d looks for a snapshot "+
		"that still fits, and touchfold shard reset %d says what it costs to go on without", s.id, s.id)}
}

// why is a stop without its way out, for whoever is on it.
func why(err error) error {
	var stop *stopError
	if errors.As(err, &stop) {
		return stop.why
	}
	return err
}

// fromLog is an error of reading a topic: one that passes, or one that a person must see to.
func (s *shard) fromLog(err error) error {
	switch {
	case errors.Is(err, kafka.ErrRemoved), errors.Is(err, kafka.ErrOtherLog):
		return s.stopAtLog("%w", err)
	case errors.Is(err, kafka.ErrCorrupt), errors.Is(err, kafka.ErrOldFormat):
		return &stopError{err, fmt.Sprintf("if no other replica of the partition has it whole, delete the records up to there with kafka-delete-records.sh; "+
			"touchfold shard reset %d then says what it costs to go on without", s.id)}
	}
	return &outsideError{err}
}

func isLost(err error) bool { return errors.As(err, new(*lostError)) }

func isStop(err error) bool { return errors.As(err, new(*stopError)) }

// errStopped breaks off what would take long because the shard is to end.
var errStopped = errors.New("stopped")
