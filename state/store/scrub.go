package store

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/dgraph-io/badger/v4"
)

// scrub checks the tables that Badger writes, beside the work: what it has checked neither Close nor the next Open has to. And
// it goes round those that it has checked: of a block that was damaged since, Badger says that its rows are not there.
type scrub struct {
	dir   string
	opt   badger.Options
	every time.Duration
	whole sums       // the goroutine's, until that has ended
	turn  uint64     // the table at which again goes on
	found chan error // damage, once
	quit  context.Context
	leave context.CancelFunc
	ended chan struct{}
}

// There is a new list of what is to be checked so often; checking takes a tenth of a core at most.
const (
	scrubEvery  = 10 * time.Second
	scrubRest   = 9                      // times as long as a table took
	scrubAgain  = 64 << 20               // bytes of known tables that are read again each time, at least a table
	scrubFinish = 500 * time.Millisecond // is for what was written last; of a store that was restored just now it may be all
)

// startScrub goes on from what is known; it goes until stop.
func startScrub(c Config, whole sums) *scrub {
	s := newScrub(c, whole)
	s.whole.keep(s.dir)
	go s.run()
	return s
}

func newScrub(c Config, whole sums) *scrub {
	s := &scrub{dir: c.Dir, opt: badgerOptions(c), every: cmp.Or(c.scrub, scrubEvery), whole: sums{},
		found: make(chan error, 1), ended: make(chan struct{})}
	s.quit, s.leave = context.WithCancel(context.Background())
	maps.Copy(s.whole, whole)
	return s
}

func (s *scrub) run() {
	defer close(s.ended)
	for s.rest(s.every) {
		if err := s.round(); err != nil {
			s.found <- err
			return
		}
	}
}

// round checks the tables that are not known. The error is damage.
func (s *scrub) round() error {
	tables := s.unknown()
	for id, t := range tables {
		began := time.Now()
		if err := s.check(id, t); err != nil {
			return err
		}
		if !s.rest(scrubRest * time.Since(began)) {
			return nil
		}
	}
	if len(tables) > 0 {
		s.whole.keep(s.dir)
	}
	return s.again()
}

// again checks known tables by their sums, a few in their turn. The error is damage.
func (s *scrub) again() error {
	tables, err := listTables(s.dir, 0, s.opt)
	if err != nil {
		return nil // Badger is writing the list
	}
	ids := slices.Sorted(maps.Keys(s.whole))
	from, _ := slices.BinarySearch(ids, s.turn)
	bytes := uint64(0)
	for _, id := range slices.Concat(ids[from:], ids[:from]) {
		t, listed := tables[id]
		if !listed {
			continue
		}
		if bytes += s.whole[id].bytes; bytes > scrubAgain && id != s.turn {
			s.turn = id
			return nil
		}
		began := time.Now()
		if err := s.check(id, t); err != nil {
			return err
		}
		if !s.rest(scrubRest * time.Since(began)) {
			return nil
		}
	}
	return nil
}

// unknown is the tables to be checked; those that are gone are forgotten.
func (s *scrub) unknown() tableList {
	tables, err := listTables(s.dir, 0, s.opt)
	if err != nil {
		return nil // Badger is writing the list
	}
	maps.DeleteFunc(s.whole, func(id uint64, _ sum) bool { _, listed := tables[id]; return !listed })
	maps.DeleteFunc(tables, func(id uint64, _ badger.TableManifest) bool { _, known := s.whole[id]; return known })
	return tables
}

// check is an error if a table is damaged, and was not removed meanwhile.
func (s *scrub) check(id uint64, t badger.TableManifest) error {
	whole, err := checkTables(context.Background(), s.dir, tableList{id: t}, s.opt, s.whole)
	maps.Copy(s.whole, whole)
	if err = damaged(err); !errors.Is(err, ErrDamaged) {
		return nil
	}
	delete(s.whole, id)
	if _, listed := s.unknown()[id]; !listed {
		return nil
	}
	return err
}

// rest is false if the scrub is to end.
func (s *scrub) rest(d time.Duration) bool {
	select {
	case <-s.quit.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// damage is what was found, once: who gets it must not go on with the store.
func (s *scrub) damage() error {
	select {
	case err := <-s.found:
		return err
	default:
		return nil
	}
}

// stop waits for one table at most. It may be called again.
func (s *scrub) stop() {
	s.leave()
	<-s.ended
}

// finish checks, when Badger is closed, what was written last, as long as ctx allows. What is left, or is damaged, stays
// unknown, and the next Open checks it.
func (s *scrub) finish(ctx context.Context) {
	whole, _ := checkTables(ctx, s.dir, s.unknown(), s.opt, nil)
	maps.Copy(s.whole, whole)
	s.whole.keep(s.dir)
}
