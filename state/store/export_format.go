package store

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/touchfold/touchfold/state/wire"
)

// SnapshotFormat is the number of the format of snapshots that this package writes and reads. Inside are the rows of a
// store, which have a Format of their own.
const SnapshotFormat = 1

const (
	snapshotMagic = "tfsnap\r\n" // which no transfer as text leaves as it is
	blockBytes    = 256 << 10    // of rows; a block is as long as its last row makes it
	maxHeader     = 8 << 20
	maxPacked     = 128 << 20 // of a block: a row is shorter than a file of Badger's value log
)

// Snapshot is what a snapshot says of itself. Its header has all but the last four.
type Snapshot struct {
	Positions
	Made       time.Time // by the clock of who made it
	StoreBytes int64     // that the store took on disk, about

	Rows     int64
	RowBytes int64 // of all rows, as they are
	Bytes    int64 // of the snapshot
	Sum      [sha256.Size]byte
}

const (
	headFormat wire.Field = iota + 1
	headPositions
	headMade
	headStoreBytes
)

const (
	tailRows wire.Field = iota + 1
	tailRowBytes
	tailSum
)

func appendHeader(b []byte, s *Snapshot, positions []byte) []byte {
	b = wire.AppendInt(b, headFormat, SnapshotFormat)
	b = wire.AppendBytes(b, headPositions, positions)
	b = wire.AppendInt(b, headMade, s.Made.UnixMilli())
	return wire.AppendInt(b, headStoreBytes, s.StoreBytes)
}

func appendTrailer(b []byte, s *Snapshot) []byte {
	b = wire.AppendInt(b, tailRows, s.Rows)
	b = wire.AppendInt(b, tailRowBytes, s.RowBytes)
	return wire.AppendBytes(b, tailSum, s.Sum[:])
}

func appendFrameHead(b, payload []byte) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(len(payload)))
	return binary.BigEndian.AppendUint32(b, crc32.Checksum(payload, castagnoli))
}

// ReadSnapshot reads the header of a snapshot: some hundred bytes.
func ReadSnapshot(r io.Reader) (*Snapshot, error) {
	s, err := newSnapshotReader(context.Background(), r, nil)
	if err != nil {
		return nil, err
	}
	return &s.snapshot, nil
}

// snapshotReader reads a snapshot and checks all that can be checked.
type snapshotReader struct {
	ctx      context.Context
	r        *bufio.Reader
	progress func(done int64) // nil for none
	whole    hash.Hash
	snapshot Snapshot // of the header; the rest is counted
	row      []byte   // the row of the positions, as the header has it
	unpacker *zstd.Decoder
	packed   []byte // scratch
}

var (
	errNoSnapshot = errors.New("this is no snapshot of touchfold's")
	errCut        = errors.New("the snapshot is cut off: its end is missing")
	errChecksum   = errors.New("the snapshot is damaged: a checksum does not fit")
	errNonsense   = errors.New("the snapshot is damaged: what it holds makes no sense")
)

// newSnapshotReader reads the header.
func newSnapshotReader(ctx context.Context, r io.Reader, progress func(int64)) (*snapshotReader, error) {
	s := &snapshotReader{ctx: ctx, r: bufio.NewReaderSize(r, 64<<10), whole: sha256.New(), progress: progress}
	magic := make([]byte, len(snapshotMagic))
	if err := s.read(magic); err != nil && !errors.Is(err, errCut) {
		return nil, err
	}
	if string(magic) != snapshotMagic {
		return nil, errNoSnapshot
	}
	header, err := s.frame(maxHeader)
	if err != nil {
		return nil, err
	}
	return s, s.parseHeader(header)
}

// parseHeader looks at the format first: what a newer one means is not known.
func (s *snapshotReader) parseHeader(b []byte) (err error) {
	format := 0
	r := wire.NewReader(b)
	for f, ok := r.Next(); ok; f, ok = r.Next() {
		switch f {
		case headFormat:
			format = int(r.Int())
		case headPositions:
			s.row = r.Bytes()
		case headMade:
			s.snapshot.Made = time.UnixMilli(r.Int()).UTC()
		case headStoreBytes:
			s.snapshot.StoreBytes = r.Int()
		}
	}
	switch {
	case r.Err() != nil || format < 1:
		return errNonsense
	case format > SnapshotFormat:
		return fmt.Errorf("the snapshot has format %d, and this program knows format %d: use the program that made it, or a newer one",
			format, SnapshotFormat)
	}
	s.row = append([]byte(nil), s.row...)
	if s.snapshot.Positions, _, err = parsePositions(s.row); err != nil {
		return errNonsense
	}
	if f := s.snapshot.Format; f != Format {
		return fmt.Errorf("the snapshot is of a store of format %d, and this program knows format %d: use the program that made it, "+
			"or another snapshot", f, Format)
	}
	return nil
}

// read fills b.
func (s *snapshotReader) read(b []byte) error {
	n, err := io.ReadFull(s.r, b)
	s.snapshot.Bytes += int64(n)
	s.whole.Write(b[:n]) // never fails
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errCut
	}
	if err != nil {
		return fmt.Errorf("read the snapshot: %w", err)
	}
	if s.progress != nil {
		s.progress(s.snapshot.Bytes)
	}
	return s.ctx.Err()
}

// frame is the next one's payload, until the next call.
func (s *snapshotReader) frame(most int) ([]byte, error) {
	var head [8]byte
	if err := s.read(head[:]); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(head[:])
	if n > uint32(most) {
		return nil, errNonsense
	}
	if cap(s.packed) < int(n) {
		s.packed = make([]byte, n)
	}
	s.packed = s.packed[:n]
	if err := s.read(s.packed); err != nil {
		return nil, err
	}
	if crc32.Checksum(s.packed, castagnoli) != binary.BigEndian.Uint32(head[4:]) {
		return nil, errChecksum
	}
	return s.packed, nil
}

// blocks calls f with the rows of each block, which are gone when it returns, and then checks the end.
func (s *snapshotReader) blocks(f func(rows []byte) error) (err error) {
	if s.unpacker, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxPacked)); err != nil {
		return err
	}
	defer s.unpacker.Close()
	var rows []byte
	for {
		packed, err := s.frame(maxPacked)
		if err != nil {
			return err
		}
		if len(packed) == 0 {
			return s.end()
		}
		if rows, err = s.unpacker.DecodeAll(packed, rows[:0]); err != nil {
			return errNonsense
		}
		if err := f(rows); err != nil {
			return err
		}
	}
}

// end reads the trailer. Nothing may follow it.
func (s *snapshotReader) end() error {
	got := &s.snapshot
	got.Sum = [sha256.Size]byte(s.whole.Sum(nil))
	trailer, err := s.frame(maxHeader)
	if err != nil {
		return err
	}
	var rows, rowBytes int64
	var sum []byte
	r := wire.NewReader(trailer)
	for f, ok := r.Next(); ok; f, ok = r.Next() {
		switch f {
		case tailRows:
			rows = r.Int()
		case tailRowBytes:
			rowBytes = r.Int()
		case tailSum:
			sum = r.Bytes()
		}
	}
	_, after := s.r.ReadByte()
	switch {
	case r.Err() != nil || after != io.EOF:
		return errNonsense
	case rows != got.Rows || rowBytes != got.RowBytes || string(sum) != string(got.Sum[:]):
		return errChecksum
	}
	return nil
}
