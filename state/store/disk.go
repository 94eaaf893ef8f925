package store

import (
	"errors"
	"iter"
)

// disk is the rows under a store, a sorted map of bytes to bytes: a Badger DB or a Memory. Bytes that are handed over,
// either way, are never modified.
type disk interface {
	view() view
	// commit does writes in order and then, when all of them are done, sets the positions. It may be cut off anywhere.
	commit(writes iter.Seq[write], positions []byte) error
	// size is about how many bytes it takes.
	size() int64
	// tables is how many sorted tables lie in each level, the newest first; nil where there are none.
	tables() []int
	close() error
}

// view is the rows as they stand when it is taken, and go on standing in it until discard. It may be read beside commit.
type view interface {
	// get is the value of a row, errNoRow if there is none.
	get(key []byte) ([]byte, error)
	// ascend calls f with every row that begins with prefix and is not before from, in order of the keys, until f says no
	// or fails. Key and value are gone when f returns.
	ascend(prefix, from []byte, f func(key, value []byte) (more bool, err error)) error
	discard()
}

// write sets a row, or deletes it.
type write struct {
	key, value []byte
	delete     bool
}

var errNoRow = errors.New("there is no such row")
