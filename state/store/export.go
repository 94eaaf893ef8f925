package store

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"
	"sync"
	"time"

	"github.com/klauspost/compress/zstd"
)

// View is what one checkpoint left, pinned: the store goes on, and the view stays as it was. It keeps the store from
// being closed, so Close it soon.
type View struct {
	rows   view
	check  func() error // of the files that hold them; nil for none
	row    []byte       // of the positions
	at     Positions
	size   int64 // of the store, about
	open   *sync.WaitGroup
	closed sync.Once
}

// View pins what is on disk. It waits until nothing is in flight; called right before Checkpoint it hardly ever has to,
// and then it takes microseconds. It is the owner's to call; the view may then go to any one goroutine.
func (s *Store) View() (*View, error) {
	if err := s.wait(); err != nil {
		return nil, err
	}
	v := &View{rows: s.disk.view(), size: s.Size(), open: &s.views}
	s.views.Add(1)
	if d, ok := s.disk.(*badgerDisk); ok {
		v.check = d.db.VerifyChecksum
	}
	var err error
	if v.row, err = v.rows.get(positionsKey); err == nil {
		v.at, _, err = parsePositions(v.row)
	}
	switch {
	case errors.Is(err, errNoRow):
		err = errors.New("nothing was ever saved there")
	case err != nil:
		err = damaged(err)
	}
	if err != nil {
		v.Close()
		return nil, fmt.Errorf("view the store of shard %d in %s: %w", s.config.Shard, s.config.Dir, err)
	}
	return v, nil
}

// Positions are those of the checkpoint.
func (v *View) Positions() Positions { return v.at }

// Close lets go of it. Closing again does nothing; while Export runs it must not be called.
func (v *View) Close() {
	v.closed.Do(func() {
		v.rows.discard()
		v.open.Done()
	})
}

// Export writes the whole of it as a snapshot, which FORMAT.md describes: all rows in the order of their keys, as one
// read transaction sees them. It ends when ctx does, and closes nothing.
func (v *View) Export(ctx context.Context, w io.Writer) (*Snapshot, error) {
	s := &Snapshot{Positions: v.at, Made: time.Now().UTC().Truncate(time.Millisecond), StoreBytes: v.size}
	if err := v.sound(); err != nil {
		return nil, fmt.Errorf("export shard %d: %w", v.at.Shard, err)
	}
	e, err := newExport(w, s)
	if err != nil {
		return nil, err
	}
	e.frame(appendHeader(nil, s, v.row))
	err = v.rows.ascend(nil, nil, func(key, value []byte) (bool, error) {
		e.row(key, value)
		return true, errors.Join(e.err, ctx.Err())
	})
	e.end()
	if err = errors.Join(err, e.err); err != nil {
		return nil, fmt.Errorf("export shard %d: %w", v.at.Shard, err)
	}
	return s, nil
}

// sound makes sure that no rotten byte goes out under a good checksum: Badger does not compare its own when it reads.
func (v *View) sound() (err error) {
	if v.check == nil {
		return nil
	}
	defer guard(&err)
	defer faults()()
	return damaged(quiet(v.check()))
}

// export is a snapshot that is being written.
type export struct {
	w        io.Writer
	snapshot *Snapshot // counts
	whole    hash.Hash // of all bytes so far
	packer   *zstd.Encoder
	block    []byte // rows that no frame has yet
	packed   []byte // scratch
	err      error  // the first
}

func newExport(w io.Writer, s *Snapshot) (*export, error) {
	packer, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1), zstd.WithEncoderCRC(false))
	if err != nil {
		return nil, err
	}
	e := &export{w: w, snapshot: s, whole: sha256.New(), packer: packer}
	e.write([]byte(snapshotMagic))
	return e, nil
}

func (e *export) write(b []byte) {
	if e.err != nil {
		return
	}
	e.whole.Write(b) // never fails
	_, e.err = e.w.Write(b)
	e.snapshot.Bytes += int64(len(b))
}

// frame writes length, checksum and payload.
func (e *export) frame(payload []byte) {
	e.write(appendFrameHead(nil, payload))
	e.write(payload)
}

func (e *export) row(key, value []byte) {
	before := len(e.block)
	e.block = binary.AppendUvarint(e.block, uint64(len(key)))
	e.block = append(e.block, key...)
	e.block = binary.AppendUvarint(e.block, uint64(len(value)))
	e.block = append(e.block, value...)
	e.snapshot.Rows++
	e.snapshot.RowBytes += int64(len(e.block) - before)
	if len(e.block) >= blockBytes {
		e.flush()
	}
}

func (e *export) flush() {
	if len(e.block) == 0 {
		return
	}
	e.packed = e.packer.EncodeAll(e.block, e.packed[:0])
	e.frame(e.packed)
	e.block = e.block[:0]
}

func (e *export) end() {
	e.flush()
	e.frame(nil) // no more blocks
	e.snapshot.Sum = [sha256.Size]byte(e.whole.Sum(nil))
	e.frame(appendTrailer(nil, e.snapshot))
}
