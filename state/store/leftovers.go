package store

import (
	"encoding/binary"
	"errors"
	"slices"
	"strings"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state"
)

// A checkpoint that was cut off leaves rows of blocks that no customer's row names if it was cut in between. They have the
// number of a checkpoint that is not there, and so are easily found; what is left of a customer must not be kept for ever.

// leftovers finds those rows, when a store is opened, and returns how each is deleted.
func (s *Store) leftovers() (all []write, err error) {
	v := s.disk.view()
	defer v.discard()
	var of events.CustomerID
	var places []uint64 // of that customer's blocks
	from := binary.BigEndian.AppendUint64([]byte{kindBlock}, s.number+1)
	err = v.ascend([]byte{kindBlock}, from, func(key, _ []byte) (more bool, err error) {
		id, n, place, ok := parseBlockKey(key)
		if !ok {
			return false, damaged(errors.New("the key of a block makes no sense"))
		}
		if id != of {
			of = events.CustomerID(strings.Clone(string(id)))
			if places, err = placesOf(v, of); err != nil {
				return false, err
			}
		}
		if n >= len(places) || places[n] != place {
			all = append(all, write{key: slices.Clone(key), delete: true})
		}
		return true, nil
	})
	return all, err
}

// placesOf is where the row of a customer, if he has one, says that his blocks lie.
func placesOf(v view, id events.CustomerID) ([]uint64, error) {
	value, err := v.get(customerKey(nil, id))
	if errors.Is(err, errNoRow) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	_, row, _, err := wholeRow(v, id, value)
	if err != nil {
		return nil, damaged(err)
	}
	places, err := state.Places(row)
	return places, damaged(err)
}
