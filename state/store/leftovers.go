package store

import (
	"encoding/binary"
	"errors"
	"slices"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state"
)

// A checkpoint that was cut off leaves rows of blocks that no customer's row names if it was cut in between. They have the
// number of a checkpoint that is not there, and so are easily found; what is left of a customer must not be kept for ever.

// leftovers are those rows, each to be deleted. It comes when the store is opened.
func (s *Store) leftovers() (all []write, err error) {
	v := s.disk.view()
	defer v.discard()
	from := binary.BigEndian.AppendUint64([]byte{kindBlock}, s.number+1)
	err = v.ascend([]byte{kindBlock}, from, func(key, _ []byte) (bool, error) {
		id, n, place, ok := parseBlockKey(key)
		if !ok {
			return false, damaged(errors.New("the key of a block makes no sense"))
		}
		named, err := names(v, id, n, place)
		if err == nil && !named {
			all = append(all, write{key: slices.Clone(key), delete: true})
		}
		return true, err
	})
	return all, err
}

// names: the row of a customer says that his n-th block lies at a place.
func names(v view, id events.CustomerID, n int, place uint64) (bool, error) {
	value, err := v.get(customerKey(nil, id))
	if errors.Is(err, errNoRow) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	_, row, p, err := parseRow(value)
	if err == nil && p.count > 0 {
		row, err = readParts(v, id, p)
	}
	if err != nil {
		return false, damaged(err)
	}
	at, ok := state.Placed(row, n)
	return ok && at == place, nil
}
