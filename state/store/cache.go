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

// cache is customers in memory, decoded or, if they were not asked for in a while, as their rows. Those that differ from their rows on disk, or whose rows are on their way there, are
// pinned: to evict one and read it again would bring back an older customer. The others are in idle and may go.
type cache struct {
	customers map[events.CustomerID]*entry
	idle      entry // a ring: idle.newer is the oldest entry, idle.older the newest
	bytes     int64
	maxBytes  int64
	last      *entry // the entry handed out last; one of a walk need not be in customers
}

// entry is one customer of the cache and what is known of its rows.
type entry struct {
	id       events.CustomerID
	customer *state.Customer // nil while it is frozen
	frozen   []byte          // what AppendRow wrote
	used     bool            // asked for again since eviction last came by
	cached   bool
	dirty    bool // differs from its row
	flying   bool // its row is in flight
	fired    bool // indexed has come up and is to be replaced in the index

	row     int            // about the bytes of its row
	bytes   int            // of memory, when last measured
	stored  int            // sealed blocks that have rows, or rows in flight
	parts   parts          // where it lies on disk, or is in flight to
	indexed events.Instant // what the index on disk has, or in flight to it: never later than its horizon
	due     events.Instant // its horizon when last changed
	queued  events.Instant // a horizon of it that is near, Never if none is known to be

	older, newer *entry // in the ring of idle entries, while it is one
}

// overhead is about what an entry takes beside its customer.
const overhead = 256

// newRow is what the row of a customer who was never written is taken to be.
const newRow = 512

func (c *cache) init(maxBytes int64) {
	c.customers = map[events.CustomerID]*entry{}
	c.idle.older, c.idle.newer = &c.idle, &c.idle
	c.maxBytes = maxBytes
}

func (c *cache) rest(e *entry) {
	e.older, e.newer = c.idle.older, &c.idle
	e.older.newer, e.newer.older = e, e
}

func (c *cache) wake(e *entry) {
	e.older.newer, e.newer.older = e.newer, e.older
	e.older, e.newer = nil, nil
}

func (e *entry) pinned() bool { return e.dirty || e.flying }

// insert takes e into the cache, idle. Room is made before, so that e itself stays.
func (s *Store) insert(e *entry) {
	c := &s.cache
	c.bytes += int64(e.bytes)
	s.makeRoom()
	c.customers[e.id] = e
	e.cached = true
	c.rest(e)
}

// Resize changes Config.CacheBytes.
func (s *Store) Resize(bytes int64) {
	s.maxBytes = bytes
	s.makeRoom()
	s.metrics.cacheBytes.Set(float64(s.bytes))
}

// makeRoom makes idle customers smaller, oldest first, those asked for meanwhile in their second turn: first it forgets what
// of the timeline is on disk, which few events need; then he is frozen, which takes a third of the memory; then evicted.
func (s *Store) makeRoom() {
	c := &s.cache
	for c.bytes > c.maxBytes && c.idle.newer != &c.idle {
		e := c.idle.newer
		c.wake(e)
		switch {
		case e.used:
			e.used = false
			c.rest(e)
		case e.customer != nil:
			if !e.customer.Slim(s.blocks) {
				s.freeze(e)
			}
			c.measure(e)
			c.rest(e)
		default:
			delete(c.customers, e.id)
			e.cached = false
			c.bytes -= int64(e.bytes)
		}
	}
}

func (s *Store) freeze(e *entry) {
	s.buffer = e.customer.AppendRow(s.buffer[:0])
	e.customer, e.frozen = nil, bytes.Clone(s.buffer)
}

func (s *Store) thaw(e *entry) error {
	c, err := s.config.Table.Parse(e.id, e.frozen, s.blocks)
	if err = cmp.Or(s.unread, err); err != nil {
		return s.errUnread(err)
	}
	s.wake(e)
	e.customer, e.frozen = c, nil
	s.measure(e)
	s.makeRoom()
	s.rest(e)
	return nil
}

// measure asks again how much memory e takes, and returns by how much it grew.
func (c *cache) measure(e *entry) (grown int) {
	now := len(e.frozen) + len(e.id) + overhead
	if e.customer != nil {
		now = e.customer.Bytes() + overhead
	}
	grown = now - e.bytes
	e.bytes = now
	c.bytes += int64(grown)
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
			s.wake(e)
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

// read reads a customer from disk.
func (s *Store) read(id events.CustomerID) (*entry, error) {
	v := s.disk.view()
	defer v.discard()
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
		return nil, s.errUnread(err)
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
func (s *Store) readBlock(id events.CustomerID, n int, use func(block []byte) error) bool {
	v := s.disk.view()
	defer v.discard()
	b, err := v.get(blockKey(nil, id, n))
	if err == nil {
		s.metrics.blocks.Inc()
		err = use(b)
	}
	if err != nil && s.unread == nil {
		s.unread = s.errUnread(err)
	}
	return err == nil
}

func (e *entry) parse(t *state.Table, v view, id events.CustomerID, value []byte, blocks state.Blocks) error {
	indexed, row, p, err := parseRow(value)
	if err == nil && p.count > 0 {
		row, err = readParts(v, id, p)
	}
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
