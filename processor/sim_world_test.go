package processor

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"time"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state/store"
)

// The names of a simulation's app and topics.
const (
	simApp    = "sim"
	simInput  = "touchpoints"
	simOutput = "customer-events"
	simParked = "touchpoints.parked"
)

// simOdds are how often, of 1000 times, something goes wrong; each seed has its own.
type simOdds struct {
	crash  int // of a turn: its owner ends
	stop   int // of a turn: its owner is told to stop
	second int // of a turn: another owner starts beside
	freeze int // of a turn: its owner is not run for long
	leap   int // of a turn: a day or more passes in which nobody runs, and brokers forget
	quiet  int // of a turn: a day passes in which only members run, and there is nothing to say
	rules  int // of a turn: there is a newer rulebook, or a person puts one in force
	alien  int // of a turn: somebody else writes to the output
	expire int // of a turn: the coordinator forgets a transactional id
	read   int // of a request: it fails
	vague  int // of a request for a log's end: it tells an earlier one
	write  int // of a request: it is lost, unanswered or repeated
	ghost  int // of a crash: what was sent arrives all the same
	lost   int // of a start: the disk is empty
	rolled int // of a start: the disk is as at an earlier checkpoint
}

// simCount is what happened.
type simCount struct {
	turns, crashes, takeovers, seconds, stopped, frozen, leaps, quiets, ruled, aliens, expired, ghosts, lost, rolled, retired, repeated, aside, fired, withdrawn, met, vague int
}

// fields are the counts, in order.
func (c *simCount) fields() []*int {
	return []*int{&c.turns, &c.crashes, &c.takeovers, &c.seconds, &c.stopped, &c.frozen, &c.leaps, &c.quiets, &c.ruled, &c.aliens,
		&c.expired, &c.ghosts, &c.lost, &c.rolled, &c.retired, &c.repeated, &c.aside, &c.fired, &c.withdrawn, &c.met, &c.vague}
}

func (c *simCount) add(d *simCount) {
	for i, f := range c.fields() {
		*f += *d.fields()[i]
	}
}

// simWorld is one seed's simulation: a cluster, a driver that writes touchpoints, disks, and owners of shards, of which
// one at a time runs, from one request to the next. Everything follows from the seed.
type simWorld struct {
	*rand.Rand
	out    io.Writer // what happens, line by line; nil
	kafka  *simCluster
	boot   time.Duration // of the one machine that all owners run on
	driver *simDriver
	shards int
	mute   bool    // the first start is mute
	limits *limits // how much shards do at a time; nil: as usual, which the few customers here never reach
	alone  bool    // as is said of a process that is no member of a group
	newest int     // which of simRulebooks newer processes would believe by
	odds   simOdds
	calm   bool // nothing goes wrong any more
	disks  [][]*simDisk
	owners []*simOwner // that live
	member []*simOwner // by shard: whom membership names
	ghosts []func()    // requests whose senders are gone
	count  simCount
	fatal  error // what no owner may end with
	names  int
}

// simDisk is one instance's store of one shard.
type simDisk struct {
	memory *store.Memory
	owner  *simOwner // who has it open
}

const simDisks = 3

func newSimWorld(seed uint64, out io.Writer) *simWorld {
	r := rand.New(rand.NewPCG(seed, 0x746f756368))
	w := &simWorld{Rand: r, out: out, kafka: newSimCluster(1_750_000_000_000), shards: 1 + r.IntN(2), mute: r.IntN(3) == 0, alone: r.IntN(3) == 0}
	if r.IntN(2) == 0 {
		w.limits = &limits{dirty: r.IntN(20_000), pending: r.IntN(4000), due: 1 + r.IntN(3), walk: 1 + r.IntN(3), touched: r.IntN(4), refold: 1 + r.IntN(20), gather: r.IntN(3000), offer: 1 + r.IntN(2)}
		w.limits.ahead = 1 + w.limits.gather%3
	}
	if w.boot = time.Hour; r.IntN(4) == 0 {
		w.newest = len(simRulebooks) - 1
	}
	w.odds = simOdds{crash: r.IntN(30), stop: r.IntN(6), second: 2 + r.IntN(12), freeze: 5 + r.IntN(20), leap: r.IntN(3), expire: r.IntN(4) * r.IntN(3), quiet: r.IntN(8), rules: r.IntN(9), alien: r.IntN(6) / 4,
		read: r.IntN(4), vague: r.IntN(100), write: r.IntN(25), ghost: 500, lost: r.IntN(150), rolled: r.IntN(500)}
	for topic, n := range map[string]int{simInput: w.shards, simOutput: w.shards, simParked: 1} {
		w.kafka.create(topic, n)
	}
	w.driver = newSimDriver(r, w.shards)
	w.driver.tell = w.trace
	w.member = make([]*simOwner, w.shards)
	w.disks = make([][]*simDisk, w.shards)
	for i := range w.disks {
		for range simDisks {
			w.disks[i] = append(w.disks[i], &simDisk{memory: store.NewMemory()})
		}
	}
	return w
}

// mishap is true so many times in 1000, and never once it is calm.
func (w *simWorld) mishap(odds int) bool { return !w.calm && w.IntN(1000) < odds }

func (w *simWorld) trace(format string, args ...any) {
	if w.out != nil {
		fmt.Fprintf(w.out, format+"\n", args...)
	}
}

// run is the whole seed: trouble until all is written, then calm until all is said. It returns the violations.
func (w *simWorld) run() []string {
	defer w.endAll()
	if w.Rand.IntN(2) == 0 { // a past before the first start
		for range 1 + w.IntN(8) {
			w.driver.write(w.kafka, simInput)
			w.pass(events.Instant(w.IntN(int(20 * simMinute))))
		}
	}
	for least := 300 + w.IntN(500); (w.driver.left > 0 || w.count.turns < least) && w.fatal == nil; {
		if w.turn(); w.count.turns > 20_000 {
			return []string{"the world comes to no end"}
		}
	}
	if w.fatal == nil {
		w.settle()
	}
	if w.fatal != nil {
		return []string{"fatal: " + w.fatal.Error()}
	}
	at := make([]events.Instant, w.shards)
	for i, o := range w.member {
		at[i] = o.shard.at.Clock
	}
	return newSimReader(w).check(at)
}

// turn lets one thing happen.
func (w *simWorld) turn() {
	w.count.turns++
	switch x := w.IntN(100); {
	case x < 10:
		w.time()
	case x < 18 && w.driver.left > 0:
		w.driver.write(w.kafka, simInput)
	case x < 20 && len(w.ghosts) > 0:
		w.ghost()
	case w.mishap(w.odds.leap):
		w.leap()
	case w.mishap(w.odds.expire):
		w.expire()
	case w.mishap(w.odds.quiet):
		w.quiet()
	case w.mishap(w.odds.rules):
		w.rule()
	case w.mishap(w.odds.alien):
		w.alien()
	default:
		w.runOne()
	}
}

// runOne lets an owner run to its next request, or ends it there; a shard that nobody owns gets an owner first.
func (w *simWorld) runOne() {
	shard := events.ShardID(w.IntN(w.shards))
	if m := w.member[shard]; m == nil || m.done || w.mishap(w.odds.second) {
		w.start(shard)
		return
	}
	o := w.owners[w.IntN(len(w.owners))]
	switch {
	case o.frozen > w.count.turns:
	case w.mishap(w.odds.crash):
		o.crash()
	case w.mishap(w.odds.stop) && !o.told:
		o.told = true
		w.count.stopped++
		close(o.stopping)
	case w.mishap(w.odds.freeze):
		o.frozen = w.count.turns + 10 + w.IntN(400)
		w.count.frozen++
	default:
		o.run()
	}
}

// start makes an owner of a shard, on a disk that nobody has open.
func (w *simWorld) start(shard events.ShardID) {
	var free []*simDisk
	for _, d := range w.disks[shard] {
		if d.owner == nil {
			free = append(free, d)
		}
	}
	if m := w.member[shard]; m != nil && !m.done {
		w.count.seconds++
	}
	if len(free) == 0 { // one of the former ones ends
		o := w.disks[shard][w.IntN(simDisks)].owner
		o.crash()
		free = append(free, o.disk)
	}
	d := free[w.IntN(len(free))]
	switch n := d.memory.Versions(); {
	case n > 0 && w.mishap(w.odds.lost):
		d.memory.Wipe()
		w.count.lost++
	case n > 0 && w.mishap(w.odds.rolled):
		d.memory.RollBack(w.IntN(n + 1))
		w.count.rolled++
	}
	w.names++
	o := newSimOwner(w, fmt.Sprintf("o%d", w.names), shard, d)
	w.owners, w.member[shard] = append(w.owners, o), o
	w.count.takeovers++
	w.trace("%s starts on shard %d with checkpoint %d", o.name, shard, d.memory.Versions())
}

// ghost lets a request arrive whose sender is gone.
func (w *simWorld) ghost() {
	i := w.IntN(len(w.ghosts))
	arrives := w.ghosts[i]
	w.ghosts = append(w.ghosts[:i], w.ghosts[i+1:]...)
	w.count.ghosts++
	arrives()
}

// ended notes how an owner ended.
func (w *simWorld) ended(o *simOwner) {
	w.trace("%s has ended: %v", o.name, o.err)
	for i := range w.owners {
		if w.owners[i] == o {
			w.owners = append(w.owners[:i], w.owners[i+1:]...)
			break
		}
	}
	o.disk.owner = nil
	w.fatal = errors.Join(w.fatal, o.verdict())
}

func (w *simWorld) endAll() {
	for len(w.owners) > 0 {
		w.owners[0].crash()
	}
}

// settle lets all horizons pass, and once more owners come and go with few later steps that would heal what they leave
// undone. Then nothing goes wrong any more until the members have said all there is to say; former owners go on beside.
func (w *simWorld) settle() {
	for range 2 {
		w.pass(2 * simHour)
		for w.driver.left = w.IntN(5); w.driver.left > 0; {
			w.driver.write(w.kafka, simInput)
		}
		for range 20 + w.IntN(80) {
			w.runOne()
		}
	}
	w.calm = true
	w.pass(2 * simHour)
	for turn := 0; !w.settled(); turn++ {
		if turn > 20_000 {
			w.fatal = errors.New("the owners come to no end: " + w.state())
		}
		if w.fatal != nil {
			return
		}
		for p, m := range w.member {
			if m == nil || m.done {
				w.start(events.ShardID(p))
			}
		}
		if m := w.member[w.IntN(w.shards)]; w.IntN(4) > 0 {
			m.run()
		} else {
			w.owners[w.IntN(len(w.owners))].run()
		}
	}
}

func (w *simWorld) settled() bool {
	for _, m := range w.member {
		if m == nil || m.done || !m.settled() {
			return false
		}
	}
	return true
}

func (w *simWorld) state() (s string) {
	for _, m := range w.member {
		s += fmt.Sprintf("%s %+v ", m.name, m.shard.at)
	}
	return s
}
