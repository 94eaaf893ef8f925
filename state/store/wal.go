package store

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/dgraph-io/ristretto/v2/z"
)

// A log (.mem) holds the transactions that are in no table yet: a header of 20 bytes, entries one after the other, zeros
// to its end. An entry is meta and user meta (1 byte each), lengths of key and value, expiry (varints), key, value,
// CRC-32C. What belongs to a transaction is marked so, and an entry of its own with its number ends it.
const (
	walHeader = 20
	walTxn    = 1 << 6
	walEnd    = 1 << 7
	walNode   = 32 // bytes of memory that an entry takes beside what it takes in the log; it is about 24
)

// checkLogs compares the checksums of the logs, oldest first. At a bad entry Badger ends silently and forgets the rest.
// Where that is the end of what was written (the process or the machine stopped in the middle of it) it is right, so it
// is cut off; in any log but the last one, what was written after it is there and that before it would be missing.
// largest is the memory that the largest log takes: if Badger has less for it, which may be when DiskBytes was more, it
// ends the process.
func checkLogs(dir string) (largest int64, err error) {
	names, err := filepath.Glob(filepath.Join(escape(dir), "*"+walSuffix))
	if err != nil {
		return 0, err
	}
	slices.SortFunc(names, func(a, b string) int { // they are numbers of five digits, or more
		return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b))
	})
	for i, name := range names {
		memory, err := checkLog(name, i == len(names)-1)
		if err != nil {
			return 0, fmt.Errorf("check %s: %w", filepath.Base(name), err)
		}
		largest = max(largest, memory)
	}
	return largest, nil
}

func checkLog(name string, last bool) (memory int64, err error) {
	m, err := z.OpenMmapFile(name, os.O_RDONLY, 0)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, m.Close(-1)) }()
	b := m.Data
	if len(b) < walHeader || binary.BigEndian.Uint64(b) != 0 { // which is the number of a key to decrypt it with
		return 0, errors.New("its header makes no sense")
	}
	end, entries := wholeTransactions(b[walHeader:])
	end += walHeader
	memory = int64(end + entries*walNode)
	if len(bytes.TrimLeft(b[end:], "\x00")) == 0 {
		return memory, nil
	}
	if !last {
		return 0, errors.New("it breaks off in the middle")
	}
	return memory, os.Truncate(name, int64(end)) // nothing of b is read any more
}

// wholeTransactions is the length of the transactions at the beginning of b that are there whole, and about how many
// entries they have.
func wholeTransactions(b []byte) (end, entries int) {
	var open uint64 // the transaction whose end was not read yet
	for at := 0; ; entries++ {
		e, ok := parseWALEntry(b[at:])
		if !ok {
			return end, entries
		}
		at += e.size
		switch {
		case e.meta&walTxn != 0:
			if open != 0 && open != e.txn {
				return end, entries
			}
			open = e.txn
		case e.meta&walEnd != 0:
			if n, err := strconv.ParseUint(string(e.value), 10, 64); err != nil || n != open {
				return end, entries
			}
			open, end = 0, at
		case open != 0:
			return end, entries
		default:
			end = at
		}
	}
}

type walEntry struct {
	meta  byte
	txn   uint64 // the last 8 bytes of the key
	value []byte
	size  int
}

// parseWALEntry is false for zeros and for what does not have its checksum.
func parseWALEntry(b []byte) (e walEntry, ok bool) {
	if len(b) < 2 {
		return e, false
	}
	at := 2
	var lengths [3]uint64 // of key and value; and the expiry
	for i := range lengths {
		x, n := binary.Uvarint(b[at:])
		if n <= 0 {
			return e, false
		}
		lengths[i], at = x, at+n
	}
	key, value := lengths[0], lengths[1]
	if left := uint64(len(b) - at); key <= 8 || key > 1<<16 || value > left || key+value+crc32.Size > left {
		return e, false
	}
	end := at + int(key+value)
	if crc32.Checksum(b[:end], castagnoli) != binary.BigEndian.Uint32(b[end:]) {
		return e, false
	}
	keyEnd := at + int(key)
	return walEntry{b[0], ^binary.BigEndian.Uint64(b[keyEnd-8:]), b[keyEnd:end], end + crc32.Size}, true
}
