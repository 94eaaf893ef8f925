package store

import (
	"bytes"
	"errors"
	"fmt"
	"hash/maphash"
	"iter"
)

// A Memory is a disk without files, for simulations: opening it costs next to nothing, a checkpoint on it is committed
// before Checkpoint returns, and it remembers every checkpoint. It outlives its Stores, as a disk does: one that is left
// without Close has crashed. Whatever uses a Memory or a Store on it, it is one goroutine at a time.
type Memory struct {
	// Hook, if it is set, is called in each stage of a commit. Its error breaks the commit off there; it may also panic.
	Hook func(CommitStage) error

	seed     maphash.Seed
	now      *node   // as it is, which may be in the middle of a checkpoint
	versions []*node // as it was after each checkpoint
	owner    int     // the last Store opened, the only one that may commit
}

// CommitStage says how far the commit of a checkpoint is.
type CommitStage int

// The stages of a commit.
const (
	BeforeCommit CommitStage = iota // nothing is written
	DuringCommit                    // the rows are there, the positions are still the former ones
	AfterCommit                     // all is written, though an error from here on says that it is not
)

// NewMemory is an empty disk.
func NewMemory() *Memory { return &Memory{seed: maphash.MakeSeed()} }

// OpenOn opens the store on a disk without files, or makes a new one; c.Dir is not used. A Store that was opened on it
// before can no longer commit.
func OpenOn(m *Memory, c Config) (*Store, error) {
	c.Dir = "memory"
	m.owner++
	s, err := newStore(c, &memoryDisk{m, m.owner})
	if err != nil {
		return nil, fmt.Errorf("open the store of shard %d in memory: %w", c.Shard, err)
	}
	s.inline = true
	return s, nil
}

// Versions is how many checkpoints were committed on m since it was empty; those rolled back do not count.
func (m *Memory) Versions() int { return len(m.versions) }

// Positions are those of the version-th checkpoint, counted from 1.
func (m *Memory) Positions(version int) Positions {
	p, _, err := parsePositions(m.versions[version-1].find(positionsKey).value)
	if err != nil {
		panic("store: what was just written cannot be read") // a bug of ours
	}
	return p
}

// RollBack makes m what it was after the version-th checkpoint, of 0 empty, and forgets the later ones. A Store that is
// open on it can no longer commit.
func (m *Memory) RollBack(version int) {
	m.owner++
	m.versions, m.now = m.versions[:version:version], nil
	if version > 0 {
		m.now = m.versions[version-1]
	}
}

// Wipe empties m, as a lost disk is.
func (m *Memory) Wipe() { m.RollBack(0) }

func (m *Memory) stage(s CommitStage) error {
	if m.Hook == nil {
		return nil
	}
	return m.Hook(s)
}

// memoryDisk is a Memory as one Store has it open.
type memoryDisk struct {
	*Memory
	owner int
}

// memoryView is a version, or the middle of a commit.
type memoryView struct{ *node }

func (d *memoryDisk) view() view { return memoryView{d.now} }

func (v memoryView) discard() {}

func (v memoryView) get(key []byte) ([]byte, error) {
	if n := v.find(key); n != nil {
		return n.value, nil
	}
	return nil, errNoRow
}

func (v memoryView) ascend(prefix, from []byte, f func(key, value []byte) (bool, error)) error {
	if bytes.Compare(from, prefix) < 0 {
		from = prefix
	}
	_, err := v.node.ascend(from, func(key, value []byte) (bool, error) {
		if !bytes.HasPrefix(key, prefix) {
			return false, nil
		}
		return f(key, value)
	})
	return err
}

func (d *memoryDisk) commit(writes iter.Seq[write], positions []byte) error {
	if d.owner != d.Memory.owner {
		return errors.New("the memory was opened anew or rolled back")
	}
	if err := d.stage(BeforeCommit); err != nil {
		return err
	}
	for w := range writes {
		if w.delete {
			d.now = d.now.without(w.key)
		} else {
			d.now = d.set(w.key, w.value)
		}
	}
	if err := d.stage(DuringCommit); err != nil {
		return err
	}
	d.now = d.set(positionsKey, positions)
	d.versions = append(d.versions, d.now)
	return d.stage(AfterCommit)
}

func (d *memoryDisk) set(key, value []byte) *node {
	return d.now.with(&node{key: key, value: value, weight: maphash.Bytes(d.seed, key)})
}

func (d *memoryDisk) size() int64   { return 0 }
func (d *memoryDisk) tables() []int { return nil }
func (d *memoryDisk) close() error  { return nil }

// node is a tree of rows that is never modified: a version. It is in order of the keys, and no node weighs more than
// the one above it; since weights are random that keeps it low (Seidel, Aragon: Randomized Search Trees, 1996).
type node struct {
	key, value  []byte
	weight      uint64
	left, right *node
}

func (n *node) find(key []byte) *node {
	for n != nil {
		switch c := bytes.Compare(key, n.key); {
		case c < 0:
			n = n.left
		case c > 0:
			n = n.right
		default:
			return n
		}
	}
	return nil
}

// with is n and x, in the place of the row of that key if there is one.
func (n *node) with(x *node) *node {
	if n == nil {
		return x
	}
	up := *n
	switch c := bytes.Compare(x.key, n.key); {
	case c < 0:
		if up.left = n.left.with(x); up.left.weight > up.weight { // up.left is new, so it may be modified
			top := up.left
			up.left, top.right = top.right, &up
			return top
		}
	case c > 0:
		if up.right = n.right.with(x); up.right.weight > up.weight {
			top := up.right
			up.right, top.left = top.left, &up
			return top
		}
	default:
		up.value = x.value
	}
	return &up
}

func (n *node) without(key []byte) *node {
	if n.find(key) == nil {
		return n
	}
	up := *n
	switch c := bytes.Compare(key, n.key); {
	case c < 0:
		up.left = n.left.without(key)
	case c > 0:
		up.right = n.right.without(key)
	default:
		return join(n.left, n.right)
	}
	return &up
}

// join is both, of which all of a come before all of b.
func join(a, b *node) *node {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	case a.weight > b.weight:
		up := *a
		up.right = join(a.right, b)
		return &up
	default:
		up := *b
		up.left = join(a, b.left)
		return &up
	}
}

func (n *node) ascend(from []byte, f func(key, value []byte) (bool, error)) (more bool, err error) {
	if n == nil {
		return true, nil
	}
	if bytes.Compare(n.key, from) < 0 {
		return n.right.ascend(from, f)
	}
	if more, err = n.left.ascend(from, f); err != nil || !more {
		return false, err
	}
	if more, err = f(n.key, n.value); err != nil || !more {
		return false, err
	}
	return n.right.ascend(from, f)
}
