package kafka

import (
	"context"
	"errors"
	"fmt"

	kgo "github.com/segmentio/kafka-go"

	"github.com/touchfold/touchfold/events"
)

// What callers decide upon; test with errors.Is.
var (
	// ErrTopicExists: the topic to be created is there already.
	ErrTopicExists = errors.New("the topic exists already")
	// ErrNoTopic: the topic is not there.
	ErrNoTopic = errors.New("there is no such topic")
	// ErrFenced: a producer with the same transactional id and a higher epoch has written. This one never writes again.
	ErrFenced = errors.New("another instance took over this partition, as is usual when shards move or this instance was silent for longer than kafka.session; " +
		"if it goes on and on, two processes run with the same app and other settings: give one of them another app")
	// ErrForeign: the broker's record of what this producer wrote is not ours. Somebody else writes under our producer
	// id, or the broker forgot it. This producer never writes again.
	ErrForeign = errors.New("somebody else writes here, or the broker forgot this producer")
	// ErrInDoubt: whether the last batch was written is not known, because its context ended before the answer came.
	// This producer never writes again: the same sequence number for other records would be taken for a retry.
	ErrInDoubt = errors.New("whether the last records were written is not known")
	// ErrRemoved: the offset to read from is not in the log any more.
	ErrRemoved = errors.New("retention removed what was not read yet (set the topic's retention.ms to -1)")
	// ErrOtherLog: where something stood that was read before, there is nothing or something else. Never read on.
	ErrOtherLog = errors.New("the topic was made anew or has lost records (deleted and made again, or an unclean leader election)")
	// errOffset is the broker's word for either, which does not say which.
	errOffset = errors.New("the offset is not in the log")
	// ErrCorrupt: the bytes of a record batch are not what was written.
	ErrCorrupt = errors.New("damaged record batch")
	// ErrOldFormat: the batch was written in a format from before Kafka 0.11.
	ErrOldFormat = errors.New("record batch in a format older than Kafka 0.11")
)

// retriable is whether the same request may succeed later without anybody's doing. What is no answer of a broker
// (connections, deadlines of one attempt, leaders not known) always is.
func retriable(err error) bool {
	for _, final := range []error{context.Canceled, ErrTopicExists, ErrNoTopic, ErrFenced, ErrForeign, ErrInDoubt,
		ErrRemoved, ErrOtherLog, errOffset, ErrCorrupt, ErrOldFormat} {
		if errors.Is(err, final) {
			return false
		}
	}
	var code kgo.Error
	if !errors.As(err, &code) {
		return true
	}
	switch code {
	case kgo.Unknown, kgo.BrokerNotAvailable, kgo.ReplicaNotAvailable, kgo.ConcurrentTransactions:
		return true
	}
	return code.Temporary()
}

// answered turns a broker's error code into an error: nil for 0.
func answered(code int16) error {
	switch err := kgo.Error(code); err {
	case 0:
		return nil
	case kgo.TopicAlreadyExists:
		return ErrTopicExists
	case kgo.OffsetOutOfRange:
		return errOffset
	case kgo.InvalidProducerEpoch, kgo.ProducerFenced:
		return fmt.Errorf("%w (Kafka error %d)", ErrFenced, code)
	case kgo.OutOfOrderSequenceNumber, kgo.UnknownProducerId:
		return fmt.Errorf("%w (Kafka error %d)", ErrForeign, code)
	default:
		return err
	}
}

func partitionName(topic string, p events.ShardID) string { return fmt.Sprintf("%s/%d", topic, p) }
