package store

import (
	"encoding/binary"
	"hash/crc32"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
)

// sumsName is a file beside Badger's.
const sumsName = "touchfold.sums"

// sums are those of tables that were whole, by Badger's own checksums, when theirs was taken; by the table's number. That
// is true for ever, on any machine: a number that another table has now has another sum.
type sums map[uint64]sum

// A sum stands for all bytes of a file.
type sum struct {
	bytes uint64
	crc   uint32 // CRC-32C
}

// sumBytes is what a sum takes in the file, with its number.
const sumBytes = 8 + 8 + 4

// readSums is the sums in a folder: none if the file is not there or is not what was written.
func readSums(dir string) sums {
	b, err := os.ReadFile(filepath.Join(dir, sumsName))
	end := len(b) - crc32.Size
	if err != nil || end < 0 || end%sumBytes != 0 || crc32.Checksum(b[:end], castagnoli) != binary.BigEndian.Uint32(b[end:]) {
		return nil
	}
	s := make(sums, end/sumBytes)
	for row := range slices.Chunk(b[:end], sumBytes) {
		s[binary.BigEndian.Uint64(row)] = sum{binary.BigEndian.Uint64(row[8:]), binary.BigEndian.Uint32(row[16:])}
	}
	return s
}

// keep writes the sums down. They are never synced, and an error is of no account: without them an Open takes longer.
func (s sums) keep(dir string) {
	b := make([]byte, 0, len(s)*sumBytes+crc32.Size)
	for _, id := range slices.Sorted(maps.Keys(s)) {
		b = binary.BigEndian.AppendUint64(b, id)
		b = binary.BigEndian.AppendUint64(b, s[id].bytes)
		b = binary.BigEndian.AppendUint32(b, s[id].crc)
	}
	b = binary.BigEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
	name := filepath.Join(dir, sumsName)
	if os.WriteFile(name+".new", b, 0o640) == nil {
		_ = os.Rename(name+".new", name)
	}
}

// sumFile reads a file: it is ten times as fast as what Badger's checksums take, for nothing is decompressed.
func sumFile(name string) (s sum, err error) {
	f, err := os.Open(name)
	if err != nil {
		return sum{}, err
	}
	defer f.Close()
	for b := make([]byte, 64<<10); ; {
		n, err := f.Read(b)
		s.bytes += uint64(n)
		s.crc = crc32.Update(s.crc, castagnoli, b[:n])
		if err == io.EOF {
			return s, nil
		}
		if err != nil {
			return sum{}, err
		}
	}
}
