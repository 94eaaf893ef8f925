package store

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"strings"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state"
)

// cache is customers in memory, decoded or, if they were not asked for in a while, frozen: as their rows. Those that differ
// from their rows on disk, or whose rows are on their way there, are pinned: to evict one and read it again would bring
// back an older customer. The others are in idle or frozen, and may be made smaller or go.
type cache struct {
	customers map[events.CustomerID]*entry
	idle      ring // decoded
	frozen    ring
	bytes     int64  // of all
	decoded   int64  // of the decoded ones
	maxBytes  int64  // half of it for decoded ones, which pinned ones may pass, half for the others
	last      *entry // the entry handed out last; one of a walk need not be in customers
}

// ring is entries in the order in which they were put in: newer is the oldest entry, older the newest.
type ring struct{ entry }

func (r *ring) init() { r.older, r.newer = &r.entry, &r.entry }

func (r *ring) oldest() *entry { return r.newer }

func (r *ring) empty() bool { return r.newer == &r.entry }

func (r *ring) put(e *entry) {
	e.older, e.newer = r.older, &r.entry
	e.older.newer, e.newer.older = e, e
}

// leave takes e out of the ring that it is in.
func (e *entry) leave() {
	e.older.newer, e.newer.older = e.newer, e.older
	e.older, e.newer = nil, nil
}

// entry is one customer of the cache and what is known of its rows.
type entry struct {
	id        events.CustomerID
	customer  *state.Customer // nil while it is frozen
	frozenRow []byte          // what AppendRow wrote
	used      bool            // asked for again since eviction last came by
	cached    bool
	dirty     bool // differs from its row
	flying    bool // its row is in flight
	fired     bool // indexed has come up and is to be replaced in the index

	row     int            // about the bytes of its row
	bytes   int            // of memory, when last measured
	stored  int            // sealed blocks that have rows, or rows in flight
	parts   parts          // where it lies on disk, or is in flight to
	indexed events.Instant // what the index on disk has, or in flight to it: never later than its horizon
	due     events.Instant // its horizon when last changed
	queued  events.Instant // a horizon of it that is near, Never if none is known to be

	older, newer *entry // in a ring, while it is not pinned
}

// overhead is about what an entry takes beside its customer.
const overhead = 256

// newRow is what the row of a customer who was never written is taken to be.
const newRow = 512

func (c *cache) init(maxBytes int64) {
	c.customers = map[events.CustomerID]*entry{}
	c.idle.init()
	c.frozen.init()
	c.maxBytes = maxBytes
}

func (e *entry) pinned() bool { return e.dirty || e.flying }

// insert takes e into the cache, idle. Room is made before, so that e itself stays.
func (s *Store) insert(e *entry) {
	c := &s.cache
	c.bytes, c.decoded = c.bytes+int64(e.bytes), c.decoded+int64(e.bytes)
	s.makeRoom()
	c.customers[e.id] = e
	e.cached = true
	c.idle.put(e)
}

// Resize changes Config.CacheBytes.
func (s *Store) Resize(bytes int64) {
	s.maxBytes = bytes
	s.makeRoom()
	s.metrics.cacheBytes.Set(float64(s.bytes))
}

// makeRoom makes customers smaller who were not asked for, oldest first: first it forgets what of the timeline is on disk,
// which few events need; then he is frozen, which takes a third of the memory; then evicted.
func (s *Store) makeRoom() {
	c := &s.cache
	for c.decoded > c.maxBytes/2 && !c.idle.empty() {
		e := c.idle.oldest()
		e.leave()
		if e.used {
			e.used = false
			c.idle.put(e)
			continue
		}
		if e.customer.Slim(s.blocks) {
			c.measure(e)
			c.idle.put(e)
			continue
		}
		s.freeze(e)
	}
	for c.bytes-c.decoded > c.maxBytes/2 && !c.frozen.empty() {
		e := c.frozen.oldest()
		e.leave()
		delete(c.customers, e.id)
		e.cached = false
		c.bytes -= int64(e.bytes)
	}
}

// freeze keeps of an entry in no ring its row only.
func (s *Store) freeze(e *entry) {
	s.buffer = e.customer.AppendRow(s.buffer[:0])
	s.decoded -= int64(e.bytes)
	s.bytes -= int64(e.bytes)
	e.customer, e.row, e.frozenRow = nil, len(s.buffer), bytes.Clone(s.buffer)
	e.bytes = len(e.frozenRow) + len(e.id) + overhead
	s.bytes += int64(e.bytes)
	s.frozen.put(e)
}

func (s *Store) thaw(e *entry) error {
	c, err := s.config.Table.Parse(e.id, e.frozenRow, s.blocks)
	if err = cmp.Or(s.unread, err); err != nil {
		return s.errUnread(err)
	}
	e.leave()
	s.decoded += int64(e.bytes)
	e.customer, e.frozenRow = c, nil
	s.measure(e)
	s.makeRoom()
	s.idle.put(e)
	return nil
}

// measure asks again how much memory e takes, which is decoded, and returns by how much it grew.
func (c *cache) measure(e *entry) (grown int) {
	now := e.customer.Bytes() + overhead
	grown = now - e.bytes
	e.bytes = now
	c.bytes, c.decoded = c.bytes+int64(grown), c.decoded+int64(grown)
	return grown
}

// Customer is the customer of that name: from the cache, else from disk, else a new one, which is not stored until it
// is changed. It is the caller's until the next call of any method but Changed; a changed one until the next
// Checkpoint. id may be part of a buffer that is used again.
func (s *Store) Customer(id events.CustomerID) (*state.Customer, error) {
	if e, ok := s.customers[id]; ok {
		s.metrics.hits.Inc()
		if e.customer == nil {
			if err := s.thaw(e); err != nil {
				return nil, err
			}
		}
		e.used = true
		s.last = e
		return e.customer, nil
	}
	if s.unread != nil {
		return nil, s.unread
	}
	s.metrics.misses.Inc()
	s.poll()
	e, err := s.read(events.CustomerID(strings.Clone(string(id))))
	if err != nil {
		return nil, err
	}
	s.insert(e)
	if e.due < e.indexed { // read with other features
		s.watch(e)
	}
	s.metrics.cacheBytes.Set(float64(s.bytes))
	s.last = e
	return e.customer, nil
}

// Changed says that c, handed out by the store, is another than its row: it stays in memory until a checkpoint with it
// is durable, and its horizon is known from now on.
func (s *Store) Changed(c *state.Customer) {
	e := s.last
	if e == nil || e.customer != c {
		e = s.customers[c.ID()]
	}
	if e == nil || e.customer != c {
		panic("store: a customer was changed that the store no longer holds") // a bug of ours: see Customer
	}
	if !e.cached {
		s.insert(e)
	}
	if !e.dirty {
		if !e.flying {
			e.leave()
		}
		if e.indexed == events.Never && e.due != events.Never { // he was read outdated, and is due for the first time
			s.pending++
		}
		e.dirty = true
		s.dirty = append(s.dirty, e)
		s.dirtyBytes += e.row
	}
	s.dirtyBytes += max(0, s.measure(e))
	s.watch(e)
}

// saved is the rows as they stood after the last commit that landed. All that is read one by one is read there: what was written
// since is pinned. It is kept, for to take a view of Badger's and to give it back has the owner wait for another goroutine each
// time, which took twice as long as the reading itself.
func (s *Store) saved() view {
	if s.kept == nil {
		s.kept = s.disk.view()
	}
	return s.kept
}

// release gives the kept view back: another is to be taken.
func (s *Store) release() {
	if s.kept != nil {
		s.kept.discard()
		s.kept = nil
	}
}

// read reads a customer from disk.
func (s *Store) read(id events.CustomerID) (*entry, error) {
	v := s.saved()
	value, err := v.get(customerKey(nil, id))
	if errors.Is(err, errNoRow) {
		value, err = nil, nil
	}
	if err != nil {
		return nil, s.errUnread(err)
	}
	return s.parse(v, id, value)
}

// parse makes a customer of the value of his row, of which it keeps nothing; of none a new one. v has what belongs to it.
func (s *Store) parse(v view, id events.CustomerID, value []byte) (*entry, error) {
	e := &entry{id: id, row: newRow, indexed: events.Never}
	if value == nil {
		e.customer = s.config.Table.New(id)
	} else if err := e.parse(s.config.Table, v, id, value, s.blocks); err != nil {
		return nil, cmp.Or(s.unread, s.errUnread(err))
	}
	if s.unread != nil {
		return nil, s.unread
	}
	e.due, e.queued = e.customer.Due(), e.indexed // which is queued already if it is near
	e.bytes = e.customer.Bytes() + overhead
	return e, nil
}

func (s *Store) errUnread(err error) error {
	return fmt.Errorf("read a customer from the store of shard %d in %s: %w", s.config.Shard, s.config.Dir, damaged(err))
}

// Err is what went wrong when parts of customers that were handed out were read later. After that nothing of them is to be
// believed.
func (s *Store) Err() error { return s.unread }

// readBlock is a state.Blocks.
func (s *Store) readBlock(id events.CustomerID, n int, place uint64, use func(block []byte) error) bool {
	b, err := s.saved().get(blockKey(nil, id, n, place))
	if err == nil {
		s.metrics.blocks.Inc()
		b, err = unpackBlock(b)
	}
	if err == nil {
		err = use(b)
	}
	if err != nil && s.unread == nil {
		s.unread = s.errUnread(err)
	}
	return err == nil
}

func (e *entry) parse(t *state.Table, v view, id events.CustomerID, value []byte, blocks state.Blocks) error {
	indexed, row, p, err := wholeRow(v, id, value)
	if err != nil {
		return err
	}
	c, err := t.Parse(id, row, blocks)
	if err != nil {
		return err
	}
	e.customer, e.row, e.stored, e.parts, e.indexed = c, len(row), c.Sealed(), p, indexed
	return nil
}
