// Package store keeps one shard's customers: rows in a Badger DB, or in a Memory, and over them a bounded cache of decoded
// customers and the near part of the index of horizons. As against package state it knows files, not what a customer
// is. Its one rule: a store is a cache of (log, output topic). Every row says what it includes, so a store may roll
// back to any earlier checkpoint, or to the middle of one, and folding on from its positions gives the same again.
//
// FORMAT.md describes every byte on disk.
package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/dgraph-io/badger/v4"
	"github.com/rs/zerolog"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state"
)

// ErrNone: no store is where OpenReadOnly looks.
var ErrNone = errors.New("there is none")

// Config configures a Store.
type Config struct {
	Dir        string         // the shard's own folder; made if it is not there
	Shard      events.ShardID // whose store it is
	Table      *state.Table   // the features whose states the rows hold
	CacheBytes int64          // of decoded customers in memory; changed ones count, but stay beyond it
	DiskBytes  int64          // about what Badger takes of memory while it writes all the time, at rest an eighth; at least 100 MiB
	Log        zerolog.Logger
	Metrics    *Metrics // of all shards of the process; nil for none
	Restored   bool     // Restore has just made it in this process, and checked all that is in it: the tables are not read again

	boot  string        // of tests: the id of this boot
	scrub time.Duration // of tests: what scrubEvery is else
}

// A Store is one shard's store. One goroutine owns it and calls its methods; only the writing of a checkpoint runs
// beside it.
type Store struct {
	config  Config
	disk    disk
	metrics shardMetrics

	at         Positions
	number     uint64 // of the last checkpoint
	exists     bool
	rolledBack bool
	unread     error        // see Err
	blocks     state.Blocks // readBlock
	kept       view         // see saved

	cache
	horizons
	checkpoints
	interests
	readOnly, closed bool
	views            sync.WaitGroup // of the disk, that others hold beside the owner
}

// Open opens the store in a folder, or makes a new one. An error says what can be done.
func Open(c Config) (*Store, error) {
	s, err := open(c)
	if err != nil {
		return nil, fmt.Errorf("open the store of shard %d in %s: %w", c.Shard, c.Dir, err)
	}
	return s, nil
}

// OpenReadOnly opens the store of a process that was stopped, to look at it: there must be one, and Checkpoint fails. It
// does write: what the process had no time to put in order is put in order, as at its next start.
func OpenReadOnly(c Config) (*Store, error) {
	there, err := hasStore(c.Dir)
	if err != nil {
		return nil, fmt.Errorf("open the store of shard %d: %w", c.Shard, err)
	}
	if !there {
		return nil, fmt.Errorf("open the store of shard %d: %w in %s; is this the store.dir that run uses?", c.Shard, ErrNone, c.Dir)
	}
	s, err := Open(c)
	if errors.Is(err, ErrDamaged) {
		return nil, fmt.Errorf("%w; it is a cache of the topics: touchfold run sets it aside and takes the shard over without it", err)
	}
	if err != nil {
		return nil, err
	}
	s.readOnly = true
	return s, nil
}

// hasStore: a store is in the folder, or what is left of one.
func hasStore(dir string) (bool, error) {
	files, err := os.ReadDir(dir)
	if err != nil && noFolder(err) {
		return false, nil
	}
	return slices.ContainsFunc(files, func(f os.DirEntry) bool {
		return f.Name() == badger.ManifestFilename || f.Name() == markName || filepath.Ext(f.Name()) == tableSuffix
	}), err
}

func open(c Config) (*Store, error) {
	d, err := openDisk(c)
	if err != nil {
		return nil, err
	}
	s, err := newStore(c, d)
	if err != nil {
		d.close()
		return nil, err
	}
	s.rolledBack = d.rolledBack
	return s, nil
}

func newStore(c Config, d disk) (*Store, error) {
	s := &Store{config: c, disk: d, metrics: c.Metrics.shard(c.Shard)}
	if err := s.readPositions(); err != nil {
		return nil, err
	}
	var err error
	if s.left, err = s.leftovers(); err != nil {
		return nil, err
	}
	s.blocks = s.readBlock
	s.cache.init(c.CacheBytes)
	s.horizons.init(slab)
	s.checkpoints.commit, s.checkpoints.partSize = s.write, partSize
	s.metrics.storeBytes.Set(float64(s.Size()))
	return s, nil
}

// Dir is the store's folder.
func (s *Store) Dir() string { return s.config.Dir }

// Positions are those of the last checkpoint handed over; exists is false if there never was one.
func (s *Store) Positions() (p Positions, exists bool) { return s.at, s.exists }

// MayHaveRolledBack says that the machine stopped, and not only the process, since the store was opened last, so that the
// last checkpoints may be missing. For the log only: the positions went back with them.
func (s *Store) MayHaveRolledBack() bool { return s.rolledBack }

// Size is how many bytes the sorted tables and the value log take on disk. What was written last, up to 7 MiB
// or so, lies beside them.
func (s *Store) Size() (bytes int64) { return s.disk.size() }

// Close waits until nothing is in flight and nobody holds a view, and closes the store; changes since the last checkpoint
// are lost. The error may be that of the last commit. Closing again does nothing, but after ErrUnclosed.
func (s *Store) Close() error {
	if s.closed {
		return nil
	}
	s.closed = true
	flown := s.wait()
	s.release()
	s.views.Wait()
	err := s.disk.close()
	if s.closed = !errors.Is(err, ErrUnclosed); !s.closed {
		return fmt.Errorf("close the store of shard %d in %s: %w", s.config.Shard, s.config.Dir, err)
	}
	if flown != nil {
		return flown
	}
	if err != nil {
		return fmt.Errorf("close the store of shard %d: %w", s.config.Shard, err)
	}
	return nil
}
