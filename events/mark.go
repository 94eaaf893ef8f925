package events

// MarkKind is the ce_type of an owner's mark on the output topic.
type MarkKind string

// The kinds of mark.
const (
	ShardOpened  MarkKind = "touchfold.shard.opened.v1"  // the first record of an owner: from here on the former is shut out
	ShardRetired MarkKind = "touchfold.shard.retired.v1" // the last record of a producer id that the broker no longer hands out
	ShardAlive   MarkKind = "touchfold.shard.alive.v1"   // so that the broker does not forget a silent producer
	// ShardReleased is the last record of an owner that stopped in order: all that it folded is said, and saved where others
	// find it. It spares the next one to wait; nothing depends on it.
	ShardReleased MarkKind = "touchfold.shard.released.v1"
)

// Mark is what an owner of a shard writes about itself. Consumers may ignore it.
type Mark struct {
	Kind       MarkKind
	Shard      ShardID
	At         Instant // when it was written, by the owner's clock
	Instance   string  // who writes
	ProducerID int64   // whom the mark is of, with Epoch
	Epoch      int16
	Rulebook   string // of opened: what the owner folds by, serial:digest
	// Content is, of opened, the text of that rulebook: a shard that begins with nothing folds by the one of the first
	// opened mark of its partition, until its input names another.
	Content string
	// MuteUntil is, of opened, the input's end when a shard that had never spoken was first opened: what appears before
	// it is closed, not said. -1: it speaks from the first touchpoint on. Only the first opened mark of a partition counts.
	MuteUntil Offset
	From      Offset // of opened: the first touchpoint that the input had. Of a partition's first one: where folding began
}
