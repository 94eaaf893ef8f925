package rules

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state"
)

// Config is what a book is compiled with.
type Config struct {
	Book     *Book
	Calendar *state.Calendar // of the business zone
	Zones    *state.Zones    // of customers
	Currency events.Currency // of the business
	Figures  []state.Figure  // of the features before this one
	// Since is from when on triggers were in force before; one that is not there is from Now on.
	Since state.Since
	Now   events.Instant
}

// program is a book compiled: the pieces of state that its leaves read, each once, and the rules over them. It is never
// modified after that, and every shard may use it.
type program struct {
	Config
	pieces   []piece
	keys     []uint64            // of the pieces, as they are written
	ordered  []int32             // the pieces by key
	byType   [][]int32           // the pieces that match events of a type
	byName   map[string][]int32  // of a name that is no type's
	all      []int32             // of any name
	wanted   [][]int32           // by type: the pieces that events of the world may meet
	asks     []uint64            // of those pieces
	latest   [][2]state.Duration // until when such an event may change what is said: one after the other
	traits   int32               // the piece of the traits
	segments []*segment          // each behind those that it asks for
	index    map[string]*segment // the segments by key
	readers  readers
	tracked  []condition // to be followed through time, each behind those that it asks for
	triggers []*trigger
	edges    [][]int32 // by what is tracked: the triggers that happen when it becomes another
	basis    string
	views    *sync.Pool
}

// segmentOf is the segment of an id that is there.
func (p *program) segmentOf(id string) *segment {
	return p.segments[slices.IndexFunc(p.segments, func(g *segment) bool { return g.id == id })]
}

// readers are who depends on what.
type readers struct {
	ofPiece []reader // by piece
	onType  []reader // by type: on a figure that folds it
	atStart reader   // on who began when
	stamped []stamped
}

// stamped is a figure that tells whether it was changed, and who depends on it.
type stamped struct {
	figure *state.Figure
	reader
}

// reader is segments, and what is followed: by the index of what is tracked, and behind those of the trigger.
type reader struct {
	segments set
	followed []int32
}

// A piece is what is kept of the events that match something. Leaves that need the same share it.
type piece interface {
	// key says what is kept of which events: equal keys are one piece, and no other has that key.
	key() string
	names() []string
	zero() any
	// fold takes an event of one of the names, which is v.state.now.
	fold(v *view, s any, e *events.Event) change
	append(b []byte, s any) []byte
	parse(b []byte, c *state.Calendar) (any, error)
}

// change is what became of a piece.
type change int

const (
	same change = iota // nothing
	kept               // it is another, but nothing that is asked of it now
	told               // it is another
)

// toldIf is told or same.
func toldIf(is bool) change {
	if is {
		return told
	}
	return same
}

// pieceKey is a key as it is written: the first 8 bytes, big endian, of SHA-256.
func pieceKey(text string) uint64 {
	sum := sha256.Sum256([]byte(text))
	return binary.BigEndian.Uint64(sum[:])
}

// compiler makes a program of a book, and notes what is wrong with it.
type compiler struct {
	*program
	rule   string
	faults []Fault
	places map[string]int32 // pieces by key
	figure map[string]*state.Figure
	known  map[string]*segment
	users  []uses // by segment
	follow []uses // by what is tracked
	on     []uses // by trigger: of what makes it happen
	uses   uses   // of the rule that is being compiled
	said   *traits
	partly bool // something of the book could not be read
	lacks  bool // nor of the condition that is being compiled
}

// uses is on what a condition depends.
type uses struct {
	pieces  []int32
	types   []events.Type // of events that figures fold
	stamped []*state.Figure
	any     bool // on every event
	// everybody: on the first event and on the first order.
	everybody bool
}

// join adds what another condition depends on, each once: segments that name segments would double it at each step.
func (u *uses) join(o *uses) {
	u.pieces, u.types, u.stamped = united(u.pieces, o.pieces), united(u.types, o.types), united(u.stamped, o.stamped)
	u.any, u.everybody = u.any || o.any, u.everybody || o.everybody
}

// united is a, and behind it what only b has.
func united[V comparable](a, b []V) []V {
	for _, x := range b {
		if !slices.Contains(a, x) {
			a = append(a, x)
		}
	}
	return a
}

func (c *compiler) fault(at Place, format string, args ...any) {
	c.faults = append(c.faults, Fault{At: at, Rule: c.rule, Text: fmt.Sprintf(format, args...)})
}

// missing notes a fault that may follow from what could not be read, and then says nothing.
func (c *compiler) missing(at Place, format string, args ...any) {
	if !c.lacks {
		c.fault(at, format, args...)
	}
}

// lacking compiles what is only a part.
func (c *compiler) lacking(compile func()) {
	before := c.lacks
	c.lacks = true
	compile()
	c.lacks = before
}

// piece is the index of p, or of the one that was there with its key.
func (c *compiler) piece(p piece) int32 {
	key := p.key()
	i, known := c.places[key]
	if !known {
		i = int32(len(c.pieces))
		c.places[key] = i
		c.pieces = append(c.pieces, p)
	}
	if !slices.Contains(c.uses.pieces, i) {
		c.uses.pieces = append(c.uses.pieces, i)
	}
	return i
}

// texts joins texts so that different lists are different texts.
func texts(all []string) string {
	words := make([]any, len(all))
	for i, t := range all {
		words[i] = t
	}
	return canonical(words...)
}

// canonical joins words so that different lists are different texts.
func canonical(words ...any) string {
	var b strings.Builder
	for _, w := range words {
		text := fmt.Sprint(w)
		fmt.Fprintf(&b, "%d:%s ", len(text), text) // no quotes: those of what lies deep within would double at each level
	}
	return b.String()
}
