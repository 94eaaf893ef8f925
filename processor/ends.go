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

// stopError is what a person must see to. Its text says what.
type stopError struct{ error }

func (e *stopError) Unwrap() error { return e.error }

func stop(format string, args ...any) error { return &stopError{fmt.Errorf(format, args...)} }

// fromLog is an error of reading a topic: one that passes, or one that a person must see to.
func fromLog(err error) error {
	for _, final := range []error{kafka.ErrRemoved, kafka.ErrOtherLog, kafka.ErrCorrupt, kafka.ErrOldFormat} {
		if errors.Is(err, final) {
			return &stopError{err}
		}
	}
	return &outsideError{err}
}

func isLost(err error) bool { return errors.As(err, new(*lostError)) }

func isStop(err error) bool { return errors.As(err, new(*stopError)) }

// errStopped breaks off what would take long because the shard is to end.
var errStopped = errors.New("stopped")
